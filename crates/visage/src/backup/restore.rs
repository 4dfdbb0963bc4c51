//! Brings a data folder back from a backup.
//!
//! Everything is first written beside the data, each file compared with its hash on the way; only when all of it is there, sound
//! and on the disk is it put in place, the database last. Until that is done no server starts in the folder.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
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
use crate::presence::Presence;
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
    /// A command works in it.
    #[error("a command of visage works in the data folder {folder}; wait for its end. Nothing was changed")]
    InUse {
        /// The folder.
        folder: String,
    },
    /// Something came to where the restored is to be put.
    #[error("{path} is in the way of what is restored; move it away and run it again")]
    InTheWay {
        /// What lies there.
        path: String,
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

/// Restores the newest snapshot at the time `now`, or the one that is named. With `force`, what is in the data folder is moved aside.
///
/// # Errors
/// See [`RestoreDataError`]. Before everything in the backup was seen to be good, nothing in the data folder is changed.
pub async fn restore(
    data: &Path,
    vault: &Vault,
    only: Option<SnapshotId>,
    force: bool,
    now: Timestamp,
    progress: &Progress,
) -> Result<Restored, RestoreDataError> {
    let _lock = DataLock::take(data)?;
    let folder = || data.display().to_string();
    let _alone = Presence::alone(data)?.ok_or_else(|| RestoreDataError::InUse { folder: folder() })?;
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
        return Err(RestoreDataError::NotEmpty { folder: folder() });
    }
    let snapshot = match only {
        Some(snapshot) => snapshot,
        None => latest(vault, now).await?,
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
        replaced: is_occupied.then(|| free_aside(data, &snapshot)),
    };
    write_marker(&staged, &done)?;
    crash::point("restore-complete").await;
    put_in_place(data, &staged, &done).await?;
    Ok(done)
}

/// What makes a data folder: for each thing that is restored, the names of all that makes way for it. A log of the database is one:
/// `SQLite` would apply it to whatever database lies beside it.
const PARTS: [(&str, &[&str]); 3] = [
    ("blobs", &["blobs"]),
    (SECRETS_FILE, &[SECRETS_FILE]),
    (
        "visage.db",
        &["visage.db-wal", "visage.db-shm", "visage.db-journal", "visage.db"],
    ),
];

/// Whether anything of a data folder is there: any of it may be somebody's only copy.
fn is_occupied(data: &Path) -> io::Result<bool> {
    for name in PARTS.iter().flat_map(|(_, names)| *names) {
        if is_in_the_way(&data.join(name))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether there is something. An empty folder makes way by itself.
fn is_in_the_way(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Ok(fs::read_dir(path)?.next().is_some()),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A name that nothing has: what an earlier restore of the same snapshot moved aside stays as it is.
fn free_aside(data: &Path, snapshot: &SnapshotId) -> PathBuf {
    let mut aside = data.join(format!("replaced-by-{snapshot}"));
    let mut number = 1_u32;
    while fs::symlink_metadata(&aside).is_ok() {
        number = number.saturating_add(1);
        aside = data.join(format!("replaced-by-{snapshot}-{number}"));
    }
    aside
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

/// The file that says that what was there lies aside.
const CLEARED: &str = "cleared";

/// What is there is moved aside, all of it; then what was restored takes its place, part by part: what is not staged any more is in
/// place already. The staging folder goes last: as long as it is there, no server starts.
async fn put_in_place(data: &Path, staged: &Path, done: &Restored) -> Result<(), RestoreDataError> {
    if let Some(aside) = &done.replaced
        && !staged.join(CLEARED).exists()
    {
        move_aside(data, staged, aside).await?;
    }
    for (part, names) in PARTS {
        let new = staged.join(part);
        if !new.exists() {
            continue;
        }
        // Nothing is overwritten, and no log comes to lie beside a database that it does not belong to.
        for path in names.iter().map(|name| data.join(name)) {
            if is_in_the_way(&path)? {
                let path = path.display().to_string();
                return Err(RestoreDataError::InTheWay { path });
            }
        }
        move_into(&new, data)?;
        sync(data)?;
        crash::point("restore-put-in-place").await;
    }
    fs::remove_dir_all(staged)?;
    Ok(sync(data)?)
}

/// Nothing of what was restored is in place yet, so that whatever is there was there before.
async fn move_aside(data: &Path, staged: &Path, aside: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(aside)?;
    // What a snapshot does not have stays.
    for (_, names) in PARTS.iter().filter(|(part, _)| staged.join(part).exists()) {
        // What is aside already was moved before a crash; since then only an empty folder can have been made.
        for name in names.iter().filter(|name| !aside.join(name).exists()) {
            move_into(&data.join(name), aside)?;
        }
        sync(aside)?;
        sync(data)?;
        crash::point("restore-moved-aside").await;
    }
    File::create(staged.join(CLEARED))?.sync_all()?;
    sync(staged)
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
