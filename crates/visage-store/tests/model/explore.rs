//! Every state that can be reached, each once.

use std::collections::HashSet;

use crate::actors::{Step, steps};
use crate::world::{Protocol, World};

/// What an exploration found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// How many states were looked at.
    pub(crate) states: usize,
    /// In how many of them everything had stopped.
    pub(crate) ended: usize,
    /// The first violation.
    pub(crate) violation: Option<&'static str>,
    /// What led to it.
    pub(crate) steps: Vec<&'static str>,
}

impl Found {
    /// What led to the violation.
    pub(crate) fn story(&self) -> String {
        self.steps.join(", ")
    }
}

/// Looks at everything, or until something is wrong.
pub(crate) fn explore(protocol: Protocol) -> Found {
    search(protocol, |_| true)
}

/// Looks at everything, or until this very thing is wrong.
pub(crate) fn explore_for(protocol: Protocol, expected: &str) -> Found {
    search(protocol, |violation| violation == expected)
}

/// Depth first; a frame is what can still happen after the steps before it.
fn search(protocol: Protocol, wanted: impl Fn(&str) -> bool) -> Found {
    let mut found = Found::default();
    let mut seen = HashSet::new();
    let mut frames: Vec<Vec<Step>> = vec![vec![("in the beginning", World::new())]];
    while let Some(frame) = frames.last_mut() {
        let Some((what, world)) = frame.pop() else {
            frames.pop();
            found.steps.pop();
            continue;
        };
        found.states += 1;
        found.steps.push(what);
        let violation = look(&world, protocol, &mut found.ended);
        if violation.is_some_and(&wanted) {
            found.violation = violation;
            return found;
        }
        let mut next = steps(&world, protocol);
        next.retain(|(_, world)| seen.insert(world.clone()));
        frames.push(next);
    }
    found
}

/// What is wrong here and now, or would be in the end if nothing but the reaper ran from here on.
fn look(world: &World, protocol: Protocol, ended: &mut usize) -> Option<&'static str> {
    let now = world.violation();
    if now.is_some() || !world.has_ended() {
        return now;
    }
    *ended += 1;
    world.clone().violation_in_the_end(protocol)
}
