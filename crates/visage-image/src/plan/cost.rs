//! What a plan costs, before work starts.
//!
//! The unit is what it takes to look at one pixel once: about a nanosecond. Weights were measured on photographs and
//! rounded; they only have to be right to a factor of two, because the deadline of a render stands behind them.

use visage_cloudinary::ImageFormat;

use super::{Plan, Step};
use crate::{Limits, PlanError, effects};

/// Looking at a decoded pixel of a photograph, by format: entropy decoding is most of it.
fn decoding(format: ImageFormat) -> u64 {
    match format {
        ImageFormat::Jpg | ImageFormat::Bmp | ImageFormat::Tiff | ImageFormat::Ico | ImageFormat::Gif => 8,
        ImageFormat::Png | ImageFormat::Webp | ImageFormat::Avif => 16,
    }
}

/// Encoding a pixel.
fn encoding(format: ImageFormat) -> u64 {
    match format {
        ImageFormat::Jpg | ImageFormat::Gif => 10,
        ImageFormat::Png => 60,
        ImageFormat::Webp | ImageFormat::Avif => 100,
        ImageFormat::Bmp | ImageFormat::Tiff | ImageFormat::Ico => 2,
    }
}

impl Plan {
    /// What rendering costs, in looks at a pixel.
    pub fn cost(&self) -> u64 {
        let size = (self.source.width, self.source.height);
        let once = walk(&self.steps, size).saturating_add(pixels((self.width, self.height)) * encoding(self.format));
        let frames = if self.is_animated {
            u64::from(self.source.frames)
        } else {
            1
        };
        let decoding = self.source.pixels().saturating_mul(decoding(self.source.format));
        once.saturating_add(decoding).saturating_mul(frames)
    }

    pub(super) fn check_cost(&self, limits: &Limits) -> Result<(), PlanError> {
        if self.cost() > limits.render_work {
            return Err(PlanError::TooMuchWork);
        }
        Ok(())
    }
}

fn pixels((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

fn walk(steps: &[Step], start: (u32, u32)) -> u64 {
    let mut size = start;
    let mut cost = 0_u64;
    for step in steps {
        let after = step.size_after(size);
        let weight = match step {
            Step::Decode { .. } => 0,
            Step::Resize { .. } => {
                // Reading the source is part of decoding; enlarging is paid for by the pixel.
                cost = cost.saturating_add(pixels(after) * 4);
                1
            }
            Step::Orient(_) | Step::AutoCrop { .. } | Step::Pad { .. } | Step::Opacity(_) | Step::Flatten(_) => 2,
            Step::ConvertColour | Step::Round(_) | Step::Border { .. } => 4,
            Step::Compose(compose) => {
                cost = cost.saturating_add(walk(&compose.steps, compose.size));
                8
            }
            Step::Rotate { .. } => 20,
            Step::Effect(step) => effects::cost_per_pixel(step, size),
        };
        let largest = pixels(size).max(pixels(after));
        cost = cost.saturating_add(largest.saturating_mul(weight));
        size = after;
    }
    cost
}
