//! Values that are numbers: sizes, offsets, ratios, corners.

use super::error::Refusal::{self, Invalid, Unsupported};
use super::{Length, Radius};

/// The largest size, offset or radius that is read, in pixels. Far above every picture: it keeps arithmetic in range.
const MAX_PIXELS: i32 = 100_000;
/// The largest `z_`.
const MAX_ZOOM: f64 = 100.0;
/// The largest `dpr_`.
const MAX_DPR: f64 = 10.0;
/// The largest `ar_`, and one over the smallest.
const MAX_ASPECT_RATIO: f64 = 10_000.0;

/// A width or a height: `100` pixels, `0.5` of the input.
pub(super) fn size(text: &str) -> Result<Length, Refusal> {
    match offset(text)? {
        Length::Pixels(pixels) if pixels < 1 => Err(Invalid),
        Length::Fraction(fraction) if fraction <= 0.0 => Err(Invalid),
        length => Ok(length),
    }
}

/// A horizontal or vertical offset: as a size, but also zero or negative.
pub(super) fn offset(text: &str) -> Result<Length, Refusal> {
    if is_expression(text) {
        return Err(Unsupported);
    }
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
    }
}

/// `16:9`, `1.5` or `1`: width divided by height.
pub(super) fn aspect_ratio(text: &str) -> Result<f64, Refusal> {
    if is_expression(text) {
        return Err(Unsupported);
    }
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

/// `dpr_`; `auto` needs the client's hints, which visage does not read yet.
pub(super) fn dpr(text: &str) -> Result<f64, Refusal> {
    positive(text, MAX_DPR)
}

fn positive(text: &str, max: f64) -> Result<f64, Refusal> {
    if is_expression(text) {
        return Err(Unsupported);
    }
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
fn number(text: &str) -> Result<f64, Refusal> {
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

/// Whether the text is computed (`iw_div_2`, `$size`) or left to the client's hints (`auto:100`).
fn is_expression(text: &str) -> bool {
    const WORDS: [&str; 23] = [
        "iw", "ih", "w", "h", "ow", "oh", "ar", "iar", "tar", "cp", "pc", "fc", "px", "py", "ils", "idn", "ccc", "add",
        "sub", "mul", "div", "mod", "pow",
    ];
    if text.contains('$') || text == "auto" || text.starts_with("auto:") {
        return true;
    }
    let mut words = text.split('_').filter(|token| number(token).is_err()).peekable();
    words.peek().is_some() && words.all(|word| WORDS.contains(&word))
}

/// `max`, or one to four corners: all; top left and bottom right, the others; top left, the others, bottom right;
/// clockwise from the top left (Cloudinary docs, `r_`).
pub(super) fn radius(text: &str) -> Result<Radius, Refusal> {
    if text == "max" {
        return Ok(Radius::Max);
    }
    if text.contains('$') || text.split(':').any(|corner| corner == "max") {
        return Err(Unsupported);
    }
    let corners: Result<Vec<u32>, Refusal> = text.split(':').map(corner).collect();
    match *corners?.as_slice() {
        [all] => Ok(Radius::Corners([all; 4])),
        [a, b] => Ok(Radius::Corners([a, b, a, b])),
        [a, b, c] => Ok(Radius::Corners([a, b, c, b])),
        [a, b, c, d] => Ok(Radius::Corners([a, b, c, d])),
        _ => Err(Invalid),
    }
}

fn corner(text: &str) -> Result<u32, Refusal> {
    let pixels = whole_number(text)?;
    if pixels <= MAX_PIXELS.unsigned_abs() {
        Ok(pixels)
    } else {
        Err(Invalid)
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
    match radius {
        Radius::Max => "max".to_owned(),
        Radius::Corners([a, b, c, d]) if a == b && b == c && c == d => a.to_string(),
        Radius::Corners([a, b, c, d]) if a == c && b == d => format!("{a}:{b}"),
        Radius::Corners([a, b, c, d]) if b == d => format!("{a}:{b}:{c}"),
        Radius::Corners([a, b, c, d]) => format!("{a}:{b}:{c}:{d}"),
    }
}
