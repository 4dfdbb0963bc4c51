//! An upload that is only over when the media host was seen to have the same bytes: for files whose source may go then.

use bytes::Bytes;
use visage_cloudinary::{PublicId, Transformation};
use visage_store::Sha256;

use super::{Hosted, MediaHost, MediaHostError, Picture};

/// What the media host has now.
#[derive(Debug)]
pub struct Transferred {
    /// Where.
    pub hosted: Hosted,
    /// Its hash.
    pub sha256: Sha256,
}

/// Why a file is not on the media host as it should be.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The media host failed, or did not take it.
    #[error(transparent)]
    MediaHost(#[from] MediaHostError),
    /// The media host has something else under this name, or gives other bytes than it was given.
    #[error("the media host does not have the same bytes")]
    Different,
}

impl TransferError {
    /// See [`MediaHostError::may_be_done`].
    pub fn may_be_done(&self) -> bool {
        matches!(self, Self::MediaHost(error) if error.may_be_done())
    }
}

/// Uploads, reads back, and compares.
///
/// # Errors
/// See [`TransferError`].
pub async fn transfer(
    host: &dyn MediaHost,
    public_id: &PublicId,
    picture: Picture,
    display: &Transformation,
) -> Result<Transferred, TransferError> {
    let resource_type = picture.facts.resource_type();
    let sha256 = hash(picture.bytes.clone()).await?;
    let hosted = host.upload(public_id, picture, display).await?;
    if has_hash(host.original(&hosted.url, public_id, resource_type).await?, sha256).await? {
        Ok(Transferred { hosted, sha256 })
    } else {
        Err(TransferError::Different)
    }
}

/// Whether there is a file, and it is the one with this hash.
///
/// # Errors
/// As [`hash`].
pub async fn has_hash(file: Option<Bytes>, sha256: Sha256) -> Result<bool, MediaHostError> {
    match file {
        Some(bytes) => Ok(hash(bytes).await? == sha256),
        None => Ok(false),
    }
}

/// The hash of a file in memory, which may be a large one.
///
/// # Errors
/// [`MediaHostError::Failed`] when the program is ending.
pub async fn hash(bytes: Bytes) -> Result<Sha256, MediaHostError> {
    let hashing = tokio::task::spawn_blocking(move || Sha256::of(&bytes));
    hashing.await.map_err(|error| MediaHostError::Failed(Box::new(error)))
}
