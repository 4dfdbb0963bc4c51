//! What SQLite's errors mean to the callers of a store.

use rusqlite::{Error, ErrorCode, ffi};

use crate::catalog::CommitError;
use crate::directory::{DirectoryError, ExchangeError};
use crate::error::StoreError;
use crate::moving_in::AdoptError;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match &error {
            Error::SqliteFailure(failure, _) if is_no_space(*failure) => Self::NoSpace(error.into()),
            Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy(error.into()),
                // Nothing but a deadline interrupts.
                ErrorCode::OperationInterrupted => Self::TimedOut,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt(error.into()),
                _ => Self::Backend(error.into()),
            },
            Error::FromSqlConversionFailure(..) | Error::InvalidColumnType(..) | Error::IntegralValueOutOfRange(..) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Backend(error.into()),
        }
    }
}

/// `SQLITE_FULL`, or no room to grow the file that connections share.
fn is_no_space(failure: ffi::Error) -> bool {
    failure.code == ErrorCode::DiskFull || failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE
}

impl From<Error> for CommitError {
    fn from(error: Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<Error> for DirectoryError {
    fn from(error: Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<Error> for ExchangeError {
    fn from(error: Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<Error> for AdoptError {
    fn from(error: Error) -> Self {
        Self::Store(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32) -> StoreError {
        Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    #[test]
    fn a_full_disk_and_a_busy_database_are_told_apart() {
        assert!(matches!(failure(ffi::SQLITE_FULL), StoreError::NoSpace(_)));
        assert!(matches!(failure(ffi::SQLITE_IOERR_SHMSIZE), StoreError::NoSpace(_)));
        assert!(matches!(failure(ffi::SQLITE_BUSY), StoreError::Busy(_)));
        assert!(matches!(failure(ffi::SQLITE_INTERRUPT), StoreError::TimedOut));
        assert!(matches!(failure(ffi::SQLITE_CORRUPT), StoreError::Corrupt(_)));
        assert!(matches!(failure(ffi::SQLITE_IOERR_WRITE), StoreError::Backend(_)));
    }

    #[test]
    fn a_database_that_may_not_grow_reports_no_space() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE t (b BLOB); PRAGMA max_page_count = 4;")
            .unwrap();
        let full = connection
            .execute("INSERT INTO t VALUES (zeroblob(100000))", [])
            .unwrap_err();
        assert!(matches!(StoreError::from(full), StoreError::NoSpace(_)));
    }
}
