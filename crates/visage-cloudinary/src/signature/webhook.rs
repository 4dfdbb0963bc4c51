//! Signatures of webhooks: a plain hash of body, timestamp and secret (Cloudinary docs, "verifying notifications").

use super::{SignatureAlgorithm, equal};
use crate::Secret;

/// A notification as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Webhook<'a> {
    /// The exact bytes of the body.
    pub body: &'a [u8],
    /// `X-Cld-Timestamp`: seconds since the Unix epoch.
    pub timestamp: i64,
}

impl Webhook<'_> {
    /// How long the SDKs accept a notification, in seconds.
    pub const VALID_FOR_SECONDS: i64 = 7200;

    /// `X-Cld-Signature`; lower-case hexadecimal.
    pub fn sign(&self, algorithm: SignatureAlgorithm, secret: &Secret) -> String {
        algorithm.hex([self.body, self.timestamp.to_string().as_bytes()].concat(), secret)
    }

    /// Whether somebody who has the secret signed this, not longer than `valid_for_seconds` ago. A timestamp in the
    /// future is accepted, as the SDKs do.
    pub fn is_signed(
        &self,
        signature: &str,
        (now, valid_for_seconds): (i64, i64),
        algorithm: SignatureAlgorithm,
        secret: &Secret,
    ) -> bool {
        let fresh = now.saturating_sub(self.timestamp) <= valid_for_seconds;
        fresh && equal(signature, &self.sign(algorithm, secret))
    }
}
