//! A user as the application keeps it (`app-contract.md`, sections 5.2 and 7).

use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization as _;
use visage_cloudinary::Secret;

use crate::ids::{EntryId, Sha256, UserId};
use crate::sessions::Sessions;

/// How many entries of a weight history are kept.
pub const MAX_WEIGHT_ENTRIES: usize = 1_000;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Its own things.
    User,
    /// Everything.
    Admin,
}

impl Role {
    /// The word in documents and tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::User, Self::Admin].into_iter().find(|role| role.as_str() == text)
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Its name for programs.
    pub id: UserId,
    /// Its name for people.
    pub name: String,
    /// Trimmed and in lower case; no other user has it.
    pub email: String,
    /// A bcrypt hash.
    pub password_hash: Secret,
    /// What it may do.
    pub role: Role,
    /// Whether it proved that the email is its own.
    pub is_verified: bool,
    /// Whether it is shut out.
    pub suspended: bool,
    /// The URL that pages show.
    pub profile_image: Option<String>,
    /// The public id behind it; pictures from before the media host have a URL only.
    pub cloudinary_id: Option<String>,
    /// The one-time password that verifies its email.
    pub otp: Option<Otp>,
    /// The password reset under way.
    pub reset_token: Option<ResetToken>,
    /// What it told about itself.
    pub profile: ProfileDetails,
    /// Its weights, oldest first.
    pub weight_history: Vec<WeightEntry>,
    /// Which trainer it would like.
    pub trainer_preference: String,
    /// Which of its tokens are good.
    pub sessions: Sessions,
    /// When it joined.
    pub joining_date: Timestamp,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a user told about itself. As changes: what is given replaces what is there, the rest stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProfileDetails {
    /// Kilograms.
    pub weight: Option<f64>,
    /// Centimetres.
    pub height: Option<f64>,
    /// Free text from here on.
    pub gender: Option<String>,
    /// Date of birth.
    pub dob: Option<String>,
    /// Why it joined.
    pub purpose: Option<String>,
    /// What it wants in the end.
    pub fitness_goal: Option<String>,
    /// What it wants next.
    pub short_term_goal: Option<String>,
    /// What its trainer should know.
    pub health_issues: Option<String>,
}

/// One weighing.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightEntry {
    /// Its name.
    pub id: EntryId,
    /// When.
    pub date: Timestamp,
    /// Kilograms.
    pub weight: f64,
}

/// A user to be.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Its name for people.
    pub name: String,
    /// Any letter case.
    pub email: String,
    /// A bcrypt hash.
    pub password_hash: Secret,
    /// What it may do.
    pub role: Role,
    /// `true` where no verification is wanted.
    pub is_verified: bool,
    /// The one-time password that verifies its email.
    pub otp: Option<Otp>,
}

/// A one-time password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otp {
    /// The digits.
    pub code: Secret,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// A password reset under way. Only the token's hash is kept, so a stolen database resets no passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetToken {
    /// SHA-256 of the token.
    pub sha256: Sha256,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// A one-time password to be tried.
#[derive(Debug, Clone)]
pub struct OtpCheck {
    /// Any letter case.
    pub email: String,
    /// The digits.
    pub code: Secret,
    /// After this many wrong attempts the right one is refused as well.
    pub max_attempts: u32,
}

/// What became of a one-time password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtpOutcome {
    /// The email is verified.
    Verified,
    /// It is not the one that was sent, or none was sent.
    Invalid,
    /// Its time is up, or its attempts are.
    Expired,
    /// No user has this email.
    UserGone,
}

/// A change of an email address that waits for its one-time password.
#[derive(Debug, Clone)]
pub struct EmailChange {
    /// Any letter case.
    pub email: String,
    /// The one-time password that was sent there.
    pub otp: Otp,
}

/// What became of the one-time password for a change of the email address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailChangeOutcome {
    /// The address is changed.
    Changed {
        /// The address before.
        old_email: String,
    },
    /// It is not the one that was sent.
    Invalid,
    /// Its time is up, or its attempts are.
    Expired,
    /// No change waits.
    NotPending,
}

/// An email as it is kept and compared: one address, however its letters and their accents are written.
pub fn normalize_email(email: &str) -> String {
    email.trim().to_lowercase().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself() {
        let otp = Otp {
            code: Secret::new("123456"),
            expires_at: Timestamp::UNIX_EPOCH,
        };
        assert!(!format!("{otp:?}").contains("123456"));
        assert_eq!(otp.code.expose(), "123456");
    }

    #[test]
    fn an_email_is_kept_trimmed_and_in_lower_case() {
        assert_eq!(normalize_email(" Asha.Rao@Example.COM\n"), "asha.rao@example.com");
    }

    #[test]
    fn accents_of_an_email_are_composed() {
        let composed = "andr\u{e9}@example.com";
        for email in [
            composed,
            "Andre\u{301}@example.com",
            "ANDR\u{c9}@example.com",
            "ANDRE\u{301}@example.com",
        ] {
            assert_eq!(normalize_email(email), composed, "{email:?}");
        }
        // The sign for kelvin is a letter k in lower case; mail goes to the address that is kept, never to what was typed.
        assert_eq!(normalize_email("\u{212a}ai@example.com"), "kai@example.com");
        for email in ["\u{130}x@example.com", "\u{1e9e}@example.com", "\u{3a3}@example.com"] {
            let once = normalize_email(email);
            assert_eq!(normalize_email(&once), once, "{email:?}");
        }
    }
}
