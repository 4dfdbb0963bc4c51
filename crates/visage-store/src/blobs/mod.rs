//! The bytes of originals and derived blobs, over any `object_store`.
//!
//! Originals are created, never overwritten, and every read of one is checked against the hash in the catalog. Derived blobs
//! may vanish at any time and are written without waiting for the disk. What is current, or garbage, is not known here: the
//! catalog says it. Bytes come and go whole, because a part of a file cannot be checked against a hash of all of
//! it; files too large for that have a hash for each block.
//!
//! On disk `LocalFileSystem` writes `name#N`, syncs that file, links it to its name (which fails if the name is taken), syncs
//! the folder, and removes `name#N`. It does not sync a folder after a removal, nor a folder that a concurrent put has only
//! just made; so [`Blobs::on_disk`] makes all folders beforehand, and deleting syncs them here. A file system without hard links
//! cannot hold originals. A put runs on a blocking thread to its end even if nobody waits for it any more.

mod copy;
mod error;
pub(crate) mod folder;
mod key;
pub(crate) mod parts;
pub(crate) mod whole;

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode};

pub use copy::{CopyError, Put};
pub use error::BlobError;
use folder::{Folder, Publish};
pub use key::BlobKey;
pub(crate) use key::ORIGINALS;
use parts::WriteError;

use visage_cloudinary::Recipe;

use crate::ids::{Sha256, UploadId};

/// The blocks of an original that have hashes of their own.
pub const BLOCK_BYTES: u64 = 1024 * 1024;

/// Larger bodies are hashed on a blocking thread.
const INLINE_HASH_BYTES: usize = 64 * 1024;

/// Where the bytes are. Cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    originals: Arc<dyn ObjectStore>,
    derived: Arc<dyn ObjectStore>,
    /// On disk only: what `object_store` leaves to us.
    folder: Option<Folder>,
}

impl fmt::Debug for Blobs {
    /// Stores are not shown: one in the cloud knows its secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blobs")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Something that lies where blobs lie.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stored {
    /// A blob.
    Blob {
        /// What names it.
        key: BlobKey,
        /// Its size.
        bytes: u64,
    },
    /// Nothing of ours.
    Stranger {
        /// Its path within the store.
        path: String,
    },
}

impl Blobs {
    /// Blobs in files under `folder`, which is made if it is missing. Blocks; for start-up.
    ///
    /// # Errors
    /// [`BlobError::NoSpace`] or [`BlobError::Backend`] when the folders cannot be made.
    pub fn on_disk(folder: &Path) -> Result<Self, BlobError> {
        let folder = Folder::make(folder, &[key::ORIGINALS, key::DERIVED]).map_err(BlobError::from_cause)?;
        Self::in_folder(folder)
    }

    /// Originals alone in files under `folder`, which is made if `make` says so. Blocks.
    pub(crate) fn originals_on_disk(folder: &Path, make: bool) -> Result<Self, BlobError> {
        let open = if make { Folder::make } else { Folder::at };
        Self::in_folder(open(folder, &[key::ORIGINALS]).map_err(BlobError::from_cause)?)
    }

    fn in_folder(folder: Folder) -> Result<Self, BlobError> {
        let store = folder.store().map_err(BlobError::from_cause)?;
        Ok(Self {
            originals: Arc::new(store.clone().with_fsync(true)),
            derived: Arc::new(store),
            folder: Some(folder),
        })
    }

    /// Blobs that are gone with the process.
    pub fn in_memory() -> Self {
        Self::over(Arc::new(InMemory::new()))
    }

    /// Blobs in any store that makes a put durable before it answers and can refuse to overwrite.
    pub fn over(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            originals: Arc::clone(&store),
            derived: store,
            folder: None,
        }
    }

    /// Stores an original durably.
    ///
    /// The catalog's `begin_upload` comes first. After an error nothing is left behind, as far as the store still obeys.
    ///
    /// # Errors
    /// [`BlobError::Exists`] when there is one already, [`BlobError::NoSpace`], [`BlobError::Backend`].
    pub async fn put_original(&self, upload: &UploadId, body: Bytes) -> Result<(), BlobError> {
        let key = BlobKey::Original(*upload);
        let put = self
            .originals
            .put_opts(&key.path(), body.into(), PutMode::Create.into())
            .await;
        let Err(error) = put.map_err(|error| BlobError::from_store(error, &key)) else {
            return Ok(());
        };
        if !matches!(error, BlobError::Exists(_)) {
            // The file may have its name already and only the last sync failed. Should this fail too, the reaper deletes it.
            self.delete(&key).await.ok();
        }
        Err(error)
    }

    /// Stores an original durably, piece by piece, in constant memory. Otherwise as [`Self::put_original`].
    ///
    /// # Errors
    /// As [`Self::put_original`]; a failure of the stream is a [`BlobError::Backend`] or, where it says so, a
    /// [`BlobError::NoSpace`].
    pub async fn put_original_stream(
        &self,
        upload: &UploadId,
        pieces: BoxStream<'static, std::io::Result<Bytes>>,
    ) -> Result<(), BlobError> {
        let key = BlobKey::Original(*upload);
        let Some(folder) = &self.folder else {
            return match self.originals.head(&key.path()).await {
                Ok(_) => Err(BlobError::Exists(key)),
                Err(object_store::Error::NotFound { .. }) => self.write_original(&key, pieces).await,
                Err(error) => Err(BlobError::from_store(error, &key)),
            };
        };
        let Err(error) = folder.put_stream(&key, Publish::Create, pieces).await else {
            return Ok(());
        };
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return Err(BlobError::Exists(key));
        }
        // As in `put_original`: only the last sync may have failed.
        self.delete(&key).await.ok();
        Err(BlobError::from_cause(error))
    }

    /// What stores that are no folder do. The upload's id is random, so the name is free.
    async fn write_original(
        &self,
        key: &BlobKey,
        pieces: BoxStream<'static, std::io::Result<Bytes>>,
    ) -> Result<(), BlobError> {
        let written = parts::write(self.originals.as_ref(), &key.path(), 0, pieces).await;
        written.map_err(|error| match error {
            WriteError::Source(error) => BlobError::from_cause(error),
            WriteError::Store(error) => BlobError::from_store(error, key),
        })
    }

    /// Reads a part of an original block by block. Each block is checked against its hash in `blocks` before a byte of it is
    /// handed out; the stream ends with an error at the first that is not what was stored.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Damaged`] when the size is another one, [`BlobError::Backend`].
    pub async fn read_original(
        &self,
        upload: &UploadId,
        bytes: u64,
        blocks: &[Sha256],
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        let key = BlobKey::Original(*upload);
        let path = key.path();
        let found = self.originals.head(&path).await;
        let actual_bytes = found.map_err(|error| BlobError::from_store(error, &key))?.size;
        if actual_bytes != bytes || blocks.len() as u64 != bytes.div_ceil(BLOCK_BYTES) {
            return Err(BlobError::Damaged {
                key,
                expected_bytes: bytes,
                actual_bytes,
            });
        }
        let end = range.end.min(bytes);
        let range = range.start.min(end)..end;
        let reader = BlockReader {
            store: Arc::clone(&self.originals),
            key,
            bytes,
            blocks: blocks.to_vec(),
        };
        let first = range.start / BLOCK_BYTES;
        // Nothing is read for an empty range that lies within a block.
        let last = if range.is_empty() {
            first
        } else {
            range.end.div_ceil(BLOCK_BYTES)
        };
        let numbers = futures_util::stream::iter(first..last);
        let blocks = numbers.then(move |number| {
            let (reader, range) = (reader.clone(), range.clone());
            async move { reader.block(number, range).await }
        });
        // What follows a damaged block is not read.
        let mut failed = false;
        let blocks = blocks.take_while(move |block| {
            let goes_on = !failed;
            failed = block.is_err();
            std::future::ready(goes_on)
        });
        Ok(blocks.boxed())
    }

    /// Reads an original and checks it against what the catalog says.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Damaged`], [`BlobError::Backend`].
    pub async fn get_original(&self, upload: &UploadId, sha256: &Sha256, bytes: u64) -> Result<Bytes, BlobError> {
        self.get(&BlobKey::Original(*upload), sha256, bytes).await
    }

    /// Stores a derived blob, in place of an older one. The catalog's `record_derived` comes first.
    ///
    /// # Errors
    /// [`BlobError::NoSpace`], [`BlobError::Backend`].
    pub async fn put_derived(&self, upload: &UploadId, recipe: &Recipe, body: Bytes) -> Result<(), BlobError> {
        let key = BlobKey::Derived(*upload, recipe.clone());
        let put = self
            .derived
            .put_opts(&key.path(), body.into(), PutMode::Overwrite.into())
            .await;
        put.map(drop).map_err(|error| BlobError::from_store(error, &key))
    }

    /// Reads a derived blob and checks it. To the caller a damaged one is as good as a missing one: it is made again.
    ///
    /// # Errors
    /// As [`Self::get_original`].
    pub async fn get_derived(
        &self,
        upload: &UploadId,
        recipe: &Recipe,
        sha256: &Sha256,
        bytes: u64,
    ) -> Result<Bytes, BlobError> {
        self.get(&BlobKey::Derived(*upload, recipe.clone()), sha256, bytes)
            .await
    }

    /// Deletes a blob, durably. A blob that is missing is deleted already.
    ///
    /// # Errors
    /// [`BlobError::Backend`]
    pub async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        match self.store_of(key).delete(&key.path()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(BlobError::from_store(error, key)),
        }
        match &self.folder {
            Some(folder) => folder.sync_folder_of(key).await.map_err(BlobError::from_cause),
            None => Ok(()),
        }
    }

    /// Deletes everything of an upload, the original last. Can be repeated.
    ///
    /// # Errors
    /// [`BlobError::Backend`]; some of it may be deleted then.
    pub async fn delete_upload(&self, upload: &UploadId, recipes: &[Recipe]) -> Result<(), BlobError> {
        for recipe in recipes {
            self.delete(&BlobKey::Derived(*upload, recipe.clone())).await?;
        }
        self.delete(&BlobKey::Original(*upload)).await
    }

    /// Removes what interrupted writes left behind and returns how many files that were. For start-up, before the first put:
    /// it would take away the file under a running one.
    ///
    /// # Errors
    /// [`BlobError::Backend`]
    pub async fn sweep_staging(&self) -> Result<u64, BlobError> {
        match &self.folder {
            Some(folder) => folder.sweep_staging().await.map_err(BlobError::from_cause),
            None => Ok(0),
        }
    }

    /// For audits: how many files interrupted (or running) writes have left so far.
    ///
    /// # Errors
    /// [`BlobError::Backend`]
    pub async fn count_staging(&self) -> Result<u64, BlobError> {
        match &self.folder {
            Some(folder) => folder.count_staging().await.map_err(BlobError::from_cause),
            None => Ok(0),
        }
    }

    /// For audits: everything that is stored, in no order, except what [`Self::count_staging`] counts.
    pub fn list(&self) -> BoxStream<'static, Result<Stored, BlobError>> {
        let all = [key::ORIGINALS, key::DERIVED].map(|folder| self.originals.list(Some(&folder.into())));
        let stored = futures_util::stream::iter(all).flatten().map(|found| {
            let found = found.map_err(BlobError::from_cause)?;
            Ok(match BlobKey::from_path(&found.location) {
                Some(key) => Stored::Blob { key, bytes: found.size },
                None => Stored::Stranger {
                    path: found.location.into(),
                },
            })
        });
        stored.boxed()
    }

    /// The one checked read. A file of the wrong size is refused before it is read, however large it is.
    async fn get(&self, key: &BlobKey, sha256: &Sha256, bytes: u64) -> Result<Bytes, BlobError> {
        let damaged = |actual_bytes| BlobError::Damaged {
            key: key.clone(),
            expected_bytes: bytes,
            actual_bytes,
        };
        let found = self
            .store_of(key)
            .get(&key.path())
            .await
            .map_err(|error| BlobError::from_store(error, key))?;
        if found.meta.size != bytes {
            return Err(damaged(found.meta.size));
        }
        let body = found.bytes().await.map_err(|error| BlobError::from_store(error, key))?;
        if hash(&body).await? == *sha256 {
            Ok(body)
        } else {
            Err(damaged(body.len() as u64))
        }
    }

    fn store_of(&self, key: &BlobKey) -> &dyn ObjectStore {
        match key {
            BlobKey::Original(_) => self.originals.as_ref(),
            BlobKey::Derived(..) => self.derived.as_ref(),
        }
    }
}

/// Reads the blocks of one original.
#[derive(Debug, Clone)]
struct BlockReader {
    store: Arc<dyn ObjectStore>,
    key: BlobKey,
    bytes: u64,
    blocks: Vec<Sha256>,
}

impl BlockReader {
    /// The part of a block that lies in `range`, after the whole block was checked.
    async fn block(&self, number: u64, range: Range<u64>) -> Result<Bytes, BlobError> {
        let whole = number * BLOCK_BYTES..((number + 1) * BLOCK_BYTES).min(self.bytes);
        let block = self.store.get_range(&self.key.path(), whole.clone()).await;
        let block = block.map_err(|error| BlobError::from_store(error, &self.key))?;
        let expected = usize::try_from(number).ok().and_then(|number| self.blocks.get(number));
        if Some(&hash(&block).await?) != expected {
            return Err(BlobError::Damaged {
                key: self.key.clone(),
                expected_bytes: self.bytes,
                actual_bytes: self.bytes,
            });
        }
        let within = |at: u64| usize::try_from(at - whole.start).unwrap_or(usize::MAX).min(block.len());
        Ok(block.slice(within(range.start.max(whole.start))..within(range.end.min(whole.end))))
    }
}

async fn hash(body: &Bytes) -> Result<Sha256, BlobError> {
    if body.len() <= INLINE_HASH_BYTES {
        return Ok(Sha256::of(body));
    }
    let body = body.clone();
    tokio::task::spawn_blocking(move || Sha256::of(&body))
        .await
        .map_err(BlobError::from_cause)
}
