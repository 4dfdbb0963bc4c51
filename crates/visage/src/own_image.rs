//! What users are told of their own picture, and the change of what is shown of it. No bytes of it are changed here: that is
//! the exchange's ([`crate::profile`]).

use std::sync::Arc;

use visage_cloudinary::{PublicId, ResourceType, Transformation};
use visage_image::Sample;
use visage_store::{MediaOwner, Relocation, User};

use crate::app::App;
use crate::crash;
use crate::crop::Crop;
use crate::intake::{self, IntakeError};
use crate::media_host::HostedFacts;
use crate::profile::{self, ProfileImageError};
use crate::spool::SpooledFile;

/// The sizes that users are shown, in pixels: what pages draw a picture with, also on fine screens.
const SIZES_PIXELS: [u32; 4] = [48, 96, 200, 400];

/// What a page shows that changes what is shown: all of the picture, no larger than a screen.
const PREVIEW: &str = "c_limit,h_1600,w_1600/f_auto,q_auto";

/// A user's own picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnImage {
    /// The URL that is saved on the user.
    pub url: String,
    /// Its name on the media host.
    pub public_id: Option<String>,
    /// What only a picture on a media host of ours has.
    pub hosted: Option<HostedImage>,
}

/// A user's own picture on the media host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedImage {
    /// Where the stored file is.
    pub original_url: String,
    /// Where all of the picture is, no larger than a screen.
    pub preview_url: String,
    /// What is known of it without asking another machine.
    pub facts: Option<HostedFacts>,
    /// The part that was chosen to be shown.
    pub crop: Option<Crop>,
    /// Side in pixels and URL of the squares that pages show.
    pub sizes: Vec<(u32, String)>,
}

/// What was found in a file that is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Pixels of the upright picture.
    pub width: u32,
    /// Pixels of the upright picture.
    pub height: u32,
    /// The faces, the largest first: x, y, width and height in pixels.
    pub faces: Vec<[u32; 4]>,
}

/// Tells of the user's picture; `None` when there is none.
///
/// # Errors
/// When the own store fails.
pub async fn describe(app: &App, user: &User) -> Result<Option<OwnImage>, ProfileImageError> {
    let Some(url) = user.profile_image.clone() else {
        return Ok(None);
    };
    let public_id = user.cloudinary_id.as_deref().and_then(|id| PublicId::parse(id).ok());
    let hosted = match &public_id {
        Some(public_id) => describe_hosted(app, user, &url, public_id).await?,
        None => None,
    };
    let public_id = user.cloudinary_id.clone();
    Ok(Some(OwnImage { url, public_id, hosted }))
}

async fn describe_hosted(
    app: &App,
    user: &User,
    url: &str,
    public_id: &PublicId,
) -> Result<Option<HostedImage>, ProfileImageError> {
    let host = &app.media_host;
    let (Some(transformation), true) = (
        host.transformation(url),
        host.serves(url, public_id, ResourceType::Image),
    ) else {
        return Ok(None);
    };
    let at = |text: &str| {
        let transformation = Transformation::parse(text).unwrap_or_default();
        host.with_transformation(url, &transformation)
            .unwrap_or_else(|| url.to_owned())
    };
    // An account is not asked for every look at a page: it counts such calls.
    let facts = if app.hosts.own.serves(url, public_id, ResourceType::Image) {
        app.hosts.own.facts(url, public_id).await.map_err(IntakeError::from)?
    } else {
        None
    };
    let sizes = SIZES_PIXELS.into_iter();
    Ok(Some(HostedImage {
        original_url: at(""),
        preview_url: at(PREVIEW),
        facts,
        crop: Crop::of(&transformation),
        sizes: sizes
            .filter_map(|side| Some((side, profile::image_url(app, user, side)?)))
            .collect(),
    }))
}

/// Shows another part of the user's picture, and returns its new URL. The picture is rendered before anybody refers to it
/// so; then the URL is changed, if it is still the one that was seen. `chosen_on` is the URL of the picture on which the part
/// was chosen, if the caller says so: a rectangle of one picture means nothing on another.
///
/// # Errors
/// See [`ProfileImageError`]; what is shown is then what it was.
pub async fn crop_again(
    app: &App,
    user: &User,
    crop: Crop,
    chosen_on: Option<&str>,
) -> Result<String, ProfileImageError> {
    let from_url = user.profile_image.clone().ok_or(ProfileImageError::NoPicture)?;
    if chosen_on.is_some_and(|url| url != from_url) {
        return Err(ProfileImageError::ChangedMeanwhile);
    }
    let public_id = user.cloudinary_id.as_deref().and_then(|id| PublicId::parse(id).ok());
    let public_id = public_id
        .filter(|public_id| app.media_host.serves(&from_url, public_id, ResourceType::Image))
        .ok_or(ProfileImageError::KeptElsewhere)?;
    let facts = app
        .media_host
        .facts(&from_url, &public_id)
        .await
        .map_err(IntakeError::from)?;
    let facts = facts.ok_or(ProfileImageError::NoPicture)?;
    crop.check(facts.width, facts.height)?;
    let display = crop.shown(&app.display_transformation);
    let part = crop.rectangle();
    let to_url = app
        .media_host
        .show_otherwise(&from_url, &public_id, &display, part)
        .await
        .map_err(IntakeError::from)?;
    crash::point("crop-shown").await;
    let change = Relocation {
        owner: MediaOwner::User(user.id),
        public_id,
        from_url,
        to_url: to_url.clone(),
        now: app.clock.now(),
    };
    if app.directory.show_otherwise(change).await? {
        Ok(to_url)
    } else {
        Err(ProfileImageError::ChangedMeanwhile)
    }
}

/// Looks for faces in a file, of which nothing is kept: a page begins its choice there.
///
/// # Errors
/// As for a picture that is to be kept.
pub async fn find_faces(app: &App, file: SpooledFile) -> Result<Found, ProfileImageError> {
    let file = Arc::new(file);
    let picture = intake::probe_picture(app, &file).await?;
    let limits = app.library.limits.clone();
    let memory_bytes = Sample::memory_bytes(&picture, file.len_bytes());
    let faces = intake::work(app, memory_bytes, move |expired| {
        let bytes = file.read_all().map_err(IntakeError::TemporaryFile)?;
        let found = Sample::of(&bytes, &picture, &limits, expired)?.faces()?.into_iter();
        Ok(found.map(|face| [face.x, face.y, face.width, face.height]).collect())
    })
    .await?;
    Ok(Found {
        width: picture.width,
        height: picture.height,
        faces,
    })
}
