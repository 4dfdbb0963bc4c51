//! A hash that stays nearly the same when a picture is resized or compressed.
//!
//! The DCT hash of C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010): brightness in
//! 32 × 32 pixels, its cosine transform, and of the 8 × 8 lowest frequencies (without the mean of rows and columns)
//! which are above their median. Whether Cloudinary computes the same bits is not published.

use std::f64::consts::PI;
use std::fmt;

use super::Sample;
use crate::ImageError;

const SIDE: u32 = 32;
const FREQUENCIES: usize = 8;

/// What compression alone makes of a frequency that is not there: one level per pixel, over 32 × 32 of them. Without it
/// chance decides about the many such frequencies of a symmetric drawing.
const NOISE: f64 = 16.0;

/// 64 bits, printed as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PerceptualHash(pub u64);

impl PerceptualHash {
    /// How many bits differ: 0 to 64. Versions of one picture differ by a few, different pictures by about 32.
    pub fn distance(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }
}

impl fmt::Display for PerceptualHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Sample {
    /// Its perceptual hash.
    ///
    /// # Errors
    ///
    /// When there is no memory for a kilobyte of pixels.
    pub fn perceptual_hash(&self) -> Result<PerceptualHash, ImageError> {
        let gray = self.gray_resized(SIDE, SIDE)?;
        let coefficients = low_frequencies(&gray.data);
        let mut sorted = coefficients.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = f64::midpoint(sorted[middle - 1], sorted[middle]);
        let bits = coefficients
            .iter()
            .fold(0, |bits, &coefficient| (bits << 1) | u64::from(coefficient > median));
        Ok(PerceptualHash(bits))
    }
}

/// The DCT-II at frequencies 1 to 8 of both directions, row by row.
fn low_frequencies(gray: &[u8]) -> Vec<f64> {
    let side = SIDE as usize;
    let wave =
        |frequency: usize, place: usize| (PI * frequency as f64 * (2 * place + 1) as f64 / (2 * side) as f64).cos();
    let waves: Vec<Vec<f64>> = (1..=FREQUENCIES)
        .map(|frequency| (0..side).map(|place| wave(frequency, place)).collect())
        .collect();
    let project = |values: &[f64], wave: &[f64]| -> f64 { values.iter().zip(wave).map(|(a, b)| a * b).sum() };
    // One number per row and horizontal frequency, then the same downwards.
    let rows: Vec<Vec<f64>> = waves
        .iter()
        .map(|wave| {
            let row = |row: &[u8]| project(&row.iter().map(|&level| f64::from(level)).collect::<Vec<_>>(), wave);
            gray.chunks_exact(side).map(row).collect()
        })
        .collect();
    waves
        .iter()
        .flat_map(|down| rows.iter().map(move |across| project(across, down)))
        .map(|coefficient: f64| if coefficient.abs() < NOISE { 0.0 } else { coefficient })
        .collect()
}
