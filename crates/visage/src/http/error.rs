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
use crate::chunks::ChunkError;
use crate::fetch::FetchError;
use crate::intake::IntakeError;
use crate::library::analyse::AnalyseError;
use crate::library::archive::ArchiveError;
use crate::library::deliver::DeliverError;
use crate::library::in_use::InUseError;
use crate::library::metadata::MetadataError;
use crate::library::receive::ReceiveError;
use crate::library::upload::UploadError;
use crate::media_host::MediaHostError;
use crate::permits::WorkError;
use crate::posts::PostError;
use crate::profile::ProfileImageError;
use crate::rate_limit::TooManyAttempts;
use crate::sessions::SessionError;
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

    pub(super) fn too_many_at_once() -> Self {
        Self {
            retry_after: Some(RETRY_AFTER),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                "Too many requests from your address are under way. Please try again when some have ended.",
            )
        }
    }

    pub(in crate::http) fn no_space() -> Self {
        Self {
            cause: Some("no space left".to_owned()),
            ..Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "no_space",
                "The server has no space left. Nothing was changed.",
            )
        }
    }

    fn database_damaged(cause: impl Display) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "database_damaged",
            "The server cannot store anything until its database is restored. Nothing was changed.",
        )
        .because(cause)
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

/// The answer in the voice of Cloudinary's API.
impl ApiError {
    /// `{"error":{"message":…}}`. The Node library's uploader reads errors of few statuses only; what another status says is
    /// told with 400 there.
    pub(super) fn into_cloudinary_response(mut self, by_uploader: bool) -> Response {
        let is_client_error = self.status.is_client_error();
        if by_uploader && is_client_error && !matches!(self.status.as_u16(), 400 | 401 | 404 | 420 | 429) {
            self.status = StatusCode::BAD_REQUEST;
        }
        let body = Json(json!({ "error": { "message": self.message } }));
        let mut response = (self.status, body).into_response();
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
            StoreError::TimedOut => Self {
                retry_after: Some(RETRY_AFTER),
                ..Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "timeout",
                    "The search took too long. Narrow it down, or try again later.",
                )
            },
            StoreError::BadCursor => Self::bad_request("Invalid value for parameter next_cursor"),
            StoreError::Corrupt(_) => Self::database_damaged(error),
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
            | ImageError::TooManyScans { .. }
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
            // Asking again later changes nothing: there is no Retry-After.
            AuthError::NoMail => Self::new(StatusCode::SERVICE_UNAVAILABLE, "mail_not_configured", error),
            AuthError::TooManyAttempts(too_many) => too_many.into(),
            AuthError::Store(error) => error.into(),
            AuthError::Password(error) => Self::internal(error),
            AuthError::Token(error) => Self::internal(error),
        }
    }
}

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Invalid(invalid) => Self::new(StatusCode::UNAUTHORIZED, "unauthorized", invalid),
            SessionError::Suspended => Self::new(StatusCode::FORBIDDEN, "suspended", error),
            SessionError::UserNotFound => Self::new(StatusCode::NOT_FOUND, "not_found", error),
            SessionError::Store(error) => error.into(),
        }
    }
}

impl From<TooManyAttempts> for ApiError {
    fn from(too_many: TooManyAttempts) -> Self {
        Self {
            retry_after: Some(too_many.retry_after),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", too_many)
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
            MediaHostError::Unavailable { retry_after, .. } => Self {
                retry_after: Some(retry_after),
                ..Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "media_host",
                    "Pictures cannot be stored now. Nothing was changed; please try again later.",
                )
                .because(error)
            },
            MediaHostError::Rejected(_) | MediaHostError::Failed(_) => Self::new(
                StatusCode::BAD_GATEWAY,
                "media_host",
                "The picture could not be stored. Nothing was changed.",
            )
            .because(error),
        }
    }
}

impl From<ProfileImageError> for ApiError {
    fn from(error: ProfileImageError) -> Self {
        match error {
            ProfileImageError::Crop(error) => Self::bad_request(error),
            ProfileImageError::UserNotFound | ProfileImageError::NoPicture => {
                Self::new(StatusCode::NOT_FOUND, "not_found", error)
            }
            ProfileImageError::KeptElsewhere | ProfileImageError::ChangedMeanwhile => {
                Self::new(StatusCode::CONFLICT, "conflict", error)
            }
            ProfileImageError::Intake(error) => error.into(),
            ProfileImageError::GivenUp => Self::overloaded().because(error),
            ProfileImageError::Store(error) => error.into(),
        }
    }
}

impl From<IntakeError> for ApiError {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Image(error) => error.into(),
            IntakeError::Video | IntakeError::VideoData(_) => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", error)
            }
            IntakeError::Work(error) => error.into(),
            IntakeError::TooSlow => ImageError::Cancelled.into(),
            IntakeError::MediaHost(error) => error.into(),
            IntakeError::Store(error) => error.into(),
            IntakeError::TemporaryFile(_) | IntakeError::Internal(_) => Self::internal(error),
        }
    }
}

impl From<PostError> for ApiError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Empty | PostError::NoCommentText | PostError::TooLong { .. } | PostError::Full => {
                Self::bad_request(error)
            }
            PostError::UserNotFound | PostError::PostNotFound | PostError::CommentNotFound => {
                Self::new(StatusCode::NOT_FOUND, "not_found", error)
            }
            PostError::NotYourPost | PostError::NotYourComment => Self::new(StatusCode::FORBIDDEN, "forbidden", error),
            PostError::Intake(error) => error.into(),
            PostError::GivenUp => Self::overloaded().because(error),
            PostError::Store(error) => error.into(),
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

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::NoSpace => Self::no_space(),
            UploadError::GivenUp => Self::overloaded().because(error),
            UploadError::Store(error) => error.into(),
            UploadError::Blobs(error) => error.into(),
        }
    }
}

impl From<ReceiveError> for ApiError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Empty
            | ReceiveError::TooLarge { .. }
            | ReceiveError::NotAnImage
            | ReceiveError::UnsupportedImage { .. }
            | ReceiveError::DamagedImage { .. }
            | ReceiveError::Image(_)
            | ReceiveError::NotAVideo
            | ReceiveError::FormatNotAllowed { .. }
            | ReceiveError::PublicId(_)
            | ReceiveError::Transformation(_)
            | ReceiveError::TransformationOfFile
            | ReceiveError::Folder(_) => Self::bad_request(error),
            ReceiveError::InUse(error) => error.into(),
            ReceiveError::Metadata(error) => error.into(),
            ReceiveError::Analyse(error) => error.into(),
            ReceiveError::Upload(error) => error.into(),
            ReceiveError::Work(error) => error.into(),
            ReceiveError::TemporaryFile(error) => Self::internal(error),
            ReceiveError::Store(error) => error.into(),
        }
    }
}

impl From<InUseError> for ApiError {
    fn from(error: InUseError) -> Self {
        match error {
            InUseError::Store(error) => error.into(),
            InUseError::Asset(_) | InUseError::Transformation(_) => Self::bad_request(error),
        }
    }
}

impl From<MetadataError> for ApiError {
    fn from(error: MetadataError) -> Self {
        match error {
            MetadataError::Store(error) => error.into(),
            MetadataError::Unknown(_) | MetadataError::Invalid { .. } | MetadataError::Missing(_) => {
                Self::bad_request(error)
            }
        }
    }
}

impl From<AnalyseError> for ApiError {
    fn from(error: AnalyseError) -> Self {
        match error {
            AnalyseError::Image(error) => Self::bad_request(error),
            AnalyseError::Work(error) => error.into(),
            AnalyseError::TemporaryFile(error) => Self::internal(error),
        }
    }
}

impl From<FetchError> for ApiError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Disabled | FetchError::Loading { .. } | FetchError::TooLarge { .. } => Self::bad_request(error),
            FetchError::NoSpace => Self::no_space(),
            FetchError::Io(error) => Self::internal(error),
        }
    }
}

impl From<ChunkError> for ApiError {
    fn from(error: ChunkError) -> Self {
        match error {
            ChunkError::TooSmall
            | ChunkError::Unknown
            | ChunkError::Overlap
            | ChunkError::Length { .. }
            | ChunkError::Total
            | ChunkError::TooLarge { .. } => Self::bad_request(error),
            ChunkError::Overloaded => Self::overloaded(),
            ChunkError::NoSpace => Self::no_space(),
            ChunkError::Io(error) => Self::internal(error),
        }
    }
}

impl From<ArchiveError> for ApiError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Deliver(error) => Self::from(&error),
            ArchiveError::Blobs(error) => error.into(),
            ArchiveError::TemporaryFile(error) => Self::internal(error),
            ArchiveError::Zip(error) => Self::internal(error),
        }
    }
}

impl From<DeliverError> for ApiError {
    fn from(error: DeliverError) -> Self {
        Self::from(&error)
    }
}

impl From<&DeliverError> for ApiError {
    fn from(error: &DeliverError) -> Self {
        match error.root() {
            DeliverError::Denied => Self::new(StatusCode::UNAUTHORIZED, "denied", error),
            DeliverError::NotAllowed(_) => Self::new(StatusCode::UNAUTHORIZED, "not_allowed", error),
            DeliverError::Transformation(_)
            | DeliverError::NotAnImage
            | DeliverError::Image(
                ImageError::Empty
                | ImageError::Unsupported { .. }
                | ImageError::Damaged { .. }
                | ImageError::TooManyPixels { .. }
                | ImageError::TooLargeSide { .. }
                | ImageError::TooManyFrames { .. }
                | ImageError::TooMuchMemory { .. }
                | ImageError::TooManyScans { .. }
                | ImageError::Cancelled,
            ) => Self::bad_request(error),
            DeliverError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "not_found", error),
            DeliverError::PreconditionFailed => {
                Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", error)
            }
            DeliverError::WrongSignature => Self::new(StatusCode::UNAUTHORIZED, "wrong_signature", error),
            DeliverError::Plan(error) => Self::bad_request(error),
            DeliverError::Image(error @ ImageError::Encode { .. }) => Self::internal(error),
            DeliverError::Work(error) => (*error).into(),
            DeliverError::TooManyRenders(error) => Self {
                retry_after: Some(error.retry_after),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_renders", error)
            },
            DeliverError::Store(error) => Self::internal(error),
            DeliverError::Blobs(error) => Self::internal(error),
            DeliverError::Shared(_) => Self::internal(error),
        }
    }
}
