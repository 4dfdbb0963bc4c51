//! Brings a kept upload back.

use std::sync::Arc;

use futures_util::StreamExt as _;
use visage_store::{Asset, Backup, BlobError};

use super::upload::{self, NewUpload, Original, Stored, UploadError};
use crate::app::App;
use crate::spool::{SpoolError, SpooledFile};

/// Why an upload was not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Its bytes could not be read.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The temporary file failed.
    #[error(transparent)]
    Spool(#[from] SpoolError<BlobError>),
    /// It could not be stored.
    #[error(transparent)]
    Upload(#[from] UploadError),
}

/// Makes the kept upload the asset's current one again, as a new upload with the same bytes: what is kept stays kept.
///
/// # Errors
/// See [`RestoreError`].
pub async fn restore(app: &Arc<App>, backup: &Backup) -> Result<Asset, RestoreError> {
    let (id, facts) = (&backup.upload.id, &backup.upload.facts);
    let blobs = &app.library.blobs;
    let original = if facts.blocks.is_empty() {
        Original::Bytes(blobs.get_original(id, &facts.sha256, facts.bytes).await?)
    } else {
        let pieces = blobs
            .read_original(id, facts.bytes, &facts.blocks, 0..facts.bytes)
            .await?;
        let file = SpooledFile::receive(&app.temporary_folder, facts.bytes, pieces.boxed()).await?;
        Original::File(Arc::new(file))
    };
    let new = NewUpload {
        key: backup.key.clone(),
        original,
        facts: facts.clone(),
        overwrite: true,
        details: backup.details.clone(),
        asset_id: Some(backup.asset_id),
    };
    match upload::store(&app.library, new).await? {
        Stored::New { asset, .. } | Stored::Existing(asset) => Ok(asset),
    }
}
