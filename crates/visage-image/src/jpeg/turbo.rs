//! Planes by libjpeg-turbo, for files and scales that our own decoders leave out.
//!
//! Without the way through red, green and blue, chroma is resampled once instead of twice, and there are half as many
//! numbers to resample.

use visage_codecs::jpeg::{Colours, Header};

use super::{Plane, Planes};
use crate::context::RenderContext;
use crate::decode::jpeg::{open, options, refusal};
use crate::pixels::usize_from;
use crate::{Facts, ImageError};

/// Decodes all of a file at 1/`scale`; `None` when it has other colours or another subsampling than is usual.
///
/// # Errors
/// Whatever libjpeg-turbo finds wrong, but for flaws that leave every pixel in place.
pub(super) fn decode(
    file: &[u8],
    facts: &Facts,
    scale: u8,
    context: RenderContext<'_>,
) -> Result<Option<Planes>, ImageError> {
    let mut decoder = open(file, context)?;
    let header = decoder.header();
    let Some(finest) = finest(header) else {
        return Ok(None);
    };
    if (header.width, header.height) != facts.stored_size() {
        return Ok(None);
    }
    let divisor = u32::from(scale.max(1));
    let sizes = plane_sizes(header, finest, divisor);
    let samples = decoder
        .planes(&sizes, &options(scale, context))
        .map_err(|cause| refusal(cause, context))?;
    let mut channels = Vec::new();
    let mut data = samples.data;
    for (width, height) in sizes {
        let width = usize_from(width);
        let rest = data.split_off((width * usize_from(height)).min(data.len()));
        channels.push(Plane { width, data });
        data = rest;
    }
    Ok(Some(Planes {
        channels,
        scale: f64::from(scale),
        finest: (usize_from(finest.0), usize_from(finest.1)),
    }))
}

/// The size of each plane: luma in whole groups of samples that share a chroma sample.
fn plane_sizes(header: &Header, (across, down): (u32, u32), divisor: u32) -> Vec<(u32, u32)> {
    let chroma = (
        header.width.div_ceil(divisor).div_ceil(across),
        header.height.div_ceil(divisor).div_ceil(down),
    );
    let mut sizes = vec![(chroma.0 * across, chroma.1 * down)];
    sizes.resize(header.sampling.len(), chroma);
    sizes
}

/// How much finer luma is than chroma, across and down.
fn finest(header: &Header) -> Option<(u32, u32)> {
    match (header.colours, header.sampling.as_slice()) {
        (Colours::Gray, [_]) => Some((1, 1)),
        (Colours::YCbCr, [luma @ (1 | 2, 1 | 2), (1, 1), (1, 1)]) => Some(*luma),
        _ => None,
    }
}
