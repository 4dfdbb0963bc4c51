//! Moves a picture in use from one media host to the other, under its own public id.
//!
//! A picture is one of a user or of a post, or the video of a post. It is copied and read back before anybody refers to the copy, and the reference is changed by compare-and-set: a picture
//! that was set meanwhile wins. Whatever stops in between leaves the reference as it was, and the copy is found again
//! by the next try, or destroyed with the picture.

use bytes::Bytes;
use visage_cloudinary::{PublicId, ResourceType};
use visage_image::ImageError;
use visage_store::{MediaOwner, MediaReference, Relocation, StoreError};

use crate::app::App;
use crate::crash;
use crate::crop::{self, Crop};
use crate::media_host::{self, MediaHost, MediaHostError, Picture, PictureFacts, TransferError, transfer};
use crate::permits::WorkError;
use crate::{intake, posts};

/// From where to where.
#[derive(Debug, Clone, Copy)]
pub struct Route<'a> {
    /// Has the picture.
    pub from: &'a dyn MediaHost,
    /// Gets it.
    pub to: &'a dyn MediaHost,
}

/// What became of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// It leads to the copy now.
    Copied,
    /// It led to the other host before.
    AlreadyThere,
    /// It leads to neither of the two.
    Elsewhere,
    /// It leads to the first host, where the picture is not.
    Missing,
    /// The owner's picture was changed meanwhile, or the owner is gone.
    Superseded,
}

/// Why a picture was not moved. Its reference is what it was.
#[derive(Debug, thiserror::Error)]
pub enum RelocationError {
    /// A media host failed, or the other one does not have the same bytes.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// It is not a picture that is taken.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// It is not a video that is taken.
    #[error("it is not a video")]
    Video,
    /// Too much is being worked on, or the work on this picture failed.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// The directory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<MediaHostError> for RelocationError {
    fn from(error: MediaHostError) -> Self {
        Self::Transfer(error.into())
    }
}

/// Copies the picture that `reference` names, and changes the reference.
///
/// # Errors
/// See [`RelocationError`].
pub async fn copy(app: &App, route: Route<'_>, reference: &MediaReference) -> Result<Copied, RelocationError> {
    let id = reference.public_id.as_deref().and_then(|id| PublicId::parse(id).ok());
    let (Some(public_id), Some(from_url)) = (id, reference.url.clone()) else {
        return Ok(Copied::Elsewhere);
    };
    let kind = reference.resource_type;
    if route.to.serves(&from_url, &public_id, kind) {
        return Ok(Copied::AlreadyThere);
    }
    if !route.from.serves(&from_url, &public_id, kind) {
        return Ok(Copied::Elsewhere);
    }
    let Some(bytes) = route.from.original(&from_url, &public_id, kind).await? else {
        return Ok(Copied::Missing);
    };
    let mut picture = examine(app, bytes, kind).await?;
    // Shown there as it is here.
    let crop = route.from.transformation(&from_url).as_ref().and_then(Crop::of);
    picture.part = crop.as_ref().map(Crop::rectangle);
    app.directory
        .begin_relocation(&public_id, kind, app.clock.now())
        .await?;
    crash::point("relocation-begun").await;
    let display = match reference.owner {
        MediaOwner::User(_) => &app.display_transformation,
        MediaOwner::Post(_) => posts::display(app, &picture.facts),
    };
    let display = crop::shown(crop, display);
    let copied = transfer(route.to, &public_id, picture, &display).await;
    let copied = intake::or_release(app, &public_id, copied, TransferError::may_be_done).await?;
    crash::point("picture-copied").await;
    let relocation = Relocation {
        owner: reference.owner,
        public_id: public_id.clone(),
        from_url,
        to_url: copied.hosted.url,
        now: app.clock.now(),
    };
    if app.directory.relocate(relocation).await? {
        crash::point("relocation-committed").await;
        return Ok(Copied::Copied);
    }
    intake::release(app, &public_id).await;
    Ok(Copied::Superseded)
}

/// Destroys the picture on the first host, if the other has the same bytes and everybody who has the picture refers to that
/// one. `false`: it stays, or was not there.
///
/// # Errors
/// See [`RelocationError`].
pub async fn remove_source(
    app: &App,
    route: Route<'_>,
    public_id: &PublicId,
    kind: ResourceType,
) -> Result<bool, RelocationError> {
    let Some(url) = url_at_destination(app, route, public_id).await? else {
        return Ok(false);
    };
    let Some(source) = route.from.original(&url, public_id, kind).await? else {
        return Ok(false);
    };
    let (copy, source) = (
        route.to.original(&url, public_id, kind).await?,
        media_host::hash(source).await?,
    );
    if !media_host::has_hash(copy, source).await? {
        return Err(TransferError::Different.into());
    }
    // It may have been changed while the two were read.
    if url_at_destination(app, route, public_id).await?.is_none() {
        return Ok(false);
    }
    Ok(route.from.destroy(public_id, kind).await?)
}

/// The URL that everybody who has the picture has, when that is one of the other host.
async fn url_at_destination(app: &App, route: Route<'_>, public_id: &PublicId) -> Result<Option<String>, StoreError> {
    let references = app.directory.references_to(public_id.as_str()).await?;
    let is_there = |reference: &MediaReference| {
        let url = reference.url.as_deref();
        url.is_some_and(|url| route.to.serves(url, public_id, reference.resource_type))
    };
    let all_there = references.iter().all(is_there);
    Ok(references
        .into_iter()
        .next()
        .filter(|_| all_there)
        .and_then(|reference| reference.url))
}

/// What is in the file; it was cleaned when it came.
async fn examine(app: &App, bytes: Bytes, kind: ResourceType) -> Result<Picture, RelocationError> {
    let limits = app.library.limits.clone();
    let timeout = app.config.render.timeout.as_duration();
    let probed = bytes.clone();
    let work = move |_: &dyn Fn() -> bool| match kind {
        ResourceType::Image => Ok(visage_image::probe(&probed, &limits)?.into()),
        ResourceType::Video | ResourceType::Raw => probe_video(&probed),
    };
    let facts = app.permits.run(bytes.len() as u64, timeout, work).await??;
    Ok(Picture {
        bytes,
        facts,
        part: None,
    })
}

fn probe_video(bytes: &[u8]) -> Result<PictureFacts, RelocationError> {
    // Reading from memory does not fail.
    let facts = visage_image::probe_video(&mut std::io::Cursor::new(bytes))
        .ok()
        .flatten();
    facts.map(PictureFacts::Video).ok_or(RelocationError::Video)
}
