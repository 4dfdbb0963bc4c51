//! Finds the asset that a request names.

use visage_cloudinary::{DeliveryType, PublicId, ResourceType};
use visage_store::{Asset, AssetKey};

use super::Call;
use crate::http::error::ApiError;

/// The resource type in the path.
pub(super) fn resource_type(call: &Call) -> Result<ResourceType, ApiError> {
    let word = call.path.get("resource_type").unwrap_or("image");
    word.parse().map_err(ApiError::bad_request)
}

/// The delivery type in the path, or among the parameters; `upload` when neither names one.
pub(super) fn delivery_type(call: &Call) -> Result<DeliveryType, ApiError> {
    let word = call
        .path
        .get("type")
        .map(str::to_owned)
        .or_else(|| call.params.text("type"));
    match word {
        None => Ok(DeliveryType::Upload),
        Some(word) => word.parse().map_err(ApiError::bad_request),
    }
}

/// The key that `public_id` has with the types of the request.
pub(super) fn key(call: &Call, public_id: &str) -> Result<AssetKey, ApiError> {
    Ok(AssetKey {
        resource_type: resource_type(call)?,
        delivery_type: delivery_type(call)?,
        public_id: PublicId::parse(public_id).map_err(ApiError::bad_request)?,
    })
}

/// The asset with the name `public_id` and the types of the request; a 404 if there is none.
pub(super) async fn find(call: &Call, public_id: &str) -> Result<Asset, ApiError> {
    let key = key(call, public_id)?;
    let found = call.app.library.catalog.find_asset(&key).await?;
    found.ok_or_else(|| not_found(public_id))
}

/// Cloudinary's 404.
pub(super) fn not_found(public_id: &str) -> ApiError {
    let message = format!("Resource not found - {public_id}");
    ApiError::new(http::StatusCode::NOT_FOUND, "not_found", message)
}
