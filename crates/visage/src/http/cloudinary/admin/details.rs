//! One asset: `/resources/{resource_type}/{type}/{public_id}` and `/resources/{asset_id}`.

use serde_json::{Value, json};
use visage_store::{Asset, AssetId, AssetKey, Backup, ModerationStatus};

use super::{cursor, get, max_results, post, put};
use crate::http::cloudinary::endpoint::Endpoint;
use crate::http::cloudinary::params::Params;
use crate::http::cloudinary::upload::options;
use crate::http::cloudinary::{Answer, Call, assets, ok};
use crate::http::error::ApiError;
use crate::library::answers::{self, Object, insert_some};
use crate::library::extra::{Analysis, Extra};
use crate::library::{change, in_use, notifications};

const SWITCHES: &[&str] = &[
    "colors:flag",
    "faces:flag",
    "image_metadata:flag",
    "media_metadata:flag",
    "exif:flag",
    "pages:flag",
    "phash:flag",
    "coordinates:flag",
    "quality_analysis:flag",
    "versions:flag",
    "related:flag",
    "max_results:int",
    "derived_next_cursor",
];

const CHANGES: &[&str] = &[
    "tags:list",
    "context",
    "metadata",
    "clear_invalid:flag",
    "face_coordinates",
    "custom_coordinates",
    "regions:json",
    "moderation_status",
    "access_control:json",
    "asset_folder",
    "display_name",
    "unique_display_name:flag",
    "quality_override",
    "notification_url",
];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let one = "/resources/{resource_type}/{type}/{*public_id}";
    vec![
        get("/resources/{asset_id}", "Says everything of an asset", show).takes(SWITCHES),
        get(one, "Says everything of an asset", show).takes(SWITCHES),
        put("/resources/{asset_id}", "Changes what is said of an asset", update).takes(CHANGES),
        post(one, "Changes what is said of an asset", update).takes(CHANGES),
        put(one, "Changes what is said of an asset", update).takes(CHANGES),
    ]
}

/// The asset in the path; the error is the 404.
async fn find(call: &Call) -> Result<Asset, ApiError> {
    match call.path.get("asset_id") {
        Some(id) => {
            let id = AssetId::parse(&id.to_ascii_lowercase()).map_err(ApiError::bad_request)?;
            let found = call.app.library.catalog.find_asset_by_id(&id).await?;
            found.ok_or_else(|| assets::not_found(&id.to_string()))
        }
        None => assets::find(call, call.path.require("public_id")?).await,
    }
}

async fn show(call: Call) -> Answer {
    match find(&call).await {
        Ok(asset) => show_asset(&call, &asset).await,
        Err(not_found) => match find_destroyed(&call).await? {
            Some(backup) => ok(placeholder(&call, &backup)),
            None => Err(not_found),
        },
    }
}

async fn find_destroyed(call: &Call) -> Result<Option<Backup>, ApiError> {
    let Some(public_id) = call.path.get("public_id") else {
        return Ok(None);
    };
    let key: AssetKey = assets::key(call, public_id)?;
    Ok(call.app.library.catalog.find_destroyed(&key).await?)
}

/// What is left of a deleted asset that can be restored.
fn placeholder(call: &Call, backup: &Backup) -> Value {
    let asset = super::backups::as_asset(backup);
    let mut object = answers::base(&call.app, &asset);
    object.insert("bytes".to_owned(), json!(0));
    object.insert("placeholder".to_owned(), json!(true));
    object.insert("derived".to_owned(), json!([]));
    Value::Object(object)
}

async fn show_asset(call: &Call, asset: &Asset) -> Answer {
    let mut object = answers::base(&call.app, asset);
    let extra = Extra::of(&asset.details);
    let asked = options::read_analyse(&call.params)?;
    object.insert("placeholder".to_owned(), json!(false));
    object.insert("access_mode".to_owned(), json!(answers::access_mode(&extra)));
    object.insert(
        "last_updated".to_owned(),
        answers::last_updated(asset, &extra.last_updated),
    );
    insert_some(&mut object, "etag", asset.upload.facts.md5.map(|md5| md5.to_string()));
    insert_some(&mut object, "original_filename", extra.original_filename.clone());
    insert_some(&mut object, "regions", extra.regions.clone());
    insert_some(&mut object, "quality_override", extra.quality_override.clone());
    if !asset.details.tags.is_empty() {
        object.insert("tags".to_owned(), json!(asset.details.tags));
    }
    answers::add_spoken(&mut object, asset, &extra);
    answers::add_video(&mut object, &asset.upload.facts.media);
    add_coordinates(&mut object, call, &extra)?;
    if !asked.is_empty() {
        // What was not found out at the upload is found out now, and kept.
        let found = change::analyse_stored(&call.app, asset, asked).await?;
        let kept = change::keep_found(&call.app, asset, found).await?;
        answers::add_analysis(&mut object, kept.as_ref().unwrap_or(asset), asked);
    }
    if call.params.flag("pages")? {
        object.insert(
            "pages".to_owned(),
            json!(asset.upload.facts.image().map_or(1, |image| image.frames)),
        );
    }
    add_derived(&mut object, call, asset).await?;
    if call.params.flag("versions")? {
        object.insert("versions".to_owned(), super::backups::versions(call, asset).await?);
    }
    ok(Value::Object(object))
}

fn add_coordinates(object: &mut Object, call: &Call, extra: &Extra) -> Result<(), ApiError> {
    if !call.params.flag("coordinates")? {
        return Ok(());
    }
    let mut coordinates = Object::new();
    insert_some(
        &mut coordinates,
        "custom",
        extra.custom_coordinates.as_ref().map(|boxes| json!(boxes)),
    );
    let faces = extra.face_coordinates.as_ref().or(extra.analysis.faces.as_ref());
    insert_some(&mut coordinates, "faces", faces.map(|boxes| json!(boxes)));
    object.insert("coordinates".to_owned(), Value::Object(coordinates));
    Ok(())
}

async fn add_derived(object: &mut Object, call: &Call, asset: &Asset) -> Result<(), ApiError> {
    let (after, limit) = (cursor(call, "derived_next_cursor")?, max_results(call, 10)?);
    let page = call
        .app
        .library
        .catalog
        .derived_of(&asset.upload.id, after, limit)
        .await?;
    let items: Vec<Value> = page
        .items
        .iter()
        .map(|derived| answers::derived(&call.app, asset, derived))
        .collect();
    object.insert("derived".to_owned(), json!(items));
    insert_some(object, "derived_next_cursor", page.next.map(|next| next.to_string()));
    Ok(())
}

/// In the words that the hosted service has for a value that an add-on does not know.
fn refuse_unsupported(params: &Params) -> Result<(), ApiError> {
    options::refuse_unsupported(params)
        .map_err(|error| ApiError::bad_request(format!("Illegal value: {}", error.message)))
}

async fn update(call: Call) -> Answer {
    let asset = find(&call).await?;
    refuse_unsupported(&call.params)?;
    let mut said = options::read_description(&call.params)?;
    said.moderation = None;
    let status = match call.params.text("moderation_status").as_deref() {
        None => None,
        Some("approved") => Some(ModerationStatus::Approved),
        Some("rejected") => Some(ModerationStatus::Rejected),
        Some("pending") => Some(ModerationStatus::Pending),
        Some(other) => return Err(ApiError::bad_request(format!("Invalid moderation_status: {other}"))),
    };
    if status == Some(ModerationStatus::Rejected) {
        // Before anything else is written.
        in_use::refuse_change(&call.app, &asset.key).await?;
    }
    let edited = change::change(&call.app, &asset, &said, &[], Analysis::default()).await?;
    let mut edited = edited.ok_or_else(|| assets::not_found(asset.key.public_id.as_str()))?;
    if let Some(status) = status
        && let Some(moderated) = change::moderate(&call.app, &edited.asset, status).await?
    {
        edited.asset = moderated;
    }
    notifications::updated(&call.app, call.params.text("notification_url"), &edited).await?;
    ok(Value::Object(answers::uploaded(&call.app, &edited.asset)))
}
