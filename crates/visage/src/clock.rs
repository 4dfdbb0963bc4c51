//! The one source of the current time, so that tests can turn it.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

/// Tells the time, and lets it pass.
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// The current instant.
    fn now(&self) -> Timestamp;

    /// Waits between two tries of one act.
    async fn pause(&self, duration: Duration);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the Clock everybody else asks")]
    fn now(&self) -> Timestamp {
        later(Timestamp::now(), turned_by())
    }

    async fn pause(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Says by how many seconds the machine's clock is turned on, as often as it is asked.
#[cfg(debug_assertions)]
static TURNED_BY: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();

/// Turns the machine's clock on by the seconds that this file says from now on: tests of the real program do not wait for
/// hours to pass. Only in debug builds.
pub fn turn_by(file: &str) {
    #[cfg(debug_assertions)]
    if TURNED_BY.set(file.into()).is_err() {
        tracing::warn!("the clock is turned already");
    }
    #[cfg(not(debug_assertions))]
    tracing::warn!(file, "the clock can be turned in debug builds only");
}

#[cfg(debug_assertions)]
fn turned_by() -> Duration {
    let seconds = TURNED_BY.get().and_then(|file| {
        let text = std::fs::read_to_string(file).ok()?;
        text.trim().parse().ok()
    });
    Duration::from_secs(seconds.unwrap_or_default())
}

#[cfg(not(debug_assertions))]
fn turned_by() -> Duration {
    Duration::ZERO
}

/// A clock that stands still until it is moved. Nobody waits by it.
#[derive(Debug)]
pub struct FixedClock(Mutex<Timestamp>);

impl FixedClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = later(*now, by);
    }

    /// Turns the clock, be it back.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = now;
    }
}

#[async_trait]
impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn pause(&self, _duration: Duration) {
        tokio::task::yield_now().await;
    }
}

/// `time` plus `by`, or the end of time when that is sooner.
pub fn later(time: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| time.checked_add(by).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Whether `period` has passed since `since`. When that is yet to come, the clock was wrong once, and nobody is to wait for it.
pub fn has_passed(period: Duration, since: Timestamp, now: Timestamp) -> bool {
    now < since || now >= later(since, period)
}

/// `time` minus `by`, or the beginning of time when that is later.
pub fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| time.checked_sub(by).ok())
        .unwrap_or(Timestamp::MIN)
}
