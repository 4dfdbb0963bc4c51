//! `POST /{resource_type}/tags`, `/context` and `/metadata`: changes of many assets at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;
use visage_store::{AssetDetails, AssetFilter, AssetKey, AssetOrder, EditDetails, Edited, Select};

use super::options;
use crate::http::cloudinary::params::missing;
use crate::http::cloudinary::{Answer, Call, assets, ok};
use crate::http::error::ApiError;
use crate::library::extra::Extra;
use crate::library::in_use::{is_in_use, refuse_change};
use crate::library::{metadata as fields, notifications};

/// Most assets of one request.
const MAX_ASSETS: usize = 1_000;
/// How many assets are looked at in one step.
const PAGE: usize = 500;

/// `add`, `remove`, `replace`, `remove_all` or `set_exclusive`.
pub(super) async fn tags(call: Call) -> Answer {
    let command = call.params.required("command")?;
    let tags: BTreeSet<String> = options::read_tags(&call.params, "tag")?
        .unwrap_or_default()
        .into_iter()
        .collect();
    if tags.is_empty() && command != "remove_all" {
        return Err(missing("tag"));
    }
    let change: fn(&mut BTreeSet<String>, &BTreeSet<String>) = match command.as_str() {
        "add" | "set_exclusive" => |there, tags| there.extend(tags.iter().cloned()),
        "remove" => |there, tags| there.retain(|tag| !tags.contains(tag)),
        "replace" => |there, tags| there.clone_from(tags),
        "remove_all" => |there, _| there.clear(),
        other => return Err(ApiError::bad_request(format!("Invalid command: {other}"))),
    };
    let now = call.app.clock.now();
    let edit = || edit_tags(tags.clone(), now, change);
    let edited = edit_all(&call, edit).await?;
    let mut all = edited.clone();
    if command == "set_exclusive" {
        all.extend(take_from_others(&call, &tags, &edited, now).await?);
    }
    notifications::tags_changed(&call.app, call.params.text("notification_url"), &all).await?;
    answer(&edited)
}

fn edit_tags(
    tags: BTreeSet<String>,
    now: Timestamp,
    change: fn(&mut BTreeSet<String>, &BTreeSet<String>),
) -> EditDetails {
    Box::new(move |details| {
        change(&mut details.tags, &tags);
        mark(details, |times| times.tags_updated_at = Some(now));
    })
}

/// Takes the tags from all other assets of the type.
async fn take_from_others(
    call: &Call,
    tags: &BTreeSet<String>,
    kept: &[Edited],
    now: Timestamp,
) -> Result<Vec<Edited>, ApiError> {
    let kept: BTreeSet<_> = kept.iter().map(|edited| edited.asset.id).collect();
    let catalog = &call.app.library.catalog;
    let mut changed = Vec::new();
    for tag in tags {
        let filter = AssetFilter {
            resource_type: Some(assets::resource_type(call)?),
            delivery_type: Some(assets::delivery_type(call)?),
            select: Select::Tag(tag.clone()),
            ..AssetFilter::default()
        };
        let mut after = None;
        loop {
            let page = catalog
                .list_assets(filter.clone(), AssetOrder::PublicId, after, PAGE)
                .await?;
            for asset in page.items.iter().filter(|asset| !kept.contains(&asset.id)) {
                if is_in_use(&call.app, &asset.key).await? {
                    continue;
                }
                let remove = edit_tags([tag.clone()].into(), now, |there, tags| {
                    there.retain(|tag| !tags.contains(tag));
                });
                changed.extend(catalog.edit_asset(&asset.id, remove, now).await?);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(changed)
}

/// `add` or `remove_all`.
pub(super) async fn context(call: Call) -> Answer {
    let command = call.params.required("command")?;
    let added = options::read_context(&call.params)?.unwrap_or_default();
    let replaces = match command.as_str() {
        "add" if added.is_empty() => return Err(missing("context")),
        "add" => false,
        "remove_all" => true,
        other => return Err(ApiError::bad_request(format!("Invalid command: {other}"))),
    };
    let now = call.app.clock.now();
    let edit = || edit_context(if replaces { BTreeMap::new() } else { added.clone() }, replaces, now);
    let edited = edit_all(&call, edit).await?;
    notifications::context_changed(&call.app, call.params.text("notification_url"), &edited).await?;
    answer(&edited)
}

fn edit_context(added: BTreeMap<String, String>, replaces: bool, now: Timestamp) -> EditDetails {
    Box::new(move |details| {
        if replaces {
            details.context.clear();
        }
        details.context.extend(added.clone());
        mark(details, |times| times.context_updated_at = Some(now));
    })
}

/// Merges structured metadata.
pub(super) async fn metadata(call: Call) -> Answer {
    let values = options::read_metadata(&call.params)?.ok_or_else(|| missing("metadata"))?;
    let clear_invalid = call.params.flag("clear_invalid")?;
    let now = call.app.clock.now();
    let mut edited = Vec::new();
    for key in keys(&call).await? {
        let Some(asset) = call.app.library.catalog.find_asset(&key).await? else {
            continue;
        };
        let checked = fields::check(&call.app, &values, &asset.details.metadata, clear_invalid).await?;
        let checked = Arc::new(checked);
        let edit: EditDetails = Box::new(move |details| {
            details.metadata.clone_from(&checked);
            mark(details, |times| times.metadata_updated_at = Some(now));
        });
        edited.extend(call.app.library.catalog.edit_asset(&asset.id, edit, now).await?);
    }
    notifications::metadata_changed(&call.app, call.params.text("notification_url"), &edited).await?;
    answer(&edited)
}

/// Edits all assets of the request; those that do not exist are passed over.
async fn edit_all(call: &Call, edit: impl Fn() -> EditDetails) -> Result<Vec<Edited>, ApiError> {
    let now = call.app.clock.now();
    let catalog = &call.app.library.catalog;
    let mut edited = Vec::new();
    for key in keys(call).await? {
        if let Some(asset) = catalog.find_asset(&key).await? {
            edited.extend(catalog.edit_asset(&asset.id, edit(), now).await?);
        }
    }
    Ok(edited)
}

/// What the request names; a member's pictures among them are refused before anything is changed.
async fn keys(call: &Call) -> Result<Vec<AssetKey>, ApiError> {
    let public_ids = call.params.names_in("public_ids");
    if public_ids.is_empty() {
        return Err(missing("public_ids"));
    }
    if public_ids.len() > MAX_ASSETS {
        return Err(ApiError::bad_request(format!(
            "Too many public_ids; at most {MAX_ASSETS}"
        )));
    }
    let mut keys = Vec::new();
    for public_id in public_ids {
        let key = assets::key(call, &public_id)?;
        refuse_change(&call.app, &key).await?;
        keys.push(key);
    }
    Ok(keys)
}

fn mark(details: &mut AssetDetails, set: impl FnOnce(&mut crate::library::extra::LastUpdated)) {
    let mut extra = Extra::of(details);
    set(&mut extra.last_updated);
    extra.keep_in(details);
}

fn answer(edited: &[Edited]) -> Answer {
    let public_ids: Vec<&str> = edited
        .iter()
        .map(|edited| edited.asset.key.public_id.as_str())
        .collect();
    ok(json!({ "public_ids": public_ids }))
}
