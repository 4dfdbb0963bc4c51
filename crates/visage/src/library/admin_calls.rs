//! Counts calls of the Admin API, as Cloudinary does: so many in an hour.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Calls in the hour under way.
#[derive(Debug)]
pub struct AdminCalls {
    limit: u64,
    hour: Mutex<Hour>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Hour {
    begin: i64,
    calls: u64,
}

/// How many calls are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Calls in an hour.
    pub limit: u64,
    /// Calls that are left of them.
    pub remaining: u64,
    /// When the next hour begins.
    pub reset_at: Timestamp,
    /// Whether this call was one too many.
    pub exceeded: bool,
}

impl AdminCalls {
    /// Allows `limit` calls in an hour.
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            hour: Mutex::default(),
        }
    }

    /// Counts a call.
    pub fn count(&self, now: Timestamp) -> Rate {
        self.with(now, |hour| hour.calls = hour.calls.saturating_add(1))
    }

    /// Says how things are without counting.
    pub fn state(&self, now: Timestamp) -> Rate {
        self.with(now, |_| {})
    }

    fn with(&self, now: Timestamp, change: impl FnOnce(&mut Hour)) -> Rate {
        let begin = now.as_second() - now.as_second().rem_euclid(3600);
        let mut hour = self.hour.lock().unwrap_or_else(PoisonError::into_inner);
        if hour.begin != begin {
            *hour = Hour { begin, calls: 0 };
        }
        change(&mut hour);
        let next = Timestamp::from_second(begin)
            .ok()
            .and_then(|begin| begin.checked_add(SignedDuration::from_hours(1)).ok());
        Rate {
            limit: self.limit,
            remaining: self.limit.saturating_sub(hour.calls),
            reset_at: next.unwrap_or(now),
            exceeded: hour.calls > self.limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_so_many_calls_and_the_next_one_as_many_again() {
        let calls = AdminCalls::new(2);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(!calls.count(at("2024-01-01T10:00:00Z")).exceeded);
        assert!(!calls.count(at("2024-01-01T10:30:00Z")).exceeded);
        let third = calls.count(at("2024-01-01T10:59:59Z"));
        assert!(third.exceeded);
        assert_eq!((third.remaining, third.reset_at), (0, at("2024-01-01T11:00:00Z")));
        assert_eq!(calls.count(at("2024-01-01T11:00:00Z")).remaining, 1);
    }
}
