//! Deletes bytes that nothing needs: doomed uploads, and derived images over the room they have.

use std::time::Duration;

use visage_store::{BlobError, BlobKey, Derived, DerivedTotals, StoreError};

use super::Library;
use crate::clock::{earlier, later};
use crate::crash;

/// How many rows one step of a pass takes.
const BATCH: usize = 100;

/// How long a derived image must have been unused to make room for others of its asset. A use is noted once in an hour.
const UNUSED: Duration = Duration::from_secs(2 * 3600);

/// How much a full disk is relieved of: enough for the rows of a pass.
const RELIEF_BYTES: u64 = 4 * 1024 * 1024;

/// Why a pass stopped.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The catalog failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The blobs failed.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

impl PurgeError {
    /// Whether it is a full disk that stopped the pass.
    pub fn is_no_space(&self) -> bool {
        matches!(
            self,
            Self::Store(StoreError::NoSpace(_)) | Self::Blobs(BlobError::NoSpace(_))
        )
    }
}

/// Deletes the bytes, then the rows, of all uploads that are due, and gives up uploads that were never finished. With
/// `at_once`, bytes that still wait for their readers are due too. Returns how many uploads went.
///
/// # Errors
/// When the store fails; what is left is done by the next pass.
pub async fn purge_uploads(library: &Library, at_once: bool) -> Result<u64, PurgeError> {
    let now = library.clock.now();
    let catalog = &library.catalog;
    catalog
        .doom_abandoned_uploads(earlier(now, library.pending_grace), now)
        .await?;
    let due_by = if at_once { later(now, library.purge_delay) } else { now };
    let mut purged = 0;
    loop {
        let due = catalog.due_uploads(due_by, BATCH).await?;
        for upload in &due {
            library.blobs.delete_upload(&upload.id, &upload.recipes).await?;
            crash::point("blobs-deleted").await;
            catalog.forget_upload(&upload.id).await?;
            purged += 1;
        }
        if due.len() < BATCH {
            break;
        }
    }
    // A day, for a clock that steps back: a name that is used again must not get a version it had before.
    catalog
        .forget_destroyed_assets(earlier(now, Duration::from_secs(24 * 3600)))
        .await?;
    Ok(purged)
}

/// Makes room on a full disk. Deleting a row takes room in the database's log; a derived image, which may vanish at any
/// time, goes without.
///
/// # Errors
/// When the store fails otherwise.
pub async fn relieve_disk(library: &Library) -> Result<(), PurgeError> {
    let mut freed_bytes = 0;
    for derived in library.catalog.least_recent_derived(BATCH).await? {
        if freed_bytes >= RELIEF_BYTES {
            break;
        }
        let key = derived.key;
        let blob = BlobKey::Derived(key.upload, key.recipe.clone());
        library.blobs.delete(&blob).await?;
        freed_bytes += derived.facts.bytes;
        match library.catalog.forget_derived(&key, derived.used_at).await {
            // The row stays behind; the image is made again when it is asked for.
            Ok(_) | Err(StoreError::NoSpace(_)) => {}
            Err(other) => return Err(other.into()),
        }
    }
    if let Err(error) = library.catalog.release_room().await {
        tracing::warn!(error = %error, "the database keeps its log");
    }
    tracing::warn!(
        freed_bytes,
        "the disk is full; derived images were deleted to make room"
    );
    Ok(())
}

/// Deletes the longest unused derived images until the rest fits its room, and uploads fit on the disk. Returns how many went.
///
/// # Errors
/// When the store fails.
pub async fn evict_derived(library: &Library) -> Result<u64, PurgeError> {
    let catalog = &library.catalog;
    let limits = library.derived_limits;
    let mut evicted = evict_crowded(library).await?;
    let mut total = catalog.derived_totals().await?;
    let is_too_much = |total: &DerivedTotals| {
        total.bytes > limits.bytes
            || total.images > limits.images
            || (total.images > 0 && !library.disk_reserve.has_room_for_upload(0))
    };
    while is_too_much(&total) {
        let oldest = catalog.least_recent_derived(BATCH).await?;
        if oldest.is_empty() {
            break;
        }
        for derived in oldest {
            if !is_too_much(&total) {
                break;
            }
            total.bytes = total.bytes.saturating_sub(derived.facts.bytes);
            total.images = total.images.saturating_sub(1);
            evicted += u64::from(evict(library, derived).await?);
        }
    }
    Ok(evicted)
}

/// Deletes derived images of uploads that have as many as they may, or more: the longest unused ones over the limit, and down
/// to three quarters of it what has not been used for some time. So there is room for others again, and what is in use stays.
async fn evict_crowded(library: &Library) -> Result<u64, PurgeError> {
    let limit = library.derived_limits.per_upload;
    let unused_since = earlier(library.clock.now(), UNUSED);
    let (mut evicted, mut after) = (0, None);
    loop {
        let crowded = library.catalog.crowded_uploads(limit, after, BATCH).await?;
        for (upload, count) in &crowded {
            let removable = usize::try_from(count.saturating_sub(limit / 4 * 3)).unwrap_or(usize::MAX);
            let over = usize::try_from(count.saturating_sub(limit)).unwrap_or(usize::MAX);
            let oldest = library.catalog.least_recent_derived_of(upload, removable).await?;
            let goes = |(n, derived): &(usize, Derived)| *n < over || derived.used_at < unused_since;
            for (_, derived) in oldest.into_iter().enumerate().take_while(goes) {
                evicted += u64::from(evict(library, derived).await?);
            }
        }
        if crowded.len() < BATCH {
            return Ok(evicted);
        }
        after = crowded.last().map(|(upload, _)| *upload);
    }
}

/// Whether it is gone: made again meanwhile, it has bytes again and keeps its row, and the next pass counts it.
async fn evict(library: &Library, derived: Derived) -> Result<bool, PurgeError> {
    let key = derived.key;
    let blob = BlobKey::Derived(key.upload, key.recipe.clone());
    library.blobs.delete(&blob).await?;
    Ok(library.catalog.forget_derived(&key, derived.used_at).await?)
}
