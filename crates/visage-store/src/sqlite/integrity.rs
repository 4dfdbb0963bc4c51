//! Whether the database file was ever seen to be damaged.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::ErrorCode;

use crate::error::{Result, StoreError};

/// Remembers that SQLite found the file malformed. From then on nothing is written: a write into a broken tree can lose rows that
/// can still be read. Opening the file again forgets it.
#[derive(Debug, Clone, Default)]
pub(super) struct Integrity(Arc<AtomicBool>);

impl Integrity {
    /// Whether the file is not known to be damaged.
    pub(super) fn is_good(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }

    /// # Errors
    /// [`StoreError::Corrupt`] once damage was seen.
    pub(super) fn check(&self) -> Result<()> {
        if self.is_good() {
            return Ok(());
        }
        Err(StoreError::Corrupt("it was found malformed earlier".into()))
    }

    /// Remembers damage when that is what `failure`, or what caused it, says.
    pub(super) fn note(&self, failure: &(dyn StdError + 'static)) {
        let mut next = Some(failure);
        while let Some(error) = next {
            if error.downcast_ref().is_some_and(is_corruption) {
                self.0.store(true, Ordering::Relaxed);
                return;
            }
            next = error.source();
        }
    }
}

/// Whether SQLite says that the file is malformed, or no database.
pub(super) fn is_corruption(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}
