//! Turning by any angle.

use crate::effects::sampler;
use crate::pixels::Pixels;
use crate::{ImageError, Limits, Orientation, turn};

/// The bounding box of a turned picture: `W |cos| + H |sin|` by `W |sin| + H |cos|`, rounded half up, at least 1.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped; limits refuse it long before"
)]
pub(crate) fn rotated_size((width, height): (u32, u32), degrees: f64) -> (u32, u32) {
    if let Some(orientation) = quarter(degrees) {
        return orientation.turned_size(width, height);
    }
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (across, down) = (f64::from(width), f64::from(height));
    let rounded = |length: f64| (length + 0.5).floor().clamp(1.0, f64::from(u32::MAX)) as u32;
    (
        rounded(across * cosine.abs() + down * sine.abs()),
        rounded(across * sine.abs() + down * cosine.abs()),
    )
}

/// Turned clockwise around the middle, in a picture of that width and height; what it does not cover is transparent. Quarters are
/// exact, anything else is bilinear.
pub(crate) fn rotate(
    pixels: Pixels,
    degrees: f64,
    (width, height): (u32, u32),
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Pixels, ImageError> {
    let before = (f64::from(pixels.width), f64::from(pixels.height));
    if let Some(orientation) = quarter(degrees)
        && orientation.turned_size(pixels.width, pixels.height) == (width, height)
    {
        return turn::upright(pixels, orientation, limits);
    }
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let middle = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    sampler::map(pixels, (width, height), limits, cancelled, |x, y| {
        let (x, y) = (x - middle.0, y - middle.1);
        Some((
            x * cosine + y * sine + before.0 / 2.0,
            y * cosine - x * sine + before.1 / 2.0,
        ))
    })
}

/// The turn by a multiple of 90 degrees that it is.
fn quarter(degrees: f64) -> Option<Orientation> {
    let turn = degrees.rem_euclid(360.0);
    let quarters = [
        (0.0, Orientation::Normal),
        (90.0, Orientation::Rotate90),
        (180.0, Orientation::Rotate180),
        (270.0, Orientation::Rotate270),
        (360.0, Orientation::Normal),
    ];
    let found = quarters.into_iter().find(|(degrees, _)| (turn - degrees).abs() < 1e-9);
    found.map(|(_, orientation)| orientation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{check, landscape, ring};

    fn rotated(pixels: Pixels, degrees: f64) -> Pixels {
        let size = rotated_size((pixels.width, pixels.height), degrees);
        rotate(pixels, degrees, size, &Limits::default(), &|| false).unwrap()
    }

    #[test]
    fn sizes_are_those_of_the_bounding_box() {
        for (degrees, size) in [
            (0.0, (100, 60)),
            (90.0, (60, 100)),
            (-90.0, (60, 100)),
            (540.0, (100, 60)),
            (45.0, (113, 113)),
            (30.0, (117, 102)),
            (-30.0, (117, 102)),
        ] {
            assert_eq!(rotated_size((100, 60), degrees), size, "{degrees}");
        }
    }

    #[test]
    fn any_angle_turns_clockwise_and_quarters_are_exact() {
        check("rotate_20", &rotated(landscape(), 20.0));
        check("rotate_-135", &rotated(ring(), -135.0));
        check("rotate_90", &rotated(landscape(), 90.0));
        let back = rotated(rotated(landscape(), 90.0), 270.0);
        assert_eq!(back, landscape());
        assert_eq!(rotated(landscape(), 720.0), landscape());
    }

    #[test]
    fn it_stops_when_told() {
        let stopped = rotate(ring(), 10.0, (50, 50), &Limits::default(), &|| true);
        assert_eq!(stopped, Err(ImageError::Cancelled));
    }
}
