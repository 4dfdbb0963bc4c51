//! From decoded planes to a small picture: each plane is resampled at its own size.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeOptions, Resizer};
use turbojpeg::{Compressor, Subsamp, YuvImage};

use super::{Plane, Planes, View};
use crate::pixels::{Layout, Pixels, usize_from};
use crate::plan::Window;
use crate::{ImageError, Limits, buffer};

/// A chroma sample without colour.
const NO_COLOUR: u8 = 128;

/// A view of decoded planes, in the colours of the file.
#[derive(Debug)]
pub(crate) struct Shrunk {
    pub(crate) planes: Planes,
    pub(crate) view: View,
}

impl Shrunk {
    /// What the samples are.
    pub(crate) fn layout(&self) -> Layout {
        if self.planes.channels.len() == 3 {
            Layout::Rgb
        } else {
            Layout::Gray
        }
    }

    /// Gray, or red, green and blue.
    pub(crate) fn pixels(&self, limits: &Limits) -> Result<Pixels, ImageError> {
        let (width, height) = (self.view.width, self.view.height);
        let size = (width, height);
        let luma = self.resized(0, size, size, limits)?;
        if self.layout() == Layout::Gray {
            return Ok(Pixels {
                width,
                height,
                layout: Layout::Gray,
                data: luma,
            });
        }
        let (blue, red) = (
            self.resized(1, size, size, limits)?,
            self.resized(2, size, size, limits)?,
        );
        let mut pixels = Pixels::zeroed(width, height, Layout::Rgb, limits)?;
        let levels = luma.iter().zip(&blue).zip(&red);
        for (pixel, ((&luma, &blue), &red)) in pixels.data.as_chunks_mut::<3>().0.iter_mut().zip(levels) {
            *pixel = rgb(luma, blue, red);
        }
        Ok(pixels)
    }

    /// A JPEG file with 4:2:0 chroma, without a way through red, green and blue.
    pub(crate) fn jpeg(&self, quality: u8, limits: &Limits) -> Result<Vec<u8>, ImageError> {
        let (width, height) = (self.view.width, self.view.height);
        let halves = (width.div_ceil(2), height.div_ceil(2));
        let doubled = (halves.0 * 2, halves.1 * 2);
        let luma = padded(
            self.resized(0, (width, height), (width, height), limits)?,
            (width, height),
            doubled,
            limits,
        )?;
        let mut planes = luma;
        if self.layout() == Layout::Gray {
            let both = 2 * usize_from(halves.0) * usize_from(halves.1);
            planes.resize(planes.len() + both, NO_COLOUR);
        } else {
            for channel in [1, 2] {
                let chroma = self.resized(channel, halves, (width, height), limits)?;
                planes.extend_from_slice(&chroma);
            }
        }
        let image = YuvImage {
            pixels: planes.as_slice(),
            width: usize_from(width),
            align: 1,
            height: usize_from(height),
            subsamp: Subsamp::Sub2x2,
        };
        compress(image, quality).map_err(|cause| ImageError::Encode {
            format: visage_cloudinary::ImageFormat::Jpg,
            reason: cause.to_string(),
        })
    }

    /// One plane with `size` samples; chroma samples of an odd side reach half a sample past the window, so `of` is
    /// the size in pixels that the window stands for.
    #[allow(clippy::cast_precision_loss, reason = "sampling factors are at most 4")]
    fn resized(
        &self,
        channel: usize,
        size: (u32, u32),
        of: (u32, u32),
        limits: &Limits,
    ) -> Result<Vec<u8>, ImageError> {
        let plane = self
            .planes
            .channels
            .get(channel)
            .ok_or_else(|| failed("a plane is missing"))?;
        let finest = if channel == 0 { (1, 1) } else { self.planes.finest };
        let scale = self.planes.scale;
        let (across, down) = (scale * finest.0 as f64, scale * finest.1 as f64);
        let reach = |samples: u32, pixels: u32| {
            let per_pixel = if samples == pixels { 1.0 } else { 2.0 };
            f64::from(samples) * per_pixel / f64::from(pixels)
        };
        let window = Window {
            x: self.view.window.x / across,
            y: self.view.window.y / down,
            width: self.view.window.width * reach(size.0, of.0) / across,
            height: self.view.window.height * reach(size.1, of.1) / down,
        };
        resample(plane, window, size, limits)
    }
}

fn resample(
    plane: &Plane,
    window: Window,
    (width, height): (u32, u32),
    limits: &Limits,
) -> Result<Vec<u8>, ImageError> {
    let mut target = buffer::zeroed(u64::from(width) * u64::from(height), limits)?;
    let rows = plane.data.len() / plane.width.max(1);
    let size = (
        u32::try_from(plane.width).map_err(failed)?,
        u32::try_from(rows).map_err(failed)?,
    );
    let window = window.inside(size);
    let from = ImageRef::new(size.0, size.1, &plane.data, PixelType::U8).map_err(failed)?;
    let mut to = Image::from_slice_u8(width, height, &mut target, PixelType::U8).map_err(failed)?;
    let options = ResizeOptions::new().crop(window.x, window.y, window.width, window.height);
    Resizer::new().resize(&from, &mut to, &options).map_err(failed)?;
    Ok(target)
}

/// libjpeg wants whole pairs of luma samples: the last column and row are doubled where a side is odd.
fn padded(luma: Vec<u8>, from: (u32, u32), to: (u32, u32), limits: &Limits) -> Result<Vec<u8>, ImageError> {
    if from == to {
        return Ok(luma);
    }
    let (width, wider) = (usize_from(from.0), usize_from(to.0));
    let mut target = buffer::zeroed(u64::from(to.0) * u64::from(to.1), limits)?;
    for (number, row) in target.chunks_exact_mut(wider).enumerate() {
        let number = number.min(usize_from(from.1) - 1);
        let source = luma.chunks_exact(width).nth(number).unwrap_or_default();
        for (pixel, level) in row.iter_mut().zip(source.iter().chain(source.last())) {
            *pixel = *level;
        }
    }
    Ok(target)
}

fn compress(image: YuvImage<&[u8]>, quality: u8) -> turbojpeg::Result<Vec<u8>> {
    let mut compressor = Compressor::new()?;
    compressor.set_quality(i32::from(quality))?;
    compressor.set_optimize(true)?;
    compressor.compress_yuv_to_vec(image)
}

/// Full-range BT.601 (JFIF): R = Y + 1.402 Cr, G = Y - 0.344136 Cb - 0.714136 Cr, B = Y + 1.772 Cb; in 1/65536.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
fn rgb(luma: u8, blue: u8, red: u8) -> [u8; 3] {
    let (blue, red) = (i32::from(blue) - 128, i32::from(red) - 128);
    let luma = (i32::from(luma) << 16) + (1 << 15);
    [
        luma + 91_881 * red,
        luma - 22_554 * blue - 46_802 * red,
        luma + 116_130 * blue,
    ]
    .map(|level| (level >> 16).clamp(0, 255) as u8)
}

fn failed(cause: impl std::fmt::Display) -> ImageError {
    ImageError::damaged(format!("its pixels could not be resized ({cause})"))
}
