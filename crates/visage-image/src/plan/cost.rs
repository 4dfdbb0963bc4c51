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
        let (weight, after) = match step {
            Step::Decode { .. } => (0, size),
            Step::Orient(orientation) => (2, orientation.turned_size(size.0, size.1)),
            Step::Resize { width, height, .. } => {
                // Reading the source is part of decoding; enlarging is paid for by the pixel.
                cost = cost.saturating_add(pixels((*width, *height)) * 4);
                (1, (*width, *height))
            }
            Step::AutoCrop { width, height, .. } => (2, (*width, *height)),
            Step::Pad { canvas, .. } => (2, (canvas.width, canvas.height)),
            Step::Rotate { width, height, .. } => (20, (*width, *height)),
            Step::Effect(step) => (effects::cost_per_pixel(step, size), effects::output_size(step, size)),
            Step::Opacity(_) | Step::Flatten(_) => (2, size),
            Step::ConvertColour | Step::Round(_) => (4, size),
            Step::Border { width, .. } => {
                let canvas = super::Canvas::around(size, *width);
                (4, (canvas.width, canvas.height))
            }
            Step::Compose(compose) => {
                cost = cost.saturating_add(walk(&compose.steps, compose.size));
                (8, (compose.placement.canvas.width, compose.placement.canvas.height))
            }
        };
        let largest = pixels(size).max(pixels(after));
        cost = cost.saturating_add(largest.saturating_mul(weight));
        size = after;
    }
    cost
}
