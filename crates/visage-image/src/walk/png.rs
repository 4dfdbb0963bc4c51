//! The chunks of a PNG file (PNG specification, third edition).
//!
//! Flaws that browsers and libpng pass over are passed over here, so that probing, colour, decoding and sanitising see
//! one and the same file: an ancillary chunk with a wrong checksum counts as absent, and once there are pixels, the
//! file may end anywhere but in more of them. Whether all pixels are there, the decoder finds out.

use std::borrow::Cow;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::{ImageError, bytes};

pub(crate) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The chunk that ends a file, checksum included.
const END: &[u8] = b"\0\0\0\0IEND\xAE\x42\x60\x82";

/// Ancillary chunks that are read; the checksums of others are not looked at.
const READ_ANCILLARY: [&[u8]; 12] = [
    b"acTL", b"bKGD", b"cHRM", b"cICP", b"eXIf", b"fcTL", b"gAMA", b"iCCP", b"pHYs", b"sBIT", b"sRGB", b"tRNS",
];

/// One chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk<'a> {
    pub(crate) kind: &'a [u8],
    pub(crate) data: &'a [u8],
    /// Length, kind, data and checksum as they stand in the file; `None` when the file ends in the checksum, or before.
    raw: Option<&'a [u8]>,
}

/// Walks the chunks up to and including IEND. A file that ends before its pixels begin, or in them, yields an error; one
/// that ends later yields an IEND that is not in the file.
#[derive(Debug)]
pub(crate) struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
    has_pixels: bool,
    is_cut: bool,
    ended: bool,
}

impl Chunk<'_> {
    /// Whether all of it stands in the file.
    pub(crate) fn is_whole(&self) -> bool {
        self.raw.is_some()
    }

    /// Appends it to a file, with the length and checksum that it should have.
    pub(crate) fn append_to(&self, file: &mut Vec<u8>) {
        if let Some(raw) = self.raw {
            file.extend_from_slice(raw);
        } else {
            file.extend_from_slice(&self.header());
            file.extend_from_slice(self.data);
            file.extend_from_slice(&self.checksum().to_be_bytes());
        }
    }

    fn header(&self) -> Vec<u8> {
        let length = u32::try_from(self.data.len()).unwrap_or(u32::MAX);
        [&length.to_be_bytes(), self.kind].concat()
    }

    fn checksum(&self) -> u32 {
        let mut sum = crc32fast::Hasher::new();
        sum.update(self.kind);
        sum.update(self.data);
        sum.finalize()
    }

    fn is_ignored(&self) -> bool {
        let is_read = READ_ANCILLARY.contains(&self.kind);
        let stated = self.raw.and_then(|raw| raw.last_chunk::<4>());
        is_read && stated != Some(&self.checksum().to_be_bytes())
    }
}

impl<'a> Chunks<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: SIGNATURE.len(),
            has_pixels: false,
            is_cut: false,
            ended: false,
        }
    }

    fn read(&mut self) -> Option<Chunk<'a>> {
        let rest = self.bytes.get(self.at..)?;
        let length = usize::try_from(bytes::u32_be(rest, 0)?).ok()?;
        let kind = rest.get(4..8).filter(|kind| kind.iter().all(u8::is_ascii_alphabetic))?;
        let end = length.checked_add(12)?;
        let Some(raw) = rest.get(..end) else {
            return self.read_cut(kind, rest, length);
        };
        self.at += end;
        self.ended = kind == b"IEND";
        self.has_pixels |= kind == b"IDAT";
        Some(Chunk {
            kind,
            data: raw.get(8..8 + length)?,
            raw: Some(raw),
        })
    }

    /// A chunk that reaches past the end of the file: of pixels, all but the checksum must be there.
    fn read_cut(&mut self, kind: &'a [u8], rest: &'a [u8], length: usize) -> Option<Chunk<'a>> {
        if kind != b"IDAT" && kind != b"fdAT" {
            return None;
        }
        self.is_cut = true;
        let data = rest.get(8..)?.get(..length)?;
        self.is_cut = false;
        self.at = self.bytes.len();
        self.has_pixels |= kind == b"IDAT";
        Some(Chunk { kind, data, raw: None })
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.read() {
                Some(chunk) if chunk.is_ignored() => {}
                Some(chunk) => return Some(Ok(chunk)),
                None => {
                    self.ended = true;
                    let supplied = Chunk {
                        kind: b"IEND",
                        data: &[],
                        raw: None,
                    };
                    let is_damaged = !self.has_pixels || self.is_cut;
                    return Some(if is_damaged { Err(cut_short()) } else { Ok(supplied) });
                }
            }
        }
        None
    }
}

fn cut_short() -> ImageError {
    ImageError::damaged("the PNG data ends too early")
}

/// A file as it is to be decoded: up to its IEND, which is supplied where it is missing.
#[derive(Debug)]
pub(crate) struct WholeFile<'a> {
    parts: [Cow<'a, [u8]>; 4],
    part: usize,
    at: usize,
}

impl<'a> WholeFile<'a> {
    pub(crate) fn new(file: &'a [u8]) -> Self {
        let mut chunks = Chunks::new(file);
        let (mut whole_up_to, mut cut, mut lacks_end) = (0, None, false);
        while let Some(Ok(chunk)) = chunks.next() {
            match chunk.raw {
                Some(_) => whole_up_to = chunks.at,
                None if chunk.kind == b"IEND" => lacks_end = true,
                None => cut = Some(chunk),
            }
        }
        let nothing = Cow::Borrowed([].as_slice());
        let parts = match cut {
            Some(chunk) => {
                let after = [&chunk.checksum().to_be_bytes(), END].concat();
                [chunk.header().into(), chunk.data.into(), after.into()]
            }
            None if lacks_end => [END.into(), nothing.clone(), nothing],
            None => {
                whole_up_to = file.len();
                [nothing.clone(), nothing.clone(), nothing]
            }
        };
        let [first, second, third] = parts;
        let before = file.get(..whole_up_to).unwrap_or_default();
        Self {
            parts: [before.into(), first, second, third],
            part: 0,
            at: 0,
        }
    }
}

impl BufRead for WholeFile<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.parts.get(self.part).is_some_and(|part| self.at >= part.len()) {
            (self.part, self.at) = (self.part + 1, 0);
        }
        let part = self.parts.get(self.part);
        Ok(part.and_then(|part| part.get(self.at..)).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

impl Read for WholeFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// The decoder asks for it and does not use it.
impl Seek for WholeFile<'_> {
    fn seek(&mut self, _to: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
