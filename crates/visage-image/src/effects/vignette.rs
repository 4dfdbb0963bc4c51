//! Darker towards the corners.

use super::map::{byte_of, each_at, smooth_step};
use crate::pixels::Pixels;

/// `c (1 - level / 100 · s(d))` with the distance `d` from the middle, 1 in the corners, and `s` a smooth step from 0.3
/// to 1.
pub(super) fn vignette(pixels: Pixels, level: i32) -> Pixels {
    let (across, down) = (pixels.width as f32 / 2.0, pixels.height as f32 / 2.0);
    let strength = level as f32 / 100.0;
    each_at(pixels, |colour, x, y| {
        let dx = (x as f32 + 0.5 - across) / across;
        let dy = (y as f32 + 0.5 - down) / down;
        let distance = f32::midpoint(dx * dx, dy * dy).sqrt();
        let factor = 1.0 - strength * smooth_step(0.3, 1.0, distance);
        colour.map(|level| byte_of(f32::from(level) * factor))
    })
}
