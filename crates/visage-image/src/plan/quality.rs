//! What `q_` means to each encoder.

use visage_cloudinary::ImageFormat;
use visage_cloudinary::transformation::{Quality, QualityLevel};

/// The encoder's quality, 1 to 100. A number in the URL goes to the encoder as it is.
///
/// `q_auto` is a table for now: the numbers of one column look about equally good in each format.
pub(super) fn encoder_quality(quality: Option<Quality>, format: ImageFormat) -> u8 {
    let level = match quality {
        Some(Quality::Fixed(quality)) => return quality.clamp(1, 100),
        Some(Quality::Auto(level)) => level,
        None => QualityLevel::Good,
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
