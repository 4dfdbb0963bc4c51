//! What a transformation says about delivery and not about pixels: default images and flags.

use super::error::Refusal::{self, Invalid, Unsupported};
use super::{Component, Transformation};
use crate::{ImageFormat, PublicId};

/// Most characters of an attachment's name.
const MAX_NAME_CHARS: usize = 200;
/// Flags that say one word, in the order of the words.
const WORDS: &[(&str, Flag)] = &[
    ("animated", Flag::Animated),
    ("any_format", Flag::AnyFormat),
    ("awebp", Flag::Awebp),
    ("cutter", Flag::Cutter),
    ("force_strip", Flag::ForceStrip),
    ("getinfo", Flag::Getinfo),
    ("ignore_aspect_ratio", Flag::IgnoreAspectRatio),
    ("ignore_mask_channels", Flag::IgnoreMaskChannels),
    ("immutable_cache", Flag::ImmutableCache),
    ("layer_apply", Flag::LayerApply),
    ("lossless", Flag::Lossless),
    ("lossy", Flag::Lossy),
    ("no_overflow", Flag::NoOverflow),
    ("original", Flag::Original),
    ("png24", Flag::Png24),
    ("png32", Flag::Png32),
    ("png8", Flag::Png8),
    ("preserve_transparency", Flag::PreserveTransparency),
    ("progressive", Flag::Progressive(true)),
    ("progressive:none", Flag::Progressive(false)),
    ("rasterize", Flag::Rasterize),
    ("region_relative", Flag::RegionRelative),
    ("relative", Flag::Relative),
    ("strip_profile", Flag::StripProfile),
    ("text_disallow_overflow", Flag::TextDisallowOverflow),
    ("text_no_trim", Flag::TextNoTrim),
    ("tiled", Flag::Tiled),
];

/// Flags that Cloudinary knows and visage does not do: metadata is never kept, there are no vectors and no videos.
const UNSUPPORTED: [&str; 16] = [
    "alternate",
    "apng",
    "c2pa",
    "clip",
    "clip_evenodd",
    "draco",
    "hlsv3",
    "keep_attribution",
    "keep_dar",
    "keep_iptc",
    "merge",
    "mono",
    "no_stream",
    "replace_image",
    "sanitize",
    "tiff8_lzw",
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
    /// An animation stays one.
    Animated,
    /// `q_auto` may choose another format; it never does.
    AnyFormat,
    /// An animation becomes an animated WebP.
    Awebp,
    /// The layer's transparency cuts the picture.
    Cutter,
    /// What would be made, as JSON.
    Getinfo,
    /// A side that is not given stays as it is.
    IgnoreAspectRatio,
    /// Transparency does not count for `c_`; it never does.
    IgnoreMaskChannels,
    /// The layer is put onto the picture.
    LayerApply,
    /// WebP with every pixel as it is.
    Lossless,
    /// PNG and GIF may lose what is hardly seen.
    Lossy,
    /// A layer does not enlarge the picture.
    NoOverflow,
    /// The original's own pixels.
    Original,
    /// PNG with red, green and blue.
    Png24,
    /// PNG with red, green, blue and alpha.
    Png32,
    /// PNG with a palette.
    Png8,
    /// `f_auto` keeps what is transparent.
    PreserveTransparency,
    /// JPEG that comes whole and blurred first, or does not.
    Progressive(bool),
    /// A drawing becomes pixels; it always does.
    Rasterize,
    /// Sizes are multiples of the region that gravity found.
    RegionRelative,
    /// Sizes are multiples of the picture below.
    Relative,
    /// Text that does not fit is an error.
    TextDisallowOverflow,
    /// Text keeps the space around its letters.
    TextNoTrim,
    /// The layer is repeated.
    Tiled,
}

impl Component {
    /// Whether the flag is raised.
    pub fn has(&self, flag: &Flag) -> bool {
        self.flags.contains(flag)
    }
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
        let flags = self.flags.iter().filter(|flag| !flag.is_delivery()).cloned().collect();
        Self {
            default_image: None,
            flags,
            ..self.clone()
        }
    }
}

impl Flag {
    /// Whether the flag says nothing about pixels.
    fn is_delivery(&self) -> bool {
        matches!(
            self,
            Self::Attachment(_) | Self::ImmutableCache | Self::ForceStrip | Self::StripProfile | Self::Getinfo
        )
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
pub(super) fn add_flags(flags: &mut Vec<Flag>, text: &str) -> Result<(), Refusal> {
    for word in text.split('.') {
        flags.push(flag(word)?);
    }
    flags.sort_unstable();
    flags.dedup();
    Ok(())
}

fn flag(text: &str) -> Result<Flag, Refusal> {
    let (word, value) = text
        .split_once(':')
        .map_or((text, None), |(word, value)| (word, Some(value)));
    if let Some((_, flag)) = WORDS.iter().find(|(known, _)| *known == text) {
        return Ok(flag.clone());
    }
    match (word, value) {
        ("attachment", None) => Ok(Flag::Attachment(None)),
        ("attachment", Some(name)) if is_name(name) => Ok(Flag::Attachment(Some(name.to_owned()))),
        ("progressive", Some("semi" | "steep")) => Ok(Flag::Progressive(true)),
        (word, _) if UNSUPPORTED.contains(&word) => Err(Unsupported),
        _ => Err(Invalid),
    }
}

/// A file name without an extension; what browsers might take for a path is not in it.
fn is_name(text: &str) -> bool {
    let good = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '!' | ' ');
    !text.is_empty() && text.chars().count() <= MAX_NAME_CHARS && text.chars().all(good)
}

/// Prints what [`add_flags`] reads.
pub(super) fn print_flags(flags: &[Flag]) -> String {
    let words: Vec<String> = flags
        .iter()
        .map(|flag| match flag {
            Flag::Attachment(None) => "attachment".to_owned(),
            Flag::Attachment(Some(name)) => format!("attachment:{name}"),
            other => WORDS
                .iter()
                .find(|(_, flag)| flag == other)
                .map_or_else(String::new, |(word, _)| (*word).to_owned()),
        })
        .collect();
    words.join(".")
}

/// The names of all flags that are understood, and of those that are recognised and refused.
#[cfg(test)]
pub(super) fn names() -> (Vec<&'static str>, &'static [&'static str]) {
    (WORDS.iter().map(|(name, _)| *name).collect(), &UNSUPPORTED)
}
