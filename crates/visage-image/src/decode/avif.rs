//! AVIF through libavif and libaom.

use crate::pixels::{Layout, Pixels};
use crate::{ImageError, Limits, buffer};

/// Decodes the picture; libavif always gives red, green, blue and alpha.
pub(super) fn decode(file: &[u8], limits: &Limits) -> Result<Pixels, ImageError> {
    let damaged = |cause: libavif::Error| ImageError::damaged(format!("the AVIF data cannot be decoded ({cause})"));
    let picture = libavif::decode_rgb(file).map_err(damaged)?;
    let length = u64::from(picture.width()) * u64::from(picture.height()) * 4;
    let mut data = buffer::zeroed(length, limits)?;
    if data.len() != picture.len() {
        return Err(ImageError::damaged("its rows have another length than its header says"));
    }
    data.copy_from_slice(&picture);
    Ok(Pixels {
        width: picture.width(),
        height: picture.height(),
        layout: Layout::Rgba,
        data,
    })
}
