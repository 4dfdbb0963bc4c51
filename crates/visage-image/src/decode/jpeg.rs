//! JPEG through libjpeg-turbo, which scales while it decodes.
//!
//! What is wrong with a file is decided here and in `visage_codecs::jpeg`, for all ways of decoding: a picture that lacks
//! pixels is refused; flaws that leave every pixel in place are passed over, as in browsers.

use visage_codecs::CodecError;
use visage_codecs::jpeg::{Colours, DecodeOptions, Decoder, PixelKind, Samples};

use crate::context::RenderContext;
use crate::pixels::{Layout, Pixels};
use crate::walk::jpeg::{self, Scans};
use crate::{Facts, ImageError};

/// More scans than any encoder makes; each costs a pass over all coefficients.
pub(crate) const MAX_SCANS: u32 = 100;

/// Decodes at 1/`scale` of the size; libjpeg rounds both sides up.
pub(crate) fn decode(file: &[u8], facts: &Facts, scale: u8, context: RenderContext<'_>) -> Result<Pixels, ImageError> {
    decode_opened(&mut open(file, context)?, facts, scale, context)
}

fn decode_opened(
    decoder: &mut Decoder<'_>,
    facts: &Facts,
    scale: u8,
    context: RenderContext<'_>,
) -> Result<Pixels, ImageError> {
    let header = decoder.header();
    if (header.width, header.height) != facts.stored_size() {
        return Err(ImageError::damaged("its pixels have another size than its header says"));
    }
    let (layout, kind) = match header.colours {
        Colours::Gray => (Layout::Gray, PixelKind::Gray),
        Colours::Cmyk | Colours::Ycck => (Layout::Cmyk, PixelKind::Cmyk),
        Colours::YCbCr | Colours::Rgb | Colours::Unknown => (Layout::Rgb, PixelKind::Rgb),
    };
    let Samples { width, height, data } = decoder
        .pixels(kind, &options(scale, context))
        .map_err(|cause| refusal(cause, context))?;
    Ok(Pixels {
        width,
        height,
        layout,
        data,
    })
}

/// Decoding at this scale reads every coefficient, and makes few pixels.
const PROOF_SCALE: u8 = 8;

/// Decodes all scans, to see that they are whole; returns how many bytes behind them belong to nothing.
pub(crate) fn prove(file: &[u8], facts: &Facts, context: RenderContext<'_>) -> Result<u32, ImageError> {
    let mut decoder = open(file, context)?;
    decode_opened(&mut decoder, facts, PROOF_SCALE, context)?;
    Ok(decoder.stray_bytes())
}

/// Writes the coefficients of a file anew: the same pixels, without anything that belongs to nothing.
pub(crate) fn rewrite(file: &[u8], context: RenderContext<'_>) -> Result<Vec<u8>, ImageError> {
    let mut decoder = open(file, context)?;
    decoder
        .rewrite(&options(1, context))
        .map_err(|cause| refusal(cause, context))
}

/// Reads the header of a file whose scans are not too much work.
pub(crate) fn open<'a>(file: &'a [u8], context: RenderContext<'_>) -> Result<Decoder<'a>, ImageError> {
    let file = jpeg::from_last_start(file);
    check_scans(file, context)?;
    Decoder::new(file, context.limits.render_memory_bytes).map_err(|cause| refusal(cause, context))
}

pub(crate) fn options(scale: u8, context: RenderContext<'_>) -> DecodeOptions<'_> {
    DecodeOptions {
        scale,
        max_scans: MAX_SCANS,
        cancelled: context.cancelled,
    }
}

pub(crate) fn refusal(cause: CodecError, context: RenderContext<'_>) -> ImageError {
    match cause {
        CodecError::Damaged(reason) | CodecError::Failed(reason) => ImageError::from_decoder(reason),
        CodecError::Unsupported(name) => ImageError::Unsupported { name },
        CodecError::TooLarge { .. } => ImageError::TooMuchMemory {
            needed_bytes: context.limits.render_memory_bytes.saturating_add(1),
            max_bytes: context.limits.render_memory_bytes,
        },
        CodecError::Cancelled => ImageError::Cancelled,
    }
}

/// Refuses a file before it is decoded when its scans would be more work than a picture of its size is worth.
fn check_scans(file: &[u8], context: RenderContext<'_>) -> Result<(), ImageError> {
    let limits = context.limits;
    let max_coefficients = limits.source_pixels.saturating_mul(limits.jpeg_passes);
    let mut coefficients = 0_u64;
    for (scans, scan) in (1_u32..).zip(Scans::of_file(file)) {
        coefficients = coefficients.saturating_add(scan?.coefficients);
        if scans > MAX_SCANS || coefficients > max_coefficients {
            return Err(ImageError::TooManyScans { scans });
        }
    }
    Ok(())
}
