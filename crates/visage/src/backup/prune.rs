//! Removes old snapshots, and what no snapshot names any more.

use std::collections::HashSet;

use visage_store::{BlobKey, SnapshotId, UploadId, Vault, VaultError, VaultFile, VaultLock};

use crate::app::App;
use crate::crash;

/// What was removed.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Pruned {
    pub(super) snapshots: u64,
    pub(super) originals: u64,
}

/// Keeps the newest `keep` snapshots, among them `made`, whatever the clock has done. For who has the vault's lock.
///
/// Manifests go first and durably: from then on nothing names what goes next. Cut off anywhere, the next prune finds the rest. Only
/// while the right to write is there: what another has written meanwhile is not known here.
pub(super) async fn prune(
    app: &App,
    vault: &Vault,
    lock: &mut VaultLock,
    keep: usize,
    made: &SnapshotId,
) -> Result<Pruned, VaultError> {
    lock.confirm(app.clock.now()).await?;
    let (mut kept, mut old, mut unreadable) = (HashSet::from([made.clone()]), Vec::new(), false);
    let mut named: HashSet<UploadId> = HashSet::new();
    let snapshots = vault.snapshots().await?;
    let newest_first = snapshots.into_iter().rev().filter(|snapshot| snapshot != made);
    // One after the other: a manifest may be large.
    for snapshot in [made.clone()].into_iter().chain(newest_first) {
        if kept.len() >= keep && !kept.contains(&snapshot) {
            old.push(VaultFile::Manifest(snapshot));
            continue;
        }
        match vault.manifest(&snapshot).await {
            Ok(manifest) => {
                named.extend(manifest.originals.iter().map(|original| original.upload));
                kept.insert(snapshot);
            }
            // It is no snapshot to count on; but what it may name is left to who looks into it.
            Err(error) if error.is_loss() => {
                tracing::error!(error = %error, "a snapshot cannot be read; its originals are not removed");
                unreadable = true;
            }
            Err(error) => return Err(error),
        }
    }
    lock.keep(app.clock.now()).await?;
    vault.remove(&old).await?;
    crash::point("manifests-removed").await;
    if unreadable {
        return Ok(Pruned {
            snapshots: old.len() as u64,
            originals: 0,
        });
    }
    // Whatever has a manifest that was not looked at is not this one's to remove.
    let files = vault.files().await?;
    let complete: HashSet<SnapshotId> = files
        .iter()
        .filter(|file| matches!(file, VaultFile::Manifest(_)))
        .map(|file| file.snapshot().clone())
        .collect();
    let stale = files.into_iter().filter(|file| !complete.contains(file.snapshot()));
    lock.keep(app.clock.now()).await?;
    vault.remove(&stale.collect::<Vec<_>>()).await?;
    let mut originals = 0;
    for upload in vault.originals().original_sizes().await?.into_keys() {
        if !named.contains(&upload) {
            lock.keep(app.clock.now()).await?;
            vault.originals().delete(&BlobKey::Original(upload)).await?;
            originals += 1;
        }
    }
    Ok(Pruned {
        snapshots: old.len() as u64,
        originals,
    })
}
