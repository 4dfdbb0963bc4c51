//! AVIF: brands, the picture's size, its turns, its transparency, and what the video codec was told.

use std::borrow::Cow;

use visage_cloudinary::ImageFormat;
use visage_codecs::av1::Chroma;

use super::av1::{self, Agreed, Sequence};
use super::{check_size, still};
use crate::walk::boxes::{Box, Boxes};
use crate::walk::composition::{Composition, item_bytes};
use crate::walk::heif::Meta;
use crate::{Facts, ImageError, Limits, Orientation, bytes};

/// All coded pictures of a file (tiles, alpha, thumbnail) may hold this many times the pixels of one.
const CODED_PIXELS_FACTOR: u64 = 4;

pub(super) fn probe(bytes: &[u8], limits: &Limits) -> Result<Facts, ImageError> {
    check_brands(bytes)?;
    let meta = open(bytes)?;
    let primary = meta
        .primary_id()
        .ok_or_else(|| ImageError::damaged("it names no picture"))?;
    let (width, height) = stated_size(&meta, primary).ok_or_else(|| ImageError::damaged("it states no size"))?;
    check_size(width, height, limits)?;
    check_items(bytes, &meta, limits)?;
    let composition = composition(bytes, &meta)?;
    Colours::of(bytes, &meta, &composition)?;
    Ok(still(
        ImageFormat::Avif,
        (width, height),
        orientation(&meta, primary),
        composition.alpha.is_some(),
    ))
}

/// The description of a file.
pub(crate) fn open(file: &[u8]) -> Result<Meta<'_>, ImageError> {
    Meta::open(file).ok_or_else(|| ImageError::damaged("its description is missing or cut short"))
}

/// Which coded pictures a file's picture is made of.
pub(crate) fn composition(file: &[u8], meta: &Meta<'_>) -> Result<Composition, ImageError> {
    Composition::read(file, meta).ok_or_else(|| ImageError::damaged("its picture is not made of AV1 pictures"))
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

/// Checks the sizes of every coded picture in the file.
fn check_items(file: &[u8], meta: &Meta<'_>, limits: &Limits) -> Result<(), ImageError> {
    let items = meta
        .items()
        .ok_or_else(|| ImageError::damaged("its list of items is missing or too long"))?;
    let mut coded_pixels = 0_u64;
    for item in items.filter(|item| item.kind == *b"av01") {
        let coded = CodedItem::read(file, meta, item.id)?;
        for (width, height) in [coded.size, (coded.sequence.width, coded.sequence.height)] {
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
    }
    Ok(())
}

/// One coded picture: its bytes, and what they and the container say of it, which must agree.
pub(crate) struct CodedItem<'a> {
    pub(crate) stream: Cow<'a, [u8]>,
    /// As the container states it, or else the stream.
    pub(crate) size: (u32, u32),
    pub(crate) sequence: Sequence,
    /// Operating point (`a1op`), 0 unless stated.
    pub(crate) operating_point: u8,
    /// Layer (`lsel`), if one is chosen.
    pub(crate) layer: Option<u8>,
}

impl<'a> CodedItem<'a> {
    /// # Errors
    ///
    /// When there are no bytes, no sequence header, or several that differ: in the stream, or in `av1C`.
    pub(crate) fn read(file: &'a [u8], meta: &Meta<'_>, id: u32) -> Result<Self, ImageError> {
        let stream = item_bytes(file, meta, id).ok_or_else(|| ImageError::damaged("its AV1 data is cut short"))?;
        let property = |kind: &[u8; 4]| meta.properties(id).find(|property| property.kind == *kind);
        let contradiction = || ImageError::damaged("its AV1 headers contradict each other");
        let sequence = match av1::agreed(&stream) {
            Agreed::One(sequence) => sequence,
            Agreed::None => return Err(ImageError::damaged("its AV1 header is missing")),
            Agreed::Contradiction => return Err(contradiction()),
        };
        let stated = property(b"av1C").map_or(Agreed::None, |av1c| av1::agreed(av1c.data.get(4..).unwrap_or_default()));
        match stated {
            Agreed::None => {}
            Agreed::One(stated) if stated == sequence => {}
            Agreed::One(_) | Agreed::Contradiction => return Err(contradiction()),
        }
        check_depths(property(b"pixi"), &sequence)?;
        let byte = |property: Option<Box<'_>>, at: usize| property.and_then(|property| property.data.get(at).copied());
        Ok(Self {
            size: stated_size(meta, id).unwrap_or((sequence.width, sequence.height)),
            sequence,
            operating_point: byte(property(b"a1op"), 0).unwrap_or(0) & 31,
            // 65535 is "all layers", which as a still picture is the highest.
            layer: byte(property(b"lsel"), 1).filter(|layer| *layer < 4),
            stream,
        })
    }
}

/// `pixi`, if there is one, states the depth of each channel; many files have none.
fn check_depths(pixi: Option<Box<'_>>, sequence: &Sequence) -> Result<(), ImageError> {
    let depths = pixi.and_then(|pixi| pixi.data.get(5..)).unwrap_or_default();
    if depths.iter().any(|depth| *depth != sequence.depth) {
        return Err(ImageError::damaged("it states another depth than its AV1 data"));
    }
    Ok(())
}

/// What the samples of the colours mean, by numbers of ITU-T H.273.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colours {
    pub(crate) primaries: u32,
    pub(crate) matrix: u32,
    pub(crate) full_range: bool,
}

impl Colours {
    /// As the container states them (`nclx`, of the picture or of its first tile), which goes before the stream
    /// (AV1 image file format, 2.2.1 and ISO 23000-22, 7.3.6.4).
    ///
    /// # Errors
    ///
    /// When a matrix is stated, anywhere, that is not converted to red, green and blue.
    pub(crate) fn of(file: &[u8], meta: &Meta<'_>, composition: &Composition) -> Result<Self, ImageError> {
        let items = composition.colour.items();
        let first = items.first().ok_or_else(|| ImageError::damaged("it has no tiles"))?;
        let sequence = CodedItem::read(file, meta, *first)?.sequence;
        let streamed = Self {
            primaries: UNSPECIFIED,
            matrix: sequence.matrix,
            full_range: sequence.full_range,
        };
        streamed.check(sequence.chroma)?;
        let stated = meta
            .primary_id()
            .into_iter()
            .chain([*first])
            .find_map(|id| nclx(meta, id));
        let colours = stated.unwrap_or(streamed);
        colours.check(sequence.chroma)?;
        Ok(colours)
    }

    fn check(&self, chroma: Chroma) -> Result<(), ImageError> {
        const IDENTITY: u32 = 0;
        const YCGCO: u32 = 8;
        let is_convertible = match self.matrix {
            IDENTITY => matches!(chroma, Chroma::Full | Chroma::Gray),
            YCGCO => self.full_range,
            1 | 2 | 4..=7 | 9 | 12 => true,
            _ => false,
        };
        if is_convertible {
            return Ok(());
        }
        Err(ImageError::Unsupported {
            name: "an AVIF with an unusual colour matrix",
        })
    }
}

/// "Unspecified", for primaries.
const UNSPECIFIED: u32 = 2;

fn nclx(meta: &Meta<'_>, id: u32) -> Option<Colours> {
    let mut properties = meta.properties(id);
    let colr = properties.find(|property| property.kind == *b"colr" && property.data.starts_with(b"nclx"))?;
    Some(Colours {
        primaries: bytes::u16_be(colr.data, 4)?.into(),
        matrix: bytes::u16_be(colr.data, 8)?.into(),
        full_range: colr.data.get(10)? & 0x80 != 0,
    })
}

fn stated_size(meta: &Meta<'_>, id: u32) -> Option<(u32, u32)> {
    let mut properties = meta.properties(id);
    properties
        .find(|property| property.kind == *b"ispe")
        .and_then(|ispe| size(&ispe))
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
