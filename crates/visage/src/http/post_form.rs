//! What a new post comes in: a multipart form with a text and perhaps a file, or JSON with a text.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use futures_util::TryStreamExt as _;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::error::ApiError;
use super::extract::{skip, text};
use super::paced::paced;
use crate::app::App;
use crate::posts::{Draft, PostError};
use crate::spool::{SpoolError, SpooledFile};

/// The fields of the form.
const CONTENT: &str = "content";
const MEDIA: &str = "media";

/// A request for a new post. It is read by [`PostForm::receive`], when it is known who sends it.
#[derive(Debug)]
pub(super) enum PostForm {
    Multipart(Multipart),
    Json(Box<Request>),
    /// Neither: there is nothing in it.
    Empty,
}

#[derive(Debug, Deserialize)]
struct JsonPost {
    #[serde(default, deserialize_with = "text")]
    content: String,
}

impl FromRequest<Arc<App>> for PostForm {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        if is_json(request.headers()) {
            return Ok(Self::Json(Box::new(request)));
        }
        let form = Multipart::from_request(paced(request), app).await;
        Ok(form.map_or(Self::Empty, Self::Multipart))
    }
}

impl PostForm {
    /// Reads all of it, the file into a temporary one. What the client says of the file's name and type is not looked at: the
    /// bytes decide.
    pub(super) async fn receive(self, app: &App) -> Result<Draft, ApiError> {
        match self {
            Self::Multipart(form) => receive_form(app, form).await,
            Self::Json(request) => receive_json(app, *request).await,
            Self::Empty => Ok(Draft::default()),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

/// The route's own bound is that of a form with a file.
async fn receive_json(app: &App, request: Request) -> Result<Draft, ApiError> {
    let max_bytes = app.config.limits.json_bytes;
    let body = axum::body::to_bytes(request.into_body(), max_bytes).await;
    let body: Bytes = body.map_err(|_too_long_or_cut| {
        let message = format!("The text is too large. At most {max_bytes} bytes are accepted.");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    })?;
    let post: JsonPost = serde_json::from_slice(&body).map_err(ApiError::bad_request)?;
    Ok(Draft {
        content: post.content,
        file: None,
    })
}

async fn receive_form(app: &App, mut form: Multipart) -> Result<Draft, ApiError> {
    let max_bytes = app.config.limits.post_media_bytes;
    let refused = |error: MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => SpoolError::<ApiError>::TooLarge { max_bytes }.into(),
        status => ApiError::new(status, "bad_request", error.body_text()),
    };
    let mut draft = Draft::default();
    while let Some(field) = form.next_field().await.map_err(refused)? {
        match (field.file_name(), field.name()) {
            (None, Some(CONTENT)) => draft.content = read_text(app, field, refused).await?,
            // Without a name it is a form that was sent without choosing a file.
            (None | Some(""), _) => skip(field).await.map_err(refused)?,
            (Some(_), Some(MEDIA)) if draft.file.is_none() => {
                let file = SpooledFile::receive(&app.temporary_folder, max_bytes, field.map_err(refused)).await?;
                draft.file = Some(file);
            }
            (Some(_), Some(MEDIA)) => return Err(ApiError::bad_request("Only one file can be posted at a time.")),
            (Some(_), _) => {
                let message = format!("Unexpected field. The file belongs in the field `{MEDIA}`.");
                return Err(ApiError::bad_request(message));
            }
        }
    }
    Ok(draft)
}

/// A text, as far as it may be long.
async fn read_text(
    app: &App,
    mut field: Field<'_>,
    refused: impl Fn(MultipartError) -> ApiError,
) -> Result<String, ApiError> {
    let max_characters = app.config.posts.content_characters;
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(&refused)? {
        bytes.extend_from_slice(&piece);
        // No character takes more than four bytes.
        if bytes.len() > max_characters.saturating_mul(4) {
            return Err(PostError::TooLong { max_characters }.into());
        }
    }
    String::from_utf8(bytes).map_err(|_not_utf8| ApiError::bad_request("The text is not UTF-8."))
}
