//! How much memory rendering takes, at most.

use visage_cloudinary::ImageFormat;

use super::{Plan, Step};
use crate::Facts;

impl Plan {
    /// An upper estimate of the memory that rendering takes, for a source file of `file_bytes`; in bytes.
    pub fn memory_bytes(&self, file_bytes: u64) -> u64 {
        let scale = match self.steps.first() {
            Some(Step::Decode { scale }) => u64::from(*scale),
            _ => 1,
        };
        let largest_step = self.steps.iter().map(|step| match step {
            Step::Resize { width, height, .. } => u64::from(*width) * u64::from(*height),
            _ => 0,
        });
        let made_pixels = largest_step
            .max()
            .unwrap_or(0)
            .max(u64::from(self.width) * u64::from(self.height));
        decode_memory_bytes(&self.source, scale)
            .saturating_add(file_bytes)
            .saturating_add(made_pixels.saturating_mul(encoder_bytes_per_pixel(self.format)))
    }
}

/// Tables, transforms and what else does not depend on the picture.
const FIXED_BYTES: u64 = 6 * 1024 * 1024;

/// Memory for decoding the first frame at 1/`scale`, the decoder's own included.
///
/// JPEG: a progressive file keeps all coefficients, at most 6 bytes per pixel. PNG: 16-bit RGBA before it becomes 8.
/// WebP: the lossless decoder's 4 bytes, the result and its copy. AVIF: frame buffers of up to 16 bits in 4:4:4, the
/// result and its copy. GIF: indices and RGBA. TIFF, BMP: what is decoded and its 8-bit form.
pub(crate) fn decode_memory_bytes(facts: &Facts, scale: u64) -> u64 {
    let (working, result) = match facts.format {
        ImageFormat::Jpg | ImageFormat::Webp | ImageFormat::Gif => (6, 4),
        ImageFormat::Png => (4, 4),
        ImageFormat::Avif => (14, 8),
        ImageFormat::Bmp | ImageFormat::Tiff | ImageFormat::Ico => (8, 4),
    };
    let pixels = facts.pixels();
    let scaled_pixels = pixels / (scale * scale).max(1);
    FIXED_BYTES
        .saturating_add(pixels.saturating_mul(working))
        .saturating_add(scaled_pixels.saturating_mul(result))
}

/// The pixels themselves at most twice (before and after a step), and what the encoder takes beside them.
fn encoder_bytes_per_pixel(format: ImageFormat) -> u64 {
    match format {
        ImageFormat::Avif => 40,
        ImageFormat::Webp => 24,
        _ => 16,
    }
}
