//! The chunks of a PNG file (PNG specification, third edition).

use crate::{ImageError, bytes};

pub(crate) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// One chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk<'a> {
    pub(crate) kind: &'a [u8],
    pub(crate) data: &'a [u8],
    /// Length, kind, data and checksum as they stand in the file.
    pub(crate) raw: &'a [u8],
}

/// Walks the chunks up to and including IEND; a file that ends before yields an error.
#[derive(Debug)]
pub(crate) struct Chunks<'a> {
    rest: &'a [u8],
    ended: bool,
}

impl<'a> Chunks<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes.get(SIGNATURE.len()..).unwrap_or_default(),
            ended: false,
        }
    }

    fn read(&mut self) -> Option<Chunk<'a>> {
        let length = usize::try_from(bytes::u32_be(self.rest, 0)?).ok()?;
        let (raw, rest) = self.rest.split_at_checked(length.checked_add(12)?)?;
        let chunk = Chunk {
            kind: raw.get(4..8)?,
            data: raw.get(8..8 + length)?,
            raw,
        };
        self.rest = rest;
        Some(chunk)
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let chunk = self
            .read()
            .ok_or_else(|| ImageError::damaged("the PNG data ends too early"));
        self.ended = !chunk.as_ref().is_ok_and(|chunk| chunk.kind != b"IEND");
        Some(chunk)
    }
}
