//! Values that are colours, or have one.

use super::color_names::COLOR_NAMES;
use super::error::Refusal::{self, Invalid, Unsupported};
use super::numbers::whole_number;
use super::values::{AutoBackground, Background, Border, Color, ColorsOf, Direction, Gradient};

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
    Err(Invalid)
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

/// The widest border, in pixels.
const MAX_BORDER_PIXELS: u32 = 1000;

/// `4px_solid_black`; without a style and a colour the line is solid and black.
pub(super) fn border(text: &str) -> Result<Border, Refusal> {
    let (width, rest) = text.split_once('_').unwrap_or((text, "solid_black"));
    let width = whole_number(width.strip_suffix("px").unwrap_or(width))?;
    let color = color(rest.strip_prefix("solid_").ok_or(Invalid)?)?;
    if width > MAX_BORDER_PIXELS {
        return Err(Invalid);
    }
    Ok(Border { width, color })
}

/// Prints what [`border`] reads.
pub(super) fn print_border(border: Border) -> String {
    format!("{}px_solid_{}", border.width, print_color(border.color))
}

/// The most colours of a palette.
const MAX_PALETTE: usize = 16;

/// `b_`: a colour, or `auto` with where the colours come from, their number, a direction, a palette.
pub(super) fn background(text: &str) -> Result<Background, Refusal> {
    let mut words = text.split(':');
    match words.next() {
        Some("auto") => auto_background(words).map(Background::Auto),
        Some("blurred" | "gen_fill") => Err(Unsupported),
        _ => color(text).map(Background::Color),
    }
}

fn auto_background<'a>(words: impl Iterator<Item = &'a str>) -> Result<AutoBackground, Refusal> {
    let mut auto = AutoBackground::default();
    for (index, word) in words.enumerate() {
        let gradient = auto.gradient.as_mut();
        if let Some(names) = word.strip_prefix("palette_") {
            auto.palette = names.split('_').map(any_color).collect::<Result<_, _>>()?;
            if auto.palette.len() > MAX_PALETTE {
                return Err(Invalid);
            }
        } else if let (0, Some(mode)) = (index, mode(word)) {
            auto = mode;
        } else if let (Some(gradient), "2" | "4") = (gradient, word) {
            gradient.colors = if word == "2" { 2 } else { 4 };
        } else if let (Some(gradient), Some(direction)) = (auto.gradient.as_mut(), direction(word)) {
            gradient.direction = direction;
        } else {
            return Err(Invalid);
        }
    }
    Ok(auto)
}

const MODES: [(&str, ColorsOf); 2] = [("border", ColorsOf::Border), ("predominant", ColorsOf::Predominant)];

fn mode(word: &str) -> Option<AutoBackground> {
    let (name, from) = MODES.iter().find(|(name, _)| word.starts_with(name))?;
    let rest = word.strip_prefix(name)?;
    let (rest, contrast) = rest
        .strip_suffix("_contrast")
        .map_or((rest, false), |rest| (rest, true));
    let gradient = match rest {
        "" => None,
        "_gradient" => Some(Gradient {
            colors: 2,
            direction: Direction::default(),
        }),
        _ => return None,
    };
    Some(AutoBackground {
        from: *from,
        contrast,
        gradient,
        palette: Vec::new(),
    })
}

const DIRECTIONS: [(&str, Direction); 4] = [
    ("horizontal", Direction::Horizontal),
    ("vertical", Direction::Vertical),
    ("diagonal_desc", Direction::DiagonalDesc),
    ("diagonal_asc", Direction::DiagonalAsc),
];

fn direction(word: &str) -> Option<Direction> {
    DIRECTIONS
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, direction)| *direction)
}

/// Prints what [`background`] reads.
pub(super) fn print_background(background: &Background) -> String {
    let auto = match background {
        Background::Color(color) => return print_color(*color),
        Background::Auto(auto) => auto,
    };
    let from = MODES
        .iter()
        .find(|(_, from)| *from == auto.from)
        .map_or("", |(name, _)| name);
    let gradient = if auto.gradient.is_some() { "_gradient" } else { "" };
    let contrast = if auto.contrast { "_contrast" } else { "" };
    let mut words = vec![format!("auto:{from}{gradient}{contrast}")];
    if let Some(gradient) = auto.gradient {
        let direction = DIRECTIONS.iter().find(|(_, known)| *known == gradient.direction);
        words.push(gradient.colors.to_string());
        words.extend(direction.map(|(name, _)| (*name).to_owned()));
    }
    if !auto.palette.is_empty() {
        let colors: Vec<String> = auto.palette.iter().map(|color| print_bare(*color)).collect();
        words.push(format!("palette_{}", colors.join("_")));
    }
    words.join(":")
}

/// A colour inside of other values: a name, or hexadecimal digits with or without `rgb:`.
pub(super) fn any_color(text: &str) -> Result<Color, Refusal> {
    color(text).or_else(|refusal| hex_color(text).ok_or(refusal))
}

/// Prints what [`any_color`] reads: digits alone, which no separator cuts.
pub(super) fn print_bare(color: Color) -> String {
    print_color(color).replace("rgb:", "")
}
