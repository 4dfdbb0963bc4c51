//! Sharpening: what a blur takes away is added once more.

use super::blur::blur;
use crate::pixels::Pixels;
use crate::{ImageError, Limits};

/// `c + level / 100 · (c - blurred)` with a blur of 1 pixel: fine detail.
pub(super) fn sharpen(
    pixels: Pixels,
    level: i32,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Pixels, ImageError> {
    enhance(pixels, level, 1.0, limits, cancelled)
}

/// The same with a blur of 3 pixels: local contrast as well.
pub(super) fn unsharp_mask(
    pixels: Pixels,
    level: i32,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Pixels, ImageError> {
    enhance(pixels, level, 3.0, limits, cancelled)
}

fn enhance(
    mut pixels: Pixels,
    level: i32,
    sigma: f64,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Pixels, ImageError> {
    let mut copy = Pixels::zeroed(pixels.width, pixels.height, pixels.layout, limits)?;
    copy.data.copy_from_slice(&pixels.data);
    let blurred = blur(copy, sigma, limits, cancelled)?;
    let channels = pixels.layout.channels();
    let pairs = pixels
        .data
        .chunks_exact_mut(channels)
        .zip(blurred.data.chunks_exact(channels));
    for (pixel, blurred) in pairs {
        for (level_here, mean) in pixel.iter_mut().zip(blurred).take(3) {
            let here = i32::from(*level_here);
            let detail = (here - i32::from(*mean)) * level;
            *level_here = (here + (detail + detail.signum() * 50) / 100).clamp(0, 255) as u8;
        }
    }
    Ok(pixels)
}
