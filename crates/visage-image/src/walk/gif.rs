//! The blocks of a GIF file (specification 89a).

use crate::{ImageError, bytes};

pub(crate) const APPLICATION: u8 = 0xFF;
pub(crate) const GRAPHIC_CONTROL: u8 = 0xF9;

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
    pub(crate) raw: &'a [u8],
}

/// Walks the blocks up to the trailer; a file that ends before yields an error.
#[derive(Debug)]
pub(crate) struct Blocks<'a> {
    bytes: &'a [u8],
    at: usize,
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
        let start = self.at;
        match *self.bytes.get(start)? {
            0x3B => {
                self.ended = true;
                Some(Block::Trailer)
            }
            0x21 => {
                let label = *self.bytes.get(start + 1)?;
                self.at = start + 2;
                self.skip_sub_blocks()?;
                let raw = self.bytes.get(start..self.at)?;
                Some(Block::Extension {
                    label,
                    data: raw.get(2..)?,
                    raw,
                })
            }
            0x2C => {
                let field = |at| bytes::u16_le(self.bytes, start + at).map(u32::from);
                let (left, top, width, height) = (field(1)?, field(3)?, field(5)?, field(7)?);
                self.at = start + 10 + palette_bytes(*self.bytes.get(start + 9)?) + 1;
                self.skip_sub_blocks()?;
                Some(Block::Image(Image {
                    left,
                    top,
                    width,
                    height,
                    raw: self.bytes.get(start..self.at)?,
                }))
            }
            _ => None,
        }
    }

    fn skip_sub_blocks(&mut self) -> Option<()> {
        loop {
            let length = usize::from(*self.bytes.get(self.at)?);
            self.at += 1 + length;
            if length == 0 {
                return Some(());
            }
        }
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let block = self.read().ok_or_else(cut_short);
        self.ended |= block.is_err();
        Some(block)
    }
}

fn cut_short() -> ImageError {
    ImageError::damaged("the GIF data ends too early or holds an unknown block")
}
