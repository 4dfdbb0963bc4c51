//! Copies of the database that lie elsewhere: made ready to be kept, checked, and asked which originals belong to them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags, params};

use super::values::limit;
use super::{on_blocking_thread, schema};
use crate::error::{Result, StoreError};
use crate::ids::{Sha256, UploadId};

/// A copy of the database, in one file that nobody else has open.
#[derive(Debug)]
pub struct DatabaseCopy(Arc<Mutex<Connection>>);

/// An original that a database needs: it is current, or kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptOriginal {
    /// The upload.
    pub upload: UploadId,
    /// Its size.
    pub bytes: u64,
    /// Its hash.
    pub sha256: Sha256,
}

impl DatabaseCopy {
    /// Opens a copy.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        on_blocking_thread(move || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            Ok(Self(Arc::new(Mutex::new(connection))))
        })
        .await
    }

    /// Makes it complete in its one file, without what is not copied: derived images, which are made again.
    ///
    /// # Errors
    /// When it cannot be changed.
    pub async fn prepare(&self) -> Result<()> {
        self.run(|connection| {
            // If this is cut off, the copy is made anew: nothing has to be on the disk.
            connection.execute_batch(
                "PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE; DELETE FROM derived; VACUUM;",
            )?;
            Ok(())
        })
        .await
    }

    /// Reads all of it and checks that it is a sound database which this release can open.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::SchemaTooNew`].
    pub async fn check(&self) -> Result<()> {
        self.run(|connection| {
            let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            let known = schema::version();
            if !(1..=known).contains(&found) {
                return Err(StoreError::SchemaTooNew { found, known });
            }
            let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
            if verdict == "ok" {
                Ok(())
            } else {
                Err(StoreError::Damaged(verdict))
            }
        })
        .await
    }

    /// Up to `limit` originals that it needs, whose id is greater than `after`, by id.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn originals(&self, after: Option<UploadId>, at_most: usize) -> Result<Vec<KeptOriginal>> {
        self.run(move |connection| {
            let sql = "SELECT id, bytes, sha256 FROM uploads WHERE state = 'live' AND (?1 IS NULL OR id > ?1) \
                       ORDER BY id LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let originals = statement.query_map(params![after, limit(at_most)], |row| {
                Ok(KeptOriginal {
                    upload: row.get(0)?,
                    bytes: row.get(1)?,
                    sha256: row.get(2)?,
                })
            })?;
            Ok(originals.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, act: impl FnOnce(&Connection) -> Result<T> + Send + 'static) -> Result<T> {
        let connection = Arc::clone(&self.0);
        on_blocking_thread(move || act(&connection.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}
