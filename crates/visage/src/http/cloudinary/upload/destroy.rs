//! `POST /{resource_type}/destroy` and `/delete_by_token`

use serde_json::json;
use visage_store::AssetId;

use crate::http::cloudinary::{Answer, Call, assets, ok};
use crate::http::error::ApiError;
use crate::library::{deletion_token, destroy as library, in_use, notifications};

pub(super) const TAKEN: &[&str] = &["public_id", "asset_id", "type", "invalidate:flag", "notification_url"];

/// Deletes an asset by its name or its id. That there is none is no error.
pub(super) async fn destroy(call: Call) -> Answer {
    let key = match call.params.text("asset_id") {
        Some(id) => {
            let id = AssetId::parse(&id).map_err(|_no_id| ApiError::bad_request(format!("Invalid asset_id: {id}")))?;
            let found = call.app.library.catalog.find_asset_by_id(&id).await?;
            found.map(|asset| asset.key)
        }
        None => Some(assets::key(&call, &call.params.required("public_id")?)?),
    };
    let Some(key) = key else {
        return ok(json!({ "result": "not found" }));
    };
    in_use::refuse_change(&call.app, &key).await?;
    match library::destroy(&call.app.library, &key).await? {
        Some(asset) => {
            notifications::deleted(&call.app, call.params.text("notification_url"), "delete", &asset).await?;
            ok(json!({ "result": "ok" }))
        }
        None => ok(json!({ "result": "not found" })),
    }
}

/// Deletes what a token was given out for.
pub(super) async fn by_token(call: Call) -> Answer {
    let token = call.params.required("token")?;
    let asset = deletion_token::read(&call.app, &token)
        .await?
        .ok_or_else(|| ApiError::bad_request("Invalid or expired token"))?;
    in_use::refuse_change(&call.app, &asset.key).await?;
    match library::destroy(&call.app.library, &asset.key).await? {
        Some(asset) => {
            notifications::deleted(&call.app, None, "delete_by_token", &asset).await?;
            ok(json!({ "result": "ok" }))
        }
        None => ok(json!({ "result": "not found" })),
    }
}
