//! Where the parts of a delivery URL begin and end.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::DeliveryUrlError;
use crate::public_id::is_version;
use crate::transformation::is_component;
use crate::{DeliveryType, ResourceType};

/// How a URL begins after the cloud's name. All forms lead to the same asset and carry the same signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UrlForm {
    /// `image/upload/…`, every segment written out.
    Full,
    /// `iu/…` for `image/upload/…`.
    Short,
    /// Nothing at all for `image/upload/…`.
    Root,
    /// `images/…`, `files/…` and their kin; the last segment is words for search engines and names nothing.
    Seo,
}

/// The heads of [`UrlForm::Seo`].
const SEO_HEADS: [(&str, ResourceType, DeliveryType); 5] = [
    ("images", ResourceType::Image, DeliveryType::Upload),
    ("private_images", ResourceType::Image, DeliveryType::Private),
    ("authenticated_images", ResourceType::Image, DeliveryType::Authenticated),
    ("files", ResourceType::Raw, DeliveryType::Upload),
    ("videos", ResourceType::Video, DeliveryType::Upload),
];

/// A delivery URL cut into its parts, each as it was received. Nothing is decoded and the transformation is not read
/// yet, only recognised, so a URL that visage cannot serve still has parts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are documented in `DeliveryUrl`")]
pub struct UrlParts<'a> {
    pub cloud: &'a str,
    pub form: UrlForm,
    pub resource_type: ResourceType,
    pub delivery_type: DeliveryType,
    pub signature: Option<&'a str>,
    /// The components.
    pub transformation: Vec<&'a str>,
    pub version: Option<i64>,
    /// The segments of the asset's name; never empty.
    pub source: Vec<&'a str>,
}

impl<'a> UrlParts<'a> {
    /// Cuts `/{cloud}/{head}/[s--sig--/][transformation/][v123/]source`. Empty segments are skipped. Leading segments
    /// are components as long as each reads like one, but the last segment is always the name.
    ///
    /// # Errors
    ///
    /// All of [`DeliveryUrlError`] but `Encoding`, `Source` and `Transformation`.
    pub fn split(path: &'a str) -> Result<Self, DeliveryUrlError> {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let Some((&cloud, rest)) = segments.split_first() else {
            return Err(DeliveryUrlError::Cloud(String::new()));
        };
        if !is_cloud_name(cloud) {
            return Err(DeliveryUrlError::Cloud(cloud.to_owned()));
        }
        let (form, resource_type, delivery_type, mut rest) = split_head(rest)?;
        let source_segments = if form == UrlForm::Seo { 2 } else { 1 };
        if rest.len() < source_segments {
            return Err(DeliveryUrlError::MissingSource);
        }
        let mut take = |matches: fn(&str) -> bool| match rest.split_first() {
            Some((&first, others)) if others.len() >= source_segments && matches(first) => {
                rest = others;
                Some(first)
            }
            _ => None,
        };
        let signature = take(looks_signed).map(signature).transpose()?;
        let transformation = std::iter::from_fn(|| take(is_encoded_component)).collect();
        let version = take(is_version).map(version).transpose()?;
        let source = rest.to_vec();
        Ok(Self {
            cloud,
            form,
            resource_type,
            delivery_type,
            signature,
            transformation,
            version,
            source,
        })
    }
}

/// Whether a text can be a cloud's name: 2 to 128 letters, digits and hyphens, the first a letter.
pub fn is_cloud_name(text: &str) -> bool {
    (2..=128).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

type Head<'s, 'a> = (UrlForm, ResourceType, DeliveryType, &'s [&'a str]);

fn split_head<'s, 'a>(segments: &'s [&'a str]) -> Result<Head<'s, 'a>, DeliveryUrlError> {
    let Some((&first, rest)) = segments.split_first() else {
        return Err(DeliveryUrlError::MissingSource);
    };
    if let Ok(resource_type) = first.parse() {
        let (delivery_type, rest) = rest.split_first().ok_or(DeliveryUrlError::MissingSource)?;
        return Ok((UrlForm::Full, resource_type, delivery_type.parse()?, rest));
    }
    if first == "iu" {
        return Ok((UrlForm::Short, ResourceType::Image, DeliveryType::Upload, rest));
    }
    if let Some(&(_, resource_type, delivery_type)) = SEO_HEADS.iter().find(|(head, ..)| *head == first) {
        return Ok((UrlForm::Seo, resource_type, delivery_type, rest));
    }
    Ok((UrlForm::Root, ResourceType::Image, DeliveryType::Upload, segments))
}

/// The head that [`split_head`] reads, with a slash after each segment.
pub(super) fn head(form: UrlForm, resource_type: ResourceType, delivery_type: DeliveryType) -> String {
    let seo = SEO_HEADS
        .iter()
        .find(|(_, r, d)| (*r, *d) == (resource_type, delivery_type));
    match (form, seo) {
        (UrlForm::Short, _) => "iu/".to_owned(),
        (UrlForm::Root, _) => String::new(),
        (UrlForm::Seo, Some((head, ..))) => format!("{head}/"),
        (UrlForm::Full | UrlForm::Seo, _) => format!("{resource_type}/{delivery_type}/"),
    }
}

pub(super) fn looks_signed(segment: &str) -> bool {
    segment.starts_with("s--") && segment.ends_with("--")
}

/// Eight or 32 characters of base64url: the lengths that the SDKs write.
pub(super) fn signature(segment: &str) -> Result<&str, DeliveryUrlError> {
    let text = segment.strip_prefix("s--").and_then(|rest| rest.strip_suffix("--"));
    match text {
        Some(text)
            if [8, 32].contains(&text.len())
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') =>
        {
            Ok(text)
        }
        _ => Err(DeliveryUrlError::Signature(segment.to_owned())),
    }
}

pub(super) fn version(segment: &str) -> Result<i64, DeliveryUrlError> {
    let digits = segment.strip_prefix('v').unwrap_or(segment);
    digits
        .parse()
        .map_err(|_overflow| DeliveryUrlError::Version(segment.to_owned()))
}

/// Whether a segment is a component once decoded. An encoded slash belongs to no component.
pub(super) fn is_encoded_component(segment: &str) -> bool {
    decode(segment).is_ok_and(|text| !text.contains('/') && is_component(&text))
}

/// Undoes percent-encoding, once.
pub(super) fn decode(segment: &str) -> Result<Cow<'_, str>, DeliveryUrlError> {
    percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_not_utf8| DeliveryUrlError::Encoding)
}
