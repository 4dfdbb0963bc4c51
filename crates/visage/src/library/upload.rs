//! Stores an original.

use visage_store::{
    Asset, AssetKey, BlobError, BlobKey, Commit, CommitError, CommitUpload, Sha256, StoreError, UploadFacts, UploadId,
};

use super::Library;
use crate::clock::later;
use crate::crash;
use crate::media_host::Picture;

/// An original on its way into the store.
#[derive(Debug)]
pub struct NewUpload {
    /// What it will be called.
    pub key: AssetKey,
    /// The file and its facts.
    pub picture: Picture,
    /// Whether it replaces what has that name already.
    pub overwrite: bool,
}

/// Why an original was not stored.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The disk or the database is full.
    #[error("there is no space left")]
    NoSpace,
    /// The name is taken and `overwrite` was off.
    #[error("the name is taken already")]
    Taken,
    /// It took so long that the reaper gave it up.
    #[error("the upload was given up before it was finished")]
    GivenUp,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The blobs failed.
    #[error(transparent)]
    Blobs(BlobError),
}

/// Stores an original durably and makes it the asset's current upload.
///
/// The upload is in the catalog before its first byte is stored; the commit at the end is what makes it visible.
///
/// # Errors
/// See [`UploadError`]; after an error the reaper removes what was stored.
pub async fn store(library: &Library, new: NewUpload) -> Result<Asset, UploadError> {
    let id = UploadId::random();
    let facts = facts_of(&new.picture).await;
    library
        .catalog
        .begin_upload(&id, library.clock.now())
        .await
        .map_err(no_space)?;
    crash::point("upload-begun").await;
    if let Err(error) = library.blobs.put_original(&id, new.picture.bytes).await {
        abandon(library, &id).await;
        return Err(match error {
            BlobError::NoSpace(_) => UploadError::NoSpace,
            other => UploadError::Blobs(other),
        });
    }
    crash::point("blob-written").await;
    let now = library.clock.now();
    let purge_at = later(now, library.purge_delay);
    let commit = CommitUpload {
        id,
        key: new.key,
        facts,
        overwrite: new.overwrite,
        purge_at,
    };
    match library.catalog.commit_upload(commit, now).await {
        Ok(Commit::Stored(asset)) => {
            crash::point("upload-committed").await;
            Ok(asset)
        }
        Ok(Commit::Existing(_)) => Err(UploadError::Taken),
        Err(CommitError::NotPending) => {
            erase(library, &id).await;
            Err(UploadError::GivenUp)
        }
        Err(CommitError::Store(error)) => {
            abandon(library, &id).await;
            Err(no_space(error))
        }
    }
}

async fn facts_of(picture: &Picture) -> UploadFacts {
    let bytes = picture.bytes.clone();
    let length = bytes.len() as u64;
    let sha256 = match tokio::task::spawn_blocking(move || Sha256::of(&bytes)).await {
        Ok(sha256) => sha256,
        Err(_stopping) => Sha256::of(&picture.bytes),
    };
    let facts = &picture.facts;
    UploadFacts {
        bytes: length,
        sha256,
        format: facts.format,
        width: facts.width,
        height: facts.height,
        orientation: facts.orientation.to_exif(),
        frames: facts.frames,
        has_alpha: facts.has_alpha,
    }
}

/// Hands a failed upload to the reaper now instead of after its grace. When that fails too, the grace does it.
async fn abandon(library: &Library, id: &UploadId) {
    if let Err(error) = library.catalog.abandon_upload(id, library.clock.now()).await {
        tracing::warn!(upload = %id, error = %error, "a failed upload stays until its grace is over");
    }
}

/// Deletes the bytes of an upload that was given up while they were written: its row may be gone, and then nobody else
/// would ever find them.
async fn erase(library: &Library, id: &UploadId) {
    if let Err(error) = library.blobs.delete(&BlobKey::Original(*id)).await {
        tracing::error!(upload = %id, error = %error, "the bytes of an upload that was given up stay; an audit finds them");
    }
}

fn no_space(error: StoreError) -> UploadError {
    match error {
        StoreError::NoSpace(_) => UploadError::NoSpace,
        other => UploadError::Store(other),
    }
}
