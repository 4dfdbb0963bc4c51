//! AVIF: brands, the picture's size, its turns, its transparency, and the size that the video codec was told.

use visage_cloudinary::ImageFormat;

use super::{av1, check_size, still};
use crate::walk::boxes::{Box, Boxes};
use crate::walk::heif::{Item, Meta, is_alpha};
use crate::{Facts, ImageError, Limits, Orientation, bytes};

/// All coded pictures of a file (tiles, alpha, thumbnail) may hold this many times the pixels of one.
const CODED_PIXELS_FACTOR: u64 = 4;

pub(super) fn probe(bytes: &[u8], limits: &Limits) -> Result<Facts, ImageError> {
    check_brands(bytes)?;
    let meta = Meta::open(bytes).ok_or_else(|| ImageError::damaged("its description is missing or cut short"))?;
    let primary = meta
        .primary_id()
        .ok_or_else(|| ImageError::damaged("it names no picture"))?;
    let (width, height) = meta
        .properties(primary)
        .find(|property| property.kind == *b"ispe")
        .and_then(|ispe| size(&ispe))
        .ok_or_else(|| ImageError::damaged("it states no size"))?;
    check_size(width, height, limits)?;
    let has_alpha = check_items(bytes, &meta, limits)?;
    Ok(still(
        ImageFormat::Avif,
        (width, height),
        orientation(&meta, primary),
        has_alpha,
    ))
}

/// AVIF says `avif` among its brands; the same container holds HEIC, video, and animations, which are not taken.
fn check_brands(bytes: &[u8]) -> Result<(), ImageError> {
    let ftyp = Boxes::find(bytes, *b"ftyp").ok_or_else(|| ImageError::damaged("its header is cut short"))?;
    let major = ftyp.data.first_chunk::<4>();
    let has = |brand: &[u8; 4]| {
        major == Some(brand)
            || ftyp
                .data
                .get(8..)
                .unwrap_or_default()
                .as_chunks::<4>()
                .0
                .contains(brand)
    };
    if major == Some(b"avis") {
        Err(ImageError::Unsupported {
            name: "an animated AVIF",
        })
    } else if has(b"avif") {
        Ok(())
    } else if [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"]
        .into_iter()
        .any(has)
    {
        Err(ImageError::Unsupported { name: "HEIC" })
    } else {
        Err(ImageError::Unsupported {
            name: "a video or an unknown format",
        })
    }
}

/// Checks the coded size of every picture in the file, and says whether one of them is an alpha plane.
fn check_items(file: &[u8], meta: &Meta<'_>, limits: &Limits) -> Result<bool, ImageError> {
    let items = meta
        .items()
        .ok_or_else(|| ImageError::damaged("its list of items is missing or too long"))?;
    let (mut has_alpha, mut coded_pixels) = (false, 0_u64);
    for item in items.filter(|item| item.kind == *b"av01") {
        let stated = meta
            .properties(item.id)
            .find(|property| property.kind == *b"ispe")
            .and_then(|ispe| size(&ispe));
        for (width, height) in stated.into_iter().chain(coded_size(file, meta, item)) {
            check_size(width, height, limits)?;
            coded_pixels = coded_pixels.saturating_add(u64::from(width) * u64::from(height));
            if coded_pixels > limits.source_pixels.saturating_mul(2 * CODED_PIXELS_FACTOR) {
                return Err(ImageError::TooManyPixels {
                    width,
                    height,
                    max_pixels: limits.source_pixels,
                });
            }
        }
        has_alpha |= meta.properties(item.id).any(|property| is_alpha(&property));
    }
    Ok(has_alpha)
}

/// The size in the sequence header of one coded picture: in `av1C` if it is there, else where the picture begins.
fn coded_size(file: &[u8], meta: &Meta<'_>, item: Item) -> Option<(u32, u32)> {
    let configuration = meta.properties(item.id).find(|property| property.kind == *b"av1C");
    let stated = configuration.and_then(|av1c| av1::sequence_size(av1c.data.get(4..)?));
    let begun = || av1::sequence_size(file.get(meta.extents(item.id)?.next()?)?);
    stated
        .into_iter()
        .chain(begun())
        .max_by_key(|(width, height)| u64::from(*width) * u64::from(*height))
}

fn size(ispe: &Box<'_>) -> Option<(u32, u32)> {
    Some((bytes::u32_be(ispe.data, 4)?, bytes::u32_be(ispe.data, 8)?))
}

/// Turning comes before mirroring (MIAF, 7.3.6.7). EXIF orientation does not count in this format.
fn orientation(meta: &Meta<'_>, primary: u32) -> Orientation {
    let first_byte = |kind: [u8; 4]| {
        let found = meta.properties(primary).find(|property| property.kind == kind);
        found.and_then(|property| property.data.first().copied())
    };
    let quarter_turns_left = first_byte(*b"irot").unwrap_or_default() & 3;
    let mirror = first_byte(*b"imir").map(|axis| axis & 1);
    match (quarter_turns_left, mirror) {
        (0, None) => Orientation::Normal,
        (1, None) => Orientation::Rotate270,
        (2, None) => Orientation::Rotate180,
        (_, None) => Orientation::Rotate90,
        (0, Some(0)) | (2, Some(1)) => Orientation::FlipVertical,
        (0 | 2, Some(_)) => Orientation::FlipHorizontal,
        (1, Some(0)) | (3, Some(1)) => Orientation::Transpose,
        (_, Some(_)) => Orientation::Transverse,
    }
}
