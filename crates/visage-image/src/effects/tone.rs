//! Effects on how bright things are: one curve, the same for every pixel.

use super::map::{byte, byte_of, each, luma, table, table_of};
use crate::pixels::Pixels;

/// `v = 255 - v`
pub(super) fn negate(pixels: Pixels) -> Pixels {
    each(pixels, |colour| colour.map(|level| 255 - level))
}

/// `v (1 + level / 100)`
pub(super) fn brightness(pixels: Pixels, level: i32) -> Pixels {
    let factor = 1.0 + f64::from(level) / 100.0;
    table(pixels, |value| value * factor)
}

/// The same, but a colour is never scaled beyond where its largest channel is full, which keeps its hue.
pub(super) fn brightness_hsb(pixels: Pixels, level: i32) -> Pixels {
    let factor = 1.0 + level as f32 / 100.0;
    each(pixels, |colour| {
        let most = f32::from(colour.into_iter().max().unwrap_or(0)).max(1.0);
        let factor = factor.min(255.0 / most);
        colour.map(|level| byte_of(f32::from(level) * factor))
    })
}

/// Linear: `0.5 + (v - 0.5)(1 + level / 100)`. Otherwise the logistic curve `s(v) = 1 / (1 + e^(-a (v - 0.5)))`, scaled
/// to pass through black and white, with `a = |level| / 10`; its inverse for a negative level.
pub(super) fn contrast(pixels: Pixels, level: i32, is_linear: bool) -> Pixels {
    if level == 0 {
        return pixels;
    }
    if is_linear {
        let slope = 1.0 + f64::from(level) / 100.0;
        return table(pixels, |value| 0.5 + (value - 0.5) * slope);
    }
    let steepness = f64::from(level.abs()) / 10.0;
    table(pixels, |value| sigmoid(value, steepness, level < 0))
}

/// The curve of [`contrast`].
pub(super) fn sigmoid(value: f64, steepness: f64, is_inverse: bool) -> f64 {
    let logistic = |value: f64| 1.0 / (1.0 + (-steepness * (value - 0.5)).exp());
    let (low, high) = (logistic(0.0), logistic(1.0));
    if is_inverse {
        let place = low + value * (high - low);
        0.5 + (place / (1.0 - place)).ln() / steepness
    } else {
        (logistic(value) - low) / (high - low)
    }
}

/// `v^(1 / (1 + level / 100))`: brighter above zero.
pub(super) fn gamma(pixels: Pixels, level: i32) -> Pixels {
    let exponent = 1.0 / (1.0 + f64::from(level) / 100.0);
    table(pixels, |value| value.powf(exponent))
}

/// `v (1 + level / 100)` for one channel.
pub(super) fn channel(pixels: Pixels, which: usize, level: i32) -> Pixels {
    let factor = 1.0 + f64::from(level) / 100.0;
    let table = table_of(|value| value * factor);
    each(pixels, |mut colour| {
        colour[which] = table[usize::from(colour[which])];
        colour
    })
}

/// `c (1 + blend / 100 · w(Y))` with `w(Y) = 1.5 (1 - Y)^k`, `k = 3 · 2^(-bias / 50)`: dark colours grow, bright ones
/// stay, and a larger bias reaches further up. As in [`brightness_hsb`] no channel is cut off.
pub(super) fn fill_light(pixels: Pixels, blend: u8, bias: i8) -> Pixels {
    let exponent = 3.0 * (-f64::from(bias) / 50.0).exp2();
    let mut gains = [1.0_f32; 256];
    for (level, gain) in (0_u8..=255).zip(&mut gains) {
        let dark = 1.0 - f64::from(level) / 255.0;
        *gain = (1.0 + f64::from(blend) / 100.0 * 1.5 * dark.powf(exponent)) as f32;
    }
    each(pixels, |colour| {
        let most = f32::from(colour.into_iter().max().unwrap_or(0)).max(1.0);
        let gain = gains[usize::from(luma(colour))].min(255.0 / most);
        colour.map(|level| byte_of(f32::from(level) * gain))
    })
}

/// A curve that spreads `low` to `high` over everything, mixed in by `percent`.
pub(super) fn spread(low: u8, high: u8, percent: i32) -> [u8; 256] {
    let (low, high) = (f64::from(low), f64::from(high));
    let part = f64::from(percent) / 100.0;
    let mut table = [0; 256];
    for (level, entry) in (0_u8..=255).zip(&mut table) {
        let level = f64::from(level);
        let spread = ((level - low) * 255.0 / (high - low).max(1.0)).clamp(0.0, 255.0);
        *entry = byte(level + (spread - level) * part);
    }
    table
}
