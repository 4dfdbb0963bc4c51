//! Signatures: a text with the API secret appended, hashed.
//!
//! The secret is appended, not an HMAC key: that is Cloudinary's rule and what every SDK does. What was signed is
//! hashed as it was received, never printed anew. Comparisons take constant time. Tokens ([`AuthToken`]) alone are HMACs.

mod auth_token;
mod delivery;
mod field_name;
mod request;
mod search_url;
mod webhook;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Secret;

pub use auth_token::{
    AUTH_TOKEN_NAME, AuthToken, AuthTokenError, AuthTokenKey, TokenRefusal, auth_token_expiration, verify_auth_token,
};
pub use delivery::{DeliverySignature, SignedText};
pub use field_name::{FieldName, InvalidFieldName};
pub use request::{
    AcceptedSignatures, InvalidSignature, RequestKind, SignatureVersion, SignedRequestError, sign_fields, sign_request,
    sign_response, verify_request,
};
pub use search_url::{SearchUrl, SearchUrlError};
pub use webhook::Webhook;

/// The hash of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignatureAlgorithm {
    /// SHA-1, the default of all SDKs.
    #[default]
    Sha1,
    /// SHA-256.
    Sha256,
}

impl SignatureAlgorithm {
    fn hash(self, text: impl AsRef<[u8]>, secret: &Secret) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::new()
                .chain_update(text)
                .chain_update(secret.expose())
                .finalize()
                .to_vec(),
            Self::Sha256 => Sha256::new()
                .chain_update(text)
                .chain_update(secret.expose())
                .finalize()
                .to_vec(),
        }
    }

    fn hex(self, text: impl AsRef<[u8]>, secret: &Secret) -> String {
        HEXLOWER.encode(&self.hash(text, secret))
    }

    fn base64url(self, text: &str, secret: &Secret) -> String {
        BASE64URL_NOPAD.encode(&self.hash(text, secret))
    }
}

/// Whether two texts are the same, in a time that tells nothing but their lengths.
fn equal(received: &str, expected: &str) -> bool {
    received.as_bytes().ct_eq(expected.as_bytes()).into()
}
