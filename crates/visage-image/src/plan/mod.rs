//! A transformation and the facts of one picture become exact steps: pure arithmetic, before a pixel moves.

use visage_cloudinary::transformation::Color;
use visage_cloudinary::{ImageFormat, Transformation};

use crate::{Facts, Limits, Orientation, PlanError};

/// What [`render`](crate::render) does to one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The steps, in the order they happen.
    pub steps: Vec<Step>,
    /// The format of the result.
    pub format: ImageFormat,
    /// The encoder's own quality, 1 to 100; without meaning for PNG and GIF.
    pub quality: u8,
    /// Width of the result in pixels.
    pub width: u32,
    /// Height of the result in pixels.
    pub height: u32,
    /// The picture that was planned for.
    pub source: Facts,
}

/// One thing that happens to the pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// Decode the first frame; a JPEG at 1/`scale` of its size (1, 2, 4 or 8), any other format whole.
    Decode {
        /// Divisor of both sides.
        scale: u8,
    },
    /// Turn the pixels upright.
    Orient(Orientation),
    /// Resample `window` to `width` × `height`; a copy when nothing is scaled.
    Resize {
        /// The part that is kept, in pixels of the picture at full size (a decode scale is taken off later).
        window: Window,
        /// Width of the step's result in pixels.
        width: u32,
        /// Height of the step's result in pixels.
        height: u32,
    },
    /// Convert to sRGB, red, green, blue and alpha if there is any.
    ConvertColour,
    /// Cut the corners off.
    Round(CornerRadii),
    /// Put the picture on a background, which leaves it opaque.
    Flatten(Color),
}

/// A rectangle in pixels with fractions; `x` and `y` are its top left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the fields are what they are called")]
pub struct Window {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// Rounded corners.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CornerRadii {
    /// The ellipse that touches all four sides.
    Max,
    /// Radii in pixels, clockwise from the top left.
    Pixels([f64; 4]),
}

/// Plans `transformation` for a picture with these `facts`, to be encoded as `format`.
///
/// # Errors
///
/// When a value makes no sense for its mode, when the format is only read, or when the result, or a step on the way,
/// would be larger than `limits` allow.
pub fn plan(
    transformation: &Transformation,
    facts: &Facts,
    format: ImageFormat,
    limits: &Limits,
) -> Result<Plan, PlanError> {
    let _ = (transformation, limits);
    Err(PlanError::UnsupportedFormat {
        format: if facts.frames == 0 { facts.format } else { format },
    })
}

impl Plan {
    /// An upper estimate of the memory that rendering takes, for a source file of `file_bytes`; in bytes.
    pub fn memory_bytes(&self, file_bytes: u64) -> u64 {
        file_bytes.saturating_add(self.source.pixels().saturating_mul(8))
    }
}
