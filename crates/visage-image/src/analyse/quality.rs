//! How good a picture is, as far as that can be computed: Cloudinary's `quality_analysis`.
//!
//! The formulas are our own, because Cloudinary publishes none; each is stated where it is. What would need a trained
//! model (lighting, noise, a total score) is left out rather than guessed.

use visage_cloudinary::ImageFormat;

use super::Sample;
use crate::ImageError;
use crate::pixels::{Pixels, usize_from};
use crate::walk::jpeg::{SOS, Segments};

/// Each from 0 (bad) to 1 (good), with two decimals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QualityAnalysis {
    /// Sharpness: `v / (v + 150)`, `v` the variance of the 4-neighbour Laplacian of brightness in a sample whose longer
    /// side has at most 640 pixels.
    pub focus: f64,
    /// Standard deviation of brightness by 64, at most 1; equally many pixels of every brightness have 74.
    pub contrast: f64,
    /// `1 - |m - 127.5| / 127.5`, `m` the mean brightness.
    pub exposure: f64,
    /// Pixels by those of Full HD (1920 × 1080), at most 1.
    pub resolution: f64,
    /// For JPEG: the quality that libjpeg's scale gives a luminance table with the same sum, by 100.
    pub jpeg_quality: Option<f64>,
}

impl Sample {
    /// How good it is; `bytes` are those the sample was made of.
    pub fn quality_analysis(&self, bytes: &[u8]) -> QualityAnalysis {
        const SHARP_VARIANCE: f64 = 150.0;
        const STRONG_DEVIATION: f64 = 64.0;
        const FULL_HD_PIXELS: f64 = 1920.0 * 1080.0;
        let gray = self.gray();
        let sharpness = moments(laplacian(&gray)).1;
        let (mean, variance) = moments(gray.data.iter().map(|&level| f64::from(level)));
        let is_jpeg = self.source.format == ImageFormat::Jpg;
        QualityAnalysis {
            focus: hundredths(sharpness / (sharpness + SHARP_VARIANCE)),
            contrast: hundredths((variance.sqrt() / STRONG_DEVIATION).min(1.0)),
            exposure: hundredths(1.0 - (mean - 127.5).abs() / 127.5),
            resolution: hundredths((self.source.pixels() as f64 / FULL_HD_PIXELS).min(1.0)),
            jpeg_quality: is_jpeg.then(|| jpeg_quality(bytes).ok().flatten()).flatten(),
        }
    }
}

/// Of each inner pixel: four times its brightness without that of its neighbours.
fn laplacian(gray: &Pixels) -> impl Iterator<Item = f64> + '_ {
    let width = usize_from(gray.width);
    let rows = gray.data.windows((2 * width + 1).max(3)).enumerate();
    // The middle of a window is the pixel, its ends are those above and below.
    rows.filter(move |(start, _)| width > 2 && start % width != 0 && start % width != width - 1)
        .map(move |(_, window)| {
            let at = |place: usize| f64::from(window[place]);
            4.0 * at(width) - at(0) - at(2 * width) - at(width - 1) - at(width + 1)
        })
}

/// Mean and variance.
fn moments(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (count, sum, squares) = values.fold((0.0, 0.0, 0.0), |(count, sum, squares), value| {
        (count + 1.0, sum + value, squares + value * value)
    });
    if count == 0.0 {
        return (0.0, 0.0);
    }
    let mean = sum / count;
    (mean, (squares / count - mean * mean).max(0.0))
}

/// The inverse of libjpeg's `jpeg_quality_scaling`, applied to the sum of the first table.
fn jpeg_quality(bytes: &[u8]) -> Result<Option<f64>, ImageError> {
    const STANDARD_SUM: f64 = 3688.0; // of table K.1 in ITU T.81
    const DQT: u8 = 0xDB;
    for segment in Segments::new(bytes) {
        let segment = segment?;
        if segment.marker == SOS {
            break;
        }
        if segment.marker == DQT {
            let scale = table_sum(segment.payload).map(|sum| 100.0 * sum / STANDARD_SUM);
            let quality = scale.map(|scale| {
                if scale <= 100.0 {
                    100.0 - scale / 2.0
                } else {
                    5000.0 / scale
                }
            });
            return Ok(quality.map(|quality| hundredths(quality.clamp(1.0, 100.0) / 100.0)));
        }
    }
    Ok(None)
}

/// The sum of the first table in a DQT segment, of eight or sixteen bits per value.
fn table_sum(payload: &[u8]) -> Option<f64> {
    let (precision, table) = payload.split_first()?;
    let sum: u32 = if precision >> 4 == 0 {
        table.get(..64)?.iter().map(|&value| u32::from(value)).sum()
    } else {
        let values = table.get(..128)?.as_chunks::<2>().0;
        values.iter().map(|value| u32::from(u16::from_be_bytes(*value))).sum()
    };
    Some(f64::from(sum))
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
