//! GIF: a walk over all blocks, which stops as soon as there are too many frames.

use visage_cloudinary::ImageFormat;

use super::{Frames, check_size, still};
use crate::walk::gif::{Block, GRAPHIC_CONTROL, open};
use crate::{Facts, ImageError, Limits, Orientation};

/// A frame may reach beyond the picture, and is decoded whole all the same: by so many pixels, because what decoding may
/// take counts by the picture.
const MAX_PIXELS_BEYOND: u64 = 1 << 20;

pub(super) fn probe(bytes: &[u8], limits: &Limits) -> Result<Facts, ImageError> {
    let (header, blocks) = open(bytes)?;
    check_size(header.width, header.height, limits)?;
    let (mut frames, mut has_alpha) = (Frames::default(), false);
    for block in blocks {
        match block? {
            Block::Image(image) => {
                frames.add(image.width, image.height, limits)?;
                if pixels(image.width, image.height) > pixels(header.width, header.height) + MAX_PIXELS_BEYOND {
                    return Err(ImageError::damaged("a frame is larger than the picture"));
                }
                let covers =
                    image.left == 0 && image.top == 0 && image.width >= header.width && image.height >= header.height;
                has_alpha |= frames.count == 1 && !covers;
            }
            Block::Extension {
                label: GRAPHIC_CONTROL,
                data,
                ..
            } => {
                has_alpha |= data.get(1).is_some_and(|flags| flags & 1 == 1);
            }
            Block::Extension { .. } | Block::Trailer => {}
        }
    }
    if frames.count == 0 {
        return Err(ImageError::damaged("it holds no picture"));
    }
    let facts = still(
        ImageFormat::Gif,
        (header.width, header.height),
        Orientation::Normal,
        has_alpha,
    );
    Ok(Facts {
        frames: frames.count,
        ..facts
    })
}

fn pixels(width: u32, height: u32) -> u64 {
    u64::from(width) * u64::from(height)
}
