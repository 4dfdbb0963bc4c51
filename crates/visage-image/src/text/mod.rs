//! Text becomes a picture: a PNG with alpha, as large as its letters.
//!
//! Set by `cosmic-text` in the two fonts that lie in this crate, and in those that the caller adds; the machine's own
//! fonts are not looked at, so the same text is the same picture everywhere. A character that no font has is refused.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "places inside a picture whose sides have been checked"
)]

mod canvas;
mod fonts;
mod layer;
mod style;

use cosmic_text::{
    Align, Attrs, Buffer, CacheKeyFlags, Family, FontSystem, Metrics, Shaping, UnderlineStyle, Weight, Wrap,
};
use visage_cloudinary::ImageFormat;

pub use fonts::{FontError, Fonts};
pub use style::{TextAlign, TextDecoration, TextStyle, is_bold_weight};

use crate::encode::png;
use crate::pixels::Pixels;
use crate::{ImageError, Limits, Rendered};
use canvas::Canvas;
pub(crate) use layer::layer_text;

/// From one line to the next by the font's size: what the font itself states.
const LINE_HEIGHT: f32 = 1.149;

/// Characters of a text; setting one takes about a microsecond.
pub const MAX_TEXT_CHARACTERS: usize = 4096;

/// Pixels of a font's size.
pub const MAX_FONT_SIZE: u16 = 1000;

/// Bytes per pixel while drawing: coverage, colours, and what the encoder takes.
const BYTES_PER_PIXEL: u64 = 1 + 4 + 16;

/// A text that cannot be drawn.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TextError {
    /// Nothing to draw.
    #[error("The text is empty.")]
    Empty,
    /// More characters than the limit.
    #[error("The text is too long: at most {MAX_TEXT_CHARACTERS} characters are allowed.")]
    TooLong,
    /// A size of zero, or above the limit.
    #[error("The font size must be between 1 and {MAX_FONT_SIZE} pixels.")]
    FontSize,
    /// Distances that make no sense.
    #[error("Letter and line spacing must be between -{MAX_FONT_SIZE} and {MAX_FONT_SIZE} pixels.")]
    Spacing,
    /// A character that would be drawn as an empty box.
    #[error(
        "No font here has the character {character} (U+{code:04X}). Leave it out, or add a font that has it: see \
         render.fonts in the settings.",
        code = u32::from(*character)
    )]
    #[allow(missing_docs, reason = "the fields are what they are called")]
    NoGlyph { character: char },
    /// The picture would be larger than the limit.
    #[error("The text is too large: it needs {width} × {height} pixels.")]
    #[allow(missing_docs, reason = "the fields are what they are called")]
    TooLarge { width: u64, height: u64 },
    /// No memory, or no encoder.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// Draws a text in `fonts`; line breaks in it are kept.
///
/// The picture ends where the letters end. Text that leaves no mark, such as spaces, is as large as its lines.
///
/// # Errors
///
/// When the text, its style or the picture is beyond a limit, and when no font has a character of the text.
pub fn render_text(text: &str, style: &TextStyle, fonts: &Fonts, limits: &Limits) -> Result<Rendered, TextError> {
    let pixels = draw(text, style, fonts, limits)?;
    Ok(Rendered {
        width: pixels.width,
        height: pixels.height,
        format: ImageFormat::Png,
        bytes: png::encode(&pixels, None)?,
    })
}

/// The pixels of a text.
fn draw(text: &str, style: &TextStyle, fonts: &Fonts, limits: &Limits) -> Result<Pixels, TextError> {
    check(text, style)?;
    let mut fonts = fonts.system();
    let buffer = set(text, style, &mut fonts);
    if let Some(character) = fonts::missing_character(&buffer, &mut fonts) {
        return Err(TextError::NoGlyph { character });
    }
    let lines = size(&buffer);
    // Slanted letters and accents reach beyond their lines.
    let margin = u32::from(style.font_size).div_ceil(2) + 2;
    let mut canvas = new_canvas(lines, margin, limits)?;
    canvas.draw(&buffer, &mut fonts);
    Ok(canvas.painted(style, limits)?)
}

fn check(text: &str, style: &TextStyle) -> Result<(), TextError> {
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.chars().nth(MAX_TEXT_CHARACTERS).is_some() {
        return Err(TextError::TooLong);
    }
    if !(1..=MAX_FONT_SIZE).contains(&style.font_size) {
        return Err(TextError::FontSize);
    }
    let furthest = f32::from(MAX_FONT_SIZE);
    let makes_sense = |pixels: f32| (-furthest..=furthest).contains(&pixels);
    if !makes_sense(style.letter_spacing) || !makes_sense(style.line_spacing) {
        return Err(TextError::Spacing);
    }
    Ok(())
}

/// The text with one kind of line end, and blanks for what has no form. The shaper takes each line for one paragraph; a
/// character that Unicode has end a paragraph inside of one would stop the program.
fn lines_of(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let of = |character| match character {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        other if other.is_control() => ' ',
        other => other,
    };
    text.chars().map(of).collect()
}

/// Breaks the text into lines and places its letters.
fn set(text: &str, style: &TextStyle, fonts: &mut FontSystem) -> Buffer {
    let font_size = f32::from(style.font_size);
    let line_height = (font_size * LINE_HEIGHT + style.line_spacing).max(1.0);
    let mut buffer = Buffer::new_empty(Metrics::new(font_size, line_height));
    buffer.set_text(
        &lines_of(text),
        &attributes(style),
        Shaping::Advanced,
        align(style.align),
    );
    let wrap = if style.max_width.is_some() {
        Wrap::WordOrGlyph
    } else {
        Wrap::None
    };
    buffer.set_wrap(wrap);
    buffer.set_size(style.max_width.map(|width| width.max(1) as f32), None);
    buffer.shape_until_scroll(fonts, false);
    if style.max_width.is_none() {
        // Short lines stand in relation to the longest, which is known only now.
        let (width, _) = size(&buffer);
        buffer.set_size(Some(width as f32), None);
        buffer.shape_until_scroll(fonts, false);
    }
    buffer
}

fn attributes(style: &TextStyle) -> Attrs<'static> {
    let mut attributes = Attrs::new().family(Family::Name(fonts::FAMILY));
    if style.is_bold {
        attributes = attributes.weight(Weight::BOLD);
    }
    if style.is_italic {
        attributes = attributes.cache_key_flags(CacheKeyFlags::FAKE_ITALIC);
    }
    if style.letter_spacing.abs() > f32::EPSILON {
        attributes = attributes.letter_spacing(style.letter_spacing / f32::from(style.font_size));
    }
    match style.decoration {
        TextDecoration::None => attributes,
        TextDecoration::Underline => attributes.underline(UnderlineStyle::Single),
        TextDecoration::Strikethrough => attributes.strikethrough(),
    }
}

fn align(align: TextAlign) -> Option<Align> {
    match align {
        TextAlign::Left => Some(Align::Left),
        TextAlign::Center => Some(Align::Center),
        TextAlign::Right => Some(Align::Right),
        TextAlign::Start => None,
        TextAlign::End => Some(Align::End),
        TextAlign::Justify => Some(Align::Justified),
    }
}

/// The longest line and the height of all lines, in whole pixels.
fn size(buffer: &Buffer) -> (u64, u64) {
    let lines = buffer.layout_runs();
    let (width, height) = lines.fold((0.0_f32, 0.0_f32), |(width, height), line| {
        (width.max(line.line_w), height.max(line.line_top + line.line_height))
    });
    ((width.ceil() as u64).max(1), (height.ceil() as u64).max(1))
}

/// A canvas with a margin on each side, if the limits allow the picture.
fn new_canvas((width, height): (u64, u64), margin: u32, limits: &Limits) -> Result<Canvas, TextError> {
    let too_large = || TextError::TooLarge { width, height };
    let max_side = u64::from(limits.output_side_pixels);
    if width.max(height) > max_side || width * height > limits.output_pixels {
        return Err(too_large());
    }
    let padding = 2 * u64::from(margin);
    let needed_bytes = (width + padding) * (height + padding) * BYTES_PER_PIXEL;
    if needed_bytes > limits.render_memory_bytes {
        return Err(too_large());
    }
    Ok(Canvas::new((width as u32, height as u32), margin, limits)?)
}
