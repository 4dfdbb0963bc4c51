//! Waiting for something that must come true.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine with a slow disk. It says only how late it is told that something hangs.
const PATIENCE: Duration = Duration::from_secs(900);

/// Looks until there is something to be seen.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "this did not come true within {PATIENCE:?}: {what}"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

/// Tells threads that it is over.
#[derive(Default)]
pub(crate) struct Over(AtomicBool);

/// Sets its [`Over`] when it is dropped, so that the other threads end also when a check has failed.
pub(crate) struct Guard<'a>(&'a Over);

impl Over {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn guard(&self) -> Guard<'_> {
        Guard(self)
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}
