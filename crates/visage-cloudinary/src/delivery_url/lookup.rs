//! Which assets a URL may mean.

use super::{DeliveryUrl, UrlForm};
use crate::{DeliveryType, ImageFormat, PublicId, ResourceType};

/// Extensions that a video's URL may end in, besides those of images: every format that a stored film or sound may have, and
/// those that Cloudinary's players ask for.
const VIDEO_EXTENSIONS: [&str; 22] = [
    "3gp", "aac", "avi", "flac", "flv", "m3u8", "m4a", "m4v", "mkv", "mov", "mp3", "mp4", "mpd", "mpeg", "oga", "ogg",
    "ogv", "opus", "ts", "wav", "webm", "wmv",
];

/// An asset that a URL may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The asset's name.
    pub public_id: PublicId,
    /// The format that the URL's extension asks for; `None` when the whole text is the name.
    pub format: Option<ImageFormat>,
}

/// The name and the extension of a text such as `cat.jpg`, when a URL of this resource type that ends so asks for the asset
/// `cat`: `NAME.ext` always means `NAME`. `None` when the whole text is the name, as it always is for raw assets.
pub fn split_extension(text: &str, resource_type: ResourceType) -> Option<(&str, &str)> {
    let (name, extension) = text.rsplit_once('.')?;
    let is_image = ImageFormat::from_extension(extension).is_some();
    let is_known = match resource_type {
        ResourceType::Raw => false,
        ResourceType::Image => is_image,
        ResourceType::Video => is_image || is_video_extension(extension),
    };
    (is_known && PublicId::parse(name).is_ok()).then_some((name, extension))
}

fn is_video_extension(text: &str) -> bool {
    VIDEO_EXTENSIONS.iter().any(|known| text.eq_ignore_ascii_case(known))
}

impl DeliveryUrl {
    /// What to look for, in this order. A text that cannot be a public id names nothing, so the list may be empty.
    ///
    /// `NAME.ext` means the asset `NAME`, so that no other asset can take its URLs over. Only where there is none, and for
    /// public assets alone, it is the asset whose id is the whole text: URLs that were written so go on working. What a
    /// signature or a token opens is never decided by what is missing. A raw asset's extension belongs to its name.
    /// [`UrlForm::Seo`] drops the last segment, [`UrlForm::Root`] tries that after everything else.
    pub fn candidates(&self) -> Vec<Candidate> {
        let names = match self.form {
            UrlForm::Full | UrlForm::Short => vec![self.source.clone()],
            UrlForm::Seo => vec![without_suffix(&self.source)],
            UrlForm::Root => vec![self.source.clone(), without_suffix(&self.source)],
        };
        let mut candidates = Vec::new();
        for name in names {
            for candidate in self.readings(&name) {
                if !candidates.contains(&candidate) {
                    candidates.push(candidate);
                }
            }
        }
        candidates
    }

    fn readings(&self, text: &str) -> Vec<Candidate> {
        let split = split_extension(text, self.resource_type);
        let named = split.map(|(name, extension)| (name, ImageFormat::from_extension(extension)));
        let is_public = self.delivery_type == DeliveryType::Upload;
        let whole = (named.is_none() || is_public).then_some((text, None));
        let readings = named.into_iter().chain(whole);
        readings
            .filter_map(|(id, format)| {
                let public_id = PublicId::parse(id).ok()?;
                Some(Candidate { public_id, format })
            })
            .collect()
    }
}

/// `folder/sample/some-words.jpg` is `folder/sample.jpg`.
pub(crate) fn without_suffix(source: &str) -> String {
    let Some((name, suffix)) = source.rsplit_once('/') else {
        return source.to_owned();
    };
    match suffix.split_once('.') {
        Some((_, extension)) => format!("{name}.{extension}"),
        None => name.to_owned(),
    }
}
