//! A text that must not appear in logs.

use std::fmt;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// A secret. It is shown only where [`Secret::expose`] is written, and compared in constant time.
#[derive(Clone, Default)]
pub struct Secret(String);

impl Secret {
    /// Takes the secret's text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Secret {
    /// HMAC-SHA256 of a text with the secret as the key; lower-case hexadecimal. For tokens of visage's own.
    pub fn mac(&self, text: &str) -> String {
        // HMAC takes a key of any length.
        Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).map_or_else(
            |_no_key| String::new(),
            |mac| HEXLOWER.encode(&mac.chain_update(text).finalize().into_bytes()),
        )
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}
