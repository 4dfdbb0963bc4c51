//! Signed links to originals: `/{resource_type}/download` and `/download_backup`.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use visage_cloudinary::{ImageFormat, PublicId, read_unix_time};
use visage_store::{AssetId, Upload, UploadId};

use super::options;
use crate::http::cloudinary::{Answer, Call, assets};
use crate::http::error::ApiError;
use crate::library::access::{ReadOf, Reader, may_read};
use crate::library::deliver::{self, DeliverError};
use crate::library::options::Eager;
use crate::library::{naming, urls};

pub(super) const TAKEN: &[&str] = &[
    "public_id!",
    "format",
    "type",
    "attachment",
    "expires_at",
    "target_filename",
    "transformation",
];

/// Sends an original, or what a transformation makes of it.
pub(super) async fn download(call: Call) -> Answer {
    refuse_expired(&call)?;
    let public_id = call.params.required("public_id")?;
    let asset = assets::find(&call, &public_id).await?;
    // The link is signed over its parameters, so it is the operator who asks.
    may_read(&asset, &Reader::Operator, ReadOf::Original).map_err(|_refused| ApiError::from(DeliverError::Denied))?;
    let transformation = options::read_transformation(&call.params, "transformation")?.unwrap_or_default();
    let format = call.params.text("format").map(|text| text.to_ascii_lowercase());
    let other_format = format
        .clone()
        .filter(|format| Some(format) != urls::format_of(&asset).as_ref());
    let is_plain = transformation.is_empty() && other_format.is_none();
    let name = call
        .params
        .text("target_filename")
        .or_else(|| attachment_name(&call, &asset.key.public_id));
    if is_plain || asset.upload.facts.image().is_none() {
        let response = original(&call, &asset.upload, urls::media_type(&asset)).await?;
        return Ok(with_name(response, name, urls::extension_of(&asset).as_deref()));
    }
    if let Some(format) = other_format
        .as_deref()
        .filter(|format| ImageFormat::from_extension(format).is_none())
    {
        return Err(ApiError::bad_request(format!("Invalid format: {format}")));
    }
    let asked = Eager {
        transformation,
        extension: format,
    };
    let image = deliver::render_ahead(&call.app.library, &asset, &asked)
        .await
        .map_err(|error| ApiError::from(&error))?;
    let headers = [(header::CONTENT_TYPE, image.format.media_type())];
    let response = (headers, Body::from(image.bytes)).into_response();
    Ok(with_name(response, name, Some(image.format.extension())))
}

/// Sends an upload that was kept.
pub(super) async fn backup(call: Call) -> Answer {
    refuse_expired(&call)?;
    let asset_id = AssetId::parse(&call.params.required("asset_id")?).map_err(ApiError::bad_request)?;
    let version_id = UploadId::parse(&call.params.required("version_id")?).map_err(ApiError::bad_request)?;
    let catalog = &call.app.library.catalog;
    let current = catalog.find_asset_by_id(&asset_id).await?.map(|asset| asset.upload);
    let kept = catalog
        .backups(&asset_id)
        .await?
        .into_iter()
        .map(|backup| backup.upload);
    let upload = current.into_iter().chain(kept).find(|upload| upload.id == version_id);
    let upload = upload.ok_or_else(|| assets::not_found(&version_id.to_string()))?;
    original(&call, &upload, "application/octet-stream").await
}

/// A link is good until `expires_at`; the signature's own time is checked besides.
pub(super) fn refuse_expired(call: &Call) -> Result<(), ApiError> {
    // A number is seconds, however few its digits are.
    let seconds = call.params.text("expires_at").as_deref().and_then(read_unix_time);
    let end = match seconds {
        Some(end) => Some(end),
        None => call.params.time("expires_at")?,
    };
    if end.is_some_and(|end| end <= call.app.clock.now()) {
        let message = "The link has expired";
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message));
    }
    Ok(())
}

fn attachment_name(call: &Call, public_id: &PublicId) -> Option<String> {
    let text = call.params.text("attachment")?;
    match text.as_str() {
        "0" | "false" => None,
        "1" | "true" => public_id.as_str().rsplit('/').next().map(str::to_owned),
        _ => Some(text),
    }
}

async fn original(call: &Call, upload: &Upload, media_type: &'static str) -> Result<Response, ApiError> {
    let (blobs, facts) = (&call.app.library.blobs, &upload.facts);
    let body = if facts.blocks.is_empty() {
        Body::from(blobs.get_original(&upload.id, &facts.sha256, facts.bytes).await?)
    } else {
        let whole = 0..facts.bytes;
        Body::from_stream(
            blobs
                .read_original(&upload.id, facts.bytes, &facts.blocks, whole)
                .await?,
        )
    };
    Ok(([(header::CONTENT_TYPE, media_type)], body).into_response())
}

fn with_name(mut response: Response, name: Option<String>, extension: Option<&str>) -> Response {
    let Some(name) = name else { return response };
    let value = crate::http::delivery::attachment(&naming::with_extension(&name, extension));
    if let Ok(value) = http::HeaderValue::from_str(&value) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
