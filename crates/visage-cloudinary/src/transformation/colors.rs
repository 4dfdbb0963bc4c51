//! Values that are colours.

use super::Color;
use super::color_names::COLOR_NAMES;
use super::error::Refusal::{self, Invalid, Unsupported};

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
