//! All traits on one SQLite file.
//!
//! One connection writes and a few read, each on a blocking thread; a caller that waits for one holds no thread. Searches and
//! counts read on connections of their own and have a deadline, so that no read of a few rows waits for them. Every act is
//! one transaction, and a committed one is on disk (`synchronous=FULL`). An act that nobody waits for any more is still done.
//! There is no retry in here, and no cache.

mod adopted_posts;
mod assets;
mod backups;
mod catalog;
mod commits;
mod connections;
mod copies;
mod derived;
mod directory;
mod documents;
mod error;
mod exchange;
mod expired;
mod folders;
mod indexes;
mod integrity;
mod lists;
mod moving_in;
mod otp;
mod outbox;
#[cfg(test)]
mod plans;
mod posts;
mod references;
mod relocation;
mod schema;
mod search;
mod sessions;
mod sorting;
mod upkeep;
mod uploads;
mod users;
mod values;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::error::{Result, StoreError};
use commits::{Commits, Waiting};
use connections::Readers;
pub use copies::{DatabaseCopy, KeptOriginal};
use integrity::Integrity;

/// How long a read of many rows may take when nothing else is set.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(10);

/// A catalog and a directory in one SQLite file. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sqlite {
    writer: Arc<Mutex<Connection>>,
    readers: Readers,
    long_readers: Readers,
    search_timeout: Duration,
    commits: Arc<Commits>,
    integrity: Integrity,
}

impl Sqlite {
    /// Opens the file, makes it if it is missing, and brings its schema up to date. Blocks; for start-up.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooNew`], or the database's failure.
    pub fn open(path: &Path) -> Result<Self> {
        let mut writer = connections::open_writer(path)?;
        schema::migrate(&mut writer)?;
        Ok(Self {
            commits: Arc::new(Commits::new(path, &writer)?),
            writer: Arc::new(Mutex::new(writer)),
            readers: Readers::new(path),
            long_readers: Readers::for_long_reads(path),
            search_timeout: SEARCH_TIMEOUT,
            integrity: Integrity::default(),
        })
    }

    /// The same store, whose searches and counts may take `timeout`, waiting for their turn included.
    #[must_use]
    pub fn with_search_timeout(self, timeout: Duration) -> Self {
        Self {
            search_timeout: timeout,
            ..self
        }
    }

    /// How many commits no caller of this store was told of, as far as is known: those of other processes, and those that were
    /// finished after their caller had gone. Never more than the true count.
    pub fn known_unannounced_commits(&self) -> u64 {
        self.commits.counted()
    }

    /// Looks whether that is still all; the count is `None` when that cannot be told now, because somebody here is writing.
    /// Takes some microseconds at most, and does not wait.
    pub fn unannounced_commits(&self) -> Option<u64> {
        if !self.commits.is_up_to_date() {
            let writer = self.writer.try_lock().ok()?;
            self.commits.look(&writer).ok()?;
        }
        Some(self.commits.counted())
    }

    /// Moves what is in the log to its place, and the log's room back to the disk.
    async fn truncate_log(&self) -> Result<()> {
        let writer = Arc::clone(&self.writer).lock_owned().await;
        on_blocking_thread(move || {
            // Its answer says whether a reader was in the way; the next one gets further then.
            writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            Ok(())
        })
        .await
    }

    /// Runs `act` as one transaction that may write. An error undoes all of it. A database that was found damaged is not written.
    async fn write<T, E>(&self, act: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + std::error::Error + Send + 'static,
    {
        self.integrity.check()?;
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        let commits = Arc::clone(&self.commits);
        let (waiting, has_gone) = Waiting::new();
        let done = on_blocking_thread(move || {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate);
            let transaction = transaction.map_err(StoreError::from)?;
            let done = act(&transaction)?;
            transaction.commit().map_err(StoreError::from)?;
            // It is committed, whatever comes of the look; who asks later looks again.
            _ = commits.look(&writer);
            if has_gone.load(Ordering::SeqCst) {
                commits.count();
            }
            Ok(done)
        })
        .await;
        drop(waiting);
        done.inspect_err(|failure| self.integrity.note(failure))
    }

    /// Runs `act` on one snapshot of the database.
    async fn read<T>(&self, act: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
    {
        let read = self.readers.run(move |reader| act(&reader.transaction()?)).await;
        read.inspect_err(|failure| self.integrity.note(failure))
    }

    /// As [`Self::read`], for what looks at many rows: on connections of its own and with a deadline.
    async fn read_many<T>(&self, act: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
    {
        let read = self
            .long_readers
            .run_for(self.search_timeout, move |reader| act(&reader.transaction()?));
        read.await.inspect_err(|failure| self.integrity.note(failure))
    }
}

async fn on_blocking_thread<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    spawn_blocking(work)
        .await
        .map_err(|panic| E::from(StoreError::backend(panic)))?
}
