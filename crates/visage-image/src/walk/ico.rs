//! The directory of an icon file: several pictures of one thing, each a PNG or a bitmap without a file header.

use crate::walk::png;
use crate::{ImageError, bytes};

/// Before the first entry.
const HEADER_BYTES: usize = 6;

const ENTRY_BYTES: usize = 16;

/// The largest picture of an icon file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Largest<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) is_png: bool,
    entry: &'a [u8],
    /// A PNG file, or a bitmap from its header on.
    pub(crate) data: &'a [u8],
}

/// Whether a file begins as an icon does; a cursor begins otherwise.
pub(crate) fn is_ico(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, 0, 1, 0])
}

/// Finds the largest picture, of equally large ones that with the most bits per pixel. Sizes are those that the
/// pictures themselves state, because an entry has room for 256 at most.
pub(crate) fn largest(file: &[u8]) -> Result<Largest<'_>, ImageError> {
    let count = bytes::u16_le(file, 4).ok_or_else(cut)?;
    let mut best = None;
    for index in 0..usize::from(count) {
        let at = HEADER_BYTES + index * ENTRY_BYTES;
        let entry = file.get(at..at + ENTRY_BYTES).ok_or_else(cut)?;
        let picture = read(file, entry).ok_or_else(cut)?;
        let rank = (
            u64::from(picture.width) * u64::from(picture.height),
            bytes::u16_le(entry, 6),
        );
        if best.as_ref().is_none_or(|(best_rank, _)| rank > *best_rank) {
            best = Some((rank, picture));
        }
    }
    let (_, picture) = best.ok_or_else(|| ImageError::damaged("it holds no picture"))?;
    Ok(picture)
}

fn read<'a>(file: &'a [u8], entry: &'a [u8]) -> Option<Largest<'a>> {
    let number = |at| usize::try_from(bytes::u32_le(entry, at)?).ok();
    let (length, start) = (number(8)?, number(12)?);
    let data = file.get(start..start.checked_add(length)?)?;
    let is_png = data.starts_with(png::SIGNATURE);
    let (width, height) = if is_png {
        (bytes::u32_be(data, 16)?, bytes::u32_be(data, 20)?)
    } else {
        // The height counts the picture and its mask.
        (bytes::u32_le(data, 4)?, bytes::u32_le(data, 8)? / 2)
    };
    Some(Largest {
        width,
        height,
        is_png,
        entry,
        data,
    })
}

impl Largest<'_> {
    /// An icon file that holds this picture alone.
    pub(crate) fn alone(&self) -> Vec<u8> {
        let mut file = vec![0, 0, 1, 0, 1, 0];
        file.extend_from_slice(self.entry.get(..12).unwrap_or_default());
        file.extend_from_slice(&[22, 0, 0, 0]);
        file.extend_from_slice(self.data);
        file
    }
}

fn cut() -> ImageError {
    ImageError::damaged("the icon's directory or a picture in it is cut short")
}
