//! `POST /{resource_type}/text`: makes an image of a text.

use std::sync::Arc;

use serde_json::Value;
use visage_cloudinary::ResourceType;
use visage_cloudinary::transformation::Color;
use visage_image::{TextAlign, TextDecoration, TextError, TextStyle, is_bold_weight};

use super::options;
use crate::app::App;
use crate::http::cloudinary::params::Params;
use crate::http::cloudinary::{Answer, Call, ok};
use crate::http::error::ApiError;
use crate::library::options::{Naming, UploadOptions};
use crate::library::receive::{self, Arrival};
use crate::library::{answers, notifications};
use crate::spool::SpooledFile;

pub(super) const TAKEN: &[&str] = &[
    "text!",
    "public_id",
    "font_family",
    "font_size:int",
    "font_color",
    "font_weight",
    "font_style",
    "background",
    "opacity:int",
    "text_align",
    "text_decoration",
    "font_hinting",
    "font_antialiasing",
    "letter_spacing:int",
    "line_spacing:int",
    "notification_url",
];

/// Memory of one text's work.
const MEMORY_BYTES: u64 = 64 * 1024 * 1024;

/// Draws the text and stores the picture. Every family is drawn in the font that visage carries; what that lacks, in
/// those that the operator added.
pub(super) async fn text(call: Call) -> Answer {
    let text = call.params.required("text")?;
    let style = style(&call.params)?;
    let file = draw(&call.app, text, style).await?;
    let options = UploadOptions {
        resource_type: Some(ResourceType::Image),
        naming: Naming {
            public_id: call.params.text("public_id"),
            discard_original_filename: true,
            ..Naming::default()
        },
        overwrite: true,
        notify: options::read_notify(&call.params),
        api_key: call.caller.api_key().map(str::to_owned),
        ..UploadOptions::default()
    };
    let receipt = receive::receive(&call.app, Arrival { file, name: None }, &options).await?;
    let answer = answers::uploaded(&call.app, &receipt.asset);
    notifications::uploaded(&call.app, &options.notify, &answer, "upload").await?;
    ok(Value::Object(answer))
}

async fn draw(app: &Arc<App>, text: String, style: TextStyle) -> Result<SpooledFile, ApiError> {
    let (limits, folder) = (app.library.limits.clone(), app.temporary_folder.clone());
    let fonts = app.library.fonts.clone();
    let drawn = app.permits.run(MEMORY_BYTES, app.library.render_timeout, move |_| {
        let rendered = visage_image::render_text(&text, &style, &fonts, &limits).map_err(|error| match error {
            TextError::Image(error) => ApiError::internal(error),
            other => ApiError::bad_request(other),
        })?;
        SpooledFile::from_bytes(&folder, &rendered.bytes).map_err(ApiError::internal)
    });
    drawn.await?
}

fn style(params: &Params) -> Result<TextStyle, ApiError> {
    let default = TextStyle::default();
    let wrong = |name: &str, text: &str| ApiError::bad_request(format!("Invalid {name}: {text}"));
    let word = |name: &'static str| params.text(name);
    Ok(TextStyle {
        font_size: match params.integer("font_size")? {
            None => default.font_size,
            Some(size) => u16::try_from(size).map_err(|_too_large| wrong("font_size", &size.to_string()))?,
        },
        font_color: color(params, "font_color")?.unwrap_or(default.font_color),
        is_bold: match word("font_weight") {
            None => default.is_bold,
            Some(weight) => is_bold_weight(&weight).ok_or_else(|| wrong("font_weight", &weight))?,
        },
        is_italic: match word("font_style").as_deref() {
            None | Some("normal") => false,
            Some("italic") => true,
            Some(other) => return Err(wrong("font_style", other)),
        },
        background: color(params, "background")?,
        opacity_percent: match params.integer("opacity")? {
            None => default.opacity_percent,
            Some(percent) => u8::try_from(percent)
                .ok()
                .filter(|percent| *percent <= 100)
                .ok_or_else(|| wrong("opacity", &percent.to_string()))?,
        },
        align: match word("text_align") {
            None => default.align,
            Some(align) => TextAlign::from_word(&align).ok_or_else(|| wrong("text_align", &align))?,
        },
        decoration: match word("text_decoration") {
            None => default.decoration,
            Some(line) => TextDecoration::from_word(&line).ok_or_else(|| wrong("text_decoration", &line))?,
        },
        letter_spacing: spacing(params, "letter_spacing")?,
        line_spacing: spacing(params, "line_spacing")?,
        max_width: None,
    })
}

fn spacing(params: &Params, name: &str) -> Result<f32, ApiError> {
    let pixels = params.integer(name)?.unwrap_or(0);
    let pixels =
        i16::try_from(pixels).map_err(|_too_large| ApiError::bad_request(format!("Invalid {name}: {pixels}")))?;
    Ok(f32::from(pixels))
}

/// A colour as in transformations, or `#rrggbb`.
fn color(params: &Params, name: &str) -> Result<Option<Color>, ApiError> {
    let Some(text) = params.text(name) else { return Ok(None) };
    let text = match text.strip_prefix('#') {
        Some(hex) => format!("rgb:{hex}"),
        None => text,
    };
    let color = Color::parse(&text).ok_or_else(|| ApiError::bad_request(format!("Invalid {name}: {text}")))?;
    Ok(Some(color))
}
