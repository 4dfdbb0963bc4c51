//! Where a border of one colour ends.

use visage_cloudinary::transformation::Color;

use crate::pixels::Pixels;
use crate::plan::Window;

/// The smallest part outside of which every pixel is like `color`, or like the pixel in the top left corner: no channel
/// differs by more than `tolerance` percent, seen on a transparent background. All of it when there is nothing else.
pub(crate) fn trim_box(pixels: &Pixels, tolerance: u8, color: Option<Color>) -> Window {
    let border = color.map_or_else(
        || seen(pixels.data.get(..pixels.layout.channels()).unwrap_or_default()),
        |color| seen(&[color.red, color.green, color.blue, color.alpha]),
    );
    let most = (u16::from(tolerance.min(100)) * 255 + 50) / 100;
    let differs = |pixel: &[u8]| {
        let levels = seen(pixel).into_iter().zip(border);
        levels
            .into_iter()
            .any(|(level, border)| u16::from(level.abs_diff(border)) > most)
    };
    let channels = pixels.layout.channels();
    let (mut left, mut right, mut top, mut bottom) = (u32::MAX, 0, u32::MAX, 0);
    for (y, row) in (0..pixels.height).zip(pixels.data.chunks_exact(pixels.row_bytes())) {
        let Some(first) = row.chunks_exact(channels).position(&differs) else {
            continue;
        };
        let last = row.chunks_exact(channels).rposition(&differs).unwrap_or(first);
        let column = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        left = left.min(column(first));
        right = right.max(column(last));
        top = top.min(y);
        bottom = y;
    }
    if top > bottom {
        return Window::whole(pixels.width, pixels.height);
    }
    Window {
        x: f64::from(left),
        y: f64::from(top),
        width: f64::from(right - left + 1),
        height: f64::from(bottom - top + 1),
    }
}

/// Colours times alpha, and alpha: what nobody sees is all alike.
fn seen(pixel: &[u8]) -> [u8; 4] {
    let level = |channel: usize| pixel.get(channel).copied().unwrap_or(u8::MAX);
    let alpha = level(3);
    let times = |level: u8| {
        let product = (u16::from(level) * u16::from(alpha) + 127) / 255;
        u8::try_from(product).unwrap_or(u8::MAX)
    };
    [times(level(0)), times(level(1)), times(level(2)), alpha]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::draw;
    use crate::pixels::Layout;

    /// A square of 90 on a border of 100, which is one level nearer to `shift`.
    fn framed(shift: u8) -> Pixels {
        draw(20, 10, Layout::Rgb, |x, y| {
            let inside = (3..15).contains(&x) && (2..9).contains(&y);
            [if inside { 100 + shift } else { 100 }, 100, 100, 255]
        })
    }

    fn window(x: f64, y: f64, width: f64, height: f64) -> Window {
        Window { x, y, width, height }
    }

    #[test]
    fn the_border_ends_where_the_tolerance_is_passed() {
        let inside = window(3.0, 2.0, 12.0, 7.0);
        assert_eq!(trim_box(&framed(1), 0, None), inside);
        assert_eq!(trim_box(&framed(26), 10, None), window(0.0, 0.0, 20.0, 10.0));
        assert_eq!(trim_box(&framed(27), 10, None), inside);
        assert_eq!(trim_box(&framed(155), 100, None), window(0.0, 0.0, 20.0, 10.0));
    }

    #[test]
    fn one_colour_stays_whole_and_a_named_colour_is_the_only_border() {
        assert_eq!(trim_box(&framed(0), 10, None), window(0.0, 0.0, 20.0, 10.0));
        let white = Color::parse("white");
        assert_eq!(trim_box(&framed(50), 10, white), window(0.0, 0.0, 20.0, 10.0));
        let border = Color::parse("rgb:646464");
        assert_eq!(trim_box(&framed(50), 0, border), window(3.0, 2.0, 12.0, 7.0));
    }

    #[test]
    fn transparent_colours_are_alike() {
        let pixels = draw(9, 9, Layout::Rgba, |x, y| {
            [
                u8::try_from(x * 20).unwrap(),
                0,
                0,
                if (x, y) == (4, 5) { 255 } else { 0 },
            ]
        });
        assert_eq!(trim_box(&pixels, 0, None), window(4.0, 5.0, 1.0, 1.0));
    }
}
