//! Planes by libjpeg-turbo, for files and scales that our own decoders leave out.
//!
//! Without the way through red, green and blue, chroma is resampled once instead of twice, and there are half as many
//! numbers to resample.

use turbojpeg::{Colorspace, Decompressor, ScalingFactor, Subsamp, YuvImage, yuv_pixels_len};

use super::{Plane, Planes};
use crate::decode::jpeg::MAX_SCANS;
use crate::pixels::usize_from;
use crate::{Facts, ImageError, Limits, buffer};

/// Decodes all of a file at 1/`scale`; `None` when it has other colours or another subsampling than is usual.
///
/// # Errors
/// Whatever libjpeg-turbo finds wrong, warnings included.
pub(super) fn decode(file: &[u8], facts: &Facts, scale: u8, limits: &Limits) -> Result<Option<Planes>, ImageError> {
    let mut decoder = Decompressor::new().map_err(ImageError::from_decoder)?;
    let header = decoder.read_header(file).map_err(ImageError::from_decoder)?;
    let Some(finest) = finest(header.subsamp, header.colorspace) else {
        return Ok(None);
    };
    let (width, height) = facts.stored_size();
    if header.is_lossless || (header.width, header.height) != (usize_from(width), usize_from(height)) {
        return Ok(None);
    }
    let factor = ScalingFactor::new(1, usize::from(scale.max(1)));
    decoder.set_scan_limit(MAX_SCANS).map_err(ImageError::from_decoder)?;
    decoder.set_scaling_factor(factor).map_err(ImageError::from_decoder)?;
    let (width, height) = (factor.scale(header.width), factor.scale(header.height));
    let length = yuv_pixels_len(width, 1, height, header.subsamp).map_err(ImageError::from_decoder)?;
    let length = u64::try_from(length).map_err(ImageError::from_decoder)?;
    let mut image = YuvImage {
        pixels: buffer::zeroed(length, limits)?,
        width,
        align: 1,
        height,
        subsamp: header.subsamp,
    };
    decoder
        .decompress_to_yuv(file, image.as_deref_mut())
        .map_err(ImageError::from_decoder)?;
    let mut channels = Vec::new();
    let (luma_width, luma_height) = (image.y_width(), image.y_height());
    let (chroma_width, chroma_height) = (image.uv_width(), image.uv_height());
    let mut chroma = image.pixels;
    let mut sizes = vec![(luma_width, luma_height)];
    if header.subsamp != Subsamp::Gray {
        sizes.extend([(chroma_width, chroma_height); 2]);
    }
    for (width, height) in sizes {
        let rest = chroma.split_off((width * height).min(chroma.len()));
        channels.push(Plane { width, data: chroma });
        chroma = rest;
    }
    Ok(Some(Planes {
        channels,
        scale: f64::from(scale),
        finest,
    }))
}

/// How much finer luma is than chroma, across and down.
fn finest(subsampling: Subsamp, colours: Colorspace) -> Option<(usize, usize)> {
    match (colours, subsampling) {
        (Colorspace::Gray, Subsamp::Gray) | (Colorspace::YCbCr, Subsamp::None) => Some((1, 1)),
        (Colorspace::YCbCr, Subsamp::Sub2x1) => Some((2, 1)),
        (Colorspace::YCbCr, Subsamp::Sub1x2) => Some((1, 2)),
        (Colorspace::YCbCr, Subsamp::Sub2x2) => Some((2, 2)),
        _ => None,
    }
}
