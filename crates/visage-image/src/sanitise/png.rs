//! PNG: keeps the chunks that the picture needs. Text is not inflated, only dropped.

use visage_cloudinary::ImageFormat;

use crate::context::RenderContext;
use crate::decode::{self, decode};
use crate::icc::{self, Colour};
use crate::pixels::{Layout, Pixels};
use crate::walk::png::{Chunks, SIGNATURE};
use crate::{Facts, ImageError, Orientation, buffer, colour, encode, turn};

/// An `sRGB` chunk with perceptual intent, checksum included.
const SRGB_CHUNK: &[u8] = b"\0\0\0\x01sRGB\0\xAE\xCE\x1C\xE9";

pub(super) fn sanitise(bytes: &[u8], facts: &Facts, context: RenderContext<'_>) -> Result<Vec<u8>, ImageError> {
    let colour = icc::colour_of(ImageFormat::Png, bytes, layout(bytes));
    if facts.orientation != Orientation::Normal || matches!(colour, Colour::Tables(_)) {
        return from_pixels_of(bytes, facts, context);
    }
    let profile = match icc::embedded_png_profile(bytes, layout(bytes)) {
        Some(Colour::Simple(profile)) => Some(profile_chunk(&profile)?),
        Some(Colour::Srgb) => Some(SRGB_CHUNK.to_vec()),
        Some(Colour::Tables(_)) | None => None,
    };
    let clean = only_picture(bytes, profile.as_deref())?;
    decode::png::check(&clean, facts.frames, context)?;
    Ok(clean)
}

/// The first frame of any file as a new PNG: turned, without loss, with a rebuilt profile or in sRGB.
pub(super) fn from_pixels_of(bytes: &[u8], facts: &Facts, context: RenderContext<'_>) -> Result<Vec<u8>, ImageError> {
    let pixels = decode(bytes, facts, 1, context)?;
    let colour = icc::colour_of(facts.format, bytes, pixels.layout);
    let upright = turn::upright(pixels, facts.orientation, context.limits)?;
    match &colour {
        Colour::Simple(profile) => encode::png::encode(&upright, icc::rebuilt(profile)),
        Colour::Srgb if upright.layout != Layout::Cmyk => encode::png::encode(&upright, None),
        Colour::Srgb | Colour::Tables(_) => {
            encode::png::encode(&colour::to_srgb(upright, &colour, context.limits)?, None)
        }
    }
}

fn layout(bytes: &[u8]) -> Layout {
    let header = Chunks::new(bytes).next().and_then(Result::ok);
    match header.and_then(|header| header.data.get(9).copied()) {
        Some(0) => Layout::Gray,
        Some(4) => Layout::GrayAlpha,
        _ => Layout::Rgb,
    }
}

/// The file with nothing but the picture. `profile` is the chunk that takes the place of iCCP, and of the gamma and
/// primaries that repeat it for old readers; without it, what the file says otherwise about its colours stays.
fn only_picture(bytes: &[u8], profile: Option<&[u8]>) -> Result<Vec<u8>, ImageError> {
    let mut file = buffer::with_room(bytes.len() + profile.map_or(0, <[u8]>::len) + SIGNATURE.len())?;
    file.extend_from_slice(SIGNATURE);
    for chunk in Chunks::new(bytes) {
        let chunk = chunk?;
        match chunk.kind {
            b"IHDR" | b"PLTE" | b"tRNS" | b"IDAT" | b"IEND" | b"acTL" | b"fcTL" | b"fdAT" | b"bKGD" | b"sBIT"
            | b"cICP" => chunk.append_to(&mut file),
            b"gAMA" | b"cHRM" | b"sRGB" if profile.is_none() => chunk.append_to(&mut file),
            b"iCCP" => file.extend_from_slice(profile.unwrap_or_default()),
            _ => {}
        }
    }
    Ok(file)
}

/// An iCCP chunk, cut out of a picture of one pixel: the encoder knows how to compress and to sum.
fn profile_chunk(profile: &moxcms::ColorProfile) -> Result<Vec<u8>, ImageError> {
    let pixel = Pixels {
        width: 1,
        height: 1,
        layout: Layout::Gray,
        data: vec![0],
    };
    let file = encode::png::encode(&pixel, icc::rebuilt(profile))?;
    let mut chunks = Chunks::new(&file).map_while(Result::ok);
    let mut found = Vec::new();
    match chunks.find(|chunk| chunk.kind == b"iCCP") {
        Some(chunk) => chunk.append_to(&mut found),
        None => found.extend_from_slice(SRGB_CHUNK),
    }
    Ok(found)
}
