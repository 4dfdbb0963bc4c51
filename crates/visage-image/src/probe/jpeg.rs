//! JPEG: the frame header, and the orientation in EXIF.

use visage_cloudinary::ImageFormat;

use super::{check_size, still};
use crate::walk::jpeg::{APP1, EOI, FrameHeader, SOS, Segments};
use crate::walk::tiff;
use crate::{Facts, ImageError, Limits, Orientation};

pub(super) fn probe(bytes: &[u8], limits: &Limits) -> Result<Facts, ImageError> {
    let mut orientation = None;
    let mut header = None;
    for segment in Segments::new(bytes) {
        let segment = segment?;
        if segment.is_frame_header() && header.is_none() {
            let frame = segment
                .frame_header()
                .ok_or_else(|| ImageError::damaged("its frame header is cut short"))?;
            check_coding(segment.marker, frame)?;
            check_size(frame.width, frame.height, limits)?;
            header = Some(frame);
        }
        match segment.marker {
            APP1 if orientation.is_none() && segment.payload.starts_with(b"Exif\0\0") => {
                orientation = Some(tiff::exif_orientation(segment.payload));
            }
            SOS | EOI => break,
            _ => {}
        }
    }
    let header = header.ok_or_else(|| ImageError::damaged("it has no frame header"))?;
    let orientation: Orientation = orientation.unwrap_or_default();
    Ok(still(
        ImageFormat::Jpg,
        (header.width, header.height),
        orientation,
        false,
    ))
}

/// Refuses what browsers do not show either: arithmetic coding, lossless and hierarchical JPEG, more than eight bits.
fn check_coding(marker: u8, header: FrameHeader) -> Result<(), ImageError> {
    if !matches!(marker, 0xC0..=0xC2) {
        return Err(ImageError::Unsupported {
            name: "a lossless or arithmetic-coded JPEG",
        });
    }
    if header.bits != 8 {
        return Err(ImageError::Unsupported {
            name: "a JPEG with more than 8 bits per channel",
        });
    }
    if !matches!(header.components, 1 | 3 | 4) {
        return Err(ImageError::damaged(format!(
            "it has {} colour channels",
            header.components
        )));
    }
    Ok(())
}
