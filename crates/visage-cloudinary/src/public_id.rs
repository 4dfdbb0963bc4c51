//! The name of an asset.

use std::fmt;

/// The name of an asset, unique per resource type and delivery type, such as `profiles/k3v9…`.
///
/// At most 255 characters; no space or slash at either end; none of `? & # \ % < > +`; no control character; no segment
/// that is empty or reads like a version (`v12`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicId(String);

/// Why a text is no public id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("public_id ({text}) is invalid: {reason}")]
pub struct PublicIdError {
    text: String,
    reason: &'static str,
}

impl PublicId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
