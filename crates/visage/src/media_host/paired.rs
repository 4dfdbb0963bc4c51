//! A Cloudinary account beside visage's own store: one of them gets new pictures, and both are known.
//!
//! Pictures that came before the account did, or while it could not be reached, go on being served by the own store; and
//! what is destroyed is destroyed in both, because a picture may be in either.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use visage_cloudinary::{PublicId, ResourceType, Transformation};
use visage_store::Directory;

use super::{BreakerState, Hosted, HostedFacts, MediaHost, MediaHostError, Picture};
use crate::clock::Clock;
use crate::crash;

/// Two hosts as one.
#[derive(Debug)]
pub struct Paired {
    /// Gets new pictures.
    pub first: Arc<dyn MediaHost>,
    /// Has older ones.
    pub second: Arc<dyn MediaHost>,
    /// Set: the second takes new pictures in while the first cannot be reached.
    pub take_in: Option<TakeIn>,
}

/// How pictures are taken in.
#[derive(Debug)]
pub struct TakeIn {
    /// Notes them, for the mover.
    pub directory: Arc<dyn Directory>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// How long an upload waits for the first host.
    pub patience: Duration,
}

impl TakeIn {
    /// Uploads to `first`, or to `second` when the first does not do it in time. A picture that the first has looked at and
    /// does not want is not taken in: it would not be wanted later, either.
    async fn upload(
        &self,
        [first, second]: [&dyn MediaHost; 2],
        public_id: &PublicId,
        picture: Picture,
        display: &Transformation,
    ) -> Result<Hosted, MediaHostError> {
        let resource_type = picture.facts.resource_type();
        let upload = first.upload(public_id, picture.clone(), display);
        let answered = tokio::time::timeout(self.patience, upload).await;
        let outage = match answered.unwrap_or(Err(MediaHostError::TimedOut)) {
            Ok(hosted) => return Ok(hosted),
            Err(error @ (MediaHostError::Rejected(_) | MediaHostError::Unshowable(_))) => return Err(error),
            Err(error) => error,
        };
        tracing::warn!(asset.public_id = %public_id, error = %outage, "taken in until the account is back");
        metrics::counter!("visage_taken_in_pictures").increment(1);
        let now = self.clock.now();
        self.directory.take_in(public_id, resource_type, now).await?;
        crash::point("taking-in-noted").await;
        let taken_in = second.upload(public_id, picture, display).await;
        // Then the exchange fails; whether it is certain that nothing is left of it, is for the first host to say.
        taken_in.map_err(|error| if outage.may_be_done() { outage } else { error })
    }
}

impl Paired {
    /// The host that `url` is of, and the other.
    fn nearest(&self, url: &str, public_id: &PublicId, resource_type: ResourceType) -> [&dyn MediaHost; 2] {
        let (first, second) = (self.first.as_ref(), self.second.as_ref());
        if first.serves(url, public_id, resource_type) {
            [first, second]
        } else {
            [second, first]
        }
    }
}

#[async_trait]
impl MediaHost for Paired {
    async fn upload(
        &self,
        public_id: &PublicId,
        picture: Picture,
        display: &Transformation,
    ) -> Result<Hosted, MediaHostError> {
        let (first, second) = (self.first.as_ref(), self.second.as_ref());
        match &self.take_in {
            Some(take_in) => take_in.upload([first, second], public_id, picture, display).await,
            None => first.upload(public_id, picture, display).await,
        }
    }

    async fn destroy(&self, public_id: &PublicId, resource_type: ResourceType) -> Result<bool, MediaHostError> {
        let second = self.second.destroy(public_id, resource_type).await?;
        let first = self.first.destroy(public_id, resource_type).await?;
        Ok(first || second)
    }

    async fn exists(&self, public_id: &PublicId, resource_type: ResourceType) -> Result<bool, MediaHostError> {
        let (first, second) = (&self.first, &self.second);
        Ok(second.exists(public_id, resource_type).await? || first.exists(public_id, resource_type).await?)
    }

    async fn original(
        &self,
        url: &str,
        public_id: &PublicId,
        resource_type: ResourceType,
    ) -> Result<Option<Bytes>, MediaHostError> {
        let [near, far] = self.nearest(url, public_id, resource_type);
        match near.original(url, public_id, resource_type).await? {
            None => far.original(url, public_id, resource_type).await,
            found => Ok(found),
        }
    }

    fn with_transformation(&self, url: &str, transformation: &Transformation) -> Option<String> {
        self.first
            .with_transformation(url, transformation)
            .or_else(|| self.second.with_transformation(url, transformation))
    }

    fn transformation(&self, url: &str) -> Option<Transformation> {
        self.first
            .transformation(url)
            .or_else(|| self.second.transformation(url))
    }

    async fn facts(&self, url: &str, public_id: &PublicId) -> Result<Option<HostedFacts>, MediaHostError> {
        let [near, _far] = self.nearest(url, public_id, ResourceType::Image);
        near.facts(url, public_id).await
    }

    async fn show_otherwise(
        &self,
        url: &str,
        public_id: &PublicId,
        display: &Transformation,
        part: [u32; 4],
    ) -> Result<String, MediaHostError> {
        let [near, _far] = self.nearest(url, public_id, ResourceType::Image);
        near.show_otherwise(url, public_id, display, part).await
    }

    fn serves(&self, url: &str, public_id: &PublicId, resource_type: ResourceType) -> bool {
        self.first.serves(url, public_id, resource_type) || self.second.serves(url, public_id, resource_type)
    }

    fn breaker(&self) -> Option<BreakerState> {
        self.first.breaker().or_else(|| self.second.breaker())
    }
}
