//! Opens connections, and shares the few that read.
//!
//! Reads that look at many rows (searches, counts) have connections of their own, fewer than there are, and a deadline: a read
//! of a few rows never waits for one of them.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::backup::Backup;
use tokio::sync::Semaphore;

use super::on_blocking_thread;
use crate::error::{Result, StoreError, is_no_space};

/// How many reads of a few rows run at a time.
const READERS: usize = 4;
/// How many reads of many rows run at a time. Two, so that one that is slow does not hold up the other; each takes a processor.
const LONG_READERS: usize = 2;
/// Steps of SQLite's virtual machine between two looks at the deadline: less than a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;
/// How often, and after what pauses, the lock of another process that writes is tried for: 15 seconds. Within this process nobody
/// waits inside SQLite. The pauses do not grow, as SQLite's own would: beside somebody who writes without a pause it is who
/// tries most often that gets a turn.
const BUSY_TRIES: i32 = 3_000;
const BUSY_PAUSE: Duration = Duration::from_millis(5);
/// Every statement of this crate fits.
const CACHED_STATEMENTS: usize = 64;
/// Pages that a back-up copies in one step.
const BACKUP_PAGES: i32 = 1024;

/// Opens the connection that writes.
///
/// WAL lets others read meanwhile; `synchronous=FULL` syncs it at every commit.
pub(super) fn open_writer(path: &Path) -> Result<Connection> {
    let connection = open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn open_reader(path: &Path) -> Result<Connection> {
    let connection = open(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn open(path: &Path) -> Result<Connection> {
    make_private(path)?;
    let mut connection = Connection::open(path)?;
    connection.busy_handler(Some(wait_for_another))?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(connection)
}

/// Makes the file, when it is missing, for its owner alone: SQLite would make it readable for all. Its log gets the same mode.
fn make_private(path: &Path) -> Result<()> {
    let made = File::options().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(_) => Ok(()),
        Err(there) if there.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(cause) if is_no_space(&cause) => Err(StoreError::NoSpace(cause.into())),
        Err(cause) => Err(StoreError::backend(cause)),
    }
}

/// Whether to try again, after so many tries.
fn wait_for_another(tries: i32) -> bool {
    std::thread::sleep(BUSY_PAUSE);
    tries < BUSY_TRIES
}

/// Copies the database as `source` sees it to a new file.
pub(super) fn back_up(source: &mut Connection, path: &Path) -> Result<()> {
    make_private(path)?;
    let mut copy = Connection::open(path)?;
    // A read transaction pins the snapshot: writers do not make the copy start again.
    let snapshot = source.transaction()?;
    snapshot.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Backup::new(&snapshot, &mut copy)?.run_to_completion(BACKUP_PAGES, Duration::ZERO, None)?;
    Ok(())
}

/// Connections that read; each is opened when it is first needed.
#[derive(Debug, Clone)]
pub(super) struct Readers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// Those for reads of a few rows.
    pub(super) fn new(path: &Path) -> Self {
        Self::at_most(READERS, path)
    }

    /// Those for reads of many rows.
    pub(super) fn for_long_reads(path: &Path) -> Self {
        Self::at_most(LONG_READERS, path)
    }

    fn at_most(count: usize, path: &Path) -> Self {
        Self(Arc::new(Shared {
            path: path.to_owned(),
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(count)),
        }))
    }

    /// Waits for a connection and runs `act` with it on a blocking thread. A panic costs the connection, not its place.
    pub(super) async fn run<T>(&self, act: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
    {
        let shared = Arc::clone(&self.0);
        let permit = Arc::clone(&shared.permits)
            .acquire_owned()
            .await
            .map_err(StoreError::backend)?;
        on_blocking_thread(move || {
            let _permit = permit;
            let idle = shared.idle().pop();
            let mut connection = idle.map_or_else(|| open_reader(&shared.path), Ok)?;
            let done = act(&mut connection);
            shared.idle().push(connection);
            done
        })
        .await
    }

    /// As [`Self::run`], for at most `time`, waiting for a connection included. The read ends early, too, when its caller has
    /// gone: its connection is for those who wait.
    ///
    /// # Errors
    /// [`StoreError::TimedOut`]
    pub(super) async fn run_for<T>(
        &self,
        time: Duration,
        act: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
    {
        let deadline = Deadline {
            begun: Instant::now(),
            time,
        };
        let caller = Caller(Arc::new(AtomicBool::new(false)));
        let has_gone = Arc::clone(&caller.0);
        let read = self.run(move |connection| {
            let is_over = move || deadline.is_over(Instant::now()) || has_gone.load(Ordering::Relaxed);
            connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(is_over))?;
            let done = if deadline.is_over(Instant::now()) {
                Err(StoreError::TimedOut)
            } else {
                act(connection)
            };
            connection.progress_handler(0, None::<fn() -> bool>)?;
            done
        });
        tokio::time::timeout(time, read)
            .await
            .unwrap_or(Err(StoreError::TimedOut))
    }
}

/// When a read must have ended.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    begun: Instant,
    time: Duration,
}

impl Deadline {
    fn is_over(self, now: Instant) -> bool {
        now.duration_since(self.begun) >= self.time
    }
}

/// Says that the caller of a read has gone, when it is dropped.
struct Caller(Arc<AtomicBool>);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadline_is_over_at_its_time_and_not_before() {
        let begun = Instant::now();
        let time = Duration::from_millis(100);
        let deadline = Deadline { begun, time };
        let at = |milliseconds| deadline.is_over(begun + Duration::from_millis(milliseconds));
        assert_eq!([at(99), at(100), at(101)], [false, true, true]);
    }
}
