//! `l_` and `u_`: pictures and texts that are put onto, or under, the picture.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::error::Refusal::{self, Invalid, Unsupported};
use super::numbers::{number, whole_number};
use crate::{DeliveryType, ImageFormat, PublicId};

/// What would end the value, the component, or an escape, or begin a variable.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%').add(b',').add(b'/').add(b'$');

/// In a family also what separates the words of a style.
const FAMILY_ESCAPED: &AsciiSet = &ESCAPED.add(b'_');

/// The longest text of a layer, in characters.
const MAX_TEXT_CHARS: usize = 500;
/// The largest letters, in pixels.
const MAX_FONT_PIXELS: u32 = 1000;

/// What is put onto the picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// An asset of the same store.
    Asset {
        /// Its type; what is not `upload` needs a signed URL.
        delivery_type: DeliveryType,
        /// Its name.
        public_id: PublicId,
        /// The format that its extension names; it says nothing about the pixels.
        format: Option<ImageFormat>,
    },
    /// A picture from elsewhere.
    Fetch(String),
    /// A text.
    Text {
        /// How it looks.
        style: TextLook,
        /// The text.
        text: String,
    },
}

/// How a text looks.
#[derive(Debug, Clone, PartialEq)]
pub enum TextLook {
    /// As written in the layer.
    Style(TextLayerStyle),
    /// As a text asset of this name.
    As(PublicId),
}

/// The style of a text layer (Cloudinary docs, text layer options).
#[derive(Debug, Clone, PartialEq)]
pub struct TextLayerStyle {
    /// The name of the letters.
    pub family: String,
    /// Their size in pixels.
    pub size: u32,
    /// The words after the size, each one that a text may have.
    pub options: Vec<TextOption>,
}

/// One word of a style.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TextOption {
    /// One of the words that say one thing, such as `bold`.
    Word(&'static str),
    /// Pixels between letters.
    LetterSpacing(f64),
    /// Pixels between lines.
    LineSpacing(f64),
}

/// Words of a style; what they mean is the painter's.
const WORDS: &[&str] = &[
    "normal",
    "thin",
    "hairline",
    "extralight",
    "ultralight",
    "light",
    "regular",
    "medium",
    "semibold",
    "demibold",
    "bold",
    "extrabold",
    "ultrabold",
    "black",
    "heavy",
    "italic",
    "none",
    "underline",
    "strikethrough",
    "left",
    "center",
    "right",
    "start",
    "end",
    "justify",
    "stroke",
];
/// Words with a second one: how finely letters are drawn, which is one way here.
const PAIRS: &[(&str, &[&str])] = &[
    ("antialias", &["none", "gray", "subpixel", "fast", "good", "best"]),
    ("hinting", &["none", "slight", "medium", "full"]),
];

/// Reads a layer.
pub(super) fn layer(text: &str) -> Result<Layer, Refusal> {
    match text.split_once(':') {
        Some(("text", rest)) => text_layer(rest),
        Some(("fetch", url)) => fetch_layer(url),
        Some(("video" | "subtitles" | "lut", _)) => Err(Unsupported),
        Some((word @ ("private" | "authenticated" | "upload"), id)) => {
            asset_layer(word.parse().map_err(|_no_type| Invalid)?, id)
        }
        _ => asset_layer(DeliveryType::Upload, text),
    }
}

fn asset_layer(delivery_type: DeliveryType, text: &str) -> Result<Layer, Refusal> {
    let text = text.replace(':', "/");
    let known = text
        .rsplit_once('.')
        .and_then(|(name, extension)| Some((name, ImageFormat::from_extension(extension)?)));
    let (name, format) = known.map_or((text.as_str(), None), |(name, format)| (name, Some(format)));
    let public_id = PublicId::parse(name).map_err(|_no_name| Invalid)?;
    Ok(Layer::Asset {
        delivery_type,
        public_id,
        format,
    })
}

/// Base64 of the URL in either alphabet, with or without padding; the Node SDK escapes the URL before.
fn fetch_layer(text: &str) -> Result<Layer, Refusal> {
    let plain = text.trim_end_matches('=').replace('+', "-");
    let bytes = data_encoding::BASE64URL_NOPAD
        .decode(plain.as_bytes())
        .map_err(|_no_base64| Invalid)?;
    let url = String::from_utf8(bytes).map_err(|_no_text| Invalid)?;
    let is_web = url.starts_with("http://") || url.starts_with("https://");
    if !is_web || url.chars().any(|c| c.is_control() || c.is_whitespace() && c != ' ') {
        return Err(Invalid);
    }
    Ok(Layer::Fetch(url))
}

fn text_layer(rest: &str) -> Result<Layer, Refusal> {
    let (style, text) = rest.split_once(':').ok_or(Invalid)?;
    let text = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_not_utf8| Invalid)?
        .into_owned();
    if text.is_empty() || text.chars().nth(MAX_TEXT_CHARS).is_some() {
        return Err(Invalid);
    }
    let style = match text_style(style) {
        Some(style) => TextLook::Style(style?),
        None => TextLook::As(PublicId::parse(style).map_err(|_no_name| Invalid)?),
    };
    Ok(Layer::Text { style, text })
}

/// `Family_Size_options`; `None` when no word is a size, so that it is the name of a style.
fn text_style(text: &str) -> Option<Result<TextLayerStyle, Refusal>> {
    let words: Vec<&str> = text.split('_').collect();
    let at = words
        .iter()
        .skip(1)
        .position(|word| whole_number(word).is_ok() && !word.is_empty())?
        + 1;
    let (family, rest) = words.split_at(at);
    let (size, options) = rest.split_first()?;
    let Ok(size @ 1..=MAX_FONT_PIXELS) = whole_number(size) else {
        return Some(Err(Invalid));
    };
    let family = percent_decode_str(&family.join("_")).decode_utf8_lossy().into_owned();
    if family.is_empty() || family.chars().any(char::is_control) || family.contains(':') {
        return Some(Err(Invalid));
    }
    Some(text_options(options).map(|options| TextLayerStyle { family, size, options }))
}

fn text_options(words: &[&str]) -> Result<Vec<TextOption>, Refusal> {
    let mut options = Vec::new();
    let mut rest = words;
    loop {
        rest = match rest {
            [] => return Ok(options),
            ["letter", "spacing", pixels, rest @ ..] => {
                options.push(TextOption::LetterSpacing(spacing(pixels)?));
                rest
            }
            ["line", "spacing", pixels, rest @ ..] => {
                options.push(TextOption::LineSpacing(spacing(pixels)?));
                rest
            }
            [first, second, rest @ ..]
                if PAIRS
                    .iter()
                    .any(|(key, values)| key == first && values.contains(second)) =>
            {
                rest
            }
            [word, rest @ ..] => {
                let known = WORDS.iter().find(|known| *known == word).ok_or(Invalid)?;
                options.push(TextOption::Word(known));
                rest
            }
        };
    }
}

fn spacing(text: &str) -> Result<f64, Refusal> {
    number(text).and_then(|pixels| {
        if pixels.abs() <= 1000.0 {
            Ok(pixels)
        } else {
            Err(Invalid)
        }
    })
}

/// Prints what [`layer`] reads.
pub(super) fn print_layer(layer: &Layer) -> String {
    match layer {
        Layer::Asset {
            delivery_type,
            public_id,
            format,
        } => {
            let prefix = match delivery_type {
                DeliveryType::Upload => String::new(),
                other => format!("{other}:"),
            };
            let extension = format.map_or_else(String::new, |format| format!(".{}", format.extension()));
            format!("{prefix}{}{extension}", public_id.as_str().replace('/', ":"))
        }
        Layer::Fetch(url) => format!("fetch:{}", data_encoding::BASE64URL_NOPAD.encode(url.as_bytes())),
        Layer::Text { style, text } => format!("text:{style}:{}", escaped(text, ESCAPED)),
    }
}

fn escaped(text: &str, what: &'static AsciiSet) -> String {
    utf8_percent_encode(text, what).to_string()
}

impl fmt::Display for TextLook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::As(id) => f.write_str(id.as_str()),
            Self::Style(style) => {
                write!(f, "{}_{}", escaped(&style.family, FAMILY_ESCAPED), style.size)?;
                for option in &style.options {
                    match option {
                        TextOption::Word(word) => write!(f, "_{word}")?,
                        TextOption::LetterSpacing(pixels) => write!(f, "_letter_spacing_{pixels}")?,
                        TextOption::LineSpacing(pixels) => write!(f, "_line_spacing_{pixels}")?,
                    }
                }
                Ok(())
            }
        }
    }
}
