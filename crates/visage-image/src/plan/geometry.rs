//! What one component does to a picture of a given size (Cloudinary reference, resize and crop modes).
//!
//! Sizes are rounded to the nearest whole pixel, halves up, and are never below 1.

use visage_cloudinary::transformation::{Component, Crop, Gravity, Length};

use super::Window;
use crate::PlanError;

/// Where, as a fraction of the height, a face is taken to be while nobody has looked for faces.
///
/// In portraits the eyes sit at about a third of the height and the chin at a half. The window is centred on this line
/// and shifted inside the picture. It is the only place that says where a face is.
const ASSUMED_FACE_CENTRE: f64 = 0.4;

/// What is kept of the input, and with how many pixels it is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placement {
    pub(super) window: Window,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// What the size parameters ask for, in whole pixels.
#[derive(Debug, Clone, Copy)]
enum Request {
    Both(u32, u32),
    Width(u32),
    Height(u32),
    /// The largest window of this ratio.
    Ratio(f64),
}

/// Works out one component for an `input` of this size; `None` when it does not change the geometry.
pub(super) fn place(component: &Component, input: (u32, u32), dpr: f64) -> Result<Option<Placement>, PlanError> {
    if component.crop == Some(Crop::Thumb) && component.gravity.is_none() {
        return Err(PlanError::ThumbWithoutGravity);
    }
    let Some(request) = request(component, input, dpr)? else {
        return Ok(None);
    };
    let placement = match (component.crop.unwrap_or(Crop::Scale), request) {
        (Crop::Fill | Crop::Thumb, Request::Both(width, height)) => fill(component, input, (width, height), dpr)?,
        (Crop::Fill | Crop::Thumb, Request::Ratio(ratio)) => {
            fill(component, input, largest_of_ratio(input, ratio), dpr)?
        }
        (Crop::Crop, request) => crop(component, input, request, dpr),
        (_, Request::Ratio(_)) => return Ok(None),
        (Crop::Fit | Crop::Limit, Request::Both(width, height)) => whole(input, fit(input, (width, height))),
        (_, Request::Both(width, height)) => whole(input, (width, height)),
        (_, Request::Width(width)) => whole(input, (width, proportional(input.1, width, input.0))),
        (_, Request::Height(height)) => whole(input, (proportional(input.0, height, input.1), height)),
    };
    let enlarges = placement.width > input.0 || placement.height > input.1;
    Ok(if component.crop == Some(Crop::Limit) && enlarges {
        None
    } else {
        Some(placement)
    })
}

fn whole(input: (u32, u32), size: (u32, u32)) -> Placement {
    Placement {
        window: Window::whole(input.0, input.1),
        width: size.0,
        height: size.1,
    }
}

/// The largest size of the input's ratio inside `size`: scale = min(w/W, h/H), so one side is exact.
fn fit(input: (u32, u32), size: (u32, u32)) -> (u32, u32) {
    let width_decides = u64::from(size.0) * u64::from(input.1) <= u64::from(size.1) * u64::from(input.0);
    if width_decides {
        (size.0, proportional(input.1, size.0, input.0))
    } else {
        (proportional(input.0, size.1, input.1), size.1)
    }
}

/// Scale = max(w/W, h/H), the rest is cut off: the window has the ratio w/h and touches two sides of the input, unless
/// `z_` brings it closer. Offsets are in pixels of the result.
fn fill(component: &Component, input: (u32, u32), size: (u32, u32), dpr: f64) -> Result<Placement, PlanError> {
    let (input_width, input_height) = (f64::from(input.0), f64::from(input.1));
    let (width, height) = (f64::from(size.0), f64::from(size.1));
    let zoom = component
        .zoom
        .filter(|_| component.crop == Some(Crop::Thumb))
        .unwrap_or(1.0);
    if !(zoom > 0.0 && zoom.is_finite()) {
        return Err(PlanError::InvalidNumber {
            name: "zoom",
            value: zoom,
        });
    }
    let scale = (width / input_width).max(height / input_height) * zoom.max(1.0);
    let (window_width, window_height) = ((width / scale).min(input_width), (height / scale).min(input_height));
    let offset = |length: Option<Length>, side: f64| match length {
        Some(Length::Pixels(pixels)) => f64::from(pixels) * dpr / scale,
        Some(Length::Fraction(fraction)) => fraction * side,
        None => 0.0,
    };
    let gravity = component.gravity.unwrap_or(Gravity::Center);
    let (x, y) = aligned(gravity, (input_width, input_height), (window_width, window_height));
    let (across, down) = directions(gravity);
    let window = Window {
        x: (x + across * offset(component.x, input_width)).clamp(0.0, input_width - window_width),
        y: (y + down * offset(component.y, input_height)).clamp(0.0, input_height - window_height),
        width: window_width,
        height: window_height,
    };
    Ok(Placement {
        window,
        width: size.0,
        height: size.1,
    })
}

/// Cuts a window of whole pixels, without scaling; a window beyond the input is shifted inside and cut to it.
fn crop(component: &Component, input: (u32, u32), request: Request, dpr: f64) -> Placement {
    let (width, height) = match request {
        Request::Both(width, height) => (width.min(input.0), height.min(input.1)),
        Request::Width(width) => (width.min(input.0), input.1),
        Request::Height(height) => (input.0, height.min(input.1)),
        Request::Ratio(ratio) => largest_of_ratio(input, ratio),
    };
    let has_offset = component.x.is_some() || component.y.is_some();
    let by_default = if has_offset {
        Gravity::NorthWest
    } else {
        Gravity::Center
    };
    let gravity = component.gravity.unwrap_or(by_default);
    let (input_width, input_height) = (f64::from(input.0), f64::from(input.1));
    let size = (f64::from(width), f64::from(height));
    let offset = |length: Option<Length>, side: f64| match length {
        Some(Length::Pixels(pixels)) => f64::from(pixels) * dpr,
        Some(Length::Fraction(fraction)) => fraction * side,
        None => 0.0,
    };
    let (x, y) = aligned(gravity, (input_width, input_height), size);
    let (across, down) = directions(gravity);
    let x = x.floor() + (across * offset(component.x, input_width)).round();
    let y = y.floor() + (down * offset(component.y, input_height)).round();
    let window = Window {
        x: x.clamp(0.0, input_width - size.0),
        y: y.clamp(0.0, input_height - size.1),
        width: size.0,
        height: size.1,
    };
    Placement { window, width, height }
}

/// Top left corner of a window at the named edges of the input, centred otherwise.
fn aligned(gravity: Gravity, input: (f64, f64), window: (f64, f64)) -> (f64, f64) {
    use Gravity::{Center, East, Face, Faces, North, NorthEast, NorthWest, South, SouthEast, SouthWest, West};
    let (free_x, free_y) = (input.0 - window.0, input.1 - window.1);
    let x = match gravity {
        NorthWest | West | SouthWest => 0.0,
        North | Center | South | Face | Faces => free_x / 2.0,
        NorthEast | East | SouthEast => free_x,
    };
    let y = match gravity {
        NorthWest | North | NorthEast => 0.0,
        West | Center | East => free_y / 2.0,
        SouthWest | South | SouthEast => free_y,
        Face | Faces => (input.1 * ASSUMED_FACE_CENTRE - window.1 / 2.0).clamp(0.0, free_y),
    };
    (x, y)
}

/// Which way positive offsets move the window: inwards from the edges that the gravity names.
fn directions(gravity: Gravity) -> (f64, f64) {
    match gravity {
        Gravity::NorthEast | Gravity::East => (-1.0, 1.0),
        Gravity::SouthWest | Gravity::South => (1.0, -1.0),
        Gravity::SouthEast => (-1.0, -1.0),
        _ => (1.0, 1.0),
    }
}

/// The largest window of a ratio (width divided by height) in the input.
fn largest_of_ratio(input: (u32, u32), ratio: f64) -> (u32, u32) {
    let width = rounded(f64::from(input.1) * ratio);
    if width <= input.0 {
        (width, input.1)
    } else {
        (input.0, rounded(f64::from(input.0) / ratio).min(input.1))
    }
}

fn request(component: &Component, input: (u32, u32), dpr: f64) -> Result<Option<Request>, PlanError> {
    let invalid_width = |value| PlanError::InvalidWidth { value };
    let invalid_height = |value| PlanError::InvalidHeight { value };
    let width = component
        .width
        .map(|width| pixels(width, input.0, dpr).map_err(invalid_width))
        .transpose()?;
    let height = component
        .height
        .map(|height| pixels(height, input.1, dpr).map_err(invalid_height))
        .transpose()?;
    let ratio = component.aspect_ratio;
    if let Some(value) = ratio.filter(|ratio| !(*ratio > 0.0 && ratio.is_finite())) {
        return Err(PlanError::InvalidNumber {
            name: "aspect ratio",
            value,
        });
    }
    Ok(Some(match (width, height, ratio) {
        (Some(width), Some(height), _) => Request::Both(width, height),
        (Some(width), None, Some(ratio)) => Request::Both(width, rounded(f64::from(width) / ratio)),
        (None, Some(height), Some(ratio)) => Request::Both(rounded(f64::from(height) * ratio), height),
        (Some(width), None, None) => Request::Width(width),
        (None, Some(height), None) => Request::Height(height),
        (None, None, Some(ratio)) => Request::Ratio(ratio),
        (None, None, None) => return Ok(None),
    }))
}

/// A requested side in pixels: whole numbers times `dpr`, fractions of the input's side.
fn pixels(length: Length, side: u32, dpr: f64) -> Result<u32, String> {
    match length {
        Length::Pixels(pixels) if pixels > 0 => Ok(rounded(f64::from(pixels) * dpr)),
        Length::Pixels(pixels) => Err(pixels.to_string()),
        Length::Fraction(fraction) if fraction > 0.0 && fraction.is_finite() => Ok(rounded(fraction * f64::from(side))),
        Length::Fraction(fraction) => Err(fraction.to_string()),
    }
}

/// `side * numerator / denominator`, exactly, rounded half up.
fn proportional(side: u32, numerator: u32, denominator: u32) -> u32 {
    let denominator = u64::from(denominator.max(1));
    let rounded =
        (u128::from(side) * u128::from(numerator) * 2 + u128::from(denominator)) / u128::from(2 * denominator);
    u32::try_from(rounded).unwrap_or(u32::MAX).max(1)
}

/// The nearest whole number of pixels, halves up, at least 1; huge values end at `u32::MAX`, which no limit allows.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion of floats saturates"
)]
fn rounded(pixels: f64) -> u32 {
    (pixels + 0.5).floor().max(1.0) as u32
}
