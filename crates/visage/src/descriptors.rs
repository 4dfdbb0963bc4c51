//! File descriptors: each connection takes one, and so does each file that is read or written.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Descriptors for everything but connections: the database, pictures, standard streams.
const OTHERS: u64 = 256;

/// How many connections and arriving bodies there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Each is one descriptor.
    pub connections: usize,
    /// Each is written to a temporary file: another descriptor.
    pub bodies: usize,
}

/// Raises the process's own limit as far as it may. Returns how much fits under it, at most `wanted`.
pub fn make_room(wanted: Room) -> Room {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let before = limit.current;
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(error = %error, "the limit of open files could not be raised");
            limit.current = before;
        }
    }
    let fitting = fitting(limit.current, wanted);
    if fitting != wanted {
        tracing::warn!(
            limit = limit.current,
            connections = fitting.connections,
            bodies = fitting.bodies,
            "the limit of open files (ulimit -n) is too low for http.connections and http.bodies; fewer are served at once"
        );
    }
    fitting
}

/// How much of what is wanted fits under the limit, one of each at least. A fifth of what is there is for bodies.
fn fitting(limit: Option<u64>, wanted: Room) -> Room {
    let room = limit.map_or(u64::MAX, |limit| limit.saturating_sub(OTHERS));
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if wanted.connections.saturating_add(wanted.bodies) <= room {
        return wanted;
    }
    let bodies = wanted.bodies.min((room / 5).max(1));
    Room {
        connections: wanted.connections.min(room.saturating_sub(bodies).max(1)),
        bodies,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limit: Option<u64>, connections: usize, bodies: usize) {
        let wanted = Room {
            connections: 4096,
            bodies: 1024,
        };
        assert_eq!(fitting(limit, wanted), Room { connections, bodies }, "{limit:?}");
    }

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        check(None, 4096, 1024);
        check(Some(1_048_576), 4096, 1024);
        check(Some(OTHERS + 5120), 4096, 1024);
        check(Some(OTHERS + 5119), 4096, 1023);
        check(Some(1024), 615, 153);
        check(Some(64), 1, 1);
    }
}
