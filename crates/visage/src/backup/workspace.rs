//! Where the copy of the database lies while a backup is made.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::app::temporary_folder;

/// The right to make a backup of a data folder, and the place to do it. The right ends with the process, however that ends.
#[derive(Debug)]
pub struct Workspace {
    folder: PathBuf,
    holder: String,
    _lock: File,
}

impl Workspace {
    /// Takes the right, and clears away what an interrupted backup has left. `None`: another backup is under way.
    ///
    /// # Errors
    /// When the data folder cannot be written.
    pub fn take(data: &Path) -> io::Result<Option<Self>> {
        let Some(mut lock) = take_lock(data)? else {
            return Ok(None);
        };
        let folder = clear(data)?;
        fs::create_dir(&folder)?;
        Ok(Some(Self {
            folder,
            holder: holder(&mut lock)?,
            _lock: lock,
        }))
    }

    /// Who writes to a vault: this data folder, and no other, not one that was restored from a backup of it or copied from it either.
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// Clears away what an interrupted backup has left. One that is under way is left alone.
    ///
    /// # Errors
    /// When the data folder cannot be written.
    pub fn sweep(data: &Path) -> io::Result<()> {
        if temporary_folder(data).join(NAME).exists() && take_lock(data)?.is_some() {
            clear(data)?;
        }
        Ok(())
    }

    /// A fresh name for the copy of the database.
    ///
    /// # Errors
    /// When an older copy cannot be removed.
    pub fn database(&self) -> io::Result<PathBuf> {
        let path = self.folder.join("visage.db");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(path),
        }
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), error = %error, "cannot be removed; the next backup does it");
        }
    }
}

/// The folder among the temporary files.
const NAME: &str = "backup";

/// The length of the name of a data folder.
const HOLDER_CHARACTERS: u64 = 32;

fn take_lock(data: &Path) -> io::Result<Option<File>> {
    let path = data.join("backup.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(cause)) => Err(cause),
    }
}

/// The name in the locked file, which is made up when there is none yet.
fn holder(lock: &mut File) -> io::Result<String> {
    let mut name = String::new();
    lock.take(HOLDER_CHARACTERS).read_to_string(&mut name)?;
    if name.len() as u64 != HOLDER_CHARACTERS {
        name = data_encoding::HEXLOWER.encode(&rand::random::<[u8; 16]>());
        lock.rewind()?;
        lock.write_all(name.as_bytes())?;
        lock.sync_all()?;
    }
    // A copy of the folder has the same name in it, but is another file.
    Ok(format!("{name}-{}", lock.metadata()?.ino()))
}

fn clear(data: &Path) -> io::Result<PathBuf> {
    let folder = temporary_folder(data).join(NAME);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(folder),
    }
}
