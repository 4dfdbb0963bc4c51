//! TIFF: the first directory; further pages are not looked at.

use visage_cloudinary::ImageFormat;

use super::{check_size, still};
use crate::walk::tiff::Directory;
use crate::{Facts, ImageError, Limits};

pub(super) fn probe(bytes: &[u8], limits: &Limits) -> Result<Facts, ImageError> {
    let directory = Directory::open(bytes).ok_or_else(|| ImageError::damaged("it has no directory"))?;
    let side = |tag| {
        directory
            .number(tag)
            .ok_or_else(|| ImageError::damaged("its directory states no size"))
    };
    let stored = (side(Directory::WIDTH)?, side(Directory::HEIGHT)?);
    check_size(stored.0, stored.1, limits)?;
    let samples = directory.number(Directory::SAMPLES_PER_PIXEL).unwrap_or(1);
    let has_alpha = matches!(directory.number(Directory::EXTRA_SAMPLES), Some(1 | 2)) && matches!(samples, 2 | 4);
    Ok(still(ImageFormat::Tiff, stored, directory.orientation(), has_alpha))
}
