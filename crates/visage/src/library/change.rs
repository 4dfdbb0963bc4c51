//! What is said of an asset: written when it arrives, changed later.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde_json::Value;
use visage_store::{Asset, AssetDetails, Edited, Moderation, ModerationStatus, StoreError, UploadFacts};

use super::extra::{Analysis, Extra};
use super::in_use::{self, InUseError};
use super::options::{Analyse, Description, Eager};
use super::receive::ReceiveError;
use super::upload::{Original, UploadError};
use super::{analyse, answers, metadata, named};
use crate::app::App;

/// How many assets of a list are read at once.
const COMPLETED_AT_ONCE: usize = 2;

/// Changes what is said of a stored asset, allows `eager` where only some transformations are, and keeps what was found out.
/// `None`: the asset is gone.
///
/// # Errors
/// When it would change what a member shows, when metadata does not fit its fields, or when the database fails.
pub async fn change(
    app: &App,
    asset: &Asset,
    said: &Description,
    eager: &[Eager],
    found: Analysis,
) -> Result<Option<Edited>, ReceiveError> {
    in_use::refuse_description(app, &asset.key, said).await?;
    let now = app.clock.now();
    let metadata = match &said.metadata {
        Some(values) => Some(metadata::check(app, values, &asset.details.metadata, said.clear_invalid).await?),
        None => None,
    };
    let allowed: Vec<String> = eager.iter().map(named::strict_text).collect();
    let said = said.clone();
    let edit = Box::new(move |details: &mut AssetDetails| {
        say(details, &said, metadata.clone(), now);
        let mut extra = Extra::of(details);
        extra.analysis.add(&found);
        for text in &allowed {
            if !extra.eager.contains(text) {
                extra.eager.push(text.clone());
            }
        }
        extra.keep_in(details);
    });
    Ok(app.library.catalog.edit_asset(&asset.id, edit, now).await?)
}

/// Keeps what somebody decided about showing an asset. `None`: the asset is gone.
///
/// # Errors
/// When it would hide what a member shows, or when the database fails.
pub async fn moderate(app: &App, asset: &Asset, status: ModerationStatus) -> Result<Option<Asset>, InUseError> {
    if status == ModerationStatus::Rejected {
        in_use::refuse_change(app, &asset.key).await?;
    }
    let now = app.clock.now();
    let edit = Box::new(move |details: &mut AssetDetails| {
        let kind = details
            .moderation
            .as_ref()
            .map_or("manual", |moderation| &moderation.kind)
            .to_owned();
        details.moderation = Some(Moderation {
            kind,
            status,
            updated_at: now,
        });
    });
    let edited = app.library.catalog.edit_asset(&asset.id, edit, now).await?;
    Ok(edited.map(|edited| edited.asset))
}

/// Finds out about a stored asset what is not known yet.
///
/// # Errors
/// See [`ReceiveError`].
pub async fn analyse_stored(app: &App, asset: &Asset, asked: Analyse) -> Result<Analysis, ReceiveError> {
    let mut missing = Extra::of(&asset.details).analysis.missing(asked);
    let facts = &asset.upload.facts;
    let Some(image) = facts.image() else {
        return Ok(Analysis::default());
    };
    // Faces were looked for when it was stored.
    let known = Analysis {
        faces: image.faces.clone().filter(|_| missing.faces),
        ..Analysis::default()
    };
    missing.faces &= known.faces.is_none();
    if missing.is_empty() {
        return Ok(known);
    }
    let bytes = app
        .library
        .blobs
        .get_original(&asset.upload.id, &facts.sha256, facts.bytes)
        .await;
    let bytes = bytes.map_err(UploadError::Blobs)?;
    let mut found = analyse::analyse(app, &Original::Bytes(bytes), facts, missing).await?;
    found.add(&known);
    Ok(found)
}

/// The description of a new picture: no rectangle is wider or higher than the picture, as the hosted service keeps them, and
/// what lies outside altogether is left out.
pub(super) fn fitted(said: &Description, facts: &UploadFacts) -> Description {
    let Some((width, height)) = answers::size_of(facts) else {
        return said.clone();
    };
    let fit = |rectangles: &Vec<[u32; 4]>| -> Vec<[u32; 4]> {
        let inside = rectangles
            .iter()
            .filter(|[x, y, w, h]| *x < width && *y < height && *w > 0 && *h > 0);
        inside
            .map(|&[x, y, w, h]| [x, y, w.min(width), h.min(height)])
            .collect()
    };
    Description {
        face_coordinates: said.face_coordinates.as_ref().map(fit),
        custom_coordinates: said.custom_coordinates.as_ref().map(fit),
        ..said.clone()
    }
}

/// Computes the missing analysis of assets and keeps it. Of an asset that cannot be analysed it is left out.
pub async fn complete(app: &App, assets: Vec<Asset>, asked: Analyse) -> Vec<Asset> {
    let each = futures_util::stream::iter(assets).map(|asset| complete_one(app, asset, asked));
    each.buffered(COMPLETED_AT_ONCE).collect().await
}

async fn complete_one(app: &App, asset: Asset, asked: Analyse) -> Asset {
    let found = analyse_stored(app, &asset, asked).await;
    let kept = match found {
        Ok(found) => keep_found(app, &asset, found).await.map_err(ReceiveError::from),
        Err(error) => Err(error),
    };
    kept.unwrap_or_else(|error| {
        tracing::warn!(asset.public_id = %asset.key.public_id, error = %error, "failed to analyse an asset for a list");
        Some(asset.clone())
    })
    .unwrap_or(asset)
}

/// Keeps an analysis with its asset. That is no change of the asset's details, so the time of the last change stays. `None`: the
/// asset is gone.
///
/// # Errors
/// When the database fails.
pub async fn keep_found(app: &App, asset: &Asset, found: Analysis) -> Result<Option<Asset>, StoreError> {
    if found == Analysis::default() {
        return Ok(Some(asset.clone()));
    }
    let changed_at = asset.details.updated_at.unwrap_or(asset.upload.created_at);
    let edit = Box::new(move |details: &mut AssetDetails| {
        let mut extra = Extra::of(details);
        extra.analysis.add(&found);
        extra.keep_in(details);
    });
    let edited = app.library.catalog.edit_asset(&asset.id, edit, changed_at).await?;
    Ok(edited.map(|edited| edited.asset))
}

/// Writes what is said of a new asset into its details.
pub(super) async fn describe(app: &App, details: &mut AssetDetails, said: &Description) -> Result<(), ReceiveError> {
    let metadata = match &said.metadata {
        Some(values) => Some(metadata::check(app, values, &details.metadata, said.clear_invalid).await?),
        // Fields that must be there, and fields that have a default.
        None => metadata::of_new_asset(app).await?,
    };
    say(details, said, metadata, app.clock.now());
    Ok(())
}

fn say(details: &mut AssetDetails, said: &Description, metadata: Option<BTreeMap<String, Value>>, now: Timestamp) {
    let mut extra = Extra::of(details);
    let times = &mut extra.last_updated;
    if let Some(tags) = &said.tags {
        details.tags = tags.iter().cloned().collect::<BTreeSet<_>>();
        times.tags_updated_at = Some(now);
    }
    if let Some(context) = &said.context {
        details.context.clone_from(context);
        times.context_updated_at = Some(now);
    }
    if let Some(values) = metadata {
        details.metadata = values;
        times.metadata_updated_at = Some(now);
    }
    if let Some(kind) = &said.moderation {
        details.moderation = Some(Moderation {
            kind: kind.clone(),
            status: ModerationStatus::Pending,
            updated_at: now,
        });
    }
    details.backup = said.backup.unwrap_or(details.backup);
    set_some(&mut extra.face_coordinates, said.face_coordinates.as_ref());
    set_some(&mut extra.custom_coordinates, said.custom_coordinates.as_ref());
    set_some(&mut extra.regions, said.regions.as_ref());
    set_some(&mut extra.access_control, said.access_control.as_ref());
    set_some(&mut extra.access_mode, said.access_mode.as_ref());
    set_some(&mut extra.headers, said.headers.as_ref());
    set_some(&mut extra.quality_override, said.quality_override.as_ref());
    if let Some(folder) = &said.asset_folder {
        details.asset_folder.clone_from(folder);
    }
    if let Some(name) = &said.display_name {
        details.display_name.clone_from(name);
    }
    extra.keep_in(details);
}

fn set_some<T: Clone>(target: &mut Option<T>, value: Option<&T>) {
    if let Some(value) = value {
        *target = Some(value.clone());
    }
}
