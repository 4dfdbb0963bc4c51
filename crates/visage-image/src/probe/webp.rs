//! WebP: the simple and the extended layout, animations, and the orientation in EXIF.

use visage_cloudinary::ImageFormat;

use super::{Frames, check_size, still};
use crate::walk::riff::{Chunk, Chunks};
use crate::walk::tiff;
use crate::{Facts, ImageError, Limits, Orientation, bytes};

const ALPHA_FLAG: u8 = 0x10;

pub(super) fn probe(bytes: &[u8], limits: &Limits) -> Result<Facts, ImageError> {
    let mut size = None;
    let (mut has_alpha, mut orientation, mut frames) = (false, Orientation::Normal, Frames::default());
    for chunk in Chunks::of_file(bytes)? {
        let chunk = chunk?;
        match chunk.kind {
            b"VP8X" => {
                let canvas = canvas(chunk.data).ok_or_else(cut)?;
                check_size(canvas.0, canvas.1, limits)?;
                has_alpha |= chunk.data.first().is_some_and(|flags| flags & ALPHA_FLAG != 0);
                size = Some(canvas);
            }
            b"VP8 " | b"VP8L" => {
                let (coded, alpha) = coded_size(&chunk).ok_or_else(cut)?;
                check_size(coded.0, coded.1, limits)?;
                has_alpha |= alpha;
                size = size.or(Some(coded));
            }
            b"ANMF" => {
                has_alpha |= count_frame(&mut frames, chunk.data, limits)?;
            }
            b"EXIF" => orientation = tiff::exif_orientation(chunk.data),
            _ => {}
        }
    }
    let size = size.ok_or_else(|| ImageError::damaged("it holds no picture"))?;
    Ok(Facts {
        frames: frames.count.max(1),
        ..still(ImageFormat::Webp, size, orientation, has_alpha)
    })
}

/// Counts one frame of an animation, and says whether it may be transparent.
fn count_frame(frames: &mut Frames, frame: &[u8], limits: &Limits) -> Result<bool, ImageError> {
    let mut alpha_found = false;
    for chunk in Chunks::inside(frame.get(16..).ok_or_else(cut)?) {
        let chunk = chunk?;
        alpha_found |= chunk.kind == b"ALPH";
        if let Some((coded, alpha)) = coded_size(&chunk) {
            frames.add(coded.0, coded.1, limits)?;
            alpha_found |= alpha;
        }
    }
    Ok(alpha_found)
}

/// Width and height of the canvas in a `VP8X` chunk.
fn canvas(data: &[u8]) -> Option<(u32, u32)> {
    Some((bytes::u24_le(data, 4)? + 1, bytes::u24_le(data, 7)? + 1))
}

/// Width, height and transparency from the bitstream of a `VP8 ` or `VP8L` chunk.
fn coded_size(chunk: &Chunk<'_>) -> Option<((u32, u32), bool)> {
    match chunk.kind {
        b"VP8 " => {
            let side = |at| bytes::u16_le(chunk.data, at).map(|side| u32::from(side & 0x3FFF));
            (chunk.data.get(3..6)? == b"\x9D\x01\x2A").then_some(())?;
            Some(((side(6)?, side(8)?), false))
        }
        b"VP8L" => {
            (chunk.data.first()? == &0x2F).then_some(())?;
            let bits = bytes::u32_le(chunk.data, 1)?;
            Some((((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1), bits >> 28 & 1 == 1))
        }
        _ => None,
    }
}

fn cut() -> ImageError {
    ImageError::damaged("a WebP header is cut short")
}
