//! Removes old snapshots, and what no snapshot names any more.

use std::collections::HashSet;

use visage_store::{BlobKey, SnapshotId, UploadId, Vault, VaultError, VaultFile};

use crate::crash;

/// What was removed.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Pruned {
    pub(super) snapshots: u64,
    pub(super) originals: u64,
}

/// Keeps the newest `keep` snapshots, among them `made`, whatever the clock has done. For who has the vault's lock.
///
/// Manifests go first and durably: from then on nothing names what goes next. Cut off anywhere, the next prune finds the rest.
pub(super) async fn prune(vault: &Vault, keep: usize, made: &SnapshotId) -> Result<Pruned, VaultError> {
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
    vault.remove(&old).await?;
    crash::point("manifests-removed").await;
    if unreadable {
        return Ok(Pruned {
            snapshots: old.len() as u64,
            originals: 0,
        });
    }
    let files = vault.files().await?;
    let stale: Vec<VaultFile> = files
        .into_iter()
        .filter(|file| !kept.contains(file.snapshot()))
        .collect();
    vault.remove(&stale).await?;
    let mut originals = 0;
    for upload in vault.originals().original_sizes().await?.into_keys() {
        if !named.contains(&upload) {
            vault.originals().delete(&BlobKey::Original(upload)).await?;
            originals += 1;
        }
    }
    Ok(Pruned {
        snapshots: old.len() as u64,
        originals,
    })
}
