//! Pixels become files, without metadata.

pub(crate) mod animation;
mod avif;
mod avif_file;
mod gif;
pub(crate) mod jpeg;
mod options;
mod palette;
pub(crate) mod png;
pub(crate) mod webp;
mod yuv;

use turbojpeg::Subsamp;
use visage_cloudinary::ImageFormat;

pub use options::{Effort, EncodeOptions, PngKind};

use crate::pixels::Pixels;
use crate::{ImageError, Limits};

/// Encodes sRGB pixels with red, green, blue and perhaps alpha.
pub(crate) fn encode(
    pixels: &Pixels,
    format: ImageFormat,
    options: EncodeOptions,
    limits: &Limits,
) -> Result<Vec<u8>, ImageError> {
    let quality = options.quality;
    match format {
        ImageFormat::Jpg => {
            let subsampling = if options.chroma_444 {
                Subsamp::None
            } else {
                Subsamp::Sub2x2
            };
            jpeg::encode(pixels, quality, subsampling, options.progressive)
        }
        ImageFormat::Png => png::encode_as(pixels, options.png_kind, limits),
        ImageFormat::Webp if options.lossless => webp::encode(pixels, webp::Mode::Lossless),
        ImageFormat::Webp => webp::encode(pixels, webp::Mode::Lossy { quality }),
        ImageFormat::Avif => avif::encode(pixels, options),
        ImageFormat::Gif => gif::encode(pixels, limits),
        ImageFormat::Bmp | ImageFormat::Tiff | ImageFormat::Ico => Err(failed(format, "this format is only read")),
    }
}

fn failed(format: ImageFormat, cause: impl std::fmt::Display) -> ImageError {
    ImageError::Encode {
        format,
        reason: cause.to_string(),
    }
}
