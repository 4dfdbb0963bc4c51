//! A place of backups that is no folder.
#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use visage_store::{Blobs, FileFacts, Manifest, Put, Sha256, SnapshotId, UploadId, Vault, VaultError, VaultFile};

const PART_BYTES: usize = 5 * 1024 * 1024;

#[tokio::test]
async fn what_is_stored_below_a_prefix_is_found_there_and_nowhere_else() {
    let store = Arc::new(InMemory::new());
    let vault = vault(&store, "a/b");
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("file");
    for size in [0, 5, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 7] {
        let snapshot = complete(&vault, 10).await;
        let file = VaultFile::Database(snapshot.clone());
        let body: Vec<u8> = (0..=250).cycle().take(size).collect();
        std::fs::write(&path, &body).unwrap();
        let facts = vault.put_file(&file, &path).await.unwrap();
        assert_eq!(facts, facts_of(&body));
        let copy = files.path().join("copy");
        vault.get_file(&file, &facts, &copy).await.unwrap();
        assert_eq!(std::fs::read(&copy).unwrap(), body);
        std::fs::remove_file(copy).unwrap();
        let stored = Path::from(format!("a/b/databases/{snapshot}.db"));
        assert_eq!(store.head(&stored).await.unwrap().size, size as u64);
        assert_eq!(vault.snapshots().await.unwrap(), std::slice::from_ref(&snapshot));
        let others = self::vault(&store, "a");
        assert!(others.snapshots().await.unwrap().is_empty());
        vault.remove(&[VaultFile::Manifest(snapshot), file]).await.unwrap();
    }
    assert!(vault.files().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_original_is_copied_whole_and_right_or_not_at_all() {
    let store = Arc::new(InMemory::new());
    let vault = vault(&store, "backups");
    let (source, upload) = (Blobs::in_memory(), UploadId::random());
    for size in [7, PART_BYTES + 7] {
        let body: Vec<u8> = (0..=250).cycle().take(size).collect();
        let (sha256, bytes) = (Sha256::of(&body), size as u64);
        source.put_original(&upload, body.into()).await.unwrap();
        for wrong in [Sha256::of(b"others"), sha256] {
            let copied = vault
                .originals()
                .copy_original_from(&source, &upload, &wrong, bytes, Put::Replace)
                .await;
            assert_eq!(copied.is_ok(), wrong == sha256, "{copied:?}");
            let stored = vault.originals().original_sizes().await.unwrap();
            let expected = (wrong == sha256).then_some(&bytes);
            assert_eq!(stored.get(&upload), expected);
        }
        for blobs in [&source, vault.originals()] {
            blobs.delete_upload(&upload, &[]).await.unwrap();
        }
    }
}

/// Two data folders, and the lease of one hour.
#[tokio::test]
async fn one_at_a_time_writes_and_who_was_cut_off_goes_on_at_once() {
    let store = Arc::new(InMemory::new());
    let vault = vault(&store, "");
    let lock = vault.lock("me", at(0)).await.unwrap();
    assert_leased(&vault.lock("you", at(0)).await);
    // Cut off.
    drop(lock);
    let mut lock = vault.lock("me", at(60)).await.unwrap();
    assert_leased(&vault.lock("you", at(3659)).await);
    // Kept: it is good for another hour.
    lock.keep(at(960)).await.unwrap();
    assert_leased(&vault.lock("you", at(4559)).await);
    lock.release(at(960)).await.unwrap();
    let lock = vault.lock("you", at(960)).await.unwrap();
    assert_leased(&vault.lock("me", at(960)).await);
    lock.release(at(960)).await.unwrap();
    assert!(store.head(&Path::from("lock")).await.is_err());
}

#[tokio::test]
async fn a_lease_is_over_after_an_hour_and_whoever_had_it_is_told() {
    let store = Arc::new(InMemory::new());
    let vault = vault(&store, "");
    for (begun, taken) in [(0, 3600), (7200, 3600)] {
        let mut mine = vault.lock("me", at(begun)).await.unwrap();
        // A clock that is an hour behind is as far away as one that is an hour ahead.
        let mut yours = vault.lock("you", at(taken)).await.unwrap();
        assert!(mine.keep(at(begun + 899)).await.is_ok(), "it is not asked for yet");
        assert_leased(&mine.keep(at(begun + 900)).await);
        assert_leased(&mine.confirm(at(begun)).await);
        yours.confirm(at(taken)).await.unwrap();
        assert_leased(&mine.release(at(begun)).await);
        yours.release(at(taken)).await.unwrap();
    }
    let mut mine = vault.lock("me", at(0)).await.unwrap();
    vault
        .lock("you", at(3600))
        .await
        .unwrap()
        .release(at(3600))
        .await
        .unwrap();
    assert_leased(&mine.confirm(at(3600)).await);
}

#[tokio::test]
async fn a_lock_that_was_written_though_its_answer_was_lost_is_ones_own() {
    let store = Arc::new(InMemory::new());
    let vault = vault(&store, "");
    let mut mine = vault.lock("me", at(0)).await.unwrap();
    // The same process, as it seems from outside: the version is another one.
    drop(vault.lock("me", at(1)).await.unwrap());
    mine.confirm(at(2)).await.unwrap();
    mine.release(at(2)).await.unwrap();
}

#[tokio::test]
async fn a_lock_that_says_nothing_holds_nobody_up() {
    let store = Arc::new(InMemory::new());
    for text in ["", "{}", "{\"holder\":\"x\",\"renewed_at\":\"soon\"}"] {
        let path = Path::from("lock");
        store.put(&path, text.to_owned().into()).await.unwrap();
        let lock = vault(&store, "").lock("me", at(0)).await.unwrap();
        lock.release(at(0)).await.unwrap();
    }
}

fn vault(store: &Arc<InMemory>, prefix: &str) -> Vault {
    let store: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(store);
    Vault::in_bucket(store, Path::from(prefix))
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::try_from(Duration::from_secs(seconds)).unwrap()
}

#[track_caller]
fn assert_leased<T: std::fmt::Debug>(result: &Result<T, VaultError>) {
    assert!(matches!(result, Err(VaultError::Leased)), "{result:?}");
}

async fn complete(vault: &Vault, seconds: u64) -> SnapshotId {
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
