//! A circuit breaker: who does not answer is left alone for a while, and then asked once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{Clock, later};

/// Counts failures in a row.
#[derive(Debug)]
pub struct Breaker {
    clock: Arc<dyn Clock>,
    failures: u32,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures_in_a_row: u32,
    /// While it is open: when it may be tried again.
    open_until: Option<Timestamp>,
}

/// Whether requests go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// They do.
    Closed,
    /// One may, to see whether it is answered.
    HalfOpen,
    /// They do not.
    Open,
}

impl BreakerState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

impl Breaker {
    /// One that opens for `pause` after so many failures in a row.
    pub fn new(failures: u32, pause: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            failures,
            pause,
            state: Mutex::default(),
        }
    }

    /// How it stands.
    pub fn state(&self) -> BreakerState {
        match self.lock().open_until {
            None => BreakerState::Closed,
            Some(until) if until > self.clock.now() => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// Lets a request through, or says after how long to come again. The first one after a pause is the trial: until it
    /// has ended, or another pause is over, no other goes through.
    ///
    /// # Errors
    /// The time to wait.
    pub fn enter(&self) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut state = self.lock();
        match state.open_until {
            None => Ok(()),
            Some(until) if until > now => Err(until.duration_since(now).unsigned_abs()),
            Some(_) => {
                state.open_until = Some(later(now, self.pause));
                Ok(())
            }
        }
    }

    /// A request was answered, whatever the answer.
    pub fn answered(&self) {
        let mut state = self.lock();
        if state.open_until.is_some() {
            tracing::info!("the media host answers again");
        }
        *state = State::default();
    }

    /// A request was not answered, or with a failure of the other side.
    pub fn failed(&self) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.failures_in_a_row = state.failures_in_a_row.saturating_add(1);
        if state.failures_in_a_row >= self.failures {
            if state.open_until.is_none() {
                tracing::error!(
                    failures = state.failures_in_a_row,
                    "the media host is left alone for a while"
                );
            }
            state.open_until = Some(later(now, self.pause));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FixedClock;

    const PAUSE: Duration = Duration::from_secs(10);

    fn breaker() -> (Breaker, Arc<FixedClock>) {
        let clock = Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH));
        (Breaker::new(3, PAUSE, clock.clone()), clock)
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_not_before() {
        let (breaker, _) = breaker();
        breaker.failed();
        breaker.failed();
        breaker.answered();
        breaker.failed();
        breaker.failed();
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!(breaker.enter(), Ok(()));
        breaker.failed();
        assert_eq!(breaker.state(), BreakerState::Open);
        assert_eq!(breaker.enter(), Err(PAUSE));
    }

    #[test]
    fn after_the_pause_one_request_finds_out() {
        let (breaker, clock) = breaker();
        (0..3).for_each(|_| breaker.failed());
        clock.advance(PAUSE);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert_eq!(breaker.enter(), Ok(()));
        assert!(breaker.enter().is_err(), "one is enough");
        breaker.failed();
        assert_eq!(breaker.state(), BreakerState::Open);
        clock.advance(PAUSE);
        assert_eq!(breaker.enter(), Ok(()));
        breaker.answered();
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!(breaker.enter(), Ok(()));
    }

    #[test]
    fn a_trial_that_never_ends_does_not_close_the_way_for_ever() {
        let (breaker, clock) = breaker();
        (0..3).for_each(|_| breaker.failed());
        clock.advance(PAUSE);
        assert_eq!(breaker.enter(), Ok(()));
        clock.advance(PAUSE);
        assert_eq!(breaker.enter(), Ok(()));
    }
}
