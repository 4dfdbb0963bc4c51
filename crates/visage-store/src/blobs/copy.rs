//! Brings an original from one place to another, in constant memory: it is whole and right there, or not there at all.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::folder::Publish;
use super::key::ORIGINALS;
use super::{BlobError, BlobKey, Blobs};
use crate::ids::{Sha256, UploadId};

/// What becomes of bytes that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// They stay, and the copy is refused.
    Create,
    /// They make way at once: they were seen to be damaged, or nobody else can have put them there.
    Replace,
}

/// Why an original was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// It could not be read, or is not what was stored.
    #[error("the source: {0}")]
    Source(#[source] BlobError),
    /// It could not be written.
    #[error("the copy: {0}")]
    Target(#[source] BlobError),
}

impl Blobs {
    /// Copies an original that lies in `source`. It has its name here only after its last byte was compared with `sha256` and
    /// all of it is on the disk.
    ///
    /// # Errors
    /// See [`CopyError`]; nothing is left behind, and nothing was replaced.
    pub async fn copy_original_from(
        &self,
        source: &Self,
        upload: &UploadId,
        sha256: &Sha256,
        bytes: u64,
        put: Put,
    ) -> Result<(), CopyError> {
        let pieces = source.stream_original(upload, sha256, bytes).await;
        let pieces = pieces.map_err(CopyError::Source)?;
        // A failed source ends the writing; what failed is told from here, for the writer knows it only as a failed stream.
        let failure = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&failure);
        let pieces = pieces.map(move |piece| {
            piece.map_err(|error| {
                *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                io::Error::other("the source failed")
            })
        });
        let written = match put {
            Put::Create => self.put_original_stream(upload, pieces.boxed()).await,
            Put::Replace => self.replace_original(upload, pieces.boxed()).await,
        };
        let failed = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (failed, written) {
            (Some(error), _) => Err(CopyError::Source(error)),
            (None, written) => written.map_err(CopyError::Target),
        }
    }

    /// Puts the bytes that an original had in the place of what is there now, at once and durably. Nobody but who has seen that
    /// those are damaged or missing may ask for it. A stream that fails changes nothing.
    async fn replace_original(
        &self,
        upload: &UploadId,
        pieces: BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<(), BlobError> {
        let key = BlobKey::Original(*upload);
        match &self.folder {
            None => self.write_original(&key, pieces).await,
            Some(folder) => folder
                .put_stream(&key, Publish::Replace, pieces)
                .await
                .map_err(BlobError::from_cause),
        }
    }

    /// The size of every original that is stored.
    ///
    /// # Errors
    /// [`BlobError::Backend`]
    pub async fn original_sizes(&self) -> Result<HashMap<UploadId, u64>, BlobError> {
        let mut sizes = HashMap::new();
        let mut all = self.originals.list(Some(&ORIGINALS.into()));
        while let Some(found) = all.next().await {
            let found = found.map_err(BlobError::from_cause)?;
            if let Some(BlobKey::Original(upload)) = BlobKey::from_path(&found.location) {
                sizes.insert(upload, found.size);
            }
        }
        Ok(sizes)
    }
}
