//! File descriptors: each connection takes one, and so does each file that is read or written.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Descriptors for everything but connections: the database, pictures, standard streams.
const OTHERS: u64 = 256;

/// Raises the process's own limit as far as it may. Returns how many connections fit under it, at most `wanted`.
pub fn make_room(wanted: usize) -> usize {
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
    if fitting < wanted {
        tracing::warn!(
            limit = limit.current,
            connections = fitting,
            "the limit of open files (ulimit -n) is too low for http.connections; fewer are served at once"
        );
    }
    fitting
}

/// How many of the `wanted` connections fit under the limit; always one.
fn fitting(limit: Option<u64>, wanted: usize) -> usize {
    let room = limit.map_or(u64::MAX, |limit| limit.saturating_sub(OTHERS).max(1));
    wanted.min(usize::try_from(room).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        assert_eq!(fitting(None, 4096), 4096);
        assert_eq!(fitting(Some(1_048_576), 4096), 4096);
        assert_eq!(fitting(Some(1024), 4096), 768);
        assert_eq!(fitting(Some(64), 4096), 1);
    }
}
