//! A URL under which a picture is delivered, without host and query:
//! `/{cloud}/{resource_type}/{type}/[s--signature--/][transformation/][v123/]public_id[.extension]`.

mod error;
mod fetch;
mod lookup;
mod parts;

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{DeliveryType, ImageFormat, PublicId, ResourceType, Transformation};

pub use error::DeliveryUrlError;
pub use fetch::{FetchUrl, RequestedUrl};
pub(crate) use lookup::without_suffix;
pub use lookup::{Candidate, split_extension};
pub use parts::{UrlForm, UrlParts, is_cloud_name};

/// What the SDKs leave as it is when they write a public id into a URL.
const UNESCAPED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'_')
    .remove(b'.')
    .remove(b'-')
    .remove(b'/')
    .remove(b':');
/// What components may also show as it is.
const UNESCAPED_IN_COMPONENTS: AsciiSet = UNESCAPED
    .remove(b',')
    .remove(b'$')
    .remove(b'!')
    .remove(b'(')
    .remove(b')')
    .remove(b';')
    .remove(b'=');
/// The most characters the decoded name has: a public id, words for search engines, an extension.
const MAX_SOURCE_CHARS: usize = 1000;

/// A delivery URL, read. The two `_text` fields are kept because signatures are made over the text as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryUrl {
    /// The cloud's name.
    pub cloud: String,
    /// How the URL begins.
    pub form: UrlForm,
    /// What the asset is.
    pub resource_type: ResourceType,
    /// How the asset is protected.
    pub delivery_type: DeliveryType,
    /// The text between `s--` and `--`, eight or 32 characters; not checked here.
    pub signature: Option<String>,
    /// What is asked for.
    pub transformation: Transformation,
    /// The transformation as it was received, percent-encoded, without a slash at either end.
    pub transformation_text: String,
    /// The number after `v`; it defeats caches and is not used to find the asset.
    pub version: Option<i64>,
    /// Everything after the version, percent-decoded: the public id with its extension.
    pub source: String,
    /// The source as it was received, percent-encoded.
    pub source_text: String,
}

impl DeliveryUrl {
    /// Reads the path of a URL as it was received: percent-encoded, without the query. Empty segments are skipped.
    ///
    /// # Errors
    ///
    /// A path that is no delivery URL, or one that asks for something visage does not do.
    pub fn parse(path: &str) -> Result<Self, DeliveryUrlError> {
        let parts = UrlParts::split(path)?;
        let transformation = Transformation::parse(&decode_segments(&parts.transformation)?)?;
        let source = decode_segments(&parts.source)?;
        check_source(&source)?;
        Ok(Self {
            cloud: parts.cloud.to_owned(),
            form: parts.form,
            resource_type: parts.resource_type,
            delivery_type: parts.delivery_type,
            signature: parts.signature.map(str::to_owned),
            transformation,
            transformation_text: parts.transformation.join("/"),
            version: parts.version,
            source,
            source_text: parts.source.join("/"),
        })
    }

    /// The URL of an original, escaped as the SDKs escape. As in the SDKs, an id with a slash gets `v1`, so that its
    /// first segment is not taken for a transformation.
    pub fn new(cloud: &str, resource_type: ResourceType, delivery_type: DeliveryType, public_id: &PublicId) -> Self {
        let source = public_id.as_str().to_owned();
        Self {
            cloud: cloud.to_owned(),
            form: UrlForm::Full,
            resource_type,
            delivery_type,
            signature: None,
            transformation: Transformation::default(),
            transformation_text: String::new(),
            version: source.contains('/').then_some(1),
            source_text: escape(&source),
            source,
        }
    }

    /// The same URL with a transformation, in canonical form.
    #[must_use]
    pub fn with_transformation(mut self, transformation: Transformation) -> Self {
        self.transformation_text =
            utf8_percent_encode(&transformation.to_string(), &UNESCAPED_IN_COMPONENTS).to_string();
        self.transformation = transformation;
        self
    }

    /// The same URL with a version, in seconds since the Unix epoch.
    #[must_use]
    pub fn with_version(mut self, version: i64) -> Self {
        self.version = Some(version);
        self
    }

    /// The same URL with an extension after what is there.
    #[must_use]
    pub fn with_extension(mut self, format: ImageFormat) -> Self {
        self.source = format!("{}.{}", self.source, format.extension());
        self.source_text = escape(&self.source);
        self
    }

    /// The same URL with any extension after what is there.
    #[must_use]
    pub fn with_extension_text(mut self, extension: &str) -> Self {
        self.source = format!("{}.{extension}", self.source);
        self.source_text = escape(&self.source);
        self
    }

    /// The path, which reads back as the same value.
    pub fn path(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for DeliveryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "/{}/{}",
            self.cloud,
            parts::head(self.form, self.resource_type, self.delivery_type)
        )?;
        if let Some(signature) = &self.signature {
            write!(f, "s--{signature}--/")?;
        }
        if !self.transformation_text.is_empty() {
            write!(f, "{}/", self.transformation_text)?;
        }
        if let Some(version) = self.version {
            write!(f, "v{version}/")?;
        }
        f.write_str(&self.source_text)
    }
}

fn escape(source: &str) -> String {
    utf8_percent_encode(source, &UNESCAPED).to_string()
}

fn decode_segments(segments: &[&str]) -> Result<String, DeliveryUrlError> {
    let decoded: Vec<_> = segments
        .iter()
        .map(|segment| parts::decode(segment))
        .collect::<Result<_, _>>()?;
    Ok(decoded.join("/"))
}

/// Refuses what no asset may be called and what could be taken for a path by whoever handles the text next. The other
/// rules of a public id decide in [`DeliveryUrl::candidates`].
fn check_source(source: &str) -> Result<(), DeliveryUrlError> {
    if source.chars().nth(MAX_SOURCE_CHARS).is_some() {
        return Err(DeliveryUrlError::Source("public_id is too long"));
    }
    if source.chars().any(char::is_control) {
        return Err(DeliveryUrlError::Source("it contains a control character"));
    }
    if source.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(DeliveryUrlError::Source("a segment is empty or . or .."));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
