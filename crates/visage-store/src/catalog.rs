//! The catalog of the embedded media store: assets, their uploads, the blobs derived from them.
//!
//! It keeps facts, never bytes, and decides nothing about HTTP. The order of a caller's acts keeps catalog and blobs in step:
//!
//! - an original: `begin_upload`, put the blob, `commit_upload`;
//! - a derived blob: `record_derived`, put the blob, and delete it if `find_derived` finds its row gone meanwhile (a recorded
//!   blob that is missing is simply made again);
//! - a purge: `due_uploads`, delete every blob of the upload, `forget_upload`;
//! - an eviction: `least_recent_derived`, delete the blob, `forget_derived`.
//!
//! So a crash leaves rows without blobs, which are found by a query, and no blob without a row, which would need a scan.

use async_trait::async_trait;
use jiff::Timestamp;
use visage_cloudinary::{ImageFormat, Recipe, ResourceType};

use crate::asset::{Asset, AssetDetails, AssetKey, Backup, UploadFacts};
use crate::error::{Result, StoreError};
use crate::ids::{AssetId, DerivedId, Sha256, UploadId};
use crate::listing::{AssetFilter, AssetOrder, Cursor, Page, SearchPage, SearchQuery};

/// Assets and uploads. Every method is one whole act: it happens entirely or not at all.
///
/// # Errors
/// Every method fails with [`StoreError`] when the database does.
#[async_trait]
pub trait Catalog: Send + Sync + std::fmt::Debug {
    /// Records an upload before its first byte is stored. It is *pending* until it is committed or abandoned.
    async fn begin_upload(&self, id: &UploadId, now: Timestamp) -> Result<()>;

    /// Makes a pending upload, whose bytes are stored durably, the current one of its asset.
    ///
    /// The asset's version becomes `max(seconds of now, previous version + 1)`, also if the asset was destroyed in between.
    ///
    /// # Errors
    /// [`CommitError::NotPending`] when the upload was never begun, is committed already, or was abandoned meanwhile.
    async fn commit_upload(&self, commit: CommitUpload, now: Timestamp) -> Result<Commit, CommitError>;

    /// Gives up a pending upload: its bytes, if any, may be purged at once. An upload that is not pending is left alone.
    ///
    /// Only call this when nobody writes the bytes any more. After a timeout somebody may: leave the upload pending, and
    /// [`Self::doom_abandoned_uploads`] gets it.
    async fn abandon_upload(&self, id: &UploadId, now: Timestamp) -> Result<()>;

    /// The asset with this key and its current upload.
    async fn find_asset(&self, key: &AssetKey) -> Result<Option<Asset>>;

    /// The asset with this id.
    async fn find_asset_by_id(&self, id: &AssetId) -> Result<Option<Asset>>;

    /// Removes the asset and returns it as it was; its upload becomes a [`Backup`] when its details say so, and may otherwise
    /// be purged from `purge_at` on. `None`: there is no such asset.
    async fn destroy_asset(&self, key: &AssetKey, purge_at: Timestamp, now: Timestamp) -> Result<Option<Asset>>;

    /// Changes what is said of an asset. `edit` sees the details as they are and changes them; nobody else changes them
    /// meanwhile. It may be called several times. `None`: there is no such asset.
    async fn edit_asset(&self, id: &AssetId, edit: EditDetails, now: Timestamp) -> Result<Option<Edited>>;

    /// Gives the asset another key; its id, its version and its upload stay. What has the new key already is destroyed when
    /// `overwrite` allows it, as by [`Self::destroy_asset`].
    async fn rename_asset(&self, rename: RenameAsset, now: Timestamp) -> Result<Renamed>;

    /// Up to `limit` assets that pass `filter`. At `after`, the page begins where that of the cursor ended.
    async fn list_assets(
        &self,
        filter: AssetFilter,
        order: AssetOrder,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Asset>>;

    /// The assets that a search expression means.
    async fn search_assets(&self, query: SearchQuery) -> Result<SearchPage>;

    /// Up to `limit` tags of assets of this type that begin with `prefix`, in order.
    async fn list_tags(
        &self,
        resource_type: ResourceType,
        prefix: &str,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<String>>;

    /// Kept uploads of an asset that exists or existed, newest first.
    async fn backups(&self, id: &AssetId) -> Result<Vec<Backup>>;

    /// The newest kept upload of an asset that had this key and is no more.
    async fn find_destroyed(&self, key: &AssetKey) -> Result<Option<Backup>>;

    /// Dooms a kept upload. `false`: there is no such backup.
    async fn drop_backup(&self, upload: &UploadId, purge_at: Timestamp) -> Result<bool>;

    /// Gives back room on the disk that the database holds and does not need. For a disk that is full.
    async fn release_room(&self) -> Result<()>;

    /// How much there is.
    async fn usage(&self) -> Result<Usage>;

    /// Drops the remembered versions of destroyed assets where they are older than `before`; returns how many.
    ///
    /// A later upload gets a greater version without them. A clock that never steps back would allow `before = now`; leave a
    /// day for one that does.
    async fn forget_destroyed_assets(&self, before: Timestamp) -> Result<u64>;

    /// Dooms every upload that is pending and was begun before `begun_before`; returns how many.
    async fn doom_abandoned_uploads(&self, begun_before: Timestamp, now: Timestamp) -> Result<u64>;

    /// Up to `limit` doomed uploads whose time to be purged has come, longest due first.
    async fn due_uploads(&self, now: Timestamp, limit: usize) -> Result<Vec<DoomedUpload>>;

    /// Forgets a doomed upload, and its derived blobs, after its last byte was deleted. Any other upload is left alone.
    async fn forget_upload(&self, id: &UploadId) -> Result<()>;

    /// Records (again) a blob about to be derived. `false`: the upload is not live any more, do not store the blob.
    ///
    /// Its [`Derived::used_at`] becomes `now`, or more: it is never what it was before, whatever the clock does.
    async fn record_derived(&self, key: &DerivedKey, facts: &DerivedFacts, now: Timestamp) -> Result<bool>;

    /// What is known of a derived blob.
    async fn find_derived(&self, key: &DerivedKey) -> Result<Option<Derived>>;

    /// The derived blob with this id, and the asset that it is of.
    async fn find_derived_by_id(&self, id: &DerivedId) -> Result<Option<(Asset, Derived)>>;

    /// Up to `limit` derived blobs of an upload, in the order of their ids.
    async fn derived_of(&self, upload: &UploadId, after: Option<Cursor>, limit: usize) -> Result<Page<Derived>>;

    /// Up to `limit` derived blobs of current uploads that were asked for with exactly this transformation (and, when given,
    /// this extension), with their assets.
    async fn derived_by_transformation(
        &self,
        transformation: &str,
        extension: Option<&str>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<(Asset, Derived)>>;

    /// Up to `limit` transformations (with extension) that derived blobs were asked for with, in order, each once.
    async fn used_transformations(&self, after: Option<Cursor>, limit: usize)
    -> Result<Page<(String, Option<String>)>>;

    /// Notes that a derived blob was used. It is a write, so callers do it now and then (see [`Derived::used_at`]).
    async fn touch_derived(&self, key: &DerivedKey, now: Timestamp) -> Result<()>;

    /// Bytes of all derived blobs together.
    async fn derived_bytes(&self) -> Result<u64>;

    /// Number and bytes of all derived blobs together.
    async fn derived_totals(&self) -> Result<DerivedTotals>;

    /// Derived blobs of an upload, counted up to `at_most`.
    async fn count_derived(&self, upload: &UploadId, at_most: u64) -> Result<u64>;

    /// Up to `limit` uploads greater than `after` that have `at_least` so many derived blobs, by id, each with their number.
    async fn crowded_uploads(
        &self,
        at_least: u64,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Vec<(UploadId, u64)>>;

    /// Up to `limit` derived blobs of an upload, least recently used first.
    async fn least_recent_derived_of(&self, upload: &UploadId, limit: usize) -> Result<Vec<Derived>>;

    /// Up to `limit` derived blobs, least recently used first.
    async fn least_recent_derived(&self, limit: usize) -> Result<Vec<Derived>>;

    /// Forgets a derived blob after its bytes were deleted, if nobody recorded or touched it since it was found with this
    /// [`Derived::used_at`]: new bytes may have been stored under its name. `false`: there is no such row (any more).
    async fn forget_derived(&self, key: &DerivedKey, used_at: Timestamp) -> Result<bool>;

    /// For audits: up to `limit` assets whose id is greater than `after`, by id.
    async fn all_assets(&self, after: Option<AssetId>, limit: usize) -> Result<Vec<Asset>>;

    /// For audits: up to `limit` uploads whose id is greater than `after`, by id.
    async fn all_uploads(&self, after: Option<UploadId>, limit: usize) -> Result<Vec<UploadRecord>>;

    /// For audits: up to `limit` derived blobs whose key is greater than `after`, by key.
    async fn all_derived(&self, after: Option<DerivedKey>, limit: usize) -> Result<Vec<Derived>>;
}

/// How [`Catalog::edit_asset`] changes an asset.
pub type EditDetails = Box<dyn Fn(&mut AssetDetails) + Send + Sync>;

/// What [`Catalog::edit_asset`] did.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    /// The details as they were.
    pub before: AssetDetails,
    /// The asset as it is.
    pub asset: Asset,
}

/// What [`Catalog::rename_asset`] is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenameAsset {
    /// The key that it has.
    pub from: AssetKey,
    /// The key that it gets; of the same resource type.
    pub to: AssetKey,
    /// Whether an asset with the new key makes way.
    pub overwrite: bool,
    /// When the upload of an asset that made way may be purged.
    pub purge_at: Timestamp,
}

/// What [`Catalog::rename_asset`] did.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "it is an answer, taken apart at once")]
pub enum Renamed {
    /// It has its new key.
    Done(Asset),
    /// There is no asset with the old key.
    NotFound,
    /// Another asset has the new key.
    Taken,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Assets.
    pub assets: u64,
    /// Bytes of their originals.
    pub original_bytes: u64,
    /// Derived blobs.
    pub derived: u64,
    /// Bytes of derived blobs.
    pub derived_bytes: u64,
    /// Bytes of uploads that are kept as backups.
    pub backup_bytes: u64,
}

/// What [`Catalog::commit_upload`] is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitUpload {
    /// The pending upload.
    pub id: UploadId,
    /// The asset it becomes.
    pub key: AssetKey,
    /// What it is.
    pub facts: UploadFacts,
    /// Whether an asset of that name is replaced; if not, it is kept.
    pub overwrite: bool,
    /// When a replaced upload may be purged.
    pub purge_at: Timestamp,
    /// What people say of it; whatever was said of a replaced one is forgotten.
    pub details: AssetDetails,
    /// The id of a new asset; random if `None`. For an asset that is restored.
    pub asset_id: Option<AssetId>,
}

/// What [`Catalog::commit_upload`] did.
#[derive(Debug, Clone, PartialEq)]
pub enum Commit {
    /// The upload is the asset's current one.
    Stored {
        /// The asset.
        asset: Asset,
        /// Whether another upload was current before.
        overwritten: bool,
    },
    /// There was an asset and it was to be kept: here it is. The upload is doomed.
    Existing(Asset),
}

/// Why an upload was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The upload is not pending: its time was up, or it never began.
    #[error("the upload is no longer pending")]
    NotPending,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An upload to be purged, with everything that was derived from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoomedUpload {
    /// The upload.
    pub id: UploadId,
    /// Its derived blobs.
    pub recipes: Vec<Recipe>,
}

/// All derived blobs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DerivedTotals {
    /// How many there are.
    pub images: u64,
    /// What they take.
    pub bytes: u64,
}

/// What names a derived blob.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DerivedKey {
    /// The upload it is made from.
    pub upload: UploadId,
    /// How it is made.
    pub recipe: Recipe,
}

/// What was found out about a derived blob before it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedFacts {
    /// The size of the blob.
    pub bytes: u64,
    /// The hash of the blob.
    pub sha256: Sha256,
    /// Its format.
    pub format: ImageFormat,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// What was asked for, in canonical form, without the format that an extension asked for.
    pub transformation: String,
    /// The extension that was asked for, if any.
    pub extension: Option<String>,
}

/// A derived blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// What names it.
    pub key: DerivedKey,
    /// Its name in Cloudinary's API.
    pub id: DerivedId,
    /// What it is.
    pub facts: DerivedFacts,
    /// When it was last made or touched; in whole milliseconds.
    pub used_at: Timestamp,
}

/// Where an upload is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UploadState {
    /// Its bytes may be arriving.
    Pending,
    /// It is an asset's current upload.
    Live,
    /// It is no longer current and is kept: see [`Backup`].
    Backup,
    /// Nothing points at it; its bytes go at `purge_at`.
    Doomed {
        /// From when on its bytes may be deleted.
        purge_at: Timestamp,
    },
}

/// An upload as audits see it.
#[derive(Debug, Clone, PartialEq)]
pub struct UploadRecord {
    /// The upload.
    pub id: UploadId,
    /// Where it is in its life.
    pub state: UploadState,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// What it is; `None` when it was never committed.
    pub facts: Option<UploadFacts>,
}
