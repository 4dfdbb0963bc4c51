//! Where snapshots of everything that is kept lie, outside of the data folder.
//!
//! A vault holds each original once, under the name of its upload, however many snapshots name it; and for each snapshot a copy
//! of the database, the generated secrets, and a [`Manifest`] with the size and hash of all of it. The manifest is written last:
//! without one there is no snapshot. What is in a vault never changes, so a copy of it is a vault again.
//!
//! One process at a time writes to a vault ([`Vault::lock`]); the system gives the lock of one that ends to the next. Reading needs
//! no lock: everything is checked against the manifest. Vaults are folders so far.

mod error;
mod key;
mod manifest;

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, WriteMultipart};
use sha2::Digest as _;
use url::Url;

pub use error::VaultError;
pub use key::{SnapshotId, VaultFile};
pub use manifest::{FileFacts, Manifest, VaultOriginal};

use crate::blobs::folder::{is_staging, on_blocking_thread, sync};
use crate::blobs::{BLOCK_BYTES, Blobs, ORIGINALS, whole};
use crate::ids::Sha256;
use key::KINDS;

/// The name of the file that is locked while somebody writes.
const LOCK: &str = "lock";

/// Parts of a file that are on their way at once.
const PARTS_AT_ONCE: usize = 2;

/// A larger manifest is none: it would be one of a hundred million originals.
const MAX_MANIFEST_BYTES: u64 = 16 << 30;

/// A place for snapshots. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vault {
    folder: PathBuf,
    originals: Blobs,
    files: Arc<LocalFileSystem>,
}

/// The right to write to a vault. It ends with the process, however that ends.
#[derive(Debug)]
pub struct VaultLock {
    _file: File,
}

impl Vault {
    /// The folder that an address means, a path or a `file:` URL.
    ///
    /// # Errors
    /// [`VaultError::Address`] for any other URL.
    pub fn folder_of(address: &str) -> Result<PathBuf, VaultError> {
        let refused = || VaultError::Address(address.to_owned());
        if !address.contains("://") {
            return (!address.is_empty())
                .then(|| PathBuf::from(address))
                .ok_or_else(refused);
        }
        let url = Url::parse(address).map_err(|_no_url| refused())?;
        let is_folder = url.scheme() == "file";
        is_folder.then(|| url.to_file_path().ok()).flatten().ok_or_else(refused)
    }

    /// The vault at `address`. Blocks.
    ///
    /// # Errors
    /// [`VaultError::None`] when there is none, and those of [`Self::folder_of`].
    pub fn open(address: &str) -> Result<Self, VaultError> {
        let folder = Self::folder_of(address)?;
        if !folder.join(VaultFile::MANIFESTS).is_dir() {
            return Err(VaultError::None(folder.display().to_string()));
        }
        Self::at(&folder, false)
    }

    /// The vault at `address`, which is made if there is none. What is in it (everybody's pictures, the secrets) is for its owner
    /// alone, also in a folder that was there and is open to others. Blocks.
    ///
    /// # Errors
    /// [`VaultError::Io`] when it cannot be made, and those of [`Self::folder_of`].
    pub fn open_or_create(address: &str) -> Result<Self, VaultError> {
        let folder = Self::folder_of(address)?;
        make(&folder)?;
        Self::at(&folder, true)
    }

    fn at(folder: &Path, make: bool) -> Result<Self, VaultError> {
        Ok(Self {
            folder: folder.to_owned(),
            originals: Blobs::originals_on_disk(folder, make)?,
            files: Arc::new(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true)),
        })
    }

    /// The originals.
    pub fn originals(&self) -> &Blobs {
        &self.originals
    }

    /// Takes the right to write, and clears away what an interrupted writer has left.
    ///
    /// # Errors
    /// [`VaultError::Busy`] while somebody else has it.
    pub async fn lock(&self) -> Result<VaultLock, VaultError> {
        let path = self.folder.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(VaultError::Busy),
            Err(fs::TryLockError::Error(cause)) => return Err(cause.into()),
        }
        self.originals.sweep_staging().await?;
        let folder = self.folder.clone();
        on_blocking_thread(move || KINDS.iter().try_for_each(|kind| sweep(&folder.join(kind)))).await?;
        Ok(VaultLock { _file: file })
    }

    /// Stores a file of a snapshot durably and tells what it was.
    ///
    /// # Errors
    /// When the file cannot be read or stored.
    pub async fn put_file(&self, key: &VaultFile, path: &Path) -> Result<FileFacts, VaultError> {
        let mut file = File::open(path)?;
        let mut hasher = sha2::Sha256::new();
        let mut upload = WriteMultipart::new(self.files.put_multipart(&key.path()).await?);
        let mut bytes = 0;
        loop {
            let (piece, back) = on_blocking_thread(move || Ok((read_piece(&mut file)?, file))).await?;
            file = back;
            if piece.is_empty() {
                break;
            }
            bytes += piece.len() as u64;
            hasher.update(&piece);
            upload.wait_for_capacity(PARTS_AT_ONCE).await?;
            upload.put(piece);
        }
        upload.finish().await?;
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
    ) -> Result<futures_util::stream::BoxStream<'static, Result<Bytes, VaultError>>, VaultError> {
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
        let path = VaultFile::Manifest(manifest.snapshot.clone()).path();
        let text = on_blocking_thread(move || Ok(Bytes::from(manifest.to_text()?))).await?;
        // Its name is random, so it is free; to refuse one that is not would take hard links.
        self.files
            .put_opts(&path, text.into(), PutMode::Overwrite.into())
            .await?;
        Ok(())
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
        let folder = self.folder.clone();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_is_a_folder_so_far() {
        for (address, folder) in [
            ("/mnt/backup", Some("/mnt/backup")),
            ("backup", Some("backup")),
            ("file:///mnt/a%20b", Some("/mnt/a b")),
            ("", None),
            ("s3://bucket/path", None),
            ("file://host/path", None),
            ("https://example.com", None),
        ] {
            assert_eq!(Vault::folder_of(address).ok(), folder.map(PathBuf::from), "{address}");
        }
        let told = Vault::folder_of("s3://bucket").unwrap_err().to_string();
        assert!(told.contains("s3://bucket"), "{told}");
    }
}
