//! Sheared, distorted and bent pictures.
#![allow(
    clippy::many_single_char_names,
    reason = "the nine numbers of a projection have no better names"
)]

use visage_cloudinary::transformation::Effect;

use super::sampler;
use crate::pixels::Pixels;
use crate::{ImageError, Limits};

/// A side is never planned larger: limits refuse it before.
const MAX_SIDE: f64 = 1_000_000.0;

/// The picture in its new form, in the `size` that the functions below say.
pub(super) fn warp(
    pixels: Pixels,
    effect: &Effect,
    size: (u32, u32),
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Pixels, ImageError> {
    let from = (f64::from(pixels.width), f64::from(pixels.height));
    match effect {
        Effect::Shear(across, down) => {
            let shear = Shear::new(*across, *down);
            let (left, top) = shear.bounds(from).0;
            sampler::map(pixels, size, limits, cancelled, |x, y| {
                Some(shear.back(x + left, y + top))
            })
        }
        Effect::Distort(corners) => {
            let (left, top) = bounds(&points(corners)).0;
            let Some(back) = Projection::onto(&points(corners), from) else {
                return sampler::map(pixels, size, limits, cancelled, |_, _| None);
            };
            sampler::map(pixels, size, limits, cancelled, |x, y| back.of(x + left, y + top))
        }
        Effect::Arc(degrees) if arc(*degrees, from).is_some() => {
            let Some(arc) = arc(*degrees, from) else {
                return Ok(pixels);
            };
            let (left, top) = arc.bounds().0;
            sampler::map(pixels, size, limits, cancelled, |x, y| arc.back(x + left, y + top))
        }
        _ => Ok(pixels),
    }
}

type Point = (f64, f64);

/// Whole pixels, at least one.
fn side(length: f64) -> u32 {
    (length + 0.5).floor().clamp(1.0, MAX_SIDE) as u32
}

fn bounds(points: &[Point]) -> (Point, Point) {
    let start = (f64::INFINITY, f64::INFINITY);
    let end = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    points.iter().fold((start, end), |(start, end), (x, y)| {
        ((start.0.min(*x), start.1.min(*y)), (end.0.max(*x), end.1.max(*y)))
    })
}

fn size_of(((left, top), (right, bottom)): (Point, Point)) -> (u32, u32) {
    (side(right - left), side(bottom - top))
}

/// First `x + y tan a`, then `y + x tan b`.
struct Shear {
    across: f64,
    down: f64,
}

impl Shear {
    fn new(across: f64, down: f64) -> Self {
        Self {
            across: across.to_radians().tan(),
            down: down.to_radians().tan(),
        }
    }

    fn forth(&self, (x, y): Point) -> Point {
        let x = x + y * self.across;
        (x, y + x * self.down)
    }

    fn back(&self, x: f64, y: f64) -> Point {
        let y = y - x * self.down;
        (x - y * self.across, y)
    }

    fn bounds(&self, (width, height): Point) -> (Point, Point) {
        bounds(&[(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)].map(|point| self.forth(point)))
    }
}

/// The rectangle around the sheared picture.
pub(super) fn sheared_size(across: f64, down: f64, size: (u32, u32)) -> (u32, u32) {
    size_of(Shear::new(across, down).bounds((f64::from(size.0), f64::from(size.1))))
}

fn points(corners: &[i32; 8]) -> [Point; 4] {
    let point = |index: usize| (f64::from(corners[index]), f64::from(corners[index + 1]));
    [point(0), point(2), point(4), point(6)]
}

/// The rectangle around the four corners.
pub(super) fn distorted_size(corners: &[i32; 8]) -> (u32, u32) {
    size_of(bounds(&points(corners)))
}

/// `(a x + b y + c) / (g x + h y + i)`, and the same for y.
struct Projection([f64; 9]);

impl Projection {
    /// From the places of four corners back to a rectangle; `None` when they lie on a line.
    fn onto(corners: &[Point; 4], (width, height): Point) -> Option<Self> {
        let [(x0, y0), (x1, y1), (x2, y2), (x3, y3)] = *corners;
        // From the unit square to the corners (P. Heckbert, "Fundamentals of Texture Mapping", 1989).
        let (dx1, dx2, sx) = (x1 - x2, x3 - x2, x0 - x1 + x2 - x3);
        let (dy1, dy2, sy) = (y1 - y2, y3 - y2, y0 - y1 + y2 - y3);
        let area = dx1 * dy2 - dx2 * dy1;
        if area.abs() < 1e-9 {
            return None;
        }
        let (g, h) = ((sx * dy2 - dx2 * sy) / area, (dx1 * sy - sx * dy1) / area);
        let (a, b, c) = (x1 - x0 + g * x1, x3 - x0 + h * x3, x0);
        let (d, e, f) = (y1 - y0 + g * y1, y3 - y0 + h * y3, y0);
        let back = [
            e - f * h,
            c * h - b,
            b * f - c * e,
            f * g - d,
            a - c * g,
            c * d - a * f,
            d * h - e * g,
            b * g - a * h,
            a * e - b * d,
        ];
        let determinant = a * back[0] + b * back[3] + c * back[6];
        if determinant.abs() < 1e-9 {
            return None;
        }
        let scaled = [width, width, width, height, height, height, 1.0, 1.0, 1.0];
        let mut matrix = back;
        for (entry, factor) in matrix.iter_mut().zip(scaled) {
            *entry *= factor / determinant;
        }
        Some(Self(matrix))
    }

    fn of(&self, x: f64, y: f64) -> Option<Point> {
        let [a, b, c, d, e, f, g, h, i] = self.0;
        let depth = g * x + h * y + i;
        // Behind the eye the picture would show once more.
        (depth > 0.0).then(|| ((a * x + b * y + c) / depth, (d * x + e * y + f) / depth))
    }
}

/// A picture bent around a point: its middle row becomes an arc of the same length.
struct Arc {
    angle: f64,
    radius: f64,
    size: Point,
    is_flipped: bool,
}

/// `None` when nothing is bent.
fn arc(degrees: f64, size: Point) -> Option<Arc> {
    let angle = degrees.abs().to_radians();
    (angle > 1e-3).then(|| Arc {
        angle,
        radius: (size.0 / angle).max(size.1 / 2.0),
        size,
        is_flipped: degrees < 0.0,
    })
}

impl Arc {
    fn bounds(&self) -> (Point, Point) {
        let half = self.angle / 2.0;
        let (inner, outer) = (self.radius - self.size.1 / 2.0, self.radius + self.size.1 / 2.0);
        let reach = if half >= std::f64::consts::FRAC_PI_2 {
            outer
        } else {
            outer * half.sin()
        };
        let low = (-inner * half.cos()).max(-outer * half.cos());
        if self.is_flipped {
            ((-reach, -low), (reach, outer))
        } else {
            ((-reach, -outer), (reach, low))
        }
    }

    fn back(&self, x: f64, y: f64) -> Option<Point> {
        let up = if self.is_flipped { y } else { -y };
        let angle = x.atan2(up);
        let from_top = self.radius + self.size.1 / 2.0 - x.hypot(up);
        let along = (angle / self.angle + 0.5) * self.size.0;
        let down = if self.is_flipped {
            self.size.1 - from_top
        } else {
            from_top
        };
        // Half a pixel beyond the ends smooths them.
        let seen = along > -1.0 && along < self.size.0 + 1.0;
        seen.then_some((along, down))
    }
}

/// The rectangle around the bent picture.
pub(super) fn arc_size(degrees: f64, size: (u32, u32)) -> (u32, u32) {
    arc(degrees, (f64::from(size.0), f64::from(size.1))).map_or(size, |arc| size_of(arc.bounds()))
}
