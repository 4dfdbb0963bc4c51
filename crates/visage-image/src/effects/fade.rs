//! Fading out towards an edge.

use visage_cloudinary::transformation::FadeMode;

use super::map::{byte_of, with_alpha};
use crate::pixels::Pixels;
use crate::plan::EffectStep;
use crate::{ImageError, Limits};

/// Alpha times `t^(strength / 20)`, where t runs from 0 at the edge to 1 at the depth given by `x` (from the left, a
/// negative one from the right) and `y` (from the top, from the bottom); half the height where neither is given. The
/// symmetric modes fade the opposite edge, too. `symmetric_pad` differs only where something is padded afterwards.
pub(super) fn gradient_fade(
    pixels: Pixels,
    mode: FadeMode,
    strength: u8,
    step: &EffectStep,
    limits: &Limits,
) -> Result<Pixels, ImageError> {
    let mut pixels = with_alpha(pixels, limits)?;
    let (width, height) = (pixels.width, pixels.height);
    let down = match (step.x, step.y) {
        (None, None) => Some(i64::from(height / 2)),
        (_, y) => y,
    };
    let is_symmetric = mode != FadeMode::Plain;
    let exponent = f32::from(strength) / 20.0;
    let columns = ramp(width, step.x, is_symmetric, exponent);
    let rows = ramp(height, down, is_symmetric, exponent);
    let row_bytes = pixels.row_bytes();
    for (row, down) in pixels.data.chunks_exact_mut(row_bytes).zip(rows) {
        for (pixel, across) in row.as_chunks_mut::<4>().0.iter_mut().zip(&columns) {
            pixel[3] = byte_of(f32::from(pixel[3]) * down * across);
        }
    }
    Ok(pixels)
}

/// What is left of each place of a side.
fn ramp(side: u32, depth: Option<i64>, is_symmetric: bool, exponent: f32) -> Vec<f32> {
    let depth = depth.unwrap_or(0);
    let reach = depth.unsigned_abs().min(u64::from(side)) as f32;
    let left = |from_edge: u32| {
        if reach < 1.0 {
            1.0
        } else {
            ((from_edge as f32 + 0.5) / reach).min(1.0).powf(exponent)
        }
    };
    (0..side)
        .map(|place| {
            let (start, end) = (left(place), left(side - 1 - place));
            if is_symmetric {
                start * end
            } else if depth < 0 {
                end
            } else {
                start
            }
        })
        .collect()
}
