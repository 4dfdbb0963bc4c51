//! A Cloudinary account beside visage's own store: one of them gets new pictures, and both are known.
//!
//! Pictures that came before the account did, or while it could not be reached, go on being served by the own store; and
//! what is destroyed is destroyed in both, because a picture may be in either.

use std::sync::Arc;

use async_trait::async_trait;
use visage_cloudinary::{PublicId, ResourceType, Transformation};

use super::{BreakerState, Hosted, MediaHost, MediaHostError, Picture};

/// Two hosts as one.
#[derive(Debug)]
pub struct Paired {
    /// Gets new pictures.
    pub first: Arc<dyn MediaHost>,
    /// Has older ones.
    pub second: Arc<dyn MediaHost>,
}

#[async_trait]
impl MediaHost for Paired {
    async fn upload(
        &self,
        public_id: &PublicId,
        picture: Picture,
        display: &Transformation,
    ) -> Result<Hosted, MediaHostError> {
        self.first.upload(public_id, picture, display).await
    }

    async fn destroy(&self, public_id: &PublicId, resource_type: ResourceType) -> Result<bool, MediaHostError> {
        let second = self.second.destroy(public_id, resource_type).await?;
        let first = self.first.destroy(public_id, resource_type).await?;
        Ok(first || second)
    }

    async fn exists(&self, public_id: &PublicId) -> Result<bool, MediaHostError> {
        Ok(self.second.exists(public_id).await? || self.first.exists(public_id).await?)
    }

    fn with_transformation(&self, url: &str, transformation: &Transformation) -> Option<String> {
        self.first
            .with_transformation(url, transformation)
            .or_else(|| self.second.with_transformation(url, transformation))
    }

    fn serves(&self, url: &str, public_id: &PublicId) -> bool {
        self.first.serves(url, public_id) || self.second.serves(url, public_id)
    }

    fn breaker(&self) -> Option<BreakerState> {
        self.first.breaker().or_else(|| self.second.breaker())
    }
}
