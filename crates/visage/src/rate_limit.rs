//! Bounds attempts on the password routes, per account more tightly than per address: many people may share an address. And
//! bounds what one user changes: pictures and posts take room and time that belong to everybody.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use visage_store::UserId;

use crate::config::RateLimitConfig;
use crate::shares::Client;

/// How many times as many attempts an account may get from all addresses together as from one: nobody locks somebody else
/// out with a few guesses, and guessing from many addresses is bounded all the same.
const ALL_ADDRESSES: u32 = 10;

/// One-time passwords that are made for one e-mail address at once, and then per hour. Each of them bears ten guesses, so that they
/// bound how soon a stranger guesses right; and each is a mail.
const CODES_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
const CODES_PER_HOUR: NonZeroU32 = NonZeroU32::MIN.saturating_add(5);

/// Counts attempts.
#[derive(Debug)]
pub struct AttemptLimits {
    accounts_here: DefaultKeyedRateLimiter<(String, IpAddr)>,
    accounts: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    registrations: DefaultKeyedRateLimiter<IpAddr>,
    codes: DefaultKeyedRateLimiter<String>,
    changes: DefaultKeyedRateLimiter<UserId>,
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
        let all = |n: u32| n.saturating_mul(ALL_ADDRESSES);
        Self {
            accounts_here: RateLimiter::keyed(quota(config.account_per_minute, config.account_burst)),
            accounts: RateLimiter::keyed(quota(all(config.account_per_minute), all(config.account_burst))),
            addresses: RateLimiter::keyed(quota(config.address_per_minute, config.address_burst)),
            registrations: RateLimiter::keyed(quota(config.registrations_per_minute, config.registrations_burst)),
            codes: RateLimiter::keyed(Quota::per_hour(CODES_PER_HOUR).allow_burst(CODES_BURST)),
            changes: RateLimiter::keyed(quota(config.changes_per_minute, config.changes_burst)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts one attempt on `account` (an e-mail or an id, in any letter case) from `address`.
    ///
    /// # Errors
    /// [`TooManyAttempts`] when the address, or the account from there or from everywhere, has had too many.
    pub fn check(&self, account: &str, address: IpAddr) -> Result<(), TooManyAttempts> {
        let wait = |until| self.wait(&until);
        let address = network(address);
        self.addresses.check_key(&address).map_err(wait)?;
        let account: String = account.trim().chars().take(254).flat_map(char::to_lowercase).collect();
        self.accounts_here
            .check_key(&(account.clone(), address))
            .map_err(wait)?;
        self.accounts.check_key(&account).map_err(wait)
    }

    /// Counts one registration from `address`: each leaves a user behind, whatever the e-mail.
    ///
    /// # Errors
    /// [`TooManyAttempts`] when the address has had too many.
    pub fn check_registration(&self, address: IpAddr) -> Result<(), TooManyAttempts> {
        let address = network(address);
        self.registrations
            .check_key(&address)
            .map_err(|until| self.wait(&until))
    }

    /// Counts one one-time password that is made for `email`, from all addresses together.
    ///
    /// # Errors
    /// [`TooManyAttempts`] when it has had too many.
    pub fn check_code(&self, email: &str) -> Result<(), TooManyAttempts> {
        self.codes
            .check_key(&email.to_owned())
            .map_err(|until| self.wait(&until))
    }

    /// Counts one change by `user`.
    ///
    /// # Errors
    /// [`TooManyAttempts`] when the user has made too many.
    pub fn check_change(&self, user: &UserId) -> Result<(), TooManyAttempts> {
        self.changes.check_key(user).map_err(|until| self.wait(&until))
    }

    fn wait(&self, until: &governor::NotUntil<<DefaultClock as governor::clock::Clock>::Instant>) -> TooManyAttempts {
        TooManyAttempts {
            retry_after: until.wait_time_from(self.clock.now()),
        }
    }

    /// Forgets those who have made no attempt for a while. The reaper calls it.
    pub fn forget_old(&self) {
        self.accounts_here.retain_recent();
        self.accounts.retain_recent();
        self.addresses.retain_recent();
        self.registrations.retain_recent();
        self.codes.retain_recent();
        self.changes.retain_recent();
    }
}

/// Bounds how many images that are not made yet one address may ask for.
#[derive(Debug)]
pub struct RenderLimit {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

/// Too many new images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Too many new transformations for your address. Ask again in {} seconds; what was made already is delivered.", .retry_after.as_secs().max(1))]
pub struct TooManyRenders {
    /// How long to wait.
    pub retry_after: Duration,
}

impl RenderLimit {
    /// The limit of the settings.
    pub fn new(config: &RateLimitConfig) -> Self {
        Self {
            addresses: RateLimiter::keyed(quota(config.renders_per_minute, config.renders_burst)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts one new image for `client`.
    ///
    /// # Errors
    /// [`TooManyRenders`] when the client has had too many.
    pub fn check(&self, client: Client) -> Result<(), TooManyRenders> {
        if !client.is_bounded() {
            return Ok(());
        }
        let checked = self.addresses.check_key(&client.network());
        checked.map_err(|until| TooManyRenders {
            retry_after: until.wait_time_from(self.clock.now()),
        })
    }

    /// Forgets those who have asked for none for a while. The reaper calls it.
    pub fn forget_old(&self) {
        self.addresses.retain_recent();
    }
}

/// What counts as one address: of IPv6, the first 64 bits, because that is the least that one customer is given.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        },
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
    fn guesses_from_elsewhere_do_not_lock_the_owner_out() {
        let config = RateLimitConfig {
            account_burst: 2,
            ..RateLimitConfig::default()
        };
        let limits = AttemptLimits::new(&config);
        let elsewhere = "198.51.100.7".parse().unwrap();
        while limits.check("a@b.c", elsewhere).is_ok() {}
        assert!(limits.check("a@b.c", HERE).is_ok());
        for n in 0..30_u8 {
            let _one_of_many = limits.check("a@b.c", [203, 0, 113, n].into());
        }
        assert!(
            limits.check("a@b.c", HERE).is_err(),
            "all addresses together are bounded, too"
        );
    }

    #[test]
    fn an_ipv6_customer_is_one_address() {
        let one = network("2001:db8:1:2:3:4:5:6".parse().unwrap());
        assert_eq!(one, network("2001:db8:1:2:ffff::1".parse().unwrap()));
        assert_ne!(one, network("2001:db8:1:3::1".parse().unwrap()));
        assert_eq!(network("::ffff:127.0.0.1".parse().unwrap()), HERE);
    }

    #[test]
    fn registrations_are_bounded_per_address_and_ipv6_network() {
        let limits = AttemptLimits::new(&RateLimitConfig {
            registrations_burst: 2,
            registrations_per_minute: 1,
            ..RateLimitConfig::default()
        });
        for (address, expected) in [
            ("192.0.2.1", true),
            ("192.0.2.1", true),
            ("192.0.2.1", false),
            ("192.0.2.2", true),
            ("2001:db8::1", true),
            ("2001:db8::2", true),
            ("2001:db8::3", false),
            ("2001:db8:0:1::1", true),
        ] {
            let found = limits.check_registration(address.parse().unwrap());
            assert_eq!(found.is_ok(), expected, "{address}");
            assert!(found.map_or_else(|refused| refused.retry_after > Duration::from_secs(30), |()| true));
        }
    }

    #[test]
    fn codes_for_an_email_are_bounded_over_all_addresses() {
        let limits = AttemptLimits::new(&RateLimitConfig::default());
        for _ in 0..10 {
            assert!(limits.check_code("a@b.c").is_ok());
        }
        assert!(limits.check_code("a@b.c").unwrap_err().retry_after > Duration::from_secs(500));
        assert!(limits.check_code("b@b.c").is_ok());
    }

    #[test]
    fn a_user_has_so_many_changes_and_another_user_has_its_own() {
        let limits = AttemptLimits::new(&RateLimitConfig {
            changes_burst: 2,
            changes_per_minute: 1,
            ..RateLimitConfig::default()
        });
        let [one, other] =
            ["6b03a0b1c2d3e4f5a6b7c8d9", "6b03a0b1c2d3e4f5a6b7c8da"].map(|id| UserId::parse(id).unwrap());
        assert!(limits.check_change(&one).is_ok() && limits.check_change(&one).is_ok());
        assert!(limits.check_change(&one).unwrap_err().retry_after > Duration::from_secs(30));
        assert!(limits.check_change(&other).is_ok());
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

    #[test]
    fn address_has_its_burst_of_new_images_and_another_has_its_own() {
        let limit = RenderLimit::new(&RateLimitConfig {
            renders_burst: 2,
            renders_per_minute: 1,
            ..RateLimitConfig::default()
        });
        let [one, other] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(|address| Client::at(address.into()));
        assert!(limit.check(one).is_ok() && limit.check(one).is_ok());
        assert!(limit.check(one).unwrap_err().retry_after > Duration::from_secs(30));
        assert!(limit.check(other).is_ok());
        let proxy = Client::at(HERE);
        assert!((0..10).all(|_| limit.check(proxy).is_ok()));
    }
}
