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

use crate::context::RenderContext;
use crate::pixels::Pixels;
use crate::{Facts, ImageError};

/// Decodes the first frame; a JPEG at 1/`scale` of its size.
///
/// A picture that is not whole is refused, and so is one whose pixels have another size than `facts` say.
pub(crate) fn decode(file: &[u8], facts: &Facts, scale: u8, context: RenderContext<'_>) -> Result<Pixels, ImageError> {
    context.check()?;
    let pixels = match facts.format {
        ImageFormat::Jpg => return jpeg::decode(file, facts, scale, context),
        ImageFormat::Png => png::decode(file, context),
        ImageFormat::Webp => webp::decode(file, facts, context),
        ImageFormat::Avif => avif::decode(file, context),
        ImageFormat::Gif => gif::decode(file, context),
        ImageFormat::Bmp => bmp::decode(file, context),
        ImageFormat::Ico => ico::decode(file, context),
        ImageFormat::Tiff => tiff::decode(file, context),
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

/// Decodes all frames of an animation, to see that they are whole; a still picture has nothing more than [`decode`] reads.
pub(crate) fn check_frames(file: &[u8], facts: &Facts, context: RenderContext<'_>) -> Result<(), ImageError> {
    match facts.format {
        _ if facts.frames <= 1 => Ok(()),
        ImageFormat::Png => png::check(file, facts.frames, context),
        ImageFormat::Webp => webp::check_frames(file, facts, context),
        ImageFormat::Gif => gif::check_frames(file, context),
        ImageFormat::Jpg | ImageFormat::Avif | ImageFormat::Bmp | ImageFormat::Ico | ImageFormat::Tiff => Ok(()),
    }
}

/// Decodes one frame of an animation as it is shown, or one page of a TIFF; `index` counts from 0.
pub(crate) fn decode_frame(
    file: &[u8],
    facts: &Facts,
    index: u32,
    context: RenderContext<'_>,
) -> Result<Pixels, ImageError> {
    if index == 0 {
        return decode(file, facts, 1, context);
    }
    if facts.format == ImageFormat::Tiff {
        return tiff::decode_page(file, index, context);
    }
    let missing = || ImageError::damaged(format!("it has no frame number {}", u64::from(index) + 1));
    if index >= facts.frames {
        return Err(missing());
    }
    let mut animation = animation::Animation::open(file, facts, context)?;
    for _ in 0..=index {
        animation.advance()?.ok_or_else(missing)?;
    }
    animation.picture()
}
