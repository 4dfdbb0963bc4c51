//! Values that are numbers: sizes, offsets, ratios, corners, angles.

use super::error::Refusal::{self, Invalid, Unsupported};
use super::values::{Angle, Corner, Dpr, Length, Radius, Turn};

/// The largest size, offset or radius that is read, in pixels. Far above every picture: it keeps arithmetic in range.
const MAX_PIXELS: i32 = 100_000;
/// The largest `z_`.
const MAX_ZOOM: f64 = 100.0;
/// The largest `dpr_`.
const MAX_DPR: f64 = 10.0;
/// The largest `ar_`, and one over the smallest.
const MAX_ASPECT_RATIO: f64 = 10_000.0;

/// A height: `100` pixels, `0.5` of the input.
pub(super) fn size(text: &str) -> Result<Length, Refusal> {
    match offset(text)? {
        Length::Pixels(pixels) if pixels < 1 => Err(Invalid),
        Length::Fraction(fraction) if fraction <= 0.0 => Err(Invalid),
        length => Ok(length),
    }
}

/// A width: as a height, or `auto` with the step and the width to take where the client gives no hint.
pub(super) fn width(text: &str) -> Result<Length, Refusal> {
    let Some(rest) = text.strip_prefix("auto") else {
        return size(text);
    };
    let mut parts = rest.split(':').skip(1);
    match (rest, parts.next(), parts.next(), parts.next()) {
        ("", ..) => Ok(Length::Auto(None)),
        (_, Some(step), fallback, None) if rest.starts_with(':') && whole_number(step).is_ok() => {
            let fallback = fallback.map(whole_number).transpose()?;
            match fallback {
                Some(0) => Err(Invalid),
                Some(pixels) if pixels > MAX_PIXELS.unsigned_abs() => Err(Invalid),
                fallback => Ok(Length::Auto(fallback)),
            }
        }
        _ if rest.starts_with(":breakpoints") => Err(Unsupported),
        _ => Err(Invalid),
    }
}

/// A horizontal or vertical offset: as a size, but also zero or negative.
pub(super) fn offset(text: &str) -> Result<Length, Refusal> {
    let value = number(text)?;
    if value.abs() > f64::from(MAX_PIXELS) {
        return Err(Invalid);
    }
    if text.contains('.') {
        return Ok(Length::Fraction(value));
    }
    text.parse().map(Length::Pixels).map_err(|_not_an_integer| Invalid)
}

/// Prints what [`size`] and [`offset`] read.
pub(super) fn print_length(length: Length) -> String {
    match length {
        Length::Pixels(pixels) => pixels.to_string(),
        Length::Fraction(fraction) => print_decimal(fraction),
        Length::Auto(None) => "auto".to_owned(),
        Length::Auto(Some(fallback)) => format!("auto:100:{fallback}"),
    }
}

/// `16:9`, `1.5` or `1`: width divided by height.
pub(super) fn aspect_ratio(text: &str) -> Result<f64, Refusal> {
    let ratio = match text.split_once(':') {
        Some((width, height)) => number(width)? / number(height)?,
        None => number(text)?,
    };
    in_range(ratio, 1.0 / MAX_ASPECT_RATIO, MAX_ASPECT_RATIO)
}

/// Prints `1.5`, but `16:9` where the decimals do not end soon, so that URLs stay readable.
pub(super) fn print_aspect_ratio(ratio: f64) -> String {
    let decimal = print_decimal(ratio);
    if decimal.len() <= 6 {
        return decimal;
    }
    let whole = (1..=100_u32).map(f64::from).find_map(|height| {
        let width = (ratio * height).round();
        ((width / height).to_bits() == ratio.to_bits()).then(|| format!("{width}:{height}"))
    });
    whole.unwrap_or(decimal)
}

/// `z_`
pub(super) fn zoom(text: &str) -> Result<f64, Refusal> {
    positive(text, MAX_ZOOM)
}

/// `dpr_`
pub(super) fn dpr(text: &str) -> Result<Dpr, Refusal> {
    if text == "auto" {
        return Ok(Dpr::Auto);
    }
    positive(text, MAX_DPR).map(Dpr::Times)
}

/// Prints what [`dpr`] reads.
pub(super) fn print_dpr(dpr: Dpr) -> String {
    match dpr {
        Dpr::Times(times) => print_decimal(times),
        Dpr::Auto => "auto".to_owned(),
    }
}

fn positive(text: &str, max: f64) -> Result<f64, Refusal> {
    in_range(number(text)?, f64::MIN_POSITIVE, max)
}

fn in_range(value: f64, min: f64, max: f64) -> Result<f64, Refusal> {
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(Invalid)
    }
}

/// A number with an optional sign and an optional decimal point, nothing else: no exponent, no `inf`.
pub(super) fn number(text: &str) -> Result<f64, Refusal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') && digits.starts_with(|c: char| c != '.');
    if !plain || digits.ends_with('.') {
        return Err(Invalid);
    }
    match text.parse() {
        Ok(value) if f64::is_finite(value) => Ok(value),
        _ => Err(Invalid),
    }
}

/// The shortest text with a decimal point that reads back as the same number.
pub(super) fn print_decimal(value: f64) -> String {
    let text = value.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// The most turns of one `a_`.
const MAX_TURNS: usize = 8;
/// The largest angle that is read, in degrees.
const MAX_DEGREES: f64 = 3600.0;

/// `a_`: turns between dots, which are also decimal points: `12.5` is one turn, `hflip.45` are two.
pub(super) fn angle(text: &str) -> Result<Angle, Refusal> {
    let mut angle = Angle::default();
    if let Ok(degrees) = number(text) {
        angle
            .turns
            .push(Turn::Degrees(in_range(degrees, -MAX_DEGREES, MAX_DEGREES)?));
        return Ok(angle);
    }
    for word in text.split('.') {
        let turn = match word {
            "ignore" => {
                angle.ignores_exif = true;
                continue;
            }
            "hflip" => Turn::Hflip,
            "vflip" => Turn::Vflip,
            "auto_right" | "auto" => Turn::AutoRight,
            "auto_left" => Turn::AutoLeft,
            "exif" => Turn::Exif,
            degrees => Turn::Degrees(in_range(number(degrees)?, -MAX_DEGREES, MAX_DEGREES)?),
        };
        angle.turns.push(turn);
    }
    if angle.turns.len() > MAX_TURNS {
        return Err(Invalid);
    }
    Ok(angle)
}

/// Prints what [`angle`] reads.
pub(super) fn print_angle(angle: &Angle) -> String {
    let ignore = angle.ignores_exif.then(|| "ignore".to_owned());
    let turns = angle.turns.iter().map(|turn| match turn {
        Turn::Degrees(degrees) => degrees.to_string(),
        Turn::Hflip => "hflip".to_owned(),
        Turn::Vflip => "vflip".to_owned(),
        Turn::AutoRight => "auto_right".to_owned(),
        Turn::AutoLeft => "auto_left".to_owned(),
        Turn::Exif => "exif".to_owned(),
    });
    ignore.into_iter().chain(turns).collect::<Vec<_>>().join(".")
}

/// `o_`: 0 to 100.
pub(super) fn opacity(text: &str) -> Result<u8, Refusal> {
    match whole_number(text)? {
        percent @ 0..=100 => u8::try_from(percent).map_err(|_above_255| Invalid),
        _ => Err(Invalid),
    }
}

/// The largest `pg_`.
const MAX_PAGE: u32 = 100_000;

/// `pg_`: one page or frame, the first is 1. Several pages and layers by name are not made.
pub(super) fn page(text: &str) -> Result<u32, Refusal> {
    match whole_number(text) {
        Ok(page @ 1..=MAX_PAGE) => Ok(page),
        Ok(_) => Err(Invalid),
        Err(_) if text.starts_with(|c: char| c.is_ascii_digit()) && text.contains([';', '-']) => Err(Unsupported),
        Err(_) if text.starts_with("name:") || text.starts_with("embedded:") => Err(Unsupported),
        Err(refusal) => Err(refusal),
    }
}

/// `dn_`: dots per inch for drawings; 1 to 2400. It means nothing for a picture of pixels.
pub(super) fn density(text: &str) -> Result<u32, Refusal> {
    whole_number_in(text, 1, 2400)
}

/// `dl_`: milliseconds from one frame to the next.
pub(super) fn delay(text: &str) -> Result<u32, Refusal> {
    whole_number_in(text, 1, 60_000)
}

fn whole_number_in(text: &str, min: u32, max: u32) -> Result<u32, Refusal> {
    match whole_number(text) {
        Ok(value) if (min..=max).contains(&value) => Ok(value),
        _ => Err(Invalid),
    }
}

/// `max`, or one to four corners: all; top left and bottom right, the others; top left, the others, bottom right;
/// clockwise from the top left (Cloudinary docs, `r_`).
pub(super) fn radius(text: &str) -> Result<Radius, Refusal> {
    if text == "max" {
        return Ok(Radius::Max);
    }
    let corners: Result<Vec<Corner>, Refusal> = text.split(':').map(corner).collect();
    match *corners?.as_slice() {
        [all] => Ok(Radius::Corners([all; 4])),
        [a, b] => Ok(Radius::Corners([a, b, a, b])),
        [a, b, c] => Ok(Radius::Corners([a, b, c, b])),
        [a, b, c, d] => Ok(Radius::Corners([a, b, c, d])),
        _ => Err(Invalid),
    }
}

fn corner(text: &str) -> Result<Corner, Refusal> {
    if text == "max" {
        return Ok(Corner::Max);
    }
    let pixels = whole_number(text)?;
    if pixels <= MAX_PIXELS.unsigned_abs() {
        Ok(Corner::Pixels(pixels))
    } else {
        Err(Invalid)
    }
}

fn print_corner(corner: Corner) -> String {
    match corner {
        Corner::Pixels(pixels) => pixels.to_string(),
        Corner::Max => "max".to_owned(),
    }
}

/// Digits only: `parse` alone would also read `+5`.
pub(super) fn whole_number(text: &str) -> Result<u32, Refusal> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().map_err(|_too_large| Invalid)
    } else {
        Err(Invalid)
    }
}

/// Prints what [`radius`] reads, with as few corners as say the same.
pub(super) fn print_radius(radius: Radius) -> String {
    let Radius::Corners([a, b, c, d]) = radius else {
        return "max".to_owned();
    };
    let said: &[Corner] = if a == b && b == c && c == d && a != Corner::Max {
        &[a]
    } else if a == c && b == d {
        &[a, b]
    } else if b == d {
        &[a, b, c]
    } else {
        &[a, b, c, d]
    };
    said.iter()
        .map(|corner| print_corner(*corner))
        .collect::<Vec<_>>()
        .join(":")
}
