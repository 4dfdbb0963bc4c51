//! A media host around which something happens.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use visage::media_host::{Hosted, HostedFacts, MediaHost, MediaHostError, Picture};
use visage_cloudinary::{PublicId, ResourceType, Transformation};

/// What happens. An error is what the host answers.
#[async_trait]
pub(crate) trait Hooks: Send + Sync + fmt::Debug {
    async fn before_upload(&self) -> Result<(), MediaHostError> {
        Ok(())
    }

    async fn after_upload(&self, _id: &PublicId) -> Result<(), MediaHostError> {
        Ok(())
    }

    async fn before_destroy(&self, _id: &PublicId) -> Result<(), MediaHostError> {
        Ok(())
    }

    async fn before_exists(&self) -> Result<(), MediaHostError> {
        Ok(())
    }

    /// What is given back in the place of every original.
    fn forgery(&self) -> Option<Bytes> {
        None
    }
}

/// The host, and what happens around it.
#[derive(Debug)]
pub(crate) struct Hooked<H> {
    inner: Arc<dyn MediaHost>,
    hooks: H,
}

impl<H: Hooks + 'static> Hooked<H> {
    pub(crate) fn around(inner: &Arc<dyn MediaHost>, hooks: H) -> Arc<dyn MediaHost> {
        let inner = Arc::clone(inner);
        Arc::new(Self { inner, hooks })
    }
}

#[async_trait]
impl<H: Hooks> MediaHost for Hooked<H> {
    async fn upload(&self, id: &PublicId, p: Picture, display: &Transformation) -> Result<Hosted, MediaHostError> {
        self.hooks.before_upload().await?;
        let hosted = self.inner.upload(id, p, display).await?;
        self.hooks.after_upload(id).await?;
        Ok(hosted)
    }

    async fn destroy(&self, id: &PublicId, kind: ResourceType) -> Result<bool, MediaHostError> {
        self.hooks.before_destroy(id).await?;
        self.inner.destroy(id, kind).await
    }

    async fn exists(&self, id: &PublicId, kind: ResourceType) -> Result<bool, MediaHostError> {
        self.hooks.before_exists().await?;
        self.inner.exists(id, kind).await
    }

    async fn original(&self, url: &str, id: &PublicId, kind: ResourceType) -> Result<Option<Bytes>, MediaHostError> {
        match self.hooks.forgery() {
            Some(forgery) => Ok(Some(forgery)),
            None => self.inner.original(url, id, kind).await,
        }
    }

    fn with_transformation(&self, url: &str, transformation: &Transformation) -> Option<String> {
        self.inner.with_transformation(url, transformation)
    }

    fn transformation(&self, url: &str) -> Option<Transformation> {
        self.inner.transformation(url)
    }

    async fn facts(&self, url: &str, id: &PublicId) -> Result<Option<HostedFacts>, MediaHostError> {
        self.inner.facts(url, id).await
    }

    async fn show_otherwise(
        &self,
        url: &str,
        id: &PublicId,
        display: &Transformation,
        part: [u32; 4],
    ) -> Result<String, MediaHostError> {
        self.inner.show_otherwise(url, id, display, part).await
    }

    fn serves(&self, url: &str, id: &PublicId, kind: ResourceType) -> bool {
        self.inner.serves(url, id, kind)
    }
}
