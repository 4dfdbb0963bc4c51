//! Icons: the largest picture, a PNG through our own way, a bitmap with its mask through the image crate.

use std::io::Cursor;

use image::codecs::ico::IcoDecoder;
use image::{ColorType, ImageDecoder};

use crate::context::RenderContext;
use crate::pixels::{Layout, Pixels};
use crate::walk::ico::largest;
use crate::{ImageError, buffer};

/// Decodes the largest picture.
pub(super) fn decode(file: &[u8], context: RenderContext<'_>) -> Result<Pixels, ImageError> {
    let picture = largest(file)?;
    if picture.is_png {
        return super::png::decode(picture.data, context);
    }
    let failed = |cause| context.decoder_error(cause);
    let decoder = IcoDecoder::new(context.reader(Cursor::new(picture.alone()))).map_err(failed)?;
    if decoder.color_type() != ColorType::Rgba8 {
        return Err(ImageError::Unsupported {
            name: "an unusual kind of icon",
        });
    }
    let (width, height) = decoder.dimensions();
    let mut data = buffer::zeroed(decoder.total_bytes(), context.limits)?;
    decoder.read_image(&mut data).map_err(failed)?;
    Ok(Pixels {
        width,
        height,
        layout: Layout::Rgba,
        data,
    })
}
