//! BMP through the image crate.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::{ColorType, ImageDecoder};

use crate::pixels::{Layout, Pixels};
use crate::{ImageError, Limits, buffer};

/// Decodes the picture.
pub(super) fn decode(file: &[u8], limits: &Limits) -> Result<Pixels, ImageError> {
    let decoder = BmpDecoder::new(Cursor::new(file)).map_err(ImageError::from_decoder)?;
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
    let mut data = buffer::zeroed(decoder.total_bytes(), limits)?;
    decoder.read_image(&mut data).map_err(ImageError::from_decoder)?;
    Ok(Pixels {
        width,
        height,
        layout,
        data,
    })
}
