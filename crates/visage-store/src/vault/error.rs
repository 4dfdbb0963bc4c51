//! What can go wrong with a vault.

use std::error::Error;

use crate::blobs::BlobError;
use crate::blobs::whole::ReadError;
use crate::error::{BoxError, is_no_space};

/// A vault could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The address is none.
    #[error("backups go to a folder, written as a path or as file:///path, or to s3://bucket/prefix; `{0}` is neither")]
    Address(String),
    /// The address begins with `~`, which only a shell expands.
    #[error("`~` is not expanded here; write the whole path of {0}")]
    HomeAddress(String),
    /// There is no vault.
    #[error("there is no backup in {0}")]
    None(String),
    /// There is a vault, and no snapshot in it.
    #[error("no backup to this place was ever finished")]
    Empty,
    /// There is no such snapshot.
    #[error("the backup has no snapshot {0}")]
    NoSnapshot(String),
    /// Somebody else writes to it.
    #[error("another backup to this place is under way")]
    Busy,
    /// Somebody else has written to it within the last hour, and may still do so.
    #[error(
        "another backup to this place is under way, or one from another data folder was cut off less than an hour ago; once \
         that is over, it can be backed up to again"
    )]
    Leased,
    /// The store takes every write, whatever it was asked for.
    #[error(
        "the store does not know conditional writes (If-None-Match), without which two backups at a time would harm each other"
    )]
    Unconditional,
    /// The store said no.
    #[error("the store of the backup refuses: {0}")]
    Refused(String),
    /// The store said nothing.
    #[error("the store of the backup cannot be reached: {0}")]
    Unreachable(String),
    /// There is nothing to sign requests with.
    #[error("s3:// needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")]
    NoCredentials,
    /// A file is not there.
    #[error("{0} is missing in the backup")]
    Missing(String),
    /// A file is not what was stored.
    #[error("{0} is damaged in the backup")]
    Damaged(String),
    /// The disk (or the quota) is full.
    #[error("no space is left where the backup lies")]
    NoSpace(#[source] BoxError),
    /// The system refused something.
    #[error("the place of the backup: {0}")]
    Io(#[source] BoxError),
}

impl VaultError {
    /// Whether something in the vault is lost.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Missing(_) | Self::Damaged(_))
    }

    pub(super) fn from_read(error: ReadError, name: &str) -> Self {
        match error {
            ReadError::Differs { .. } => Self::Damaged(name.to_owned()),
            ReadError::Store(object_store::Error::NotFound { .. }) => Self::Missing(name.to_owned()),
            ReadError::Store(error) => error.into(),
        }
    }

    pub(super) fn from_cause(error: impl Into<BoxError>) -> Self {
        let error = error.into();
        if is_no_space(error.as_ref()) {
            Self::NoSpace(error)
        } else {
            Self::Io(error)
        }
    }
}

impl From<std::io::Error> for VaultError {
    fn from(error: std::io::Error) -> Self {
        Self::from_cause(error)
    }
}

impl From<object_store::Error> for VaultError {
    fn from(error: object_store::Error) -> Self {
        of_bucket(&error).unwrap_or_else(|| Self::from_cause(error))
    }
}

/// What went wrong with a bucket, in a sentence; `None` when it was no bucket. What the store says goes on as code and message: the
/// rest of it may show how requests are signed.
fn of_bucket(error: &object_store::Error) -> Option<VaultError> {
    let mut last: &dyn Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let text = error.to_string();
    let part = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0)
    };
    if let Some(code) = part("Code") {
        let message = part("Message").unwrap_or_default();
        return Some(VaultError::Refused(format!("{code}: {message}")));
    }
    match error {
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            Some(VaultError::Refused("the credentials may not do this".to_owned()))
        }
        object_store::Error::Generic { store: BUCKETS, .. } => Some(VaultError::Unreachable(last.to_string())),
        _ => None,
    }
}

/// How errors of buckets are marked.
const BUCKETS: &str = "S3";

impl From<BlobError> for VaultError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::NoSpace(cause) => Self::NoSpace(cause),
            BlobError::Backend(cause) => {
                let of_store = cause.downcast_ref().and_then(of_bucket);
                of_store.unwrap_or_else(|| Self::from_cause(cause))
            }
            other => Self::from_cause(other),
        }
    }
}
