//! Deletes an asset.

use visage_store::{Asset, AssetKey, StoreError};

use super::Library;
use crate::clock::later;

/// Deletes the asset that `key` names and returns it as it was: its URLs stop answering now; its bytes go after the purge delay,
/// unless it is kept as a backup. `None` says that there was none.
///
/// # Errors
/// When the store fails.
pub async fn destroy(library: &Library, key: &AssetKey) -> Result<Option<Asset>, StoreError> {
    let now = library.clock.now();
    let found = library
        .catalog
        .destroy_asset(key, later(now, library.purge_delay), now)
        .await?;
    if found.is_some() {
        tracing::info!(asset.public_id = %key.public_id, "asset destroyed");
    }
    Ok(found)
}
