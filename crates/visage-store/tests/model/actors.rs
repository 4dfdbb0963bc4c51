//! Who does what next.

use crate::world::{
    Committed, GRACE, LAST_TICK, Mutation, PICTURES, Pending, Picture, Protocol, Reaper, World, Writer,
};

/// What happened, and the world after it.
pub(crate) type Step = (&'static str, World);

/// Everything that can happen next.
pub(crate) fn steps(world: &World, protocol: Protocol) -> Vec<Step> {
    let mut steps = Vec::new();
    for index in 0..world.writers.len() {
        writer(world, protocol, index, &mut steps);
        media_host(world, index, &mut steps);
    }
    if !world.deleted {
        push(&mut steps, world, "the delete commits", |world| world.delete(protocol));
    }
    reaper(world, protocol, &mut steps);
    if world.now < LAST_TICK && may_tick(world, protocol) {
        push(&mut steps, world, "time passes", World::tick);
    }
    steps
}

fn push(steps: &mut Vec<Step>, world: &World, what: &'static str, act: impl FnOnce(&mut World)) {
    let mut next = world.clone();
    act(&mut next);
    steps.push((what, next));
}

/// One of two texts, by writer.
fn say(index: usize, texts: [&'static str; 2]) -> &'static str {
    texts[index]
}

fn writer(world: &World, protocol: Protocol, index: usize, steps: &mut Vec<Step>) {
    let (new, state) = (index + 1, world.writers[index]);
    if state == Writer::Stopped {
        return;
    }
    push(
        steps,
        world,
        say(index, ["A crashes or gives up", "B crashes or gives up"]),
        |world| {
            world.writers[index] = Writer::Stopped;
        },
    );
    let what = say(index, ["A goes on", "B goes on"]);
    match state {
        Writer::Waiting { seen, begun_at } => {
            if world.host[new] {
                let what = say(
                    index,
                    ["A hears that its upload arrived", "B hears that its upload arrived"],
                );
                push(steps, world, what, |world| {
                    world.writers[index] = Writer::Uploaded { seen, begun_at }
                });
            } else if world.in_flight[new].is_some() && protocol.has(Mutation::ReleaseOnTimeout) {
                push(steps, world, what, |world| world.writers[index] = Writer::Failed);
            }
        }
        // A deadline: nothing is sent any more when the grace is over.
        Writer::Begun { begun_at, .. } if late(world, protocol, begun_at) => {}
        _ => push(steps, world, what, |world| {
            world.writers[index] = advance(world, protocol, new, state);
        }),
    }
}

fn late(world: &World, protocol: Protocol, begun_at: u8) -> bool {
    world.now > begun_at + GRACE && !protocol.has(Mutation::UploadOutlivesGrace)
}

/// The writer's next act; returns where it is then.
fn advance(world: &mut World, protocol: Protocol, new: Picture, state: Writer) -> Writer {
    match state {
        Writer::Start if protocol.is_posted(new) => Writer::Saw(None),
        Writer::Start => Writer::Saw(world.picture),
        Writer::Saw(seen) => {
            let begun_at = world.now;
            world.pending[new] = Some(Pending {
                replaces: seen,
                begun_at,
            });
            Writer::Begun { seen, begun_at }
        }
        Writer::Begun { seen, begun_at } => {
            world.in_flight[new] = Some(begun_at);
            Writer::Waiting { seen, begun_at }
        }
        Writer::Uploaded { seen, begun_at } if protocol.has(Mutation::DestroyOldFirst) => {
            if let Some(old) = seen {
                world.host[old] = false;
            }
            Writer::OldDestroyed { seen, begun_at }
        }
        Writer::Uploaded { .. } if protocol.has(Mutation::CommitInSeveralWrites) && !protocol.is_posted(new) => {
            check_pending(world, new)
        }
        Writer::Uploaded { seen, begun_at } | Writer::OldDestroyed { seen, begun_at } => {
            commit(world, protocol, new, seen, begun_at)
        }
        Writer::Checked if !world.user_exists => Writer::Failed,
        Writer::Checked => Writer::UserWritten(world.show(new)),
        Writer::UserWritten(old) => {
            world.retire(protocol, old);
            world.pending[new] = None;
            Writer::Stopped
        }
        Writer::Failed => {
            world.settle_one(protocol, new);
            Writer::Stopped
        }
        Writer::Waiting { .. } | Writer::Stopped => state,
    }
}

fn check_pending(world: &World, new: Picture) -> Writer {
    if world.pending[new].is_some() {
        Writer::Checked
    } else {
        Writer::Stopped
    }
}

fn commit(world: &mut World, protocol: Protocol, new: Picture, seen: Option<Picture>, begun_at: u8) -> Writer {
    let committed = if protocol.is_posted(new) {
        world.publish(protocol, new)
    } else {
        world.commit(protocol, new, seen)
    };
    match committed {
        Committed::Yes => Writer::Stopped,
        Committed::UserGone => Writer::Failed,
        Committed::PendingGone => {
            world.refused_in_time |= world.now <= begun_at + GRACE;
            Writer::Stopped
        }
    }
}

/// An upload on its way arrives, or never will; the writer, if it still listens, hears a refusal.
fn media_host(world: &World, index: usize, steps: &mut Vec<Step>) {
    let new = index + 1;
    if world.in_flight[new].is_none() {
        return;
    }
    push(
        steps,
        world,
        say(index, ["A's upload arrives", "B's upload arrives"]),
        |world| {
            world.in_flight[new] = None;
            world.host[new] = true;
        },
    );
    push(
        steps,
        world,
        say(index, ["A's upload is refused", "B's upload is refused"]),
        |world| {
            world.in_flight[new] = None;
            if matches!(world.writers[index], Writer::Waiting { .. }) {
                world.writers[index] = Writer::Failed;
            }
        },
    );
}

fn reaper(world: &World, protocol: Protocol, steps: &mut Vec<Step>) {
    if world.reaper != Reaper::Idle {
        push(steps, world, "the reaper crashes and starts again", |world| {
            world.reaper = Reaper::Idle;
        });
    }
    match world.reaper {
        Reaper::Idle => push(steps, world, "the reaper settles", |world| {
            world.settle_pending(protocol);
            world.reaper = Reaper::Settled;
        }),
        Reaper::Settled => push(steps, world, "the reaper removes posts", |world| {
            if !protocol.has(Mutation::PostsGoLast) {
                world.remove_expired_posts(protocol);
            }
            world.reaper = Reaper::Removed;
        }),
        Reaper::Removed => push(steps, world, "the reaper lists", |world| {
            world.reaper = next(world.due());
        }),
        Reaper::Listed(due) => {
            for picture in (0..PICTURES).filter(|picture| due[*picture]) {
                push(steps, world, "the reaper claims", |world| {
                    claim(world, protocol, picture, due);
                });
            }
        }
        Reaper::Claimed(picture, rest) => push(steps, world, "the reaper destroys", |world| {
            world.host[picture] = false;
            world.reaper = Reaper::Destroyed(picture, rest);
        }),
        Reaper::Destroyed(picture, rest) => push(steps, world, "the reaper drops the row", |world| {
            world.expired[picture] = None;
            world.reaper = next(rest);
        }),
    }
}

fn claim(world: &mut World, protocol: Protocol, picture: Picture, due: [bool; PICTURES]) {
    let mut rest = due;
    rest[picture] = false;
    world.reaper = if world.claim(protocol, picture) {
        Reaper::Claimed(picture, rest)
    } else {
        next(rest)
    };
}

fn next(due: [bool; PICTURES]) -> Reaper {
    if due.contains(&true) {
        Reaper::Listed(due)
    } else {
        Reaper::Idle
    }
}

/// An upload that is still on its way when its grace is over does not exist: that is the deadline.
fn may_tick(world: &World, protocol: Protocol) -> bool {
    let in_time = |begun_at: u8| world.now < begun_at + GRACE;
    protocol.has(Mutation::UploadOutlivesGrace) || world.in_flight.iter().flatten().all(|begun_at| in_time(*begun_at))
}
