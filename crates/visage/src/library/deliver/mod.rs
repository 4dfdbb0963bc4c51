//! Delivers an asset: an image from the hot cache, from a stored blob, or rendered now; any other file as it is.

mod access;
mod ahead;
mod conditions;
mod explain;
mod find;
mod make;
mod reading;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use visage_cloudinary::{DeliveryUrl, ImageFormat, Recipe, RequestFacts, SourceFacts, TransformationError};
use visage_image::{ImageError, PlanError};
use visage_store::{Asset, BlobError, ImageFacts, Media, StoreError, UploadFacts};

use self::access::{reader, refusal};
pub use self::ahead::{check_plan, make_ahead, render_ahead, show_once, width_ahead};
pub use self::conditions::{Conditions, Validators, Verdict};
pub use self::explain::explain;
pub use self::find::keys;
use self::find::{Found, find_or_default};
use self::make::{Wanted, image};
use self::reading::read;
use super::access::{Grant, ReadOf, awaits_moderation, is_controlled, may_read};
use super::extra::Extra;
use super::{Library, named, naming, urls};
use crate::permits::WorkError;
use crate::rate_limit::TooManyRenders;
use crate::shares::Client;

/// Who asks, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    /// What the client accepts.
    pub facts: RequestFacts,
    /// What the answer depends on, such as `If-None-Match`.
    pub conditions: Conditions<'a>,
    /// The token for protected assets, from the query or from a cookie.
    pub token: Option<&'a str>,
    /// The path that was asked for, as it was received.
    pub path: &'a str,
    /// Where the request comes from.
    pub address: Option<IpAddr>,
    /// Whether this is no visitor but the operator of the server, who may read everything.
    pub is_operator: bool,
}

/// What an asset is answered with.
#[derive(Debug)]
pub struct Delivery {
    /// Names these bytes for ever: `"{upload}-{recipe}"`.
    pub etag: String,
    /// Whether the URL carries the current version, so that the answer may be kept for ever.
    pub is_current_version: bool,
    /// Who is answered so.
    pub audience: Audience,
    /// For how many seconds the answer stays what it is, when its end is known: until an access window or a token ends.
    pub ends_in_seconds: Option<u64>,
    /// Whether the answer depends on the request's `Accept`.
    pub varies_by_accept: bool,
    /// When it last changed; `None` where more than the upload decides what is answered.
    pub last_modified: Option<jiff::Timestamp>,
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

/// Who is given an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody who asks the same, until the asset changes.
    Everybody,
    /// Everybody, perhaps until a time that the asset's settings name.
    EverybodyNow,
    /// This visitor alone.
    Visitor,
}

/// The bytes of an answer.
#[derive(Debug)]
pub enum Content {
    /// Something made of an image.
    Derived(Bytes),
    /// An image as it is stored.
    Original(Bytes),
    /// `fl_getinfo`: JSON about the image that would be made.
    Info(Bytes),
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
    /// The client wants to be answered only if there is what it knows, and there is something else.
    #[error("Precondition failed: the asset is not the one that the request names")]
    PreconditionFailed,
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
    /// The address has asked for too many images that are not made yet.
    #[error(transparent)]
    TooManyRenders(#[from] TooManyRenders),
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

impl Delivery {
    /// What the answer is recognised by.
    pub fn validators(&self) -> Validators<'_> {
        Validators {
            etag: &self.etag,
            last_modified: self.last_modified,
        }
    }

    /// Whether the client needs the bytes.
    fn needs_content(&self, conditions: Conditions<'_>) -> Result<bool, DeliverError> {
        match conditions.verdict(self.validators()) {
            Verdict::Send => Ok(true),
            Verdict::NotModified => Ok(false),
            Verdict::Failed => Err(DeliverError::PreconditionFailed),
        }
    }
}

/// The asset that the URL leads to, of which the visitor may see at least what is made of it.
async fn open<'a>(library: &'a Library, url: &DeliveryUrl, visitor: Visitor<'a>) -> Result<Found<'a>, DeliverError> {
    // Public images need no signature; one that is wrong was made with another secret or for another URL.
    if url.signature.is_some() && !url.is_signed(&library.api_secret) {
        return Err(DeliverError::WrongSignature);
    }
    find_or_default(library, url, reader(library, url, visitor)).await
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
    let found = open(library, url, visitor).await?;
    let asset = &found.asset;
    let mut delivery = Delivery {
        etag: String::new(),
        is_current_version: url.version == Some(asset.version)
            && found.in_place_of.is_none()
            && !awaits_moderation(&asset.details),
        audience: if is_controlled(&asset.details) {
            Audience::EverybodyNow
        } else {
            Audience::Everybody
        },
        ends_in_seconds: None,
        varies_by_accept: false,
        last_modified: last_modified(library, url, &found),
        media_type: urls::media_type(asset),
        attachment: attachment(url, asset, urls::extension_of(asset).as_deref()),
        headers: headers(asset),
        in_place_of: found.in_place_of.clone(),
        content: None,
    };
    match &asset.upload.facts.media {
        Media::Image(facts) => {
            let reading = read(library, url, visitor.facts, &found, facts).await?;
            delivery.varies_by_accept = reading.resolved.varies_by_accept;
            delivery.media_type = reading.resolved.format.media_type();
            delivery.bound(reading.grant, library.clock.now());
            let extension = if reading.wants_info {
                "json"
            } else {
                reading.resolved.format.extension()
            };
            delivery.attachment = attachment(url, asset, Some(extension));
            if !reading.surroundings.beside().is_empty() {
                // Another picture, or what is said of this one, may change while the version stays.
                delivery.is_current_version = false;
                delivery.last_modified = None;
                if delivery.audience == Audience::Everybody {
                    delivery.audience = Audience::EverybodyNow;
                }
            }
            let (wants_info, shows_original) = (reading.wants_info, reading.shows_original);
            let wanted = Wanted::new(reading.asked, reading.resolved, reading.surroundings);
            let wanted = match (url.signature.is_some(), visitor.address) {
                (false, Some(address)) => wanted.by_stranger(Client::at(address)),
                // A wrong signature does not come here. Without an address it is this program itself that asks.
                (true, _) | (_, None) => wanted,
            };
            if wants_info {
                answer_info(
                    library,
                    asset,
                    &wanted,
                    (visitor.conditions, shows_original),
                    &mut delivery,
                )
                .await?;
            } else {
                answer_image(library, asset, &wanted, visitor.conditions, &mut delivery).await?;
            }
        }
        Media::Video(_) | Media::Raw => {
            let original = may_read(asset, &found.reader, ReadOf::Original);
            delivery.bound(original.map_err(|refused| refusal(url, refused))?, library.clock.now());
            answer_file(asset, url, visitor.conditions, &mut delivery)?;
        }
    }
    Ok(delivery)
}

impl Delivery {
    /// Keeps the answer from being given to others, or later, than `grant` allows.
    fn bound(&mut self, grant: Grant, now: jiff::Timestamp) {
        if grant.is_private {
            self.audience = Audience::Visitor;
        }
        self.ends_in_seconds = grant.until.map(|until| {
            let seconds = until.duration_since(now).as_secs();
            u64::try_from(seconds).unwrap_or_default()
        });
        if grant.until.is_some() && self.audience == Audience::Everybody {
            self.audience = Audience::EverybodyNow;
        }
    }
}

/// Cloudinary's `fl_getinfo`: what goes in, for visitors who may know it, and what comes out. The image is made, and kept, as if it
/// were asked for.
async fn answer_info(
    library: &Arc<Library>,
    asset: &Asset,
    wanted: &Wanted,
    (conditions, shows_original): (Conditions<'_>, bool),
    delivery: &mut Delivery,
) -> Result<(), DeliverError> {
    let recipe = wanted.recipe.as_ref().map_or("original", Recipe::as_str);
    let kind = if shows_original { "info" } else { "output" };
    delivery.etag = format!("\"{}-{recipe}-{kind}\"", asset.upload.id);
    delivery.media_type = "application/json; charset=utf-8";
    if !delivery.needs_content(conditions)? {
        return Ok(());
    }
    let made = image(library, asset, wanted).await?;
    let facts = asset.upload.facts.image().ok_or(DeliverError::NotAnImage)?;
    let mut info = json!({
        "output": {
            "width": made.size.0,
            "height": made.size.1,
            "bytes": made.bytes.len(),
            "format": made.format.extension(),
        },
    });
    if shows_original {
        info["input"] = json!({ "width": facts.width, "height": facts.height, "bytes": asset.upload.facts.bytes });
    }
    delivery.content = Some(Content::Info(info.to_string().into()));
    Ok(())
}

async fn answer_image(
    library: &Arc<Library>,
    asset: &Asset,
    wanted: &Wanted,
    conditions: Conditions<'_>,
    delivery: &mut Delivery,
) -> Result<(), DeliverError> {
    delivery.etag = match &wanted.recipe {
        None => format!("\"{}\"", asset.upload.id),
        Some(recipe) => format!("\"{}-{recipe}\"", asset.upload.id),
    };
    if !delivery.needs_content(conditions)? {
        return Ok(());
    }
    let is_original = wanted.recipe.is_none();
    let bytes = image(library, asset, wanted).await?.bytes;
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
    conditions: Conditions<'_>,
    delivery: &mut Delivery,
) -> Result<(), DeliverError> {
    if url.transformation.changes_pixels() {
        return Err(DeliverError::NotAnImage);
    }
    delivery.etag = format!("\"{}\"", asset.upload.id);
    if delivery.needs_content(conditions)? {
        delivery.content = Some(Content::File {
            upload: asset.upload.id,
            facts: Box::new(asset.upload.facts.clone()),
        });
    }
    Ok(())
}

pub(super) fn expand_error(error: named::ExpandError) -> DeliverError {
    match error {
        named::ExpandError::Transformation(error) => error.into(),
        named::ExpandError::Store(error) => error.into(),
    }
}

/// The name to save it under, when the URL asks for an attachment: the one that was asked for or the asset's own, with the
/// extension of what is sent.
fn attachment(url: &DeliveryUrl, asset: &Asset, extension: Option<&str>) -> Option<String> {
    let asked = url.transformation.attachment()?;
    let own = || asset.key.public_id.as_str().rsplit('/').next().unwrap_or_default();
    let name = if asked.is_empty() { own() } else { asked };
    Some(naming::with_extension(name, extension))
}

/// When what the URL leads to became what it is. The version is that second, and whatever takes a name has a greater one
/// than all that had it before. A name for a transformation may be given another meaning, and a default image stands in for
/// whatever comes: nothing is said of these, nor of a second that is yet to come.
fn last_modified(library: &Library, url: &DeliveryUrl, found: &Found) -> Option<jiff::Timestamp> {
    if found.in_place_of.is_some() || !url.transformation.names().is_empty() {
        return None;
    }
    let time = jiff::Timestamp::from_second(found.asset.version).ok()?;
    (time <= library.clock.now()).then_some(time)
}

fn headers(asset: &Asset) -> Option<String> {
    if asset.details.extra.is_empty() {
        return None;
    }
    Extra::of(&asset.details).headers
}

fn source_facts(facts: &ImageFacts) -> SourceFacts {
    SourceFacts {
        format: facts.format,
        has_alpha: facts.has_alpha,
        is_animated: facts.frames > 1,
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
