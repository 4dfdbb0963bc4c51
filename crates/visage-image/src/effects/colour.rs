//! Effects on single colours.

use super::map::{byte_of, each, luma, mix_colours, weight};
use crate::pixels::{Layout, Pixels};

/// Rec. 601 luma in all three channels.
pub(super) fn grayscale(pixels: Pixels) -> Pixels {
    each(pixels, |colour| [luma(colour); 3])
}

/// The usual matrix of sepia, mixed in by `level` percent.
pub(super) fn sepia(pixels: Pixels, level: i32) -> Pixels {
    const MATRIX: [[u32; 3]; 3] = [[393, 769, 189], [349, 686, 168], [272, 534, 131]];
    let weight = weight(level);
    each(pixels, |colour| {
        let brown = MATRIX.map(|row| {
            let sum: u32 = row
                .iter()
                .zip(colour)
                .map(|(factor, level)| factor * u32::from(level))
                .sum();
            ((sum + 500) / 1000).min(255) as u8
        });
        mix_colours(colour, brown, weight)
    })
}

/// White where the luma is at least `level` percent, else black.
pub(super) fn blackwhite(pixels: Pixels, level: i32) -> Pixels {
    let least = weight(level);
    each(pixels, |colour| if luma(colour) >= least { [255; 3] } else { [0; 3] })
}

/// HSL saturation times `1 + level / 100`, at most 1. Hue and lightness stay: every channel moves away from
/// `L = (max + min) / 2` by the same factor.
pub(super) fn saturation(pixels: Pixels, level: i32) -> Pixels {
    let factor = 1.0 + level as f32 / 100.0;
    each(pixels, |colour| saturated(colour, factor))
}

fn saturated(colour: [u8; 3], factor: f32) -> [u8; 3] {
    let most = f32::from(colour.into_iter().max().unwrap_or(0));
    let least = f32::from(colour.into_iter().min().unwrap_or(0));
    let chroma = most - least;
    if chroma < 1.0 {
        return colour;
    }
    let lightness = f32::midpoint(most, least);
    let room = 255.0 - (2.0 * lightness - 255.0).abs();
    let factor = factor.min(room / chroma);
    colour.map(|level| byte_of(lightness + (f32::from(level) - lightness) * factor))
}

/// As [`saturation`], with a factor `1 + level / 100 · 1.5 (1 - C)²` of the chroma C: dull colours gain, vivid ones
/// hardly change.
pub(super) fn vibrance(pixels: Pixels, level: i32) -> Pixels {
    let amount = level as f32 / 100.0;
    each(pixels, |colour| {
        let most = colour.into_iter().max().unwrap_or(0);
        let least = colour.into_iter().min().unwrap_or(0);
        let dull = 1.0 - f32::from(most - least) / 255.0;
        saturated(colour, (1.0 + amount * 1.5 * dull * dull).max(0.0))
    })
}

/// HSL hue turned by `1.8 · level` degrees.
pub(super) fn hue(pixels: Pixels, level: i32) -> Pixels {
    let turn = level as f32 * 1.8 / 60.0;
    each(pixels, |colour| {
        let [red, green, blue] = colour.map(f32::from);
        let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
        let chroma = most - least;
        if chroma < 1.0 {
            return colour;
        }
        let sextant = if most <= red {
            (green - blue) / chroma
        } else if most <= green {
            (blue - red) / chroma + 2.0
        } else {
            (red - green) / chroma + 4.0
        };
        let turned = (sextant + turn).rem_euclid(6.0);
        // Each channel is a trapezoid over the circle, two sextants wide at the top, apart by two sextants.
        [0.0, 4.0, 2.0].map(|shift: f32| {
            let place = (turned + shift).rem_euclid(6.0);
            let part = ((place - 3.0).abs() - 1.0).clamp(0.0, 1.0);
            byte_of(least + chroma * part)
        })
    })
}

/// Alpha of at least `level` percent becomes full, any other none.
pub(super) fn opacity_threshold(mut pixels: Pixels, level: i32) -> Pixels {
    let least = weight(level);
    if pixels.layout == Layout::Rgba {
        for pixel in pixels.data.as_chunks_mut::<4>().0 {
            pixel[3] = if pixel[3] >= least { 255 } else { 0 };
        }
    }
    pixels
}
