//! WebP through libwebp. Frames of an animation are decoded one by one, each as a still picture of its own.

use webp::{Decoder, PixelLayout};

use crate::pixels::{Layout, Pixels, usize_from};
use crate::walk::riff::Chunks;
use crate::{Facts, ImageError, Limits, buffer, bytes};

/// Decodes a still picture, or the first frame of an animation on a transparent canvas.
pub(crate) fn decode(file: &[u8], facts: &Facts, limits: &Limits) -> Result<Pixels, ImageError> {
    let mut frames = Chunks::of_file(file)?.filter(|chunk| chunk.as_ref().map_or(true, |chunk| chunk.kind == b"ANMF"));
    match frames.next() {
        None => decode_still(file),
        Some(frame) => {
            let frame = Frame::read(frame?.data)?;
            frame.on_canvas(facts.stored_size(), limits)
        }
    }
}

/// Decodes all frames of an animation one after the other, to see that they are whole.
pub(crate) fn check_frames(file: &[u8]) -> Result<(), ImageError> {
    for chunk in Chunks::of_file(file)? {
        let chunk = chunk?;
        if chunk.kind == b"ANMF" {
            Frame::read(chunk.data)?;
        }
    }
    Ok(())
}

/// A decoded frame and its place.
pub(super) struct Frame {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) pixels: Pixels,
}

impl Frame {
    pub(super) fn read(data: &[u8]) -> Result<Self, ImageError> {
        let cut = || ImageError::damaged("a frame is cut short");
        let left = bytes::u24_le(data, 0).ok_or_else(cut)? * 2;
        let top = bytes::u24_le(data, 3).ok_or_else(cut)? * 2;
        let pixels = decode_still(&as_still(data)?)?;
        Ok(Self { left, top, pixels })
    }

    fn on_canvas(self, canvas: (u32, u32), limits: &Limits) -> Result<Pixels, ImageError> {
        let frame = self.pixels;
        if (self.left, self.top, frame.width, frame.height) == (0, 0, canvas.0, canvas.1) {
            return Ok(frame);
        }
        let inside = self
            .left
            .checked_add(frame.width)
            .is_some_and(|right| right <= canvas.0)
            && self
                .top
                .checked_add(frame.height)
                .is_some_and(|bottom| bottom <= canvas.1);
        if !inside {
            return Err(ImageError::damaged("a frame lies outside of the picture"));
        }
        let mut pixels = Pixels::zeroed(canvas.0, canvas.1, Layout::Rgba, limits)?;
        let (row_bytes, channels) = (pixels.row_bytes(), frame.layout.channels());
        let rows = pixels.data.chunks_exact_mut(row_bytes).skip(usize_from(self.top));
        for (to, from) in rows.zip(frame.data.chunks_exact(frame.row_bytes())) {
            let to = to.as_chunks_mut::<4>().0.iter_mut().skip(usize_from(self.left));
            for (to, from) in to.zip(from.chunks_exact(channels)) {
                to[3] = 255;
                to[..channels].copy_from_slice(from);
            }
        }
        Ok(pixels)
    }
}

/// The picture of a frame as a file of its own.
fn as_still(frame: &[u8]) -> Result<Vec<u8>, ImageError> {
    let cut = || ImageError::damaged("a frame is cut short");
    let chunks = frame.get(16..).ok_or_else(cut)?;
    let mut file = buffer::with_room(chunks.len() + 30)?;
    let has_alpha_plane = Chunks::inside(chunks).any(|chunk| chunk.is_ok_and(|chunk| chunk.kind == b"ALPH"));
    let header: &[u8] = if has_alpha_plane {
        b"VP8X\x0A\0\0\0\x10\0\0\0"
    } else {
        b""
    };
    let canvas: &[u8] = if has_alpha_plane {
        frame.get(6..12).ok_or_else(cut)?
    } else {
        b""
    };
    let size = u32::try_from(4 + header.len() + canvas.len() + chunks.len()).unwrap_or(u32::MAX);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&size.to_le_bytes());
    file.extend_from_slice(b"WEBP");
    file.extend_from_slice(header);
    file.extend_from_slice(canvas);
    file.extend_from_slice(chunks);
    Ok(file)
}

fn decode_still(file: &[u8]) -> Result<Pixels, ImageError> {
    let picture = Decoder::new(file)
        .decode()
        .ok_or_else(|| ImageError::damaged("the WebP data cannot be decoded"))?;
    let layout = match picture.layout() {
        PixelLayout::Rgb => Layout::Rgb,
        PixelLayout::Rgba => Layout::Rgba,
    };
    let mut data = buffer::with_room(picture.len())?;
    data.extend_from_slice(&picture);
    Ok(Pixels {
        width: picture.width(),
        height: picture.height(),
        layout,
        data,
    })
}
