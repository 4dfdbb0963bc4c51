//! A line around a picture.

use visage_cloudinary::transformation::Color;

use crate::corners::Shape;
use crate::effects::with_alpha;
use crate::pixels::Pixels;
use crate::plan::{Canvas, CornerRadii};
use crate::{ImageError, Limits, canvas};

/// A line of `width` pixels outside of the picture, which grows by it on every side. With `radii` it lies between their
/// rounded rectangle, along which the picture has been cut, and one that is larger by `width`; a corner that was not
/// rounded is sharp outside as well.
pub(crate) fn border(
    pixels: Pixels,
    width: u32,
    color: Color,
    radii: Option<CornerRadii>,
    limits: &Limits,
) -> Result<Pixels, ImageError> {
    let around = Canvas::around((pixels.width, pixels.height), width);
    let Some(radii) = radii else {
        return canvas::place(pixels, around, color, limits);
    };
    let (across, down) = (f64::from(pixels.width), f64::from(pixels.height));
    let margin = f64::from(width);
    let inner = Shape::new(radii, across, down);
    let outer = Shape::grown(radii, (across, down), margin);
    let pixels = with_alpha(pixels, limits)?;
    let nothing = Color { alpha: 0, ..color };
    let mut framed = canvas::place(pixels, around, nothing, limits)?;
    let row_bytes = framed.row_bytes();
    let mut y = 0.5;
    for row in framed.data.chunks_exact_mut(row_bytes) {
        let mut x = 0.5;
        for pixel in row.as_chunks_mut::<4>().0 {
            let (in_x, in_y) = (x - margin, y - margin);
            let is_inside = in_x > 0.0 && in_y > 0.0 && in_x < across && in_y < down;
            let inside = if is_inside { inner.coverage(in_x, in_y) } else { 0.0 };
            let line = (outer.coverage(x, y) - inside).max(0.0) * f64::from(color.alpha);
            *pixel = added(*pixel, [color.red, color.green, color.blue], line);
            x += 1.0;
        }
        y += 1.0;
    }
    Ok(framed)
}

/// Two things that share a pixel without one covering the other: their alphas add up.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what a byte holds"
)]
fn added(pixel: [u8; 4], line: [u8; 3], line_alpha: f64) -> [u8; 4] {
    let alpha = f64::from(pixel[3]);
    let both = alpha + line_alpha;
    if line_alpha <= 0.0 || both <= 0.0 {
        return pixel;
    }
    let byte = |value: f64| (value + 0.5).clamp(0.0, 255.0) as u8;
    let level =
        |channel: usize| byte((f64::from(pixel[channel]) * alpha + f64::from(line[channel]) * line_alpha) / both);
    [level(0), level(1), level(2), byte(both)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corners;
    use crate::golden::{check, landscape, ring};
    use crate::pixels::Layout;

    const RED: Color = Color {
        red: 220,
        green: 20,
        blue: 20,
        alpha: 255,
    };

    fn framed(pixels: Pixels, width: u32, radii: Option<CornerRadii>) -> Pixels {
        let limits = Limits::default();
        let pixels = match radii {
            Some(radii) => corners::round(pixels, radii, &limits).unwrap(),
            None => pixels,
        };
        border(pixels, width, RED, radii, &limits).unwrap()
    }

    #[test]
    fn it_lies_outside_and_follows_the_corners() {
        let plain = framed(landscape(), 4, None);
        assert_eq!((plain.width, plain.height, plain.layout), (56, 40, Layout::Rgb));
        check("border", &plain);
        check("border_alpha", &framed(ring(), 2, None));
        check(
            "border_round",
            &framed(landscape(), 4, Some(CornerRadii::Pixels([12.0; 4]))),
        );
        let some = CornerRadii::Pixels([0.0, 14.0, 0.0, 6.0]);
        check("border_some_round", &framed(landscape(), 3, Some(some)));
        check("border_max", &framed(landscape(), 3, Some(CornerRadii::Max)));
    }

    #[test]
    fn there_is_no_gap_between_picture_and_line() {
        let white = crate::golden::draw(40, 40, Layout::Rgb, |_, _| [220, 20, 20, 255]);
        let framed = framed(white, 5, Some(CornerRadii::Pixels([10.0; 4])));
        for pixel in framed
            .data
            .as_chunks::<4>()
            .0
            .chunks_exact(50)
            .skip(20)
            .take(10)
            .flatten()
        {
            assert_eq!(*pixel, [220, 20, 20, 255]);
        }
        let diagonal = (5..25).map(|place| framed.data.as_chunks::<4>().0[place * 50 + place][3]);
        assert!(diagonal.skip(3).all(|alpha| alpha >= 253));
    }
}
