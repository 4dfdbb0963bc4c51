//! Animated GIF and WebP, fed frame by frame. Of each frame only what changed is written.

use visage_cloudinary::ImageFormat;

use super::{EncodeOptions, failed, gif, webp};
use crate::pixels::{Layout, Pixels, usize_from};
use crate::{ImageError, Limits, buffer};

/// Writes an animation; keeps two frames in memory beside the file.
#[derive(Debug)]
pub(crate) struct AnimationWriter {
    kind: Kind,
    size: (u32, u32),
    /// What is seen before the waiting frame is put on, red, green, blue and alpha.
    shown: Vec<u8>,
    /// Waits for the one after it, which decides whether it is taken away.
    waiting: Option<(Vec<u8>, u32)>,
}

#[derive(Debug)]
enum Kind {
    Gif(gif::FrameWriter),
    Webp {
        options: EncodeOptions,
        plays: u16,
        frames: Vec<u8>,
        has_alpha: bool,
    },
}

/// A part of a frame, red, green, blue and alpha.
pub(super) struct Part {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) pixels: Pixels,
}

impl AnimationWriter {
    /// Begins an animation of this size that is played `plays` times; 0 is without end.
    pub(crate) fn new(
        format: ImageFormat,
        size: (u32, u32),
        plays: u32,
        options: EncodeOptions,
        limits: &Limits,
    ) -> Result<Self, ImageError> {
        let plays = u16::try_from(plays).unwrap_or(u16::MAX);
        let kind = match format {
            ImageFormat::Gif => Kind::Gif(gif::FrameWriter::new(size, plays)?),
            ImageFormat::Webp => Kind::Webp {
                options,
                plays,
                frames: Vec::new(),
                has_alpha: false,
            },
            other => return Err(failed(other, "this format is not animated")),
        };
        let shown = Pixels::zeroed(size.0, size.1, Layout::Rgba, limits)?.data;
        Ok(Self {
            kind,
            size,
            shown,
            waiting: None,
        })
    }

    /// Adds a frame that is shown for `delay_ms`; all frames have the same size.
    pub(crate) fn add(&mut self, frame: &Pixels, delay_ms: u32, limits: &Limits) -> Result<(), ImageError> {
        if (frame.width, frame.height) != self.size {
            return Err(failed(self.format(), "the frames differ in size"));
        }
        let mut data = buffer::zeroed(u64::try_from(self.shown.len()).unwrap_or(u64::MAX), limits)?;
        for (to, from) in data
            .as_chunks_mut::<4>()
            .0
            .iter_mut()
            .zip(super::palette::rgba_of(frame))
        {
            *to = match (&self.kind, from) {
                (_, [.., 0]) => [0; 4],
                (Kind::Gif(_), [.., alpha]) if alpha < 128 => [0; 4],
                (Kind::Gif(_), [red, green, blue, _]) => [red, green, blue, 255],
                (Kind::Webp { .. }, colour) => colour,
            };
        }
        if let Some((waiting, waited_ms)) = self.waiting.take() {
            self.write(waiting, waited_ms, Some(&data))?;
        }
        self.waiting = Some((data, delay_ms));
        Ok(())
    }

    /// The file.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, ImageError> {
        let (waiting, delay_ms) = self
            .waiting
            .take()
            .ok_or_else(|| failed(self.format(), "it has no frame"))?;
        self.write(waiting, delay_ms, None)?;
        match self.kind {
            Kind::Gif(writer) => writer.finish(),
            Kind::Webp {
                plays,
                frames,
                has_alpha,
                ..
            } => webp::animation_file(self.size, plays, has_alpha, &frames),
        }
    }

    fn format(&self) -> ImageFormat {
        match self.kind {
            Kind::Gif(_) => ImageFormat::Gif,
            Kind::Webp { .. } => ImageFormat::Webp,
        }
    }

    fn write(&mut self, mut frame: Vec<u8>, delay_ms: u32, next: Option<&[u8]>) -> Result<(), ImageError> {
        // A GIF cannot make a pixel transparent again; the frame before it has to go as a whole.
        let is_gif = matches!(self.kind, Kind::Gif(_));
        let clears = is_gif && next.is_some_and(|next| becomes_transparent(&frame, next));
        let (left, top, width, height) = if clears {
            (0, 0, self.size.0, self.size.1)
        } else {
            changed_area(&self.shown, &frame, self.size)
        };
        let mut part = cut_out(&frame, self.size, (left, top, width, height))?;
        match &mut self.kind {
            Kind::Gif(writer) => {
                if !clears {
                    hide_unchanged(&mut part, &self.shown, self.size.0);
                }
                writer.write(&part, delay_ms, clears)?;
            }
            Kind::Webp {
                options,
                frames,
                has_alpha,
                ..
            } => {
                *has_alpha |= part.pixels.data.as_chunks::<4>().0.iter().any(|pixel| pixel[3] < 255);
                webp::write_frame(frames, &part, delay_ms, *options)?;
            }
        }
        if clears {
            frame.fill(0);
        }
        self.shown = frame;
        Ok(())
    }
}

fn becomes_transparent(before: &[u8], after: &[u8]) -> bool {
    let pairs = before.as_chunks::<4>().0.iter().zip(after.as_chunks::<4>().0);
    pairs.into_iter().any(|(before, after)| before[3] != 0 && after[3] == 0)
}

/// Left, top, width and height of what differs, from even places as WebP wants them; one pixel when nothing does.
fn changed_area(before: &[u8], after: &[u8], (width, height): (u32, u32)) -> (u32, u32, u32, u32) {
    let row_bytes = usize_from(width).max(1) * 4;
    let (mut left, mut right, mut top, mut bottom) = (u32::MAX, 0, u32::MAX, 0);
    let rows = before.chunks_exact(row_bytes).zip(after.chunks_exact(row_bytes));
    for (y, (before, after)) in (0_u32..).zip(rows) {
        if before == after {
            continue;
        }
        let pixels = before.as_chunks::<4>().0.iter().zip(after.as_chunks::<4>().0);
        for (x, (before, after)) in (0_u32..).zip(pixels) {
            if before != after {
                left = left.min(x);
                right = right.max(x + 1);
            }
        }
        top = top.min(y);
        bottom = y + 1;
    }
    if left >= right {
        return (0, 0, width.min(1), height.min(1));
    }
    let (left, top) = (left & !1, top & !1);
    (left, top, right - left, bottom - top)
}

fn cut_out(
    frame: &[u8],
    (full_width, _): (u32, u32),
    (left, top, width, height): (u32, u32, u32, u32),
) -> Result<Part, ImageError> {
    let row_bytes = usize_from(full_width).max(1) * 4;
    let (from, to) = (usize_from(left) * 4, usize_from(left + width) * 4);
    let mut data = buffer::with_room(usize_from(width) * usize_from(height) * 4)?;
    for row in frame
        .chunks_exact(row_bytes)
        .skip(usize_from(top))
        .take(usize_from(height))
    {
        data.extend_from_slice(row.get(from..to).unwrap_or_default());
    }
    let pixels = Pixels {
        width,
        height,
        layout: Layout::Rgba,
        data,
    };
    Ok(Part { left, top, pixels })
}

/// What stays as it is need not be said again: transparent pixels pack better and leave the palette to the rest.
fn hide_unchanged(part: &mut Part, shown: &[u8], full_width: u32) {
    let row_bytes = usize_from(full_width).max(1) * 4;
    let part_row_bytes = part.pixels.row_bytes().max(1);
    let rows = part.pixels.data.chunks_exact_mut(part_row_bytes);
    let shown_rows = shown.chunks_exact(row_bytes).skip(usize_from(part.top));
    for (row, shown) in rows.zip(shown_rows) {
        let shown = shown.get(usize_from(part.left) * 4..).unwrap_or_default();
        for (pixel, shown) in row.as_chunks_mut::<4>().0.iter_mut().zip(shown.as_chunks::<4>().0) {
            if pixel == shown {
                *pixel = [0; 4];
            }
        }
    }
}
