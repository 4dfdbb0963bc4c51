//! Pictures on larger or smaller ones.

use visage_cloudinary::transformation::Color;

use crate::effects::with_alpha;
use crate::pixels::{Layout, Pixels, usize_from};
use crate::plan::Canvas;
use crate::{ImageError, Limits};

/// The picture at its place on the canvas, cut where it reaches beyond, and `fill` around it. What is transparent in the
/// picture stays so.
pub(crate) fn place(pixels: Pixels, canvas: Canvas, fill: Color, limits: &Limits) -> Result<Pixels, ImageError> {
    let mut pixels = pixels;
    if fill.alpha < 255 {
        pixels = with_alpha(pixels, limits)?;
    }
    let mut target = Pixels::zeroed(canvas.width, canvas.height, pixels.layout, limits)?;
    let colour = [fill.red, fill.green, fill.blue, fill.alpha];
    let channels = pixels.layout.channels();
    for pixel in target.data.chunks_exact_mut(channels) {
        pixel.copy_from_slice(&colour[..channels]);
    }
    copy(&pixels, &mut target, (canvas.x, canvas.y));
    Ok(target)
}

/// Replaces what lies below the picture; both have the same layout.
pub(crate) fn copy(pixels: &Pixels, target: &mut Pixels, (x, y): (i64, i64)) {
    let channels = pixels.layout.channels();
    let across = shared(x, pixels.width, target.width);
    let down = shared(y, pixels.height, target.height);
    let (from_bytes, to_bytes) = (pixels.row_bytes(), target.row_bytes());
    let from_rows = pixels.data.chunks_exact(from_bytes).skip(down.from);
    let to_rows = target.data.chunks_exact_mut(to_bytes).skip(down.to);
    for (from, to) in from_rows.zip(to_rows).take(down.count) {
        let from = &from[across.from * channels..][..across.count * channels];
        to[across.to * channels..][..across.count * channels].copy_from_slice(from);
    }
}

/// What two stretches share: where it begins in each, and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) count: usize,
}

/// Of a stretch of `from` that begins at `start` of one of `to`.
pub(crate) fn shared(start: i64, from: u32, to: u32) -> Shared {
    let begin = start.clamp(0, i64::from(to));
    let end = start.saturating_add(i64::from(from)).clamp(begin, i64::from(to));
    let index = |place: i64| usize::try_from(place).unwrap_or(0);
    Shared {
        from: index(begin.saturating_sub(start)).min(usize_from(from)),
        to: index(begin),
        count: index(end - begin),
    }
}

/// Multiplies alpha by so many hundredths.
pub(crate) fn opacity(pixels: Pixels, percent: u8, limits: &Limits) -> Result<Pixels, ImageError> {
    let mut pixels = with_alpha(pixels, limits)?;
    debug_assert_eq!(pixels.layout, Layout::Rgba);
    for pixel in pixels.data.as_chunks_mut::<4>().0 {
        let alpha = (u16::from(pixel[3]) * u16::from(percent.min(100)) + 50) / 100;
        pixel[3] = u8::try_from(alpha).unwrap_or(u8::MAX);
    }
    Ok(pixels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{check, landscape, ring};

    const TEAL: Color = Color {
        red: 0,
        green: 128,
        blue: 128,
        alpha: 255,
    };

    fn placed(pixels: Pixels, (width, height): (u32, u32), (x, y): (i64, i64), fill: Color) -> Pixels {
        let canvas = Canvas { width, height, x, y };
        place(pixels, canvas, fill, &Limits::default()).unwrap()
    }

    #[test]
    fn what_reaches_beyond_is_cut() {
        check("place_larger", &placed(landscape(), (60, 50), (5, 10), TEAL));
        check("place_cut", &placed(landscape(), (40, 40), (-10, 20), TEAL));
        let half = Color { alpha: 128, ..TEAL };
        check("place_alpha", &placed(ring(), (60, 34), (30, -4), half));
        assert_eq!(placed(landscape(), (48, 32), (0, 0), TEAL), landscape());
        for place in [(48, 0), (-48, 0), (0, 32), (i64::MAX, i64::MIN)] {
            let empty = placed(landscape(), (48, 32), place, TEAL);
            assert!(
                empty
                    .data
                    .as_chunks::<3>()
                    .0
                    .iter()
                    .all(|pixel| *pixel == [0, 128, 128])
            );
        }
    }

    #[test]
    fn stretches_are_shared_exactly() {
        let cases = [
            ((0, 5, 5), (0, 0, 5)),
            ((2, 5, 5), (0, 2, 3)),
            ((-2, 5, 5), (2, 0, 3)),
            ((-2, 9, 5), (2, 0, 5)),
            ((4, 5, 5), (0, 4, 1)),
            ((-4, 5, 5), (4, 0, 1)),
        ];
        for ((start, from, to), (at, into, count)) in cases {
            let expected = Shared {
                from: at,
                to: into,
                count,
            };
            assert_eq!(shared(start, from, to), expected);
        }
        assert_eq!(shared(-5, 5, 5).count, 0);
        assert_eq!(shared(5, 5, 5).count, 0);
    }

    #[test]
    fn opacity_counts_in_hundredths() {
        for (percent, alpha) in [(0, 0), (1, 3), (50, 128), (99, 252), (100, 255)] {
            let faded = opacity(landscape(), percent, &Limits::default()).unwrap();
            assert_eq!(faded.data[3], alpha, "{percent}");
        }
        check("opacity_30", &opacity(ring(), 30, &Limits::default()).unwrap());
    }
}
