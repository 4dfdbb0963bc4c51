//! How much memory rendering takes, at most.

use visage_cloudinary::ImageFormat;

use super::{Plan, Step};
use crate::animate::CANVASES;
use crate::{Facts, effects};

impl Plan {
    /// An upper estimate of the memory that rendering takes, for a source file of `file_bytes`; in bytes.
    pub fn memory_bytes(&self, file_bytes: u64) -> u64 {
        let scale = match self.steps.first() {
            Some(Step::Decode { scale }) => u64::from(*scale),
            _ => 1,
        };
        let made_pixels = largest(&self.steps, (self.source.width, self.source.height))
            .max(u64::from(self.width) * u64::from(self.height));
        let canvas = self.source.pixels().max(u64::from(self.width) * u64::from(self.height));
        let frames = if self.is_animated {
            canvas.saturating_mul(4 * CANVASES)
        } else {
            0
        };
        let effects = made_pixels.saturating_mul(working_bytes_per_pixel(&self.steps));
        decode_memory_bytes(&self.source, scale)
            .saturating_add(file_bytes)
            .saturating_add(effects)
            .saturating_add(frames)
            .saturating_add(made_pixels.saturating_mul(encoder_bytes_per_pixel(self.format)))
    }
}

/// The pixels of the largest picture that the steps make of one of `size`; what is decoded counts elsewhere.
fn largest(steps: &[Step], mut size: (u32, u32)) -> u64 {
    let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
    let mut most = 0;
    for step in steps {
        if let Step::Decode { .. } = step {
            continue;
        }
        let beside = match step {
            Step::Compose(compose) => largest(&compose.steps, compose.size).max(area(compose.size)),
            _ => 0,
        };
        size = step.size_after(size);
        most = most.max(area(size).saturating_add(beside));
    }
    most
}

/// What the hungriest step takes for each pixel beside the picture before and after it.
fn working_bytes_per_pixel(steps: &[Step]) -> u64 {
    let working = steps.iter().map(|step| match step {
        Step::Effect(step) => effects::memory_per_pixel(&step.effect),
        Step::Compose(compose) => working_bytes_per_pixel(&compose.steps).max(4),
        Step::AutoCrop { .. } | Step::Pad { .. } | Step::Rotate { .. } | Step::Border { .. } => 4,
        _ => 0,
    });
    working.max().unwrap_or(0)
}

impl Facts {
    /// An upper estimate of the memory that decoding the picture takes, for a file of `file_bytes`; in bytes.
    pub fn memory_bytes(&self, file_bytes: u64) -> u64 {
        decode_memory_bytes(self, 1).saturating_add(file_bytes)
    }
}

/// Tables, transforms and what else does not depend on the picture.
const FIXED_BYTES: u64 = 6 * 1024 * 1024;

/// Memory for decoding the first frame at 1/`scale`, the decoder's own included.
///
/// JPEG: a progressive file keeps all coefficients, at most 6 bytes per pixel. PNG: 16-bit RGBA before it becomes 8.
/// WebP: the lossless decoder's 4 bytes, the result and its copy. AVIF: up to three frames of 16 bits in 4:4:4 (18 bytes;
/// before super-resolution, before film grain, after them), and the result. GIF: indices and RGBA. TIFF, BMP: what is decoded and its 8-bit form.
pub(crate) fn decode_memory_bytes(facts: &Facts, scale: u64) -> u64 {
    let (working, result) = match facts.format {
        ImageFormat::Jpg | ImageFormat::Webp | ImageFormat::Gif => (6, 4),
        ImageFormat::Png => (4, 4),
        ImageFormat::Avif => (18, 4),
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
