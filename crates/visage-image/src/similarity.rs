//! How far a picture that was encoded is from what it was: a quick measure for choosing a quality.
//!
//! Brightness is compared by structural similarity (Wang et al. 2004: means, variances and covariance of windows of
//! 8 × 8 pixels, here every 4 pixels) at full and at half size; colour by the mean difference of the two
//! colour-difference channels at half size. Bad places count more than their share, as they do for people.

use crate::ImageError;
use crate::buffer;
use crate::pixels::{Layout, Pixels, usize_from};

/// Side of a window in pixels.
const WINDOW: usize = 8;

/// From one window to the next.
const STRIDE: usize = 4;

/// What colours weigh beside brightness; see the calibration in `quality_auto`.
const COLOUR_WEIGHT: f64 = 2.0;

/// A picture as it is compared, at full and at half size.
#[derive(Debug)]
pub(crate) struct Reference {
    luma: Plane,
    half_luma: Plane,
    colour: [Plane; 2],
}

#[derive(Debug)]
struct Plane {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl Reference {
    /// Prepares red, green, blue and perhaps alpha; what is transparent counts as black.
    pub(crate) fn new(pixels: &Pixels) -> Result<Self, ImageError> {
        let luma = plane_of(pixels, |[red, green, blue]| {
            (77 * red + 150 * green + 29 * blue + 128) >> 8
        })?;
        let blueness = plane_of(pixels, |[red, green, blue]| {
            (32_768 + 128 * blue - 43 * red - 85 * green) >> 8
        })?;
        let redness = plane_of(pixels, |[red, green, blue]| {
            (32_768 + 128 * red - 107 * green - 21 * blue) >> 8
        })?;
        Ok(Self {
            half_luma: luma.halved()?,
            colour: [blueness.halved()?, redness.halved()?],
            luma,
        })
    }

    /// 0 for the same picture, and more the more can be seen.
    pub(crate) fn distance(&self, other: &Self) -> f64 {
        let structure = 0.6 * structure_distance(&self.luma, &other.luma)
            + 0.4 * structure_distance(&self.half_luma, &other.half_luma);
        let pairs = self.colour.iter().zip(&other.colour);
        let colour: f64 = pairs.map(|(one, other)| mean_difference(one, other)).sum();
        structure + COLOUR_WEIGHT * colour
    }
}

fn plane_of(pixels: &Pixels, value: impl Fn([u32; 3]) -> u32) -> Result<Plane, ImageError> {
    let channels = pixels.layout.channels();
    let mut data = buffer::with_room(pixels.data.len() / channels)?;
    for pixel in pixels.data.chunks_exact(channels) {
        let colour = match (pixels.layout, pixel) {
            (Layout::Rgb, [red, green, blue]) => [*red, *green, *blue].map(u32::from),
            (Layout::Rgba, [red, green, blue, alpha]) => {
                [*red, *green, *blue].map(|level| (u32::from(level) * u32::from(*alpha) + 127) / 255)
            }
            (_, [level, ..]) => [u32::from(*level); 3],
            (_, []) => [0; 3],
        };
        data.push(u8::try_from(value(colour)).unwrap_or(u8::MAX));
    }
    Ok(Plane {
        width: usize_from(pixels.width),
        height: usize_from(pixels.height),
        data,
    })
}

impl Plane {
    /// Half as large; of an odd side, the last row or column is left out.
    fn halved(&self) -> Result<Self, ImageError> {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut data = buffer::with_room(width * height)?;
        for rows in self.data.chunks_exact(self.width.max(1) * 2) {
            let (upper, lower) = rows.split_at(self.width);
            for (upper, lower) in upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0) {
                let sum = u16::from(upper[0]) + u16::from(upper[1]) + u16::from(lower[0]) + u16::from(lower[1]);
                data.push(u8::try_from((sum + 2) / 4).unwrap_or(u8::MAX));
            }
        }
        Ok(Self { width, height, data })
    }

    /// One row of a window.
    fn row(&self, x: usize, y: usize) -> &[u8] {
        let start = y * self.width + x;
        self.data.get(start..start + WINDOW).unwrap_or_default()
    }
}

/// One minus the structural similarity: half its mean over all windows, half its fourth-power mean.
fn structure_distance(one: &Plane, other: &Plane) -> f64 {
    let (mut sum, mut fourth_powers, mut count) = (0.0, 0.0, 0.0_f64);
    let last = |side: usize| side.saturating_sub(WINDOW - 1);
    for y in (0..last(one.height)).step_by(STRIDE) {
        for x in (0..last(one.width)).step_by(STRIDE) {
            let loss = 1.0 - window_similarity(one, other, x, y);
            sum += loss;
            fourth_powers += loss.powi(4);
            count += 1.0;
        }
    }
    let count = count.max(1.0);
    0.5 * sum / count + 0.5 * (fourth_powers / count).sqrt().sqrt()
}

fn window_similarity(one: &Plane, other: &Plane, x: usize, y: usize) -> f64 {
    const PIXELS: f64 = 64.0;
    let (mut sum_a, mut sum_b, mut squares_a, mut squares_b, mut products) = (0_u32, 0_u32, 0_u32, 0_u32, 0_u32);
    for y in y..y + WINDOW {
        for (a, b) in one.row(x, y).iter().zip(other.row(x, y)) {
            let (a, b) = (u32::from(*a), u32::from(*b));
            sum_a += a;
            sum_b += b;
            squares_a += a * a;
            squares_b += b * b;
            products += a * b;
        }
    }
    let (mean_a, mean_b) = (f64::from(sum_a) / PIXELS, f64::from(sum_b) / PIXELS);
    let variance_a = f64::from(squares_a) / PIXELS - mean_a * mean_a;
    let variance_b = f64::from(squares_b) / PIXELS - mean_b * mean_b;
    let covariance = f64::from(products) / PIXELS - mean_a * mean_b;
    // (0.01 · 255)² and (0.03 · 255)², which keep the quotients apart from 0 / 0.
    let (c1, c2) = (6.5025, 58.5225);
    (2.0 * mean_a * mean_b + c1) * (2.0 * covariance + c2)
        / ((mean_a * mean_a + mean_b * mean_b + c1) * (variance_a + variance_b + c2))
}

fn mean_difference(one: &Plane, other: &Plane) -> f64 {
    let pairs = one.data.iter().zip(&other.data);
    let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let count = u32::try_from(one.data.len().max(1)).unwrap_or(u32::MAX);
    // A sum of bytes of one picture fits into 52 bits; through u32 it would not.
    let sum = f64::from(u32::try_from(sum >> 8).unwrap_or(u32::MAX)) * 256.0
        + f64::from(u32::try_from(sum & 255).unwrap_or_default());
    sum / f64::from(count) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(amplitude: u32) -> Reference {
        let mut state = 1_u32;
        let data = (0..64 * 64 * 3_u32).map(|index| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            u8::try_from(60 + index % 97 + (state >> 24) * amplitude / 256).unwrap()
        });
        let pixels = Pixels {
            width: 64,
            height: 64,
            layout: Layout::Rgb,
            data: data.collect(),
        };
        Reference::new(&pixels).unwrap()
    }

    #[test]
    fn the_distance_grows_with_the_difference() {
        let clean = noise(0);
        assert!(clean.distance(&noise(0)).abs() < 1e-9);
        let distances: Vec<f64> = [2, 8, 20, 60]
            .iter()
            .map(|amplitude| clean.distance(&noise(*amplitude)))
            .collect();
        assert!(distances.is_sorted() && distances[0] > 0.0, "{distances:?}");
    }

    #[test]
    fn tiny_pictures_can_be_compared() {
        for side in 1..10 {
            let pixels = Pixels {
                width: side,
                height: 1,
                layout: Layout::Rgb,
                data: vec![7; usize_from(side) * 3],
            };
            let reference = Reference::new(&pixels).unwrap();
            assert!(reference.distance(&reference).abs() < 1e-9);
        }
    }
}
