//! The bytes of an image: from the hot cache, from a stored blob, or rendered now.

use std::sync::Arc;

use visage_cloudinary::{ImageFormat, Recipe, ResolvedTransformation};
use visage_image::RENDERER_VERSION;
use visage_store::{Asset, BlobError, BlobKey, DerivedFacts, DerivedKey, Sha256};

use super::super::options::Eager;
use super::super::surroundings::{Job, Surroundings};
use super::super::{Image, ImageKey, Library};
use super::{DeliverError, image_facts};
use crate::permits::{Requester, WorkError};
use crate::rate_limit::TooManyRenders;
use crate::shares::Client;
use crate::single_flight::Lost;

/// Larger derived images are not stored: nobody shows them to people, and a stranger could fill the disk with them.
const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;

/// An image to deliver, and what decides about it.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// As it was asked for.
    pub(super) asked: Eager,
    pub(super) resolved: ResolvedTransformation,
    surroundings: Surroundings,
    /// The stranger who asks; `None` when it is a member, or the holder of an API key.
    stranger: Option<Client>,
    /// What names the derived image; `None` for the original itself.
    pub(super) recipe: Option<Recipe>,
}

impl Wanted {
    pub(super) fn new(asked: Eager, resolved: ResolvedTransformation, surroundings: Surroundings) -> Self {
        let is_made = !resolved.is_original();
        let recipe = is_made.then(|| resolved.recipe(RENDERER_VERSION, surroundings.beside()));
        Self {
            asked,
            resolved,
            surroundings,
            stranger: None,
            recipe,
        }
    }

    /// The same, asked for by a stranger.
    pub(super) fn by_stranger(self, stranger: Client) -> Self {
        Self {
            stranger: Some(stranger),
            ..self
        }
    }

    fn requester(&self) -> Requester {
        match self.stranger {
            Some(_) => Requester::Stranger,
            None => Requester::Known,
        }
    }

    fn check_limit(&self, library: &Library) -> Result<(), TooManyRenders> {
        self.stranger
            .map_or(Ok(()), |client| library.render_limit.check(client))
    }
}

pub(super) async fn image(library: &Arc<Library>, asset: &Asset, wanted: &Wanted) -> Result<Image, DeliverError> {
    let key: ImageKey = (asset.upload.id, wanted.recipe.clone());
    if let Some(image) = library.hot.get(&key) {
        metrics::counter!("visage_delivered_from", "source" => "memory").increment(1);
        return Ok(image);
    }
    let lookup = {
        let (library, asset, wanted, key) = (Arc::clone(library), asset.clone(), wanted.clone(), key.clone());
        async move { find(&library, &asset, &wanted, key).await.map_err(Arc::new) }
    };
    if let Some(image) = landed(library.lookups.join(key.clone(), lookup).await)? {
        return Ok(image);
    }
    wanted.check_limit(library)?;
    let render = {
        let (library, asset, wanted, key) = (Arc::clone(library), asset.clone(), wanted.clone(), key.clone());
        async move { make(&library, &asset, &wanted, key).await.map_err(Arc::new) }
    };
    landed(library.renders.join((key, wanted.requester()), render).await)
}

fn landed<T>(flight: Result<Result<T, Arc<DeliverError>>, Lost>) -> Result<T, DeliverError> {
    match flight {
        Ok(Ok(landed)) => Ok(landed),
        Ok(Err(error)) => Err(DeliverError::Shared(error)),
        Err(Lost) => Err(WorkError::Panicked.into()),
    }
}

/// The image, unless it must be rendered.
async fn find(library: &Library, asset: &Asset, wanted: &Wanted, key: ImageKey) -> Result<Option<Image>, DeliverError> {
    let image = match &key.1 {
        None => {
            let bytes = original(library, asset).await?;
            let facts = asset.upload.facts.image().ok_or(DeliverError::NotAnImage)?;
            Some(Image {
                bytes,
                format: facts.format,
                size: (facts.width, facts.height),
            })
        }
        Some(recipe) => stored(library, asset, recipe, wanted.resolved.format).await?,
    };
    if let Some(image) = &image {
        library.hot.insert(key, image.clone());
    }
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
            let size = (derived.facts.width, derived.facts.height);
            Ok(Some(Image { bytes, format, size }))
        }
        Err(BlobError::Missing(_) | BlobError::Damaged { .. }) => {
            tracing::warn!(upload = %asset.upload.id, recipe = %recipe, "a derived image was lost and is made again");
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}

/// Renders the image, and stores it where there is room.
async fn make(library: &Arc<Library>, asset: &Asset, wanted: &Wanted, key: ImageKey) -> Result<Image, DeliverError> {
    // Another flight may have landed since it was looked for.
    if let Some(image) = library.hot.get(&key) {
        return Ok(image);
    }
    let image = render(library, asset, wanted).await?;
    library.hot.insert(key.clone(), image.clone());
    let Some(recipe) = key.1 else { return Ok(image) };
    let key = DerivedKey { upload: key.0, recipe };
    if image.bytes.len() > MAX_KEPT_BYTES || !library.disk_reserve.has_room_for_derived() {
        return Ok(image);
    }
    // A task of its own: once begun it is finished, also when its client has gone.
    let kept = library.tasks.spawn({
        let (library, image, wanted) = (Arc::clone(library), image.clone(), wanted.clone());
        async move { keep(&library, key, image, wanted).await }
    });
    if let Ok(Err(error)) = kept.await {
        // It may vanish at any time, so it may as well not be kept: a full disk does not stop delivery.
        tracing::warn!(upload = %asset.upload.id, error = %error, "a derived image was not kept");
    }
    Ok(image)
}

async fn render(library: &Arc<Library>, asset: &Asset, wanted: &Wanted) -> Result<Image, DeliverError> {
    let upload = &asset.upload;
    let facts = upload.facts.image().ok_or(DeliverError::NotAnImage)?;
    let (resolved, surroundings) = (wanted.resolved.clone(), wanted.surroundings.clone());
    let job = Job::new(library, resolved, image_facts(facts), surroundings, upload.facts.bytes)?;
    let blobs = library.blobs.clone();
    let (id, sha256, length) = (upload.id, upload.facts.sha256, upload.facts.bytes);
    let runtime = tokio::runtime::Handle::current();
    let rendered = library
        .permits
        .run_for(
            wanted.requester(),
            job.memory_bytes,
            library.render_timeout,
            move |expired| {
                // The original is read under the permit, because the permit is what bounds memory.
                let original = runtime.block_on(blobs.get_original(&id, &sha256, length))?;
                job.run(&original, expired)
            },
        )
        .await??;
    metrics::counter!("visage_delivered_from", "source" => "render").increment(1);
    Ok(Image {
        bytes: rendered.bytes.into(),
        format: rendered.format,
        size: (rendered.width, rendered.height),
    })
}

/// Stores a derived image. Its row comes first: a blob without a row would never be found again.
async fn keep(library: &Library, key: DerivedKey, image: Image, wanted: Wanted) -> Result<(), DeliverError> {
    let max_images = library.derived_limits.per_upload;
    if wanted.stranger.is_some() && library.catalog.count_derived(&key.upload, max_images).await? >= max_images {
        // What is in use stays; the reaper makes room.
        return Ok(());
    }
    let (width, height) = image.size;
    let asked = wanted.asked;
    let facts = DerivedFacts {
        bytes: image.bytes.len() as u64,
        sha256: Sha256::of(&image.bytes),
        format: image.format,
        width,
        height,
        transformation: asked.transformation.to_string(),
        extension: asked.extension,
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
