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
use visage_cloudinary::{DeliveryType, ImageFormat, PublicId, Recipe, ResourceType};

use crate::error::{Result, StoreError};
use crate::ids::{AssetId, Sha256, UploadId};

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

    /// Removes the asset; its upload may be purged from `purge_at` on. `false`: there is no such asset.
    async fn destroy_asset(&self, key: &AssetKey, purge_at: Timestamp, now: Timestamp) -> Result<bool>;

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

    /// Notes that a derived blob was used. It is a write, so callers do it now and then (see [`Derived::used_at`]).
    async fn touch_derived(&self, key: &DerivedKey, now: Timestamp) -> Result<()>;

    /// Bytes of all derived blobs together.
    async fn derived_bytes(&self) -> Result<u64>;

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

/// What names an asset.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssetKey {
    /// The kind of file.
    pub resource_type: ResourceType,
    /// How it may be reached.
    pub delivery_type: DeliveryType,
    /// Its name.
    pub public_id: PublicId,
}

/// What was found out about an original before it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadFacts {
    /// The size of the stored file.
    pub bytes: u64,
    /// The hash of the stored file.
    pub sha256: Sha256,
    /// The format of the stored file.
    pub format: ImageFormat,
    /// Pixels, as displayed.
    pub width: u32,
    /// Pixels, as displayed.
    pub height: u32,
    /// How readers turn the stored pixels for display: the EXIF numbers 1 (as stored) to 8.
    pub orientation: u8,
    /// Frames of an animation; 1 for a still image.
    pub frames: u32,
    /// Whether the format and the file carry transparency.
    pub has_alpha: bool,
}

/// One arrival of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its name, which is also its blob's.
    pub id: UploadId,
    /// What it is.
    pub facts: UploadFacts,
    /// When it was begun.
    pub created_at: Timestamp,
}

/// An asset and its current upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Stays the same whatever is uploaded, until the asset is destroyed.
    pub id: AssetId,
    /// What names it.
    pub key: AssetKey,
    /// Strictly grows with every upload.
    pub version: i64,
    /// When the asset was first uploaded.
    pub created_at: Timestamp,
    /// What it is now.
    pub upload: Upload,
}

/// What [`Catalog::commit_upload`] is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// What [`Catalog::commit_upload`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commit {
    /// The upload is the asset's current one.
    Stored(Asset),
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
}

/// A derived blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// What names it.
    pub key: DerivedKey,
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
    /// Nothing points at it; its bytes go at `purge_at`.
    Doomed {
        /// From when on its bytes may be deleted.
        purge_at: Timestamp,
    },
}

/// An upload as audits see it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
