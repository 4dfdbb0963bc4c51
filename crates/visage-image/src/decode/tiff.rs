//! TIFF through the tiff crate: the first page.

use std::io::Cursor;

use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult};

use crate::pixels::{Layout, Pixels};
use crate::{ImageError, Limits};

const UNUSUAL: ImageError = ImageError::Unsupported {
    name: "an unusual kind of TIFF",
};

/// Decodes the first page to eight bits per channel.
pub(crate) fn decode(file: &[u8], limits: &Limits) -> Result<Pixels, ImageError> {
    decode_page(file, 0, limits)
}

/// Decodes a page, counted from 0.
pub(crate) fn decode_page(file: &[u8], page: u32, limits: &Limits) -> Result<Pixels, ImageError> {
    let mut bounds = tiff::decoder::Limits::default();
    bounds.decoding_buffer_size = usize::try_from(limits.render_memory_bytes).unwrap_or(usize::MAX);
    bounds.intermediate_buffer_size = bounds.decoding_buffer_size;
    let mut decoder = Decoder::new(Cursor::new(file)).map_err(damaged)?.with_limits(bounds);
    if page > 0 {
        let page = usize::try_from(page).unwrap_or(usize::MAX);
        decoder.seek_to_image(page).map_err(damaged)?;
    }
    let (width, height) = decoder.dimensions().map_err(damaged)?;
    let (layout, inverted) = match decoder.colortype().map_err(damaged)? {
        ColorType::Gray(8 | 16) => (Layout::Gray, false),
        ColorType::GrayA(8 | 16) => (Layout::GrayAlpha, false),
        ColorType::RGB(8 | 16) => (Layout::Rgb, false),
        ColorType::RGBA(8 | 16) => (Layout::Rgba, false),
        ColorType::CMYK(8 | 16) => (Layout::Cmyk, true),
        _ => return Err(UNUSUAL),
    };
    let mut data = match decoder.read_image().map_err(damaged)? {
        DecodingResult::U8(data) => data,
        DecodingResult::U16(data) => data.into_iter().map(nearest_level).collect(),
        _ => return Err(UNUSUAL),
    };
    if u64::try_from(data.len()).ok() != Some(crate::pixels::size_bytes(width, height, layout)) {
        return Err(ImageError::damaged(
            "its pixels have another size than its directory says",
        ));
    }
    if inverted {
        for ink in &mut data {
            *ink = 255 - *ink;
        }
    }
    Ok(Pixels {
        width,
        height,
        layout,
        data,
    })
}

fn nearest_level(sample: u16) -> u8 {
    u8::try_from((u32::from(sample) * 255 + 32_767) / 65_535).unwrap_or(u8::MAX)
}

fn damaged(cause: tiff::TiffError) -> ImageError {
    match cause {
        tiff::TiffError::UnsupportedError(_) => UNUSUAL,
        other => ImageError::from_decoder(other),
    }
}
