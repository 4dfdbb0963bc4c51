//! Pixels become files, without metadata.

mod avif;
mod gif;
pub(crate) mod jpeg;
pub(crate) mod png;
pub(crate) mod webp;

use visage_cloudinary::ImageFormat;

use crate::pixels::Pixels;
use crate::{ImageError, Limits};

/// Encodes sRGB pixels with red, green, blue and perhaps alpha; `quality` is the encoder's own, 1 to 100.
pub(crate) fn encode(
    pixels: &Pixels,
    format: ImageFormat,
    quality: u8,
    limits: &Limits,
) -> Result<Vec<u8>, ImageError> {
    match format {
        ImageFormat::Jpg => jpeg::encode(pixels, quality, turbojpeg::Subsamp::Sub2x2),
        ImageFormat::Png => png::encode(pixels, None),
        ImageFormat::Webp => webp::encode(pixels, webp::Mode::Lossy { quality }),
        ImageFormat::Avif => avif::encode(pixels, quality),
        ImageFormat::Gif => gif::encode(pixels, limits),
        ImageFormat::Bmp | ImageFormat::Tiff => Err(failed(format, "this format is only read")),
    }
}

fn failed(format: ImageFormat, cause: impl std::fmt::Display) -> ImageError {
    ImageError::Encode {
        format,
        reason: cause.to_string(),
    }
}
