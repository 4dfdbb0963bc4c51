//! Effects that put other colours in the place of those of the picture.

use visage_cloudinary::transformation::Color;

use super::auto::equalised;
use super::map::{byte_of, each, luma, mix_colours, smooth_step, visible, weight, with_alpha};
use crate::pixels::{Layout, Pixels};
use crate::{ImageError, Limits};

/// `co_` of `colorize` where it is not given.
const GRAY: [u8; 3] = [128; 3];

/// The colour over the picture, `level` percent of it; gray by default.
pub(super) fn colorize(pixels: Pixels, level: i32, color: Option<Color>) -> Pixels {
    let weight = weight(level);
    let over = color.map_or(GRAY, rgb);
    each(pixels, |colour| mix_colours(colour, over, weight))
}

/// Luma is looked up in a row of colours that begins with black, ends with white, and has each given colour at its
/// place; `amount` percent of that is mixed in. Equalising spreads the luma evenly before.
pub(super) fn tint(pixels: Pixels, equalizes: bool, amount: u8, colors: &[(Color, u8)]) -> Pixels {
    let mut stops = vec![(0.0, [0; 3])];
    stops.extend(
        colors
            .iter()
            .map(|(color, place)| (f32::from(*place) * 2.55, rgb(*color))),
    );
    stops.push((255.0, [255; 3]));
    stops.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let mut row = [[0; 3]; 256];
    for (level, entry) in (0_u8..=255).zip(&mut row) {
        *entry = between(&stops, f32::from(level));
    }
    let even = equalizes.then(|| equalised(&pixels));
    let weight = weight(i32::from(amount));
    each(pixels, |colour| {
        let level = usize::from(luma(colour));
        let level = even.as_ref().map_or(level, |even| usize::from(even[level]));
        mix_colours(colour, row[level], weight)
    })
}

fn between(stops: &[(f32, [u8; 3])], place: f32) -> [u8; 3] {
    let after = stops.iter().position(|(at, _)| *at >= place).unwrap_or(stops.len() - 1);
    let ((from, before), (to, next)) = (stops[after.saturating_sub(1)], stops[after]);
    let part = if to > from { (place - from) / (to - from) } else { 1.0 };
    mix_colours(before, next, byte_of(part.clamp(0.0, 1.0) * 255.0))
}

/// Red, green, blue (and alpha, for a matrix of 16) as a column, times the matrix; levels count from 0 to 1.
pub(super) fn matrix(mut pixels: Pixels, matrix: &[f64]) -> Pixels {
    let side = if matrix.len() >= 16 { 4 } else { 3 };
    let rows: Vec<Vec<f32>> = matrix
        .chunks_exact(side)
        .map(|row| row.iter().map(|factor| *factor as f32).collect())
        .collect();
    let channels = pixels.layout.channels();
    for pixel in pixels.data.chunks_exact_mut(channels) {
        let alpha = if channels == 4 { pixel[3] } else { 255 };
        let column = [pixel[0], pixel[1], pixel[2], alpha].map(f32::from);
        for (level, row) in pixel.iter_mut().zip(&rows) {
            *level = byte_of(row.iter().zip(column).map(|(factor, level)| factor * level).sum());
        }
    }
    pixels
}

/// Colours near `from` move as far as `from` is from `to`, so that light and shade stay. Near is a distance in RGB of
/// at most `tolerance` percent of the largest; the last third of it fades out. Without `from` it is the commonest.
pub(super) fn replace(pixels: Pixels, to: Color, tolerance: u8, from: Option<Color>) -> Pixels {
    let from = from.map_or_else(|| commonest(&pixels), rgb);
    let to = rgb(to);
    let reach = f32::from(tolerance) / 100.0;
    each(pixels, |colour| {
        let weight = 1.0 - smooth_step(reach * 2.0 / 3.0, reach, distance(colour, from));
        if weight <= 0.0 {
            return colour;
        }
        [0, 1, 2].map(|channel| {
            let shift = f32::from(to[channel]) - f32::from(from[channel]);
            byte_of(f32::from(colour[channel]) + shift * weight)
        })
    })
}

/// The mean of the fullest of 4096 boxes in RGB.
fn commonest(pixels: &Pixels) -> [u8; 3] {
    let mut boxes = vec![(0_u64, [0_u64; 3]); 4096];
    visible(pixels, |colour| {
        let place = colour
            .iter()
            .fold(0, |place, level| place * 16 + usize::from(level >> 4));
        let (count, sums) = &mut boxes[place];
        *count += 1;
        for (sum, level) in sums.iter_mut().zip(colour) {
            *sum += u64::from(level);
        }
    });
    let fullest = boxes.iter().rev().max_by_key(|(count, _)| *count);
    fullest.map_or([0; 3], |(count, sums)| sums.map(|sum| (sum / (*count).max(1)) as u8))
}

/// Pixels near the colour (without one, near that of the top left pixel) become transparent: within `level` percent of
/// the largest distance in RGB wholly, fading in over another quarter of it.
pub(super) fn make_transparent(
    pixels: Pixels,
    level: i32,
    color: Option<Color>,
    limits: &Limits,
) -> Result<Pixels, ImageError> {
    let mut pixels = with_alpha(pixels, limits)?;
    let corner = pixels.data.first_chunk::<3>().copied().unwrap_or_default();
    let from = color.map_or(corner, rgb);
    let reach = level as f32 / 100.0;
    for pixel in pixels.data.as_chunks_mut::<4>().0 {
        let seen = smooth_step(
            reach,
            reach * 1.25 + 0.001,
            distance([pixel[0], pixel[1], pixel[2]], from),
        );
        pixel[3] = byte_of(f32::from(pixel[3]) * seen);
    }
    debug_assert_eq!(pixels.layout, Layout::Rgba);
    Ok(pixels)
}

/// Euclidean, 1 from black to white.
pub(crate) fn distance(one: [u8; 3], other: [u8; 3]) -> f32 {
    let sum: u32 = one
        .iter()
        .zip(other)
        .map(|(one, other)| u32::from(one.abs_diff(other)).pow(2))
        .sum();
    (sum as f32 / (3.0 * 255.0 * 255.0)).sqrt()
}

/// Without alpha.
pub(crate) fn rgb(color: Color) -> [u8; 3] {
    [color.red, color.green, color.blue]
}
