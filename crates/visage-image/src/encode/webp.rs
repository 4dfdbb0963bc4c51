//! WebP through libwebp.

use visage_cloudinary::ImageFormat;
use visage_codecs::CodecError;
use visage_codecs::webp::{self, Channels};

use super::animation::Part;
use super::{EncodeOptions, failed};
use crate::pixels::{Layout, Pixels};
use crate::walk::riff::Chunks;
use crate::{ImageError, buffer};

/// Method 4 of 0 to 6: above it, time doubles for 4 % of size; below, bytes grow by 5 % at equal quality.
const METHOD: u8 = 4;

/// How pixels are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode {
    /// With the encoder's quality, 1 to 100; alpha stays exact.
    Lossy { quality: u8 },
    /// Every visible pixel exactly.
    Lossless,
}

/// Encodes red, green, blue and perhaps alpha.
pub(crate) fn encode(pixels: &Pixels, mode: Mode) -> Result<Vec<u8>, ImageError> {
    let cancelled: &dyn Fn() -> bool = &|| false;
    let channels = match pixels.layout {
        Layout::Rgb => Channels::Rgb,
        Layout::Rgba => Channels::Rgba,
        Layout::Gray | Layout::GrayAlpha | Layout::Cmyk => {
            return Err(failed(ImageFormat::Webp, "these channels are not made"));
        }
    };
    let (lossless, quality) = match mode {
        Mode::Lossy { quality } => (false, f32::from(quality)),
        Mode::Lossless => (true, 75.0), // effort, not quality
    };
    let options = webp::EncodeOptions {
        lossless,
        quality,
        method: METHOD,
    };
    let size = (pixels.width, pixels.height);
    webp::encode(size, channels, &pixels.data, options, cancelled).map_err(|cause| match cause {
        CodecError::Cancelled => ImageError::Cancelled,
        CodecError::Damaged(_) | CodecError::Unsupported(_) | CodecError::TooLarge { .. } | CodecError::Failed(_) => {
            failed(ImageFormat::Webp, cause)
        }
    })
}

/// The longest time that a frame can be shown.
const MAX_DELAY_MS: u32 = (1 << 24) - 1;

/// Adds an `ANMF` chunk to `frames`: place, size, time, and the picture, which replaces what was there.
pub(super) fn write_frame(
    frames: &mut Vec<u8>,
    part: &Part,
    delay_ms: u32,
    options: EncodeOptions,
) -> Result<(), ImageError> {
    const REPLACE: u8 = 2;
    let mode = if options.lossless {
        Mode::Lossless
    } else {
        Mode::Lossy {
            quality: options.quality,
        }
    };
    let still = encode(&part.pixels, mode)?;
    let mut data = buffer::with_room(still.len() + 16)?;
    for number in [
        part.left / 2,
        part.top / 2,
        part.pixels.width - 1,
        part.pixels.height - 1,
    ] {
        data.extend_from_slice(&u24_le(number));
    }
    data.extend_from_slice(&u24_le(delay_ms.min(MAX_DELAY_MS)));
    data.push(REPLACE);
    for chunk in Chunks::of_file(&still)? {
        let chunk = chunk?;
        if matches!(chunk.kind, b"ALPH" | b"VP8 " | b"VP8L") {
            push_chunk(&mut data, chunk.kind, chunk.data)?;
        }
    }
    push_chunk(frames, b"ANMF", &data)
}

/// The file of an animation whose `ANMF` chunks are `frames`; `plays` is 0 for without end.
pub(super) fn animation_file(
    (width, height): (u32, u32),
    plays: u16,
    has_alpha: bool,
    frames: &[u8],
) -> Result<Vec<u8>, ImageError> {
    const ANIMATION: u8 = 0x02;
    const ALPHA: u8 = 0x10;
    let mut header = vec![ANIMATION | if has_alpha { ALPHA } else { 0 }, 0, 0, 0];
    header.extend_from_slice(&u24_le(width - 1));
    header.extend_from_slice(&u24_le(height - 1));
    let mut body = buffer::with_room(frames.len() + 36)?;
    body.extend_from_slice(b"WEBP");
    push_chunk(&mut body, b"VP8X", &header)?;
    let [low, high] = plays.to_le_bytes();
    push_chunk(&mut body, b"ANIM", &[0, 0, 0, 0, low, high])?;
    body.extend_from_slice(frames);
    let mut file = buffer::with_room(body.len() + 8)?;
    push_chunk(&mut file, b"RIFF", &body)?;
    Ok(file)
}

fn push_chunk(to: &mut Vec<u8>, kind: &[u8], data: &[u8]) -> Result<(), ImageError> {
    let length = u32::try_from(data.len()).map_err(|cause| failed(ImageFormat::Webp, cause))?;
    to.extend_from_slice(kind);
    to.extend_from_slice(&length.to_le_bytes());
    to.extend_from_slice(data);
    if !data.len().is_multiple_of(2) {
        to.push(0);
    }
    Ok(())
}

fn u24_le(number: u32) -> [u8; 3] {
    let [low, middle, high, _] = number.to_le_bytes();
    [low, middle, high]
}
