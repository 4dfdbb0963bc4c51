//! Texts as layers of a transformation.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes are clamped before"
)]

use visage_cloudinary::transformation::{
    Background, Color, Component, Effect, Flag, Length, OutlineMode, TextLayerStyle, TextOption,
};

use super::{Fonts, TextAlign, TextDecoration, TextStyle, draw, is_bold_weight};
use crate::pixels::Pixels;
use crate::plan::EffectStep;
use crate::{ImageError, Limits, PlanError};

/// Draws a text layer: red, green, blue and alpha. The component says its colour (`co_`), what is behind the letters
/// (`b_`), a line around them (`bo_`) and how wide its lines may be (`w_`).
pub(crate) fn layer_text(
    style: &TextLayerStyle,
    text: &str,
    component: &Component,
    dpr: f64,
    (fonts, limits): (&Fonts, &Limits),
) -> Result<Pixels, PlanError> {
    let times = |pixels: u32| (f64::from(pixels) * dpr).round().clamp(0.0, 65_535.0) as u32;
    let mut look = TextStyle {
        font_size: u16::try_from(times(style.size)).unwrap_or(u16::MAX),
        ..TextStyle::default()
    };
    let scale = dpr as f32;
    for option in &style.options {
        match option {
            TextOption::LetterSpacing(pixels) => look.letter_spacing = *pixels as f32 * scale,
            TextOption::LineSpacing(pixels) => look.line_spacing = *pixels as f32 * scale,
            TextOption::Word("italic") => look.is_italic = true,
            TextOption::Word(word) => {
                if let Some(align) = TextAlign::from_word(word) {
                    look.align = align;
                } else if let Some(decoration) = TextDecoration::from_word(word) {
                    look.decoration = decoration;
                } else if let Some(is_bold) = is_bold_weight(word) {
                    look.is_bold |= is_bold;
                }
            }
        }
    }
    if let Some(color) = component.color {
        look.font_color = color;
    }
    if let Some(Background::Color(color)) = component.background {
        look.background = Some(color);
    }
    if let Some(Length::Pixels(pixels)) = component.width {
        look.max_width = Some(times(pixels.unsigned_abs()));
    }
    let drawn = draw(text, &look, fonts, limits)?;
    let overflows = match component.height {
        Some(Length::Pixels(pixels)) => drawn.height > times(pixels.unsigned_abs()),
        _ => false,
    };
    if component.has(&Flag::TextDisallowOverflow) && overflows {
        return Err(PlanError::TextOverflow);
    }
    let border = component.border.filter(|border| border.width > 0);
    match border {
        Some(border) => Ok(outlined(drawn, times(border.width), border.color, limits)?),
        None => Ok(drawn),
    }
}

/// The letters with a line of `width` pixels around them.
fn outlined(letters: Pixels, width: u32, color: Color, limits: &Limits) -> Result<Pixels, ImageError> {
    let step = EffectStep {
        effect: Effect::Outline {
            mode: OutlineMode::Outer,
            width: u8::try_from(width.min(100)).unwrap_or(100),
            blur: 0,
        },
        color: Some(color),
        x: None,
        y: None,
        width: None,
        height: None,
        faces: Vec::new(),
    };
    crate::effects::apply(letters, &step, limits, &|| false)
}
