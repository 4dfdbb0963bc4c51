//! Blurring: three box blurs in a row, which come close to a Gaussian (W. Wells, 1986; P. Kovesi, 2010). What a pixel
//! costs does not depend on how strong the blur is.

use super::map::{premultiply, unpremultiply};
use super::stop_if;
use crate::pixels::{Pixels, usize_from};
use crate::{ImageError, Limits, buffer};

/// `strength / 20` pixels.
pub(super) fn sigma(strength: i32) -> f64 {
    f64::from(strength) / 20.0
}

/// Blurred with this standard deviation in pixels; beyond the edge the picture goes on as at its edge.
pub(super) fn blur(
    mut pixels: Pixels,
    sigma: f64,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Pixels, ImageError> {
    let radii = radii(sigma);
    if radii == [0; 3] {
        return Ok(pixels);
    }
    premultiply(&mut pixels);
    let mut other = buffer::zeroed(u64::try_from(pixels.data.len()).unwrap_or(u64::MAX), limits)?;
    for radius in radii.into_iter().filter(|radius| *radius > 0) {
        stop_if(cancelled)?;
        let row_bytes = pixels.row_bytes();
        match pixels.layout.channels() {
            1 => across::<1>(&pixels.data, &mut other, row_bytes, radius),
            2 => across::<2>(&pixels.data, &mut other, row_bytes, radius),
            3 => across::<3>(&pixels.data, &mut other, row_bytes, radius),
            _ => across::<4>(&pixels.data, &mut other, row_bytes, radius),
        }
        stop_if(cancelled)?;
        down(&other, &mut pixels.data, row_bytes, radius);
    }
    unpremultiply(&mut pixels);
    Ok(pixels)
}

/// Radii of three boxes whose variances add up to `sigma²`: widths are the odd numbers on both sides of
/// `sqrt(4 sigma² + 1)`, the narrower one as often as brings the sum nearest.
fn radii(sigma: f64) -> [usize; 3] {
    let variance = 12.0 * sigma * sigma;
    let mut lower = (variance / 3.0 + 1.0).sqrt().floor();
    if lower % 2.0 < 1.0 {
        lower -= 1.0;
    }
    let narrow = (variance - 3.0 * lower * lower - 12.0 * lower - 9.0) / (-4.0 * lower - 4.0);
    let narrow = narrow.round();
    let radius = (lower.max(1.0) as usize - 1) / 2;
    [0.0, 1.0, 2.0].map(|which| if which < narrow { radius } else { radius + 1 })
}

/// Division by the width of a box, as a multiplication.
#[derive(Clone, Copy)]
struct Mean {
    factor: u64,
}

impl Mean {
    fn of(radius: usize) -> Self {
        let width = 2 * radius as u64 + 1;
        Self {
            factor: ((1 << 32) + width / 2) / width,
        }
    }

    fn of_sum(self, sum: u32) -> u8 {
        ((u64::from(sum) * self.factor + (1 << 31)) >> 32) as u8
    }
}

fn across<const N: usize>(from: &[u8], to: &mut [u8], row_bytes: usize, radius: usize) {
    let mean = Mean::of(radius);
    for (from, to) in from.chunks_exact(row_bytes).zip(to.chunks_exact_mut(row_bytes)) {
        let (from, to) = (from.as_chunks::<N>().0, to.as_chunks_mut::<N>().0);
        let last = from.len() - 1;
        let mut sums = [0_u32; N];
        for place in 0..=2 * radius {
            let pixel = from[place.saturating_sub(radius).min(last)];
            for channel in 0..N {
                sums[channel] += u32::from(pixel[channel]);
            }
        }
        for (x, pixel) in to.iter_mut().enumerate() {
            *pixel = sums.map(|sum| mean.of_sum(sum));
            let enters = from[(x + radius + 1).min(last)];
            let leaves = from[x.saturating_sub(radius)];
            for channel in 0..N {
                sums[channel] = sums[channel] + u32::from(enters[channel]) - u32::from(leaves[channel]);
            }
        }
    }
}

/// Row by row with one running sum for each byte of a row, which keeps memory in order.
fn down(from: &[u8], to: &mut [u8], row_bytes: usize, radius: usize) {
    let mean = Mean::of(radius);
    let last = from.len() / row_bytes - 1;
    let row = |y: usize| &from[y.min(last) * row_bytes..][..row_bytes];
    let mut sums = vec![0_u32; row_bytes];
    for place in 0..=2 * radius {
        for (sum, level) in sums.iter_mut().zip(row(place.saturating_sub(radius))) {
            *sum += u32::from(*level);
        }
    }
    for (y, to) in to.chunks_exact_mut(row_bytes).enumerate() {
        let (enters, leaves) = (row(y + radius + 1), row(y.saturating_sub(radius)));
        for (((to, sum), enters), leaves) in to.iter_mut().zip(&mut sums).zip(enters).zip(leaves) {
            *to = mean.of_sum(*sum);
            *sum = *sum + u32::from(*enters) - u32::from(*leaves);
        }
    }
}

/// One channel of `width × height` bytes, blurred.
pub(super) fn blur_plane(
    plane: Vec<u8>,
    (width, height): (u32, u32),
    sigma: f64,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<u8>, ImageError> {
    debug_assert_eq!(plane.len(), usize_from(width) * usize_from(height));
    let pixels = Pixels {
        width,
        height,
        layout: crate::pixels::Layout::Gray,
        data: plane,
    };
    Ok(blur(pixels, sigma, limits, cancelled)?.data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Layout;

    #[test]
    fn a_point_spreads_with_the_wanted_variance() {
        for sigma in [1.0, 2.5, 5.0, 12.0] {
            let mut plane = vec![0; 201 * 201];
            for y in 90..=110 {
                plane[y * 201 + 90..=y * 201 + 110].fill(255);
            }
            let before = 21.0_f64.mul_add(21.0, -1.0) / 12.0;
            let blurred = blur_plane(plane, (201, 201), sigma, &Limits::default(), &|| false).unwrap();
            let middle = &blurred[100 * 201..101 * 201];
            let weights: Vec<f64> = middle.iter().map(|level| f64::from(*level)).collect();
            let total: f64 = weights.iter().sum();
            let variance: f64 = (0..201_i32)
                .zip(&weights)
                .map(|(x, weight)| f64::from((x - 100).pow(2)) * weight / total)
                .sum();
            let found = (variance - before).max(0.0).sqrt();
            assert!((found - sigma).abs() < 0.08 * sigma + 0.15, "{sigma}: {found}");
        }
    }

    #[test]
    fn one_colour_stays_what_it_is_and_any_size_goes() {
        for (width, height) in [(1, 1), (1, 9), (9, 1), (5, 4)] {
            let mut pixels = Pixels::zeroed(width, height, Layout::Rgba, &Limits::default()).unwrap();
            pixels.data.as_chunks_mut::<4>().0.fill([200, 100, 50, 255]);
            let blurred = blur(pixels.clone(), 100.0, &Limits::default(), &|| false).unwrap();
            assert_eq!(blurred, pixels);
        }
    }

    #[test]
    fn a_transparent_colour_does_not_leak() {
        let mut pixels = Pixels::zeroed(20, 1, Layout::Rgba, &Limits::default()).unwrap();
        for (index, pixel) in pixels.data.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            *pixel = if index < 10 { [255, 0, 0, 255] } else { [0, 255, 0, 0] };
        }
        let blurred = blur(pixels, 2.0, &Limits::default(), &|| false).unwrap();
        assert!(blurred.data.as_chunks::<4>().0.iter().all(|pixel| pixel[1] == 0));
    }

    #[test]
    fn it_stops_when_told() {
        let pixels = Pixels::zeroed(20, 20, Layout::Rgb, &Limits::default()).unwrap();
        let stopped = blur(pixels, 2.0, &Limits::default(), &|| true);
        assert_eq!(stopped, Err(ImageError::Cancelled));
    }
}
