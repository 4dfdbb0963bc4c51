//! Values that are one of a list of words.

use super::error::Refusal::{self, Invalid, Unsupported};
use super::numbers::whole_number;
use super::values::{
    Attention, AutoFormat, AutoGravity, AutoMethod, Chroma, ColorSpace, Crop, Format, Gravity, NoCustom, NoFace,
    Quality, QualityLevel,
};
use crate::ImageFormat;

/// Words and what they mean: read and printed from one list.
type Words<T> = &'static [(&'static str, T)];

fn meaning<T: Copy>(words: Words<T>, text: &str) -> Option<T> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
}

fn word<T: PartialEq>(words: Words<T>, value: &T) -> &'static str {
    words
        .iter()
        .find(|(_, meant)| meant == value)
        .map_or("", |(word, _)| word)
}

const CROPS: Words<Crop> = &[
    ("scale", Crop::Scale),
    ("fit", Crop::Fit),
    ("limit", Crop::Limit),
    ("mfit", Crop::Mfit),
    ("fill", Crop::Fill),
    ("lfill", Crop::Lfill),
    ("fill_pad", Crop::FillPad),
    ("pad", Crop::Pad),
    ("lpad", Crop::Lpad),
    ("mpad", Crop::Mpad),
    ("crop", Crop::Crop),
    ("thumb", Crop::Thumb),
    ("auto", Crop::Auto),
    ("auto_pad", Crop::AutoPad),
];

/// `c_`
pub(super) fn crop(text: &str) -> Result<Crop, Refusal> {
    match meaning(CROPS, text) {
        Some(crop) => Ok(crop),
        None if text.starts_with("imagga_") => Err(Unsupported),
        None => Err(Invalid),
    }
}

/// Prints what [`crop`] reads.
pub(super) fn print_crop(crop: Crop) -> String {
    word(CROPS, &crop).to_owned()
}

const GRAVITIES: Words<Gravity> = &[
    ("north_west", Gravity::NorthWest),
    ("north", Gravity::North),
    ("north_east", Gravity::NorthEast),
    ("west", Gravity::West),
    ("center", Gravity::Center),
    ("east", Gravity::East),
    ("south_west", Gravity::SouthWest),
    ("south", Gravity::South),
    ("south_east", Gravity::SouthEast),
    ("xy_center", Gravity::XyCenter),
    ("face", Gravity::Face(NoFace::North)),
    ("face:center", Gravity::Face(NoFace::Center)),
    ("face:auto", Gravity::Face(NoFace::Auto)),
    ("faces", Gravity::Faces(NoFace::North)),
    ("faces:center", Gravity::Faces(NoFace::Center)),
    ("faces:auto", Gravity::Faces(NoFace::Auto)),
    ("custom", Gravity::Custom(NoCustom::Center)),
    ("custom:face", Gravity::Custom(NoCustom::Face)),
    ("custom:faces", Gravity::Custom(NoCustom::Faces)),
];

const METHODS: Words<AutoMethod> = &[("subject", AutoMethod::Subject), ("classic", AutoMethod::Classic)];
const ATTENTIONS: Words<Attention> = &[
    ("face", Attention::Face),
    ("faces", Attention::Faces),
    ("no_faces", Attention::NoFaces),
    ("face_avoid", Attention::NoFaces),
    ("faces_avoid", Attention::NoFaces),
];
const IGNORES_CUSTOM: &str = "custom_no_override";

/// `g_`. Any other word may name a kind of object to look for, so a word is unsupported, anything else invalid.
pub(super) fn gravity(text: &str) -> Result<Gravity, Refusal> {
    if let Some(gravity) = meaning(GRAVITIES, text) {
        return Ok(gravity);
    }
    let mut words = text.split(':');
    if words.next() == Some("auto") {
        let mut auto = AutoGravity::default();
        for word in words {
            if let Some(method) = meaning(METHODS, word) {
                auto.method = method;
            } else if let Some(attention) = meaning(ATTENTIONS, word) {
                auto.faces = attention;
            } else if word == IGNORES_CUSTOM {
                auto.ignores_custom = true;
            } else {
                return Err(Unsupported);
            }
        }
        return Ok(Gravity::Auto(auto));
    }
    if text.starts_with(|c: char| c.is_ascii_lowercase()) {
        Err(Unsupported)
    } else {
        Err(Invalid)
    }
}

/// Prints what [`gravity`] reads.
pub(super) fn print_gravity(gravity: Gravity) -> String {
    let Gravity::Auto(auto) = gravity else {
        return word(GRAVITIES, &gravity).to_owned();
    };
    let custom = if auto.ignores_custom { IGNORES_CUSTOM } else { "" };
    let words = [
        "auto",
        word(METHODS, &auto.method),
        word(ATTENTIONS, &auto.faces),
        custom,
    ];
    let said: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    said.join(":")
}

const LEVELS: Words<QualityLevel> = &[
    ("best", QualityLevel::Best),
    ("good", QualityLevel::Good),
    ("eco", QualityLevel::Eco),
    ("low", QualityLevel::Low),
];
const CHROMAS: Words<Chroma> = &[("444", Chroma::Full), ("420", Chroma::Halved)];

/// `1` to `100`, perhaps with the fineness of colour, or `auto` with a level.
///
/// `sensitive` asks for more care with what people look at; the target is perceptual for every picture, so it says
/// nothing more.
pub(super) fn quality(text: &str) -> Result<Quality, Refusal> {
    let (first, rest) = text.split_once(':').unwrap_or((text, ""));
    if first == "auto" {
        let level = rest
            .strip_suffix("sensitive")
            .map_or(rest, |level| level.trim_end_matches(':'));
        return match meaning(LEVELS, level) {
            Some(level) => Ok(Quality::Auto(level)),
            None if level.is_empty() && !text.ends_with(':') => Ok(Quality::Auto(QualityLevel::Good)),
            None => Err(Invalid),
        };
    }
    if first.starts_with("jpegmini") || rest.starts_with("qmax_") {
        return Err(Unsupported);
    }
    let chroma = meaning(CHROMAS, rest);
    if chroma.is_none() && text.contains(':') {
        return Err(Invalid);
    }
    match whole_number(first) {
        Ok(percent @ 1..=100) => u8::try_from(percent)
            .map(|percent| Quality::Fixed(percent, chroma))
            .map_err(|_above_255| Invalid),
        Ok(_) | Err(_) => Err(Invalid),
    }
}

/// Prints what [`quality`] reads.
pub(super) fn print_quality(quality: Quality) -> String {
    match quality {
        Quality::Fixed(percent, None) => percent.to_string(),
        Quality::Fixed(percent, Some(chroma)) => format!("{percent}:{}", word(CHROMAS, &chroma)),
        Quality::Auto(QualityLevel::Good) => "auto".to_owned(),
        Quality::Auto(level) => format!("auto:{}", word(LEVELS, &level)),
    }
}

const AUTO_FORMATS: Words<AutoFormat> = &[
    ("auto", AutoFormat::Any),
    ("auto:image", AutoFormat::Image),
    ("auto:animated", AutoFormat::Animated),
];

/// Formats that Cloudinary knows and visage does not make.
const OTHER_FORMATS: &[&str] = &[
    "3ds",
    "ai",
    "arw",
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

/// `auto`, or the name of a format that visage makes.
pub(super) fn format(text: &str) -> Result<Format, Refusal> {
    if let Some(auto) = meaning(AUTO_FORMATS, text) {
        return Ok(Format::Auto(auto));
    }
    match ImageFormat::from_extension(text) {
        Some(format) if format.is_made() => Ok(Format::Named(format)),
        Some(_) => Err(Unsupported),
        None if OTHER_FORMATS.contains(&text) => Err(Unsupported),
        None => Err(Invalid),
    }
}

/// Prints what [`format`] reads.
pub(super) fn print_format(format: Format) -> String {
    match format {
        Format::Auto(auto) => word(AUTO_FORMATS, &auto).to_owned(),
        Format::Named(format) => format.extension().to_owned(),
    }
}

const COLOR_SPACES: Words<ColorSpace> = &[
    ("srgb", ColorSpace::Srgb),
    ("tinysrgb", ColorSpace::TinySrgb),
    ("srgb:truecolor", ColorSpace::SrgbTrueColor),
    ("no_cmyk", ColorSpace::NoCmyk),
];

/// `cs_`: what comes out as sRGB; inks and profiles are not delivered.
pub(super) fn color_space(text: &str) -> Result<ColorSpace, Refusal> {
    match meaning(COLOR_SPACES, text) {
        Some(space) => Ok(space),
        None if ["cmyk", "keep_cmyk"].contains(&text) || text.starts_with("icc:") => Err(Unsupported),
        None => Err(Invalid),
    }
}

/// Prints what [`color_space`] reads.
pub(super) fn print_color_space(space: ColorSpace) -> String {
    word(COLOR_SPACES, &space).to_owned()
}
