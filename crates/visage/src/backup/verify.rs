//! Reads a whole backup and says whether it can be restored. It changes nothing.

use std::collections::HashMap;

use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use serde::Serialize;
use visage_store::{BlobError, Manifest, SnapshotId, UploadId, Vault, VaultError, VaultFile, VaultOriginal};

use super::AT_ONCE;
use crate::progress::Progress;

/// What was found.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Snapshots that were looked at.
    pub snapshots: u64,
    /// Originals that they name and that should be there.
    pub originals: u64,
    /// Their bytes.
    pub original_bytes: u64,
    /// Originals that were lost before they could be backed up.
    pub lost_originals: u64,
    /// Files and originals that are missing: damage.
    pub missing_objects: u64,
    /// Files and originals that are not what was stored: damage.
    pub damaged_objects: u64,
}

impl Verified {
    /// Whether every snapshot can be restored.
    pub fn is_good(&self) -> bool {
        self.missing_objects + self.damaged_objects == 0
    }

    fn count(&mut self, found: Result<(), VaultError>) -> Result<(), VaultError> {
        match found {
            Ok(()) => return Ok(()),
            Err(error) if !error.is_loss() => return Err(error),
            Err(error) => {
                tracing::error!(error = %error, "the backup is damaged");
                match error {
                    VaultError::Missing(_) => self.missing_objects += 1,
                    _ => self.damaged_objects += 1,
                }
            }
        }
        Ok(())
    }
}

/// The newest snapshot.
///
/// # Errors
/// [`VaultError::Empty`] when there is none.
pub async fn latest(vault: &Vault, now: Timestamp) -> Result<SnapshotId, VaultError> {
    let newest = newest_first(vault, now).await?.into_iter().next();
    newest.ok_or(VaultError::Empty)
}

/// All snapshots. Those of the future come last: a clock that was ahead once must not make old ones the newest for long.
pub(super) async fn newest_first(vault: &Vault, now: Timestamp) -> Result<Vec<SnapshotId>, VaultError> {
    let newest_first = vault.snapshots().await?.into_iter().rev();
    let (future, mut snapshots): (Vec<_>, Vec<_>) = newest_first.partition(|snapshot| snapshot.is_after(now));
    snapshots.extend(future);
    Ok(snapshots)
}

/// Reads everything that a snapshot needs, or that all snapshots need, and compares it with its hashes.
///
/// # Errors
/// When the vault fails otherwise than by damage.
pub async fn verify(vault: &Vault, only: Option<SnapshotId>, progress: &Progress) -> Result<Verified, VaultError> {
    let snapshots = if let Some(snapshot) = only {
        vec![snapshot]
    } else {
        vault.snapshots().await?
    };
    if snapshots.is_empty() {
        return Err(VaultError::Empty);
    }
    let mut verified = Verified::default();
    let mut originals: HashMap<UploadId, VaultOriginal> = HashMap::new();
    for snapshot in snapshots {
        verified.snapshots += 1;
        match vault.manifest(&snapshot).await {
            Ok(manifest) => {
                check_files(vault, &manifest, &mut verified).await?;
                for original in manifest.originals {
                    // What was lost for one snapshot may be there for another.
                    let known = originals.entry(original.upload).or_insert(original);
                    known.lost &= original.lost;
                }
            }
            Err(error) => verified.count(Err(error))?,
        }
    }
    check_originals(vault, originals.into_values().collect(), &mut verified, progress).await?;
    Ok(verified)
}

async fn check_files(vault: &Vault, manifest: &Manifest, verified: &mut Verified) -> Result<(), VaultError> {
    let database = VaultFile::Database(manifest.snapshot.clone());
    verified.count(vault.check_file(&database, &manifest.database).await)?;
    if let Some(secrets) = &manifest.secrets {
        let file = VaultFile::Secrets(manifest.snapshot.clone());
        verified.count(vault.check_file(&file, secrets).await)?;
    }
    Ok(())
}

async fn check_originals(
    vault: &Vault,
    originals: Vec<VaultOriginal>,
    verified: &mut Verified,
    progress: &Progress,
) -> Result<(), VaultError> {
    progress.expect(originals.len() as u64);
    let (lost, kept): (Vec<_>, Vec<_>) = originals.into_iter().partition(|original| original.lost);
    verified.lost_originals = lost.len() as u64;
    verified.originals = kept.len() as u64;
    verified.original_bytes = kept.iter().map(|original| original.bytes).sum();
    let checks = futures_util::stream::iter(kept).map(|original| async move {
        progress.step();
        check_original(vault, &original).await
    });
    let mut checks = checks.buffer_unordered(AT_ONCE);
    while let Some(found) = checks.next().await {
        verified.count(found)?;
    }
    Ok(())
}

async fn check_original(vault: &Vault, original: &VaultOriginal) -> Result<(), VaultError> {
    let VaultOriginal {
        upload, bytes, sha256, ..
    } = original;
    let read = async {
        let mut pieces = vault.originals().stream_original(upload, sha256, *bytes).await?;
        while pieces.try_next().await?.is_some() {}
        Ok(())
    };
    read.await.map_err(|error| original_error(error, upload))
}

/// What is wrong with an original, in a vault's terms.
pub(super) fn original_error(error: BlobError, upload: &UploadId) -> VaultError {
    let name = format!("original {upload}");
    match error {
        BlobError::Missing(_) => VaultError::Missing(name),
        error if error.is_loss() => VaultError::Damaged(name),
        error => error.into(),
    }
}
