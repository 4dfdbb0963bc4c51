//! The blocks of a GIF file (specification 89a).
//!
//! As in browsers, a file that has a frame ends at its trailer, at what is no block, or where its bytes end. A frame
//! that has begun must be whole, but for the byte that ends it; whether all its pixels are there, the decoder finds out.

use std::io::{self, Read};

use crate::{ImageError, bytes};

pub(crate) const GRAPHIC_CONTROL: u8 = 0xF9;
const APPLICATION: u8 = 0xFF;

const TRAILER: u8 = 0x3B;
const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2C;

/// Length of a graphic control extension.
const CONTROL_BYTES: usize = 8;

/// Length of a loop extension.
const LOOP_BYTES: usize = 19;

/// What stands before the first block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Signature, screen descriptor and global palette.
    pub(crate) raw: &'a [u8],
}

/// One block with all its sub-blocks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Block<'a> {
    Extension { label: u8, data: &'a [u8], raw: &'a [u8] },
    Image(Image<'a>),
    Trailer,
}

/// One frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Image<'a> {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Descriptor, palette and all sub-blocks.
    raw: &'a [u8],
    /// Whether the file ends where the frame does, before the byte that would say so.
    lacks_end: bool,
}

/// Walks the blocks up to the trailer, which is yielded even where the file lacks it; a file that ends before its first
/// frame, or in a frame, yields an error.
#[derive(Debug)]
pub(crate) struct Blocks<'a> {
    bytes: &'a [u8],
    at: usize,
    has_frame: bool,
    ended: bool,
}

/// Whether a file begins as a GIF does.
pub(crate) fn is_gif(bytes: &[u8]) -> bool {
    bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a")
}

/// Reads the header, and what follows it as blocks.
pub(crate) fn open(bytes: &[u8]) -> Result<(Header<'_>, Blocks<'_>), ImageError> {
    read_header(bytes).ok_or_else(cut_short)
}

fn read_header(bytes: &[u8]) -> Option<(Header<'_>, Blocks<'_>)> {
    let end = 13 + palette_bytes(*bytes.get(10)?);
    let header = Header {
        width: u32::from(bytes::u16_le(bytes, 6)?),
        height: u32::from(bytes::u16_le(bytes, 8)?),
        raw: bytes.get(..end)?,
    };
    Some((
        header,
        Blocks {
            bytes,
            at: end,
            has_frame: false,
            ended: false,
        },
    ))
}

/// Size of the palette that a packed byte announces.
fn palette_bytes(packed: u8) -> usize {
    if packed & 0x80 == 0 { 0 } else { 3 << ((packed & 7) + 1) }
}

impl<'a> Blocks<'a> {
    fn read(&mut self) -> Option<Block<'a>> {
        match *self.bytes.get(self.at)? {
            TRAILER => Some(Block::Trailer),
            EXTENSION => self.read_extension(),
            IMAGE => self.read_image(),
            _ => None,
        }
    }

    fn read_extension(&mut self) -> Option<Block<'a>> {
        let start = self.at;
        let label = *self.bytes.get(start + 1)?;
        let end = self.end_of_sub_blocks(start + 2).ok()?;
        let raw = self.bytes.get(start..end)?;
        self.at = end;
        Some(Block::Extension {
            label,
            data: raw.get(2..)?,
            raw,
        })
    }

    fn read_image(&mut self) -> Option<Block<'a>> {
        let start = self.at;
        let field = |at| bytes::u16_le(self.bytes, start + at).map(u32::from);
        let (left, top, width, height) = (field(1)?, field(3)?, field(5)?, field(7)?);
        let data_at = start + 10 + palette_bytes(*self.bytes.get(start + 9)?) + 1;
        let (end, lacks_end) = match self.end_of_sub_blocks(data_at) {
            Ok(end) => (end, false),
            Err(cut_at) if cut_at > data_at && cut_at == self.bytes.len() => (cut_at, true),
            Err(_) => return None,
        };
        let raw = self.bytes.get(start..end)?;
        self.at = end;
        self.has_frame = true;
        Some(Block::Image(Image {
            left,
            top,
            width,
            height,
            raw,
            lacks_end,
        }))
    }

    /// Where sub-blocks end, or where the one begins in which the file ends.
    fn end_of_sub_blocks(&self, mut at: usize) -> Result<usize, usize> {
        while let Some(&length) = self.bytes.get(at) {
            let end = at + 1 + usize::from(length);
            if length == 0 {
                return Ok(end);
            }
            if end > self.bytes.len() {
                break;
            }
            at = end;
        }
        Err(at)
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let begins_frame = self.bytes.get(self.at) == Some(&IMAGE);
        let block = match self.read() {
            None if self.has_frame && !begins_frame => Ok(Block::Trailer),
            found => found.ok_or_else(cut_short),
        };
        self.ended = matches!(block, Ok(Block::Trailer) | Err(_));
        Some(block)
    }
}

/// The file with nothing but its picture: header, frames, their control blocks, the loop count and the trailer, all
/// whole. What is decoded and what is stored is read here.
#[derive(Debug)]
pub(crate) struct PictureFile<'a> {
    blocks: Blocks<'a>,
    part: &'a [u8],
    /// Follows `part`.
    supplied: &'static [u8],
}

impl<'a> PictureFile<'a> {
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let (header, blocks) = open(bytes)?;
        Ok(Self {
            blocks,
            part: header.raw,
            supplied: &[],
        })
    }

    fn take(&mut self, block: &Block<'a>) {
        match block {
            Block::Image(image) => {
                self.part = image.raw;
                self.supplied = if image.lacks_end { &[0] } else { &[] };
            }
            Block::Extension { label, data, raw } => {
                let is_control = *label == GRAPHIC_CONTROL && raw.len() == CONTROL_BYTES;
                let is_loop = *label == APPLICATION && raw.len() == LOOP_BYTES && loop_count(data).is_some();
                if is_control || is_loop {
                    self.part = raw;
                }
            }
            Block::Trailer => self.part = &[TRAILER],
        }
    }
}

impl Read for PictureFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = match self.part.read(buffer)? {
                0 => self.supplied.read(buffer)?,
                count => count,
            };
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            match self.blocks.next() {
                Some(block) => self.take(&block.map_err(io::Error::other)?),
                None => return Ok(0),
            }
        }
    }
}

/// How often the frames are repeated, from the contents of an application extension; 0 is without end.
pub(crate) fn loop_count(data: &[u8]) -> Option<u16> {
    let count = data
        .strip_prefix(b"\x0BNETSCAPE2.0\x03\x01")
        .or_else(|| data.strip_prefix(b"\x0BANIMEXTS1.0\x03\x01"))?;
    Some(bytes::u16_le(count, 0).unwrap_or_default())
}

fn cut_short() -> ImageError {
    ImageError::damaged("the GIF data ends too early or holds an unknown block")
}
