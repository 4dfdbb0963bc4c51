//! A transformation and the facts of one picture become exact steps: pure arithmetic, before a pixel moves.

mod geometry;
mod memory;
mod planner;
mod quality;
mod sample;
#[cfg(test)]
mod tests;
mod window;

use visage_cloudinary::transformation::{Color, Component, Quality};
use visage_cloudinary::{ImageFormat, ResolvedTransformation, Transformation};

pub(crate) use memory::decode_memory_bytes;
pub(crate) use sample::plan_sample;
pub use window::Window;

use crate::{Facts, Limits, Orientation, PlanError};
use planner::Planner;

/// What [`render`](crate::render) does to one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The steps, in the order they happen; the first is [`Step::Decode`].
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
    /// Convert to sRGB: red, green, blue, and alpha if there is any.
    ConvertColour,
    /// Cut the corners off.
    Round(CornerRadii),
    /// Put the picture on a background; an opaque background leaves it opaque.
    Flatten(Color),
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
/// Components apply left to right, each to the result of the one before; inside one the order is resize, corners,
/// background. `dpr_` and `q_` count for the whole result, the last one wins.
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
    let components = &transformation.components;
    let quality = components.iter().rev().find_map(|component| component.quality);
    plan_components(components, (format, quality), facts, limits)
}

/// The same for a transformation whose format and quality have been taken out and decided.
///
/// # Errors
///
/// As [`plan`].
pub fn plan_resolved(resolved: &ResolvedTransformation, facts: &Facts, limits: &Limits) -> Result<Plan, PlanError> {
    plan_components(&resolved.components, (resolved.format, resolved.quality), facts, limits)
}

fn plan_components(
    components: &[Component],
    (format, quality): (ImageFormat, Option<Quality>),
    facts: &Facts,
    limits: &Limits,
) -> Result<Plan, PlanError> {
    if matches!(format, ImageFormat::Bmp | ImageFormat::Tiff | ImageFormat::Ico) {
        return Err(PlanError::UnsupportedFormat { format });
    }
    let dpr = checked_dpr(components.iter().rev().find_map(|component| component.dpr))?;
    let mut planner = Planner::new(facts, format, limits);
    for component in components {
        planner.apply(component, dpr)?;
    }
    let ((width, height), steps) = planner.finish()?;
    Ok(Plan {
        steps,
        format,
        quality: quality::encoder_quality(quality, format),
        width,
        height,
        source: *facts,
    })
}

/// `dpr_` must be a number that makes sense; 1.0 when it is not there.
fn checked_dpr(dpr: Option<f64>) -> Result<f64, PlanError> {
    let dpr = dpr.unwrap_or(1.0);
    if dpr > 0.0 && dpr <= 100.0 {
        Ok(dpr)
    } else {
        Err(PlanError::InvalidNumber {
            name: "dpr",
            value: dpr,
        })
    }
}
