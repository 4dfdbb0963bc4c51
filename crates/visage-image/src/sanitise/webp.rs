//! WebP: keeps the chunks of the picture, and corrects what the header says about them.

use visage_cloudinary::ImageFormat;

use super::REENCODE_QUALITY;
use crate::context::RenderContext;
use crate::decode::{self, decode};
use crate::encode::webp::Mode;
use crate::icc::{self, Colour};
use crate::pixels::{Layout, Pixels};
use crate::walk::riff::Chunks;
use crate::{Facts, ImageError, Orientation, buffer, colour, encode, turn};

const PROFILE_FLAG: u8 = 0x20;
const ALPHA_FLAG: u8 = 0x10;
const ANIMATION_FLAG: u8 = 0x02;

pub(super) fn sanitise(bytes: &[u8], facts: &Facts, context: RenderContext<'_>) -> Result<Vec<u8>, ImageError> {
    let pixels = decode(bytes, facts, 1, context)?;
    decode::webp::check_frames(bytes, facts, context)?;
    let colour = icc::colour_of(ImageFormat::Webp, bytes, Layout::Rgb);
    let profile = match &colour {
        Colour::Simple(profile) => icc::rebuilt(profile),
        Colour::Srgb | Colour::Tables(_) => None,
    };
    if facts.orientation == Orientation::Normal && !matches!(colour, Colour::Tables(_)) {
        drop(pixels);
        return only_picture(bytes, facts, profile.as_deref());
    }
    let again = reencode(pixels, bytes, facts, &colour, context)?;
    only_picture(&again, facts, profile.as_deref())
}

/// Turns and encodes the first frame; lossless stays lossless.
fn reencode(
    mut pixels: Pixels,
    bytes: &[u8],
    facts: &Facts,
    colour: &Colour,
    context: RenderContext<'_>,
) -> Result<Vec<u8>, ImageError> {
    if matches!(colour, Colour::Tables(_)) {
        pixels = colour::to_srgb(pixels, colour, context.limits)?;
    }
    let is_lossless = Chunks::of_file(bytes)?.any(|chunk| chunk.is_ok_and(|chunk| chunk.kind == b"VP8L"));
    let mode = if is_lossless {
        Mode::Lossless
    } else {
        Mode::Lossy {
            quality: REENCODE_QUALITY,
        }
    };
    encode::webp::encode(&turn::upright(pixels, facts.orientation, context.limits)?, mode)
}

/// The file with nothing but the picture, and with this profile.
fn only_picture(bytes: &[u8], facts: &Facts, profile: Option<&[u8]>) -> Result<Vec<u8>, ImageError> {
    let mut file = buffer::with_room(bytes.len() + profile.map_or(0, <[u8]>::len) + 64)?;
    file.extend_from_slice(b"RIFF\0\0\0\0WEBP");
    let mut is_extended = false;
    for chunk in Chunks::of_file(bytes)? {
        let chunk = chunk?;
        match chunk.kind {
            b"VP8X" => {
                is_extended = true;
                let flags = chunk.data.first().copied().unwrap_or_default() & (ALPHA_FLAG | ANIMATION_FLAG);
                push_header(&mut file, flags, chunk.data.get(4..10).unwrap_or_default(), profile);
            }
            b"VP8 " | b"VP8L" if !is_extended => {
                if profile.is_some() {
                    let flags = if facts.has_alpha { ALPHA_FLAG } else { 0 };
                    push_header(&mut file, flags, &canvas(facts), profile);
                }
                is_extended = true;
                push(&mut file, chunk.kind, chunk.data);
            }
            b"ANMF" => push_frame(&mut file, chunk.data)?,
            b"VP8 " | b"VP8L" | b"ALPH" | b"ANIM" => push(&mut file, chunk.kind, chunk.data),
            _ => {}
        }
    }
    let size = u32::try_from(file.len() - 8).unwrap_or(u32::MAX);
    if let Some(field) = file.get_mut(4..8) {
        field.copy_from_slice(&size.to_le_bytes());
    }
    Ok(file)
}

fn push_header(file: &mut Vec<u8>, flags: u8, canvas: &[u8], profile: Option<&[u8]>) {
    let flags = flags | profile.map_or(0, |_| PROFILE_FLAG);
    push(file, b"VP8X", &[&[flags, 0, 0, 0], canvas].concat());
    if let Some(profile) = profile {
        push(file, b"ICCP", profile);
    }
}

/// Width and height of the upright picture, each less one, in 24 bits.
fn canvas(facts: &Facts) -> [u8; 6] {
    let [w0, w1, w2, _] = (facts.width - 1).to_le_bytes();
    let [h0, h1, h2, _] = (facts.height - 1).to_le_bytes();
    [w0, w1, w2, h0, h1, h2]
}

/// A frame with only its bitstream and alpha plane.
fn push_frame(file: &mut Vec<u8>, frame: &[u8]) -> Result<(), ImageError> {
    let mut kept = buffer::with_room(frame.len() + 2)?;
    let (header, chunks) = frame
        .split_at_checked(16)
        .ok_or_else(|| ImageError::damaged("a frame is cut short"))?;
    kept.extend_from_slice(header);
    for chunk in Chunks::inside(chunks) {
        let chunk = chunk?;
        if matches!(chunk.kind, b"ALPH" | b"VP8 " | b"VP8L") {
            push(&mut kept, chunk.kind, chunk.data);
        }
    }
    push(file, b"ANMF", &kept);
    Ok(())
}

fn push(file: &mut Vec<u8>, kind: &[u8], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    file.extend_from_slice(kind);
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(data);
    if data.len() % 2 == 1 {
        file.push(0);
    }
}
