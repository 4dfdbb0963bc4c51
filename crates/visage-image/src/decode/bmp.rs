//! BMP through the image crate.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::{ColorType, ImageDecoder};

use crate::context::RenderContext;
use crate::pixels::{Layout, Pixels};
use crate::{ImageError, buffer};

/// Decodes the picture.
pub(super) fn decode(file: &[u8], context: RenderContext<'_>) -> Result<Pixels, ImageError> {
    let failed = |cause| context.decoder_error(cause);
    let decoder = BmpDecoder::new(context.reader(Cursor::new(file))).map_err(failed)?;
    let layout = match decoder.color_type() {
        ColorType::L8 => Layout::Gray,
        ColorType::Rgb8 => Layout::Rgb,
        ColorType::Rgba8 => Layout::Rgba,
        _ => {
            return Err(ImageError::Unsupported {
                name: "an unusual kind of BMP",
            });
        }
    };
    let (width, height) = decoder.dimensions();
    let mut data = buffer::zeroed(decoder.total_bytes(), context.limits)?;
    decoder.read_image(&mut data).map_err(failed)?;
    Ok(Pixels {
        width,
        height,
        layout,
        data,
    })
}
