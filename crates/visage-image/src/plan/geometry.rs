//! What one component does to the size of a picture (Cloudinary reference, resize and crop modes).
//!
//! Sizes are rounded to the nearest whole pixel, halves up, and are never below 1.

use visage_cloudinary::transformation::{Component, Crop, Flag, Gravity, Length};

use super::gravity::{Anchor, offset};
use super::{Canvas, Window};
use crate::PlanError;

/// How much of the surroundings of a face `c_thumb` shows at `z_1.0`: its window is this many times as large as the
/// face, which the detector draws from brow to chin.
const THUMB_MARGIN: f64 = 1.8;

/// What is kept of the input, and with how many pixels it is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placement {
    pub(super) window: Window,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Where it is then put, for the modes that fill up.
    pub(super) canvas: Option<Canvas>,
    /// The window is only as large as this one; where it lies is decided by what there is to see.
    pub(super) is_auto: bool,
}

/// What a component is applied to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input {
    /// The size of the picture.
    pub(super) size: (u32, u32),
    /// What decimals are multiples of.
    pub(super) relative_to: (u32, u32),
    pub(super) dpr: f64,
    pub(super) anchor: Option<Anchor>,
    /// What must stay visible for `fill_pad` to fill.
    pub(super) content: Option<Window>,
}

/// What the size parameters ask for, in whole pixels.
#[derive(Debug, Clone, Copy)]
enum Request {
    Both(u32, u32),
    Width(u32),
    Height(u32),
    /// The largest window, or the smallest canvas, of this ratio.
    Ratio(f64),
}

/// Works out one component; `None` when it does not change the geometry.
pub(super) fn place(component: &Component, input: Input) -> Result<Option<Placement>, PlanError> {
    let crop = component.crop.unwrap_or(Crop::Scale);
    check_gravity(component, crop)?;
    let zoom = zoom(component)?;
    let Some(request) = request(component, input)? else {
        return Ok(region_alone(crop, input, zoom));
    };
    let size = input.size;
    let whole = |size| Some(whole(input.size, size));
    Ok(match (crop, request) {
        (Crop::Crop, request) => Some(cut(component, input, request)),
        (Crop::Fill | Crop::Auto, Request::Both(width, height)) => Some(fill(component, input, (width, height), 1.0)),
        (Crop::Fill | Crop::Auto, Request::Ratio(ratio)) => {
            Some(fill(component, input, largest_of_ratio(size, ratio), 1.0))
        }
        (Crop::Thumb, Request::Both(width, height)) => Some(thumb(component, input, (width, height), zoom)),
        (Crop::Thumb, Request::Ratio(ratio)) => Some(thumb(component, input, largest_of_ratio(size, ratio), zoom)),
        (Crop::Lfill, Request::Both(width, height)) => Some(limited_fill(component, input, (width, height))),
        (Crop::Lfill, Request::Ratio(ratio)) => Some(fill(component, input, largest_of_ratio(size, ratio), 1.0)),
        (Crop::FillPad | Crop::AutoPad, Request::Both(width, height)) => {
            Some(filled_or_padded(component, input, (width, height)))
        }
        (Crop::Pad | Crop::FillPad | Crop::AutoPad | Crop::Lpad | Crop::Mpad, request) => {
            Some(padded(component, crop, input, request))
        }
        (_, Request::Ratio(_)) => None,
        (Crop::Fit, Request::Both(width, height)) => whole(fitted(size, (width, height))),
        (Crop::Limit, request) => whole(bounded(size, request)).filter(|found| is_smaller(found, size)),
        (Crop::Mfit, request) => whole(bounded(size, request)).filter(|found| is_larger(found, size)),
        (_, Request::Both(width, height)) => whole((width, height)),
        (_, Request::Width(width)) if component.has(&Flag::IgnoreAspectRatio) => whole((width, size.1)),
        (_, Request::Height(height)) if component.has(&Flag::IgnoreAspectRatio) => whole((size.0, height)),
        (Crop::Scale, Request::Width(_) | Request::Height(_)) => whole(bounded(size, request)),
        (Crop::Lfill | Crop::Thumb | Crop::Fill | Crop::Auto | Crop::Fit, request) => {
            let found = bounded(size, request);
            let enlarges = found.0 > size.0 || found.1 > size.1;
            whole(found).filter(|_| crop != Crop::Lfill || !enlarges)
        }
    })
}

fn is_smaller(placement: &Placement, input: (u32, u32)) -> bool {
    placement.width < input.0 || placement.height < input.1
}

fn is_larger(placement: &Placement, input: (u32, u32)) -> bool {
    placement.width > input.0 || placement.height > input.1
}

/// The gravity that each mode wants (Cloudinary reference, 13.2 and 13.3).
fn check_gravity(component: &Component, crop: Crop) -> Result<(), PlanError> {
    let has_size = component.width.is_some() || component.height.is_some() || component.aspect_ratio.is_some();
    let is_auto = matches!(component.gravity, Some(Gravity::Auto(_)));
    match crop {
        Crop::Thumb if component.gravity.is_none() => Err(PlanError::ThumbWithoutGravity),
        Crop::FillPad | Crop::AutoPad if !is_auto => Err(PlanError::FillPadWithoutAuto),
        Crop::Scale | Crop::Fit | Crop::Limit | Crop::Mfit | Crop::Pad | Crop::Lpad | Crop::Mpad
            if is_auto && (has_size || component.crop.is_some()) =>
        {
            Err(PlanError::AutoGravity)
        }
        _ => Ok(()),
    }
}

fn zoom(component: &Component) -> Result<f64, PlanError> {
    let zoom = component.zoom.unwrap_or(1.0);
    if zoom > 0.0 && zoom.is_finite() {
        Ok(zoom)
    } else {
        Err(PlanError::InvalidNumber {
            name: "zoom",
            value: zoom,
        })
    }
}

/// Without a size, `crop`, `thumb` and `auto` keep just the region that the gravity found.
fn region_alone(crop: Crop, input: Input, zoom: f64) -> Option<Placement> {
    let Some(Anchor::Region(region)) = input.anchor else {
        return None;
    };
    let margin = match crop {
        Crop::Crop => 1.0,
        Crop::Thumb | Crop::Auto => THUMB_MARGIN,
        _ => return None,
    };
    let grown = |side: f64, limit: u32| rounded(side * margin / zoom).min(limit);
    let (width, height) = (grown(region.width, input.size.0), grown(region.height, input.size.1));
    let (x, y) = Anchor::Region(region).place(as_floats(input.size), (f64::from(width), f64::from(height)));
    Some(Placement {
        window: inside(Window::whole(width, height).moved(x.round(), y.round()), input.size),
        width,
        height,
        canvas: None,
        is_auto: false,
    })
}

fn whole(input: (u32, u32), size: (u32, u32)) -> Placement {
    Placement {
        window: Window::whole(input.0, input.1),
        width: size.0,
        height: size.1,
        canvas: None,
        is_auto: false,
    }
}

/// The largest size of the input's ratio inside `size`: scale = min(w/W, h/H), so one side is exact.
fn fitted(input: (u32, u32), size: (u32, u32)) -> (u32, u32) {
    let width_decides = u64::from(size.0) * u64::from(input.1) <= u64::from(size.1) * u64::from(input.0);
    if width_decides {
        (size.0, proportional(input.1, size.0, input.0))
    } else {
        (proportional(input.0, size.1, input.1), size.1)
    }
}

/// The size of the input's ratio that a request bounds.
fn bounded(input: (u32, u32), request: Request) -> (u32, u32) {
    match request {
        Request::Both(width, height) => fitted(input, (width, height)),
        Request::Width(width) => (width, proportional(input.1, width, input.0)),
        Request::Height(height) => (proportional(input.0, height, input.1), height),
        Request::Ratio(_) => input,
    }
}

/// Scale = max(w/W, h/H), the rest is cut off: the window has the ratio w/h and touches two sides of the input, unless
/// `zoom` brings it closer. Offsets are in pixels of the result.
fn fill(component: &Component, input: Input, size: (u32, u32), zoom: f64) -> Placement {
    let (input_width, input_height) = as_floats(input.size);
    let (width, height) = as_floats(size);
    let scale = (width / input_width).max(height / input_height) * zoom.max(1.0);
    window_of(
        component,
        input,
        size,
        ((width / scale).min(input_width), (height / scale).min(input_height)),
    )
}

/// `fill`, but around a region the smallest window that holds it with its margin.
fn thumb(component: &Component, input: Input, size: (u32, u32), zoom: f64) -> Placement {
    let Some(Anchor::Region(region)) = input.anchor else {
        return fill(component, input, size, zoom);
    };
    let (width, height) = as_floats(size);
    let (input_width, input_height) = as_floats(input.size);
    let ratio = width / height;
    let wanted = region.width.max(region.height * ratio) * THUMB_MARGIN / zoom;
    let window_width = wanted.min(input_width).min(input_height * ratio).max(1.0);
    window_of(component, input, size, (window_width, window_width / ratio))
}

/// A window of this size (in pixels of the input), shown with `size` pixels.
fn window_of(component: &Component, input: Input, size: (u32, u32), window: (f64, f64)) -> Placement {
    let scale = f64::from(size.0) / window.0;
    let anchor = input.anchor.unwrap_or(Anchor::Edge(Gravity::Center));
    let shift = |length: Option<Length>, side: u32| match length {
        Some(Length::Pixels(pixels)) => f64::from(pixels) * input.dpr / scale,
        other => offset(other, side, input.dpr),
    };
    let (x, y) = anchor.place(as_floats(input.size), window);
    let (across, down) = anchor.directions();
    let window = Window {
        x: x + across * shift(component.x, input.size.0),
        y: y + down * shift(component.y, input.size.1),
        width: window.0,
        height: window.1,
    };
    Placement {
        window: inside(window, input.size),
        width: size.0,
        height: size.1,
        canvas: None,
        is_auto: matches!(anchor, Anchor::Auto(_)),
    }
}

/// Scale = min(1, max(w/W, h/H)), then cut to what is asked for; nothing is enlarged.
fn limited_fill(component: &Component, input: Input, size: (u32, u32)) -> Placement {
    let (width, height) = as_floats(size);
    let (input_width, input_height) = as_floats(input.size);
    if (width / input_width).max(height / input_height) <= 1.0 {
        return fill(component, input, size, 1.0);
    }
    cut(component, input, Request::Both(size.0, size.1))
}

/// Cuts a window of whole pixels, without scaling; a window beyond the input is shifted inside and cut to it.
fn cut(component: &Component, input: Input, request: Request) -> Placement {
    let size = input.size;
    let (width, height) = match request {
        Request::Both(width, height) => (width.min(size.0), height.min(size.1)),
        Request::Width(width) => (width.min(size.0), size.1),
        Request::Height(height) => (size.0, height.min(size.1)),
        Request::Ratio(ratio) => largest_of_ratio(size, ratio),
    };
    let has_offset = component.x.is_some() || component.y.is_some();
    let by_default = if has_offset {
        Gravity::NorthWest
    } else {
        Gravity::Center
    };
    let anchor = input.anchor.unwrap_or(Anchor::Edge(by_default));
    let (x, y) = anchor.place(as_floats(size), (f64::from(width), f64::from(height)));
    let (across, down) = anchor.directions();
    let x = x.floor() + (across * offset(component.x, size.0, input.dpr)).round();
    let y = y.floor() + (down * offset(component.y, size.1, input.dpr)).round();
    Placement {
        window: inside(Window::whole(width, height).moved(x, y), size),
        width,
        height,
        canvas: None,
        is_auto: matches!(anchor, Anchor::Auto(_)),
    }
}

/// Fills if all faces stay in the picture, else pads.
fn filled_or_padded(component: &Component, input: Input, size: (u32, u32)) -> Placement {
    let filled = fill(component, input, size, 1.0);
    let loses = |content: Window| content.width > filled.window.width || content.height > filled.window.height;
    if input.content.is_some_and(loses) {
        padded(component, Crop::Pad, input, Request::Both(size.0, size.1))
    } else {
        filled
    }
}

/// `pad`: fit, `lpad`: limit, `mpad`: as it is; then a canvas of the size that was asked for.
fn padded(component: &Component, crop: Crop, input: Input, request: Request) -> Placement {
    let size = input.size;
    let (width, height) = match request {
        Request::Both(width, height) => (width, height),
        Request::Width(_) | Request::Height(_) => bounded(size, request),
        Request::Ratio(ratio) => smallest_of_ratio(size, ratio),
    };
    let shown = match crop {
        Crop::Mpad => size,
        Crop::Lpad if size.0 <= width && size.1 <= height => size,
        _ => fitted(size, (width, height)),
    };
    let (width, height) = (width.max(shown.0), height.max(shown.1));
    let anchor = match input.anchor {
        Some(anchor @ Anchor::Edge(_)) => anchor,
        _ => Anchor::Edge(Gravity::Center),
    };
    let (x, y) = anchor.place((f64::from(width), f64::from(height)), as_floats(shown));
    let (across, down) = anchor.directions();
    let x = x.floor() + (across * offset(component.x, size.0, input.dpr)).round();
    let y = y.floor() + (down * offset(component.y, size.1, input.dpr)).round();
    let canvas = Canvas {
        width,
        height,
        x: whole_number(x),
        y: whole_number(y),
    };
    Placement {
        canvas: Some(canvas),
        ..whole(size, shown)
    }
}

/// A window shifted, if need be, so that it lies inside; one that is too large lies at the corner.
fn inside(window: Window, size: (u32, u32)) -> Window {
    let (width, height) = as_floats(size);
    Window {
        x: window.x.clamp(0.0, (width - window.width).max(0.0)),
        y: window.y.clamp(0.0, (height - window.height).max(0.0)),
        ..window
    }
}

fn as_floats(size: (u32, u32)) -> (f64, f64) {
    (f64::from(size.0), f64::from(size.1))
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

/// The smallest canvas of a ratio that holds the input.
fn smallest_of_ratio(input: (u32, u32), ratio: f64) -> (u32, u32) {
    let width = rounded(f64::from(input.1) * ratio);
    if width >= input.0 {
        (width, input.1)
    } else {
        (input.0, rounded(f64::from(input.0) / ratio).max(input.1))
    }
}

fn request(component: &Component, input: Input) -> Result<Option<Request>, PlanError> {
    let width = component
        .width
        .map(|width| pixels(width, input.relative_to.0, input))
        .transpose()
        .map_err(|value| PlanError::InvalidWidth { value })?;
    let height = component
        .height
        .map(|height| pixels(height, input.relative_to.1, input))
        .transpose()
        .map_err(|value| PlanError::InvalidHeight { value })?;
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

/// A requested side in pixels: whole numbers times `dpr`, fractions of a side.
fn pixels(length: Length, side: u32, input: Input) -> Result<u32, String> {
    match length {
        Length::Pixels(pixels) if pixels > 0 => Ok(rounded(f64::from(pixels) * input.dpr)),
        Length::Pixels(pixels) => Err(pixels.to_string()),
        Length::Fraction(fraction) if fraction > 0.0 && fraction.is_finite() => Ok(rounded(fraction * f64::from(side))),
        Length::Fraction(fraction) => Err(fraction.to_string()),
        Length::Auto(Some(pixels)) => Ok(rounded(f64::from(pixels) * input.dpr)),
        Length::Auto(None) => Ok(input.size.0),
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
pub(super) fn rounded(pixels: f64) -> u32 {
    (pixels + 0.5).floor().max(1.0) as u32
}

/// A place in pixels; what is far outside stays far outside.
#[allow(clippy::cast_possible_truncation, reason = "the conversion of floats saturates")]
pub(super) fn whole_number(pixels: f64) -> i64 {
    pixels as i64
}
