//! What can go wrong with a blob.

use crate::blobs::BlobKey;
use crate::error::{BoxError, io_error, is_no_space};

/// A blob could not be stored, read or deleted.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such blob.
    #[error("blob {0:?} is missing")]
    Missing(BlobKey),
    /// The blob is not what was stored.
    #[error("blob {key:?} is damaged: {actual_bytes} bytes where {expected_bytes} were stored, or other ones")]
    Damaged {
        /// Which blob.
        key: BlobKey,
        /// What the catalog says.
        expected_bytes: u64,
        /// What was read.
        actual_bytes: u64,
    },
    /// There is such a blob already, and it was not overwritten.
    #[error("blob {0:?} exists already")]
    Exists(BlobKey),
    /// The disk (or the quota) is full.
    #[error("no space is left for blobs")]
    NoSpace(#[source] BoxError),
    /// Anything else.
    #[error("the blob store failed")]
    Backend(#[source] BoxError),
}

/// The system's numbers for a device that cannot give back what was written: EIO, EBADMSG, EUCLEAN (Linux).
const BROKEN_MEDIUM: [i32; 3] = [5, 74, 117];

impl BlobError {
    /// Whether the bytes are lost where they were: they are gone, other ones, or the device cannot read them. Anything else may
    /// pass.
    pub fn is_loss(&self) -> bool {
        match self {
            Self::Missing(_) | Self::Damaged { .. } => true,
            Self::Backend(cause) => io_error(cause.as_ref())
                .and_then(std::io::Error::raw_os_error)
                .is_some_and(|number| cfg!(target_os = "linux") && BROKEN_MEDIUM.contains(&number)),
            Self::Exists(_) | Self::NoSpace(_) => false,
        }
    }

    /// Sorts out an error of the store while it handled `key`.
    pub(super) fn from_store(error: object_store::Error, key: &BlobKey) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing(key.clone()),
            object_store::Error::AlreadyExists { .. } => Self::Exists(key.clone()),
            other => Self::from_cause(other),
        }
    }

    /// Sorts out an error that belongs to no single blob.
    pub(super) fn from_cause(error: impl Into<BoxError>) -> Self {
        let error = error.into();
        if is_no_space(error.as_ref()) {
            Self::NoSpace(error)
        } else {
            Self::Backend(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UploadId;

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let sort = |errno| {
            let source = Box::new(std::io::Error::from_raw_os_error(errno));
            let error = object_store::Error::Generic {
                store: "LocalFileSystem",
                source,
            };
            BlobError::from_store(error, &BlobKey::Original(UploadId::random()))
        };
        assert!(matches!(sort(28), BlobError::NoSpace(_)));
        assert!(matches!(sort(5), BlobError::Backend(_)));
        // EIO says that the bytes are lost; EACCES that somebody has to open a door.
        assert_eq!(
            [sort(5), sort(13), sort(28)].map(|error| error.is_loss()),
            [true, false, false]
        );
    }
}
