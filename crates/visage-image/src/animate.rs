//! Animations: the same plan for each frame.

use visage_cloudinary::ImageFormat;

use crate::context::RenderContext;
use crate::decode::animation::Animation;
use crate::encode::EncodeOptions;
use crate::encode::animation::AnimationWriter;
use crate::pixels::Pixels;
use crate::{ImageError, Plan, Rendered};

/// All frames of a result may hold this many times the pixels of one picture.
const MADE_PIXELS_FACTOR: u64 = 5;

/// How many canvases are in memory at once: the decoder's, its copy, and the writer's three.
pub(crate) const CANVASES: u64 = 5;

/// Makes an animation of all frames: each goes through `per_frame`. Of the plan, source, format, quality and delay count.
/// Delays stay unless the plan says another, and so does the number of plays.
///
/// # Errors
///
/// When the format of the result is not animated, or all frames together would be more than the limits allow.
pub(crate) fn render_each(
    bytes: &[u8],
    plan: &Plan,
    context: RenderContext<'_>,
    mut per_frame: impl FnMut(Pixels) -> Result<Pixels, ImageError>,
) -> Result<Rendered, ImageError> {
    if !matches!(plan.format, ImageFormat::Gif | ImageFormat::Webp) {
        return Err(ImageError::Encode {
            format: plan.format,
            reason: "this format is not animated".to_owned(),
        });
    }
    let limits = context.limits;
    let mut animation = Animation::open(bytes, &plan.source, context)?;
    let mut writer: Option<AnimationWriter> = None;
    let (mut size, mut made_pixels, mut frames) = ((0, 0), 0_u64, 0_u32);
    while let Some(delay_ms) = animation.advance()? {
        context.check()?;
        let frame = per_frame(animation.picture()?)?;
        size = (frame.width, frame.height);
        made_pixels = made_pixels.saturating_add(u64::from(size.0) * u64::from(size.1));
        if made_pixels > limits.output_pixels.saturating_mul(MADE_PIXELS_FACTOR) {
            return Err(ImageError::TooManyFrames { max_frames: frames });
        }
        frames += 1;
        if writer.is_none() {
            let options = EncodeOptions {
                lossless: plan.encoding.is_lossless,
                ..EncodeOptions::with_quality(plan.encoding.usual_quality(plan.format))
            };
            let begun = AnimationWriter::new(plan.format, size, animation.plays(), options, limits)?;
            writer = Some(begun);
        }
        if let Some(writer) = &mut writer {
            writer.add(&frame, plan.delay_ms.unwrap_or(delay_ms), limits)?;
        }
    }
    context.check()?;
    let writer = writer.ok_or_else(|| ImageError::damaged("it holds no picture"))?;
    Ok(Rendered {
        bytes: writer.finish()?,
        format: plan.format,
        width: size.0,
        height: size.1,
    })
}
