//! JPEG: keeps the segments that decoding needs. Turning is lossless where whole blocks can be moved.

use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, Subsamp, Transform, TransformOp, Transformer};
use visage_cloudinary::ImageFormat;

use super::REENCODE_QUALITY;
use crate::context::RenderContext;
use crate::decode::jpeg::{decode, prove};
use crate::icc::{self, Colour};
use crate::pixels::Layout;
use crate::walk::jpeg::{APP0, APP2, APP14, DHT, EOI, SOF_PROGRESSIVE, SOI, SOS, Segment, Segments};
use crate::{Facts, ImageError, Orientation, buffer, colour, encode, turn};

/// Room for profile data in one APP2 segment, after its name, number and count.
const PROFILE_PART_BYTES: usize = 65_533 - 14;

pub(super) fn sanitise(bytes: &[u8], facts: &Facts, context: RenderContext<'_>) -> Result<Vec<u8>, ImageError> {
    let layout = layout(bytes);
    let colour = icc::colour_of(ImageFormat::Jpg, bytes, layout);
    let profile = match &colour {
        Colour::Simple(profile) => icc::rebuilt(profile),
        Colour::Srgb | Colour::Tables(_) => None,
    };
    let clean = whole_picture(bytes, facts, profile.as_deref(), context)?;
    let cannot_keep_pixels = layout == Layout::Cmyk || matches!(colour, Colour::Tables(_));
    if cannot_keep_pixels {
        return reencode(&clean, facts, Some(&colour), context);
    }
    if facts.orientation == Orientation::Normal {
        return Ok(clean);
    }
    if let Some(turned) = turned_without_loss(&clean, facts.orientation) {
        only_picture(&turned, profile.as_deref()).map(|picture| picture.file)
    } else {
        let again = reencode(&clean, facts, None, context)?;
        only_picture(&again, profile.as_deref()).map(|picture| picture.file)
    }
}

/// The picture alone, proven to be whole, and without harmless flaws: one SOI, an EOI, nothing but tables, headers and scans.
fn whole_picture(
    bytes: &[u8],
    facts: &Facts,
    profile: Option<&[u8]>,
    context: RenderContext<'_>,
) -> Result<Vec<u8>, ImageError> {
    let OnlyPicture { file, lacks_end } = only_picture(bytes, profile)?;
    // A file without an end has to be complete by itself: the end that was put there must not hide what is missing.
    let proven = if lacks_end {
        file.strip_suffix(&[0xFF, EOI]).unwrap_or(&file)
    } else {
        &file
    };
    let stray_bytes = prove(proven, facts, context)?;
    if stray_bytes == 0 {
        return Ok(file);
    }
    // They stand behind the data of scans, where only decoding finds them.
    let again = crate::decode::jpeg::rewrite(&file, context)?;
    only_picture(&again, profile).map(|picture| picture.file)
}

fn layout(bytes: &[u8]) -> Layout {
    let header = Segments::new(bytes)
        .map_while(Result::ok)
        .find_map(|segment| segment.frame_header());
    match header.map(|header| header.components) {
        Some(1) => Layout::Gray,
        Some(4) => Layout::Cmyk,
        _ => Layout::Rgb,
    }
}

/// A file with nothing but what decoding needs.
struct OnlyPicture {
    file: Vec<u8>,
    /// Whether the EOI was not in the file that it was made of.
    lacks_end: bool,
}

/// The file with nothing but what decoding needs, and with this profile.
fn only_picture(bytes: &[u8], profile: Option<&[u8]>) -> Result<OnlyPicture, ImageError> {
    const JFIF: &[u8] = b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0";
    const ADOBE_BYTES: usize = 12;
    let mut file = buffer::with_room(bytes.len() + profile.map_or(0, <[u8]>::len) + 1024)?;
    file.extend_from_slice(&[0xFF, SOI]);
    let mut profile = profile;
    let (mut has_tables, mut is_progressive) = (false, false);
    let mut segments = Segments::new(bytes);
    while let Some(segment) = segments.next().transpose()? {
        match segment.marker {
            APP0 if segment.payload.starts_with(b"JFIF\0") && file.len() == 2 => push(&mut file, APP0, JFIF),
            APP14 if segment.payload.starts_with(b"Adobe") => {
                push(&mut file, APP14, segment.payload.get(..ADOBE_BYTES).unwrap_or_default());
            }
            // Tables, restart interval, frame header, scan.
            0xC0..=0xCF | 0xDB | 0xDD | SOS => {
                if let Some(profile) = profile.take() {
                    push_profile(&mut file, profile);
                }
                has_tables |= segment.marker == DHT;
                is_progressive |= segment.marker == SOF_PROGRESSIVE;
                if segment.marker != SOS {
                    push(&mut file, segment.marker, segment.payload);
                    continue;
                }
                if !has_tables && !is_progressive {
                    push_usual_tables(&mut file)?;
                    has_tables = true;
                }
                push_scan_header(&mut file, segment, is_progressive);
                file.extend_from_slice(segments.take_scan());
            }
            _ => {}
        }
    }
    file.extend_from_slice(&[0xFF, EOI]);
    Ok(OnlyPicture {
        file,
        lacks_end: segments.lacks_end(),
    })
}

/// A scan header whose last three numbers, which say nothing in a sequential file, are what they have to be there.
fn push_scan_header(file: &mut Vec<u8>, segment: Segment<'_>, is_progressive: bool) {
    push(file, SOS, segment.payload);
    let selectors = usize::from(segment.payload.first().copied().unwrap_or_default()) * 2;
    if !is_progressive && segment.payload.len() == selectors + 4 {
        file.truncate(file.len() - 3);
        file.extend_from_slice(&[0, 63, 0]);
    }
}

/// The Huffman tables of T.81, annex K, which frames of Motion JPEG leave out, cut out of a picture of one pixel.
fn push_usual_tables(file: &mut Vec<u8>) -> Result<(), ImageError> {
    let pixel = Image {
        pixels: [0; 3].as_slice(),
        width: 1,
        pitch: 3,
        height: 1,
        format: PixelFormat::RGB,
    };
    let picture = Compressor::new()
        .and_then(|mut compressor| compressor.compress_to_vec(pixel))
        .map_err(ImageError::from_decoder)?;
    for segment in Segments::new(&picture) {
        let segment = segment?;
        if segment.marker == DHT {
            push(file, DHT, segment.payload);
        }
    }
    Ok(())
}

fn push(file: &mut Vec<u8>, marker: u8, payload: &[u8]) {
    let length = u16::try_from(payload.len() + 2).unwrap_or(u16::MAX);
    file.extend_from_slice(&[0xFF, marker]);
    file.extend_from_slice(&length.to_be_bytes());
    file.extend_from_slice(payload);
}

fn push_profile(file: &mut Vec<u8>, profile: &[u8]) {
    let count = u8::try_from(profile.len().div_ceil(PROFILE_PART_BYTES)).unwrap_or(u8::MAX);
    for (number, part) in (1..=count).zip(profile.chunks(PROFILE_PART_BYTES)) {
        let payload = [b"ICC_PROFILE\0", [number, count].as_slice(), part].concat();
        push(file, APP2, &payload);
    }
}

/// Moves blocks of coefficients; `None` when blocks at an edge are not whole.
fn turned_without_loss(clean: &[u8], orientation: Orientation) -> Option<Vec<u8>> {
    let mut transform = Transform::op(match orientation {
        Orientation::Normal => TransformOp::None,
        Orientation::FlipHorizontal => TransformOp::Hflip,
        Orientation::Rotate180 => TransformOp::Rot180,
        Orientation::FlipVertical => TransformOp::Vflip,
        Orientation::Transpose => TransformOp::Transpose,
        Orientation::Rotate90 => TransformOp::Rot90,
        Orientation::Transverse => TransformOp::Transverse,
        Orientation::Rotate270 => TransformOp::Rot270,
    });
    transform.perfect = true;
    transform.copy_none = true;
    transform.progressive = Decompressor::new().ok()?.read_header(clean).ok()?.is_progressive;
    transform.optimize = !transform.progressive;
    Transformer::new().ok()?.transform_to_vec(&transform, clean).ok()
}

/// Decodes, turns, converts to sRGB where `colour` says from what, and encodes with the same chroma subsampling.
fn reencode(
    clean: &[u8],
    facts: &Facts,
    colour: Option<&Colour>,
    context: RenderContext<'_>,
) -> Result<Vec<u8>, ImageError> {
    let limits = context.limits;
    let header = Decompressor::new()
        .and_then(|mut decoder| decoder.read_header(clean))
        .map_err(ImageError::from_decoder)?;
    let subsampling = if header.subsamp == Subsamp::Gray {
        Subsamp::None
    } else {
        header.subsamp
    };
    let mut pixels = decode(clean, facts, 1, context)?;
    if let Some(colour) = colour {
        pixels = colour::to_srgb(pixels, colour, limits)?;
    }
    let upright = turn::upright(pixels, facts.orientation, limits)?;
    encode::jpeg::encode(&upright, REENCODE_QUALITY, subsampling, false)
}
