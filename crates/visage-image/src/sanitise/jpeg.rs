//! JPEG: keeps the segments that decoding needs. Turning is lossless where whole blocks can be moved.

use turbojpeg::{Decompressor, Subsamp, Transform, TransformOp, Transformer};
use visage_cloudinary::ImageFormat;

use super::REENCODE_QUALITY;
use crate::decode::jpeg::decode;
use crate::icc::{self, Colour};
use crate::pixels::Layout;
use crate::walk::jpeg::{APP0, APP2, APP14, EOI, SOI, SOS, Segments};
use crate::{Facts, ImageError, Limits, Orientation, buffer, colour, encode, turn};

/// Room for profile data in one APP2 segment, after its name, number and count.
const PROFILE_PART_BYTES: usize = 65_533 - 14;

/// Decoding at this scale reads every coefficient, which proves the file whole, and makes few pixels.
const PROOF_SCALE: u8 = 8;

pub(super) fn sanitise(bytes: &[u8], facts: &Facts, limits: &Limits) -> Result<Vec<u8>, ImageError> {
    let layout = layout(bytes);
    let colour = icc::colour_of(ImageFormat::Jpg, bytes, layout);
    let profile = match &colour {
        Colour::Simple(profile) => icc::rebuilt(profile),
        Colour::Srgb | Colour::Tables(_) => None,
    };
    let clean = only_picture(bytes, profile.as_deref())?;
    let cannot_keep_pixels = layout == Layout::Cmyk || matches!(colour, Colour::Tables(_));
    if cannot_keep_pixels {
        return reencode(&clean, facts, Some(&colour), limits);
    }
    drop(decode(&clean, facts, PROOF_SCALE, limits)?);
    if facts.orientation == Orientation::Normal {
        return Ok(clean);
    }
    match turned_without_loss(&clean, facts.orientation) {
        Some(turned) => only_picture(&turned, profile.as_deref()),
        None => only_picture(&reencode(&clean, facts, None, limits)?, profile.as_deref()),
    }
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

/// The file with nothing but what decoding needs, and with this profile.
fn only_picture(bytes: &[u8], profile: Option<&[u8]>) -> Result<Vec<u8>, ImageError> {
    const JFIF: &[u8] = b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0";
    const ADOBE_BYTES: usize = 12;
    let mut file = buffer::with_room(bytes.len() + profile.map_or(0, <[u8]>::len) + 1024)?;
    file.extend_from_slice(&[0xFF, SOI]);
    let mut profile = profile;
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
                push(&mut file, segment.marker, segment.payload);
                if segment.marker == SOS {
                    file.extend_from_slice(segments.take_scan()?);
                }
            }
            _ => {}
        }
    }
    file.extend_from_slice(&[0xFF, EOI]);
    Ok(file)
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
fn reencode(clean: &[u8], facts: &Facts, colour: Option<&Colour>, limits: &Limits) -> Result<Vec<u8>, ImageError> {
    let header = Decompressor::new()
        .and_then(|mut decoder| decoder.read_header(clean))
        .map_err(ImageError::from_decoder)?;
    let subsampling = if header.subsamp == Subsamp::Gray {
        Subsamp::None
    } else {
        header.subsamp
    };
    let mut pixels = decode(clean, facts, 1, limits)?;
    if let Some(colour) = colour {
        pixels = colour::to_srgb(pixels, colour, limits)?;
    }
    let upright = turn::upright(pixels, facts.orientation, limits)?;
    encode::jpeg::encode(&upright, REENCODE_QUALITY, subsampling, false)
}
