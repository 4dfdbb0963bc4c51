//! WebP through libwebp.

use visage_cloudinary::ImageFormat;
use webp::{Encoder, PixelLayout, WebPConfig};

use super::failed;
use crate::ImageError;
use crate::pixels::{Layout, Pixels};

/// Method 4 of 0 to 6: above it, time doubles for 4 % of size; below, bytes grow by 5 % at equal quality.
const METHOD: i32 = 4;

/// How pixels are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode {
    /// With the encoder's quality, 1 to 100; alpha stays exact.
    Lossy { quality: u8 },
    /// Every visible pixel exactly.
    Lossless,
}

/// Encodes red, green, blue and perhaps alpha.
pub(crate) fn encode(pixels: &Pixels, mode: Mode) -> Result<Vec<u8>, ImageError> {
    let layout = match pixels.layout {
        Layout::Rgb => PixelLayout::Rgb,
        Layout::Rgba => PixelLayout::Rgba,
        Layout::Gray | Layout::GrayAlpha | Layout::Cmyk => {
            return Err(failed(ImageFormat::Webp, "these channels are not made"));
        }
    };
    let mut config = WebPConfig::new().map_err(|()| failed(ImageFormat::Webp, "the encoder does not start"))?;
    config.method = METHOD;
    match mode {
        Mode::Lossy { quality } => config.quality = f32::from(quality),
        Mode::Lossless => {
            config.lossless = 1;
            config.quality = 75.0; // effort, not quality
        }
    }
    let encoder = Encoder::new(&pixels.data, layout, pixels.width, pixels.height);
    let file = encoder.encode_advanced(&config);
    file.map(|file| file.to_vec())
        .map_err(|cause| failed(ImageFormat::Webp, format!("{cause:?}")))
}
