//! The two kinds that, with the public id, name an asset: what it is and how it is protected.

use std::fmt;
use std::str::FromStr;

/// What an asset is: the second segment of an API path and of a delivery URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceType {
    /// A picture.
    Image,
    /// A film or a sound.
    Video,
    /// Any other file; its extension is part of its public id.
    Raw,
}

impl ResourceType {
    /// The word in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Raw => "raw",
        }
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ResourceType {
    type Err = UnknownResourceType;

    fn from_str(text: &str) -> Result<Self, UnknownResourceType> {
        match text {
            "image" => Ok(Self::Image),
            "video" => Ok(Self::Video),
            "raw" => Ok(Self::Raw),
            _ => Err(UnknownResourceType(text.to_owned())),
        }
    }
}

/// The text is no resource type. `auto` is none: it is an upload target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid resource type: {0}")]
pub struct UnknownResourceType(String);

/// How an asset is protected. Cloudinary's remote and generated types (`fetch`, `text`, …) are not stored by visage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeliveryType {
    /// Public.
    Upload,
    /// The original is protected, what is made from it is public.
    Private,
    /// The original and everything made from it are protected.
    Authenticated,
}

impl DeliveryType {
    /// The word in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Private => "private",
            Self::Authenticated => "authenticated",
        }
    }
}

impl fmt::Display for DeliveryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DeliveryType {
    type Err = UnknownDeliveryType;

    fn from_str(text: &str) -> Result<Self, UnknownDeliveryType> {
        match text {
            "upload" => Ok(Self::Upload),
            "private" => Ok(Self::Private),
            "authenticated" => Ok(Self::Authenticated),
            _ => Err(UnknownDeliveryType(text.to_owned())),
        }
    }
}

/// The text is no delivery type that visage stores.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid type: {0}")]
pub struct UnknownDeliveryType(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_back_what_it_prints() {
        for kind in [ResourceType::Image, ResourceType::Video, ResourceType::Raw] {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        for kind in [DeliveryType::Upload, DeliveryType::Private, DeliveryType::Authenticated] {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
    }

    #[test]
    fn other_words_are_refused_by_name() {
        assert_eq!(
            "auto".parse::<ResourceType>().unwrap_err().to_string(),
            "Invalid resource type: auto"
        );
        assert_eq!(
            "Image".parse::<ResourceType>().unwrap_err().to_string(),
            "Invalid resource type: Image"
        );
        assert_eq!(
            "fetch".parse::<DeliveryType>().unwrap_err().to_string(),
            "Invalid type: fetch"
        );
    }
}
