//! AVIF: brands, the picture's size, its turns, its transparency, and the size that the video codec was told.

use visage_cloudinary::ImageFormat;

use super::av1::{self, Sequence};
use super::{check_size, still};
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

/// Checks size and colours of every coded picture in the file, and says whether one of them is an alpha plane.
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
        let sequence = sequence(file, meta, item).ok_or_else(|| ImageError::damaged("its AV1 header is missing"))?;
        check_matrix(meta, &sequence)?;
        for (width, height) in stated.into_iter().chain([(sequence.width, sequence.height)]) {
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

/// The sequence header of one coded picture. It stands where the picture begins, and as a rule also in `av1C`; the
/// larger one counts.
fn sequence(file: &[u8], meta: &Meta<'_>, item: Item) -> Option<Sequence> {
    let configuration = meta.properties(item.id).find(|property| property.kind == *b"av1C");
    let stated = configuration.and_then(|av1c| av1::sequence(av1c.data.get(4..)?));
    let begun = av1::sequence(file.get(meta.extents(item.id)?.next()?)?);
    stated
        .into_iter()
        .chain(begun)
        .max_by_key(|found| u64::from(found.width) * u64::from(found.height))
}

/// Refuses matrices that libavif cannot convert to RGB: its wrapper would not notice, and pass on memory as it is.
fn check_matrix(meta: &Meta<'_>, sequence: &Sequence) -> Result<(), ImageError> {
    const IDENTITY: u32 = 0;
    const YCGCO: u32 = 8;
    let properties = meta
        .all_properties()
        .into_iter()
        .flatten()
        .map(|(property, _)| property);
    let nclx = properties.filter(|property| property.kind == *b"colr" && property.data.starts_with(b"nclx"));
    let stated = nclx.map(|colr| {
        let matrix = bytes::u16_be(colr.data, 8).map_or(u32::MAX, u32::from);
        (matrix, colr.data.get(10).is_some_and(|flags| flags & 0x80 != 0))
    });
    for (matrix, full_range) in stated.chain([(sequence.matrix, sequence.full_range)]) {
        let convertible = match matrix {
            IDENTITY => !sequence.subsampled,
            YCGCO => full_range,
            1 | 2 | 4..=7 | 9 | 12 => true,
            _ => false,
        };
        if !convertible {
            return Err(ImageError::Unsupported {
                name: "an AVIF with an unusual colour matrix",
            });
        }
    }
    Ok(())
}

fn size(ispe: &Box<'_>) -> Option<(u32, u32)> {
    Some((bytes::u32_be(ispe.data, 4)?, bytes::u32_be(ispe.data, 8)?))
}

fn orientation(meta: &Meta<'_>, primary: u32) -> Orientation {
    let first_byte = |kind: [u8; 4]| {
        let found = meta.properties(primary).find(|property| property.kind == kind);
        found.and_then(|property| property.data.first().copied())
    };
    turned(
        first_byte(*b"irot").unwrap_or_default() & 3,
        first_byte(*b"imir").map(|axis| axis & 1),
    )
}

/// Quarter turns to the left, then a mirror: 0 swaps top and bottom, 1 left and right (MIAF, 7.3.6.7). EXIF orientation
/// does not count in this format.
fn turned(quarter_turns_left: u8, mirror: Option<u8>) -> Orientation {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::{Layout, Pixels};
    use crate::turn::upright;

    #[test]
    fn a_turn_and_a_mirror_are_one_orientation() {
        let limits = Limits::default();
        let turn = |pixels: Pixels, orientation| upright(pixels, orientation, &limits).unwrap();
        for quarter_turns in 0..4 {
            for (axis, flip) in [(0, Orientation::FlipVertical), (1, Orientation::FlipHorizontal)] {
                let pixels = Pixels {
                    width: 3,
                    height: 2,
                    layout: Layout::Gray,
                    data: (0..6).collect(),
                };
                let at_once = turn(pixels.clone(), turned(quarter_turns, Some(axis)));
                let left = (0..quarter_turns).fold(pixels, |pixels, _| turn(pixels, Orientation::Rotate270));
                assert_eq!(at_once, turn(left.clone(), flip), "{quarter_turns} and {axis}");
                let only_turned = Pixels {
                    width: 3,
                    height: 2,
                    layout: Layout::Gray,
                    data: (0..6).collect(),
                };
                assert_eq!(turn(only_turned, turned(quarter_turns, None)), left);
            }
        }
    }
}
