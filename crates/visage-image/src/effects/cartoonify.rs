//! Few colours and dark lines.

use super::blur::{blur, blur_plane};
use super::map::{byte, each, luma, smooth_step};
use super::oil_paint::oil_paint;
use crate::pixels::{Pixels, usize_from};
use crate::{ImageError, Limits, buffer};

/// The `oil_paint` that smooths areas.
pub(super) const PAINTING: i32 = 24;

/// Areas are smoothed (as oil paint does, which keeps edges), brightness is cut to `2 + (100 - reduction) / 8` levels,
/// and dark lines are drawn where the slope of a lightly blurred luma is steep; more `line` draws gentler slopes. In
/// black and white the areas are white, or black where the picture is dark.
pub(super) fn cartoonify(
    pixels: Pixels,
    line: u8,
    reduction: Option<u8>,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Pixels, ImageError> {
    let size = (pixels.width, pixels.height);
    let mut tones = buffer::zeroed(u64::from(size.0) * u64::from(size.1), limits)?;
    for (tone, pixel) in tones.iter_mut().zip(pixels.data.chunks_exact(pixels.layout.channels())) {
        *tone = luma([pixel[0], pixel[1], pixel[2]]);
    }
    let tones = blur_plane(tones, size, 1.0, limits, cancelled)?;
    let painted = if let Some(reduction) = reduction {
        let painted = oil_paint(&pixels, PAINTING, limits, cancelled)?;
        let smooth = blur(painted, 0.6, limits, cancelled)?;
        posterised(smooth, reduction)
    } else {
        each(pixels, |colour| if luma(colour) >= 80 { [255; 3] } else { [0; 3] })
    };
    Ok(lined(painted, &tones, line))
}

fn posterised(pixels: Pixels, reduction: u8) -> Pixels {
    let steps = 2.0 + f64::from((100 - reduction.min(100)) / 8) - 1.0;
    let mut levels = [0; 256];
    for (level, entry) in (0_u8..=255).zip(&mut levels) {
        *entry = byte((f64::from(level) / 255.0 * steps).round() / steps * 255.0);
    }
    each(pixels, |colour| {
        let tone = luma(colour);
        let factor = f64::from(levels[usize::from(tone)]) / f64::from(tone.max(1));
        colour.map(|level| byte(f64::from(level) * factor))
    })
}

/// Darkens by the length of the gradient (central differences).
fn lined(mut pixels: Pixels, tones: &[u8], line: u8) -> Pixels {
    if line == 0 {
        return pixels;
    }
    let (width, height) = (usize_from(pixels.width), usize_from(pixels.height));
    let channels = pixels.layout.channels();
    let threshold = 60.0 - 0.5 * f32::from(line);
    for (place, pixel) in pixels.data.chunks_exact_mut(channels).enumerate() {
        let (x, y) = (place % width, place / width);
        let tone = |x: usize, y: usize| f32::from(tones[y.min(height - 1) * width + x.min(width - 1)]);
        let across = tone(x + 1, y) - tone(x.saturating_sub(1), y);
        let down = tone(x, y + 1) - tone(x, y.saturating_sub(1));
        let slope = across.hypot(down);
        let ink = smooth_step(threshold * 0.6, threshold, slope);
        for level in pixel.iter_mut().take(3) {
            *level = byte(f64::from(*level) * f64::from(1.0 - ink));
        }
    }
    pixels
}
