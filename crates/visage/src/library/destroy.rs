//! Deletes an asset.

use visage_store::{AssetKey, StoreError};

use super::Library;
use crate::clock::later;

/// Deletes the asset that `key` names: its URLs stop answering now, its bytes go after the purge delay. `false` says that
/// there was none.
///
/// # Errors
/// When the store fails.
pub async fn destroy(library: &Library, key: &AssetKey) -> Result<bool, StoreError> {
    let now = library.clock.now();
    let found = library
        .catalog
        .destroy_asset(key, later(now, library.purge_delay), now)
        .await?;
    if found {
        tracing::info!(asset.public_id = %key.public_id, "asset destroyed");
    }
    Ok(found)
}
