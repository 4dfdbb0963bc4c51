//! The names of things: random ids, the recipe of a derived blob, a SHA-256.
//!
//! Every type here is checked where it is made and trusted afterwards; none of them can hold a path separator.

use std::fmt;

use data_encoding::HEXLOWER;
use jiff::Timestamp;

/// Why a text is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid {kind}")]
pub struct IdError {
    kind: &'static str,
    text: String,
}

impl IdError {
    pub(crate) fn new(kind: &'static str, text: &str) -> Self {
        Self {
            kind,
            text: shorten(text),
        }
    }
}

/// Bytes that are written as lower-case hexadecimal digits.
macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// The id with these bytes.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// Reads lower-case hexadecimal digits, exactly as [`fmt::Display`] writes them.
            ///
            /// # Errors
            /// [`IdError`] for any other length, letter case or character.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
                bytes.map(Self).ok_or_else(|| IdError { kind: $kind, text: shorten(text) })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                HEXLOWER.encode_display(&self.0).fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }
    };
}

hex_id!(
    /// The name of one arrival of bytes: 32 hexadecimal digits, random.
    UploadId, 16, "upload id"
);
hex_id!(
    /// The name of an asset for as long as it exists, whatever is uploaded to it: 32 hexadecimal digits, random.
    AssetId, 16, "asset id"
);
hex_id!(
    /// The name of a user: 24 hexadecimal digits, made like a MongoDB `ObjectId`, so that ids of both stores look alike.
    UserId, 12, "user id"
);
hex_id!(
    /// The name of one entry of a user's weight history: made like a [`UserId`].
    EntryId, 12, "entry id"
);
hex_id!(
    /// The name of a post: made like a [`UserId`].
    PostId, 12, "post id"
);
hex_id!(
    /// The name of a comment on a post: made like a [`UserId`].
    CommentId, 12, "comment id"
);
hex_id!(
    /// The name of a derived blob in Cloudinary's API: 32 hexadecimal digits, random.
    DerivedId, 16, "derived id"
);
hex_id!(
    /// The name of an installation, kept in its database from its first start on: 32 hexadecimal digits, random.
    InstallationId, 16, "installation id"
);
hex_id!(
    /// An MD5, written as 32 hexadecimal digits. It names bytes for Cloudinary's clients; nothing is trusted because of it.
    Md5, 16, "MD5"
);
hex_id!(
    /// A SHA-256, written as 64 hexadecimal digits.
    Sha256, 32, "SHA-256"
);

impl UploadId {
    /// A fresh id.
    pub fn random() -> Self {
        Self(rand::random())
    }
}

impl AssetId {
    /// A fresh id.
    pub fn random() -> Self {
        Self(rand::random())
    }
}

impl InstallationId {
    /// A fresh id.
    pub fn random() -> Self {
        Self(rand::random())
    }
}

impl Md5 {
    /// The MD5 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use md5::Digest as _;
        Self(md5::Md5::digest(bytes).into())
    }
}

impl UserId {
    /// A fresh id: the seconds of `now`, then 8 random bytes.
    pub fn new(now: Timestamp) -> Self {
        Self(object_id(now))
    }
}

impl EntryId {
    /// A fresh id: the seconds of `now`, then 8 random bytes.
    pub fn new(now: Timestamp) -> Self {
        Self(object_id(now))
    }
}

impl PostId {
    /// A fresh id: the seconds of `now`, then 8 random bytes.
    pub fn new(now: Timestamp) -> Self {
        Self(object_id(now))
    }
}

impl CommentId {
    /// A fresh id: the seconds of `now`, then 8 random bytes.
    pub fn new(now: Timestamp) -> Self {
        Self(object_id(now))
    }
}

impl Sha256 {
    /// The SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

/// Four bytes of seconds (as an `ObjectId` has them, good until 2106), eight random ones.
fn object_id(now: Timestamp) -> [u8; 12] {
    let seconds = u32::try_from(now.as_second()).unwrap_or(0);
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&seconds.to_be_bytes());
    bytes[4..].copy_from_slice(&rand::random::<[u8; 8]>());
    bytes
}

/// The beginning of a text from outside, short enough for an error message.
fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_what_they_write() {
        let upload = UploadId::random();
        assert_eq!(UploadId::parse(&upload.to_string()), Ok(upload));
        assert_eq!(upload.to_string().len(), 32);
        assert_eq!(UserId::new(Timestamp::UNIX_EPOCH).to_string().len(), 24);
    }

    #[test]
    fn a_user_id_begins_with_its_seconds() {
        let now = Timestamp::from_second(0x6650_1234).unwrap();
        assert!(UserId::new(now).to_string().starts_with("66501234"));
    }

    #[test]
    fn a_user_id_refuses_everything_but_24_lower_case_digits() {
        for text in [
            "",
            "admin-id",
            &"a".repeat(23),
            &"a".repeat(25),
            &"A".repeat(24),
            &"g".repeat(24),
            "../../../../etc/passwd00",
        ] {
            assert!(UserId::parse(text).is_err(), "{text}");
        }
        assert!(UserId::parse(&"a".repeat(24)).is_ok());
    }

    #[test]
    fn sha256_is_the_published_one() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sha256::of(b"abc").to_string(), expected);
    }
}
