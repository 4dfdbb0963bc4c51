//! Uploads on their way in are held in temporary files that have no name.
//!
//! A file without a name cannot be left behind: whoever ends it, a dropped connection, an error or a kill, the system
//! frees it with its last descriptor.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use md5::Md5;
use sha2::Digest as _;
use tokio::io::AsyncWriteExt as _;
use visage_store::Sha256;

/// What [`Hashes::blocks`] has a hash of each.
const BLOCK_BYTES: usize = 1024 * 1024;

/// What a stream carries at once.
const PIECE_BYTES: u64 = 128 * 1024;

/// A received file.
#[derive(Debug)]
pub struct SpooledFile {
    file: Arc<File>,
    len_bytes: u64,
}

/// What identifies a file's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashes {
    /// SHA-256 of the whole.
    pub sha256: Sha256,
    /// MD5 of the whole; Cloudinary's `etag`.
    pub md5: [u8; 16],
    /// SHA-256 of each block of 1 MiB, the last one shorter; none of an empty file.
    pub blocks: Vec<Sha256>,
    /// The file's size in bytes.
    pub bytes: u64,
}

/// Reads a received file from its beginning. Readers do not disturb each other.
#[derive(Debug)]
pub struct SpooledReader {
    file: Arc<File>,
    len_bytes: u64,
    position: u64,
}

/// Why a file was not received.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError<E> {
    /// It is larger than allowed.
    #[error("the file is larger than {max_bytes} bytes")]
    TooLarge {
        /// What is allowed.
        max_bytes: u64,
    },
    /// The disk is full.
    #[error("there is no space left")]
    NoSpace,
    /// The temporary file failed.
    #[error("the temporary file failed: {0}")]
    Io(#[source] std::io::Error),
    /// The sender failed.
    #[error(transparent)]
    Source(E),
}

impl SpooledFile {
    /// Receives `stream` into a nameless file in `folder`, up to and including `max_bytes`.
    ///
    /// # Errors
    /// See [`SpoolError`]; nothing stays behind.
    pub async fn receive<E>(
        folder: &Path,
        max_bytes: u64,
        mut stream: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<Self, SpoolError<E>> {
        let folder = folder.to_owned();
        let file = tokio::task::spawn_blocking(move || tempfile::tempfile_in(folder)).await;
        let file = file
            .map_err(|stopping| io_error(std::io::Error::other(stopping)))?
            .map_err(io_error)?;
        let mut file = tokio::fs::File::from_std(file);
        let mut len_bytes = 0;
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(SpoolError::Source)?;
            len_bytes += piece.len() as u64;
            if len_bytes > max_bytes {
                return Err(SpoolError::TooLarge { max_bytes });
            }
            file.write_all(&piece).await.map_err(io_error)?;
        }
        file.flush().await.map_err(io_error)?;
        Ok(Self {
            file: Arc::new(file.into_std().await),
            len_bytes,
        })
    }

    /// A nameless file in `folder` with these bytes. Blocks.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn from_bytes(folder: &Path, bytes: &[u8]) -> std::io::Result<Self> {
        let file = tempfile::tempfile_in(folder)?;
        file.write_all_at(bytes, 0)?;
        Ok(Self {
            file: Arc::new(file),
            len_bytes: bytes.len() as u64,
        })
    }

    /// What was written into a nameless file.
    ///
    /// # Errors
    /// When its size cannot be read.
    pub fn from_file(file: File) -> std::io::Result<Self> {
        let len_bytes = file.metadata()?.len();
        Ok(Self {
            file: Arc::new(file),
            len_bytes,
        })
    }

    /// Puts `part` into this file from `first` on. Blocks.
    ///
    /// # Errors
    /// When a file fails; then that range of this file holds nothing useful.
    pub fn overwrite(&mut self, first: u64, part: &Self) -> std::io::Result<()> {
        let end = first.checked_add(part.len_bytes).ok_or(ErrorKind::FileTooLarge)?;
        std::io::copy(
            &mut part.reader(),
            &mut Writer {
                file: &self.file,
                position: first,
            },
        )?;
        self.len_bytes = self.len_bytes.max(end);
        Ok(())
    }

    /// The file's size in bytes.
    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// The whole file. Blocks; may be called again.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read_all(&self) -> std::io::Result<Vec<u8>> {
        self.read_prefix(self.len_bytes)
    }

    /// The first `max_bytes` of the file, or all of it when it is shorter. Blocks.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read_prefix(&self, max_bytes: u64) -> std::io::Result<Vec<u8>> {
        let max_bytes = max_bytes.min(self.len_bytes);
        let mut bytes = Vec::with_capacity(usize::try_from(max_bytes).unwrap_or(0));
        self.reader().take(max_bytes).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads from the beginning; blocks when it is used.
    pub fn reader(&self) -> SpooledReader {
        SpooledReader {
            file: Arc::clone(&self.file),
            len_bytes: self.len_bytes,
            position: 0,
        }
    }

    /// The whole file in pieces, each read on a blocking thread.
    pub fn stream(&self) -> impl Stream<Item = std::io::Result<Bytes>> + Send + Unpin + 'static {
        Box::pin(futures_util::stream::try_unfold(self.reader(), async |mut reader| {
            let piece = tokio::task::spawn_blocking(move || {
                let mut piece = Vec::new();
                (&mut reader).take(PIECE_BYTES).read_to_end(&mut piece)?;
                std::io::Result::Ok((Bytes::from(piece), reader))
            });
            let (piece, reader) = piece.await.map_err(Error::other)??;
            Ok((!piece.is_empty()).then_some((piece, reader)))
        }))
    }

    /// All hashes in one pass. Blocks.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn hash(&self) -> std::io::Result<Hashes> {
        let (mut sha256, mut md5) = (sha2::Sha256::new(), Md5::new());
        let mut blocks = Vec::new();
        let mut reader = self.reader();
        let mut block = Vec::new();
        loop {
            block.clear();
            (&mut reader).take(BLOCK_BYTES as u64).read_to_end(&mut block)?;
            if block.is_empty() {
                break;
            }
            sha256.update(&block);
            md5.update(&block);
            blocks.push(Sha256::of(&block));
        }
        Ok(Hashes {
            sha256: Sha256::from_bytes(sha256.finalize().into()),
            md5: md5.finalize().into(),
            blocks,
            bytes: self.len_bytes,
        })
    }
}

impl Hashes {
    /// The hashes of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            sha256: Sha256::of(bytes),
            md5: Md5::digest(bytes).into(),
            blocks: bytes.chunks(BLOCK_BYTES).map(Sha256::of).collect(),
            bytes: bytes.len() as u64,
        }
    }
}

impl Read for SpooledReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(buffer, self.position)?;
        self.position = self.position.saturating_add(read as u64);
        Ok(read)
    }
}

impl Seek for SpooledReader {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.len_bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// Writes at a place of its own, so that nobody's reading is moved.
struct Writer<'a> {
    file: &'a File,
    position: u64,
}

impl std::io::Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write_at(bytes, self.position)?;
        self.position = self.position.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn io_error<E>(error: std::io::Error) -> SpoolError<E> {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => SpoolError::NoSpace,
        _ => SpoolError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    async fn receive(pieces: &[&'static [u8]], max_bytes: u64) -> Result<SpooledFile, SpoolError<Infallible>> {
        let folder = tempfile::tempdir().unwrap();
        let stream = futures_util::stream::iter(pieces.iter().map(|p| Ok(Bytes::from_static(p))));
        let result = SpooledFile::receive(folder.path(), max_bytes, Box::pin(stream)).await;
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "the file has no name"
        );
        result
    }

    #[tokio::test]
    async fn exactly_the_limit_passes_and_one_more_does_not() {
        for max_bytes in [6, 5] {
            let file = receive(&[b"abc", b"de"], max_bytes).await.unwrap();
            assert_eq!(file.read_all().unwrap(), b"abcde");
            assert_eq!(file.read_all().unwrap(), b"abcde", "it may be read again");
        }
        assert!(matches!(
            receive(&[b"abc", b"de"], 4).await,
            Err(SpoolError::TooLarge { max_bytes: 4 })
        ));
    }

    fn file(bytes: &[u8]) -> SpooledFile {
        SpooledFile::from_bytes(&std::env::temp_dir(), bytes).unwrap()
    }

    #[test]
    fn a_prefix_is_never_longer_than_the_file() {
        let file = file(b"abcde");
        for (max_bytes, expected) in [(0, "".as_bytes()), (4, b"abcd"), (5, b"abcde"), (u64::MAX, b"abcde")] {
            assert_eq!(file.read_prefix(max_bytes).unwrap(), expected);
        }
    }

    #[test]
    fn readers_do_not_disturb_each_other() {
        let file = file(b"abcde");
        let (mut one, mut two) = (file.reader(), file.reader());
        assert_eq!(one.seek(SeekFrom::End(-2)).unwrap(), 3);
        let (mut end, mut all) = (String::new(), String::new());
        two.read_to_string(&mut all).unwrap();
        one.read_to_string(&mut end).unwrap();
        assert_eq!((end.as_str(), all.as_str()), ("de", "abcde"));
        assert!(one.seek(SeekFrom::Current(-6)).is_err());
    }

    #[tokio::test]
    async fn a_stream_carries_every_byte() {
        for len in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1] {
            let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let pieces: Vec<_> = file(&bytes).stream().map(Result::unwrap).collect().await;
            assert_eq!(pieces.concat(), bytes);
        }
    }

    #[test]
    fn a_file_has_a_hash_of_each_of_its_blocks() {
        for (len, blocks) in [(0, 0), (1, 1), (BLOCK_BYTES, 1), (BLOCK_BYTES + 1, 2)] {
            let bytes = vec![7; len];
            let hashes = file(&bytes).hash().unwrap();
            assert_eq!(hashes.sha256, Sha256::of(&bytes));
            let expected: Vec<_> = bytes.chunks(BLOCK_BYTES).map(Sha256::of).collect();
            assert_eq!((hashes.blocks.len(), hashes.bytes), (blocks, len as u64));
            assert_eq!(hashes.blocks, expected);
        }
        let md5 = data_encoding::HEXLOWER.encode(&file(b"abc").hash().unwrap().md5);
        assert_eq!(md5, "900150983cd24fb0d6963f7d28e17f72");
    }
}
