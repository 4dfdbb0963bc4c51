//! `/{resource_type}/generate_archive` and `/{resource_type}/download_tag.zip`

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::{Value, json};
use visage_cloudinary::{PublicId, ResourceType, Transformation};
use visage_store::{Asset, AssetFilter, AssetId, AssetKey, AssetOrder, Select};

use super::options;
use crate::http::cloudinary::params::missing;
use crate::http::cloudinary::{Answer, Call, assets, ok};
use crate::http::error::ApiError;
use crate::library::archive::{self, Archive, ArchiveOptions, MAX_ASSETS};
use crate::library::options::{Description, Naming, UploadOptions};
use crate::library::receive::{self, Arrival};
use crate::library::{answers, notifications};

/// Most tags, and most prefixes.
const MAX_SELECTORS: usize = 20;

pub(super) const TAKEN: &[&str] = &[
    "mode",
    "tags:list",
    "public_ids:list",
    "fully_qualified_public_ids:list",
    "prefixes:list",
    "asset_ids:list",
    "type",
    "transformations",
    "target_format",
    "target_public_id",
    "target_asset_folder",
    "target_tags:list",
    "flatten_folders:flag",
    "flatten_transformations:flag",
    "skip_transformation_name:flag",
    "use_original_filename:flag",
    "allow_missing:flag",
    "keep_derived:flag",
    "expires_at:int",
    "notification_url",
];

/// Stores a zip file of assets, or sends it.
pub(super) async fn generate(call: Call) -> Answer {
    if call.params.text("target_format").is_some_and(|format| format != "zip") {
        return Err(ApiError::bad_request("Invalid target_format: only zip is supported"));
    }
    if call.params.flag("async")? {
        return Err(ApiError::bad_request("Parameter async is not supported for archives"));
    }
    super::download::refuse_expired(&call)?;
    let assets = select(&call).await?;
    let archive = archive::make(&call.app, assets, read(&call)?).await?;
    match call.params.text("mode").as_deref() {
        Some("download") => Ok(send(archive, "archive.zip")),
        None | Some("create") => store(&call, archive).await,
        Some(other) => Err(ApiError::bad_request(format!("Invalid mode: {other}"))),
    }
}

/// Sends a zip file of the assets with a tag.
pub(super) async fn by_tag(call: Call) -> Answer {
    super::download::refuse_expired(&call)?;
    let tag = call.params.required("tag")?;
    let mut found = Vec::new();
    collect(&call, Select::Tag(tag), &mut found).await?;
    let transformation = options::read_transformation(&call.params, "transformation")?;
    let options = ArchiveOptions {
        transformations: transformation.into_iter().collect(),
        ..ArchiveOptions::default()
    };
    Ok(send(archive::make(&call.app, found, options).await?, "archive.zip"))
}

fn read(call: &Call) -> Result<ArchiveOptions, ApiError> {
    let params = &call.params;
    let mut transformations: Vec<Transformation> = Vec::new();
    for text in params.items("transformations") {
        for one in text.split('|').filter(|one| !one.is_empty()) {
            transformations.push(Transformation::parse(one).map_err(ApiError::bad_request)?);
        }
    }
    if transformations.len() > MAX_SELECTORS {
        return Err(ApiError::bad_request("Too many transformations"));
    }
    Ok(ArchiveOptions {
        transformations,
        flatten_folders: params.flag("flatten_folders")?,
        flatten_transformations: params.flag("flatten_transformations")?,
        skip_transformation_name: params.flag("skip_transformation_name")?,
        use_original_filename: params.flag("use_original_filename")?,
    })
}

/// The assets that the request names, each once.
async fn select(call: &Call) -> Result<Vec<Asset>, ApiError> {
    let params = &call.params;
    let (tags, prefixes) = (params.list("tags"), params.list("prefixes"));
    if tags.len() > MAX_SELECTORS || prefixes.len() > MAX_SELECTORS {
        return Err(ApiError::bad_request(format!(
            "Too many tags or prefixes; at most {MAX_SELECTORS}"
        )));
    }
    let mut found = Vec::new();
    let mut wanted: Vec<AssetKey> = Vec::new();
    for id in params.names_in("public_ids") {
        wanted.push(assets::key(call, &id)?);
    }
    for name in params.names_in("fully_qualified_public_ids") {
        wanted.push(qualified(&name)?);
    }
    let allow_missing = params.flag("allow_missing")?;
    let nothing = tags.is_empty() && prefixes.is_empty() && wanted.is_empty() && !params.has("asset_ids");
    if nothing {
        return Err(missing("tags, public_ids or prefixes"));
    }
    for key in wanted.iter().take(MAX_ASSETS + 1) {
        match call.app.library.catalog.find_asset(key).await? {
            Some(asset) => found.push(asset),
            None if allow_missing => {}
            None => return Err(assets::not_found(key.public_id.as_str())),
        }
    }
    for id in params.names_in("asset_ids").iter().take(MAX_ASSETS + 1) {
        let id = AssetId::parse(id).map_err(ApiError::bad_request)?;
        found.extend(call.app.library.catalog.find_asset_by_id(&id).await?);
    }
    let selections = tags
        .into_iter()
        .map(Select::Tag)
        .chain(prefixes.into_iter().map(Select::Prefix));
    for select in selections {
        collect(call, select, &mut found).await?;
    }
    let mut seen = BTreeSet::new();
    found.retain(|asset| seen.insert(asset.id));
    if found.len() > MAX_ASSETS {
        return Err(ApiError::bad_request(format!("Too many assets; at most {MAX_ASSETS}")));
    }
    if found.is_empty() {
        return Err(ApiError::new(
            http::StatusCode::NOT_FOUND,
            "not_found",
            "No resources found",
        ));
    }
    Ok(found)
}

async fn collect(call: &Call, select: Select, found: &mut Vec<Asset>) -> Result<(), ApiError> {
    let resource_type = match call.path.get("resource_type") {
        Some("all" | "auto") | None => None,
        Some(word) => Some(word.parse().map_err(ApiError::bad_request)?),
    };
    let filter = AssetFilter {
        resource_type,
        delivery_type: Some(assets::delivery_type(call)?),
        select,
        ..AssetFilter::default()
    };
    let catalog = &call.app.library.catalog;
    let page = catalog
        .list_assets(filter, AssetOrder::PublicId, None, MAX_ASSETS + 1)
        .await?;
    found.extend(page.items);
    Ok(())
}

/// `image/upload/name`
fn qualified(name: &str) -> Result<AssetKey, ApiError> {
    let mut parts = name.splitn(3, '/');
    let (Some(resource_type), Some(delivery_type), Some(public_id)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(ApiError::bad_request(format!(
            "Invalid fully_qualified_public_id: {name}"
        )));
    };
    Ok(AssetKey {
        resource_type: resource_type.parse().map_err(ApiError::bad_request)?,
        delivery_type: delivery_type.parse().map_err(ApiError::bad_request)?,
        public_id: PublicId::parse(public_id).map_err(ApiError::bad_request)?,
    })
}

async fn store(call: &Call, archive: Archive) -> Answer {
    let params = &call.params;
    let (resource_count, file_count) = (archive.resource_count, archive.file_count);
    let name = params
        .text("target_public_id")
        .unwrap_or_else(|| crate::library::random_name(20));
    let has_extension = std::path::Path::new(&name)
        .extension()
        .is_some_and(|extension| extension == "zip");
    let name = if has_extension { name } else { format!("{name}.zip") };
    let options = UploadOptions {
        resource_type: Some(ResourceType::Raw),
        naming: Naming {
            public_id: Some(name),
            discard_original_filename: true,
            ..Naming::default()
        },
        overwrite: true,
        description: Description {
            tags: options::read_tags(params, "target_tags")?,
            asset_folder: options::checked_folder(params, "target_asset_folder")?,
            ..Description::default()
        },
        notify: options::read_notify(params),
        api_key: call.caller.api_key().map(str::to_owned),
        ..UploadOptions::default()
    };
    let arrival = Arrival {
        file: archive.file,
        name: None,
    };
    let receipt = receive::receive(&call.app, arrival, &options).await?;
    let mut answer = answers::uploaded(&call.app, &receipt.asset);
    answer.insert("resource_count".to_owned(), json!(resource_count));
    answer.insert("file_count".to_owned(), json!(file_count));
    notifications::uploaded(&call.app, &options.notify, &answer, "generate_archive").await?;
    ok(Value::Object(answer))
}

fn send(archive: Archive, name: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_LENGTH, archive.file.len_bytes().to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, Body::from_stream(Arc::new(archive.file).stream())).into_response()
}
