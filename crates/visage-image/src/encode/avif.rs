//! AVIF through libavif and libaom.

use libavif::{Encoder, RgbPixels, YuvFormat};
use visage_cloudinary::ImageFormat;

use super::{Effort, EncodeOptions, failed};
use crate::ImageError;
use crate::pixels::{Layout, Pixels};

/// Of 0 to 10. At 9 a small picture costs half of what WebP costs and needs no more bytes; 8 takes five times as long.
const FAST: u8 = 9;

/// Ten times as long as at 9 for a sixth fewer bytes; below it, time grows without much more gain.
const REFINED: u8 = 6;

/// libavif's wrapper computes with 32 bits.
const MAX_BYTES: usize = 1 << 31;

/// Encodes with 4:2:0 chroma unless 4:4:4 is asked for; alpha stays exact.
pub(super) fn encode(pixels: &Pixels, options: EncodeOptions) -> Result<Vec<u8>, ImageError> {
    if !matches!(pixels.layout, Layout::Rgb | Layout::Rgba) || pixels.data.len() > MAX_BYTES {
        return Err(failed(ImageFormat::Avif, "these channels are not made"));
    }
    let failed = |cause| failed(ImageFormat::Avif, cause);
    let image = RgbPixels::new(pixels.width, pixels.height, &pixels.data)
        .map_err(failed)?
        .to_image(if options.chroma_444 {
            YuvFormat::Yuv444
        } else {
            YuvFormat::Yuv420
        });
    let speed = match options.effort {
        Effort::Fast => FAST,
        Effort::Refined => REFINED,
    };
    let mut encoder = Encoder::new();
    encoder
        .set_max_threads(1)
        .set_speed(speed)
        .set_quality(options.quality)
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
