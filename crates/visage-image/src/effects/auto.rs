//! Effects that look at the whole picture first.

use super::colour::vibrance;
use super::map::{byte, each, luma, table, visible};
use super::tone::{sigmoid, spread};
use crate::pixels::Pixels;

/// This many of a thousand pixels may be cut off at each end.
const CUT_PER_MILLE: u64 = 5;
/// A picture whose tones lie closer together than this is not spread further: it would only show noise.
const LEAST_RANGE: u8 = 48;
/// The mean brightness that `auto_brightness` aims at.
const MIDDLE: f64 = 0.46;

/// How often each level occurs in red, green, blue, and brightness.
struct Histogram {
    counts: [[u64; 256]; 4],
}

impl Histogram {
    fn of(pixels: &Pixels) -> Self {
        let mut counts = [[0; 256]; 4];
        visible(pixels, |colour| {
            let [red, green, blue] = colour;
            for (counts, level) in counts.iter_mut().zip([red, green, blue, luma(colour)]) {
                counts[usize::from(level)] += 1;
            }
        });
        Self { counts }
    }

    /// Where the tones of a channel begin and end, but for the cut.
    fn range(&self, channel: usize) -> (u8, u8) {
        let counts = &self.counts[channel];
        let cut = counts.iter().sum::<u64>() * CUT_PER_MILLE / 1000;
        let low = end(counts, cut, 0..=255).unwrap_or(0);
        let high = end(counts, cut, (0..=255).rev()).unwrap_or(255);
        let missing = LEAST_RANGE.saturating_sub(high.saturating_sub(low));
        let low = low.saturating_sub(missing / 2 + missing % 2);
        (low, high.saturating_add(missing / 2).max(low.saturating_add(1)))
    }

    /// The mean brightness, 0 to 1.
    fn mean(&self) -> f64 {
        let (mut sum, mut count) = (0, 0);
        for (level, times) in (0_u64..).zip(self.counts[3]) {
            sum += level * times;
            count += times;
        }
        sum as f64 / (count.max(1) * 255) as f64
    }
}

/// The first level by which more than `cut` pixels have been seen.
fn end(counts: &[u64; 256], cut: u64, mut levels: impl Iterator<Item = u8>) -> Option<u8> {
    let mut seen = 0;
    levels.find(|level| {
        seen += counts[usize::from(*level)];
        seen > cut
    })
}

/// The same stretch for all channels: the darkest and brightest half percent become black and white.
pub(super) fn contrast(pixels: Pixels, blend: i32) -> Pixels {
    let (low, high) = Histogram::of(&pixels).range(3);
    let table = spread(low, high, blend);
    each(pixels, |colour| colour.map(|level| table[usize::from(level)]))
}

/// A stretch for each channel, which takes a cast of colour out.
pub(super) fn color(pixels: Pixels, blend: i32) -> Pixels {
    let histogram = Histogram::of(&pixels);
    let tables = [0, 1, 2].map(|channel| {
        let (low, high) = histogram.range(channel);
        spread(low, high, blend)
    });
    each(pixels, |colour| {
        [0, 1, 2].map(|channel| tables[channel][usize::from(colour[channel])])
    })
}

/// `v^g` with `g = ln 0.46 / ln mean`, at most a factor of two either way: the mean comes to lie near the middle.
pub(super) fn brightness(pixels: Pixels, blend: i32) -> Pixels {
    let mean = Histogram::of(&pixels).mean().clamp(0.01, 0.99);
    let exponent = (MIDDLE.ln() / mean.ln()).clamp(0.5, 2.0);
    let part = f64::from(blend) / 100.0;
    table(pixels, |value| value + (value.powf(exponent) - value) * part)
}

/// A stretch of tones by half, a light S-curve (steepness 2, indoors after brightening by half of `auto_brightness`),
/// and vibrance 20; all times `blend`.
pub(super) fn improve(pixels: Pixels, is_indoor: bool, blend: u8) -> Pixels {
    let blend = i32::from(blend);
    let pixels = contrast(pixels, blend / 2);
    let pixels = if is_indoor {
        brightness(pixels, blend / 2)
    } else {
        pixels
    };
    let part = f64::from(blend) / 100.0;
    let pixels = table(pixels, |value| value + (sigmoid(value, 2.0, false) - value) * part);
    vibrance(pixels, blend / 5)
}

/// For each brightness the part of the picture that is darker, as a level: spreads tones evenly.
pub(super) fn equalised(pixels: &Pixels) -> [u8; 256] {
    let counts = Histogram::of(pixels).counts[3];
    let total = counts.iter().sum::<u64>().max(1) as f64;
    let (mut table, mut below) = ([0; 256], 0_u64);
    for (entry, count) in table.iter_mut().zip(counts) {
        *entry = byte((below as f64 + count as f64 / 2.0) / total * 255.0);
        below += count;
    }
    table
}
