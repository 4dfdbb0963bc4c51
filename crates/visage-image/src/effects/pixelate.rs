//! Squares of one colour.

use super::map::{premultiply, unpremultiply};
use crate::pixels::{Pixels, usize_from};

/// Every square of `size` pixels becomes its mean; 0 is a twentieth of the longer side, at least 2.
pub(super) fn pixelate(mut pixels: Pixels, size: i32) -> Pixels {
    let automatic = (pixels.width.max(pixels.height) / 20).max(2);
    let size = usize_from(u32::try_from(size).ok().filter(|size| *size > 0).unwrap_or(automatic));
    premultiply(&mut pixels);
    let (row_bytes, channels) = (pixels.row_bytes(), pixels.layout.channels());
    for band in pixels.data.chunks_mut(row_bytes.saturating_mul(size)) {
        let mut left = 0;
        while left < row_bytes {
            let right = left.saturating_add(size * channels).min(row_bytes);
            average(band, (left, right), row_bytes, channels);
            left = right;
        }
    }
    unpremultiply(&mut pixels);
    pixels
}

/// The part of each row of `band` between two places becomes its mean.
fn average(band: &mut [u8], (left, right): (usize, usize), row_bytes: usize, channels: usize) {
    let mut sums = [0_u64; 4];
    let mut count = 0_u64;
    for row in band.chunks_exact(row_bytes) {
        for pixel in row[left..right].chunks_exact(channels) {
            count += 1;
            for (sum, level) in sums.iter_mut().zip(pixel) {
                *sum += u64::from(*level);
            }
        }
    }
    let mean = sums.map(|sum| ((sum + count / 2) / count.max(1)) as u8);
    for row in band.chunks_exact_mut(row_bytes) {
        for pixel in row[left..right].chunks_exact_mut(channels) {
            pixel.copy_from_slice(&mean[..channels]);
        }
    }
}
