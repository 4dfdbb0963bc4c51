//! Resampling: one pass from a window with fractions to the wanted size.
//!
//! Lanczos3 in gamma space, alpha premultiplied, as libvips and browsers do. Resizing first and then cutting whole
//! pixels, as many services do, would shift the picture by up to half a pixel.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeOptions, Resizer};

use crate::pixels::{Layout, Pixels, usize_from};
use crate::plan::Window;
use crate::{ImageError, Limits};

/// Shows `window` of the source with `width` × `height` pixels.
pub(crate) fn resize(
    source: &Pixels,
    window: Window,
    width: u32,
    height: u32,
    limits: &Limits,
) -> Result<Pixels, ImageError> {
    let window = window.inside((source.width, source.height));
    let mut target = Pixels::zeroed(width, height, source.layout, limits)?;
    if let Some((left, top)) = whole_pixels(window, width, height) {
        copy(source, left, top, &mut target);
        return Ok(target);
    }
    let pixel_type = pixel_type(source.layout);
    let from = ImageRef::new(source.width, source.height, &source.data, pixel_type).map_err(failed)?;
    let mut to = Image::from_slice_u8(width, height, &mut target.data, pixel_type).map_err(failed)?;
    let options = ResizeOptions::new()
        .crop(window.x, window.y, window.width, window.height)
        .use_alpha(source.layout.has_alpha());
    Resizer::new().resize(&from, &mut to, &options).map_err(failed)?;
    Ok(target)
}

/// The corner of a window that is shown pixel by pixel.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the window is inside the picture"
)]
fn whole_pixels(window: Window, width: u32, height: u32) -> Option<(usize, usize)> {
    const TOLERANCE: f64 = 1e-6;
    let is_whole = |value: f64| (value - value.round()).abs() < TOLERANCE;
    let unscaled = !window.is_scaled_to((width, height)) && is_whole(window.x) && is_whole(window.y);
    unscaled.then_some((window.x.round() as usize, window.y.round() as usize))
}

fn copy(source: &Pixels, left: usize, top: usize, target: &mut Pixels) {
    let channels = source.layout.channels();
    let row_bytes = usize_from(target.width) * channels;
    let from_rows = source.data.chunks_exact(source.row_bytes()).skip(top);
    for (from, to) in from_rows.zip(target.data.chunks_exact_mut(row_bytes)) {
        if let Some(part) = from.get(left * channels..left * channels + row_bytes) {
            to.copy_from_slice(part);
        }
    }
}

fn pixel_type(layout: Layout) -> PixelType {
    match layout {
        Layout::Gray => PixelType::U8,
        Layout::GrayAlpha => PixelType::U8x2,
        Layout::Rgb => PixelType::U8x3,
        Layout::Rgba | Layout::Cmyk => PixelType::U8x4,
    }
}

fn failed(cause: impl std::fmt::Display) -> ImageError {
    ImageError::damaged(format!("its pixels could not be resized ({cause})"))
}
