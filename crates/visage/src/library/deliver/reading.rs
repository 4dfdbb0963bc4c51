//! Reads what a URL asks of an image, and asks whether the original may be read for it.

use visage_cloudinary::transformation::Flag;
use visage_cloudinary::{DeliveryUrl, RequestFacts, ResolvedTransformation};
use visage_store::ImageFacts;

use super::super::Library;
use super::super::access::{Grant, ReadOf, may_read};
use super::super::options::Eager;
use super::super::surroundings::Surroundings;
use super::access::{allowed, refusal};
use super::find::Found;
use super::{DeliverError, source_facts};

/// What a URL asks of an image, with names expanded and everything looked up that decides.
pub(super) struct Reading {
    pub(super) asked: Eager,
    pub(super) resolved: ResolvedTransformation,
    pub(super) surroundings: Surroundings,
    /// `fl_getinfo`
    pub(super) wants_info: bool,
    /// Whether the visitor may know the original's size and see its bytes.
    pub(super) shows_original: bool,
    /// What the answer depends on.
    pub(super) grant: Grant,
}

/// Reads what `url` asks of an image. What the plan comes to decides whether the original itself is read: without anything to be
/// made it is, also where the extension alone asks for another format. Where something is to be made and the original would do
/// (`f_jpg` of a JPEG), a visitor who may not have the original gets the picture encoded anew.
pub(super) async fn read(
    library: &Library,
    url: &DeliveryUrl,
    request: RequestFacts,
    found: &Found<'_>,
    facts: &ImageFacts,
) -> Result<Reading, DeliverError> {
    let asked = Eager {
        transformation: url.transformation.clone(),
        extension: found.extension.map(|format| format.extension().to_owned()),
    };
    // A wrong signature does not come here.
    let transformation = allowed(library, &found.asset, &asked, url.signature.is_some()).await?;
    let source = source_facts(facts);
    let mut resolved = transformation.resolve(request, source, found.extension);
    let original = may_read(&found.asset, &found.reader, ReadOf::Original);
    if !transformation.changes_pixels() {
        original.map_err(|refused| refusal(url, refused))?;
    } else if resolved.is_original() && original.is_err() {
        resolved = resolved.encoded_anew(source);
    }
    let wants_info = transformation.has(&Flag::Getinfo);
    let reads_original = wants_info || !transformation.changes_pixels() || resolved.is_original();
    let grant = original.ok().filter(|_| reads_original).unwrap_or(found.grant);
    let surroundings = Surroundings::of_asset(library, &found.asset, &resolved, &found.reader).await?;
    Ok(Reading {
        asked,
        resolved,
        grant: grant.and(surroundings.grant()),
        surroundings,
        wants_info,
        shows_original: original.is_ok(),
    })
}
