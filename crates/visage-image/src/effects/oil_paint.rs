//! Strokes of a brush: every pixel becomes the mean of the commonest tone around it.

use super::map::luma;
use super::stop_if;
use crate::pixels::{Pixels, usize_from};
use crate::{ImageError, Limits};

/// Tones that are told apart.
const TONES: usize = 20;

/// `1 + level / 12`: 1 to 9 pixels.
pub(super) fn radius(level: i32) -> u32 {
    1 + u32::try_from(level).unwrap_or(0) / 12
}

/// Counts the tones of a square that moves along each row; only its new and its old column are looked at.
pub(super) fn oil_paint(
    pixels: &Pixels,
    level: i32,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Pixels, ImageError> {
    let mut painted = Pixels::zeroed(pixels.width, pixels.height, pixels.layout, limits)?;
    let radius = usize_from(radius(level));
    let (width, height) = (usize_from(pixels.width), usize_from(pixels.height));
    let channels = pixels.layout.channels();
    let row_bytes = pixels.row_bytes();
    for (y, row) in painted.data.chunks_exact_mut(row_bytes).enumerate() {
        if y % 16 == 0 {
            stop_if(cancelled)?;
        }
        let (top, bottom) = (y.saturating_sub(radius), (y + radius + 1).min(height));
        let band = &pixels.data[top * row_bytes..bottom * row_bytes];
        let column = |x: usize| {
            band.chunks_exact(row_bytes)
                .map(move |row| [row[x * channels], row[x * channels + 1], row[x * channels + 2]])
        };
        let mut tones = Tones::default();
        for x in 0..radius.min(width) {
            column(x).for_each(|colour| tones.add(colour));
        }
        for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
            if x + radius < width {
                column(x + radius).for_each(|colour| tones.add(colour));
            }
            if let Some(old) = x.checked_sub(radius + 1) {
                column(old).for_each(|colour| tones.remove(colour));
            }
            pixel[..3].copy_from_slice(&tones.commonest());
            if channels == 4 {
                pixel[3] = pixels.data[y * row_bytes + x * 4 + 3];
            }
        }
    }
    Ok(painted)
}

#[derive(Default)]
struct Tones {
    counts: [u32; TONES],
    sums: [[u32; 3]; TONES],
}

impl Tones {
    fn tone(colour: [u8; 3]) -> usize {
        usize::from(luma(colour)) * TONES / 256
    }

    fn add(&mut self, colour: [u8; 3]) {
        let tone = Self::tone(colour);
        self.counts[tone] += 1;
        for (sum, level) in self.sums[tone].iter_mut().zip(colour) {
            *sum += u32::from(level);
        }
    }

    fn remove(&mut self, colour: [u8; 3]) {
        let tone = Self::tone(colour);
        self.counts[tone] -= 1;
        for (sum, level) in self.sums[tone].iter_mut().zip(colour) {
            *sum -= u32::from(level);
        }
    }

    fn commonest(&self) -> [u8; 3] {
        let (mut most, mut tone) = (0, 0);
        for (place, count) in self.counts.iter().enumerate() {
            if *count > most {
                (most, tone) = (*count, place);
            }
        }
        let count = most.max(1);
        self.sums[tone].map(|sum| ((sum + count / 2) / count) as u8)
    }
}
