//! AVIF: luma and chroma are made here, libaom encodes them, and `avif_file` writes the file.

use visage_cloudinary::ImageFormat;
use visage_codecs::CodecError;
use visage_codecs::av1::{self, Chroma};

use super::avif_file::{self, Stream};
use super::yuv::Yuv;
use super::{Effort, EncodeOptions, failed};
use crate::ImageError;
use crate::pixels::{Layout, Pixels};

/// Of 0 to 10. At 9 a small picture costs half of what WebP costs and needs no more bytes; 8 takes five times as long.
const FAST: u8 = 9;

/// Ten times as long as at 9 for a sixth fewer bytes; below it, time grows without much more gain.
const REFINED: u8 = 6;

/// Encodes with 4:2:0 chroma unless 4:4:4 is asked for; alpha stays exact.
pub(super) fn encode(pixels: &Pixels, options: EncodeOptions) -> Result<Vec<u8>, ImageError> {
    let cancelled: &dyn Fn() -> bool = &|| false;
    if !matches!(pixels.layout, Layout::Rgb | Layout::Rgba) {
        return Err(failed(ImageFormat::Avif, "these channels are not made"));
    }
    let chroma = if options.chroma_444 {
        Chroma::Full
    } else {
        Chroma::Quarter
    };
    let speed = match options.effort {
        Effort::Fast => FAST,
        Effort::Refined => REFINED,
    };
    let encode = |planes: &Yuv, quantizer: u8| {
        let planes = planes.as_planes(pixels.width, pixels.height);
        let stream = av1::encode(&planes, av1::EncodeOptions { speed, quantizer }, cancelled);
        stream.map_err(refusal).and_then(Stream::new)
    };
    let colour = encode(&Yuv::of_colours(pixels, chroma)?, quantizer(options.quality))?;
    let alpha = Yuv::of_alpha(pixels)?.map(|alpha| encode(&alpha, 0)).transpose()?;
    avif_file::write((pixels.width, pixels.height), &colour, alpha.as_ref())
}

/// A quality of 0 to 100 on AV1's scale of 63 (worst) to 0.
fn quantizer(quality: u8) -> u8 {
    let lost = u16::from(100 - quality.min(100));
    u8::try_from((lost * 63 + 50) / 100).unwrap_or(63)
}

fn refusal(cause: CodecError) -> ImageError {
    match cause {
        CodecError::Cancelled => ImageError::Cancelled,
        CodecError::Damaged(_) | CodecError::Unsupported(_) | CodecError::TooLarge { .. } | CodecError::Failed(_) => {
            failed(ImageFormat::Avif, cause)
        }
    }
}
