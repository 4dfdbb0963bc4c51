//! Icons: the largest picture.

use visage_cloudinary::ImageFormat;

use super::{check_size, still};
use crate::walk::ico::largest;
use crate::{Facts, ImageError, Limits, Orientation};

pub(super) fn probe(bytes: &[u8], limits: &Limits) -> Result<Facts, ImageError> {
    let picture = largest(bytes)?;
    check_size(picture.width, picture.height, limits)?;
    let size = (picture.width, picture.height);
    Ok(still(ImageFormat::Ico, size, Orientation::Normal, true))
}
