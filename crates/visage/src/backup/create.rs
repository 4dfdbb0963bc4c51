//! Makes a backup.

use std::collections::HashMap;
use std::path::Path;

use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use serde::Serialize;
use visage_store::{
    BackupFailure, BlobError, CopyError, Damage, DatabaseCopy, FileFacts, InstallationId, KeptOriginal, Manifest, Put,
    SnapshotId, StoreError, UploadId, Vault, VaultError, VaultFile, VaultLock, VaultOriginal,
};

use super::verify::newest_first;
use super::{AT_ONCE, PAGE, Workspace, prune};
use crate::app::App;
use crate::config::SECRETS_FILE;
use crate::crash;
use crate::progress::Progress;

/// Rounds after which something else must be wrong: each is shorter than the one before.
const ROUNDS: usize = 20;

/// How a backup is to be made.
#[derive(Debug, Clone, Copy)]
pub struct BackupOptions {
    /// How many snapshots are kept.
    pub keep: usize,
    /// Whether what the vault has already is read again, and copied again where it is damaged.
    pub recheck: bool,
    /// Whether a place that holds the backups of another installation is gone on with.
    pub adopt: bool,
}

/// What a backup did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// The name of the snapshot.
    pub snapshot: String,
    /// Everything that was acknowledged before is in it.
    pub taken_at: Timestamp,
    /// Originals in it, and their bytes.
    pub originals: u64,
    /// The bytes of all originals in it.
    pub original_bytes: u64,
    /// Originals that were copied, because the vault had none or, with `recheck`, a damaged one.
    pub copied_originals: u64,
    /// The bytes that were copied.
    pub copied_bytes: u64,
    /// Originals that are lost here and that the vault does not have: damage.
    pub lost_originals: u64,
    /// Older snapshots that were removed.
    pub removed_snapshots: u64,
    /// Originals that were removed because no snapshot names them any more.
    pub removed_originals: u64,
    /// Whether all that was to be removed could be; what is left goes with a later backup.
    pub pruned: bool,
}

/// Why no backup was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Another one is under way.
    #[error("another backup of this data folder is under way")]
    UnderWay,
    /// The place holds the backups of another installation.
    #[error(
        "the newest backup there, {0}, is of another installation, whose backups would make way for those of this one; nothing \
         was changed. If that one was lost here, run `visage restore` with --force; if this one is to go on in its place, run \
         `visage backup` with --adopt"
    )]
    Foreign(SnapshotId),
    /// What was copied went away, again and again.
    #[error("pictures go away faster than they are copied")]
    Outrun,
    /// The place of the backup failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The originals could not be read.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The data folder failed.
    #[error("the data folder: {0}")]
    Io(#[from] std::io::Error),
}

impl BackupError {
    /// Whether another backup is at work, so that there is nothing to worry about.
    pub fn is_under_way(&self) -> bool {
        matches!(
            self,
            Self::UnderWay | Self::Vault(VaultError::Busy | VaultError::Leased)
        )
    }
}

/// [`back_up`], remembered: `/health` and `/metrics` tell when the last backup was.
///
/// # Errors
/// See [`BackupError`].
pub async fn back_up_and_record(
    app: &App,
    vault: Result<Vault, VaultError>,
    options: BackupOptions,
    progress: &Progress,
) -> Result<BackedUp, BackupError> {
    let result = match vault {
        Ok(vault) => back_up(app, &vault, options, progress).await,
        Err(error) => Err(error.into()),
    };
    match &result {
        Ok(done) => app.upkeep.record_backup(done.taken_at).await?,
        Err(error) if error.is_under_way() => {}
        Err(error) => {
            let why = match error {
                BackupError::Foreign(_) => BackupFailure::Foreign,
                _ => BackupFailure::Other,
            };
            app.upkeep.record_failed_backup(app.clock.now(), why).await?;
        }
    }
    result
}

/// Makes a backup, perhaps beside a working server.
///
/// # Errors
/// See [`BackupError`]; older snapshots are as they were.
pub async fn back_up(
    app: &App,
    vault: &Vault,
    options: BackupOptions,
    progress: &Progress,
) -> Result<BackedUp, BackupError> {
    let workspace = Workspace::take(&app.config.data)?.ok_or(BackupError::UnderWay)?;
    let mut lock = vault.lock(workspace.holder(), app.clock.now()).await?;
    let done = back_up_locked(app, vault, options, progress, &workspace, &mut lock).await;
    // However it ended: in a bucket nothing else tells the next one that it has.
    if let Err(error) = lock.release(app.clock.now()).await {
        tracing::warn!(error = %error, "the right to write was not given back; it is over in an hour");
    }
    done
}

async fn back_up_locked(
    app: &App,
    vault: &Vault,
    options: BackupOptions,
    progress: &Progress,
    workspace: &Workspace,
    lock: &mut VaultLock,
) -> Result<BackedUp, BackupError> {
    let installation = app.upkeep.installation().await?;
    if !options.adopt {
        refuse_foreign(vault, installation, app.clock.now()).await?;
    }
    let mut copying = Copying {
        app,
        vault,
        progress,
        installation,
        recheck: options.recheck,
        stored: vault.originals().original_sizes().await.map_err(VaultError::from)?,
        copied_originals: 0,
        copied_bytes: 0,
    };
    for _ in 0..ROUNDS {
        let taken_at = app.clock.now();
        let path = workspace.database()?;
        app.upkeep.copy_database_to(&path).await?;
        let database = DatabaseCopy::open(&path).await?;
        database.prepare().await?;
        database.check().await?;
        crash::point("database-copied").await;
        if let Some(originals) = copying.copy_originals(&database, lock).await? {
            drop(database);
            crash::point("originals-copied").await;
            return finish(&copying, taken_at, &path, originals, options.keep, lock).await;
        }
        tracing::info!("a picture went away before it was copied; the database is copied again");
    }
    Err(BackupError::Outrun)
}

/// A server that was started again after a loss is empty, and another installation. Were its backups to go where those of the lost
/// one are, they would be what is restored, and in the end all that there is.
async fn refuse_foreign(vault: &Vault, installation: InstallationId, now: Timestamp) -> Result<(), BackupError> {
    for snapshot in newest_first(vault, now).await? {
        match vault.manifest(&snapshot).await {
            Ok(manifest) if manifest.installation.is_some_and(|of| of != installation) => {
                return Err(BackupError::Foreign(snapshot));
            }
            Ok(_) => return Ok(()),
            // It does not say whose it is; an older one may.
            Err(error) if error.is_loss() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A backup under way.
struct Copying<'a> {
    app: &'a App,
    vault: &'a Vault,
    progress: &'a Progress,
    installation: InstallationId,
    recheck: bool,
    /// What the vault has.
    stored: HashMap<UploadId, u64>,
    copied_originals: u64,
    copied_bytes: u64,
}

/// What became of one original.
enum Step {
    /// It was there.
    Present(VaultOriginal),
    /// It is there now.
    Copied(VaultOriginal),
    /// Its bytes are lost.
    Lost(VaultOriginal),
    /// Nothing needs it any more, and its bytes have gone.
    Gone,
}

impl Copying<'_> {
    /// Copies what the database names and the vault lacks. `None`: something that it names is no more.
    async fn copy_originals(
        &mut self,
        database: &DatabaseCopy,
        lock: &mut VaultLock,
    ) -> Result<Option<Vec<VaultOriginal>>, BackupError> {
        let (mut originals, mut after, mut is_complete) = (Vec::new(), None, true);
        loop {
            let page = database.originals(after, PAGE).await?;
            self.progress.expect(page.len() as u64);
            let is_last = page.len() < PAGE;
            after = page.last().map(|original| original.upload);
            let steps = futures_util::stream::iter(page).map(|original| self.look_at(original));
            let mut steps = steps.buffered(AT_ONCE).boxed();
            let mut copied = Vec::new();
            while let Some(step) = steps.try_next().await? {
                match step {
                    Step::Present(original) | Step::Lost(original) => originals.push(original),
                    Step::Copied(original) => {
                        copied.push((original.upload, original.bytes));
                        originals.push(original);
                    }
                    Step::Gone => is_complete = false,
                }
                lock.keep(self.app.clock.now()).await?;
            }
            drop(steps);
            self.copied_originals += copied.len() as u64;
            self.copied_bytes += copied.iter().map(|(_, bytes)| bytes).sum::<u64>();
            self.stored.extend(copied);
            if is_last {
                return Ok(is_complete.then_some(originals));
            }
        }
    }

    async fn look_at(&self, original: KeptOriginal) -> Result<Step, BackupError> {
        let KeptOriginal { upload, bytes, sha256 } = original;
        let named = |lost| VaultOriginal {
            upload,
            bytes,
            sha256,
            lost,
        };
        self.progress.step();
        if self.stored.get(&upload) == Some(&bytes) && !(self.recheck && self.is_damaged(&original).await?) {
            return Ok(Step::Present(named(false)));
        }
        let (source, target) = (&self.app.library.blobs, self.vault.originals());
        // Nobody else writes to the vault, and this way it also lies where there are no hard links.
        match target
            .copy_original_from(source, &upload, &sha256, bytes, Put::Replace)
            .await
        {
            Ok(()) => {
                crash::point("original-copied").await;
                Ok(Step::Copied(named(false)))
            }
            Err(CopyError::Source(error)) if error.is_loss() => self.note_loss(&error, named(true)).await,
            Err(CopyError::Source(error)) => Err(error.into()),
            Err(CopyError::Target(error)) => Err(VaultError::from(error).into()),
        }
    }

    /// Whether the vault's own copy is damaged.
    async fn is_damaged(&self, original: &KeptOriginal) -> Result<bool, BackupError> {
        let KeptOriginal { upload, bytes, sha256 } = original;
        let read = async {
            let mut pieces = self.vault.originals().stream_original(upload, sha256, *bytes).await?;
            while pieces.try_next().await?.is_some() {}
            Ok(())
        };
        match read.await {
            Ok(()) => Ok(false),
            Err(error) if BlobError::is_loss(&error) => {
                tracing::warn!(upload = %upload, error = %error, "the backup's copy is damaged and copied again");
                Ok(true)
            }
            Err(error) => Err(VaultError::from(error).into()),
        }
    }

    async fn note_loss(&self, error: &BlobError, original: VaultOriginal) -> Result<Step, BackupError> {
        let damage = if matches!(error, BlobError::Missing(_)) {
            Damage::Missing
        } else {
            Damage::Changed
        };
        let (upkeep, now) = (&self.app.upkeep, self.app.clock.now());
        if !upkeep.record_damage(&original.upload, damage, now).await? {
            return Ok(Step::Gone);
        }
        tracing::error!(upload = %original.upload, error = %error, "the original is lost; the backup goes on without it");
        Ok(Step::Lost(original))
    }
}

async fn finish(
    copying: &Copying<'_>,
    taken_at: Timestamp,
    database: &Path,
    originals: Vec<VaultOriginal>,
    keep: usize,
    lock: &mut VaultLock,
) -> Result<BackedUp, BackupError> {
    let (app, vault) = (copying.app, copying.vault);
    let snapshot = SnapshotId::new(taken_at);
    let mut done = BackedUp {
        snapshot: snapshot.to_string(),
        taken_at,
        originals: originals.len() as u64,
        original_bytes: originals.iter().map(|original| original.bytes).sum(),
        copied_originals: copying.copied_originals,
        copied_bytes: copying.copied_bytes,
        lost_originals: originals.iter().filter(|original| original.lost).count() as u64,
        removed_snapshots: 0,
        removed_originals: 0,
        pruned: true,
    };
    let manifest = Manifest {
        snapshot: snapshot.clone(),
        taken_at,
        release: env!("CARGO_PKG_VERSION").to_owned(),
        installation: Some(copying.installation),
        database: vault.put_file(&VaultFile::Database(snapshot.clone()), database).await?,
        secrets: put_secrets(vault, &snapshot, &app.config.data).await?,
        originals,
    };
    crash::point("snapshot-stored").await;
    lock.confirm(app.clock.now()).await?;
    vault.put_manifest(manifest).await?;
    crash::point("manifest-written").await;
    // The backup is made, whatever comes now.
    match prune::prune(app, vault, lock, keep, &snapshot).await {
        Ok(pruned) => {
            done.removed_snapshots = pruned.snapshots;
            done.removed_originals = pruned.originals;
        }
        Err(error) => {
            done.pruned = false;
            tracing::error!(error = %error, "older backups were not removed; the next one does it");
        }
    }
    Ok(done)
}

/// Without them the store's credentials would change with a restore, and everybody would be signed out.
async fn put_secrets(vault: &Vault, snapshot: &SnapshotId, data: &Path) -> Result<Option<FileFacts>, BackupError> {
    let path = data.join(SECRETS_FILE);
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(
        vault.put_file(&VaultFile::Secrets(snapshot.clone()), &path).await?,
    ))
}
