//! Kept uploads: restoring them, listing them, deleting them.

use serde_json::{Map, Value, json};
use visage_cloudinary::PublicId;
use visage_store::{Asset, AssetId, AssetKey, Backup, Upload, UploadId};

use super::{delete, post};
use crate::clock::later;
use crate::http::cloudinary::endpoint::Endpoint;
use crate::http::cloudinary::params::missing;
use crate::http::cloudinary::{Answer, Call, assets, ok};
use crate::http::error::ApiError;
use crate::library::{answers, in_use, restore, urls};

/// Most ids that one request may name.
const MAX_IDS: usize = 100;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        post(
            "/resources/{resource_type}/{type}/restore",
            "Restores deleted or replaced assets",
            by_name,
        )
        .takes(&["public_ids!:list", "versions:list"]),
        post(
            "/resources/restore",
            "Restores deleted or replaced assets by their ids",
            by_id,
        )
        .takes(&["asset_ids!:list", "versions:list", "notification_url"]),
        delete("/resources/backup/{asset_id}", "Deletes kept uploads", drop_versions).takes(&["version_ids!:list"]),
    ]
}

async fn by_name(call: Call) -> Answer {
    let (public_ids, versions) = (call.params.items("public_ids"), call.params.items("versions"));
    check_count(&public_ids, "public_ids")?;
    let mut body = Map::new();
    for (index, public_id) in public_ids.iter().enumerate() {
        let version = versions.get(index).map(String::as_str);
        let kept = match PublicId::parse(public_id) {
            Ok(_) => kept_of_key(&call, &assets::key(&call, public_id)?, version).await?,
            Err(_no_name) => None,
        };
        body.insert(public_id.clone(), restore_one(&call, kept).await?);
    }
    ok(Value::Object(body))
}

async fn by_id(call: Call) -> Answer {
    let (ids, versions) = (call.params.list("asset_ids"), call.params.items("versions"));
    check_count(&ids, "asset_ids")?;
    let mut body = Map::new();
    for (index, text) in ids.iter().enumerate() {
        let version = versions.get(index).map(String::as_str);
        let kept = match AssetId::parse(text) {
            Ok(id) => choose(call.app.library.catalog.backups(&id).await?, version),
            Err(_no_id) => None,
        };
        let name = kept
            .as_ref()
            .map_or_else(|| text.clone(), |kept| kept.key.public_id.to_string());
        body.insert(name, restore_one(&call, kept).await?);
    }
    ok(Value::Object(body))
}

fn check_count(ids: &[String], name: &'static str) -> Result<(), ApiError> {
    if ids.is_empty() {
        return Err(missing(name));
    }
    if ids.len() > MAX_IDS {
        return Err(ApiError::bad_request(format!("Too many {name}; at most {MAX_IDS}")));
    }
    Ok(())
}

/// The kept upload that a request means, of an asset that is there or was.
async fn kept_of_key(call: &Call, key: &AssetKey, version: Option<&str>) -> Result<Option<Backup>, ApiError> {
    let catalog = &call.app.library.catalog;
    let asset_id = match catalog.find_asset(key).await? {
        Some(asset) => Some(asset.id),
        None => catalog.find_destroyed(key).await?.map(|backup| backup.asset_id),
    };
    match asset_id {
        Some(id) => Ok(choose(catalog.backups(&id).await?, version)),
        None => Ok(None),
    }
}

/// The newest, or the one with this version id or version.
fn choose(backups: Vec<Backup>, version: Option<&str>) -> Option<Backup> {
    let fits = |backup: &Backup| {
        version.is_none_or(|version| backup.upload.id.to_string() == version || backup.version.to_string() == version)
    };
    backups.into_iter().find(fits)
}

async fn restore_one(call: &Call, kept: Option<Backup>) -> Result<Value, ApiError> {
    let Some(backup) = kept else {
        return Ok(json!({ "error": "no_backup" }));
    };
    in_use::refuse_name(&call.app, &backup.key).await?;
    match restore::restore(&call.app, &backup).await {
        Ok(asset) => Ok(Value::Object(answers::uploaded(&call.app, &asset))),
        Err(error) => {
            tracing::error!(asset.public_id = %backup.key.public_id, error = %error, "a kept upload was not restored");
            Ok(json!({ "error": "failed" }))
        }
    }
}

async fn drop_versions(call: Call) -> Answer {
    let asset_id = AssetId::parse(call.path.require("asset_id")?).map_err(ApiError::bad_request)?;
    let wanted = call.params.list("version_ids");
    check_count(&wanted, "version_ids")?;
    let catalog = &call.app.library.catalog;
    let kept = catalog.backups(&asset_id).await?;
    let purge_at = later(call.app.clock.now(), call.app.library.purge_delay);
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for text in wanted {
        let id = UploadId::parse(&text)
            .ok()
            .filter(|id| kept.iter().any(|backup| backup.upload.id == *id));
        let dropped = match id {
            Some(id) => catalog.drop_backup(&id, purge_at).await?,
            None => false,
        };
        if dropped {
            deleted.push(text);
        } else {
            failures.push(json!({ "version_id": text, "error": "not_found" }));
        }
    }
    ok(json!({ "asset_id": asset_id.to_string(), "deleted_version_ids": deleted, "failures": failures }))
}

/// `versions`: the current upload, when it is kept, and those before it.
pub(super) async fn versions(call: &Call, asset: &Asset) -> Result<Value, ApiError> {
    let mut entries = Vec::new();
    if asset.details.backup {
        entries.push(entry(&asset.upload, asset.version, urls::format_of(asset).as_deref()));
    }
    for backup in call.app.library.catalog.backups(&asset.id).await? {
        let format = urls::format_of(&as_asset(&backup));
        entries.push(entry(&backup.upload, backup.version, format.as_deref()));
    }
    Ok(json!(entries))
}

fn entry(upload: &Upload, version: i64, format: Option<&str>) -> Value {
    json!({
        "version_id": upload.id.to_string(),
        "version": version.to_string(),
        "format": format,
        "size": upload.facts.bytes,
        "time": answers::utc(upload.created_at),
        "restorable": true,
    })
}

/// The asset as it was.
pub(super) fn as_asset(backup: &Backup) -> Asset {
    Asset {
        id: backup.asset_id,
        key: backup.key.clone(),
        version: backup.version,
        created_at: backup.created_at,
        upload: backup.upload.clone(),
        details: backup.details.clone(),
    }
}
