//! Animations: the same plan for each frame.

use visage_cloudinary::ImageFormat;

use crate::decode::animation::Animation;
use crate::decode::decode_frame;
use crate::encode::animation::AnimationWriter;
use crate::encode::{EncodeOptions, encode};
use crate::pixels::Pixels;
use crate::render::{follow_all, stop_if};
use crate::{ImageError, Limits, Plan, Rendered};

/// All frames of a result may hold this many times the pixels of one picture.
const MADE_PIXELS_FACTOR: u64 = 5;

/// How many canvases are in memory at once: the decoder's, its copy, and the writer's three.
const CANVASES: u64 = 5;

/// Makes the animation that `plan` describes: an animated GIF, WebP or PNG becomes an animated GIF or WebP.
///
/// Delays and the number of plays stay. `cancelled` is asked before each frame and each step.
///
/// # Errors
///
/// As [`render`](crate::render); also when the format of the result is not animated, or all frames together would be
/// more than the limits allow.
pub fn render_animation(
    bytes: &[u8],
    plan: &Plan,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Rendered, ImageError> {
    let steps = plan.steps.get(1..).unwrap_or_default();
    render_each(bytes, plan, limits, cancelled, |pixels| {
        follow_all(steps, pixels, 1, (bytes, plan), (limits, cancelled))
    })
}

/// Makes a still picture of one frame of an animation; `index` counts from 0.
///
/// # Errors
///
/// As [`render`](crate::render); also when there is no such frame.
pub fn render_frame(
    bytes: &[u8],
    index: u32,
    plan: &Plan,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Rendered, ImageError> {
    check_memory(bytes, plan, 2, limits)?;
    stop_if(cancelled)?;
    let pixels = decode_frame(bytes, &plan.source, index, limits)?;
    let steps = plan.steps.get(1..).unwrap_or_default();
    let pixels = follow_all(steps, pixels, 1, (bytes, plan), (limits, cancelled))?;
    stop_if(cancelled)?;
    let encoded = encode(&pixels, plan.format, EncodeOptions::with_quality(plan.quality), limits)?;
    Ok(Rendered {
        bytes: encoded,
        format: plan.format,
        width: pixels.width,
        height: pixels.height,
    })
}

/// The same with `per_frame` instead of the plan's steps; of the plan, source, format and quality count.
pub(crate) fn render_each(
    bytes: &[u8],
    plan: &Plan,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
    mut per_frame: impl FnMut(Pixels) -> Result<Pixels, ImageError>,
) -> Result<Rendered, ImageError> {
    if !matches!(plan.format, ImageFormat::Gif | ImageFormat::Webp) {
        return Err(ImageError::Encode {
            format: plan.format,
            reason: "this format is not animated".to_owned(),
        });
    }
    check_memory(bytes, plan, CANVASES, limits)?;
    let mut animation = Animation::open(bytes, &plan.source, limits)?;
    let mut writer: Option<AnimationWriter> = None;
    let (mut size, mut made_pixels, mut frames) = ((0, 0), 0_u64, 0_u32);
    while let Some(delay_ms) = animation.advance(limits)? {
        stop_if(cancelled)?;
        let frame = per_frame(animation.picture()?)?;
        size = (frame.width, frame.height);
        made_pixels = made_pixels.saturating_add(u64::from(size.0) * u64::from(size.1));
        if made_pixels > limits.output_pixels.saturating_mul(MADE_PIXELS_FACTOR) {
            return Err(ImageError::TooManyFrames { max_frames: frames });
        }
        frames += 1;
        if writer.is_none() {
            let options = EncodeOptions::with_quality(plan.quality);
            let begun = AnimationWriter::new(plan.format, size, animation.plays(), options, limits)?;
            writer = Some(begun);
        }
        if let Some(writer) = &mut writer {
            writer.add(&frame, delay_ms, limits)?;
        }
    }
    stop_if(cancelled)?;
    let writer = writer.ok_or_else(|| ImageError::damaged("it holds no picture"))?;
    Ok(Rendered {
        bytes: writer.finish()?,
        format: plan.format,
        width: size.0,
        height: size.1,
    })
}

fn check_memory(bytes: &[u8], plan: &Plan, canvases: u64, limits: &Limits) -> Result<(), ImageError> {
    let pixels = plan.source.pixels().max(u64::from(plan.width) * u64::from(plan.height));
    let needed_bytes = plan
        .memory_bytes(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
        .saturating_add(pixels.saturating_mul(4).saturating_mul(canvases));
    if needed_bytes > limits.render_memory_bytes {
        return Err(ImageError::TooMuchMemory {
            needed_bytes,
            max_bytes: limits.render_memory_bytes,
        });
    }
    Ok(())
}
