//! Delivers an image: from the hot cache, from a stored blob, or rendered now.

use std::sync::Arc;

use visage_cloudinary::{
    DeliveryType, DeliveryUrl, ImageFormat, Recipe, RequestFacts, ResolvedTransformation, ResourceType, SourceFacts,
    Transformation,
};
use visage_image::{ImageError, PlanError, RENDERER_VERSION};
use visage_store::{Asset, AssetKey, BlobError, BlobKey, DerivedFacts, DerivedKey, Sha256, StoreError, UploadFacts};

use super::{Image, ImageKey, Library};
use crate::permits::WorkError;

/// Larger derived images are not stored: nobody shows them to people, and a stranger could fill the disk with them.
const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;

/// What an image is answered with.
#[derive(Debug)]
pub struct Delivery {
    /// Names these bytes for ever: `"{upload}-{recipe}"`.
    pub etag: String,
    /// Whether the URL carries the current version, so that the answer may be kept for ever.
    pub is_current_version: bool,
    /// Whether the answer depends on the request's `Accept`.
    pub varies_by_accept: bool,
    /// When the upload was made.
    pub last_modified: jiff::Timestamp,
    /// The format.
    pub format: ImageFormat,
    /// Whether these are the stored bytes, of which ranges are served.
    pub is_original: bool,
    /// The bytes; `None` when the client has them already.
    pub image: Option<Image>,
}

/// Why an image was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// No such asset, or one that images cannot be made of.
    #[error("Resource not found - {0}")]
    NotFound(String),
    /// The URL carries a signature, and it is not ours.
    #[error("Invalid signature in URL")]
    WrongSignature,
    /// The transformation does not fit the image.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The image cannot be decoded or encoded.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Too much work, or the work failed.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// The catalog failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored bytes are missing or damaged.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// Another request's work on the same image failed.
    #[error("{0}")]
    Shared(Arc<DeliverError>),
}

impl DeliverError {
    /// The error itself, whoever's work it came from.
    pub fn root(&self) -> &Self {
        match self {
            Self::Shared(inner) => inner.root(),
            other => other,
        }
    }
}

/// Answers `url` for a client that sent `request` and has the images named by `have` (an `If-None-Match` value).
///
/// # Errors
/// See [`DeliverError`].
pub async fn deliver(
    library: &Arc<Library>,
    url: &DeliveryUrl,
    request: RequestFacts,
    have: Option<&str>,
) -> Result<Delivery, DeliverError> {
    // Public images need no signature; one that is wrong was made with another secret or for another URL.
    if url.signature.is_some() && !url.is_signed(&library.api_secret) {
        return Err(DeliverError::WrongSignature);
    }
    let (asset, extension) = find(library, url).await?;
    let source = source_facts(&asset.upload.facts);
    let resolved = url.transformation.resolve(request, source, extension);
    let recipe = recipe(&resolved);
    let etag = match &recipe {
        None => format!("\"{}\"", asset.upload.id),
        Some(recipe) => format!("\"{}-{recipe}\"", asset.upload.id),
    };
    let has_it = have.is_some_and(|have| names(have, &etag));
    let image = if has_it {
        None
    } else {
        Some(image(library, &asset, &resolved, recipe.clone()).await?)
    };
    Ok(Delivery {
        etag,
        is_current_version: url.version == Some(asset.version),
        varies_by_accept: resolved.varies_by_accept,
        last_modified: asset.upload.created_at,
        format: resolved.format,
        is_original: recipe.is_none(),
        image,
    })
}

/// Renders `transformation` of `asset` as a current browser will ask for it. This proves that the stored picture can be
/// shown, and the first page view finds it made. When the machine is too busy it is left for that view.
///
/// # Errors
/// When this picture can never be shown so.
pub async fn show_once(
    library: &Arc<Library>,
    asset: &Asset,
    transformation: &Transformation,
) -> Result<(), DeliverError> {
    let source = source_facts(&asset.upload.facts);
    let browser = RequestFacts {
        accepts_avif: true,
        accepts_webp: true,
    };
    let resolved = transformation.resolve(browser, source, None);
    let Some(recipe) = recipe(&resolved) else { return Ok(()) };
    match image(library, asset, &resolved, Some(recipe)).await {
        Err(error) if matches!(error.root(), DeliverError::Work(WorkError::Overloaded)) => {
            tracing::warn!(asset.public_id = %asset.key.public_id, "too busy to render ahead");
            Ok(())
        }
        result => result.map(drop),
    }
}

/// What names the derived image; `None` for the original itself.
fn recipe(resolved: &ResolvedTransformation) -> Option<Recipe> {
    (!resolved.is_original()).then(|| resolved.recipe(RENDERER_VERSION))
}

/// The asset that `url` means and the format its extension asks for.
async fn find(library: &Library, url: &DeliveryUrl) -> Result<(Asset, Option<ImageFormat>), DeliverError> {
    let not_found = || DeliverError::NotFound(url.source.clone());
    if url.cloud != library.cloud_name
        || url.resource_type != ResourceType::Image
        || url.delivery_type != DeliveryType::Upload
    {
        return Err(not_found());
    }
    for candidate in url.candidates() {
        let (resource_type, delivery_type) = (url.resource_type, url.delivery_type);
        let key = AssetKey {
            resource_type,
            delivery_type,
            public_id: candidate.public_id,
        };
        if let Some(asset) = library.catalog.find_asset(&key).await? {
            return Ok((asset, candidate.format));
        }
    }
    Err(not_found())
}

async fn image(
    library: &Arc<Library>,
    asset: &Asset,
    resolved: &ResolvedTransformation,
    recipe: Option<Recipe>,
) -> Result<Image, DeliverError> {
    let key: ImageKey = (asset.upload.id, recipe);
    if let Some(image) = library.hot.get(&key) {
        metrics::counter!("visage_delivered_from", "source" => "memory").increment(1);
        return Ok(image);
    }
    let flight = {
        let (library, asset, resolved, key) = (Arc::clone(library), asset.clone(), resolved.clone(), key.clone());
        async move { fetch_or_make(&library, &asset, &resolved, key).await.map_err(Arc::new) }
    };
    match library.flights.join(key, flight).await {
        Ok(Ok(image)) => Ok(image),
        Ok(Err(error)) => Err(DeliverError::Shared(error)),
        Err(_lost) => Err(WorkError::Panicked.into()),
    }
}

async fn fetch_or_make(
    library: &Arc<Library>,
    asset: &Asset,
    resolved: &ResolvedTransformation,
    key: ImageKey,
) -> Result<Image, DeliverError> {
    let image = match &key.1 {
        None => {
            let bytes = original(library, asset).await?;
            Image {
                bytes,
                format: asset.upload.facts.format,
            }
        }
        Some(recipe) => match stored(library, asset, recipe, resolved.format).await? {
            Some(image) => image,
            None => make(library, asset, resolved, recipe).await?,
        },
    };
    library.hot.insert(key, image.clone());
    Ok(image)
}

async fn original(library: &Library, asset: &Asset) -> Result<bytes::Bytes, DeliverError> {
    let facts = &asset.upload.facts;
    Ok(library
        .blobs
        .get_original(&asset.upload.id, &facts.sha256, facts.bytes)
        .await?)
}

/// The derived blob, if there is a good one. A damaged one counts as absent: it can be made again.
async fn stored(
    library: &Library,
    asset: &Asset,
    recipe: &Recipe,
    format: ImageFormat,
) -> Result<Option<Image>, DeliverError> {
    let key = DerivedKey {
        upload: asset.upload.id,
        recipe: recipe.clone(),
    };
    let Some(derived) = library.catalog.find_derived(&key).await? else {
        return Ok(None);
    };
    match library
        .blobs
        .get_derived(&key.upload, recipe, &derived.facts.sha256, derived.facts.bytes)
        .await
    {
        Ok(bytes) => {
            metrics::counter!("visage_delivered_from", "source" => "disk").increment(1);
            let now = library.clock.now();
            if now.duration_since(derived.used_at) > jiff::SignedDuration::from_hours(1) {
                library.catalog.touch_derived(&key, now).await?;
            }
            Ok(Some(Image { bytes, format }))
        }
        Err(BlobError::Missing(_) | BlobError::Damaged { .. }) => {
            tracing::warn!(upload = %asset.upload.id, recipe = %recipe, "a derived image was lost and is made again");
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}

async fn make(
    library: &Arc<Library>,
    asset: &Asset,
    resolved: &ResolvedTransformation,
    recipe: &Recipe,
) -> Result<Image, DeliverError> {
    let upload = &asset.upload;
    let plan = visage_image::plan_resolved(resolved, &image_facts(&upload.facts), &library.limits)?;
    let memory_bytes = plan.memory_bytes(upload.facts.bytes);
    let (blobs, limits) = (library.blobs.clone(), library.limits.clone());
    let (id, sha256, length) = (upload.id, upload.facts.sha256, upload.facts.bytes);
    let runtime = tokio::runtime::Handle::current();
    let rendered = library
        .permits
        .run(memory_bytes, library.render_timeout, move |expired| {
            // The original is read under the permit, because the permit is what bounds memory.
            let original = runtime.block_on(blobs.get_original(&id, &sha256, length))?;
            Ok::<_, DeliverError>(visage_image::render(&original, &plan, &limits, expired)?)
        })
        .await??;
    metrics::counter!("visage_delivered_from", "source" => "render").increment(1);
    let image = Image {
        bytes: rendered.bytes.into(),
        format: rendered.format,
    };
    if image.bytes.len() > MAX_KEPT_BYTES || !library.has_room() {
        return Ok(image);
    }
    // A task of its own: once begun it is finished, also when nobody waits for the image any more.
    let kept = library.tasks.spawn({
        let key = DerivedKey {
            upload: upload.id,
            recipe: recipe.clone(),
        };
        let (library, image) = (Arc::clone(library), image.clone());
        async move { keep(&library, key, image, (rendered.width, rendered.height)).await }
    });
    if let Ok(Err(error)) = kept.await {
        // It may vanish at any time, so it may as well not be kept: a full disk does not stop delivery.
        tracing::warn!(upload = %upload.id, error = %error, "a derived image was not kept");
    }
    Ok(image)
}

/// Stores a derived image. Its row comes first: a blob without a row would never be found again.
async fn keep(
    library: &Library,
    key: DerivedKey,
    image: Image,
    (width, height): (u32, u32),
) -> Result<(), DeliverError> {
    let facts = DerivedFacts {
        bytes: image.bytes.len() as u64,
        sha256: Sha256::of(&image.bytes),
        format: image.format,
        width,
        height,
    };
    let (catalog, blobs) = (&library.catalog, &library.blobs);
    if !catalog.record_derived(&key, &facts, library.clock.now()).await? {
        return Ok(());
    }
    blobs.put_derived(&key.upload, &key.recipe, image.bytes).await?;
    if catalog.find_derived(&key).await?.is_none() {
        // The upload was purged, or the room was needed, while this was written.
        blobs.delete(&BlobKey::Derived(key.upload, key.recipe)).await?;
    }
    Ok(())
}

fn source_facts(facts: &UploadFacts) -> SourceFacts {
    SourceFacts {
        format: facts.format,
        has_alpha: facts.has_alpha,
    }
}

/// The facts of a stored upload in the terms of the image crate.
fn image_facts(facts: &UploadFacts) -> visage_image::Facts {
    visage_image::Facts {
        format: facts.format,
        width: facts.width,
        height: facts.height,
        orientation: visage_image::Orientation::from_exif(u16::from(facts.orientation)),
        frames: facts.frames,
        has_alpha: facts.has_alpha,
    }
}

/// Whether the `If-None-Match` value `have` names `etag` (RFC 9110, 13.1.2: weak comparison).
fn names(have: &str, etag: &str) -> bool {
    have.split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn if_none_match_is_a_list_of_weak_or_strong_tags() {
        for (have, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("", false),
        ] {
            assert_eq!(names(have, "\"a\""), expected, "{have}");
        }
    }
}
