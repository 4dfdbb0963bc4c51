//! GIF through the gif crate: one frame with its own palette, transparency on or off.

use gif::{Encoder, Frame};
use visage_cloudinary::ImageFormat;

use super::failed;
use crate::pixels::{Layout, Pixels};
use crate::{ImageError, Limits, buffer};

/// Of 1 to 30, for the search of the palette; 10 is the crate's own default.
const SPEED: i32 = 10;

/// Encodes red, green, blue and perhaps alpha, which becomes nothing or all.
pub(super) fn encode(pixels: &Pixels, limits: &Limits) -> Result<Vec<u8>, ImageError> {
    let failed = |cause: &dyn std::fmt::Display| failed(ImageFormat::Gif, cause);
    let side = |pixels: u32| u16::try_from(pixels).map_err(|cause| failed(&cause));
    let (width, height) = (side(pixels.width)?, side(pixels.height)?);
    let frame = match pixels.layout {
        Layout::Rgb => Frame::from_rgb_speed(width, height, &pixels.data, SPEED),
        Layout::Rgba => {
            let mut data = buffer::zeroed(u64::try_from(pixels.data.len()).unwrap_or(u64::MAX), limits)?;
            data.copy_from_slice(&pixels.data);
            for pixel in data.as_chunks_mut::<4>().0 {
                *pixel = if pixel[3] < 128 {
                    [0; 4]
                } else {
                    [pixel[0], pixel[1], pixel[2], 255]
                };
            }
            Frame::from_rgba_speed(width, height, &mut data, SPEED)
        }
        Layout::Gray | Layout::GrayAlpha | Layout::Cmyk => return Err(failed(&"these channels are not made")),
    };
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height, &[]).map_err(|cause| failed(&cause))?;
    encoder.write_frame(&frame).map_err(|cause| failed(&cause))?;
    drop(encoder);
    Ok(file)
}
