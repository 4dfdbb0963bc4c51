//! Pixels become files, without metadata.

mod avif;
mod gif;
pub(crate) mod jpeg;
pub(crate) mod png;
pub(crate) mod webp;

use visage_cloudinary::ImageFormat;
use visage_cloudinary::transformation::Chroma;

use crate::pixels::Pixels;
use crate::plan::Encoding;
use crate::{ImageError, Limits};

/// Encodes sRGB pixels with red, green, blue and perhaps alpha.
pub(crate) fn encode(
    pixels: &Pixels,
    format: ImageFormat,
    encoding: Encoding,
    limits: &Limits,
) -> Result<Vec<u8>, ImageError> {
    let quality = encoding.usual_quality(format);
    match format {
        ImageFormat::Jpg => {
            let subsampling = match encoding.chroma {
                Chroma::Full => turbojpeg::Subsamp::None,
                Chroma::Halved => turbojpeg::Subsamp::Sub2x2,
            };
            jpeg::encode(pixels, quality, subsampling, encoding.is_progressive == Some(true))
        }
        ImageFormat::Png => png::encode_smallest(pixels, encoding, limits),
        ImageFormat::Webp if encoding.is_lossless => webp::encode(pixels, webp::Mode::Lossless),
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
