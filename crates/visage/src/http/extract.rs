//! What handlers take from a request.

use std::convert::Infallible;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, FromRequestParts, Multipart, Request};
use futures_util::TryStreamExt as _;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Deserializer};
use serde_json::Value;
use visage_store::{User, UserId};

use super::error::ApiError;
use super::paced::paced;
use super::places::{address, peer};
use crate::app::App;
use crate::sessions::{self, Session, SessionError};
use crate::spool::{SpoolError, SpooledFile};
use crate::tokens::InvalidToken;

/// The signed-in user who makes the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    pub(super) user_id: UserId,
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let session = sessions::of_token(app, token(&parts.headers)?).await?;
        // The administrator signs in like a user but is none.
        let user_id = session.user_id.ok_or(SessionError::UserNotFound)?;
        Ok(Self { user_id })
    }
}

/// The same with all that is known of the user, for handlers that need it.
#[derive(Debug, Clone)]
pub(super) struct CallerUser(pub(super) User);

impl FromRequestParts<Arc<App>> for CallerUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let user = sessions::user_of_token(app, token(&parts.headers)?).await?;
        Ok(Self(user))
    }
}

/// Any signed-in account, the administrator included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Authenticated(pub(super) Session);

impl FromRequestParts<Arc<App>> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        match sessions::of_token(app, token(&parts.headers)?).await {
            Ok(session) => Ok(Self(session)),
            // Nothing of the user's own is asked for, so a user who is gone is no longer signed in. To the pages 404 would mean
            // that there is no feed.
            Err(SessionError::UserNotFound) => Err(SessionError::Invalid(InvalidToken).into()),
            Err(error) => Err(error.into()),
        }
    }
}

/// An administrator who makes the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Administrator;

impl FromRequestParts<Arc<App>> for Administrator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Authenticated(session) = Authenticated::from_request_parts(parts, app).await?;
        if session.is_admin {
            return Ok(Self);
        }
        let message = "Access denied. Admin privileges required.";
        Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", message))
    }
}

/// The request's token. The prefix `Bearer ` may be missing, as with the Node backend.
fn token(headers: &HeaderMap) -> Result<&str, ApiError> {
    let header = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let token = header.strip_prefix("Bearer ").unwrap_or(header).trim();
    if token.is_empty() {
        let message = "No token, authorization denied";
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message));
    }
    Ok(token)
}

/// The address that the request comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientAddress(pub(super) IpAddr);

impl FromRequestParts<Arc<App>> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let trust_forwarded_for = app.config.http.trust_forwarded_for;
        Ok(Self(address(
            &parts.headers,
            peer(&parts.extensions),
            trust_forwarded_for,
        )))
    }
}

/// A JSON body; whatever is wrong with one is told as JSON.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        match Json::<T>::from_request(request, app).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::new(rejection.status(), "bad_request", rejection.body_text())),
        }
    }
}

/// For `#[serde(deserialize_with = …)]`: a text; nothing for `null`, and a number as it is written.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(serde::de::Error::custom("a text is expected")),
    }
}

/// The longest text that a form carries beside its picture.
const MAX_FORM_TEXT_BYTES: usize = 1024;

/// A multipart form that carries one file.
#[derive(Debug)]
pub(super) struct ImageForm(Option<Multipart>);

impl FromRequest<Arc<App>> for ImageForm {
    type Rejection = Infallible;

    /// A body that is no multipart form carries no file: that is for [`ImageForm::single`] to say.
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Infallible> {
        Ok(Self(Multipart::from_request(paced(request), app).await.ok()))
    }
}

impl ImageForm {
    /// Receives the form's one file, from the field `name`, into a temporary file in `folder`, and the text in the field
    /// `beside`, wherever it stands. What the client says of the file's name and type is not looked at: the bytes decide.
    pub(super) async fn single(
        self,
        name: &str,
        beside: &str,
        folder: &Path,
        max_bytes: u64,
    ) -> Result<(SpooledFile, Option<String>), ApiError> {
        let Some(mut form) = self.0 else { return Err(no_file()) };
        let refused = |error: MultipartError| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => SpoolError::<ApiError>::TooLarge { max_bytes }.into(),
            status => ApiError::new(status, "bad_request", error.body_text()),
        };
        let (mut file, mut text) = (None, None);
        while let Some(field) = form.next_field().await.map_err(refused)? {
            if field.file_name().is_none() && field.name() == Some(beside) {
                let too_long = || ApiError::bad_request(format!("The field `{beside}` is too long."));
                text = Some(read_text(field).await.map_err(refused)?.ok_or_else(too_long)?);
                continue;
            }
            // Without a name it is a text, or a form that was sent without choosing a file.
            if field.file_name().is_none_or(str::is_empty) {
                skip(field).await.map_err(refused)?;
                continue;
            }
            if field.name() != Some(name) {
                return Err(ApiError::bad_request(format!(
                    "Unexpected field. The file belongs in the field `{name}`."
                )));
            }
            if file.is_some() {
                return Err(ApiError::bad_request("Only one file can be uploaded at a time."));
            }
            file = Some(SpooledFile::receive(folder, max_bytes, field.map_err(refused)).await?);
        }
        file.map(|file| (file, text)).ok_or_else(no_file)
    }
}

fn no_file() -> ApiError {
    ApiError::bad_request("No file uploaded")
}

/// Reads a text field to its end; `None` when it is longer than texts are. The request's time bounds it.
async fn read_text(mut field: Field<'_>) -> Result<Option<String>, MultipartError> {
    let (mut bytes, mut is_whole) = (Vec::new(), true);
    while let Some(piece) = field.chunk().await? {
        is_whole &= bytes.len() + piece.len() <= MAX_FORM_TEXT_BYTES;
        if is_whole {
            bytes.extend_from_slice(&piece);
        }
    }
    Ok(is_whole.then(|| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Reads over a field. The request's time bounds it.
pub(super) async fn skip(mut field: Field<'_>) -> Result<(), MultipartError> {
    while field.chunk().await?.is_some() {}
    Ok(())
}
