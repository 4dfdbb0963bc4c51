//! Brings a data folder back from a backup.
//!
//! Everything is first written beside the data, each file compared with its hash on the way; only when all of it is there, sound
//! and on the disk is it put in place, the database last. Until that is done no server starts in the folder.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use visage_store::{
    BlobError, Blobs, CopyError, DatabaseCopy, Manifest, Put, SnapshotId, StoreError, UploadId, Vault, VaultError,
    VaultFile, VaultOriginal,
};

use super::verify::{latest, original_error};
use super::{AT_ONCE, PAGE};
use crate::app::{DataLock, StartError, blob_folder, database_file, restoring_folder};
use crate::config::SECRETS_FILE;
use crate::crash;
use crate::progress::Progress;

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The name of the snapshot.
    pub snapshot: String,
    /// The time of the state that was restored.
    pub taken_at: Timestamp,
    /// Originals that were restored.
    pub originals: u64,
    /// Their bytes.
    pub original_bytes: u64,
    /// Originals that the backup does not have, because they were lost before: damage.
    pub lost_originals: u64,
    /// Where what was there before lies now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<PathBuf>,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreDataError {
    /// There is something already.
    #[error(
        "the data folder {folder} is not empty; with --force, what is there is moved aside when all of the backup is good"
    )]
    NotEmpty {
        /// The folder.
        folder: String,
    },
    /// The data folder cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The backup failed or is damaged.
    #[error("{0}; nothing was changed")]
    Vault(#[from] VaultError),
    /// The database in the backup cannot be used.
    #[error("the database in the backup: {0}; nothing was changed")]
    Database(#[source] StoreError),
    /// The originals could not be written.
    #[error("the data folder: {0}; nothing was changed")]
    Blobs(#[from] BlobError),
    /// The data folder failed.
    #[error("the data folder: {0}; run it again")]
    Io(#[from] io::Error),
}

/// Restores the newest snapshot, or the one that is named. With `force`, what is in the data folder is moved aside.
///
/// # Errors
/// See [`RestoreDataError`]. Before everything in the backup was seen to be good, nothing in the data folder is changed.
pub async fn restore(
    data: &Path,
    vault: &Vault,
    only: Option<SnapshotId>,
    force: bool,
    progress: &Progress,
) -> Result<Restored, RestoreDataError> {
    let _lock = DataLock::take(data)?;
    let staged = restoring_folder(data);
    if let Some(done) = read_marker(&staged)? {
        tracing::info!(
            snapshot = done.snapshot,
            "a restore was cut off while it was put in place; it is finished"
        );
        put_in_place(data, &staged, &done).await?;
        return Ok(done);
    }
    let is_occupied = is_occupied(data)?;
    if is_occupied && !force {
        return Err(RestoreDataError::NotEmpty {
            folder: data.display().to_string(),
        });
    }
    let snapshot = match only {
        Some(snapshot) => snapshot,
        None => latest(vault).await?,
    };
    let manifest = vault.manifest(&snapshot).await?;
    make_staging(data, &staged)?;
    if let Err(error) = stage(&staged, vault, &manifest, progress).await {
        // Nothing is in place yet: the folder is as it was.
        fs::remove_dir_all(&staged)?;
        return Err(error);
    }
    crash::point("restore-staged").await;
    let (lost, kept): (Vec<&VaultOriginal>, Vec<_>) = manifest.originals.iter().partition(|original| original.lost);
    let done = Restored {
        snapshot: snapshot.to_string(),
        taken_at: manifest.taken_at,
        originals: kept.len() as u64,
        original_bytes: kept.iter().map(|original| original.bytes).sum(),
        lost_originals: lost.len() as u64,
        replaced: is_occupied.then(|| data.join(format!("replaced-by-{snapshot}"))),
    };
    write_marker(&staged, &done)?;
    crash::point("restore-complete").await;
    put_in_place(data, &staged, &done).await?;
    Ok(done)
}

/// What makes a data folder: any of it may be somebody's only copy.
fn is_occupied(data: &Path) -> io::Result<bool> {
    let files = [database_file(data), data.join(SECRETS_FILE)];
    let has_blobs = fs::read_dir(blob_folder(data))?.next().is_some();
    Ok(has_blobs || files.iter().any(|file| file.exists()))
}

/// A fresh folder for what is not in place yet. What a restore that was cut off has left goes away.
fn make_staging(data: &Path, staged: &Path) -> io::Result<()> {
    if staged.exists() {
        fs::remove_dir_all(staged)?;
    }
    fs::create_dir(staged)?;
    sync(data)
}

/// The file that says that all of the backup is here and good, and what there is to be told of it in the end.
const MARKER: &str = "complete.json";

fn write_marker(staged: &Path, done: &Restored) -> io::Result<()> {
    let new = staged.join("complete.json.new");
    let mut file = File::create(&new)?;
    serde_json::to_writer(&mut file, done)?;
    file.sync_all()?;
    fs::rename(&new, staged.join(MARKER))?;
    sync(staged)
}

fn read_marker(staged: &Path) -> io::Result<Option<Restored>> {
    match fs::read(staged.join(MARKER)) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn stage(staged: &Path, vault: &Vault, manifest: &Manifest, progress: &Progress) -> Result<(), RestoreDataError> {
    let (snapshot, database) = (&manifest.snapshot, database_file(staged));
    vault
        .get_file(&VaultFile::Database(snapshot.clone()), &manifest.database, &database)
        .await?;
    if let Some(facts) = &manifest.secrets {
        let file = VaultFile::Secrets(snapshot.clone());
        vault.get_file(&file, facts, &staged.join(SECRETS_FILE)).await?;
    }
    check_database(&database, manifest).await?;
    crash::point("restore-database-staged").await;
    let blobs = Blobs::on_disk(&blob_folder(staged))?;
    progress.expect(manifest.originals.len() as u64);
    let kept = manifest.originals.iter().filter(|original| !original.lost);
    let copies = futures_util::stream::iter(kept).map(|original| {
        let blobs = &blobs;
        async move {
            progress.step();
            copy(vault, blobs, original).await?;
            crash::point("restore-original-staged").await;
            Ok::<_, RestoreDataError>(())
        }
    });
    copies.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    Ok(sync(staged)?)
}

/// The database must be sound, and manifest and database must agree on what there is.
async fn check_database(database: &Path, manifest: &Manifest) -> Result<(), RestoreDataError> {
    let in_manifest: HashMap<UploadId, &VaultOriginal> = manifest
        .originals
        .iter()
        .map(|original| (original.upload, original))
        .collect();
    let copy = DatabaseCopy::open(database).await.map_err(RestoreDataError::Database)?;
    copy.check().await.map_err(RestoreDataError::Database)?;
    let (mut after, mut count) = (None, 0);
    loop {
        let page = copy.originals(after, PAGE).await.map_err(RestoreDataError::Database)?;
        for kept in &page {
            let named = in_manifest.get(&kept.upload);
            if named.is_none_or(|named| (named.bytes, named.sha256) != (kept.bytes, kept.sha256)) {
                return Err(VaultError::Missing(format!("original {}", kept.upload)).into());
            }
        }
        count += page.len();
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.upload),
            _ => break,
        }
    }
    if count == in_manifest.len() {
        Ok(())
    } else {
        Err(VaultError::Damaged(format!("the manifest of {}", manifest.snapshot)).into())
    }
}

async fn copy(vault: &Vault, blobs: &Blobs, original: &VaultOriginal) -> Result<(), RestoreDataError> {
    let VaultOriginal {
        upload, bytes, sha256, ..
    } = original;
    let copied = blobs.copy_original_from(vault.originals(), upload, sha256, *bytes, Put::Create);
    match copied.await {
        Ok(()) => Ok(()),
        Err(CopyError::Source(error)) => Err(original_error(error, upload).into()),
        Err(CopyError::Target(error)) => Err(error.into()),
    }
}

/// What is there is moved aside and what was restored takes its place, one after the other; what is not staged any more is in
/// place already. The staging folder goes last: as long as it is there, no server starts.
async fn put_in_place(data: &Path, staged: &Path, done: &Restored) -> io::Result<()> {
    // A log that lies beside a database it does not belong to would destroy it.
    let database: &[&str] = &["visage.db-wal", "visage.db-shm", "visage.db"];
    let items = [
        (blob_folder(staged), &["blobs"][..]),
        (staged.join(SECRETS_FILE), &[SECRETS_FILE]),
        (database_file(staged), database),
    ];
    for (new, old) in items {
        if !new.exists() {
            continue;
        }
        if let Some(aside) = &done.replaced {
            fs::create_dir_all(aside)?;
            // What is there already was moved before a crash; since then only an empty folder can have been made.
            for name in old.iter().filter(|name| !aside.join(name).exists()) {
                move_into(&data.join(name), aside)?;
            }
            sync(aside)?;
            sync(data)?;
        }
        crash::point("restore-moved-aside").await;
        move_into(&new, data)?;
        sync(data)?;
        crash::point("restore-put-in-place").await;
    }
    fs::remove_dir_all(staged)?;
    sync(data)
}

/// Moves a file or a folder into another folder, unless there is none. An empty folder there makes way.
fn move_into(from: &Path, folder: &Path) -> io::Result<()> {
    let Some(name) = from.file_name() else { return Ok(()) };
    match fs::rename(from, folder.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        moved => moved,
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
