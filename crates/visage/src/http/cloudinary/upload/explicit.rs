//! `POST /{resource_type}/explicit`

use serde_json::Value;

use super::{options, store};
use crate::http::cloudinary::{Answer, Call, assets, ok};
use crate::library::{answers, breakpoints, change, notifications, receive};

pub(super) const TAKEN: &[&str] = &[
    "eager",
    "eager_async:flag",
    "eager_notification_url",
    "tags:list",
    "context",
    "metadata",
    "clear_invalid:flag",
    "face_coordinates",
    "custom_coordinates",
    "regions:json",
    "headers",
    "access_control:json",
    "moderation",
    "responsive_breakpoints:json",
    "quality_override",
    "invalidate:flag",
    "overwrite:flag",
    "faces:flag",
    "colors:flag",
    "phash:flag",
    "quality_analysis:flag",
    "media_metadata:flag",
    "image_metadata:flag",
    "asset_folder",
    "display_name",
    "notification_url",
    "batch_id",
];

/// Changes what is said of an asset, makes something of it, finds something out about it.
pub(super) async fn explicit(call: Call) -> Answer {
    let public_id = call.params.required("public_id")?;
    let asset = assets::find(&call, &public_id).await?;
    options::refuse_unsupported(&call.params)?;
    let resource_type = asset.key.resource_type.as_str();
    let mut asked = options::read(&call.params, resource_type, true)?;
    asked.api_key = call.caller.api_key().map(str::to_owned);
    // Names of folders and people are read as descriptions here.
    asked.description.asset_folder = options::checked_folder(&call.params, "asset_folder")?;
    receive::check_eager(&call.app, &asset, &asked.eager).await?;
    let found = change::analyse_stored(&call.app, &asset, asked.analyse).await?;
    let edited = change::change(&call.app, &asset, &asked.description, &asked.eager, found).await?;
    let asset = edited
        .ok_or_else(|| assets::not_found(asset.key.public_id.as_str()))?
        .asset;
    let results = receive::make_eager(&call.app, &asset, asked.eager.clone(), asked.eager_async).await;
    let mut answer = answers::uploaded(&call.app, &asset);
    answer.remove("etag");
    answer.remove("original_filename");
    answers::add_analysis(&mut answer, &asset, asked.analyse);
    store::add_eager(&call.app, &mut answer, &asset, &results, &asked);
    if !asked.responsive_breakpoints.is_empty() {
        let found = breakpoints::find(&call.app, &asset, &asked.responsive_breakpoints).await?;
        let value = answers::breakpoints(&call.app, &asset, &found);
        answer.insert("responsive_breakpoints".to_owned(), value);
    }
    notifications::uploaded(&call.app, &asked.notify, &answer, "explicit").await?;
    store::make_later(&call.app, &asset, results, &asked);
    ok(Value::Object(answer))
}
