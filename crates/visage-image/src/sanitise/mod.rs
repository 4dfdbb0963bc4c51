//! Takes everything out of a file that is not the picture, and proves that the picture is whole.
//!
//! What can stay as it is stays: files are cut and put together again without touching the coded pixels. Only a picture
//! that must be turned, or whose colours only a print shop's tables explain, is decoded and encoded anew.
//!
//! A picture that lacks pixels is refused, whatever its format. Harmless flaws, which browsers pass over, are repaired: what
//! is stored has one beginning and one end.

mod avif;
mod gif;
mod jpeg;
mod png;
mod webp;

use visage_cloudinary::ImageFormat;

use crate::context::RenderContext;
use crate::plan::{Plan, decode_memory_bytes};
use crate::{Facts, ImageError, Limits, Orientation, Step, probe};

/// The quality of what must be encoded anew: high enough that nobody sees it, far below the size of lossless.
const REENCODE_QUALITY: u8 = 95;

/// A side of the picture that must be possible to make of whatever is accepted: that of the usual profile image.
const SMALL_SIDE_PIXELS: u32 = 400;

/// A picture that may be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanitised {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its facts. BMP, TIFF and icons become PNG. The orientation is normal, except in AVIF, where every reader applies it.
    pub facts: Facts,
}

/// Checks that the whole picture decodes, and removes all metadata; the pixels change as little as the format allows.
///
/// `facts` are those of [`probe`] for the same bytes.
///
/// # Errors
///
/// When the picture is damaged or truncated, `cancelled` says so, or a limit is passed; also when the work, or a small picture made of the
/// result later, would take more memory than one render may.
pub fn sanitise(
    bytes: &[u8],
    facts: &Facts,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Sanitised, ImageError> {
    let context = RenderContext::new(limits, cancelled).reading_everything();
    let file_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    check_memory(sanitise_memory_bytes(facts, file_bytes), limits)?;
    check_memory(small_render_memory_bytes(&stored_facts(facts), file_bytes), limits)?;
    let bytes = match facts.format {
        ImageFormat::Jpg => jpeg::sanitise(bytes, facts, context),
        ImageFormat::Png => png::sanitise(bytes, facts, context),
        ImageFormat::Webp => webp::sanitise(bytes, facts, context),
        ImageFormat::Avif => avif::sanitise(bytes, facts, context),
        ImageFormat::Gif => gif::sanitise(bytes, context),
        ImageFormat::Bmp | ImageFormat::Tiff | ImageFormat::Ico => png::from_pixels_of(bytes, facts, context),
    }?;
    let facts = probe(&bytes, limits)?;
    // What was encoded anew may have become larger.
    let file_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    check_memory(small_render_memory_bytes(&facts, file_bytes), limits)?;
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

/// The facts that the picture will have when it is stored, as far as memory goes.
fn stored_facts(facts: &Facts) -> Facts {
    let format = match facts.format {
        ImageFormat::Bmp | ImageFormat::Tiff | ImageFormat::Ico => ImageFormat::Png,
        other => other,
    };
    Facts { format, ..*facts }
}

/// The memory for a small picture in the format that takes the most, whatever part of a stored picture it shows.
fn small_render_memory_bytes(facts: &Facts, file_bytes: u64) -> u64 {
    let plan = Plan {
        steps: vec![Step::Decode { scale: 1 }],
        format: ImageFormat::Avif,
        encoding: crate::Encoding::fixed(REENCODE_QUALITY),
        frame: 0,
        is_animated: facts.frames > 1,
        delay_ms: None,
        width: SMALL_SIDE_PIXELS,
        height: SMALL_SIDE_PIXELS,
        source: *facts,
        placed: Vec::new(),
    };
    plan.memory_bytes(file_bytes)
}

fn check_memory(needed_bytes: u64, limits: &Limits) -> Result<(), ImageError> {
    let max_bytes = limits.render_memory_bytes;
    if needed_bytes > max_bytes {
        return Err(ImageError::TooMuchMemory {
            needed_bytes,
            max_bytes,
        });
    }
    Ok(())
}
