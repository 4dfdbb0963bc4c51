//! The folder of an earlier installation: its files are read, and removed when that is asked for. Nothing else is done to it.
//!
//! The names come from a database that anybody may have written to. The kernel itself is told to stay below the folder and to
//! follow no symbolic link (`openat2`); where it does not know how, each folder on the way is opened by itself. Only regular
//! files are read, as they were opened: what stands at the name a moment later does not matter.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, statat, unlinkat};
use rustix::io::Errno;
use visage_store::Sha256;

/// A file that is opened for reading never waits for anybody: a pipe without a writer, a terminal.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);
const ENTER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The folder.
#[derive(Debug)]
pub struct Uploads {
    folder: OwnedFd,
    path: PathBuf,
    /// Whether the kernel is asked to stay in the folder.
    kernel_resolves: bool,
}

/// A file, read.
#[derive(Debug, Clone)]
pub struct Contents {
    /// Its path in the folder.
    pub file: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their hash.
    pub sha256: Sha256,
    /// What it was when it was read.
    pub identity: Identity,
}

/// What a file is, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileKey {
    device: u64,
    inode: u64,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Which file it is.
    pub key: FileKey,
    bytes: u64,
    modified: (i64, u64),
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is none.
    #[error("there is no such file")]
    Missing,
    /// It is, or is behind, a symbolic link.
    #[error("it is a symbolic link")]
    Symlink,
    /// It is not in the folder.
    #[error("it leads out of the folder")]
    Outside,
    /// It is a folder, a pipe, a socket or a device.
    #[error("it is {0} and no file")]
    NotAFile(&'static str),
    /// It is larger than allowed.
    #[error("the file has more than {max_bytes} bytes")]
    TooLarge {
        /// What is allowed.
        max_bytes: u64,
    },
    /// Somebody wrote to it.
    #[error("the file changed while it was read")]
    Changed,
    /// The system would not have it read.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl Uploads {
    /// Opens the folder.
    ///
    /// # Errors
    /// When it cannot be opened, or is no folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let folder = rustix::fs::open(&path, ENTER, Mode::empty())?;
        Ok(Self {
            folder,
            path,
            kernel_resolves: true,
        })
    }

    /// Where the folder is, from the root.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the first of `candidates` that is there, if it has no more than `max_bytes`. Blocks.
    ///
    /// # Errors
    /// See [`SourceError`]. Something that is there and is not read is not passed over for another candidate.
    pub fn read_first(&self, candidates: &[PathBuf], max_bytes: u64) -> Result<Contents, SourceError> {
        for file in candidates {
            match self.read(file, max_bytes) {
                Err(SourceError::Missing) => {}
                done => return done,
            }
        }
        Err(SourceError::Missing)
    }

    /// Which file the first of `candidates` is that is there. Blocks.
    pub fn key_of_first(&self, candidates: &[PathBuf]) -> Option<FileKey> {
        let mut files = candidates.iter().filter_map(|file| self.open_file(file, READ).ok());
        let stat = fstat(files.next()?).ok()?;
        Some(Identity::of(&stat).key)
    }

    /// Reads a file. Blocks.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub fn read(&self, file: &Path, max_bytes: u64) -> Result<Contents, SourceError> {
        let opened = self.open_file(file, READ)?;
        let (bytes, identity) = read_opened(opened, max_bytes)?;
        Ok(Contents {
            file: file.to_owned(),
            sha256: Sha256::of(&bytes),
            bytes,
            identity,
        })
    }

    /// Removes a file that has the bytes with this hash, for good. `false`: it has other bytes or is another file by now, and
    /// stays. Blocks.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub fn remove(&self, file: &Path, sha256: &Sha256, max_bytes: u64) -> Result<bool, SourceError> {
        let (parent, name) = (file.parent().unwrap_or(Path::new("")), file.file_name());
        let name = name.ok_or(SourceError::Outside)?;
        let parent = self.enter(parent)?;
        let opened = at_name(parent.as_fd(), name, READ | OFlags::NOFOLLOW)?;
        let (bytes, identity) = read_opened(opened, max_bytes)?;
        if Sha256::of(&bytes) != *sha256 {
            return Ok(false);
        }
        let now = statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW).map_err(source_error)?;
        if Identity::of(&now) != identity {
            return Ok(false);
        }
        unlinkat(&parent, name, AtFlags::empty()).map_err(source_error)?;
        // A file that is said to be gone does not come back after a power cut.
        rustix::fs::fsync(&parent).map_err(source_error)?;
        Ok(true)
    }

    fn enter(&self, folder: &Path) -> Result<OwnedFd, SourceError> {
        if folder.as_os_str().is_empty() {
            return Ok(self.folder.try_clone()?);
        }
        self.open_file(folder, ENTER)
    }

    fn open_file(&self, file: &Path, flags: OFlags) -> Result<OwnedFd, SourceError> {
        #[cfg(target_os = "linux")]
        if self.kernel_resolves {
            use rustix::fs::ResolveFlags;
            let stay = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            match rustix::fs::openat2(&self.folder, file, flags, Mode::empty(), stay) {
                // An old kernel does not have it, and some containers forbid it.
                Err(Errno::NOSYS | Errno::PERM) => {}
                opened => return opened.map_err(source_error),
            }
        }
        self.walk(file, flags)
    }

    /// One folder after the other, and no link on the way.
    fn walk(&self, file: &Path, flags: OFlags) -> Result<OwnedFd, SourceError> {
        let mut at = self.folder.try_clone()?;
        let mut components = file.components().peekable();
        while let Some(component) = components.next() {
            let Component::Normal(name) = component else {
                return Err(SourceError::Outside);
            };
            let flags = if components.peek().is_some() { ENTER } else { flags };
            at = at_name(at.as_fd(), name, flags | OFlags::NOFOLLOW)?;
        }
        Ok(at)
    }
}

impl Identity {
    fn of(stat: &Stat) -> Self {
        #[allow(
            clippy::cast_sign_loss,
            clippy::cast_lossless,
            clippy::unnecessary_cast,
            reason = "their types differ by platform"
        )]
        Self {
            key: FileKey {
                device: stat.st_dev as u64,
                inode: stat.st_ino as u64,
            },
            bytes: stat.st_size as u64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u64),
        }
    }
}

/// Opens what has this name here, and is no link.
fn at_name(folder: BorrowedFd<'_>, name: &OsStr, flags: OFlags) -> Result<OwnedFd, SourceError> {
    match openat(folder, name, flags, Mode::empty()) {
        // A link where a folder is wanted is told as "not a folder".
        Err(Errno::NOTDIR) if is_link(folder, name) => Err(SourceError::Symlink),
        opened => opened.map_err(source_error),
    }
}

fn is_link(folder: BorrowedFd<'_>, name: &OsStr) -> bool {
    let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

/// Everything that is in an opened file, and what it was before and after it was read.
fn read_opened(opened: OwnedFd, max_bytes: u64) -> Result<(Vec<u8>, Identity), SourceError> {
    let stat = fstat(&opened).map_err(source_error)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(SourceError::NotAFile("a folder")),
        FileType::Fifo => return Err(SourceError::NotAFile("a pipe")),
        FileType::Socket => return Err(SourceError::NotAFile("a socket")),
        _ => return Err(SourceError::NotAFile("a device")),
    }
    let before = Identity::of(&stat);
    if before.bytes > max_bytes {
        return Err(SourceError::TooLarge { max_bytes });
    }
    let mut file = File::from(opened);
    let mut bytes = Vec::with_capacity(usize::try_from(before.bytes).unwrap_or(0));
    // One more than there was: a file that has grown shows it.
    (&mut file).take(before.bytes + 1).read_to_end(&mut bytes)?;
    let after = Identity::of(&fstat(&file).map_err(source_error)?);
    if after != before || bytes.len() as u64 != before.bytes {
        return Err(SourceError::Changed);
    }
    Ok((bytes, before))
}

fn source_error(error: Errno) -> SourceError {
    match error {
        Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => SourceError::Missing,
        Errno::LOOP => SourceError::Symlink,
        Errno::XDEV => SourceError::Outside,
        // A socket, or a device that nothing is behind.
        Errno::NXIO | Errno::NODEV => SourceError::NotAFile("a socket or a device"),
        other => SourceError::Io(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// The folder, opened by the kernel's own means and by ours, and what is to be kept until the end.
    fn scene() -> ([Uploads; 2], TempDir) {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("uploads");
        fs::create_dir_all(folder.join("sub")).unwrap();
        fs::write(outer.path().join("secret"), b"secret").unwrap();
        fs::write(folder.join("file"), b"bytes").unwrap();
        fs::write(folder.join("sub/file"), b"other").unwrap();
        symlink("file", folder.join("link")).unwrap();
        symlink("sub", folder.join("folder-link")).unwrap();
        symlink("../secret", folder.join("way-out")).unwrap();
        symlink("/dev/zero", folder.join("device")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, folder.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let portable = Uploads {
            kernel_resolves: false,
            ..Uploads::open(&folder).unwrap()
        };
        ([Uploads::open(&folder).unwrap(), portable], outer)
    }

    #[test]
    fn files_in_the_folder_are_read() {
        for uploads in scene().0 {
            assert_eq!(uploads.read(Path::new("file"), 5).unwrap().bytes, b"bytes");
            assert_eq!(uploads.read(Path::new("sub/file"), 9).unwrap().bytes, b"other");
            let files = ["none", "sub/none", "file"].map(PathBuf::from);
            assert_eq!(uploads.read_first(&files, 5).unwrap().file, files[2]);
            assert_eq!(
                uploads.key_of_first(&files),
                Some(uploads.read(&files[2], 5).unwrap().identity.key)
            );
        }
    }

    #[test]
    fn nothing_else_is_read() {
        for uploads in scene().0 {
            for (file, expected) in [
                ("none", "there is no such file"),
                ("file/x", "there is no such file"),
                ("link", "it is a symbolic link"),
                ("way-out", "it is a symbolic link"),
                ("device", "it is a symbolic link"),
                ("folder-link/file", "it is a symbolic link"),
                ("../secret", "it leads out of the folder"),
                ("sub", "it is a folder and no file"),
                ("pipe", "it is a pipe and no file"),
            ] {
                let error = uploads.read(Path::new(file), 100).unwrap_err();
                assert_eq!(error.to_string(), expected, "{file} {}", uploads.kernel_resolves);
                assert!(
                    !uploads
                        .remove(Path::new(file), &Sha256::of(b"secret"), 100)
                        .unwrap_or(false)
                );
            }
            assert!(matches!(
                uploads.read(&uploads.path().join("../secret"), 100),
                Err(SourceError::Outside)
            ));
            assert!(uploads.path().join("../secret").exists());
        }
    }

    #[test]
    fn a_file_of_exactly_the_limit_is_read_and_a_larger_one_is_not() {
        for uploads in scene().0 {
            for max_bytes in [6, 5] {
                assert!(uploads.read(Path::new("file"), max_bytes).is_ok());
            }
            let refused = uploads.read(Path::new("file"), 4);
            assert!(
                matches!(refused, Err(SourceError::TooLarge { max_bytes: 4 })),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_told() {
        let (uploads, _folder) = scene();
        let path = uploads[0].path().join("file");
        let opened = uploads[0].open_file(Path::new("file"), READ).unwrap();
        let before = Identity::of(&fstat(&opened).unwrap());
        fs::write(&path, b"bytes and more").unwrap();
        let after = Identity::of(&fstat(&opened).unwrap());
        assert_eq!(before.key, after.key);
        assert_ne!(before, after);
        // This one has more bytes than it says, as a file has that grows.
        let growing = File::open("/proc/self/status").unwrap();
        assert!(matches!(read_opened(growing.into(), 100), Err(SourceError::Changed)));
    }

    #[test]
    fn a_file_is_removed_only_while_it_has_the_bytes_that_were_copied() {
        let (both, _folder) = scene();
        for uploads in both {
            let file = Path::new("sub/file");
            fs::write(uploads.path().join(file), b"other").unwrap();
            assert!(!uploads.remove(file, &Sha256::of(b"bytes"), 100).unwrap());
            assert!(uploads.read(file, 100).is_ok());
            assert!(uploads.remove(file, &Sha256::of(b"other"), 100).unwrap());
            assert!(matches!(uploads.read(file, 100), Err(SourceError::Missing)));
            assert!(uploads.read(Path::new("file"), 100).is_ok());
        }
    }
}
