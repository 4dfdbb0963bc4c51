//! PNG through the png crate: any depth, palette and interlacing become eight bits per channel.

use png::{BitDepth, ColorType, Decoder, Reader, Transformations};

use crate::context::{InterruptibleReader, RenderContext};
use crate::pixels::{Layout, Pixels};
use crate::walk::png::WholeFile;
use crate::{ImageError, buffer};

/// Reads a PNG file as long as it is wanted.
pub(crate) type PngReader<'a> = Reader<InterruptibleReader<'a, WholeFile<'a>>>;

/// Decodes the default picture, and checks that the file is whole up to its end.
pub(crate) fn decode(file: &[u8], context: RenderContext<'_>) -> Result<Pixels, ImageError> {
    let mut reader = open(file, context)?;
    let length = reader
        .output_buffer_size()
        .ok_or_else(|| ImageError::damaged("its rows are too long"))?;
    let mut data = buffer::zeroed(u64::try_from(length).unwrap_or(u64::MAX), context.limits)?;
    let frame = reader
        .next_frame(&mut data)
        .map_err(|cause| context.decoder_error(cause))?;
    data.truncate(frame.buffer_size());
    let layout = layout(frame.color_type)?;
    if frame.bit_depth == BitDepth::Sixteen {
        reduce_to_8_bits(&mut data, context)?;
    }
    reader.finish().map_err(|cause| context.decoder_error(cause))?;
    Ok(Pixels {
        width: frame.width,
        height: frame.height,
        layout,
        data,
    })
}

/// A reader that inflates nothing but pixels, and turns palettes and small depths into channels.
pub(crate) fn open<'a>(file: &'a [u8], context: RenderContext<'a>) -> Result<PngReader<'a>, ImageError> {
    let bytes = usize::try_from(context.limits.render_memory_bytes).unwrap_or(usize::MAX);
    let mut decoder = Decoder::new_with_limits(context.reader(WholeFile::new(file)), png::Limits { bytes });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    decoder.read_info().map_err(|cause| context.decoder_error(cause))
}

pub(crate) fn layout(color_type: ColorType) -> Result<Layout, ImageError> {
    match color_type {
        ColorType::Grayscale => Ok(Layout::Gray),
        ColorType::GrayscaleAlpha => Ok(Layout::GrayAlpha),
        ColorType::Rgb => Ok(Layout::Rgb),
        ColorType::Rgba => Ok(Layout::Rgba),
        ColorType::Indexed => Err(ImageError::damaged("its palette is missing")),
    }
}

/// In place, each big-endian 16-bit sample becomes the nearest of 256 levels: `(v * 255 + 32767) / 65535`.
pub(crate) fn reduce_to_8_bits(data: &mut Vec<u8>, context: RenderContext<'_>) -> Result<(), ImageError> {
    let count = data.len() / 2;
    for index in 0..count {
        if index.is_multiple_of(SAMPLES_PER_QUESTION) {
            context.check()?;
        }
        let sample = u32::from(u16::from_be_bytes([data[2 * index], data[2 * index + 1]]));
        data[index] = u8::try_from((sample * 255 + 32_767) / 65_535).unwrap_or(u8::MAX);
    }
    data.truncate(count);
    Ok(())
}

/// Samples that are reduced between two questions whether the work is still wanted.
const SAMPLES_PER_QUESTION: usize = 1 << 20;

/// Decodes all frames row by row, to see that they are whole, without keeping a picture in memory.
pub(crate) fn check(file: &[u8], frames: u32, context: RenderContext<'_>) -> Result<(), ImageError> {
    let failed = |cause| context.decoder_error(cause);
    let mut reader = open(file, context)?;
    while reader.next_row().map_err(failed)?.is_some() {}
    for _ in 1..frames {
        reader.next_frame_info().map_err(failed)?;
        while reader.next_row().map_err(failed)?.is_some() {}
    }
    reader.finish().map_err(failed)
}
