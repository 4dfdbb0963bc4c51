//! Takes everything out of a file that is not the picture, and proves that the picture is whole.
//!
//! What can stay as it is stays: files are cut and put together again without touching the coded pixels. Only a picture
//! that must be turned, or whose colours only a print shop's tables explain, is decoded and encoded anew.
//!
//! A truncated or damaged picture is refused, whatever its format; nothing is repaired.

mod avif;
mod gif;
mod jpeg;
mod png;
mod webp;

use visage_cloudinary::ImageFormat;

use crate::plan::decode_memory_bytes;
use crate::{Facts, ImageError, Limits, Orientation, probe};

/// The quality of what must be encoded anew: high enough that nobody sees it, far below the size of lossless.
const REENCODE_QUALITY: u8 = 95;

/// A picture that may be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanitised {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its facts. BMP and TIFF become PNG. The orientation is normal, except in AVIF, where every reader applies it.
    pub facts: Facts,
}

/// Checks that the whole picture decodes, and removes all metadata; the pixels change as little as the format allows.
///
/// `facts` are those of [`probe`] for the same bytes.
///
/// # Errors
///
/// When the picture is damaged or truncated, or a limit is passed.
pub fn sanitise(bytes: &[u8], facts: &Facts, limits: &Limits) -> Result<Sanitised, ImageError> {
    let bytes = match facts.format {
        ImageFormat::Jpg => jpeg::sanitise(bytes, facts, limits),
        ImageFormat::Png => png::sanitise(bytes, facts, limits),
        ImageFormat::Webp => webp::sanitise(bytes, facts, limits),
        ImageFormat::Avif => avif::sanitise(bytes, facts, limits),
        ImageFormat::Gif => gif::sanitise(bytes, limits),
        ImageFormat::Bmp | ImageFormat::Tiff => png::from_pixels_of(bytes, facts, limits),
    }?;
    let facts = probe(&bytes, limits)?;
    Ok(Sanitised { bytes, facts })
}

/// An upper estimate of the memory that [`sanitise`] takes for a file of `file_bytes`; in bytes.
///
/// The file is in memory up to three times. A JPEG that must be turned has its coefficients in memory twice; pixels
/// that are turned or converted exist twice.
pub fn sanitise_memory_bytes(facts: &Facts, file_bytes: u64) -> u64 {
    let turned = facts.orientation != Orientation::Normal && facts.format != ImageFormat::Avif;
    let second_copy = if turned { facts.pixels().saturating_mul(4) } else { 0 };
    decode_memory_bytes(facts, 1)
        .saturating_add(second_copy)
        .saturating_add(file_bytes.saturating_mul(3))
}
