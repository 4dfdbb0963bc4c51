//! Shadows below what is not transparent.

use visage_cloudinary::transformation::Color;

use super::blur::blur_plane;
use super::map::{byte, mix, with_alpha};
use super::stop_if;
use crate::pixels::{Layout, Pixels, usize_from};
use crate::plan::{Canvas, EffectStep};
use crate::{ImageError, Limits, buffer};

/// `co_` where it is not given.
const GRAY: Color = Color {
    red: 128,
    green: 128,
    blue: 128,
    alpha: 255,
};
const BLACK: Color = Color {
    red: 0,
    green: 0,
    blue: 0,
    alpha: 255,
};

/// Further than this a shadow is not moved: it would be a picture of its own.
const MAX_SHIFT: i64 = 4096;

impl Canvas {
    /// Width and height.
    pub(super) fn size(self) -> (u32, u32) {
        (self.width, self.height)
    }
}

/// A blur of `level / 5` pixels.
fn softness(level: i32) -> f64 {
    f64::from(level) / 5.0
}

/// Where the shadow is moved to: by `x` and `y`, which are as far as it is soft where they are not given.
fn shift(level: i32, step: &EffectStep) -> (i64, i64) {
    let usual = softness(level).round() as i64;
    let limited = |shift: Option<i64>| shift.unwrap_or(usual).clamp(-MAX_SHIFT, MAX_SHIFT);
    (limited(step.x), limited(step.y))
}

/// Room for the shadow, as far as it can be seen: two deviations of its blur.
pub(super) fn canvas(level: i32, step: &EffectStep, size: (u32, u32)) -> Canvas {
    let margin = (softness(level) * 2.0).ceil() as i64;
    let (x, y) = shift(level, step);
    let (before_x, before_y) = ((margin - x).max(0), (margin - y).max(0));
    let grown = |side: u32, before: i64, shift: i64| {
        let after = (margin + shift).max(0);
        side.saturating_add((before + after) as u32)
    };
    Canvas {
        width: grown(size.0, before_x, x),
        height: grown(size.1, before_y, y),
        x: before_x,
        y: before_y,
    }
}

/// A gray shadow, softer with `level`; the picture grows by what is seen of it.
pub(super) fn shadow(
    pixels: Pixels,
    level: i32,
    step: &EffectStep,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Pixels, ImageError> {
    let canvas = canvas(level, step, (pixels.width, pixels.height));
    let below = Below {
        canvas,
        shift: shift(level, step),
        sigma: softness(level),
        color: step.color.unwrap_or(GRAY),
    };
    below.put(pixels, limits, cancelled)
}

/// A shadow of a lamp at `azimuth` degrees, clockwise from the top: it falls to the other side, further the lower the
/// lamp stands (`0.15 · min(w, h) · (1 - elevation / 90)` pixels), and is as soft as `spread` says (up to 1/25 of the
/// shorter side). The size stays.
pub(super) fn dropshadow(
    pixels: Pixels,
    (azimuth, elevation, spread): (u16, u8, u8),
    color: Option<Color>,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Pixels, ImageError> {
    let shorter = f64::from(pixels.width.min(pixels.height));
    let (sine, cosine) = f64::from(azimuth).to_radians().sin_cos();
    let length = 0.15 * shorter * (1.0 - f64::from(elevation) / 90.0);
    let below = Below {
        canvas: Canvas {
            width: pixels.width,
            height: pixels.height,
            x: 0,
            y: 0,
        },
        shift: ((-sine * length).round() as i64, (cosine * length).round() as i64),
        sigma: shorter / 25.0 * f64::from(spread) / 100.0,
        color: color.unwrap_or(Color { alpha: 160, ..BLACK }),
    };
    below.put(pixels, limits, cancelled)
}

/// A shadow and where it falls.
struct Below {
    canvas: Canvas,
    shift: (i64, i64),
    sigma: f64,
    color: Color,
}

impl Below {
    fn put(self, pixels: Pixels, limits: &Limits, cancelled: &dyn Fn() -> bool) -> Result<Pixels, ImageError> {
        let pixels = with_alpha(pixels, limits)?;
        let size = self.canvas.size();
        let start = (self.canvas.x + self.shift.0, self.canvas.y + self.shift.1);
        let plane = alpha_plane(&pixels, size, start, limits)?;
        stop_if(cancelled)?;
        let plane = blur_plane(plane, size, self.sigma, limits, cancelled)?;
        over(&pixels, &plane, self.canvas, self.color, limits)
    }
}

/// The alpha of `pixels` at `start` in a plane of `size`.
pub(super) fn alpha_plane(
    pixels: &Pixels,
    size: (u32, u32),
    start: (i64, i64),
    limits: &Limits,
) -> Result<Vec<u8>, ImageError> {
    let mut plane = buffer::zeroed(u64::from(size.0) * u64::from(size.1), limits)?;
    let width = usize_from(size.0);
    for (y, row) in (start.1..).zip(pixels.data.chunks_exact(pixels.row_bytes())) {
        let Some(target) = usize::try_from(y)
            .ok()
            .and_then(|y| plane.chunks_exact_mut(width).nth(y))
        else {
            continue;
        };
        for (x, pixel) in (start.0..).zip(row.as_chunks::<4>().0) {
            if let Some(alpha) = usize::try_from(x).ok().and_then(|x| target.get_mut(x)) {
                *alpha = pixel[3];
            }
        }
    }
    Ok(plane)
}

/// A plane of coverage in one colour, with the picture over it.
pub(super) fn over(
    pixels: &Pixels,
    plane: &[u8],
    canvas: Canvas,
    color: Color,
    limits: &Limits,
) -> Result<Pixels, ImageError> {
    let mut target = Pixels::zeroed(canvas.width, canvas.height, Layout::Rgba, limits)?;
    for (pixel, coverage) in target.data.as_chunks_mut::<4>().0.iter_mut().zip(plane) {
        *pixel = [color.red, color.green, color.blue, mix(0, color.alpha, *coverage)];
    }
    let (left, top) = (
        usize::try_from(canvas.x).unwrap_or(0),
        usize::try_from(canvas.y).unwrap_or(0),
    );
    let row_bytes = target.row_bytes();
    let rows = target.data.chunks_exact_mut(row_bytes).skip(top);
    for (row, picture) in rows.zip(pixels.data.chunks_exact(pixels.row_bytes())) {
        let below = row.as_chunks_mut::<4>().0.iter_mut().skip(left);
        for (below, above) in below.zip(picture.as_chunks::<4>().0) {
            *below = composed(*above, *below);
        }
    }
    Ok(target)
}

/// "Over" with straight alpha.
pub(crate) fn composed(above: [u8; 4], below: [u8; 4]) -> [u8; 4] {
    let over = u32::from(above[3]) * 255;
    let under = u32::from(below[3]) * (255 - u32::from(above[3]));
    let alpha = over + under;
    if alpha == 0 {
        return [0; 4];
    }
    let level = |channel: usize| {
        ((u32::from(above[channel]) * over + u32::from(below[channel]) * under + alpha / 2) / alpha) as u8
    };
    [level(0), level(1), level(2), byte(f64::from(alpha) / 255.0)]
}
