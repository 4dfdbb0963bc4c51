//! What a transformation says about delivery and not about pixels: default images and flags.

use super::error::Refusal::{self, Invalid, Unsupported};
use super::{Component, Transformation};
use crate::{ImageFormat, PublicId};

/// Most characters of an attachment's name.
const MAX_NAME_CHARS: usize = 200;
/// Flags that Cloudinary knows and visage does not do.
const UNSUPPORTED: [&str; 26] = [
    "animated",
    "any_format",
    "apng",
    "awebp",
    "clip",
    "clip_evenodd",
    "cutter",
    "getinfo",
    "ignore_aspect_ratio",
    "ignore_mask_channels",
    "keep_attribution",
    "keep_iptc",
    "layer_apply",
    "lossy",
    "no_overflow",
    "no_stream",
    "original",
    "png8",
    "preserve_transparency",
    "progressive",
    "rasterize",
    "region_relative",
    "relative",
    "replace_image",
    "text_no_trim",
    "tiled",
];

/// `d_`: an image that stands in for a missing one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultImage {
    /// Its name.
    pub public_id: PublicId,
    /// The format that its extension asks for.
    pub format: Option<ImageFormat>,
}

/// `fl_`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// To be saved and not shown; under this name, if it has one.
    Attachment(Option<String>),
    /// Metadata goes; it always does.
    ForceStrip,
    /// Caches may keep it for ever; a URL with the version always says so.
    ImmutableCache,
    /// The colour profile goes; everything made is sRGB without one.
    StripProfile,
}

impl Transformation {
    /// What is delivered when the asset is missing; the last one named.
    pub fn default_image(&self) -> Option<&DefaultImage> {
        self.components
            .iter()
            .rev()
            .find_map(|component| component.default_image.as_ref())
    }

    /// Whether the answer is to be saved and not shown, and under which name; an empty one leaves the name open.
    pub fn attachment(&self) -> Option<&str> {
        let flags = self
            .components
            .iter()
            .rev()
            .flat_map(|component| component.flags.iter().rev());
        let mut names = flags.filter_map(|flag| match flag {
            Flag::Attachment(name) => Some(name.as_deref().unwrap_or_default()),
            _ => None,
        });
        names.next()
    }
}

impl Component {
    /// The component without what it says about delivery.
    pub(crate) fn without_delivery(&self) -> Self {
        Self {
            default_image: None,
            flags: Vec::new(),
            ..self.clone()
        }
    }
}

/// `folder:name.png`; a colon stands for a slash.
pub(super) fn default_image(text: &str) -> Result<DefaultImage, Refusal> {
    let text = text.replace(':', "/");
    let known = text
        .rsplit_once('.')
        .and_then(|(name, extension)| Some((name, ImageFormat::from_extension(extension)?)));
    let (name, format) = known.map_or((text.as_str(), None), |(name, format)| (name, Some(format)));
    let public_id = PublicId::parse(name).map_err(|_no_name| Invalid)?;
    Ok(DefaultImage { public_id, format })
}

/// Prints what [`default_image`] reads.
pub(super) fn print_default_image(image: &DefaultImage) -> String {
    let name = image.public_id.as_str().replace('/', ":");
    match image.format {
        Some(format) => format!("{name}.{}", format.extension()),
        None => name,
    }
}

/// Flags between dots.
pub(super) fn flags(text: &str) -> Result<Vec<Flag>, Refusal> {
    let mut flags = text.split('.').map(flag).collect::<Result<Vec<_>, _>>()?;
    flags.sort_unstable();
    flags.dedup();
    Ok(flags)
}

fn flag(text: &str) -> Result<Flag, Refusal> {
    let (word, value) = text
        .split_once(':')
        .map_or((text, None), |(word, value)| (word, Some(value)));
    match (word, value) {
        ("attachment", None) => Ok(Flag::Attachment(None)),
        ("attachment", Some(name)) if is_name(name) => Ok(Flag::Attachment(Some(name.to_owned()))),
        ("immutable_cache", None) => Ok(Flag::ImmutableCache),
        ("force_strip", None) => Ok(Flag::ForceStrip),
        ("strip_profile", None) => Ok(Flag::StripProfile),
        (word, _) if UNSUPPORTED.contains(&word) => Err(Unsupported),
        _ => Err(Invalid),
    }
}

/// A file name without an extension; what browsers might take for a path is not in it.
fn is_name(text: &str) -> bool {
    let good = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '!' | ' ');
    !text.is_empty() && text.chars().count() <= MAX_NAME_CHARS && text.chars().all(good)
}

/// Prints what [`flags`] reads.
pub(super) fn print_flags(flags: &[Flag]) -> String {
    let words: Vec<String> = flags
        .iter()
        .map(|flag| match flag {
            Flag::Attachment(None) => "attachment".to_owned(),
            Flag::Attachment(Some(name)) => format!("attachment:{name}"),
            Flag::ForceStrip => "force_strip".to_owned(),
            Flag::ImmutableCache => "immutable_cache".to_owned(),
            Flag::StripProfile => "strip_profile".to_owned(),
        })
        .collect();
    words.join(".")
}
