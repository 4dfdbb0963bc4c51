//! Luma and chroma become red, green and blue.

use visage_codecs::av1::Chroma;

use crate::pixels::{Layout, Pixels, usize_from};
use crate::probe::av1::Sequence;
use crate::probe::avif::Colours;
use crate::{ImageError, Limits, buffer};

/// What planes hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Description {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Bits of a sample; above 8, samples take two bytes in the machine's order.
    pub(super) depth: u8,
    pub(super) chroma: Chroma,
    /// Whether samples use all values, as the stream says; of alpha this alone counts.
    pub(super) full_range: bool,
}

impl Description {
    pub(super) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }
}

/// Planes that can be read row by row.
pub(super) trait PlaneRows {
    fn description(&self) -> Description;

    /// The bytes of a row of a plane (0 is luma) without padding; beyond the last row, the last one.
    fn row(&self, plane: usize, row: u32) -> &[u8];
}

/// Planes that are put together from tiles.
#[derive(Debug)]
pub(super) struct Planes {
    description: Description,
    planes: [Vec<u8>; 3],
}

impl Planes {
    /// Black planes for samples of a stream's kind.
    pub(super) fn zeroed((width, height): (u32, u32), of: &Sequence, limits: &Limits) -> Result<Self, ImageError> {
        let (depth, chroma, full_range) = (of.depth, of.chroma, of.full_range);
        let sample_bytes = if depth > 8 { 2 } else { 1 };
        let bytes = |(width, height): (u32, u32)| u64::from(width) * u64::from(height) * sample_bytes;
        let chroma_bytes = bytes(chroma.plane_size(width, height));
        Ok(Self {
            description: Description {
                width,
                height,
                depth,
                chroma,
                full_range,
            },
            planes: [
                buffer::zeroed(bytes((width, height)), limits)?,
                buffer::zeroed(chroma_bytes, limits)?,
                buffer::zeroed(chroma_bytes, limits)?,
            ],
        })
    }

    fn row_bytes(&self, plane: usize) -> usize {
        let Description {
            width, height, depth, ..
        } = self.description;
        let columns = if plane == 0 {
            width
        } else {
            self.description.chroma.plane_size(width, height).0
        };
        usize_from(columns) << usize::from(depth > 8)
    }

    /// A row to write to; empty beyond the last one.
    pub(super) fn row_mut(&mut self, plane: usize, row: u32) -> &mut [u8] {
        let row_bytes = self.row_bytes(plane);
        let start = usize_from(row).saturating_mul(row_bytes);
        let plane = self.planes.get_mut(plane);
        let row = plane.and_then(|plane| plane.get_mut(start..)?.get_mut(..row_bytes));
        row.unwrap_or_default()
    }
}

impl PlaneRows for Planes {
    fn description(&self) -> Description {
        self.description
    }

    fn row(&self, plane: usize, row: u32) -> &[u8] {
        let row_bytes = self.row_bytes(plane);
        let Some(bytes) = self.planes.get(plane).filter(|_| row_bytes > 0) else {
            return &[];
        };
        let last = (bytes.len() / row_bytes).saturating_sub(1);
        let start = usize_from(row).min(last) * row_bytes;
        bytes
            .get(start..)
            .and_then(|rest| rest.get(..row_bytes))
            .unwrap_or_default()
    }
}

/// Converts to 8-bit red, green and blue; alpha, if `layout` has it, is 255.
///
/// Chroma of half size is interpolated linearly, as if its samples lay in the middle of the luma samples they stand for.
pub(super) fn to_rgb(
    planes: &dyn PlaneRows,
    colours: Colours,
    layout: Layout,
    limits: &Limits,
) -> Result<Pixels, ImageError> {
    let description = planes.description();
    let mut pixels = Pixels::zeroed(description.width, description.height, layout, limits)?;
    let conversion = Conversion::new(&description, colours);
    let mut lines = Lines::new(&description)?;
    let row_bytes = pixels.row_bytes();
    for (row, out) in (0..).zip(pixels.data.chunks_exact_mut(row_bytes)) {
        lines.read(planes, row);
        if layout == Layout::Rgba {
            conversion.apply(&lines, out.as_chunks_mut::<4>().0);
        } else {
            conversion.apply(&lines, out.as_chunks_mut::<3>().0);
        }
    }
    Ok(pixels)
}

/// Writes the luma of `planes` to the alpha channel of `pixels`, which has their size.
pub(super) fn put_alpha(planes: &dyn PlaneRows, pixels: &mut Pixels) {
    let description = planes.description();
    let range = Range::of(description.depth, description.full_range);
    let scale = 255.0 / range.luma;
    let offset = 0.5 - range.black * scale;
    let mut line = Vec::new();
    let row_bytes = pixels.row_bytes();
    for (row, out) in (0..).zip(pixels.data.chunks_exact_mut(row_bytes)) {
        widen(planes.row(0, row), description.depth, &mut line);
        for (pixel, sample) in out.as_chunks_mut::<4>().0.iter_mut().zip(&line) {
            pixel[3] = level(f32::from(*sample) * scale + offset);
        }
    }
}

/// The values that samples use.
struct Range {
    /// Luma of black.
    black: f32,
    /// Luma from black to white.
    luma: f32,
    /// Chroma from one end to the other.
    chroma: f32,
    /// Chroma of gray.
    middle: f32,
}

impl Range {
    fn of(depth: u8, full_range: bool) -> Self {
        let unit = f32::from(1_u16 << depth.clamp(8, 12).saturating_sub(8));
        let middle = 128.0 * unit;
        if full_range {
            Self {
                black: 0.0,
                luma: 256.0 * unit - 1.0,
                chroma: 256.0 * unit - 1.0,
                middle,
            }
        } else {
            Self {
                black: 16.0 * unit,
                luma: 219.0 * unit,
                chroma: 224.0 * unit,
                middle,
            }
        }
    }
}

/// Interpolated chroma is a sum of this many samples.
const CHROMA_WEIGHT: f32 = 16.0;

/// Red, green and blue of luma and the two chroma samples, as three sums: `factors · samples + offset`.
struct Conversion {
    factors: [[f32; 3]; 3],
    offsets: [f32; 3],
}

impl Conversion {
    fn new(description: &Description, colours: Colours) -> Self {
        let range = Range::of(description.depth, colours.full_range);
        let luma = 255.0 / range.luma;
        let chroma = 255.0 / range.chroma;
        let is_identity = colours.matrix == 0;
        let factors = match colours.matrix {
            _ if description.chroma == Chroma::Gray => [[luma, 0.0, 0.0]; 3],
            // Green, blue and red as they are (H.273, equations 41 to 43).
            0 => [[0.0, 0.0, luma], [luma, 0.0, 0.0], [0.0, luma, 0.0]],
            // YCgCo (H.273, equations 44 to 47).
            8 => [[luma, -chroma, chroma], [luma, chroma, 0.0], [luma, -chroma, -chroma]],
            _ => {
                let (red, blue) = weights(colours);
                let green = 1.0 - red - blue;
                let (to_red, to_blue) = (2.0 * (1.0 - red) * chroma, 2.0 * (1.0 - blue) * chroma);
                [
                    [luma, 0.0, to_red],
                    [luma, -to_blue * blue / green, -to_red * red / green],
                    [luma, to_blue, 0.0],
                ]
            }
        };
        let middle = if is_identity { range.black } else { range.middle };
        let offset = |[luma, cb, cr]: [f32; 3]| 0.5 - luma * range.black - (cb + cr) * middle;
        Self {
            offsets: factors.map(offset),
            factors: factors.map(|[luma, cb, cr]| [luma, cb / CHROMA_WEIGHT, cr / CHROMA_WEIGHT]),
        }
    }

    fn apply<const CHANNELS: usize>(&self, lines: &Lines, out: &mut [[u8; CHANNELS]]) {
        let Self { factors, offsets } = self;
        let samples = lines.luma.iter().zip(&lines.chroma[0]).zip(&lines.chroma[1]);
        for (pixel, ((luma, cb), cr)) in out.iter_mut().zip(samples) {
            let (luma, cb, cr) = (f32::from(*luma), f32::from(*cb), f32::from(*cr));
            let channel = |index: usize| {
                let factor = factors[index];
                level(luma * factor[0] + cb * factor[1] + cr * factor[2] + offsets[index])
            };
            let mut levels = [u8::MAX; CHANNELS];
            levels[0] = channel(0);
            levels[1] = channel(1);
            levels[2] = channel(2);
            *pixel = levels;
        }
    }
}

/// A level that is rounded by cutting, because 0.5 was added before.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is cut to the range of a byte"
)]
fn level(value: f32) -> u8 {
    value.clamp(0.0, 255.0) as u8
}

/// The parts that red and blue have in luma (H.273, table 4).
fn weights(colours: Colours) -> (f32, f32) {
    match colours.matrix {
        1 => (0.2126, 0.0722),
        4 => (0.30, 0.11),
        7 => (0.212, 0.087),
        9 => (0.2627, 0.0593),
        12 => weights_of_primaries(colours.primaries),
        _ => (0.299, 0.114), // BT.601, which "unspecified" means as well
    }
}

/// From the chromaticities of red, green, blue and white (H.273, equations 32 to 37).
fn weights_of_primaries(primaries: u32) -> (f32, f32) {
    const D65: [f32; 2] = [0.3127, 0.3290];
    const C: [f32; 2] = [0.310, 0.316];
    let ([red, green, blue], white) = match primaries {
        4 => ([[0.67, 0.33], [0.21, 0.71], [0.14, 0.08]], C),
        5 => ([[0.64, 0.33], [0.29, 0.60], [0.15, 0.06]], D65),
        6 | 7 => ([[0.630, 0.340], [0.310, 0.595], [0.155, 0.070]], D65),
        8 => ([[0.681, 0.319], [0.243, 0.692], [0.145, 0.049]], C),
        9 => ([[0.708, 0.292], [0.170, 0.797], [0.131, 0.046]], D65),
        10 => ([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], [1.0 / 3.0, 1.0 / 3.0]),
        11 => ([[0.680, 0.320], [0.265, 0.690], [0.150, 0.060]], [0.314, 0.351]),
        12 => ([[0.680, 0.320], [0.265, 0.690], [0.150, 0.060]], D65),
        22 => ([[0.630, 0.340], [0.295, 0.605], [0.155, 0.077]], D65),
        _ => ([[0.64, 0.33], [0.30, 0.60], [0.15, 0.06]], D65),
    };
    let z = |[x, y]: [f32; 2]| 1.0 - x - y;
    let [(rx, ry, rz), (gx, gy, gz), (bx, by, bz), (wx, wy, wz)] =
        [red, green, blue, white].map(|point| (point[0], point[1], z(point)));
    let below = wy * (rx * (gy * bz - by * gz) + gx * (by * rz - ry * bz) + bx * (ry * gz - gy * rz));
    let part_of_red = ry * (wx * (gy * bz - by * gz) + wy * (bx * gz - gx * bz) + wz * (gx * by - bx * gy)) / below;
    let part_of_blue = by * (wx * (ry * gz - gy * rz) + wy * (gx * rz - rx * gz) + wz * (rx * gy - gx * ry)) / below;
    (part_of_red, part_of_blue)
}

/// One row of luma, and of chroma in luma's size, sixteen times as large.
struct Lines {
    description: Description,
    luma: Vec<u16>,
    chroma: [Vec<u16>; 2],
    near: Vec<u16>,
    far: Vec<u16>,
}

impl Lines {
    fn new(description: &Description) -> Result<Self, ImageError> {
        let width = usize_from(description.width);
        let line = || {
            let mut line = Vec::new();
            line.try_reserve_exact(width)
                .map_err(|cause| ImageError::damaged(cause.to_string()))?;
            line.resize(width, 0);
            Ok::<Vec<u16>, ImageError>(line)
        };
        Ok(Self {
            description: *description,
            luma: line()?,
            chroma: [line()?, line()?],
            near: line()?,
            far: line()?,
        })
    }

    fn read(&mut self, planes: &dyn PlaneRows, row: u32) {
        let depth = self.description.depth;
        widen(planes.row(0, row), depth, &mut self.luma);
        if self.description.chroma == Chroma::Gray {
            return;
        }
        let (half_columns, half_rows) = self.description.chroma.halves();
        for plane in [1, 2] {
            let near_row = if half_rows { row / 2 } else { row };
            widen(planes.row(plane, near_row), depth, &mut self.near);
            if half_rows {
                let far_row = if row % 2 == 1 {
                    near_row + 1
                } else {
                    near_row.saturating_sub(1)
                };
                widen(planes.row(plane, far_row), depth, &mut self.far);
                for (near, far) in self.near.iter_mut().zip(&self.far) {
                    *near = *near * 3 + *far;
                }
            } else {
                self.near.iter_mut().for_each(|near| *near *= 4);
            }
            let out = &mut self.chroma[plane - 1];
            if half_columns {
                spread_columns(&self.near, out);
            } else {
                out.iter_mut().zip(&self.near).for_each(|(out, near)| *out = *near * 4);
            }
        }
    }
}

/// Each sample becomes two, of three parts of itself and one part of its neighbour on that side.
fn spread_columns(samples: &[u16], out: &mut [u16]) {
    let before = samples.first().into_iter().chain(samples);
    let after = samples.iter().skip(1).chain(samples.last());
    let (pairs, rest) = out.as_chunks_mut::<2>();
    let ends = samples.last().zip(samples.iter().rev().nth(1).or(samples.last()));
    for (pair, ((sample, before), after)) in pairs.iter_mut().zip(samples.iter().zip(before).zip(after)) {
        *pair = [sample * 3 + before, sample * 3 + after];
    }
    if let ([odd], Some((last, before))) = (rest, ends) {
        *odd = last * 3 + before;
    }
}

/// Samples of one or two bytes as numbers.
fn widen(bytes: &[u8], depth: u8, to: &mut Vec<u16>) {
    to.clear();
    if depth > 8 {
        let max = (1_u16 << depth.min(12)) - 1;
        let samples = bytes.as_chunks::<2>().0.iter();
        to.extend(samples.map(|bytes| u16::from_ne_bytes(*bytes).min(max)));
    } else {
        to.extend(bytes.iter().map(|byte| u16::from(*byte)));
    }
}

#[cfg(test)]
mod tests;
