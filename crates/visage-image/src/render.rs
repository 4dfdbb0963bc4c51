//! Decode, follow a plan, encode.

use visage_cloudinary::ImageFormat;

use crate::decode::decode;
use crate::encode::{EncodeOptions, encode};
use crate::pixels::Pixels;
use crate::{ImageError, Limits, Plan, Step, colour, corners, icc, resize, turn};

/// A picture made from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The encoded file, without metadata.
    pub bytes: Vec<u8>,
    /// What the bytes are.
    pub format: ImageFormat,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Makes the picture that `plan` describes from the file it was planned for.
///
/// `cancelled` is asked between steps; a codec at work is not interrupted.
///
/// # Errors
///
/// When the source does not decode, memory would pass its limit, or `cancelled` says so.
pub fn render(
    bytes: &[u8],
    plan: &Plan,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Rendered, ImageError> {
    let pixels = render_pixels(bytes, plan, limits, cancelled)?;
    stop_if(cancelled)?;
    let encoded = encode(&pixels, plan.format, EncodeOptions::with_quality(plan.quality), limits)?;
    Ok(Rendered {
        bytes: encoded,
        format: plan.format,
        width: pixels.width,
        height: pixels.height,
    })
}

/// The same without encoding.
pub(crate) fn render_pixels(
    bytes: &[u8],
    plan: &Plan,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Pixels, ImageError> {
    let needed_bytes = plan.memory_bytes(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    if needed_bytes > limits.render_memory_bytes {
        return Err(ImageError::TooMuchMemory {
            needed_bytes,
            max_bytes: limits.render_memory_bytes,
        });
    }
    let (first, rest) = plan.steps.split_first().unwrap_or((&Step::Decode { scale: 1 }, &[]));
    let scale = if let Step::Decode { scale } = first { *scale } else { 1 };
    stop_if(cancelled)?;
    let pixels = decode(bytes, &plan.source, scale, limits)?;
    follow_all(rest, pixels, scale, (bytes, plan), (limits, cancelled))
}

/// The steps after the first, for pixels that were decoded at 1/`scale`.
pub(crate) fn follow_all(
    steps: &[Step],
    mut pixels: Pixels,
    scale: u8,
    (bytes, plan): (&[u8], &Plan),
    (limits, cancelled): (&Limits, &dyn Fn() -> bool),
) -> Result<Pixels, ImageError> {
    let mut divisor = f64::from(scale.max(1));
    for step in steps {
        stop_if(cancelled)?;
        pixels = follow(step, pixels, divisor, (bytes, plan), limits)?;
        divisor = 1.0;
    }
    Ok(pixels)
}

/// One step; `divisor` is by how much smaller than planned the pixels were decoded.
fn follow(
    step: &Step,
    pixels: Pixels,
    divisor: f64,
    (bytes, plan): (&[u8], &Plan),
    limits: &Limits,
) -> Result<Pixels, ImageError> {
    match *step {
        Step::Decode { .. } => Ok(pixels),
        Step::Orient(orientation) => turn::upright(pixels, orientation, limits),
        Step::Resize { window, width, height } => {
            resize::resize(&pixels, window.divided(divisor), width, height, limits)
        }
        Step::ConvertColour => {
            let colour = icc::colour_of(plan.source.format, bytes, pixels.layout);
            colour::to_srgb(pixels, &colour, limits)
        }
        Step::Round(radii) => corners::round(pixels, radii, limits),
        Step::Flatten(background) => Ok(corners::flatten(pixels, background)),
    }
}

pub(crate) fn stop_if(cancelled: &dyn Fn() -> bool) -> Result<(), ImageError> {
    if cancelled() {
        Err(ImageError::Cancelled)
    } else {
        Ok(())
    }
}
