//! A place of backups that is in a bucket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt as _,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use visage_store::{Blobs, Put, Sha256, UploadId, Vault, VaultError, VaultFile};

use crate::{at, complete, facts_of};

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
        assert!(mine.keep(at(begun + 59)).await.is_ok(), "it is not asked for yet");
        assert_leased(&mine.keep(at(begun + 60)).await);
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

/// A store that loses answers, or does not know conditions.
#[derive(Debug)]
struct Odd {
    inner: InMemory,
    loses_an_answer: AtomicBool,
    ignores_conditions: bool,
}

impl std::fmt::Display for Odd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Odd")
    }
}

#[async_trait]
impl ObjectStore for Odd {
    async fn put_opts(&self, path: &Path, body: PutPayload, mut options: PutOptions) -> Result<PutResult> {
        if self.ignores_conditions {
            options.mode = PutMode::Overwrite;
        }
        let again = options.clone();
        let put = self.inner.put_opts(path, body.clone(), options).await;
        if self.loses_an_answer.swap(false, Ordering::Relaxed) {
            // As clients do.
            return self.inner.put_opts(path, body, again).await;
        }
        put
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn odd(ignores_conditions: bool) -> Arc<Odd> {
    Arc::new(Odd {
        inner: InMemory::new(),
        loses_an_answer: AtomicBool::new(false),
        ignores_conditions,
    })
}

#[tokio::test]
async fn a_lock_that_was_written_though_its_answer_was_lost_is_ones_own() {
    let store = odd(false);
    let vault = Vault::in_bucket(Arc::<Odd>::clone(&store), Path::default());
    let mut lock = vault.lock("me", at(0)).await.unwrap();
    for second in 1..3 {
        store.loses_an_answer.store(true, Ordering::Relaxed);
        lock.confirm(at(second)).await.unwrap();
    }
    lock.release(at(2)).await.unwrap();
    vault.lock("you", at(3)).await.unwrap();
}

#[tokio::test]
async fn of_two_that_believe_they_are_the_same_the_first_is_told() {
    let store = Arc::new(InMemory::new());
    let vault = vault(&store, "");
    let mut first = vault.lock("me", at(0)).await.unwrap();
    let mut second = vault.lock("me", at(1)).await.unwrap();
    assert_leased(&first.confirm(at(2)).await);
    second.confirm(at(3)).await.unwrap();
}

#[tokio::test]
async fn a_store_that_does_not_know_conditions_is_refused() {
    let vault = Vault::in_bucket(odd(true), Path::default());
    for _ in 0..2 {
        let refused = vault.lock("me", at(0)).await;
        assert!(matches!(refused, Err(VaultError::Unconditional)), "{refused:?}");
    }
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

#[track_caller]
fn assert_leased<T: std::fmt::Debug>(result: &std::result::Result<T, VaultError>) {
    assert!(matches!(result, Err(VaultError::Leased)), "{result:?}");
}
