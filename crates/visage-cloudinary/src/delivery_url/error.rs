//! Why a path is no delivery URL.

use crate::{TransformationError, UnknownDeliveryType};

/// Why a path is no delivery URL. The message is written for the client (`X-Cld-Error`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryUrlError {
    /// The first segment cannot be a cloud's name.
    #[error("Invalid cloud_name {0}")]
    Cloud(String),
    /// The segment after the resource type is no delivery type of visage, such as `fetch`.
    #[error(transparent)]
    DeliveryType(#[from] UnknownDeliveryType),
    /// Between `s--` and `--` stands something that no signer writes.
    #[error("Invalid signature {0}")]
    Signature(String),
    /// The version has more digits than any clock.
    #[error("Invalid version {0}")]
    Version(String),
    /// The path ends before it names an asset.
    #[error("Missing required parameter - public_id")]
    MissingSource,
    /// The name of the asset is not UTF-8 once percent-decoded.
    #[error("Invalid public_id - not UTF-8")]
    Encoding,
    /// The name of the asset could be taken for a path, or holds control characters, or is too long.
    #[error("Invalid public_id - {0}")]
    Source(&'static str),
    /// The address of a picture elsewhere is none.
    #[error("Invalid remote URL - {0}")]
    Remote(&'static str),
    /// The transformation is refused.
    #[error(transparent)]
    Transformation(#[from] TransformationError),
}
