//! PNG and APNG: IHDR, transparency, number of frames, and the orientation in eXIf.

use visage_cloudinary::ImageFormat;

use super::{Frames, check_size, still};
use crate::walk::png::Chunks;
use crate::walk::tiff;
use crate::{Facts, ImageError, Limits, Orientation, bytes};

pub(super) fn probe(bytes: &[u8], limits: &Limits) -> Result<Facts, ImageError> {
    let mut header = None;
    let (mut has_transparency, mut orientation) = (false, Orientation::Normal);
    let (mut frames, mut announced, mut is_ended) = (Frames::default(), None, true);
    for chunk in Chunks::new(bytes) {
        let chunk = chunk?;
        match chunk.kind {
            b"IHDR" => header = Some(read_header(chunk.data, limits)?),
            b"tRNS" => has_transparency = true,
            b"eXIf" => orientation = tiff::exif_orientation(chunk.data),
            b"acTL" => announced = bytes::u32_be(chunk.data, 0),
            b"fcTL" => {
                let side = |at| bytes::u32_be(chunk.data, at).unwrap_or_default();
                frames.add(side(4), side(8), limits)?;
            }
            b"IEND" => is_ended = chunk.is_whole(),
            _ if header.is_none() => return Err(ImageError::damaged("it does not begin with its header")),
            _ => {}
        }
    }
    let (width, height, colour_type) = header.ok_or_else(|| ImageError::damaged("it has no header"))?;
    let facts = still(
        ImageFormat::Png,
        (width, height),
        orientation,
        has_transparency || colour_type & 4 != 0,
    );
    if !is_ended && announced.is_some_and(|announced| frames.count < announced) {
        return Err(ImageError::damaged("frames of the animation are missing"));
    }
    Ok(Facts {
        frames: if announced.is_some() { frames.count.max(1) } else { 1 },
        ..facts
    })
}

fn read_header(data: &[u8], limits: &Limits) -> Result<(u32, u32, u8), ImageError> {
    let cut = || ImageError::damaged("its header is cut short");
    let width = bytes::u32_be(data, 0).ok_or_else(cut)?;
    let height = bytes::u32_be(data, 4).ok_or_else(cut)?;
    let colour_type = *data.get(9).ok_or_else(cut)?;
    check_size(width, height, limits)?;
    Ok((width, height, colour_type))
}
