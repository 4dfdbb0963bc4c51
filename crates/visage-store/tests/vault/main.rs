#![cfg(test)]
//! The place of backups, wherever it is.

mod bucket;
mod folder;

use jiff::Timestamp;
use visage_store::{FileFacts, Manifest, Sha256, SnapshotId, Vault};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// Completes a snapshot of nothing, taken at that time.
async fn complete(vault: &Vault, seconds: i64) -> SnapshotId {
    let manifest = Manifest {
        snapshot: SnapshotId::new(at(seconds)),
        taken_at: at(seconds),
        release: "0.1.0".to_owned(),
        installation: None,
        database: facts_of(b""),
        secrets: None,
        originals: Vec::new(),
    };
    let snapshot = manifest.snapshot.clone();
    vault.put_manifest(manifest).await.unwrap();
    snapshot
}

fn facts_of(body: &[u8]) -> FileFacts {
    FileFacts {
        bytes: body.len() as u64,
        sha256: Sha256::of(body),
    }
}
