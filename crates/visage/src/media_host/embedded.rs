//! visage's own store as the media host, in this process.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use visage_cloudinary::signature::DeliverySignature;
use visage_cloudinary::{DeliveryType, DeliveryUrl, PublicId, ResourceType, Transformation};
use visage_store::{Asset, AssetDetails, AssetKey, Media};

use super::{Hosted, HostedFacts, MediaHost, MediaHostError, Picture, PictureFacts};
use crate::library::deliver::DeliverError;
use crate::library::extra::Extra;
use crate::library::upload::{NewUpload, Original, Stored, UploadError};
use crate::library::{Library, deliver, destroy, receive, upload, urls};

/// The embedded media store.
#[derive(Debug)]
pub struct Embedded {
    library: Arc<Library>,
}

impl Embedded {
    /// The host whose pictures are in `library`.
    pub fn new(library: Arc<Library>) -> Self {
        Self { library }
    }

    fn url(&self, asset: &Asset, transformation: &Transformation) -> DeliveryUrl {
        let key = &asset.key;
        let url = DeliveryUrl::new(
            &self.library.cloud_name,
            key.resource_type,
            key.delivery_type,
            &key.public_id,
        );
        let url = url
            .with_transformation(transformation.clone())
            .with_version(asset.version);
        match asset.upload.facts.image().and_then(|_| urls::needed_extension(asset)) {
            Some(extension) => url.with_extension_text(&extension),
            None => url,
        }
    }

    async fn find(&self, public_id: &PublicId, resource_type: ResourceType) -> Result<Option<Asset>, MediaHostError> {
        Ok(self.library.catalog.find_asset(&key(public_id, resource_type)).await?)
    }

    /// What `url` says, when it may be one of ours.
    fn read(&self, url: &str) -> Option<DeliveryUrl> {
        let library = &self.library;
        let mut addresses = std::iter::once(&library.public_url).chain(&library.public_url_before);
        let path = addresses.find_map(|address| {
            let path = url.strip_prefix(address.as_str())?;
            // What follows the prefix must be a path: `http://host:50` begins `http://host:5000`, too.
            path.starts_with('/').then_some(path)
        });
        DeliveryUrl::parse(path?).ok()
    }

    /// Proves that it can be shown before anybody refers to it: what cannot must not replace what can. A video is not decoded.
    async fn show_once(&self, asset: &Asset, display: &Transformation) -> Result<(), MediaHostError> {
        if asset.upload.facts.image().is_none() {
            return Ok(());
        }
        let shown = deliver::show_once(&self.library, asset, display).await;
        shown.map_err(|error| match error.root() {
            DeliverError::Plan(_) | DeliverError::Image(_) => MediaHostError::Unshowable(error.to_string()),
            _ => MediaHostError::Failed(Box::new(error)),
        })
    }

    /// Where only some transformations are made, a signature allows ours.
    fn write(&self, url: DeliveryUrl) -> String {
        let url = if self.library.strict_transformations {
            url.signed(DeliverySignature::default(), &self.library.api_secret)
        } else {
            url
        };
        format!("{}{}", self.library.public_url, url.path())
    }
}

#[async_trait]
impl MediaHost for Embedded {
    async fn upload(
        &self,
        public_id: &PublicId,
        picture: Picture,
        display: &Transformation,
    ) -> Result<Hosted, MediaHostError> {
        let Picture { bytes, facts, part } = picture;
        let original = Original::Bytes(bytes);
        let hashes = original
            .hashes()
            .await
            .map_err(|error| MediaHostError::Failed(Box::new(error)))?;
        let sha256 = hashes.sha256;
        let folder = public_id.as_str().rsplit_once('/').map(|(folder, _)| folder.to_owned());
        let new = NewUpload {
            key: key(public_id, facts.resource_type()),
            original,
            facts: upload::facts(hashes, media(&facts)),
            overwrite: false,
            details: details(folder.unwrap_or_default(), part),
            asset_id: None,
        };
        let asset = match upload::store(&self.library, new).await? {
            Stored::New { asset, .. } => asset,
            Stored::Existing(asset) if asset.upload.facts.sha256 == sha256 => asset,
            Stored::Existing(_) => return Err(MediaHostError::Rejected("the public id is taken already".to_owned())),
        };
        self.show_once(&asset, display).await?;
        Ok(Hosted {
            public_id: public_id.clone(),
            url: self.write(facts.complete(self.url(&asset, display))),
        })
    }

    async fn destroy(&self, public_id: &PublicId, resource_type: ResourceType) -> Result<bool, MediaHostError> {
        let destroyed = destroy::destroy(&self.library, &key(public_id, resource_type)).await?;
        Ok(destroyed.is_some())
    }

    async fn exists(&self, public_id: &PublicId, resource_type: ResourceType) -> Result<bool, MediaHostError> {
        Ok(self.find(public_id, resource_type).await?.is_some())
    }

    async fn original(
        &self,
        _url: &str,
        public_id: &PublicId,
        resource_type: ResourceType,
    ) -> Result<Option<Bytes>, MediaHostError> {
        let Some(asset) = self.find(public_id, resource_type).await? else {
            return Ok(None);
        };
        let (upload, facts) = (&asset.upload.id, &asset.upload.facts);
        let read = self
            .library
            .blobs
            .get_original(upload, &facts.sha256, facts.bytes)
            .await;
        read.map(Some).map_err(|error| MediaHostError::Failed(Box::new(error)))
    }

    fn with_transformation(&self, url: &str, transformation: &Transformation) -> Option<String> {
        let url = self.read(url)?;
        Some(self.write(url.with_transformation(transformation.clone())))
    }

    fn transformation(&self, url: &str) -> Option<Transformation> {
        self.read(url).map(|url| url.transformation)
    }

    async fn facts(&self, _url: &str, public_id: &PublicId) -> Result<Option<HostedFacts>, MediaHostError> {
        let asset = self.find(public_id, ResourceType::Image).await?;
        Ok(asset.and_then(|asset| {
            let facts = &asset.upload.facts;
            let image = facts.image()?;
            Some(HostedFacts {
                width: image.width,
                height: image.height,
                bytes: facts.bytes,
                format: image.format.extension().to_owned(),
                faces: image.faces.clone(),
            })
        }))
    }

    async fn show_otherwise(
        &self,
        _url: &str,
        public_id: &PublicId,
        display: &Transformation,
        part: [u32; 4],
    ) -> Result<String, MediaHostError> {
        let asset = self.find(public_id, ResourceType::Image).await?.ok_or_else(missing)?;
        self.show_once(&asset, display).await?;
        let edit = Box::new(move |details: &mut AssetDetails| keep_part(details, part));
        let edited = self
            .library
            .catalog
            .edit_asset(&asset.id, edit, self.library.clock.now());
        let asset = edited.await?.ok_or_else(missing)?.asset;
        Ok(self.write(self.url(&asset, display)))
    }

    fn serves(&self, url: &str, public_id: &PublicId, resource_type: ResourceType) -> bool {
        self.read(url)
            .is_some_and(|url| url.cloud == self.library.cloud_name && super::names(&url, public_id, resource_type))
    }
}

fn details(asset_folder: String, part: Option<[u32; 4]>) -> AssetDetails {
    let mut details = AssetDetails {
        asset_folder,
        ..AssetDetails::default()
    };
    if let Some(part) = part {
        keep_part(&mut details, part);
    }
    details
}

fn keep_part(details: &mut AssetDetails, part: [u32; 4]) {
    let mut extra = Extra::of(details);
    extra.custom_coordinates = Some(vec![part]);
    extra.keep_in(details);
}

fn missing() -> MediaHostError {
    MediaHostError::Failed("the picture is missing".into())
}

fn key(public_id: &PublicId, resource_type: ResourceType) -> AssetKey {
    AssetKey {
        resource_type,
        delivery_type: DeliveryType::Upload,
        public_id: public_id.clone(),
    }
}

fn media(facts: &PictureFacts) -> Media {
    match facts {
        PictureFacts::Image(facts) => Media::Image(receive::image_facts(facts)),
        PictureFacts::Video(facts) => Media::Video(receive::video_facts(facts.clone())),
    }
}

impl From<UploadError> for MediaHostError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::NoSpace => Self::NoSpace,
            other => Self::Failed(Box::new(other)),
        }
    }
}

impl From<visage_store::StoreError> for MediaHostError {
    fn from(error: visage_store::StoreError) -> Self {
        match error {
            visage_store::StoreError::NoSpace(_) => Self::NoSpace,
            other => Self::Failed(Box::new(other)),
        }
    }
}
