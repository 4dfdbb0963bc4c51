//! BMP: the file header and the two families of bitmap headers.

use visage_cloudinary::ImageFormat;

use super::{check_size, still};
use crate::{Facts, ImageError, Limits, Orientation, bytes};

const BITFIELDS: u32 = 3;

pub(super) fn probe(bytes: &[u8], limits: &Limits) -> Result<Facts, ImageError> {
    let (width, height) = size(bytes).ok_or_else(|| ImageError::damaged("its header is cut short"))?;
    check_size(width, height, limits)?;
    let has_alpha = has_alpha(bytes).unwrap_or_default();
    Ok(still(ImageFormat::Bmp, (width, height), Orientation::Normal, has_alpha))
}

/// The core header (12 bytes) has 16-bit sides; later ones signed 32-bit sides, a negative height meaning top down.
fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes::u32_le(bytes, 14)? == 12 {
        let side = |at| bytes::u16_le(bytes, at).map(u32::from);
        return Some((side(18)?, side(20)?));
    }
    let side = |at| bytes::u32_le(bytes, at).map(u32::cast_signed);
    Some((u32::try_from(side(18)?).unwrap_or_default(), side(22)?.unsigned_abs()))
}

/// Alpha needs a header of at least version 3, 32 bits per pixel and an alpha mask.
fn has_alpha(bytes: &[u8]) -> Option<bool> {
    let has_mask = bytes::u32_le(bytes, 14)? >= 56 && bytes::u32_le(bytes, 14 + 52)? != 0;
    Some(has_mask && bytes::u16_le(bytes, 28)? == 32 && bytes::u32_le(bytes, 30)? == BITFIELDS)
}
