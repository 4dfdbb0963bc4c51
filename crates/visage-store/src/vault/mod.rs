//! Where snapshots of everything that is kept lie, outside of the data folder.
//!
//! A vault holds each original once, under the name of its upload, however many snapshots name it; and for each snapshot a copy
//! of the database, the generated secrets, and a [`Manifest`] with the size and hash of all of it. The manifest is written last:
//! without one there is no snapshot. What is in a vault never changes, so a copy of it is a vault again.
//!
//! One process at a time writes to a vault ([`Vault::lock`]). Reading needs no lock: everything is checked against the manifest.
//! A vault is a folder, or lies in a bucket of S3.

mod address;
mod error;
mod key;
mod lock;
mod manifest;

use std::fmt;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt as _};
use sha2::Digest as _;

pub use address::VaultAddress;
pub use error::VaultError;
pub use key::{SnapshotId, VaultFile};
use lock::LOCK;
pub use lock::VaultLock;
pub use manifest::{FileFacts, Manifest, VaultOriginal};

use crate::blobs::folder::{is_staging, on_blocking_thread, sync};
use crate::blobs::parts::{self, WriteError};
use crate::blobs::{BLOCK_BYTES, Blobs, ORIGINALS, whole};
use crate::ids::Sha256;
use key::KINDS;

/// A larger manifest is none: it would be one of a hundred million originals.
const MAX_MANIFEST_BYTES: u64 = 16 << 30;

/// A place for snapshots. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    originals: Blobs,
    files: Arc<dyn ObjectStore>,
    /// Set unless it is in a bucket.
    folder: Option<PathBuf>,
}

impl fmt::Debug for Vault {
    /// The store is not shown: one in the cloud knows its secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// The vault in a folder. Blocks.
    ///
    /// # Errors
    /// [`VaultError::None`] when there is none.
    pub fn open(folder: &Path) -> Result<Self, VaultError> {
        if !folder.join(VaultFile::MANIFESTS).is_dir() {
            return Err(VaultError::None(folder.display().to_string()));
        }
        Self::at(folder, false)
    }

    /// The vault in a folder, which is made if there is none. What is in it (everybody's pictures, the secrets) is for its owner
    /// alone, also in a folder that was there and is open to others. Blocks.
    ///
    /// # Errors
    /// [`VaultError::Io`] when it cannot be made.
    pub fn open_or_create(folder: &Path) -> Result<Self, VaultError> {
        make(folder)?;
        Self::at(folder, true)
    }

    fn at(folder: &Path, make: bool) -> Result<Self, VaultError> {
        Ok(Self {
            originals: Blobs::originals_on_disk(folder, make)?,
            files: Arc::new(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true)),
            folder: Some(folder.to_owned()),
        })
    }

    /// The vault in a bucket, or in what `prefix` says of one. The store must keep what it says it has stored, show it to
    /// everybody at once, and know conditional writes, as S3 does.
    pub fn in_bucket(store: Arc<dyn ObjectStore>, prefix: object_store::path::Path) -> Self {
        let files: Arc<dyn ObjectStore> = Arc::new(PrefixStore::new(store, prefix));
        Self {
            originals: Blobs::over(Arc::clone(&files)),
            files,
            folder: None,
        }
    }

    /// The originals.
    pub fn originals(&self) -> &Blobs {
        &self.originals
    }

    /// Takes the right to write, and clears away what an interrupted writer has left. `holder` is the same for whoever was
    /// interrupted and comes again, and nobody else's; it matters in buckets only.
    ///
    /// # Errors
    /// [`VaultError::Busy`] or [`VaultError::Leased`] while somebody else has it.
    pub async fn lock(&self, holder: &str, now: Timestamp) -> Result<VaultLock, VaultError> {
        let Some(folder) = self.folder.clone() else {
            return VaultLock::of_object(Arc::clone(&self.files), holder, now).await;
        };
        let lock = VaultLock::of_file(&folder.join(LOCK))?;
        self.originals.sweep_staging().await?;
        on_blocking_thread(move || KINDS.iter().try_for_each(|kind| sweep(&folder.join(kind)))).await?;
        Ok(lock)
    }

    /// Stores a file of a snapshot durably and tells what it was.
    ///
    /// # Errors
    /// When the file cannot be read or stored.
    pub async fn put_file(&self, key: &VaultFile, path: &Path) -> Result<FileFacts, VaultError> {
        let file = File::open(path)?;
        let expected_bytes = file.metadata()?.len();
        let facts = Arc::new(Mutex::new((0, sha2::Sha256::new())));
        let counted = Arc::clone(&facts);
        let pieces = stream::try_unfold(file, |mut file| async {
            let (piece, file) = on_blocking_thread(move || Ok((read_piece(&mut file)?, file))).await?;
            Ok((!piece.is_empty()).then_some((piece, file)))
        });
        let pieces = pieces.inspect_ok(move |piece: &Bytes| {
            let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
            counted.0 += piece.len() as u64;
            counted.1.update(piece);
        });
        self.write(key, expected_bytes, pieces.boxed()).await?;
        let (bytes, hasher) = facts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sha256 = Sha256::from_bytes(hasher.finalize().into());
        Ok(FileFacts { bytes, sha256 })
    }

    /// Reads a file of a snapshot and compares it with what the manifest says.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::Damaged`].
    pub async fn check_file(&self, key: &VaultFile, facts: &FileFacts) -> Result<(), VaultError> {
        let mut pieces = self.read(key, facts).await?;
        while pieces.try_next().await?.is_some() {}
        Ok(())
    }

    /// Writes a file of a snapshot to a new file, for its owner alone, and compares it with what the manifest says. It is on the
    /// disk then; its name is not.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::Damaged`]: what was written is not to be used then.
    pub async fn get_file(&self, key: &VaultFile, facts: &FileFacts, path: &Path) -> Result<(), VaultError> {
        let mut pieces = self.read(key, facts).await?;
        let mut file = File::options().create_new(true).write(true).mode(0o600).open(path)?;
        while let Some(piece) = pieces.try_next().await? {
            file = on_blocking_thread(move || file.write_all(&piece).map(|()| file)).await?;
        }
        Ok(on_blocking_thread(move || file.sync_all()).await?)
    }

    async fn read(
        &self,
        key: &VaultFile,
        facts: &FileFacts,
    ) -> Result<BoxStream<'static, Result<Bytes, VaultError>>, VaultError> {
        let path = key.path();
        let name = path.to_string();
        let explain = move |error| VaultError::from_read(error, &name);
        match whole::read(self.files.clone(), path, facts.sha256, facts.bytes).await {
            Ok(pieces) => Ok(pieces.map(move |piece| piece.map_err(&explain)).boxed()),
            Err(error) => Err(explain(error)),
        }
    }

    /// Completes a snapshot: everything that its manifest names must be here.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn put_manifest(&self, manifest: Manifest) -> Result<(), VaultError> {
        let key = VaultFile::Manifest(manifest.snapshot.clone());
        let text = on_blocking_thread(move || Ok(Bytes::from(manifest.to_text()?))).await?;
        // Its name is random, so it is free; to refuse one that is not would take hard links.
        let bytes = text.len() as u64;
        self.write(&key, bytes, stream::iter([Ok(text)]).boxed()).await
    }

    async fn write(
        &self,
        key: &VaultFile,
        bytes: u64,
        pieces: BoxStream<'_, std::io::Result<Bytes>>,
    ) -> Result<(), VaultError> {
        match parts::write(self.files.as_ref(), &key.path(), bytes, pieces).await {
            Ok(()) => Ok(()),
            Err(WriteError::Source(error)) => Err(error.into()),
            Err(WriteError::Store(error)) => Err(error.into()),
        }
    }

    /// The manifest of a snapshot.
    ///
    /// # Errors
    /// [`VaultError::NoSnapshot`], [`VaultError::Damaged`].
    pub async fn manifest(&self, snapshot: &SnapshotId) -> Result<Manifest, VaultError> {
        let path = VaultFile::Manifest(snapshot.clone()).path();
        let found = match self.files.get(&path).await {
            Err(object_store::Error::NotFound { .. }) => return Err(VaultError::NoSnapshot(snapshot.to_string())),
            found => found?,
        };
        let damaged = || VaultError::Damaged(path.to_string());
        if found.meta.size > MAX_MANIFEST_BYTES {
            return Err(damaged());
        }
        let text = found.bytes().await?;
        let manifest = on_blocking_thread(move || Ok(Manifest::from_text(&text))).await?;
        manifest
            .filter(|manifest| manifest.snapshot == *snapshot)
            .ok_or_else(damaged)
    }

    /// All complete snapshots, oldest first. Whether they are good, [`Self::manifest`] tells.
    ///
    /// # Errors
    /// When the place cannot be listed.
    pub async fn snapshots(&self) -> Result<Vec<SnapshotId>, VaultError> {
        let files = self.files_of(VaultFile::MANIFESTS).await?;
        Ok(files.into_iter().map(VaultFile::into_snapshot).collect())
    }

    /// The files of all snapshots, complete or not, oldest first.
    ///
    /// # Errors
    /// When the place cannot be listed.
    pub async fn files(&self) -> Result<Vec<VaultFile>, VaultError> {
        let mut files = Vec::new();
        for kind in KINDS {
            files.extend(self.files_of(kind).await?);
        }
        Ok(files)
    }

    async fn files_of(&self, kind: &str) -> Result<Vec<VaultFile>, VaultError> {
        let found: Vec<_> = self.files.list(Some(&kind.into())).try_collect().await?;
        let mut files: Vec<VaultFile> = found.iter().filter_map(|f| VaultFile::from_path(&f.location)).collect();
        files.sort_unstable();
        Ok(files)
    }

    /// Removes files of snapshots, durably. What is missing is removed already.
    ///
    /// # Errors
    /// When one cannot be removed; the next call goes on.
    pub async fn remove(&self, files: &[VaultFile]) -> Result<(), VaultError> {
        for file in files {
            match self.files.delete(&file.path()).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let Some(folder) = self.folder.clone() else {
            return Ok(());
        };
        Ok(on_blocking_thread(move || KINDS.iter().try_for_each(|kind| sync(&folder.join(kind)))).await?)
    }
}

/// All folders are made before the first file is stored: one that is made at work would have to be synced, too.
fn make(folder: &Path) -> Result<(), VaultError> {
    if !folder.is_dir() {
        let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        fs::create_dir_all(parent)?;
        fs::DirBuilder::new().mode(0o700).create(folder)?;
        sync(parent)?;
    }
    for kind in KINDS.into_iter().chain([ORIGINALS]) {
        make_private(&folder.join(kind))?;
    }
    Ok(sync(folder)?)
}

/// A folder for its owner alone; one that is there and open to others is closed to them.
fn make_private(folder: &Path) -> std::io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(cause) if cause.kind() != ErrorKind::AlreadyExists => return Err(cause),
        _ => {}
    }
    let mode = fs::metadata(folder)?.permissions().mode() & 0o777;
    let closed = mode & 0o700;
    if mode == closed {
        return Ok(());
    }
    match fs::set_permissions(folder, fs::Permissions::from_mode(closed)) {
        // A share that has no modes, or somebody else's folder: no backup would be worse than an open one.
        Err(cause) if matches!(cause.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported) => Ok(()),
        changed => changed,
    }
}

/// Removes what interrupted writes have left.
fn sweep(folder: &Path) -> std::io::Result<()> {
    for file in fs::read_dir(folder)? {
        let file = file?;
        if is_staging(&file.file_name().to_string_lossy()) {
            fs::remove_file(file.path())?;
        }
    }
    Ok(())
}

/// The next block of a file; empty at its end.
fn read_piece(file: &mut File) -> std::io::Result<Bytes> {
    let mut piece = Vec::new();
    file.take(BLOCK_BYTES).read_to_end(&mut piece)?;
    Ok(piece.into())
}
