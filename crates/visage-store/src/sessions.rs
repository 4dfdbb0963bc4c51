//! When the sessions of an account were ended, and what that says of a token.

use jiff::Timestamp;

use crate::users::{Role, User};

/// Which tokens of an account are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sessions {
    /// The number that tokens of visage carry; 0 until sessions are ended for the first time.
    pub epoch: i64,
    /// When sessions were last ended.
    pub ended_at: Option<Timestamp>,
}

impl Sessions {
    /// Whether a token with this `epoch` and `iat` was made after the sessions were ended.
    ///
    /// The epoch alone decides where there is one: it tells apart what happens within one second, and no clock matters.
    /// A token without (the Node backend's, or of an earlier release) has whole seconds only, so that one of the same
    /// second counts as made before.
    pub fn accept(&self, epoch: Option<i64>, issued_at_seconds: i64) -> bool {
        match epoch {
            Some(epoch) => epoch == self.epoch,
            None => self
                .ended_at
                .is_none_or(|ended_at| issued_at_seconds > ended_at.as_second()),
        }
    }
}

/// What decides whether a user's token is good, in one read of the user's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountState {
    /// What the user may do.
    pub role: Role,
    /// Whether the user has proved to own the e-mail address.
    pub is_verified: bool,
    /// Whether the user is shut out.
    pub suspended: bool,
    /// Which tokens are good.
    pub sessions: Sessions,
}

impl From<&User> for AccountState {
    fn from(user: &User) -> Self {
        Self {
            role: user.role,
            is_verified: user.is_verified,
            suspended: user.suspended,
            sessions: user.sessions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_without_an_epoch_are_judged_by_their_second() {
        let ended_at = Some(Timestamp::from_millisecond(100_500).unwrap());
        let sessions = Sessions { epoch: 7, ended_at };
        for (epoch, issued_at, expected) in [
            (Some(7), 0, true),
            (Some(7), 100, true),
            (Some(6), 101, false),
            (Some(0), 101, false),
            (None, 99, false),
            (None, 100, false),
            (None, 101, true),
        ] {
            assert_eq!(sessions.accept(epoch, issued_at), expected, "{epoch:?} {issued_at}");
        }
    }

    #[test]
    fn sessions_never_ended_accept_every_token_of_before() {
        let sessions = Sessions::default();
        assert!(sessions.accept(None, 0) && sessions.accept(Some(0), 0));
        assert!(!sessions.accept(Some(1), i64::MAX));
    }
}
