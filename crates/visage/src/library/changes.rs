//! Counts changes of what is delivered, so that an answer in memory never outlives one.
//!
//! [`Watched`] stands between this process and its catalog and documents. Whatever may change what a URL is answered with is
//! counted there when it is done and before its caller hears of it; no caller has to think of it. Who keeps an answer reads
//! the counts before it asks the catalog ([`Changes::seen`]) and uses the answer only while they stand
//! ([`Changes::are_current`]): an answer that was made beside a change carries the older count, and is not used.
//!
//! Acts of other processes on the same data, and those that were finished after their caller had gone, the database notices
//! ([`Unannounced`]). It may take two acts in one tick of the file system's clock for one, so who keeps an answer also bounds its
//! age.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use visage_cloudinary::ResourceType;
use visage_store::{
    Asset, AssetFilter, AssetId, AssetKey, AssetOrder, Backup, Catalog, Commit, CommitError, CommitUpload, Cursor,
    Derived, DerivedFacts, DerivedId, DerivedKey, DerivedTotals, Document, DocumentKind, Documents, DoomedUpload,
    EditDetails, Edited, Page, RenameAsset, Renamed, Result, SearchPage, SearchQuery, Sqlite, StoreError, UploadId,
    UploadRecord, Usage,
};

use super::extra::guard_edit;

/// Assets share this many counts: a change of one now and then costs another a look-up, and memory stays bounded.
const COUNTS: usize = 1024;

/// Tells of commits that nobody here was told of.
pub trait Unannounced: Send + Sync + std::fmt::Debug {
    /// How many there were, as far as is known; never more than the true count.
    fn known(&self) -> u64;
    /// How many there were; `None` when that cannot be told at once.
    fn count(&self) -> Option<u64>;
}

impl Unannounced for Sqlite {
    fn known(&self) -> u64 {
        self.known_unannounced_commits()
    }

    fn count(&self) -> Option<u64> {
        self.unannounced_commits()
    }
}

/// How often what is delivered has changed.
#[derive(Debug)]
pub struct Changes {
    unannounced: Option<Arc<dyn Unannounced>>,
    hasher: RandomState,
    of_all: AtomicU64,
    of_assets: Vec<AtomicU64>,
}

/// The counts that an answer depends on, as they were when the work on it began.
#[derive(Debug, Clone)]
pub struct Seen {
    unannounced: Option<u64>,
    of_all: u64,
    of_assets: Vec<(usize, u64)>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            unannounced: None,
            hasher: RandomState::new(),
            of_all: AtomicU64::new(0),
            of_assets: (0..COUNTS).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Changes {
    /// Counts that take in what nobody here was told of.
    pub fn with_unannounced(unannounced: Arc<dyn Unannounced>) -> Self {
        Self {
            unannounced: Some(unannounced),
            ..Self::default()
        }
    }

    /// The counts as they are, for an answer that depends on these assets, whether or not they exist.
    pub fn seen<'a>(&self, keys: impl IntoIterator<Item = &'a AssetKey>) -> Seen {
        // The known count will do: if it is too small, the answer is not used.
        let unannounced = self.unannounced.as_ref().map(|others| others.known());
        let of_all = self.of_all.load(Ordering::SeqCst);
        let of_assets = keys.into_iter().map(|key| {
            let slot = self.slot(key);
            (slot, self.count(slot))
        });
        Seen {
            unannounced,
            of_all,
            of_assets: of_assets.collect(),
        }
    }

    /// Whether nothing has changed since.
    pub fn are_current(&self, seen: &Seen) -> bool {
        seen.unannounced == self.unannounced.as_ref().and_then(|others| others.count())
            && seen.of_all == self.of_all.load(Ordering::SeqCst)
            && seen.of_assets.iter().all(|(slot, count)| self.count(*slot) == *count)
    }

    fn asset(&self, key: &AssetKey) {
        if let Some(count) = self.of_assets.get(self.slot(key)) {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn all(&self) {
        self.of_all.fetch_add(1, Ordering::SeqCst);
    }

    fn count(&self, slot: usize) -> u64 {
        self.of_assets.get(slot).map_or(0, |count| count.load(Ordering::SeqCst))
    }

    #[allow(clippy::cast_possible_truncation, reason = "the lowest bits choose the count")]
    fn slot(&self, key: &AssetKey) -> usize {
        self.hasher.hash_one(key) as usize % COUNTS
    }
}

/// Counts a change when it goes out of scope, so also when the act failed or its caller went away half-way.
struct Counted<'a> {
    changes: &'a Changes,
    keys: Vec<AssetKey>,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if self.keys.is_empty() {
            self.changes.all();
        }
        for key in &self.keys {
            self.changes.asset(key);
        }
    }
}

/// A catalog or documents whose changes are counted.
#[derive(Debug)]
pub struct Watched<T> {
    inner: T,
    changes: Arc<Changes>,
}

impl<T> Watched<T> {
    /// `inner`, with its changes counted in `changes`.
    pub fn new(inner: T, changes: Arc<Changes>) -> Self {
        Self { inner, changes }
    }

    /// To be held during an act that changes these assets; without any, it may change everything.
    fn counted(&self, keys: Vec<AssetKey>) -> Counted<'_> {
        Counted {
            changes: &self.changes,
            keys,
        }
    }
}

/// Uploads under way and derived blobs are not counted while they are recorded and used: no answer depends on them, because a
/// derived blob's name says what is in it. Everything else that writes is counted.
#[async_trait]
impl<T: Catalog> Catalog for Watched<Arc<T>> {
    async fn begin_upload(&self, id: &UploadId, now: Timestamp) -> Result<()> {
        self.inner.begin_upload(id, now).await
    }

    async fn commit_upload(&self, commit: CommitUpload, now: Timestamp) -> Result<Commit, CommitError> {
        let _counted = self.counted(vec![commit.key.clone()]);
        self.inner.commit_upload(commit, now).await
    }

    async fn abandon_upload(&self, id: &UploadId, now: Timestamp) -> Result<()> {
        self.inner.abandon_upload(id, now).await
    }

    async fn find_asset(&self, key: &AssetKey) -> Result<Option<Asset>> {
        self.inner.find_asset(key).await
    }

    async fn find_asset_by_id(&self, id: &AssetId) -> Result<Option<Asset>> {
        self.inner.find_asset_by_id(id).await
    }

    async fn destroy_asset(&self, key: &AssetKey, purge_at: Timestamp, now: Timestamp) -> Result<Option<Asset>> {
        let _counted = self.counted(vec![key.clone()]);
        self.inner.destroy_asset(key, purge_at, now).await
    }

    async fn edit_asset(&self, id: &AssetId, edit: EditDetails, now: Timestamp) -> Result<Option<Edited>> {
        // Which asset it is turns out when it is done.
        let mut counted = self.counted(Vec::new());
        let (edit, refused) = guard_edit(edit);
        let edited = self.inner.edit_asset(id, edit, now).await?;
        if let Some(error) = refused.reason() {
            return Err(StoreError::Damaged(format!("asset {id}: {error}")));
        }
        if let Some(edited) = &edited {
            counted.keys.push(edited.asset.key.clone());
        }
        Ok(edited)
    }

    async fn rename_asset(&self, rename: RenameAsset, now: Timestamp) -> Result<Renamed> {
        let _counted = self.counted(vec![rename.from.clone(), rename.to.clone()]);
        self.inner.rename_asset(rename, now).await
    }

    async fn list_assets(
        &self,
        filter: AssetFilter,
        order: AssetOrder,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Asset>> {
        self.inner.list_assets(filter, order, after, limit).await
    }

    async fn search_assets(&self, query: SearchQuery) -> Result<SearchPage> {
        self.inner.search_assets(query).await
    }

    async fn list_tags(
        &self,
        resource_type: ResourceType,
        prefix: &str,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<String>> {
        self.inner.list_tags(resource_type, prefix, after, limit).await
    }

    async fn backups(&self, id: &AssetId) -> Result<Vec<Backup>> {
        self.inner.backups(id).await
    }

    async fn find_destroyed(&self, key: &AssetKey) -> Result<Option<Backup>> {
        self.inner.find_destroyed(key).await
    }

    async fn drop_backup(&self, upload: &UploadId, purge_at: Timestamp) -> Result<bool> {
        let _counted = self.counted(Vec::new());
        self.inner.drop_backup(upload, purge_at).await
    }

    async fn release_room(&self) -> Result<()> {
        self.inner.release_room().await
    }

    async fn usage(&self) -> Result<Usage> {
        self.inner.usage().await
    }

    async fn forget_destroyed_assets(&self, before: Timestamp) -> Result<u64> {
        self.inner.forget_destroyed_assets(before).await
    }

    async fn doom_abandoned_uploads(&self, begun_before: Timestamp, now: Timestamp) -> Result<u64> {
        self.inner.doom_abandoned_uploads(begun_before, now).await
    }

    async fn due_uploads(&self, now: Timestamp, limit: usize) -> Result<Vec<DoomedUpload>> {
        self.inner.due_uploads(now, limit).await
    }

    async fn forget_upload(&self, id: &UploadId) -> Result<()> {
        let _counted = self.counted(Vec::new());
        self.inner.forget_upload(id).await
    }

    async fn record_derived(&self, key: &DerivedKey, facts: &DerivedFacts, now: Timestamp) -> Result<bool> {
        self.inner.record_derived(key, facts, now).await
    }

    async fn find_derived(&self, key: &DerivedKey) -> Result<Option<Derived>> {
        self.inner.find_derived(key).await
    }

    async fn find_derived_by_id(&self, id: &DerivedId) -> Result<Option<(Asset, Derived)>> {
        self.inner.find_derived_by_id(id).await
    }

    async fn derived_of(&self, upload: &UploadId, after: Option<Cursor>, limit: usize) -> Result<Page<Derived>> {
        self.inner.derived_of(upload, after, limit).await
    }

    async fn derived_by_transformation(
        &self,
        transformation: &str,
        extension: Option<&str>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<(Asset, Derived)>> {
        self.inner
            .derived_by_transformation(transformation, extension, after, limit)
            .await
    }

    async fn used_transformations(
        &self,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<(String, Option<String>)>> {
        self.inner.used_transformations(after, limit).await
    }

    async fn touch_derived(&self, key: &DerivedKey, now: Timestamp) -> Result<()> {
        self.inner.touch_derived(key, now).await
    }

    async fn derived_bytes(&self) -> Result<u64> {
        self.inner.derived_bytes().await
    }

    async fn derived_totals(&self) -> Result<DerivedTotals> {
        self.inner.derived_totals().await
    }

    async fn count_derived(&self, upload: &UploadId, at_most: u64) -> Result<u64> {
        self.inner.count_derived(upload, at_most).await
    }

    async fn crowded_uploads(
        &self,
        at_least: u64,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Vec<(UploadId, u64)>> {
        self.inner.crowded_uploads(at_least, after, limit).await
    }

    async fn least_recent_derived_of(&self, upload: &UploadId, limit: usize) -> Result<Vec<Derived>> {
        self.inner.least_recent_derived_of(upload, limit).await
    }

    async fn least_recent_derived(&self, limit: usize) -> Result<Vec<Derived>> {
        self.inner.least_recent_derived(limit).await
    }

    async fn forget_derived(&self, key: &DerivedKey, used_at: Timestamp) -> Result<bool> {
        let _counted = self.counted(Vec::new());
        self.inner.forget_derived(key, used_at).await
    }

    async fn all_assets(&self, after: Option<AssetId>, limit: usize) -> Result<Vec<Asset>> {
        self.inner.all_assets(after, limit).await
    }

    async fn all_uploads(&self, after: Option<UploadId>, limit: usize) -> Result<Vec<UploadRecord>> {
        self.inner.all_uploads(after, limit).await
    }

    async fn all_derived(&self, after: Option<DerivedKey>, limit: usize) -> Result<Vec<Derived>> {
        self.inner.all_derived(after, limit).await
    }
}

#[async_trait]
impl<T: Documents> Documents for Watched<Arc<T>> {
    async fn create_document(&self, kind: DocumentKind, name: &str, body: Value, now: Timestamp) -> Result<bool> {
        let _counted = self.counted(Vec::new());
        self.inner.create_document(kind, name, body, now).await
    }

    async fn find_document(&self, kind: DocumentKind, name: &str) -> Result<Option<Document>> {
        self.inner.find_document(kind, name).await
    }

    async fn replace_document(&self, seen: &Document, body: Value, now: Timestamp) -> Result<bool> {
        let _counted = self.counted(Vec::new());
        self.inner.replace_document(seen, body, now).await
    }

    async fn delete_document(&self, kind: DocumentKind, name: &str) -> Result<bool> {
        let _counted = self.counted(Vec::new());
        self.inner.delete_document(kind, name).await
    }

    async fn list_documents(&self, kind: DocumentKind, after: Option<Cursor>, limit: usize) -> Result<Page<Document>> {
        self.inner.list_documents(kind, after, limit).await
    }
}

#[cfg(test)]
mod tests {
    use visage_cloudinary::{DeliveryType, PublicId};

    use super::*;

    fn key(name: &str) -> AssetKey {
        AssetKey {
            resource_type: ResourceType::Image,
            delivery_type: DeliveryType::Upload,
            public_id: PublicId::parse(name).unwrap(),
        }
    }

    #[test]
    fn an_answer_is_current_until_one_of_its_assets_or_everything_changes() {
        let changes = Changes::default();
        let seen = changes.seen(&[key("a"), key("b")]);
        let others = (0..).map(|n| key(&format!("other{n}")));
        let elsewhere = others.into_iter().find(|other| {
            let slot = changes.slot(other);
            slot != changes.slot(&key("a")) && slot != changes.slot(&key("b"))
        });
        changes.asset(&elsewhere.unwrap());
        assert!(changes.are_current(&seen));
        changes.asset(&key("b"));
        assert!(!changes.are_current(&seen));
        let seen = changes.seen(&[key("a")]);
        changes.all();
        assert!(!changes.are_current(&seen));
    }

    #[test]
    fn an_act_that_was_given_up_counts() {
        let watched = Watched::new((), Arc::new(Changes::default()));
        let (one, all) = (watched.changes.seen(&[key("a")]), watched.changes.seen(&[]));
        drop(watched.counted(vec![key("a")]));
        assert!(!watched.changes.are_current(&one));
        assert!(watched.changes.are_current(&all));
        drop(watched.counted(Vec::new()));
        assert!(!watched.changes.are_current(&all));
    }
}
