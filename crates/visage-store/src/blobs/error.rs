//! What can go wrong with a blob.

use crate::blobs::BlobKey;
use crate::error::{BoxError, is_no_space};

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

impl BlobError {
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
    }
}
