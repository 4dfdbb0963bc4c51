//! Values that are one of a list of words.

use super::error::Refusal::{self, Invalid, Unsupported};
use super::numbers::whole_number;
use super::{Crop, Format, Gravity, Quality, QualityLevel};
use crate::ImageFormat;

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
