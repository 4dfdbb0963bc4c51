//! AVIF through libavif and libaom.

use libavif::{Encoder, RgbPixels, YuvFormat};
use visage_cloudinary::ImageFormat;

use super::failed;
use crate::ImageError;
use crate::pixels::{Layout, Pixels};

/// Of 0 to 10. At 9 a small picture costs half of what WebP costs and needs no more bytes; 8 takes five times as long.
const SPEED: u8 = 9;

/// libavif's wrapper computes with 32 bits.
const MAX_BYTES: usize = 1 << 31;

/// Encodes with 4:2:0 chroma; alpha stays exact.
pub(super) fn encode(pixels: &Pixels, quality: u8) -> Result<Vec<u8>, ImageError> {
    if !matches!(pixels.layout, Layout::Rgb | Layout::Rgba) || pixels.data.len() > MAX_BYTES {
        return Err(failed(ImageFormat::Avif, "these channels are not made"));
    }
    let failed = |cause| failed(ImageFormat::Avif, cause);
    let image = RgbPixels::new(pixels.width, pixels.height, &pixels.data)
        .map_err(failed)?
        .to_image(YuvFormat::Yuv420);
    let mut encoder = Encoder::new();
    encoder
        .set_max_threads(1)
        .set_speed(SPEED)
        .set_quality(quality)
        .set_alpha_quality(100);
    let mut file = encoder.encode(&image).map_err(failed)?.to_vec();
    say_srgb(&mut file);
    Ok(file)
}

/// The encoder leaves the colour numbers at 2, "unspecified"; say what they are: BT.709 primaries, the curve of sRGB,
/// the matrix of BT.601, which is what libavif used.
fn say_srgb(file: &mut [u8]) {
    const UNSPECIFIED: &[u8] = b"colrnclx\0\x02\0\x02";
    let found = file.windows(UNSPECIFIED.len()).position(|window| window == UNSPECIFIED);
    if let Some(numbers) = found.and_then(|at| file.get_mut(at + 8..at + 14)) {
        numbers.copy_from_slice(&[0, 1, 0, 13, 0, 6]);
    }
}
