//! GIF through the gif crate.

use gif::{ColorOutput, DecodeOptions, Decoder, MemoryLimit};

use crate::ImageError;
use crate::context::{InterruptibleReader, RenderContext};
use crate::pixels::{Layout, Pixels, usize_from};
use crate::walk::gif::PictureFile;

/// Decodes the first frame on a transparent canvas.
pub(crate) fn decode(file: &[u8], context: RenderContext<'_>) -> Result<Pixels, ImageError> {
    let mut decoder = open(file, context)?;
    let (width, height) = (u32::from(decoder.width()), u32::from(decoder.height()));
    let mut pixels = Pixels::zeroed(width, height, Layout::Rgba, context.limits)?;
    let frame = decoder
        .read_next_frame()
        .map_err(|cause| context.decoder_error(cause))?;
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
pub(crate) fn check_frames(file: &[u8], context: RenderContext<'_>) -> Result<(), ImageError> {
    let mut decoder = open(file, context)?;
    let failed = |cause| context.decoder_error(cause);
    while decoder.read_next_frame().map_err(failed)?.is_some() {}
    Ok(())
}

/// Reads a GIF file as long as it is wanted.
pub(super) type GifReader<'a> = Decoder<InterruptibleReader<'a, PictureFile<'a>>>;

pub(super) fn open<'a>(file: &'a [u8], context: RenderContext<'a>) -> Result<GifReader<'a>, ImageError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    let bound = std::num::NonZeroU64::new(context.limits.render_memory_bytes).unwrap_or(std::num::NonZeroU64::MIN);
    options.set_memory_limit(MemoryLimit::Bytes(bound));
    let decoder = options
        .read_info(context.reader(PictureFile::open(file)?))
        .map_err(|cause| context.decoder_error(cause))?;
    if usize_from(u32::from(decoder.width())) == 0 || decoder.height() == 0 {
        return Err(ImageError::damaged("it has no size"));
    }
    Ok(decoder)
}
