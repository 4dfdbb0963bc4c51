//! Tells whoever wants to know what has happened. Notifications are queued before the request is answered, and sent later.

use serde_json::{Map, Value, json};
use visage_cloudinary::PublicId;
use visage_store::{Asset, DocumentKind, Edited, StoreError};

use super::answers as views;
use super::options::Notify;
use super::receive::EagerResult;
use crate::app::App;

/// Most subscriptions that are looked at.
const MAX_TRIGGERS: usize = 500;

/// An asset was uploaded, or changed by `explicit`; `answer` is what the caller was told.
///
/// # Errors
/// When the database fails.
pub async fn uploaded(app: &App, notify: &Notify, answer: &Map<String, Value>, kind: &str) -> Result<(), StoreError> {
    let urls = listeners(app, notify.url.clone(), kind).await?;
    if urls.is_empty() {
        return Ok(());
    }
    let mut body = answer.clone();
    body.remove("delete_token");
    add_batch(&mut body, notify);
    send(app, urls, kind, body).await
}

/// Eager images were made.
///
/// # Errors
/// When the database fails.
pub async fn eager(app: &App, notify: &Notify, asset: &Asset, results: &[EagerResult]) -> Result<(), StoreError> {
    let urls = listeners(app, notify.eager_url.clone(), "eager").await?;
    if urls.is_empty() {
        return Ok(());
    }
    let entries: Vec<Value> = results
        .iter()
        .map(|result| views::eager(app, asset, result, None))
        .collect();
    let mut body = of_asset(asset);
    body.insert("eager".to_owned(), json!(entries));
    add_batch(&mut body, notify);
    send(app, urls, "eager", body).await
}

/// An asset was deleted; `kind` is `delete` or `delete_by_token`.
///
/// # Errors
/// When the database fails.
pub async fn deleted(app: &App, url: Option<String>, kind: &str, asset: &Asset) -> Result<(), StoreError> {
    let urls = listeners(app, url, kind).await?;
    if urls.is_empty() {
        return Ok(());
    }
    let mut resource = of_asset(asset);
    resource.insert("version".to_owned(), json!(asset.version));
    let body = object(json!({ "resources": [resource] }));
    send(app, urls, kind, body).await
}

/// An asset has another name.
///
/// # Errors
/// When the database fails.
pub async fn renamed(app: &App, url: Option<String>, asset: &Asset, from: &PublicId) -> Result<(), StoreError> {
    let urls = listeners(app, url, "rename").await?;
    if urls.is_empty() {
        return Ok(());
    }
    let mut body = of_asset(asset);
    body.remove("public_id");
    body.insert("from_public_id".to_owned(), json!(from.as_str()));
    body.insert("to_public_id".to_owned(), json!(asset.key.public_id.as_str()));
    send(app, urls, "rename", body).await
}

/// Tags were changed.
///
/// # Errors
/// When the database fails.
pub async fn tags_changed(app: &App, url: Option<String>, edited: &[Edited]) -> Result<(), StoreError> {
    let urls = listeners(app, url, "resource_tags_changed").await?;
    if urls.is_empty() || edited.is_empty() {
        return Ok(());
    }
    let resources: Vec<Value> = edited
        .iter()
        .map(|edited| {
            let (before, after) = (&edited.before.tags, &edited.asset.details.tags);
            let mut resource = of_asset(&edited.asset);
            resource.insert("added".to_owned(), json!(after.difference(before).collect::<Vec<_>>()));
            resource.insert(
                "removed".to_owned(),
                json!(before.difference(after).collect::<Vec<_>>()),
            );
            Value::Object(resource)
        })
        .collect();
    let body = object(json!({ "source": "api", "resources": resources }));
    send(app, urls, "resource_tags_changed", body).await
}

/// Context was changed.
///
/// # Errors
/// When the database fails.
pub async fn context_changed(app: &App, url: Option<String>, edited: &[Edited]) -> Result<(), StoreError> {
    let change = |edited: &Edited| {
        let (before, after) = (&edited.before.context, &edited.asset.details.context);
        let added: Map<String, Value> = pairs(after.iter().filter(|(key, _)| !before.contains_key(*key)));
        let updated: Map<String, Value> = pairs(
            after
                .iter()
                .filter(|(key, value)| before.get(*key).is_some_and(|old| old != *value)),
        );
        let removed: Vec<&String> = before.keys().filter(|key| !after.contains_key(*key)).collect();
        json!({ "added": added, "updated": updated, "removed": removed })
    };
    changed(app, url, "resource_context_changed", edited, change).await
}

/// Structured metadata was changed.
///
/// # Errors
/// When the database fails.
pub async fn metadata_changed(app: &App, url: Option<String>, edited: &[Edited]) -> Result<(), StoreError> {
    let change = |edited: &Edited| json!({ "previous_metadata": edited.before.metadata, "new_metadata": edited.asset.details.metadata });
    changed(app, url, "resource_metadata_changed", edited, change).await
}

/// What is said of an asset was changed: tells of each part that is another one now.
///
/// # Errors
/// When the database fails.
pub async fn updated(app: &App, url: Option<String>, edited: &Edited) -> Result<(), StoreError> {
    let (before, after) = (&edited.before, &edited.asset.details);
    let one = std::slice::from_ref(edited);
    if before.tags != after.tags {
        tags_changed(app, url.clone(), one).await?;
    }
    if before.context != after.context {
        context_changed(app, url.clone(), one).await?;
    }
    if before.metadata != after.metadata {
        metadata_changed(app, url.clone(), one).await?;
    }
    if before.moderation != after.moderation
        && let Some(moderation) = &after.moderation
    {
        let urls = listeners(app, url, "moderation").await?;
        let mut body = of_asset(&edited.asset);
        body.insert("moderation_status".to_owned(), json!(moderation.status));
        body.insert("moderation_kind".to_owned(), json!(moderation.kind));
        body.insert(
            "moderation_updated_at".to_owned(),
            json!(views::utc_offset(moderation.updated_at)),
        );
        if !urls.is_empty() {
            send(app, urls, "moderation", body).await?;
        }
    }
    Ok(())
}

/// A folder was made, deleted, or has another path: `kind` and what is to be told of it.
///
/// # Errors
/// When the database fails.
pub async fn folder(app: &App, kind: &str, body: Value) -> Result<(), StoreError> {
    let urls = listeners(app, None, kind).await?;
    if urls.is_empty() {
        return Ok(());
    }
    send(app, urls, kind, object(body)).await
}

async fn changed(
    app: &App,
    url: Option<String>,
    kind: &str,
    edited: &[Edited],
    change: impl Fn(&Edited) -> Value,
) -> Result<(), StoreError> {
    let urls = listeners(app, url, kind).await?;
    if urls.is_empty() || edited.is_empty() {
        return Ok(());
    }
    let mut resources = Map::new();
    for edited in edited {
        let mut resource = object(change(edited));
        resource.extend(of_asset(&edited.asset));
        resources.insert(edited.asset.key.public_id.to_string(), Value::Object(resource));
    }
    let body = object(json!({ "source": "api", "resources": resources }));
    send(app, urls, kind, body).await
}

/// The address in the request, and those that have subscribed to this kind.
async fn listeners(app: &App, url: Option<String>, kind: &str) -> Result<Vec<String>, StoreError> {
    let documents = &app.library.documents;
    let triggers = documents
        .list_documents(DocumentKind::Trigger, None, MAX_TRIGGERS)
        .await?;
    let mut urls: Vec<String> = url.into_iter().collect();
    for trigger in triggers.items {
        let fits = trigger.body["event_type"] == kind || trigger.body["event_type"] == "all";
        if let Some(url) = trigger.body["uri"].as_str().filter(|_| fits)
            && !urls.iter().any(|known| known == url)
        {
            urls.push(url.to_owned());
        }
    }
    Ok(urls)
}

async fn send(app: &App, urls: Vec<String>, kind: &str, mut body: Map<String, Value>) -> Result<(), StoreError> {
    let now = views::utc_offset(app.clock.now());
    body.insert("notification_type".to_owned(), json!(kind));
    body.insert("timestamp".to_owned(), json!(now));
    body.insert("request_id".to_owned(), json!(super::random_name(32)));
    body.insert("signature_key".to_owned(), json!(app.config.embedded.api_key));
    let triggered_by = json!({ "source": "api", "id": app.config.embedded.api_key });
    let context = json!({ "triggered_at": now, "triggered_by": triggered_by });
    body.insert("notification_context".to_owned(), context);
    app.webhooks.notify(&urls, &Value::Object(body)).await
}

/// What every notification says of an asset.
fn of_asset(asset: &Asset) -> Map<String, Value> {
    object(json!({
        "asset_id": asset.id.to_string(),
        "public_id": asset.key.public_id.as_str(),
        "resource_type": asset.key.resource_type.as_str(),
        "type": asset.key.delivery_type.as_str(),
        "asset_folder": asset.details.asset_folder,
        "display_name": views::display_name(asset),
    }))
}

fn add_batch(body: &mut Map<String, Value>, notify: &Notify) {
    if let Some(batch_id) = &notify.batch_id {
        body.insert("batch_id".to_owned(), json!(batch_id));
    }
}

fn pairs<'a>(entries: impl Iterator<Item = (&'a String, &'a String)>) -> Map<String, Value> {
    entries.map(|(key, value)| (key.clone(), json!(value))).collect()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
