//! Reads a file of known size and hash, piece by piece, and says at its end whether it was that file.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use sha2::Digest as _;

use super::{BLOCK_BYTES, BlobError, BlobKey, Blobs};
use crate::ids::{Sha256, UploadId};

/// Why a file was not read to a good end.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// It is another file.
    Differs {
        /// Its size.
        actual_bytes: u64,
    },
    /// The store failed.
    Store(object_store::Error),
}

impl Blobs {
    /// Reads an original piece by piece, in constant memory, and compares all of it with what the catalog says. Nothing may be
    /// done with the pieces before the stream has ended without an error: only the end tells whether they are right.
    ///
    /// # Errors
    /// As [`Self::get_original`], at once or in the place of the end.
    pub async fn stream_original(
        &self,
        upload: &UploadId,
        sha256: &Sha256,
        bytes: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        let key = BlobKey::Original(*upload);
        let explain = move |error| match error {
            ReadError::Differs { actual_bytes } => BlobError::Damaged {
                key: key.clone(),
                expected_bytes: bytes,
                actual_bytes,
            },
            ReadError::Store(error) => BlobError::from_store(error, &key),
        };
        let path = BlobKey::Original(*upload).path();
        match read(Arc::clone(&self.originals), path, *sha256, bytes).await {
            Ok(pieces) => Ok(pieces.map(move |piece| piece.map_err(&explain)).boxed()),
            Err(error) => Err(explain(error)),
        }
    }

    /// As [`Self::stream_original`], from the disk and not from what the system has in memory of it, as far as it allows that.
    ///
    /// # Errors
    /// As [`Self::stream_original`].
    pub async fn stream_from_disk(
        &self,
        upload: &UploadId,
        sha256: &Sha256,
        bytes: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        if let Some(folder) = &self.folder {
            folder.forget_cached(&BlobKey::Original(*upload)).await;
        }
        self.stream_original(upload, sha256, bytes).await
    }
}

/// A file's pieces; the last item is an error when they were not what they should have been. A file of the wrong size is refused
/// before it is read, however large it is.
pub(crate) async fn read(
    store: Arc<dyn ObjectStore>,
    path: Path,
    sha256: Sha256,
    bytes: u64,
) -> Result<BoxStream<'static, Result<Bytes, ReadError>>, ReadError> {
    if bytes <= BLOCK_BYTES {
        let piece = read_small(store.as_ref(), &path, &sha256, bytes).await?;
        return Ok(stream::iter([Ok(piece)]).boxed());
    }
    let actual_bytes = store.head(&path).await.map_err(ReadError::Store)?.size;
    if actual_bytes != bytes {
        return Err(ReadError::Differs { actual_bytes });
    }
    let reader = Reader {
        store,
        path,
        sha256,
        bytes,
        at: 0,
        hasher: sha2::Sha256::new(),
    };
    Ok(stream::try_unfold(reader, Reader::next).boxed())
}

async fn read_small(store: &dyn ObjectStore, path: &Path, sha256: &Sha256, bytes: u64) -> Result<Bytes, ReadError> {
    let found = store.get(path).await.map_err(ReadError::Store)?;
    let actual_bytes = found.meta.size;
    if actual_bytes != bytes {
        return Err(ReadError::Differs { actual_bytes });
    }
    let piece = found.bytes().await.map_err(ReadError::Store)?;
    match super::hash(&piece).await {
        Ok(actual) if actual == *sha256 => Ok(piece),
        _ => Err(ReadError::Differs { actual_bytes }),
    }
}

struct Reader {
    store: Arc<dyn ObjectStore>,
    path: Path,
    sha256: Sha256,
    bytes: u64,
    at: u64,
    hasher: sha2::Sha256,
}

impl Reader {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, ReadError> {
        let differs = ReadError::Differs {
            actual_bytes: self.bytes,
        };
        if self.at == self.bytes {
            let actual = Sha256::from_bytes(self.hasher.finalize().into());
            return if actual == self.sha256 { Ok(None) } else { Err(differs) };
        }
        let range = self.at..(self.at + BLOCK_BYTES).min(self.bytes);
        let length = range.end - range.start;
        let piece = self.store.get_range(&self.path, range).await;
        let piece = piece.map_err(ReadError::Store)?;
        if piece.len() as u64 != length {
            // It was cut while it was read.
            return Err(differs);
        }
        self.at += length;
        let mut hasher = std::mem::take(&mut self.hasher);
        let same = piece.clone();
        let hashing = tokio::task::spawn_blocking(move || {
            hasher.update(&same);
            hasher
        });
        self.hasher = hashing.await.map_err(|cause| {
            ReadError::Store(object_store::Error::Generic {
                store: "hash",
                source: cause.into(),
            })
        })?;
        Ok(Some((piece, self)))
    }
}
