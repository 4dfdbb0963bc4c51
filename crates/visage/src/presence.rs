//! Who works in a data folder: the server and the commands together, or a restore alone.
//!
//! [`crate::app::DataLock`] keeps a second server out; commands may run beside a server and beside each other. Only a restore, which
//! takes the folder's content away under their hands, must have it for itself. The lock is the system's: it ends with the process.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// A stay in a data folder, over when it is dropped or its process ends.
#[derive(Debug)]
pub struct Presence {
    _file: File,
}

impl Presence {
    /// Works in the folder beside others. `None`: it is being restored.
    ///
    /// # Errors
    /// When the data folder cannot be written.
    pub fn shared(data: &Path) -> io::Result<Option<Self>> {
        Self::take(data, File::try_lock_shared)
    }

    /// Has the folder for itself. `None`: somebody works in it.
    ///
    /// # Errors
    /// When the data folder cannot be written.
    pub fn alone(data: &Path) -> io::Result<Option<Self>> {
        Self::take(data, File::try_lock)
    }

    fn take(data: &Path, lock: fn(&File) -> Result<(), TryLockError>) -> io::Result<Option<Self>> {
        let path = data.join("presence.lock");
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        match lock(&file) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(cause),
        }
    }
}
