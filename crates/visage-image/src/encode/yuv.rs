//! Red, green and blue become luma and chroma of BT.601 that use all values.

use visage_codecs::av1::{Chroma, Planes};

use crate::pixels::{Layout, Pixels, usize_from};
use crate::{ImageError, buffer};

/// The parts of red and blue in luma (ITU-T H.273, table 4, 6).
const RED: f32 = 0.299;
const BLUE: f32 = 0.114;
const GREEN: f32 = 1.0 - RED - BLUE;

/// Planes of 8-bit samples.
#[derive(Debug)]
pub(super) struct Yuv {
    chroma: Chroma,
    planes: [Vec<u8>; 3],
}

impl Yuv {
    /// The colours; of four pixels that share chroma samples, the mean.
    pub(super) fn of_colours(pixels: &Pixels, chroma: Chroma) -> Result<Self, ImageError> {
        let (chroma_width, chroma_height) = chroma.plane_size(pixels.width, pixels.height);
        let size = |width: u32, height: u32| usize_from(width).saturating_mul(usize_from(height));
        let mut luma = buffer::with_room(size(pixels.width, pixels.height))?;
        let mut blue = buffer::with_room(size(chroma_width, chroma_height))?;
        let mut red = buffer::with_room(size(chroma_width, chroma_height))?;
        let at_once = if chroma == Chroma::Quarter { 2 } else { 1 };
        let width = usize_from(pixels.width);
        let mut differences = vec![[0.0; 2]; width];
        for rows in pixels.data.chunks(pixels.row_bytes() * at_once) {
            differences.fill([0.0; 2]);
            let mut count = 0.0;
            for row in rows.chunks_exact(pixels.row_bytes()) {
                if pixels.layout == Layout::Rgba {
                    add_row(row.as_chunks::<4>().0, &mut luma, &mut differences);
                } else {
                    add_row(row.as_chunks::<3>().0, &mut luma, &mut differences);
                }
                count += 1.0;
            }
            for shared in differences.chunks(at_once) {
                let (mut of_blue, mut of_red, mut columns) = (0.0, 0.0, 0.0);
                for [for_blue, for_red] in shared {
                    of_blue += for_blue;
                    of_red += for_red;
                    columns += 1.0;
                }
                let samples = columns * count;
                blue.push(level(of_blue / samples / (2.0 * (1.0 - BLUE)) + 128.0));
                red.push(level(of_red / samples / (2.0 * (1.0 - RED)) + 128.0));
            }
        }
        Ok(Self {
            chroma,
            planes: [luma, blue, red],
        })
    }

    /// The alpha plane, unless nothing is transparent.
    pub(super) fn of_alpha(pixels: &Pixels) -> Result<Option<Self>, ImageError> {
        let alpha = pixels.data.as_chunks::<4>().0.iter().map(|pixel| pixel[3]);
        if pixels.layout != Layout::Rgba || alpha.clone().all(|alpha| alpha == u8::MAX) {
            return Ok(None);
        }
        let mut plane = buffer::with_room(alpha.len())?;
        plane.extend(alpha);
        Ok(Some(Self {
            chroma: Chroma::Gray,
            planes: [plane, Vec::new(), Vec::new()],
        }))
    }

    pub(super) fn as_planes(&self, width: u32, height: u32) -> Planes<'_> {
        Planes {
            width,
            height,
            chroma: self.chroma,
            planes: self.planes.each_ref().map(Vec::as_slice),
        }
    }
}

/// Appends the luma of a row, and adds how far blue and red lie from it.
fn add_row<const CHANNELS: usize>(row: &[[u8; CHANNELS]], luma: &mut Vec<u8>, differences: &mut [[f32; 2]]) {
    for (pixel, differences) in row.iter().zip(differences) {
        let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
        let light = RED * red + GREEN * green + BLUE * blue;
        luma.push(level(light));
        differences[0] += blue - light;
        differences[1] += red - light;
    }
}

/// The nearest level.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is cut to the range of a byte"
)]
fn level(value: f32) -> u8 {
    (value + 0.5).clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(layout: Layout, size: (u32, u32), data: &[u8], chroma: Chroma, expected: [&[u8]; 3]) {
        let pixels = Pixels {
            width: size.0,
            height: size.1,
            layout,
            data: data.to_vec(),
        };
        let yuv = Yuv::of_colours(&pixels, chroma).unwrap();
        assert_eq!(yuv.planes.each_ref().map(Vec::as_slice), expected);
    }

    #[test]
    fn primary_colours_have_the_samples_of_bt601() {
        let colours = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255];
        let expected: [&[u8]; 3] = [&[76, 150, 29, 255], &[85, 44, 255, 128], &[255, 21, 107, 128]];
        check(Layout::Rgb, (4, 1), &colours, Chroma::Full, expected);
    }

    #[test]
    fn shared_chroma_is_the_mean_at_odd_edges_too() {
        let gray = [100, 100, 100];
        let data = [[255, 0, 0], [0, 0, 255], gray, gray, gray, gray, gray, gray, gray].concat();
        // (85 + 255 + 128 + 128) / 4 and (255 + 107 + 128 + 128) / 4, before rounding.
        let expected: [&[u8]; 3] = [
            &[76, 29, 100, 100, 100, 100, 100, 100, 100],
            &[149, 128, 128, 128],
            &[155, 128, 128, 128],
        ];
        check(Layout::Rgb, (3, 3), &data, Chroma::Quarter, expected);
    }

    #[test]
    fn opaque_picture_has_no_alpha_plane() {
        let mut pixels = Pixels {
            width: 2,
            height: 1,
            layout: Layout::Rgba,
            data: vec![1, 2, 3, 255, 4, 5, 6, 255],
        };
        assert!(Yuv::of_alpha(&pixels).unwrap().is_none());
        pixels.data[7] = 254;
        assert_eq!(Yuv::of_alpha(&pixels).unwrap().unwrap().planes[0], [255, 254]);
    }
}
