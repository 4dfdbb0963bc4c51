//! GIF through the gif crate.

use gif::{ColorOutput, DecodeOptions, Decoder, MemoryLimit};

use crate::pixels::{Layout, Pixels, usize_from};
use crate::walk::gif::PictureFile;
use crate::{ImageError, Limits};

/// Decodes the first frame on a transparent canvas.
pub(crate) fn decode(file: &[u8], limits: &Limits) -> Result<Pixels, ImageError> {
    let mut decoder = open(file, limits)?;
    let (width, height) = (u32::from(decoder.width()), u32::from(decoder.height()));
    let mut pixels = Pixels::zeroed(width, height, Layout::Rgba, limits)?;
    let frame = decoder.read_next_frame().map_err(ImageError::from_decoder)?;
    let frame = frame.ok_or_else(|| ImageError::damaged("it holds no picture"))?;
    let (row_bytes, left) = (pixels.row_bytes(), usize::from(frame.left) * 4);
    let frame_row_bytes = usize::from(frame.width).max(1) * 4;
    let rows = pixels.data.chunks_exact_mut(row_bytes).skip(usize::from(frame.top));
    for (to, from) in rows.zip(frame.buffer.chunks_exact(frame_row_bytes)) {
        let to = to.get_mut(left..).unwrap_or_default();
        let shared = to.len().min(from.len());
        to[..shared].copy_from_slice(&from[..shared]);
    }
    Ok(pixels)
}

/// Decodes all frames one after the other, to see that they are whole.
pub(crate) fn check_frames(file: &[u8], limits: &Limits) -> Result<(), ImageError> {
    let mut decoder = open(file, limits)?;
    while decoder.read_next_frame().map_err(ImageError::from_decoder)?.is_some() {}
    Ok(())
}

pub(super) fn open<'a>(file: &'a [u8], limits: &Limits) -> Result<Decoder<PictureFile<'a>>, ImageError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    let bound = std::num::NonZeroU64::new(limits.render_memory_bytes).unwrap_or(std::num::NonZeroU64::MIN);
    options.set_memory_limit(MemoryLimit::Bytes(bound));
    let file = PictureFile::open(file)?;
    let decoder = options.read_info(file).map_err(ImageError::from_decoder)?;
    if usize_from(u32::from(decoder.width())) == 0 || decoder.height() == 0 {
        return Err(ImageError::damaged("it has no size"));
    }
    Ok(decoder)
}
