//! How single values are read and printed. A reader answers `Invalid` or `Unsupported`; who calls it adds the name.

use super::color_names::COLOR_NAMES;
use super::{Color, Crop, Format, Gravity, Length, Quality, QualityLevel, Radius};
use crate::ImageFormat;

/// The largest size, offset or radius that is read, in pixels. Far above every picture: it keeps arithmetic in range.
pub(super) const MAX_PIXELS: i32 = 100_000;
/// The largest `z_`.
const MAX_ZOOM: f64 = 100.0;
/// The largest `dpr_`.
const MAX_DPR: f64 = 10.0;
/// The largest `ar_`, and one over the smallest.
const MAX_ASPECT_RATIO: f64 = 10_000.0;

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It cannot be a value of this parameter.
    Invalid,
    /// Cloudinary knows it, visage does not do it.
    Unsupported,
}

use Refusal::{Invalid, Unsupported};

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

/// `c_`
pub(super) fn crop(text: &str) -> Result<Crop, Refusal> {
    match text {
        "scale" => Ok(Crop::Scale),
        "fit" => Ok(Crop::Fit),
        "limit" => Ok(Crop::Limit),
        "fill" => Ok(Crop::Fill),
        "thumb" => Ok(Crop::Thumb),
        "crop" => Ok(Crop::Crop),
        "mfit" | "lfill" | "fill_pad" | "pad" | "lpad" | "mpad" | "auto" | "auto_pad" | "imagga_scale"
        | "imagga_crop" => Err(Unsupported),
        _ => Err(Invalid),
    }
}

/// Prints what [`crop`] reads.
pub(super) fn print_crop(crop: Crop) -> &'static str {
    match crop {
        Crop::Scale => "scale",
        Crop::Fit => "fit",
        Crop::Limit => "limit",
        Crop::Fill => "fill",
        Crop::Thumb => "thumb",
        Crop::Crop => "crop",
    }
}

/// `g_`. Any other word may name a kind of object to look for, so a word is unsupported, anything else invalid.
pub(super) fn gravity(text: &str) -> Result<Gravity, Refusal> {
    Ok(match text {
        "north_west" => Gravity::NorthWest,
        "north" => Gravity::North,
        "north_east" => Gravity::NorthEast,
        "west" => Gravity::West,
        "center" => Gravity::Center,
        "east" => Gravity::East,
        "south_west" => Gravity::SouthWest,
        "south" => Gravity::South,
        "south_east" => Gravity::SouthEast,
        "face" => Gravity::Face,
        "faces" => Gravity::Faces,
        _ if text.starts_with(|c: char| c.is_ascii_lowercase() || c == '$') => return Err(Unsupported),
        _ => return Err(Invalid),
    })
}

/// Prints what [`gravity`] reads.
pub(super) fn print_gravity(gravity: Gravity) -> &'static str {
    match gravity {
        Gravity::NorthWest => "north_west",
        Gravity::North => "north",
        Gravity::NorthEast => "north_east",
        Gravity::West => "west",
        Gravity::Center => "center",
        Gravity::East => "east",
        Gravity::SouthWest => "south_west",
        Gravity::South => "south",
        Gravity::SouthEast => "south_east",
        Gravity::Face => "face",
        Gravity::Faces => "faces",
    }
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
fn whole_number(text: &str) -> Result<u32, Refusal> {
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

/// `rgb:` with 3, 4, 6 or 8 hexadecimal digits, or a CSS name, `transparent`, `none`; in any letter case.
pub(super) fn color(text: &str) -> Result<Color, Refusal> {
    if let Some(digits) = text.strip_prefix("rgb:") {
        return hex_color(digits).ok_or(Invalid);
    }
    let name = text.to_ascii_lowercase();
    if name == "transparent" || name == "none" {
        return Ok(Color {
            red: 0,
            green: 0,
            blue: 0,
            alpha: 0,
        });
    }
    if let Ok(index) = COLOR_NAMES.binary_search_by_key(&name.as_str(), |(name, _)| name) {
        let [_, red, green, blue] = COLOR_NAMES.get(index).map_or(0, |(_, rgb)| *rgb).to_be_bytes();
        return Ok(Color {
            red,
            green,
            blue,
            alpha: 255,
        });
    }
    let computed = ["auto", "blurred", "gen_fill"].contains(&name.split(':').next().unwrap_or_default());
    Err(if computed || name.contains('$') {
        Unsupported
    } else {
        Invalid
    })
}

fn hex_color(digits: &str) -> Option<Color> {
    let nibbles: Vec<u8> = digits
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<_>>()?;
    Some(match *nibbles.as_slice() {
        [r, g, b] => Color {
            red: r * 17,
            green: g * 17,
            blue: b * 17,
            alpha: 255,
        },
        [r, g, b, a] => Color {
            red: r * 17,
            green: g * 17,
            blue: b * 17,
            alpha: a * 17,
        },
        [r1, r0, g1, g0, b1, b0] => Color {
            red: r1 * 16 + r0,
            green: g1 * 16 + g0,
            blue: b1 * 16 + b0,
            alpha: 255,
        },
        [r1, r0, g1, g0, b1, b0, a1, a0] => Color {
            red: r1 * 16 + r0,
            green: g1 * 16 + g0,
            blue: b1 * 16 + b0,
            alpha: a1 * 16 + a0,
        },
        _ => return None,
    })
}

/// Prints what [`color`] reads, always as `rgb:`.
pub(super) fn print_color(color: Color) -> String {
    let Color {
        red,
        green,
        blue,
        alpha,
    } = color;
    if alpha == 255 {
        format!("rgb:{red:02x}{green:02x}{blue:02x}")
    } else {
        format!("rgb:{red:02x}{green:02x}{blue:02x}{alpha:02x}")
    }
}

/// `1` to `100`, or `auto` with a level.
pub(super) fn quality(text: &str) -> Result<Quality, Refusal> {
    match text {
        "auto" | "auto:good" => return Ok(Quality::Auto(QualityLevel::Good)),
        "auto:best" => return Ok(Quality::Auto(QualityLevel::Best)),
        "auto:eco" => return Ok(Quality::Auto(QualityLevel::Eco)),
        "auto:low" => return Ok(Quality::Auto(QualityLevel::Low)),
        _ => {}
    }
    match whole_number(text) {
        Ok(percent @ 1..=100) => u8::try_from(percent).map(Quality::Fixed).map_err(|_above_255| Invalid),
        Err(_) if text.contains([':', '$']) || text.starts_with("jpegmini") => Err(Unsupported),
        Ok(_) | Err(_) => Err(Invalid),
    }
}

/// Prints what [`quality`] reads.
pub(super) fn print_quality(quality: Quality) -> String {
    match quality {
        Quality::Fixed(percent) => percent.to_string(),
        Quality::Auto(QualityLevel::Good) => "auto".to_owned(),
        Quality::Auto(QualityLevel::Best) => "auto:best".to_owned(),
        Quality::Auto(QualityLevel::Eco) => "auto:eco".to_owned(),
        Quality::Auto(QualityLevel::Low) => "auto:low".to_owned(),
    }
}

/// `auto`, or the name of a format that visage makes.
pub(super) fn format(text: &str) -> Result<Format, Refusal> {
    const OTHER_FORMATS: [&str; 35] = [
        "3ds",
        "ai",
        "arw",
        "auto:animated",
        "auto:image",
        "auto:video",
        "cr2",
        "cr3",
        "djvu",
        "dng",
        "eps",
        "fbx",
        "flif",
        "glb",
        "hdp",
        "heic",
        "heif",
        "ico",
        "indd",
        "jp2",
        "jxl",
        "jxr",
        "mp3",
        "mp4",
        "mov",
        "ogg",
        "ogv",
        "pdf",
        "ps",
        "psd",
        "svg",
        "tga",
        "wav",
        "wdp",
        "webm",
    ];
    if text == "auto" {
        return Ok(Format::Auto);
    }
    match ImageFormat::from_extension(text) {
        Some(format) if format.is_made() => Ok(Format::Named(format)),
        Some(_) => Err(Unsupported),
        None if OTHER_FORMATS.contains(&text) || text.contains('$') => Err(Unsupported),
        None => Err(Invalid),
    }
}

/// Prints what [`format`] reads.
pub(super) fn print_format(format: Format) -> &'static str {
    match format {
        Format::Auto => "auto",
        Format::Named(format) => format.extension(),
    }
}
