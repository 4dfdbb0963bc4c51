//! Where pictures and videos live: visage's own store, or a Cloudinary account.

mod cloudinary;
mod embedded;
mod hosts;
mod paired;
mod transfer;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use visage_cloudinary::{DeliveryType, DeliveryUrl, PublicId, ResourceType, Transformation};

pub use cloudinary::{Breaker, BreakerState, Cloudinary};
pub use embedded::Embedded;
pub use hosts::Hosts;
pub use paired::{Paired, TakeIn};
pub use transfer::{TransferError, Transferred, has_hash, hash, transfer};

/// A checked and cleaned picture, or video, on its way to the media host.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The file.
    pub bytes: Bytes,
    /// What was found in it.
    pub facts: PictureFacts,
    /// The part that somebody chose to show, kept with it as its custom coordinates: x, y, width and height in pixels.
    pub part: Option<[u32; 4]>,
}

/// What is known of a picture or video.
#[derive(Debug, Clone, PartialEq)]
pub enum PictureFacts {
    /// Of a picture.
    Image(visage_image::Facts),
    /// Of a video.
    Video(visage_image::VideoFacts),
}

impl PictureFacts {
    /// The kind of file.
    pub fn resource_type(&self) -> ResourceType {
        match self {
            Self::Image(_) => ResourceType::Image,
            Self::Video(_) => ResourceType::Video,
        }
    }

    /// The usual extension of such a file.
    pub fn extension(&self) -> &'static str {
        match self {
            Self::Image(facts) => facts.format.extension(),
            Self::Video(facts) => facts.format,
        }
    }

    /// The URL for it: with an extension when it is a video, by which players know what to expect. A picture's format is up
    /// to who asks.
    fn complete(&self, url: DeliveryUrl) -> DeliveryUrl {
        match self {
            Self::Image(_) => url,
            Self::Video(facts) => url.with_extension_text(facts.format),
        }
    }
}

impl From<visage_image::Facts> for PictureFacts {
    fn from(facts: visage_image::Facts) -> Self {
        Self::Image(facts)
    }
}

impl From<visage_image::VideoFacts> for PictureFacts {
    fn from(facts: visage_image::VideoFacts) -> Self {
        Self::Video(facts)
    }
}

/// A picture that the media host has stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosted {
    /// Its name.
    pub public_id: PublicId,
    /// The URL to show it by, with the version in it.
    pub url: String,
}

/// What a media host knows of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedFacts {
    /// Pixels of the upright picture.
    pub width: u32,
    /// Pixels of the upright picture.
    pub height: u32,
    /// The size of the stored file.
    pub bytes: u64,
    /// The format of the stored file, as an extension.
    pub format: String,
    /// The faces in it, the largest first: x, y, width and height in pixels. `None`: nobody knows.
    pub faces: Option<Vec<[u32; 4]>>,
}

/// Keeps pictures and videos and makes URLs for them. A public id names one of each kind.
#[async_trait]
pub trait MediaHost: Send + Sync + fmt::Debug {
    /// Stores `picture` under a `public_id` that is ours: never used before, or by the very same bytes. After `Ok` it is
    /// durable and the URL, which asks for `display`, answers. A video is shown as it is, so its `display` is empty.
    async fn upload(
        &self,
        public_id: &PublicId,
        picture: Picture,
        display: &Transformation,
    ) -> Result<Hosted, MediaHostError>;

    /// Deletes what `public_id` names. Repeatable: `false` says that there was nothing.
    async fn destroy(&self, public_id: &PublicId, resource_type: ResourceType) -> Result<bool, MediaHostError>;

    /// Whether `public_id` names a file of this kind.
    async fn exists(&self, public_id: &PublicId, resource_type: ResourceType) -> Result<bool, MediaHostError>;

    /// The file that was stored as `public_id`; `None` when there is none. `url` is the one that a user or a post has, or an
    /// upload has answered; when it is another host's, the name alone says what is wanted.
    async fn original(
        &self,
        url: &str,
        public_id: &PublicId,
        resource_type: ResourceType,
    ) -> Result<Option<Bytes>, MediaHostError>;

    /// The address for the picture behind `url`, one of this host's, with another transformation; `None` when `url` is
    /// not this host's.
    fn with_transformation(&self, url: &str, transformation: &Transformation) -> Option<String>;

    /// What `url` asks for; `None` when it is not this host's.
    fn transformation(&self, url: &str) -> Option<Transformation>;

    /// What is known of the picture `public_id` behind `url`; `None` when there is no such picture.
    async fn facts(&self, url: &str, public_id: &PublicId) -> Result<Option<HostedFacts>, MediaHostError>;

    /// Makes the picture `public_id` behind `url`, one of this host's, ready to be shown as `display` asks, and keeps
    /// `part` with it as its custom coordinates. Returns the URL to show it by. Repeatable.
    async fn show_otherwise(
        &self,
        url: &str,
        public_id: &PublicId,
        display: &Transformation,
        part: [u32; 4],
    ) -> Result<String, MediaHostError>;

    /// Whether `url` is one that this host, as it is configured now, answers with what `public_id` names.
    fn serves(&self, url: &str, public_id: &PublicId, resource_type: ResourceType) -> bool;

    /// How its circuit breaker stands; `None` for a host that has none, because it is in this process.
    fn breaker(&self) -> Option<BreakerState> {
        None
    }
}

/// Whether a URL asks for this uploaded picture or video.
fn names(url: &DeliveryUrl, public_id: &PublicId, resource_type: ResourceType) -> bool {
    url.resource_type == resource_type
        && url.delivery_type == DeliveryType::Upload
        && url
            .candidates()
            .into_iter()
            .any(|candidate| candidate.public_id == *public_id)
}

/// Why the media host did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum MediaHostError {
    /// It has no room left.
    #[error("the media host has no space left")]
    NoSpace,
    /// It took the picture and cannot show it.
    #[error("the picture cannot be shown: {0}")]
    Unshowable(String),
    /// It did not answer in time; the picture may be there or not.
    #[error("the media host did not answer in time")]
    TimedOut,
    /// It cannot be reached, or cannot do anything now.
    #[error("the media host is not available: {cause}")]
    Unavailable {
        /// What is wrong, as far as it is known.
        cause: String,
        /// When it may be worth to try again.
        retry_after: Duration,
        /// Whether the picture may be there all the same, or may still arrive.
        may_be_done: bool,
    },
    /// It has decided against this picture.
    #[error("the media host does not want the picture: {0}")]
    Rejected(String),
    /// It failed.
    #[error("the media host failed: {0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl MediaHostError {
    /// Whether what was asked for may have been done all the same, or may still be: nothing is certain until the grace of
    /// an exchange is over.
    pub fn may_be_done(&self) -> bool {
        match self {
            Self::TimedOut => true,
            Self::Unavailable { may_be_done, .. } => *may_be_done,
            Self::NoSpace | Self::Unshowable(_) | Self::Rejected(_) | Self::Failed(_) => false,
        }
    }
}
