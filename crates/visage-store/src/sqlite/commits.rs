//! Notices commits that no caller of this store was told of.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rusqlite::Connection;

use crate::error::Result;

/// Counts the commits of other processes, and those that were finished after their caller had gone.
///
/// SQLite's `data_version`, asked for on the connection that writes, is another number exactly when somebody else has committed.
/// Whether it is worth asking, a look at the write-ahead log tells: whoever commits writes to it.
#[derive(Debug)]
pub(super) struct Commits {
    log: PathBuf,
    unannounced: AtomicU64,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    log: LogState,
    data_version: i64,
}

/// Length and time of the log. Two commits in one tick of the file system's clock can look like one.
type LogState = Option<(u64, SystemTime)>;

impl Commits {
    pub(super) fn new(database: &Path, writer: &Connection) -> Result<Self> {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let log = PathBuf::from(log);
        let known = Known {
            log: log_state(&log),
            data_version: data_version(writer)?,
        };
        Ok(Self {
            log,
            unannounced: AtomicU64::new(0),
            known: Mutex::new(known),
        })
    }

    /// The count as it was when somebody last looked.
    pub(super) fn counted(&self) -> u64 {
        self.unannounced.load(Ordering::SeqCst)
    }

    /// Whether the log is as it was when somebody last looked.
    pub(super) fn is_up_to_date(&self) -> bool {
        self.known().log == log_state(&self.log)
    }

    /// Looks whether somebody else has committed.
    pub(super) fn look(&self, writer: &Connection) -> Result<()> {
        // In this order: what is committed in between is found the next time.
        let log = log_state(&self.log);
        let data_version = data_version(writer)?;
        let mut known = self.known();
        if known.data_version != data_version {
            self.count();
        }
        *known = Known { log, data_version };
        Ok(())
    }

    pub(super) fn count(&self) {
        self.unannounced.fetch_add(1, Ordering::SeqCst);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// About a microsecond, and no disk.
fn log_state(log: &Path) -> LogState {
    let metadata = std::fs::metadata(log).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

fn data_version(writer: &Connection) -> Result<i64> {
    Ok(writer
        .prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))?)
}

/// Held by a caller while it waits for its act.
pub(super) struct Waiting(Arc<AtomicBool>);

impl Waiting {
    pub(super) fn new() -> (Self, Arc<AtomicBool>) {
        let has_gone = Arc::new(AtomicBool::new(false));
        (Self(Arc::clone(&has_gone)), has_gone)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
