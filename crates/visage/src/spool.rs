//! Uploads on their way in are held in temporary files that have no name.
//!
//! A file without a name cannot be left behind: whoever ends it, a dropped connection, an error or a kill, the system
//! frees it with its last descriptor.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::io::AsyncWriteExt as _;

/// A received file.
#[derive(Debug)]
pub struct SpooledFile {
    file: File,
    len_bytes: u64,
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
            file: file.into_std().await,
            len_bytes,
        })
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
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::with_capacity(usize::try_from(self.len_bytes).unwrap_or(0));
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
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
}
