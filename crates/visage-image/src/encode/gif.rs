//! GIF through the gif crate: each frame with its own palette, transparency on or off.

use gif::{DisposalMethod, Encoder, Frame, Repeat};
use visage_cloudinary::ImageFormat;

use super::animation::Part;
use super::failed;
use crate::pixels::{Layout, Pixels};
use crate::{ImageError, Limits, buffer};

/// Of 1 to 30, for the search of the palette; 10 is the crate's own default.
const SPEED: i32 = 10;

/// Encodes red, green, blue and perhaps alpha, which becomes nothing or all.
pub(super) fn encode(pixels: &Pixels, limits: &Limits) -> Result<Vec<u8>, ImageError> {
    let failed = |cause: &dyn std::fmt::Display| failed(ImageFormat::Gif, cause);
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

/// Writes the frames of an animation.
pub(super) struct FrameWriter(Encoder<Vec<u8>>);

impl std::fmt::Debug for FrameWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FrameWriter")
    }
}

impl FrameWriter {
    /// Begins a file; an animation that is played once says nothing of it, any other how often it is *repeated*.
    pub(super) fn new((width, height): (u32, u32), plays: u16) -> Result<Self, ImageError> {
        let (width, height) = (side(width)?, side(height)?);
        let mut encoder = Encoder::new(Vec::new(), width, height, &[]).map_err(not_written)?;
        match plays {
            0 => encoder.set_repeat(Repeat::Infinite).map_err(not_written)?,
            1 => {}
            more => encoder.set_repeat(Repeat::Finite(more - 1)).map_err(not_written)?,
        }
        Ok(Self(encoder))
    }

    /// Writes one frame; when it `clears`, its area becomes transparent after it.
    pub(super) fn write(&mut self, part: &Part, delay_ms: u32, clears: bool) -> Result<(), ImageError> {
        let (width, height) = (side(part.pixels.width)?, side(part.pixels.height)?);
        let mut data = buffer::with_room(part.pixels.data.len())?;
        data.extend_from_slice(&part.pixels.data);
        let mut frame = Frame::from_rgba_speed(width, height, &mut data, SPEED);
        (frame.left, frame.top) = (side(part.left)?, side(part.top)?);
        frame.delay = u16::try_from((delay_ms.saturating_add(5)) / 10).unwrap_or(u16::MAX);
        frame.dispose = if clears {
            DisposalMethod::Background
        } else {
            DisposalMethod::Keep
        };
        self.0.write_frame(&frame).map_err(not_written)
    }

    /// The file.
    pub(super) fn finish(self) -> Result<Vec<u8>, ImageError> {
        self.0.into_inner().map_err(|cause| failed(ImageFormat::Gif, cause))
    }
}

fn side(pixels: u32) -> Result<u16, ImageError> {
    u16::try_from(pixels).map_err(|cause| failed(ImageFormat::Gif, cause))
}

fn not_written(cause: gif::EncodingError) -> ImageError {
    failed(ImageFormat::Gif, cause)
}
