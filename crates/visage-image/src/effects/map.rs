//! What effects on single pixels share.

use crate::pixels::{Layout, Pixels};
use crate::{ImageError, Limits};

/// Changes every colour, whatever its alpha.
pub(super) fn each(mut pixels: Pixels, change: impl Fn([u8; 3]) -> [u8; 3]) -> Pixels {
    if pixels.layout == Layout::Rgba {
        for pixel in pixels.data.as_chunks_mut::<4>().0 {
            let [red, green, blue] = change([pixel[0], pixel[1], pixel[2]]);
            *pixel = [red, green, blue, pixel[3]];
        }
    } else {
        for pixel in pixels.data.as_chunks_mut::<3>().0 {
            *pixel = change(*pixel);
        }
    }
    pixels
}

/// Changes every colour by where it is.
pub(super) fn each_at(mut pixels: Pixels, change: impl Fn([u8; 3], u32, u32) -> [u8; 3]) -> Pixels {
    let (row_bytes, channels) = (pixels.row_bytes(), pixels.layout.channels());
    for (y, row) in (0_u32..).zip(pixels.data.chunks_exact_mut(row_bytes)) {
        for (x, pixel) in (0_u32..).zip(row.chunks_exact_mut(channels)) {
            let changed = change([pixel[0], pixel[1], pixel[2]], x, y);
            pixel[..3].copy_from_slice(&changed);
        }
    }
    pixels
}

/// Looks at every colour that is not wholly transparent.
pub(super) fn visible(pixels: &Pixels, mut look: impl FnMut([u8; 3])) {
    let has_alpha = pixels.layout.has_alpha();
    for pixel in pixels.data.chunks_exact(pixels.layout.channels()) {
        if !has_alpha || pixel[3] > 0 {
            look([pixel[0], pixel[1], pixel[2]]);
        }
    }
}

/// The same table for all three channels.
pub(super) fn table(pixels: Pixels, of: impl Fn(f64) -> f64) -> Pixels {
    let table = table_of(of);
    each(pixels, |colour| colour.map(|level| table[usize::from(level)]))
}

/// 256 results of a curve over 0 to 1.
pub(super) fn table_of(of: impl Fn(f64) -> f64) -> [u8; 256] {
    let mut table = [0; 256];
    for (level, entry) in (0_u8..=255).zip(&mut table) {
        *entry = byte(of(f64::from(level) / 255.0) * 255.0);
    }
    table
}

/// Rec. 601: 0.299 R + 0.587 G + 0.114 B, in 256ths.
pub(super) fn luma([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 77 + u32::from(green) * 150 + u32::from(blue) * 29 + 128) >> 8) as u8
}

/// Rounded and clamped.
pub(super) fn byte(value: f64) -> u8 {
    (value + 0.5).clamp(0.0, 255.0) as u8
}

/// Rounded and clamped.
pub(super) fn byte_of(value: f32) -> u8 {
    (value + 0.5).clamp(0.0, 255.0) as u8
}

/// `from` at 0, `to` at 255, rounded.
pub(super) fn mix(from: u8, to: u8, weight: u8) -> u8 {
    let weight = u32::from(weight);
    ((u32::from(from) * (255 - weight) + u32::from(to) * weight + 127) / 255) as u8
}

/// [`mix`] for colours.
pub(super) fn mix_colours(from: [u8; 3], to: [u8; 3], weight: u8) -> [u8; 3] {
    [0, 1, 2].map(|channel| mix(from[channel], to[channel], weight))
}

/// 0 to 100 as 0 to 255.
pub(super) fn weight(percent: i32) -> u8 {
    byte(f64::from(percent) * 2.55)
}

/// 0 at and below `from`, 1 at and above `to`, `t² (3 - 2 t)` between.
pub(super) fn smooth_step(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from).max(f32::EPSILON)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The pixels with an alpha channel.
pub(crate) fn with_alpha(source: Pixels, limits: &Limits) -> Result<Pixels, ImageError> {
    if source.layout == Layout::Rgba {
        return Ok(source);
    }
    let mut pixels = Pixels::zeroed(source.width, source.height, Layout::Rgba, limits)?;
    let from = source.data.as_chunks::<3>().0;
    for (to, [red, green, blue]) in pixels.data.as_chunks_mut::<4>().0.iter_mut().zip(from) {
        *to = [*red, *green, *blue, 255];
    }
    Ok(pixels)
}

/// Colours times alpha.
pub(crate) fn premultiply(pixels: &mut Pixels) {
    if pixels.layout == Layout::Rgba {
        for pixel in pixels.data.as_chunks_mut::<4>().0 {
            let alpha = u32::from(pixel[3]);
            for level in &mut pixel[..3] {
                *level = ((u32::from(*level) * alpha + 127) / 255) as u8;
            }
        }
    }
}

/// Colours divided by alpha.
pub(crate) fn unpremultiply(pixels: &mut Pixels) {
    if pixels.layout == Layout::Rgba {
        for pixel in pixels.data.as_chunks_mut::<4>().0 {
            let alpha = u32::from(pixel[3]);
            for level in &mut pixel[..3] {
                let divided = (u32::from(*level) * 255 + alpha / 2).checked_div(alpha);
                *level = divided.unwrap_or(0).min(255) as u8;
            }
        }
    }
}
