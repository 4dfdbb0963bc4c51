//! What is made before anybody asks for it, or refused before anything is stored.

use std::sync::Arc;

use visage_cloudinary::{ImageFormat, RequestFacts, ResolvedTransformation, Transformation};
use visage_store::{Asset, ImageFacts};

use super::super::access::{Credentials, Reader};
use super::super::options::Eager;
use super::super::surroundings::{Job, Surroundings};
use super::super::{Image, Library};
use super::access::allowed;
use super::make::{Wanted, image};
use super::{DeliverError, Made, image_facts, source_facts};
use crate::permits::WorkError;

/// Renders `transformation` of `asset` as a current browser will ask for it. This proves that the stored picture can be
/// shown to a visitor, and the first page view finds it made. When the machine is too busy it is left for that view.
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
    // Where only some transformations are allowed, the URL of this one is signed.
    let visitor = Reader::Visitor(Credentials {
        now: library.clock.now(),
        is_signed: library.strict_transformations,
        token: None,
        path: "".into(),
    });
    match render(library, asset, &asked, &visitor).await {
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

/// What a current browser will be answered, made now if it is not made yet. The operator asks for it, so any picture may be a
/// layer of it; every visitor's request for the result is checked by itself.
///
/// # Errors
/// See [`DeliverError`].
pub async fn render_ahead(library: &Arc<Library>, asset: &Asset, asked: &Eager) -> Result<Image, DeliverError> {
    render(library, asset, asked, &Reader::Operator).await
}

async fn render(
    library: &Arc<Library>,
    asset: &Asset,
    asked: &Eager,
    reader: &Reader<'_>,
) -> Result<Image, DeliverError> {
    let facts = asset.upload.facts.image().ok_or(DeliverError::NotAnImage)?;
    let transformation = allowed(library, asset, asked, true).await?;
    let resolved = resolve_ahead(facts, &transformation, asked.extension.as_deref());
    let surroundings = Surroundings::of_asset(library, asset, &resolved, reader).await?;
    image(library, asset, &Wanted::new(asked.clone(), resolved, surroundings)).await
}

/// The width of what `asked` makes: as it is planned, or, where pixels decide, as it is made.
///
/// # Errors
/// See [`DeliverError`].
pub async fn width_ahead(library: &Arc<Library>, asset: &Asset, asked: &Eager) -> Result<u32, DeliverError> {
    let facts = asset.upload.facts.image().ok_or(DeliverError::NotAnImage)?;
    let transformation = allowed(library, asset, asked, true).await?;
    let resolved = resolve_ahead(facts, &transformation, asked.extension.as_deref());
    let depends_on_pixels = resolved.trims();
    let surroundings = Surroundings::of_asset(library, asset, &resolved, &Reader::Operator).await?;
    let job = Job::new(
        library,
        resolved,
        image_facts(facts),
        surroundings,
        asset.upload.facts.bytes,
    )?;
    if depends_on_pixels || job.looks_for_faces() {
        return Ok(make_ahead(library, asset, asked).await?.width);
    }
    Ok(job.plan().width)
}

/// Says whether a transformation, with its names expanded, can be carried out on an image with these facts.
///
/// # Errors
/// [`DeliverError::Plan`]
pub async fn check_plan(
    library: &Library,
    facts: &ImageFacts,
    transformation: &Transformation,
    extension: Option<&str>,
) -> Result<(), DeliverError> {
    let resolved = resolve_ahead(facts, transformation, extension);
    let surroundings = Surroundings::of_file(library, &resolved, &Reader::Operator).await?;
    Job::new(library, resolved, image_facts(facts), surroundings, 0)?;
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
