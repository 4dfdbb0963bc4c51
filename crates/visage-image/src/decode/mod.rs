//! Files become pixels: the first frame, turned as it is stored, in the colours it is stored in.

pub(crate) mod animation;
mod avif;
mod bmp;
mod canvas;
pub(crate) mod gif;
mod ico;
pub(crate) mod jpeg;
pub(crate) mod png;
pub(crate) mod tiff;
pub(crate) mod webp;
mod yuv;

use visage_cloudinary::ImageFormat;

use crate::pixels::Pixels;
use crate::{Facts, ImageError, Limits};

/// Decodes the first frame; a JPEG at 1/`scale` of its size.
///
/// A picture that is not whole is refused, and so is one whose pixels have another size than `facts` say.
pub(crate) fn decode(file: &[u8], facts: &Facts, scale: u8, limits: &Limits) -> Result<Pixels, ImageError> {
    let pixels = match facts.format {
        ImageFormat::Jpg => return jpeg::decode(file, facts, scale, limits),
        ImageFormat::Png => png::decode(file, limits),
        ImageFormat::Webp => webp::decode(file, facts, limits),
        ImageFormat::Avif => avif::decode(file, limits),
        ImageFormat::Gif => gif::decode(file, limits),
        ImageFormat::Bmp => bmp::decode(file, limits),
        ImageFormat::Ico => ico::decode(file, limits),
        ImageFormat::Tiff => tiff::decode(file, limits),
    }?;
    if (pixels.width, pixels.height) != facts.stored_size() {
        return Err(ImageError::damaged("its pixels have another size than its header says"));
    }
    Ok(if facts.has_alpha {
        pixels
    } else {
        pixels.without_alpha()
    })
}

/// Decodes one frame of an animation as it is shown, or one page of a TIFF; `index` counts from 0.
pub(crate) fn decode_frame(file: &[u8], facts: &Facts, index: u32, limits: &Limits) -> Result<Pixels, ImageError> {
    if index == 0 {
        return decode(file, facts, 1, limits);
    }
    if facts.format == ImageFormat::Tiff {
        return tiff::decode_page(file, index, limits);
    }
    let missing = || ImageError::damaged(format!("it has no frame number {}", u64::from(index) + 1));
    if index >= facts.frames {
        return Err(missing());
    }
    let mut animation = animation::Animation::open(file, facts, limits)?;
    for _ in 0..=index {
        animation.advance(limits)?.ok_or_else(missing)?;
    }
    animation.picture()
}
