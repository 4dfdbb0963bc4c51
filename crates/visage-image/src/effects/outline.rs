//! A line around what is not transparent.

use visage_cloudinary::transformation::{Color, OutlineMode};

use super::blur::{blur_plane, sigma};
use super::map::{byte_of, mix, with_alpha};
use super::shadow::{alpha_plane, composed, over};
use super::stop_if;
use crate::pixels::{Pixels, usize_from};
use crate::plan::Canvas;
use crate::{ImageError, Limits};

const BLACK: Color = Color {
    red: 0,
    green: 0,
    blue: 0,
    alpha: 255,
};

/// The outer modes grow by the line and two deviations of its blur, the inner ones stay.
pub(super) fn canvas(mode: OutlineMode, (width, blur): (u8, u16), size: (u32, u32)) -> Canvas {
    let margin = match mode {
        OutlineMode::Outer | OutlineMode::Fill => {
            u32::from(width).saturating_add((sigma(i32::from(blur)) * 2.0).ceil() as u32)
        }
        OutlineMode::Inner | OutlineMode::InnerFill => 0,
    };
    Canvas::around(size, margin)
}

/// `outer` draws all that is within `width` pixels of the shape (alpha of at least a half) below the picture; `fill` draws
/// that over it, so that the shape is one colour. `inner` draws a line over the inside, as far as `width` pixels from
/// the edge; `inner_fill` fills all of the shape. Distances are exact, lines are smooth over one pixel.
pub(super) fn outline(
    pixels: Pixels,
    mode: OutlineMode,
    (width, blur): (u8, u16),
    color: Option<Color>,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Pixels, ImageError> {
    let pixels = with_alpha(pixels, limits)?;
    let canvas = canvas(mode, (width, blur), (pixels.width, pixels.height));
    let color = color.unwrap_or(BLACK);
    refuse_too_large(canvas, limits)?;
    let shape = alpha_plane(&pixels, canvas.size(), (canvas.x, canvas.y), limits)?;
    stop_if(cancelled)?;
    let line = match mode {
        OutlineMode::Outer | OutlineMode::Fill => band(&shape, canvas.width, width, Counts::Shape),
        OutlineMode::Inner => band(&shape, canvas.width, width, Counts::Rest),
        OutlineMode::InnerFill => shape.clone(),
    };
    stop_if(cancelled)?;
    let line = blur_plane(line, canvas.size(), sigma(i32::from(blur)), limits, cancelled)?;
    if mode == OutlineMode::Outer {
        return over(&pixels, &line, canvas, color, limits);
    }
    let mut drawn = over(&pixels, &vec![0; line.len()], canvas, color, limits)?;
    for ((pixel, line), inside) in drawn.data.as_chunks_mut::<4>().0.iter_mut().zip(&line).zip(&shape) {
        let coverage = if mode == OutlineMode::Fill {
            *line
        } else {
            mix(0, *line, *inside)
        };
        let ink = [color.red, color.green, color.blue, mix(0, color.alpha, coverage)];
        let alpha = pixel[3];
        *pixel = composed(ink, *pixel);
        if mode != OutlineMode::Fill {
            pixel[3] = alpha;
        }
    }
    Ok(drawn)
}

/// What a pixel takes at the most: the picture and the result, three planes of coverage, one of distances.
pub(super) const BYTES_PER_PIXEL: u64 = 4 + 4 + 3 + 4;

fn refuse_too_large(canvas: Canvas, limits: &Limits) -> Result<(), ImageError> {
    let needed_bytes = u64::from(canvas.width) * u64::from(canvas.height) * BYTES_PER_PIXEL;
    let max_bytes = limits.render_memory_bytes;
    if needed_bytes > max_bytes {
        return Err(ImageError::TooMuchMemory {
            needed_bytes,
            max_bytes,
        });
    }
    Ok(())
}

/// What distances are measured to.
#[derive(Clone, Copy, PartialEq)]
enum Counts {
    /// Alpha of at least a half.
    Shape,
    /// Everything else, and all that is outside of the picture.
    Rest,
}

/// Full within `width` pixels of the places that count.
fn band(shape: &[u8], row: u32, width: u8, counts: Counts) -> Vec<u8> {
    let reach = f32::from(width);
    let is_counted = |alpha: u8| (alpha >= 128) == (counts == Counts::Shape);
    let mut squares = squared_distances(shape, usize_from(row), is_counted, (reach + 1.0).powi(2));
    if counts == Counts::Rest {
        let row = usize_from(row);
        let height = squares.len() / row;
        for (y, line) in squares.chunks_exact_mut(row).enumerate() {
            for (x, square) in line.iter_mut().enumerate() {
                let outside = (x + 1)
                    .min(row - x)
                    .min(y + 1)
                    .min(height - y)
                    .min(usize::from(width) + 1);
                *square = square.min(f32::from(u16::try_from(outside).unwrap_or(u16::MAX)).powi(2));
            }
        }
    }
    squares
        .into_iter()
        .map(|square| byte_of((reach + 0.5 - square.sqrt()).clamp(0.0, 1.0) * 255.0))
        .collect()
}

/// For every place the square of the distance to the nearest one that counts, but not more than `most`: first along
/// columns, then along rows (P. Felzenszwalb, D. Huttenlocher, "Distance Transforms of Sampled Functions", 2012).
fn squared_distances(shape: &[u8], width: usize, counts: impl Fn(u8) -> bool, most: f32) -> Vec<f32> {
    let mut squares: Vec<f32> = shape
        .iter()
        .map(|alpha| if counts(*alpha) { 0.0 } else { most })
        .collect();
    let height = shape.len() / width;
    let (mut line, mut found) = (vec![0.0; height.max(width)], vec![0.0; height.max(width)]);
    let mut envelope = Envelope::default();
    for x in 0..width {
        for y in 0..height {
            line[y] = squares[y * width + x];
        }
        envelope.lower(&line[..height], &mut found[..height]);
        for y in 0..height {
            squares[y * width + x] = found[y].min(most);
        }
    }
    for row in squares.chunks_exact_mut(width) {
        line[..width].copy_from_slice(row);
        envelope.lower(&line[..width], &mut found[..width]);
        for (square, found) in row.iter_mut().zip(&found) {
            *square = found.min(most);
        }
    }
    squares
}

/// Parabolas of which each is the lowest from its start on.
#[derive(Default)]
struct Envelope {
    places: Vec<(usize, f32)>,
}

impl Envelope {
    /// `found[x] = min over p of (x - p)² + line[p]`
    fn lower(&mut self, line: &[f32], found: &mut [f32]) {
        self.places.clear();
        for (place, height) in line.iter().enumerate() {
            let here = place as f32;
            let mut start = f32::NEG_INFINITY;
            while let Some((other, from)) = self.places.last() {
                let there = *other as f32;
                start = ((height + here * here) - (line[*other] + there * there)) / (2.0 * (here - there));
                if start > *from {
                    break;
                }
                self.places.pop();
                start = f32::NEG_INFINITY;
            }
            self.places.push((place, start));
        }
        let mut lowest = self.places.iter().peekable();
        let mut current = 0;
        for (x, found) in found.iter_mut().enumerate() {
            while let Some((place, _)) = lowest.next_if(|(_, start)| *start <= x as f32) {
                current = *place;
            }
            *found = (x as f32 - current as f32).powi(2) + line[current];
        }
    }
}
