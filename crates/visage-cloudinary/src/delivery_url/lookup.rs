//! Which assets a URL may mean.

use super::{DeliveryUrl, UrlForm};
use crate::{ImageFormat, PublicId, ResourceType};

/// Extensions that a video's URL may end in.
const VIDEO_EXTENSIONS: [&str; 12] = [
    "3gp", "avi", "flv", "m3u8", "mkv", "mov", "mp3", "mp4", "mpd", "ogv", "webm", "wmv",
];

/// An asset that a URL may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The asset's name.
    pub public_id: PublicId,
    /// The format that the URL's extension asks for; `None` when the whole text is the name.
    pub format: Option<ImageFormat>,
}

impl DeliveryUrl {
    /// What to look for, in this order: an asset named by the whole text, then the text without a known extension. A
    /// text that cannot be a public id names nothing, so the list may be empty.
    ///
    /// A raw asset's extension belongs to its name. [`UrlForm::Seo`] drops the last segment, [`UrlForm::Root`] tries
    /// that after everything else.
    pub fn candidates(&self) -> Vec<Candidate> {
        let names = match self.form {
            UrlForm::Full | UrlForm::Short => vec![self.source.clone()],
            UrlForm::Seo => vec![without_suffix(&self.source)],
            UrlForm::Root => vec![self.source.clone(), without_suffix(&self.source)],
        };
        let mut candidates = Vec::new();
        for name in names {
            for candidate in readings(&name, self.resource_type) {
                if !candidates.contains(&candidate) {
                    candidates.push(candidate);
                }
            }
        }
        candidates
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

fn readings(name: &str, resource_type: ResourceType) -> Vec<Candidate> {
    let whole = (name, None);
    let short = name.rsplit_once('.').and_then(|(stem, extension)| {
        let format = ImageFormat::from_extension(extension);
        let known = match resource_type {
            ResourceType::Raw => false,
            ResourceType::Image => format.is_some(),
            ResourceType::Video => format.is_some() || VIDEO_EXTENSIONS.contains(&extension),
        };
        known.then_some((stem, format))
    });
    let readings = std::iter::once(whole).chain(short);
    readings
        .filter_map(|(id, format)| {
            PublicId::parse(id)
                .ok()
                .map(|public_id| Candidate { public_id, format })
        })
        .collect()
}
