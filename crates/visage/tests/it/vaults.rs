//! Backups in tests: where they lie, how they are made, and a store that something happens behind the back of.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult,
};
use tempfile::TempDir;
use visage::app::{App, StartError};
use visage::backup::{BackedUp, BackupOptions, Restored, back_up, restore};
use visage::progress::Progress;
use visage_store::{
    BackupFailure, BlobKey, Blobs, Condition, Damage, DamagedUpload, InstallationId, Result, ScrubProgress, StoreError,
    Upkeep, Upload, UploadId, Vault,
};

use crate::test_app::TestApp;

pub(crate) const KEEP: usize = 7;

/// A vault that goes away with its folder.
pub(crate) fn vault() -> (Vault, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open_or_create(folder.path()).unwrap();
    (vault, folder)
}

pub(crate) fn options(keep: usize) -> BackupOptions {
    BackupOptions {
        keep,
        recheck: false,
        adopt: false,
    }
}

pub(crate) async fn backup(t: &TestApp, vault: &Vault, keep: usize) -> BackedUp {
    let options = options(keep);
    back_up(&t.app, vault, options, &Progress::hidden()).await.unwrap()
}

/// Restores what must be good, into an empty folder.
pub(crate) async fn restore_into(data: &Path, vault: &Vault, t: &TestApp) -> Restored {
    let (now, hidden) = (t.app.clock.now(), Progress::hidden());
    restore(data, vault, None, false, now, &hidden).await.unwrap()
}

/// The same app as it was when it was backed up, with its files on the disk.
pub(crate) fn opened(data: &Path, t: &TestApp) -> std::result::Result<App, StartError> {
    let mut config = t.app.config.clone();
    data.clone_into(&mut config.data);
    App::open(config, t.clock.clone())
}

/// The only upload that there is.
pub(crate) async fn only_upload(t: &TestApp) -> Upload {
    let mut assets = t.app.library.catalog.all_assets(None, 2).await.unwrap();
    assert_eq!(assets.len(), 1);
    assets.remove(0).upload
}

/// Flips a bit of an original.
pub(crate) async fn damage(blobs: &Blobs, upload: &Upload) {
    let (id, facts) = (&upload.id, &upload.facts);
    let bytes = blobs.get_original(id, &facts.sha256, facts.bytes).await.unwrap();
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    blobs.delete(&BlobKey::Original(*id)).await.unwrap();
    blobs.put_original(id, bytes.into()).await.unwrap();
}

/// What happens once in between.
pub(crate) type Incident = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Where it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// After the database was copied, before its originals are.
    DatabaseCopied,
    /// After an original was repaired, before that is noted.
    Repaired,
    /// Before the database is copied, which fails.
    NoCopy,
}

/// Notes in which something happens at one moment.
pub(crate) struct Disturbed {
    pub(crate) inner: Arc<dyn Upkeep>,
    pub(crate) moment: Moment,
    pub(crate) incident: Incident,
    pub(crate) happened: AtomicBool,
}

impl std::fmt::Debug for Disturbed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disturbed")
            .field("moment", &self.moment)
            .finish_non_exhaustive()
    }
}

impl Disturbed {
    async fn at(&self, moment: Moment) {
        if self.moment == moment && !self.happened.swap(true, Ordering::SeqCst) {
            (self.incident)().await;
        }
    }
}

#[async_trait]
impl Upkeep for Disturbed {
    async fn record_damage(&self, upload: &UploadId, damage: Damage, now: Timestamp) -> Result<bool> {
        self.inner.record_damage(upload, damage, now).await
    }

    async fn clear_damage(&self, upload: &UploadId) -> Result<bool> {
        self.at(Moment::Repaired).await;
        self.inner.clear_damage(upload).await
    }

    async fn damaged_uploads(&self, after: Option<UploadId>, limit: usize) -> Result<Vec<DamagedUpload>> {
        self.inner.damaged_uploads(after, limit).await
    }

    async fn condition(&self) -> Result<Condition> {
        self.inner.condition().await
    }

    async fn scrub_progress(&self) -> Result<ScrubProgress> {
        self.inner.scrub_progress().await
    }

    async fn save_scrub_progress(&self, progress: ScrubProgress) -> Result<()> {
        self.inner.save_scrub_progress(progress).await
    }

    async fn record_backup(&self, at: Timestamp) -> Result<()> {
        self.inner.record_backup(at).await
    }

    async fn record_failed_backup(&self, at: Timestamp, why: BackupFailure) -> Result<()> {
        self.inner.record_failed_backup(at, why).await
    }

    async fn installation(&self) -> Result<InstallationId> {
        self.inner.installation().await
    }

    async fn copy_database_to(&self, path: &Path) -> Result<()> {
        if self.moment == Moment::NoCopy {
            return Err(StoreError::backend("the disk is broken"));
        }
        self.inner.copy_database_to(path).await?;
        self.at(Moment::DatabaseCopied).await;
        Ok(())
    }
}

/// A bucket in which something happens once, before the first object is deleted.
pub(crate) struct DisturbedBucket {
    pub(crate) inner: Arc<InMemory>,
    pub(crate) incident: Arc<Incident>,
    pub(crate) happened: Arc<AtomicBool>,
}

impl std::fmt::Debug for DisturbedBucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DisturbedBucket")
    }
}

impl std::fmt::Display for DisturbedBucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DisturbedBucket")
    }
}

#[async_trait]
impl ObjectStore for DisturbedBucket {
    async fn put_opts(&self, path: &Key, body: PutPayload, options: PutOptions) -> object_store::Result<PutResult> {
        self.inner.put_opts(path, body, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Key,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Key, options: GetOptions) -> object_store::Result<GetResult> {
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, object_store::Result<Key>>,
    ) -> BoxStream<'static, object_store::Result<Key>> {
        let (incident, happened) = (Arc::clone(&self.incident), Arc::clone(&self.happened));
        let first = futures_util::stream::once(async move {
            if !happened.swap(true, Ordering::SeqCst) {
                incident().await;
            }
        });
        let deleted = self.inner.delete_stream(paths);
        first.filter_map(|()| std::future::ready(None)).chain(deleted).boxed()
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
