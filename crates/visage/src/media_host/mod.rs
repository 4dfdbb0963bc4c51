//! Where pictures live: visage's own store, or (later) a Cloudinary account.

mod embedded;

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use visage_cloudinary::{PublicId, ResourceType, Transformation};

pub use embedded::{Embedded, serves};

/// A checked and cleaned picture on its way to the media host.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The file.
    pub bytes: Bytes,
    /// What was found in it.
    pub facts: visage_image::Facts,
}

/// A picture that the media host has stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosted {
    /// Its name.
    pub public_id: PublicId,
    /// The URL to show it by, with the version in it.
    pub url: String,
}

/// Keeps pictures and makes URLs for them.
#[async_trait]
pub trait MediaHost: Send + Sync + fmt::Debug {
    /// Stores `picture` under a `public_id` that was never used before. After `Ok` it is durable and the URL, which asks
    /// for `display`, answers.
    async fn upload(
        &self,
        public_id: &PublicId,
        picture: Picture,
        display: &Transformation,
    ) -> Result<Hosted, MediaHostError>;

    /// Deletes what `public_id` names. Repeatable: `false` says that there was nothing.
    async fn destroy(&self, public_id: &PublicId, resource_type: ResourceType) -> Result<bool, MediaHostError>;

    /// Whether `public_id` names an image.
    async fn exists(&self, public_id: &PublicId) -> Result<bool, MediaHostError>;

    /// The address for the picture behind `url`, one of this host's, with another transformation; `None` when `url` is
    /// not this host's.
    fn with_transformation(&self, url: &str, transformation: &Transformation) -> Option<String>;
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
    /// It failed.
    #[error("the media host failed: {0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}
