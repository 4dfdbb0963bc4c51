//! How text looks, in the words that Cloudinary uses for it.

use visage_cloudinary::transformation::Color;

/// The look of a text. What is not said is as in [`TextStyle::default`].
///
/// There is no family: whatever is asked for, the text is set in Liberation Sans, which has the widths of Arial.
#[derive(Debug, Clone, PartialEq)]
pub struct TextStyle {
    /// Size in pixels, 1 to 1000.
    pub font_size: u16,
    /// Colour of the letters and of lines under or through them.
    pub font_color: Color,
    /// Bold or not: the font has two weights.
    pub is_bold: bool,
    /// Slanted; the font has no italic, so its letters are sheared by 14 degrees.
    pub is_italic: bool,
    /// What is behind the letters.
    pub background: Option<Color>,
    /// Of letters and background together: 0 (invisible) to 100.
    pub opacity_percent: u8,
    /// Where lines stand that are shorter than the longest.
    pub align: TextAlign,
    /// A line under or through the letters.
    pub decoration: TextDecoration,
    /// Pixels between letters, on top of the font's own, -1000 to 1000.
    pub letter_spacing: f32,
    /// Pixels between lines, on top of the font's own, -1000 to 1000.
    pub line_spacing: f32,
    /// Longer lines are broken between words, or inside a word that alone is too long; in pixels.
    pub max_width: Option<u32>,
}

impl Default for TextStyle {
    /// Black letters of 12 pixels on nothing.
    fn default() -> Self {
        Self {
            font_size: 12,
            font_color: Color {
                red: 0,
                green: 0,
                blue: 0,
                alpha: 255,
            },
            is_bold: false,
            is_italic: false,
            background: None,
            opacity_percent: 100,
            align: TextAlign::Left,
            decoration: TextDecoration::None,
            letter_spacing: 0.0,
            line_spacing: 0.0,
            max_width: None,
        }
    }
}

/// Where short lines stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the names are Cloudinary's words")]
pub enum TextAlign {
    #[default]
    Left,
    Center,
    Right,
    /// Left, or right in scripts that are written from right to left.
    Start,
    /// The opposite of `Start`.
    End,
    Justify,
}

impl TextAlign {
    /// By Cloudinary's word, such as `center`.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "left" => Self::Left,
            "center" => Self::Center,
            "right" => Self::Right,
            "start" => Self::Start,
            "end" => Self::End,
            "justify" => Self::Justify,
            _ => return None,
        })
    }
}

/// A line under or through the letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the names are Cloudinary's words")]
pub enum TextDecoration {
    #[default]
    None,
    Underline,
    Strikethrough,
}

impl TextDecoration {
    /// By Cloudinary's word, such as `underline`.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "none" => Self::None,
            "underline" => Self::Underline,
            "strikethrough" => Self::Strikethrough,
            _ => return None,
        })
    }
}

/// Whether Cloudinary's word for a weight, or a number from 100 to 900, means bold here; `None` when it is no weight.
pub fn is_bold_weight(word: &str) -> Option<bool> {
    Some(match word {
        "thin" | "hairline" | "extralight" | "ultralight" | "light" | "normal" | "regular" | "medium" => false,
        "semibold" | "demibold" | "bold" | "extrabold" | "ultrabold" | "black" | "heavy" => true,
        number => {
            let weight: u16 = number.parse().ok().filter(|weight| (100..=900).contains(weight))?;
            weight >= 600
        }
    })
}
