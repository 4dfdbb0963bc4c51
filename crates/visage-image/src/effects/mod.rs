//! Effects on pixels in sRGB: red, green, blue, and alpha if there is any.
//!
//! Cloudinary publishes names, ranges and defaults, but not the mathematics; every file here states the formula that
//! was chosen. Colour effects leave alpha alone, and whatever mixes neighbours works on premultiplied colours. The
//! same pixels give the same result on every machine up to a rounding of the last bit.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    reason = "levels are clamped to 0 to 255 before they are bytes again, and sizes have passed the limits"
)]

mod auto;
mod blur;
mod cartoonify;
mod colorblind;
mod colour;
mod dither;
mod fade;
#[cfg(test)]
mod golden;
mod map;
mod oil_paint;
mod outline;
mod pixelate;
mod recolor;
mod region;
pub(crate) mod sampler;
mod shadow;
mod sharpen;
mod tone;
mod vignette;
mod warp;

use visage_cloudinary::transformation::{Effect, LevelEffect};

use crate::pixels::Pixels;
use crate::plan::EffectStep;
use crate::{ImageError, Limits};

pub(crate) use map::with_alpha;

/// The pixels with the effect; their size is what [`output_size`] says.
///
/// # Errors
///
/// When memory would pass its limit, or `cancelled` says so.
pub(crate) fn apply(
    pixels: Pixels,
    step: &EffectStep,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Pixels, ImageError> {
    let size = (pixels.width, pixels.height);
    match &step.effect {
        Effect::Level(effect, level) => level_effect(pixels, *effect, *level, step, (limits, cancelled)),
        Effect::Contrast { level, is_linear } => Ok(tone::contrast(pixels, *level, *is_linear)),
        Effect::Improve { is_indoor, blend } => Ok(auto::improve(pixels, *is_indoor, *blend)),
        Effect::FillLight { blend, bias } => Ok(tone::fill_light(pixels, *blend, *bias)),
        Effect::Tint {
            equalizes,
            amount,
            colors,
        } => Ok(recolor::tint(pixels, *equalizes, *amount, colors)),
        Effect::Cartoonify { line, reduction } => cartoonify::cartoonify(pixels, *line, *reduction, limits, cancelled),
        Effect::Dropshadow {
            azimuth,
            elevation,
            spread,
        } => shadow::dropshadow(pixels, (*azimuth, *elevation, *spread), step.color, limits, cancelled),
        Effect::Outline { mode, width, blur } => {
            outline::outline(pixels, *mode, (*width, *blur), step.color, limits, cancelled)
        }
        Effect::GradientFade { mode, strength } => fade::gradient_fade(pixels, *mode, *strength, step, limits),
        Effect::ReplaceColor { to, tolerance, from } => Ok(recolor::replace(pixels, *to, *tolerance, *from)),
        Effect::Recolor(matrix) => Ok(recolor::matrix(pixels, matrix)),
        Effect::Shear(..) | Effect::Distort(_) | Effect::Arc(_) => {
            warp::warp(pixels, &step.effect, output_size(step, size), limits, cancelled)
        }
        Effect::Colorblind { assists, condition } => Ok(colorblind::apply(pixels, *assists, *condition)),
        // Trimming is a crop, blending belongs to layers: both are planned elsewhere.
        Effect::Trim { .. } | Effect::Blend(_) => Ok(pixels),
    }
}

fn level_effect(
    pixels: Pixels,
    effect: LevelEffect,
    level: i32,
    step: &EffectStep,
    (limits, cancelled): (&Limits, &dyn Fn() -> bool),
) -> Result<Pixels, ImageError> {
    Ok(match effect {
        LevelEffect::Grayscale => colour::grayscale(pixels),
        LevelEffect::Negate => tone::negate(pixels),
        LevelEffect::Sepia => colour::sepia(pixels, level),
        LevelEffect::Vignette => vignette::vignette(pixels, level),
        LevelEffect::Blur => blur::blur(pixels, blur::sigma(level), limits, cancelled)?,
        LevelEffect::BlurRegion | LevelEffect::BlurFaces => {
            let boxes = region::boxes(&pixels, effect, step);
            region::change(pixels, &boxes, limits, |part| {
                blur::blur(part, blur::sigma(level), limits, cancelled)
            })?
        }
        LevelEffect::Pixelate => pixelate::pixelate(pixels, level),
        LevelEffect::PixelateRegion | LevelEffect::PixelateFaces => {
            let boxes = region::boxes(&pixels, effect, step);
            region::change(pixels, &boxes, limits, |part| Ok(pixelate::pixelate(part, level)))?
        }
        LevelEffect::Brightness => tone::brightness(pixels, level),
        LevelEffect::BrightnessHsb => tone::brightness_hsb(pixels, level),
        LevelEffect::Saturation => colour::saturation(pixels, level),
        LevelEffect::Hue => colour::hue(pixels, level),
        LevelEffect::Gamma => tone::gamma(pixels, level),
        LevelEffect::Red => tone::channel(pixels, 0, level),
        LevelEffect::Green => tone::channel(pixels, 1, level),
        LevelEffect::Blue => tone::channel(pixels, 2, level),
        LevelEffect::Vibrance => colour::vibrance(pixels, level),
        LevelEffect::Sharpen => sharpen::sharpen(pixels, level, limits, cancelled)?,
        LevelEffect::UnsharpMask => sharpen::unsharp_mask(pixels, level, limits, cancelled)?,
        LevelEffect::AutoBrightness => auto::brightness(pixels, level),
        LevelEffect::AutoColor => auto::color(pixels, level),
        LevelEffect::AutoContrast => auto::contrast(pixels, level),
        LevelEffect::Blackwhite => colour::blackwhite(pixels, level),
        LevelEffect::Colorize => recolor::colorize(pixels, level, step.color),
        LevelEffect::OilPaint => oil_paint::oil_paint(&pixels, level, limits, cancelled)?,
        LevelEffect::Shadow => shadow::shadow(pixels, level, step, limits, cancelled)?,
        LevelEffect::MakeTransparent => recolor::make_transparent(pixels, level, step.color, limits)?,
        LevelEffect::OrderedDither => dither::ordered(pixels, level),
        LevelEffect::OpacityThreshold => colour::opacity_threshold(pixels, level),
        LevelEffect::Noise => dither::noise(pixels, level),
    })
}

/// The size of what [`apply`] makes of a picture of `size`.
pub(crate) fn output_size(step: &EffectStep, size: (u32, u32)) -> (u32, u32) {
    match &step.effect {
        Effect::Level(LevelEffect::Shadow, level) => shadow::canvas(*level, step, size).size(),
        Effect::Outline { mode, width, blur } => outline::canvas(*mode, (*width, *blur), size).size(),
        Effect::Shear(across, down) => warp::sheared_size(*across, *down, size),
        Effect::Distort(corners) => warp::distorted_size(corners),
        Effect::Arc(degrees) => warp::arc_size(*degrees, size),
        _ => size,
    }
}

/// Whether a picture without transparent parts may have some afterwards.
pub(crate) fn makes_alpha(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Level(LevelEffect::Shadow | LevelEffect::MakeTransparent, _)
            | Effect::Dropshadow { .. }
            | Effect::Outline { .. }
            | Effect::GradientFade { .. }
            | Effect::Shear(..)
            | Effect::Distort(_)
            | Effect::Arc(_)
    )
}

/// About how many nanoseconds a pixel of the larger of both sizes takes, measured on a photograph; a grayscale takes 3.
pub(crate) fn cost_per_pixel(step: &EffectStep, _size: (u32, u32)) -> u64 {
    match &step.effect {
        Effect::Level(effect, level) => match effect {
            LevelEffect::Blur | LevelEffect::BlurRegion | LevelEffect::BlurFaces => 30,
            LevelEffect::Sharpen | LevelEffect::UnsharpMask | LevelEffect::Shadow => 40,
            LevelEffect::OilPaint => painting(*level),
            LevelEffect::Hue | LevelEffect::Saturation | LevelEffect::Vibrance | LevelEffect::Vignette => 15,
            _ => 5,
        },
        Effect::Cartoonify { .. } => 100 + painting(cartoonify::PAINTING),
        Effect::Arc(_) => 100,
        Effect::Outline { .. } | Effect::Dropshadow { .. } => 60,
        Effect::Shear(..) | Effect::Distort(_) | Effect::Colorblind { .. } => 40,
        Effect::Tint { .. } | Effect::Recolor(_) | Effect::ReplaceColor { .. } | Effect::Improve { .. } => 15,
        Effect::FillLight { .. } | Effect::GradientFade { .. } | Effect::Contrast { .. } => 10,
        Effect::Trim { .. } | Effect::Blend(_) => 0,
    }
}

/// Bytes for each pixel of the larger of both sizes that are in use at once, at the most; 4 where the work is done in
/// place.
pub(crate) fn memory_per_pixel(effect: &Effect) -> u64 {
    match effect {
        Effect::Level(
            LevelEffect::Blur
            | LevelEffect::BlurRegion
            | LevelEffect::BlurFaces
            | LevelEffect::PixelateRegion
            | LevelEffect::PixelateFaces
            | LevelEffect::Sharpen
            | LevelEffect::UnsharpMask
            | LevelEffect::OilPaint
            | LevelEffect::MakeTransparent,
            _,
        )
        | Effect::GradientFade { .. }
        | Effect::Shear(..)
        | Effect::Distort(_)
        | Effect::Arc(_) => 12,
        Effect::Cartoonify { .. } => 14,
        Effect::Outline { .. } | Effect::Level(LevelEffect::Shadow, _) | Effect::Dropshadow { .. } => {
            outline::BYTES_PER_PIXEL
        }
        _ => 4,
    }
}

/// Two columns of the square for every pixel.
fn painting(level: i32) -> u64 {
    60 + u64::from(oil_paint::radius(level)) * 30
}

fn stop_if(cancelled: &dyn Fn() -> bool) -> Result<(), ImageError> {
    if cancelled() {
        Err(ImageError::Cancelled)
    } else {
        Ok(())
    }
}
