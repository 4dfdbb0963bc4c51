//! Our own way from a large JPEG file to a small picture.
//!
//! A picture that is to be much smaller than its file needs few of the coefficients in it. libjpeg-turbo decodes them
//! all, which is nearly all of its work; here those that are not needed are skipped, several at a time:
//!
//! - `header` reads markers and tables and refuses whatever is unusual.
//! - `bits` removes byte stuffing piece by piece, so that only 64 KiB of a file are copied at a time.
//! - `huffman` decodes symbols, and skips runs of them with a table of what twelve bits do together.
//! - `sequential` reads a baseline or extended file at 1/8, 1/4 or 3/8, down to the last row that is needed.
//! - `progressive` reads the DC scans at 1/8, and passes over all others.
//! - `turbo` has libjpeg-turbo decode what is left, at 1/2 or whole, to planes as well.
//! - `planes` resizes luma and chroma, each at its own size, and encodes them, or makes red, green and blue of them.
//!
//! **Damage.** Whatever is odd or damaged in what is read makes our decoders give up; libjpeg-turbo is asked then, and
//! refuses or accepts it by its own rules. So there is one policy for damage. What is passed over
//! is not checked, apart from its end: every file was decoded whole when it arrived, with
//! [`RenderContext::reads_everything`], which keeps our decoders from passing over anything.
//!
//! Luma at 1/8 is exactly libjpeg-turbo's. At 1/4 and 3/8 it is the transform of the 2 × 2 or 3 × 3 lowest
//! coefficients, which libjpeg-turbo does not have (see `transform`). Chroma is always decoded at the scale of luma.
#![allow(
    clippy::inline_always,
    reason = "the cursor must live in registers across these calls"
)]

mod bits;
mod header;
mod huffman;
mod planes;
mod progressive;
mod sequential;
#[cfg(test)]
mod tests;
mod transform;
mod turbo;

pub(crate) use planes::Shrunk;

use crate::context::RenderContext;
use crate::pixels::usize_from;
use crate::plan::Window;
use crate::{Facts, ImageError, Limits, buffer};
use header::{Event, Frame, Reader};

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plane {
    width: usize,
    data: Vec<u8>,
}

/// Luma, or luma and two chroma planes, smaller than the picture.
#[derive(Debug)]
pub(crate) struct Planes {
    channels: Vec<Plane>,
    /// By how much luma is smaller than the picture.
    scale: f64,
    /// How much finer luma is than chroma, across and down.
    finest: (usize, usize),
}

impl Plane {
    /// Copies rows from a band that may be wider and go further down.
    fn put_rows(&mut self, top: usize, band: &[u8], stride: usize) {
        let rows = self.data.chunks_exact_mut(self.width).skip(top);
        for (row, from) in rows.zip(band.chunks_exact(stride)) {
            if let Some(from) = from.get(..row.len()) {
                row.copy_from_slice(from);
            }
        }
    }
}

/// Below this, pixels of the decoder for each pixel of the result, the decoder shows: see the planner's rule.
const MIN_REMAINING_FACTOR: f64 = 1.4;

/// What is shown of a picture, and with how many pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// In pixels of the whole picture.
    pub(crate) window: Window,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl View {
    /// Pixels of the picture for each of the result, along the side that has fewer.
    fn shrinking(&self) -> f64 {
        let across = self.window.width / f64::from(self.width.max(1));
        across.min(self.window.height / f64::from(self.height.max(1)))
    }
}

/// Decodes what a view needs at 1/`scale`, or smaller where that is as good; `None` when the file, or the view, is not
/// for planes.
///
/// # Errors
/// What libjpeg-turbo finds wrong.
pub(crate) fn planes(
    file: &[u8],
    facts: &Facts,
    scale: u8,
    view: View,
    context: RenderContext<'_>,
) -> Result<Option<Planes>, ImageError> {
    // What is not made smaller keeps every pixel of the file, as libjpeg-turbo upsamples and converts it.
    if view.shrinking() <= 1.0 {
        return Ok(None);
    }
    let side = match scale {
        8 => Some(1),
        4 => Some(2),
        2 if view.shrinking() * 3.0 / 8.0 >= MIN_REMAINING_FACTOR => Some(3),
        _ => None,
    };
    if let Some(planes) = side.and_then(|side| own_planes(file, facts, side, view, context)) {
        return Ok(Some(planes));
    }
    context.check()?;
    turbo::decode(file, facts, scale, context)
}

/// Decodes each block to `side` × `side` pixels, down to the last row that is needed; `None` also when the work is
/// cancelled, which the caller finds out.
fn own_planes(file: &[u8], facts: &Facts, side: u8, view: View, context: RenderContext<'_>) -> Option<Planes> {
    let mut reader = Reader::new(file)?;
    let Event::Scan(scan) = reader.next()? else {
        return None;
    };
    let frame = reader.frame.clone()?;
    let (width, height) = facts.stored_size();
    if (frame.width, frame.height) != (usize_from(width), usize_from(height)) {
        return None;
    }
    let scale = 8.0 / f64::from(side);
    let channels = match (frame.is_progressive, side) {
        (true, 1) if !context.reads_everything => progressive::decode(file, &mut reader, scan, context)?,
        (true, _) => return None,
        (false, _) => {
            let last_row = if context.reads_everything {
                frame.height
            } else {
                last_row(&frame, scale, view)
            };
            let (planes, after) = match side {
                1 => sequential::decode::<1>(file, &frame, &scan, last_row, context)?,
                2 => sequential::decode::<2>(file, &frame, &scan, last_row, context)?,
                _ => sequential::decode::<3>(file, &frame, &scan, last_row, context)?,
            };
            reader.resume(after);
            if !matches!(reader.next()?, Event::End) {
                return None;
            }
            planes
        }
    };
    Some(Planes {
        channels,
        scale,
        finest: frame.finest(),
    })
}

/// The last row of the picture that the resampling filter (three pixels each way, of the result or of the decoded
/// chroma) can touch, with room to spare.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the conversion saturates, and the numbers are small"
)]
fn last_row(frame: &Frame, scale: f64, View { window, height, .. }: View) -> usize {
    let chroma = scale * frame.finest().1 as f64;
    let per_row = window.height / f64::from(height.max(1));
    let reach = 4.0 * chroma + 8.0 * per_row.max(1.0);
    (window.y + window.height + reach).ceil().max(1.0) as usize
}

/// Empty planes for blocks that become `side` × `side` pixels.
fn new_planes(frame: &Frame, side: usize, limits: &Limits) -> Option<Vec<Plane>> {
    let mut planes = Vec::new();
    for channel in &frame.components {
        let (width, height) = frame.plane_size(channel, side);
        let data = buffer::zeroed(u64::try_from(width * height).ok()?, limits).ok()?;
        planes.push(Plane { width, data });
    }
    Some(planes)
}
