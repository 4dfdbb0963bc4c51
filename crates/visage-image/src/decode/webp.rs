//! WebP through libwebp. Frames of an animation are decoded one by one, each as a still picture of its own.

use visage_codecs::CodecError;
use visage_codecs::webp::{self, Channels};

use crate::context::RenderContext;
use crate::pixels::{Layout, Pixels, usize_from};
use crate::walk::riff::Chunks;
use crate::{Facts, ImageError, Limits, buffer, bytes};

/// Decodes a still picture, or the first frame of an animation on a transparent canvas.
pub(crate) fn decode(file: &[u8], facts: &Facts, context: RenderContext<'_>) -> Result<Pixels, ImageError> {
    let mut frames = Chunks::of_file(file)?.filter(|chunk| chunk.as_ref().map_or(true, |chunk| chunk.kind == b"ANMF"));
    match frames.next() {
        None => decode_still(file, facts.stored_size(), context),
        Some(frame) => {
            let frame = Frame::read(frame?.data, facts.stored_size(), context)?;
            frame.on_canvas(facts.stored_size(), context.limits)
        }
    }
}

/// Decodes all frames of an animation one after the other, to see that they are whole.
pub(crate) fn check_frames(file: &[u8], facts: &Facts, context: RenderContext<'_>) -> Result<(), ImageError> {
    for chunk in Chunks::of_file(file)? {
        let chunk = chunk?;
        context.check()?;
        if chunk.kind == b"ANMF" {
            Frame::read(chunk.data, facts.stored_size(), context)?;
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
    /// Decodes a frame, unless it reaches beyond a canvas of the size `canvas`.
    pub(super) fn read(data: &[u8], canvas: (u32, u32), context: RenderContext<'_>) -> Result<Self, ImageError> {
        let number = |at| bytes::u24_le(data, at).ok_or_else(|| ImageError::damaged("a frame is cut short"));
        let (left, top) = (number(0)? * 2, number(3)? * 2);
        let (width, height) = (number(6)? + 1, number(9)? + 1);
        if left + width > canvas.0 || top + height > canvas.1 {
            return Err(ImageError::damaged("a frame lies outside of the picture"));
        }
        let pixels = decode_still(&as_still(data)?, (width, height), context)?;
        Ok(Self { left, top, pixels })
    }

    fn on_canvas(self, canvas: (u32, u32), limits: &Limits) -> Result<Pixels, ImageError> {
        let frame = self.pixels;
        if (self.left, self.top, frame.width, frame.height) == (0, 0, canvas.0, canvas.1) {
            return Ok(frame);
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

/// Decodes a file whose picture has this size.
fn decode_still(file: &[u8], size: (u32, u32), context: RenderContext<'_>) -> Result<Pixels, ImageError> {
    let max_bytes = context.limits.render_memory_bytes;
    let picture = webp::decode(file, size, max_bytes, context.cancelled).map_err(refusal)?;
    Ok(Pixels {
        width: picture.width,
        height: picture.height,
        layout: match picture.channels {
            Channels::Rgb => Layout::Rgb,
            Channels::Rgba => Layout::Rgba,
        },
        data: picture.pixels,
    })
}

fn refusal(cause: CodecError) -> ImageError {
    match cause {
        CodecError::Cancelled => ImageError::Cancelled,
        CodecError::TooLarge { max_bytes } => ImageError::TooMuchMemory {
            needed_bytes: max_bytes.saturating_add(1),
            max_bytes,
        },
        CodecError::Damaged(reason) | CodecError::Failed(reason) => {
            ImageError::damaged(format!("the WebP data cannot be decoded ({reason})"))
        }
        CodecError::Unsupported(name) => ImageError::Unsupported { name },
    }
}
