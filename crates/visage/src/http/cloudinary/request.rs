//! Reads an API request: its parameters from query and body, and its file into a temporary file.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use futures_util::TryStreamExt as _;
use http::{HeaderMap, Method, StatusCode, header};

use super::params::Params;
use crate::app::App;
use crate::http::error::ApiError;
use crate::http::paced::paced;
use crate::spool::{SpoolError, SpooledFile};

/// Largest body that is no multipart form: a data URI of a picture fits.
const MAX_BODY_BYTES: usize = 12 * 1024 * 1024;
/// Largest text field of a form.
const MAX_FIELD_BYTES: usize = 1024 * 1024;

/// A request, received whole.
#[derive(Debug)]
pub(super) struct Received {
    /// All parameters but the file.
    pub(super) params: Params,
    /// The file, if one came.
    pub(super) file: Option<ReceivedFile>,
    /// The headers.
    pub(super) headers: HeaderMap,
}

/// What came in the field `file`.
#[derive(Debug)]
pub(super) struct ReceivedFile {
    /// The bytes of the file, or the text of a URL or data URI.
    pub(super) file: SpooledFile,
    /// The name of the file; `None` for a text field.
    pub(super) name: Option<String>,
}

/// Reads `request`. A file of more than `max_file_bytes` is refused.
pub(super) async fn receive(app: &Arc<App>, request: Request, max_file_bytes: u64) -> Result<Received, ApiError> {
    let mut received = Received {
        params: Params::default(),
        file: None,
        headers: request.headers().clone(),
    };
    if let Some(query) = request.uri().query() {
        received.params.push_urlencoded(query.as_bytes())?;
    }
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    match kind.as_deref() {
        Some("multipart/form-data") => read_form(app, request, max_file_bytes, &mut received).await?,
        // The Python library declares JSON for a GET that has no body.
        _ if request.method() == Method::GET || request.method() == Method::HEAD => {}
        Some("application/json") => {
            let body = read_body(request).await?;
            received.params.push_json(&body)?;
        }
        _ => {
            let body = read_body(request).await?;
            received.params.push_urlencoded(&body)?;
        }
    }
    take_file_from_params(app, &mut received).await?;
    Ok(received)
}

async fn read_form(
    app: &Arc<App>,
    request: Request,
    max_file_bytes: u64,
    received: &mut Received,
) -> Result<(), ApiError> {
    let mut form = Multipart::from_request(paced(request), app)
        .await
        .map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
    while let Some(field) = form.next_field().await.map_err(|error| form_error(&error))? {
        let Some(name) = field.name().map(str::to_owned) else {
            continue;
        };
        if name == "file" {
            if received.file.is_some() {
                return Err(ApiError::bad_request("Only one file can be uploaded at a time"));
            }
            received.file = spool(app, field, max_file_bytes).await?;
        } else {
            let text = read_text(field).await?;
            received.params.push_text(&name, text)?;
        }
    }
    Ok(())
}

/// The file in a field; `None` for one that a browser sends when no file was chosen.
async fn spool(app: &Arc<App>, field: Field<'_>, max_bytes: u64) -> Result<Option<ReceivedFile>, ApiError> {
    let name = field.file_name().map(str::to_owned);
    let file = SpooledFile::receive(
        &app.temporary_folder,
        max_bytes,
        field.map_err(|error| form_error(&error)),
    )
    .await;
    match file {
        Ok(file) if file.len_bytes() == 0 && name.as_deref() == Some("") => Ok(None),
        Ok(file) => Ok(Some(ReceivedFile { file, name })),
        Err(SpoolError::TooLarge { max_bytes }) => Err(too_large(max_bytes + 1, max_bytes)),
        Err(other) => Err(other.into()),
    }
}

/// Cloudinary's words for a file that is too large. When reading stopped early, `got_bytes` is what was seen.
pub(super) fn too_large(got_bytes: u64, max_bytes: u64) -> ApiError {
    ApiError::bad_request(format!("File size too large. Got {got_bytes}. Maximum is {max_bytes}."))
}

async fn read_text(mut field: Field<'_>) -> Result<String, ApiError> {
    let mut text = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|error| form_error(&error))? {
        if text.len() + piece.len() > MAX_FIELD_BYTES {
            return Err(ApiError::bad_request("A field of the form is too long"));
        }
        text.extend_from_slice(&piece);
    }
    String::from_utf8(text).map_err(|_not_utf8| ApiError::bad_request("A field of the form is no text"))
}

fn form_error(error: &MultipartError) -> ApiError {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::bad_request("The form is too large"),
        _ => ApiError::bad_request(error.body_text()),
    }
}

async fn read_body(request: Request) -> Result<Bytes, ApiError> {
    axum::body::to_bytes(request.into_body(), MAX_BODY_BYTES)
        .await
        .map_err(|error| ApiError::bad_request(format!("The body cannot be read: {error}")))
}

/// Outside of multipart forms a file is a text among the parameters.
async fn take_file_from_params(app: &Arc<App>, received: &mut Received) -> Result<(), ApiError> {
    let Some(text) = received.params.text("file") else {
        return Ok(());
    };
    received.params.remove("file");
    if received.file.is_some() {
        return Err(ApiError::bad_request("Only one file can be uploaded at a time"));
    }
    let once = futures_util::stream::iter([Ok::<_, ApiError>(Bytes::from(text))]);
    let file = SpooledFile::receive(&app.temporary_folder, MAX_BODY_BYTES as u64, once).await?;
    received.file = Some(ReceivedFile { file, name: None });
    Ok(())
}
