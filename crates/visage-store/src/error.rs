//! What can go wrong in a catalog or a directory.

use std::error::Error as StdError;
use std::io;

/// The answer of a store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// The store could not do what was asked; nothing was changed, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk (or the quota) is full.
    #[error("no space is left for the database")]
    NoSpace(#[source] BoxError),
    /// Another writer kept the database for longer than we wait.
    #[error("the database is busy")]
    Busy(#[source] BoxError),
    /// The database file is malformed. Nothing is written to it any more.
    #[error("the database file is damaged; restore it from a backup")]
    Corrupt(#[source] BoxError),
    /// A search, or a count, took longer than it may. Nothing is wrong with the database.
    #[error("the search took too long")]
    TimedOut,
    /// A row does not read back as what was written: the file was damaged or edited.
    #[error("the database holds a damaged row: {0}")]
    Damaged(String),
    /// The file was written by a newer release.
    #[error(
        "the database has schema version {found}, and this release knows versions up to {known}: use a newer release"
    )]
    SchemaTooNew {
        /// The version in the file.
        found: i64,
        /// The newest version that this release can read.
        known: i64,
    },
    /// A cursor is none that the list gave out.
    #[error("Invalid cursor")]
    BadCursor,
    /// Anything else. A write may or may not have happened if the failure struck while it was being confirmed.
    #[error("the database failed")]
    Backend(#[source] BoxError),
}

/// The cause of an error, for the log.
pub type BoxError = Box<dyn StdError + Send + Sync>;

impl StoreError {
    /// A failure of the backend with `cause`.
    pub fn backend(cause: impl Into<BoxError>) -> Self {
        Self::Backend(cause.into())
    }
}

/// Whether an error, or what caused it, is a full disk or an exhausted quota.
pub(crate) fn is_no_space(error: &(dyn StdError + 'static)) -> bool {
    io_error(error).is_some_and(|io| is_full(io.kind()))
}

/// The system's error that an error is, or was caused by.
pub(crate) fn io_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            // An `io::Error` that wraps another error skips that one in its own chain of sources.
            return io.get_ref().and_then(|inner| io_error(inner)).or(Some(io));
        }
        next = error.source();
    }
    None
}

fn is_full(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_recognised_behind_other_errors() {
        let full = || io::Error::from_raw_os_error(28);
        let wrapped = io::Error::other(io::Error::other(full()));
        let stored = object_store::Error::Generic {
            store: "test",
            source: Box::new(full()),
        };
        assert!(is_no_space(&full()));
        assert!(is_no_space(&wrapped));
        assert!(is_no_space(&stored));
    }

    #[test]
    fn another_error_is_no_full_disk() {
        assert!(!is_no_space(&io::Error::from_raw_os_error(5)));
        assert!(!is_no_space(&io::Error::other("No space left on device")));
    }
}
