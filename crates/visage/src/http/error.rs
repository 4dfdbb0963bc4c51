//! Turns errors into answers. What the client is told and what the log is told are two texts.
//!
//! The native API answers `{"message": …, "code": …}`; delivery answers the status with `X-Cld-Error`.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use visage_image::ImageError;
use visage_store::{BlobError, StoreError};

use crate::auth::AuthError;
use crate::library::deliver::DeliverError;
use crate::media_host::MediaHostError;
use crate::permits::WorkError;
use crate::profile::ProfileImageError;
use crate::spool::SpoolError;

/// When an overloaded server may be asked again.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// An error on its way to a client.
#[derive(Debug)]
pub struct ApiError {
    /// The status.
    pub status: StatusCode,
    /// A stable word for programs.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
    retry_after: Option<Duration>,
    cause: Option<String>,
}

/// What the log is told about a failed request; travels in the response's extensions.
#[derive(Debug, Clone)]
pub(super) struct Cause(pub(super) Arc<str>);

impl ApiError {
    /// An error that is the client's to mend.
    pub fn new(status: StatusCode, code: &'static str, message: impl Display) -> Self {
        Self {
            status,
            code,
            message: message.to_string(),
            retry_after: None,
            cause: None,
        }
    }

    /// A 400.
    pub fn bad_request(message: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// A failure of ours: the client learns only that it was one.
    pub fn internal(cause: impl Display) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "Server error")
        }
    }

    pub(super) fn overloaded() -> Self {
        Self {
            retry_after: Some(RETRY_AFTER),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "The server is busy. Please try again.",
            )
        }
    }

    fn no_space() -> Self {
        Self {
            cause: Some("no space left".to_owned()),
            ..Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "no_space",
                "The server has no space left. Nothing was changed.",
            )
        }
    }

    fn because(self, cause: impl Display) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..self
        }
    }

    fn decorate(&self, response: &mut Response) {
        if let Some(wait) = self.retry_after {
            let seconds = HeaderValue::from(wait.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if let Some(cause) = &self.cause {
            response.extensions_mut().insert(Cause(cause.as_str().into()));
        }
    }

    /// The answer in delivery's voice: the status, `X-Cld-Error`, no body.
    pub(super) fn into_delivery_response(self) -> Response {
        let mut response = self.status.into_response();
        let message: String = self
            .message
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if let Ok(value) = HeaderValue::from_bytes(message.as_bytes()) {
            response.headers_mut().insert("x-cld-error", value);
        }
        self.decorate(&mut response);
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(json!({ "message": self.message, "code": self.code }));
        let mut response = (self.status, body).into_response();
        self.decorate(&mut response);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSpace(_) => Self::no_space(),
            other => Self::internal(other),
        }
    }
}

impl From<BlobError> for ApiError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::NoSpace(_) => Self::no_space(),
            other => Self::internal(other),
        }
    }
}

impl From<WorkError> for ApiError {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Overloaded => Self::overloaded(),
            WorkError::Panicked => Self::internal(error),
        }
    }
}

impl From<ImageError> for ApiError {
    fn from(error: ImageError) -> Self {
        let status = match error {
            ImageError::Empty | ImageError::Unsupported { .. } | ImageError::Damaged { .. } => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            ImageError::TooManyPixels { .. }
            | ImageError::TooLargeSide { .. }
            | ImageError::TooManyFrames { .. }
            | ImageError::TooMuchMemory { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ImageError::Cancelled => {
                return Self::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "too_slow",
                    "The picture takes too long to process.",
                );
            }
            ImageError::Encode { .. } => return Self::internal(error),
        };
        let code = if status == StatusCode::PAYLOAD_TOO_LARGE {
            "too_large"
        } else {
            "unsupported_media_type"
        };
        Self::new(status, code, error)
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Invalid(message) => Self::bad_request(message),
            AuthError::NotVerified => Self::new(StatusCode::UNAUTHORIZED, "not_verified", error),
            AuthError::Suspended => Self::new(StatusCode::FORBIDDEN, "suspended", error),
            AuthError::UserNotFound => Self::new(StatusCode::NOT_FOUND, "not_found", error),
            AuthError::TooManyAttempts(too_many) => Self {
                retry_after: Some(too_many.retry_after),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", too_many)
            },
            AuthError::Store(error) => error.into(),
            AuthError::Password(error) => Self::internal(error),
            AuthError::Token(error) => Self::internal(error),
        }
    }
}

impl From<MediaHostError> for ApiError {
    fn from(error: MediaHostError) -> Self {
        match error {
            MediaHostError::NoSpace => Self::no_space(),
            MediaHostError::Unshowable(_) => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", error)
            }
            MediaHostError::TimedOut => Self::overloaded().because(error),
            MediaHostError::Failed(cause) => Self::new(
                StatusCode::BAD_GATEWAY,
                "media_host",
                "The picture could not be stored. Nothing was changed.",
            )
            .because(cause),
        }
    }
}

impl From<ProfileImageError> for ApiError {
    fn from(error: ProfileImageError) -> Self {
        match error {
            ProfileImageError::UserNotFound => Self::new(StatusCode::NOT_FOUND, "not_found", error),
            ProfileImageError::Image(error) => error.into(),
            ProfileImageError::Work(error) => error.into(),
            ProfileImageError::TooSlow => ImageError::Cancelled.into(),
            ProfileImageError::MediaHost(error) => error.into(),
            ProfileImageError::GivenUp => Self::overloaded().because(error),
            ProfileImageError::Store(error) => error.into(),
            ProfileImageError::TemporaryFile(_) | ProfileImageError::Internal(_) => Self::internal(error),
        }
    }
}

impl<E: Into<Self>> From<SpoolError<E>> for ApiError {
    fn from(error: SpoolError<E>) -> Self {
        match error {
            SpoolError::TooLarge { max_bytes } => {
                let message = format!("The file is too large. At most {max_bytes} bytes are accepted.");
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
            }
            SpoolError::NoSpace => Self::no_space(),
            SpoolError::Io(error) => Self::internal(error),
            SpoolError::Source(error) => error.into(),
        }
    }
}

impl From<&DeliverError> for ApiError {
    fn from(error: &DeliverError) -> Self {
        match error.root() {
            DeliverError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "not_found", error),
            DeliverError::WrongSignature => Self::new(StatusCode::UNAUTHORIZED, "wrong_signature", error),
            DeliverError::Plan(error) => Self::bad_request(error),
            DeliverError::Image(ImageError::TooMuchMemory { .. } | ImageError::Cancelled) => Self::bad_request(error),
            DeliverError::Image(error) => Self::internal(error),
            DeliverError::Work(error) => (*error).into(),
            DeliverError::Store(error) => Self::internal(error),
            DeliverError::Blobs(error) => Self::internal(error),
            DeliverError::Shared(_) => Self::internal(error),
        }
    }
}
