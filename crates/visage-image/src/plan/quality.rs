//! What `q_` and the flags mean to the encoders.

use visage_cloudinary::ImageFormat;
use visage_cloudinary::transformation::{Chroma, Flag, Quality, QualityLevel};

use super::Encoding;

/// Without `q_`, JPEG and its kin are made with this quality.
const DEFAULT_QUALITY: u8 = 80;

pub(super) fn encoding(quality: Option<Quality>, has: &dyn Fn(&Flag) -> bool) -> Encoding {
    let chroma = match quality {
        Some(Quality::Fixed(_, Some(chroma))) => chroma,
        _ => Chroma::Halved,
    };
    let is_progressive = if has(&Flag::Progressive(false)) {
        Some(false)
    } else {
        has(&Flag::Progressive(true)).then_some(true)
    };
    Encoding {
        quality: quality.unwrap_or(Quality::Fixed(DEFAULT_QUALITY, None)),
        chroma,
        is_progressive,
        is_lossless: has(&Flag::Lossless) && !has(&Flag::Lossy),
        has_palette: has(&Flag::Png8),
        keeps_alpha: has(&Flag::Png32),
    }
}

impl Encoding {
    /// With the encoder's quality, 1 to 100, and nothing else said.
    pub(crate) fn fixed(quality: u8) -> Self {
        Self {
            quality: Quality::Fixed(quality, None),
            chroma: Chroma::Halved,
            is_progressive: None,
            is_lossless: false,
            has_palette: false,
            keeps_alpha: false,
        }
    }

    /// The number for the encoder where nothing is measured: the numbers of one column look about equally good.
    pub(crate) fn usual_quality(self, format: ImageFormat) -> u8 {
        let level = match self.quality {
            Quality::Fixed(percent, _) => return percent.clamp(1, 100),
            Quality::Auto(level) => level,
        };
        let [best, good, eco, low] = match format {
            ImageFormat::Avif => [75, 62, 52, 42],
            _ => [90, 80, 70, 58],
        };
        match level {
            QualityLevel::Best => best,
            QualityLevel::Good => good,
            QualityLevel::Eco => eco,
            QualityLevel::Low => low,
        }
    }
}
