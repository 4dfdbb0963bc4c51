//! Finds what a URL means.

use visage_cloudinary::{DeliveryType, DeliveryUrl, ImageFormat, PublicId, ResourceType};
use visage_store::{Asset, AssetKey};

use super::super::Library;
use super::super::access::{Grant, ReadOf, Reader, Refusal, may_read};
use super::DeliverError;

/// What a URL leads to.
pub(super) struct Found<'a> {
    pub(super) asset: Asset,
    /// Who asks for this asset.
    pub(super) reader: Reader<'a>,
    /// That something may be made of it.
    pub(super) grant: Grant,
    /// The format that its extension asks for.
    pub(super) extension: Option<ImageFormat>,
    /// The error that the default image hides.
    pub(super) in_place_of: Option<String>,
}

/// The asset that `url` means, or the default image that it names for the case that there is none; that the reader may see
/// what is made of it. What the reader may not see of a default image is missing.
pub(super) async fn find_or_default<'a>(
    library: &Library,
    url: &DeliveryUrl,
    reader: Reader<'a>,
) -> Result<Found<'a>, DeliverError> {
    let missing = match find(library, url, &reader).await {
        Err(DeliverError::NotFound(source)) => DeliverError::NotFound(source),
        other => return other,
    };
    let Some(default) = url
        .transformation
        .default_image()
        .filter(|_| url.cloud == library.cloud_name)
    else {
        return Err(missing);
    };
    let key = default_key(&default.public_id);
    let Some(asset) = library.catalog.find_asset(&key).await? else {
        return Err(missing);
    };
    let reader = reader.of_asset(&library.cloud_name, &key);
    let Ok(grant) = may_read(&asset, &reader, ReadOf::Derived) else {
        return Err(missing);
    };
    Ok(Found {
        asset,
        reader,
        grant,
        extension: default.format,
        in_place_of: Some(missing.to_string()),
    })
}

async fn find<'a>(library: &Library, url: &DeliveryUrl, reader: &Reader<'a>) -> Result<Found<'a>, DeliverError> {
    let not_found = || DeliverError::NotFound(url.source.clone());
    if url.cloud != library.cloud_name {
        return Err(not_found());
    }
    for candidate in url.candidates() {
        let (resource_type, delivery_type) = (url.resource_type, url.delivery_type);
        let key = AssetKey {
            resource_type,
            delivery_type,
            public_id: candidate.public_id,
        };
        let Some(asset) = library.catalog.find_asset(&key).await? else {
            continue;
        };
        return match may_read(&asset, reader, ReadOf::Derived) {
            Ok(grant) => Ok(Found {
                asset,
                reader: reader.clone(),
                grant,
                extension: candidate.format,
                in_place_of: None,
            }),
            Err(Refusal::Rejected) => Err(not_found()),
            Err(Refusal::Denied) => Err(DeliverError::Denied),
        };
    }
    Err(not_found())
}

fn default_key(public_id: &PublicId) -> AssetKey {
    AssetKey {
        resource_type: ResourceType::Image,
        delivery_type: DeliveryType::Upload,
        public_id: public_id.clone(),
    }
}

/// Everything that is looked up to find what `url` means: what it leads to changes only when one of these does.
pub fn keys(url: &DeliveryUrl) -> Vec<AssetKey> {
    let (resource_type, delivery_type) = (url.resource_type, url.delivery_type);
    let named = url.candidates().into_iter().map(|candidate| AssetKey {
        resource_type,
        delivery_type,
        public_id: candidate.public_id,
    });
    let default = url
        .transformation
        .default_image()
        .map(|default| default_key(&default.public_id));
    named.chain(default).collect()
}
