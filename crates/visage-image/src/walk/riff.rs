//! The chunks of a WebP file (RFC 9649).

use crate::{ImageError, bytes};

/// One chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk<'a> {
    pub(crate) kind: &'a [u8],
    pub(crate) data: &'a [u8],
}

/// Walks chunks that stand one after the other, each padded to an even length.
#[derive(Debug)]
pub(crate) struct Chunks<'a> {
    rest: &'a [u8],
}

/// Whether a file begins as a WebP does.
pub(crate) fn is_webp(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP")
}

impl<'a> Chunks<'a> {
    /// The chunks of a whole file; bytes after the size that the header states are not looked at.
    pub(crate) fn of_file(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let size = bytes::u32_le(bytes, 4).and_then(|size| usize::try_from(size).ok());
        let end = size.and_then(|size| size.checked_add(8));
        let rest = end.and_then(|end| bytes.get(12..end));
        rest.map(|rest| Self { rest }).ok_or_else(cut_short)
    }

    /// The chunks inside another chunk.
    pub(crate) fn inside(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    fn read(&mut self) -> Option<Chunk<'a>> {
        let kind = self.rest.get(..4)?;
        let length = usize::try_from(bytes::u32_le(self.rest, 4)?).ok()?;
        let data = self.rest.get(8..length.checked_add(8)?)?;
        let next = length.checked_add(8 + length % 2)?;
        self.rest = self.rest.get(next..).unwrap_or_default();
        Some(Chunk { kind, data })
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let chunk = self.read().ok_or_else(cut_short);
        if chunk.is_err() {
            self.rest = &[];
        }
        Some(chunk)
    }
}

fn cut_short() -> ImageError {
    ImageError::damaged("the WebP data ends too early")
}
