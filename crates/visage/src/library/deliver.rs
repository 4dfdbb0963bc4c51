//! Delivers an asset: an image from the hot cache, from a stored blob, or rendered now; any other file as it is.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use visage_cloudinary::signature::verify_auth_token;
use visage_cloudinary::{
    DeliveryType, DeliveryUrl, ImageFormat, Recipe, RequestFacts, ResolvedTransformation, ResourceType, SourceFacts,
    Transformation, TransformationError,
};
use visage_image::{ImageError, PlanError, RENDERER_VERSION};
use visage_store::{
    Asset, AssetKey, BlobError, BlobKey, DerivedFacts, DerivedKey, ImageFacts, Media, Sha256, StoreError, UploadFacts,
};

use super::access::{self, Access};
use super::extra::Extra;
use super::options::Eager;
use super::{Image, ImageKey, Library, named, urls};
use crate::permits::WorkError;

/// Larger derived images are not stored: nobody shows them to people, and a stranger could fill the disk with them.
const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;

/// Who asks, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    /// What the client accepts.
    pub facts: RequestFacts,
    /// The value of `If-None-Match`.
    pub have: Option<&'a str>,
    /// The token for protected assets, from the query or from a cookie.
    pub token: Option<&'a str>,
    /// The path that was asked for, as it was received.
    pub path: &'a str,
    /// Where the request comes from.
    pub address: Option<IpAddr>,
}

/// What an asset is answered with.
#[derive(Debug)]
pub struct Delivery {
    /// Names these bytes for ever: `"{upload}-{recipe}"`.
    pub etag: String,
    /// Whether the URL carries the current version, so that the answer may be kept for ever.
    pub is_current_version: bool,
    /// Whether only this client may keep the answer.
    pub is_private: bool,
    /// Whether the answer depends on the request's `Accept`.
    pub varies_by_accept: bool,
    /// When the upload was made.
    pub last_modified: jiff::Timestamp,
    /// The `Content-Type`.
    pub media_type: &'static str,
    /// The file name to save it under, where that was asked for.
    pub attachment: Option<String>,
    /// Headers that the asset was uploaded with, one to a line.
    pub headers: Option<String>,
    /// What was missing, when this is the default image in its place.
    pub in_place_of: Option<String>,
    /// The bytes; `None` when the client has them already.
    pub content: Option<Content>,
}

/// The bytes of an answer.
#[derive(Debug)]
pub enum Content {
    /// Something made of an image.
    Derived(Bytes),
    /// An image as it is stored.
    Original(Bytes),
    /// Any other file as it is stored; it may be too large for memory.
    File {
        /// Where it is.
        upload: visage_store::UploadId,
        /// What it is.
        facts: Box<UploadFacts>,
    },
}

/// Something made of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Its size.
    pub bytes: u64,
    /// Its format.
    pub format: ImageFormat,
}

/// Why an asset was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// No such asset, or one that images cannot be made of.
    #[error("Resource not found - {0}")]
    NotFound(String),
    /// The URL carries a signature, and it is not ours.
    #[error("Invalid signature in URL")]
    WrongSignature,
    /// The asset is protected, and the request has nothing that opens it.
    #[error("deny or ACL failure")]
    Denied,
    /// Only some transformations are made here, and this is none of them.
    #[error("Transformation {0} is not allowed: it must be signed, named or eager")]
    NotAllowed(String),
    /// The transformation does not mean anything.
    #[error(transparent)]
    Transformation(#[from] TransformationError),
    /// Only of images something can be made.
    #[error("Transformations are supported for images only")]
    NotAnImage,
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

/// Answers `url`.
///
/// # Errors
/// See [`DeliverError`].
pub async fn deliver(
    library: &Arc<Library>,
    url: &DeliveryUrl,
    visitor: Visitor<'_>,
) -> Result<Delivery, DeliverError> {
    // Public images need no signature; one that is wrong was made with another secret or for another URL.
    let is_signed = url.signature.is_some();
    if is_signed && !url.is_signed(&library.api_secret) {
        return Err(DeliverError::WrongSignature);
    }
    let Found {
        asset,
        extension,
        in_place_of,
    } = find_or_default(library, url).await?;
    let is_private = check_access(library, url, &asset, visitor)?;
    let mut delivery = Delivery {
        etag: String::new(),
        is_current_version: url.version == Some(asset.version) && in_place_of.is_none(),
        is_private,
        varies_by_accept: false,
        last_modified: asset.upload.created_at,
        media_type: urls::media_type(&asset),
        attachment: attachment(url, &asset),
        headers: headers(&asset),
        in_place_of,
        content: None,
    };
    match &asset.upload.facts.media {
        Media::Image(facts) => {
            let asked = Eager {
                transformation: url.transformation.clone(),
                extension: extension.map(|format| format.extension().to_owned()),
            };
            let transformation = allowed(library, &asset, &asked, is_signed).await?;
            let resolved = transformation.resolve(visitor.facts, source_facts(facts), extension);
            delivery.varies_by_accept = resolved.varies_by_accept;
            delivery.media_type = resolved.format.media_type();
            answer_image(library, &asset, &asked, &resolved, visitor.have, &mut delivery).await?;
        }
        Media::Video(_) | Media::Raw => answer_file(&asset, url, visitor.have, &mut delivery)?,
    }
    Ok(delivery)
}

async fn answer_image(
    library: &Arc<Library>,
    asset: &Asset,
    asked: &Eager,
    resolved: &ResolvedTransformation,
    have: Option<&str>,
    delivery: &mut Delivery,
) -> Result<(), DeliverError> {
    let recipe = recipe(resolved);
    delivery.etag = match &recipe {
        None => format!("\"{}\"", asset.upload.id),
        Some(recipe) => format!("\"{}-{recipe}\"", asset.upload.id),
    };
    if have.is_some_and(|have| names(have, &delivery.etag)) {
        return Ok(());
    }
    let is_original = recipe.is_none();
    let bytes = image(library, asset, asked, resolved, recipe).await?.bytes;
    delivery.content = Some(if is_original {
        Content::Original(bytes)
    } else {
        Content::Derived(bytes)
    });
    Ok(())
}

fn answer_file(
    asset: &Asset,
    url: &DeliveryUrl,
    have: Option<&str>,
    delivery: &mut Delivery,
) -> Result<(), DeliverError> {
    if url.transformation.changes_pixels() {
        return Err(DeliverError::NotAnImage);
    }
    delivery.etag = format!("\"{}\"", asset.upload.id);
    if !have.is_some_and(|have| names(have, &delivery.etag)) {
        delivery.content = Some(Content::File {
            upload: asset.upload.id,
            facts: Box::new(asset.upload.facts.clone()),
        });
    }
    Ok(())
}

/// The transformation to carry out, with names expanded; where only some are allowed, if this one is.
async fn allowed(
    library: &Library,
    asset: &Asset,
    asked: &Eager,
    is_signed: bool,
) -> Result<Transformation, DeliverError> {
    let restricted = library.strict_transformations && !is_signed && asked.transformation.changes_pixels();
    if restricted && !was_eager(asset, asked) && !named::is_allowed(&*library.documents, asked).await? {
        return Err(DeliverError::NotAllowed(named::strict_text(asked)));
    }
    named::expand(&*library.documents, &asked.transformation)
        .await
        .map_err(expand_error)
}

/// Whether this was made when the asset was uploaded. Without an extension, the original's was meant.
fn was_eager(asset: &Asset, asked: &Eager) -> bool {
    let eager = Extra::of(&asset.details).eager;
    let plain = asked.transformation.to_string();
    let original = urls::format_of(asset);
    match &asked.extension {
        None => eager.contains(&plain) || eager.contains(&format!("{plain}/")),
        Some(extension) if Some(extension) == original.as_ref() => {
            eager.contains(&plain) || eager.contains(&named::strict_text(asked))
        }
        Some(_) => eager.contains(&named::strict_text(asked)),
    }
}

pub(super) fn expand_error(error: named::ExpandError) -> DeliverError {
    match error {
        named::ExpandError::Transformation(error) => error.into(),
        named::ExpandError::Store(error) => error.into(),
    }
}

/// Whether the visitor may see what is asked for; the answer is whether only this visitor may keep it.
fn check_access(
    library: &Library,
    url: &DeliveryUrl,
    asset: &Asset,
    visitor: Visitor<'_>,
) -> Result<bool, DeliverError> {
    let now = library.clock.now();
    let has_token = || {
        let key = &library.auth_token_key;
        let token = visitor.token;
        let address = visitor.address.map(|address| address.to_string());
        token.zip(key.as_ref()).is_some_and(|(token, key)| {
            verify_auth_token(token, visitor.path, now.as_second(), address.as_deref(), key).is_ok()
        })
    };
    match access::of(&asset.details, now) {
        Access::Hidden => return Err(DeliverError::NotFound(url.source.clone())),
        Access::ByToken if has_token() => return Ok(true),
        Access::ByToken => return Err(DeliverError::Denied),
        Access::ByType => {}
    }
    // A signature was checked already.
    let is_open = url.signature.is_some()
        || match asset.key.delivery_type {
            DeliveryType::Upload => true,
            DeliveryType::Private => url.transformation.changes_pixels(),
            DeliveryType::Authenticated => false,
        };
    match is_open {
        true => Ok(false),
        false if has_token() => Ok(true),
        false => Err(DeliverError::Denied),
    }
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
    let asked = Eager {
        transformation: transformation.clone(),
        extension: None,
    };
    match make_ahead(library, asset, &asked).await {
        Err(error) if matches!(error.root(), DeliverError::Work(WorkError::Overloaded)) => {
            tracing::warn!(asset.public_id = %asset.key.public_id, "too busy to render ahead");
            Ok(())
        }
        result => result.map(drop),
    }
}

/// Makes what a current browser will ask for.
///
/// # Errors
/// See [`DeliverError`].
pub async fn make_ahead(library: &Arc<Library>, asset: &Asset, asked: &Eager) -> Result<Made, DeliverError> {
    let image = render_ahead(library, asset, asked).await?;
    let (width, height) = image.size;
    Ok(Made {
        width,
        height,
        bytes: image.bytes.len() as u64,
        format: image.format,
    })
}

/// What a current browser will be answered, made now if it is not made yet.
///
/// # Errors
/// See [`DeliverError`].
pub async fn render_ahead(library: &Arc<Library>, asset: &Asset, asked: &Eager) -> Result<Image, DeliverError> {
    let facts = asset.upload.facts.image().ok_or(DeliverError::NotAnImage)?;
    let transformation = allowed(library, asset, asked, true).await?;
    let resolved = resolve_ahead(facts, &transformation, asked.extension.as_deref());
    let recipe = recipe(&resolved);
    image(library, asset, asked, &resolved, recipe).await
}

/// Says whether a transformation, with its names expanded, can be carried out on an image with these facts.
///
/// # Errors
/// [`DeliverError::Plan`]
pub fn check_plan(
    library: &Library,
    facts: &ImageFacts,
    transformation: &Transformation,
    extension: Option<&str>,
) -> Result<(), DeliverError> {
    let resolved = resolve_ahead(facts, transformation, extension);
    visage_image::plan_resolved(&resolved, &image_facts(facts), &library.limits)?;
    Ok(())
}

fn resolve_ahead(
    facts: &ImageFacts,
    transformation: &Transformation,
    extension: Option<&str>,
) -> ResolvedTransformation {
    let browser = RequestFacts {
        accepts_avif: true,
        accepts_webp: true,
    };
    let extension = extension.and_then(ImageFormat::from_extension);
    transformation.resolve(browser, source_facts(facts), extension)
}

/// What names the derived image; `None` for the original itself.
fn recipe(resolved: &ResolvedTransformation) -> Option<Recipe> {
    (!resolved.is_original()).then(|| resolved.recipe(RENDERER_VERSION))
}

/// What a URL leads to.
struct Found {
    asset: Asset,
    /// The format that its extension asks for.
    extension: Option<ImageFormat>,
    /// The error that the default image hides.
    in_place_of: Option<String>,
}

/// The asset that `url` means, or the default image that it names for the case that there is none.
async fn find_or_default(library: &Library, url: &DeliveryUrl) -> Result<Found, DeliverError> {
    let missing = match find(library, url).await {
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
    let key = AssetKey {
        resource_type: ResourceType::Image,
        delivery_type: DeliveryType::Upload,
        public_id: default.public_id.clone(),
    };
    let Some(asset) = library.catalog.find_asset(&key).await? else {
        return Err(missing);
    };
    Ok(Found {
        asset,
        extension: default.format,
        in_place_of: Some(missing.to_string()),
    })
}

async fn find(library: &Library, url: &DeliveryUrl) -> Result<Found, DeliverError> {
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
        if let Some(asset) = library.catalog.find_asset(&key).await? {
            return Ok(Found {
                asset,
                extension: candidate.format,
                in_place_of: None,
            });
        }
    }
    Err(not_found())
}

/// The name to save it under, when the URL asks for an attachment.
fn attachment(url: &DeliveryUrl, asset: &Asset) -> Option<String> {
    let asked = url.transformation.attachment()?;
    if !asked.is_empty() {
        return Some(asked.to_owned());
    }
    Extra::of(&asset.details)
        .original_filename
        .or_else(|| asset.key.public_id.as_str().rsplit('/').next().map(str::to_owned))
}

fn headers(asset: &Asset) -> Option<String> {
    if asset.details.extra.is_empty() {
        return None;
    }
    Extra::of(&asset.details).headers
}

async fn image(
    library: &Arc<Library>,
    asset: &Asset,
    asked: &Eager,
    resolved: &ResolvedTransformation,
    recipe: Option<Recipe>,
) -> Result<Image, DeliverError> {
    let key: ImageKey = (asset.upload.id, recipe);
    if let Some(image) = library.hot.get(&key) {
        metrics::counter!("visage_delivered_from", "source" => "memory").increment(1);
        return Ok(image);
    }
    let flight = {
        let (library, asset, key) = (Arc::clone(library), asset.clone(), key.clone());
        let (asked, resolved) = (asked.clone(), resolved.clone());
        async move {
            fetch_or_make(&library, &asset, &asked, &resolved, key)
                .await
                .map_err(Arc::new)
        }
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
    asked: &Eager,
    resolved: &ResolvedTransformation,
    key: ImageKey,
) -> Result<Image, DeliverError> {
    let image = match &key.1 {
        None => {
            let bytes = original(library, asset).await?;
            let facts = asset.upload.facts.image().ok_or(DeliverError::NotAnImage)?;
            Image {
                bytes,
                format: facts.format,
                size: (facts.width, facts.height),
            }
        }
        Some(recipe) => match stored(library, asset, recipe, resolved.format).await? {
            Some(image) => image,
            None => make(library, asset, asked, resolved, recipe).await?,
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

async fn make(
    library: &Arc<Library>,
    asset: &Asset,
    asked: &Eager,
    resolved: &ResolvedTransformation,
    recipe: &Recipe,
) -> Result<Image, DeliverError> {
    let upload = &asset.upload;
    let facts = upload.facts.image().ok_or(DeliverError::NotAnImage)?;
    let plan = visage_image::plan_resolved(resolved, &image_facts(facts), &library.limits)?;
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
        size: (rendered.width, rendered.height),
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
        let (library, image, asked) = (Arc::clone(library), image.clone(), asked.clone());
        async move { keep(&library, key, image, asked).await }
    });
    if let Ok(Err(error)) = kept.await {
        // It may vanish at any time, so it may as well not be kept: a full disk does not stop delivery.
        tracing::warn!(upload = %upload.id, error = %error, "a derived image was not kept");
    }
    Ok(image)
}

/// Stores a derived image. Its row comes first: a blob without a row would never be found again.
async fn keep(library: &Library, key: DerivedKey, image: Image, asked: Eager) -> Result<(), DeliverError> {
    let (width, height) = image.size;
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

fn source_facts(facts: &ImageFacts) -> SourceFacts {
    SourceFacts {
        format: facts.format,
        has_alpha: facts.has_alpha,
    }
}

/// The facts of a stored upload in the terms of the image crate.
pub(super) fn image_facts(facts: &ImageFacts) -> visage_image::Facts {
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
