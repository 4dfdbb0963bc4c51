//! JPEG through libjpeg-turbo. Its warnings count as errors: a picture with a grey rest is not the picture.

use turbojpeg::{Colorspace, Decompressor, Image, PixelFormat, ScalingFactor};

use crate::pixels::{Layout, Pixels, usize_from};
use crate::{Facts, ImageError, Limits};

/// More scans than any encoder makes; each costs a pass over all coefficients.
pub(crate) const MAX_SCANS: u32 = 100;

/// Decodes at 1/`scale` of the size; libjpeg rounds both sides up.
pub(crate) fn decode(file: &[u8], facts: &Facts, scale: u8, limits: &Limits) -> Result<Pixels, ImageError> {
    let mut decoder = Decompressor::new().map_err(ImageError::from_decoder)?;
    let header = decoder.read_header(file).map_err(ImageError::from_decoder)?;
    let (width, height) = facts.stored_size();
    if (header.width, header.height) != (usize_from(width), usize_from(height)) {
        return Err(ImageError::damaged("its pixels have another size than its header says"));
    }
    let (layout, format) = match header.colorspace {
        Colorspace::Gray => (Layout::Gray, PixelFormat::GRAY),
        Colorspace::CMYK | Colorspace::YCCK => (Layout::Cmyk, PixelFormat::CMYK),
        _ => (Layout::Rgb, PixelFormat::RGB),
    };
    decoder.set_scan_limit(MAX_SCANS).map_err(ImageError::from_decoder)?;
    decoder
        .set_scaling_factor(ScalingFactor::new(1, usize::from(scale.max(1))))
        .map_err(ImageError::from_decoder)?;
    let divisor = u32::from(scale.max(1));
    let mut pixels = Pixels::zeroed(width.div_ceil(divisor), height.div_ceil(divisor), layout, limits)?;
    let output = Image {
        width: usize_from(pixels.width),
        height: usize_from(pixels.height),
        pitch: pixels.row_bytes(),
        pixels: pixels.data.as_mut_slice(),
        format,
    };
    decoder.decompress(file, output).map_err(ImageError::from_decoder)?;
    Ok(pixels)
}
