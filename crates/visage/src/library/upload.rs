//! Stores an original.

use std::sync::Arc;

use bytes::Bytes;
use visage_store::{
    Asset, AssetDetails, AssetId, AssetKey, BlobError, BlobKey, Commit, CommitError, CommitUpload, Md5, Media,
    StoreError, UploadFacts, UploadId,
};

use super::{Library, deliver, surroundings};
use crate::clock::later;
use crate::crash;
use crate::spool::{Hashes, SpooledFile};

/// An original on its way into the store.
#[derive(Debug)]
pub struct NewUpload {
    /// What it will be called.
    pub key: AssetKey,
    /// The file.
    pub original: Original,
    /// What it is.
    pub facts: UploadFacts,
    /// Whether it replaces what has that name already.
    pub overwrite: bool,
    /// What is said of it.
    pub details: AssetDetails,
    /// The id of the asset, if it is new and had one before.
    pub asset_id: Option<AssetId>,
}

/// The bytes of an original.
#[derive(Debug, Clone)]
pub enum Original {
    /// In memory.
    Bytes(Bytes),
    /// In a temporary file, as they came.
    File(Arc<SpooledFile>),
}

/// What became of an upload.
#[derive(Debug)]
pub enum Stored {
    /// It is the asset's current one.
    New {
        /// The asset.
        asset: Asset,
        /// Whether another was current before.
        overwritten: bool,
    },
    /// The name was taken, and what has it was kept.
    Existing(Asset),
}

/// Why an original was not stored.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The disk or the database is full.
    #[error("there is no space left")]
    NoSpace,
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
pub async fn store(library: &Library, mut new: NewUpload) -> Result<Stored, UploadError> {
    if !library.disk_reserve.has_room_for_upload(new.facts.bytes) {
        return Err(UploadError::NoSpace);
    }
    if let Media::Image(image) = &mut new.facts.media
        && image.faces.is_none()
    {
        // Once for all renders, and before anything is begun: this takes a moment.
        let facts = deliver::image_facts(image);
        image.faces = surroundings::find_faces(library, &new.original, facts).await;
    }
    let id = UploadId::random();
    library
        .catalog
        .begin_upload(&id, library.clock.now())
        .await
        .map_err(no_space)?;
    crash::point("upload-begun").await;
    if let Err(error) = put(library, &id, new.original).await {
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
        facts: new.facts,
        overwrite: new.overwrite,
        purge_at,
        details: new.details,
        asset_id: new.asset_id,
    };
    match library.catalog.commit_upload(commit, now).await {
        Ok(Commit::Stored { asset, overwritten }) => {
            crash::point("upload-committed").await;
            Ok(Stored::New { asset, overwritten })
        }
        Ok(Commit::Existing(asset)) => Ok(Stored::Existing(asset)),
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

async fn put(library: &Library, id: &UploadId, original: Original) -> Result<(), BlobError> {
    match original {
        Original::Bytes(bytes) => library.blobs.put_original(id, bytes).await,
        Original::File(file) => library.blobs.put_original_stream(id, Box::pin(file.stream())).await,
    }
}

/// The facts of an original. Pictures are only ever read whole; of other files each block has a hash of its own.
pub fn facts(hashes: Hashes, media: Media) -> UploadFacts {
    let is_image = matches!(media, Media::Image(_));
    UploadFacts {
        bytes: hashes.bytes,
        sha256: hashes.sha256,
        md5: Some(Md5::from_bytes(hashes.md5)),
        blocks: if is_image { Vec::new() } else { hashes.blocks },
        media,
    }
}

impl Original {
    /// The hashes of the whole, and of its blocks where it is more than a picture.
    ///
    /// # Errors
    /// When the temporary file fails.
    pub async fn hashes(&self) -> std::io::Result<Hashes> {
        let original = self.clone();
        tokio::task::spawn_blocking(move || match original {
            Self::Bytes(bytes) => Ok(Hashes::of(&bytes)),
            Self::File(file) => file.hash(),
        })
        .await
        .map_err(std::io::Error::other)?
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
