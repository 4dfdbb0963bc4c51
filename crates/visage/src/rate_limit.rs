//! Bounds attempts on the password routes, per account more tightly than per address: many people may share an address.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::config::RateLimitConfig;

/// Keys that are remembered before those that no longer matter are forgotten.
const MAX_KEYS: usize = 100_000;

/// Counts attempts.
#[derive(Debug)]
pub struct AttemptLimits {
    accounts: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

/// Too many attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Too many attempts. Please try again in {} seconds.", .retry_after.as_secs().max(1))]
pub struct TooManyAttempts {
    /// How long to wait.
    pub retry_after: Duration,
}

impl AttemptLimits {
    /// The limits of the settings.
    pub fn new(config: &RateLimitConfig) -> Self {
        Self {
            accounts: RateLimiter::keyed(quota(config.account_per_minute, config.account_burst)),
            addresses: RateLimiter::keyed(quota(config.address_per_minute, config.address_burst)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts one attempt on `account` (an e-mail or an id, in any letter case) from `address`.
    ///
    /// # Errors
    /// [`TooManyAttempts`] when either has made too many.
    pub fn check(&self, account: &str, address: IpAddr) -> Result<(), TooManyAttempts> {
        if self.accounts.len() > MAX_KEYS {
            self.accounts.retain_recent();
        }
        if self.addresses.len() > MAX_KEYS {
            self.addresses.retain_recent();
        }
        let wait = |until: governor::NotUntil<_>| TooManyAttempts {
            retry_after: until.wait_time_from(self.clock.now()),
        };
        self.addresses.check_key(&address).map_err(wait)?;
        let account: String = account.trim().chars().take(254).flat_map(char::to_lowercase).collect();
        self.accounts.check_key(&account).map_err(wait)
    }
}

fn quota(per_minute: u32, burst: u32) -> Quota {
    let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(burst))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn an_account_has_its_burst_in_any_letter_case_and_another_account_has_its_own() {
        let limits = AttemptLimits::new(&RateLimitConfig {
            account_burst: 2,
            account_per_minute: 1,
            ..RateLimitConfig::default()
        });
        assert!(limits.check("A@b.c", HERE).is_ok());
        assert!(limits.check("a@B.c ", HERE).is_ok());
        let refused = limits.check("a@b.c", HERE).unwrap_err();
        assert!(refused.retry_after > Duration::from_secs(30));
        assert!(limits.check("other@b.c", HERE).is_ok());
    }

    #[test]
    fn an_address_is_bounded_over_all_accounts() {
        let limits = AttemptLimits::new(&RateLimitConfig {
            address_burst: 3,
            address_per_minute: 1,
            ..RateLimitConfig::default()
        });
        for n in 0..3 {
            assert!(limits.check(&n.to_string(), HERE).is_ok());
        }
        assert!(limits.check("3", HERE).is_err());
    }
}
