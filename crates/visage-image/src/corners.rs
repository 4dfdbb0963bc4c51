//! Rounded corners and backgrounds.

use visage_cloudinary::transformation::Color;

use crate::pixels::{Layout, Pixels};
use crate::plan::CornerRadii;
use crate::{ImageError, Limits};

/// Multiplies alpha by the coverage of the rounded shape, edges smoothed over one pixel.
pub(crate) fn round(source: Pixels, radii: CornerRadii, limits: &Limits) -> Result<Pixels, ImageError> {
    let mut pixels = with_alpha(source, limits)?;
    let (width, height) = (f64::from(pixels.width), f64::from(pixels.height));
    let shape = Shape::new(radii, width, height);
    let row_bytes = pixels.row_bytes();
    let mut y = 0.5;
    for row in pixels.data.chunks_exact_mut(row_bytes) {
        let mut x = 0.5;
        for pixel in row.as_chunks_mut::<4>().0 {
            pixel[3] = scaled(pixel[3], shape.coverage(x, y));
            x += 1.0;
        }
        y += 1.0;
    }
    Ok(pixels)
}

/// Puts the pixels on `background`; without alpha there is nothing to see of it.
pub(crate) fn flatten(mut source: Pixels, background: Color) -> Pixels {
    if source.layout != Layout::Rgba {
        return source;
    }
    let under = [background.red, background.green, background.blue];
    for pixel in source.data.as_chunks_mut::<4>().0 {
        composite(pixel, under, background.alpha);
    }
    if background.alpha == 255 {
        source.without_alpha()
    } else {
        source
    }
}

/// "Over" with straight alpha: `a = ao + ab (1 - ao)`, `c = (co ao + cb ab (1 - ao)) / a`.
fn composite(pixel: &mut [u8; 4], under: [u8; 3], under_alpha: u8) {
    let over = u32::from(pixel[3]) * 255;
    let below = u32::from(under_alpha) * (255 - u32::from(pixel[3]));
    let alpha = over + below;
    if alpha == 0 {
        return;
    }
    for (channel, under) in pixel.iter_mut().zip(under) {
        let sum = u32::from(*channel) * over + u32::from(under) * below + alpha / 2;
        *channel = u8::try_from(sum / alpha).unwrap_or(u8::MAX);
    }
    pixel[3] = u8::try_from((alpha + 127) / 255).unwrap_or(u8::MAX);
}

fn with_alpha(source: Pixels, limits: &Limits) -> Result<Pixels, ImageError> {
    if source.layout == Layout::Rgba {
        return Ok(source);
    }
    let mut pixels = Pixels::zeroed(source.width, source.height, Layout::Rgba, limits)?;
    for (to, from) in pixels
        .data
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .zip(source.data.as_chunks::<3>().0)
    {
        *to = [from[0], from[1], from[2], 255];
    }
    Ok(pixels)
}

/// A rectangle with a quarter of an ellipse in each corner.
pub(crate) struct Shape {
    width: f64,
    height: f64,
    /// Across and down, clockwise from the top left.
    radii: [(f64, f64); 4],
}

impl Shape {
    pub(crate) fn new(radii: CornerRadii, width: f64, height: f64) -> Self {
        let most = width.min(height) / 2.0;
        let radii = match radii {
            CornerRadii::Max => [(width / 2.0, height / 2.0); 4],
            CornerRadii::Pixels(radii) => radii.map(|radius| (radius.min(most), radius.min(most))),
        };
        Self { width, height, radii }
    }

    /// As [`Shape::new`], larger by `margin` on every side, with the same middles of its rounded corners.
    pub(crate) fn grown(radii: CornerRadii, (width, height): (f64, f64), margin: f64) -> Self {
        let grown = Self::new(radii, width, height).radii.map(|(across, down)| {
            if across > 0.0 && down > 0.0 {
                (across + margin, down + margin)
            } else {
                (0.0, 0.0)
            }
        });
        Self {
            width: width + 2.0 * margin,
            height: height + 2.0 * margin,
            radii: grown,
        }
    }

    /// How much of the pixel centred on (x, y) lies inside, 0 to 1.
    pub(crate) fn coverage(&self, x: f64, y: f64) -> f64 {
        let right = x > self.width / 2.0;
        let below = y > self.height / 2.0;
        let (across, down) = match (right, below) {
            (false, false) => self.radii[0],
            (true, false) => self.radii[1],
            (true, true) => self.radii[2],
            (false, true) => self.radii[3],
        };
        let from_side = if right { self.width - x } else { x };
        let from_end = if below { self.height - y } else { y };
        if from_side >= across || from_end >= down {
            return 1.0;
        }
        let (dx, dy) = ((across - from_side) / across, (down - from_end) / down);
        let length = dx.hypot(dy);
        // Distance to the ellipse, to first order: (1 - f) / |grad f| with f the normalised radius.
        let gradient = (dx / across).hypot(dy / down) / length.max(f64::MIN_POSITIVE);
        ((1.0 - length) / gradient + 0.5).clamp(0.0, 1.0)
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 to 255 and a half"
)]
fn scaled(alpha: u8, coverage: f64) -> u8 {
    (f64::from(alpha) * coverage + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn black(width: u32, height: u32) -> Pixels {
        Pixels::zeroed(width, height, Layout::Rgb, &Limits::default()).unwrap()
    }

    fn alpha(radii: CornerRadii, width: u32, height: u32) -> Vec<u8> {
        let rounded = round(black(width, height), radii, &Limits::default()).unwrap();
        rounded.data.as_chunks::<4>().0.iter().map(|pixel| pixel[3]).collect()
    }

    #[test]
    fn the_largest_radius_leaves_a_circle() {
        let alpha = alpha(CornerRadii::Max, 100, 100);
        let area = alpha.iter().map(|&alpha| f64::from(alpha) / 255.0).sum::<f64>();
        assert!((area - std::f64::consts::PI * 2500.0).abs() < 10.0, "{area}");
        assert_eq!((alpha[0], alpha[50], alpha[50 * 100 + 50]), (0, 254, 255));
    }

    #[test]
    fn each_corner_has_its_own_radius() {
        let alpha = alpha(CornerRadii::Pixels([0.0, 10.0, 0.0, 500.0]), 40, 20);
        let corners = [alpha[0], alpha[39], alpha[19 * 40 + 39], alpha[19 * 40]];
        assert_eq!(corners, [255, 0, 255, 0]);
    }

    #[test]
    fn a_background_shows_through() {
        let half = Pixels {
            width: 2,
            height: 1,
            layout: Layout::Rgba,
            data: vec![0, 0, 0, 128, 9, 9, 9, 255],
        };
        let white = Color {
            red: 255,
            green: 255,
            blue: 255,
            alpha: 255,
        };
        let flat = flatten(half.clone(), white);
        assert_eq!((flat.layout, flat.data), (Layout::Rgb, vec![127, 127, 127, 9, 9, 9]));
        let glass = flatten(half, Color { alpha: 0, ..white });
        assert_eq!(glass.data, [0, 0, 0, 128, 9, 9, 9, 255]);
    }
}
