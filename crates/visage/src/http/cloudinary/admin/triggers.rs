//! `/triggers`: who is told of what.

use serde_json::{Value, json};
use visage_store::{Document, DocumentKind};

use super::{delete, get, not_found, post, put};
use crate::http::cloudinary::endpoint::Endpoint;
use crate::http::cloudinary::{Answer, Call, ok};
use crate::http::error::ApiError;
use crate::library::answers::utc;
use crate::library::random_name;

const KIND: DocumentKind = DocumentKind::Trigger;
/// Most addresses for one kind of event.
const MAX_PER_EVENT: usize = 30;
/// Most subscriptions.
const MAX_TRIGGERS: usize = 500;
/// What can be subscribed to.
const EVENTS: [&str; 12] = [
    "all",
    "upload",
    "explicit",
    "eager",
    "delete",
    "delete_by_token",
    "rename",
    "resource_tags_changed",
    "resource_context_changed",
    "resource_metadata_changed",
    "create_folder",
    "delete_folder",
];

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/triggers", "Lists webhook subscriptions", list).takes(&["event_type"]),
        post("/triggers", "Subscribes a webhook", create).takes(&["uri!", "event_type!"]),
        put("/triggers/{id}", "Changes where a webhook goes", update).takes(&["new_uri!"]),
        delete("/triggers/{id}", "Ends a webhook subscription", remove),
    ]
}

fn view(call: &Call, document: &Document) -> Value {
    json!({
        "id": document.name,
        "product_environment_id": call.app.config.embedded.cloud_name,
        "uri_type": "webhook",
        "uri": document.body["uri"],
        "event_type": document.body["event_type"],
        "created_at": utc(document.created_at),
        "updated_at": utc(document.updated_at),
    })
}

async fn all(call: &Call) -> Result<Vec<Document>, ApiError> {
    let documents = &call.app.library.documents;
    Ok(documents.list_documents(KIND, None, MAX_TRIGGERS).await?.items)
}

async fn list(call: Call) -> Answer {
    let event = call.params.text("event_type");
    let fits = |document: &&Document| event.as_ref().is_none_or(|event| document.body["event_type"] == *event);
    let triggers = all(&call).await?;
    let views: Vec<Value> = triggers
        .iter()
        .filter(fits)
        .map(|document| view(&call, document))
        .collect();
    ok(json!({ "triggers": views }))
}

fn address(call: &Call, name: &'static str) -> Result<String, ApiError> {
    let uri = call.params.required(name)?;
    if uri.starts_with("https://") || uri.starts_with("http://") {
        Ok(uri)
    } else {
        Err(ApiError::bad_request(format!(
            "Invalid {name}: it must be an http or https URL"
        )))
    }
}

async fn create(call: Call) -> Answer {
    let uri = address(&call, "uri")?;
    let event = call.params.required("event_type")?;
    if !EVENTS.contains(&event.as_str()) && event != "move_or_rename_asset_folder" && event != "generate_archive" {
        return Err(ApiError::bad_request(format!("Invalid event_type: {event}")));
    }
    let there = all(&call).await?;
    let same_event = there
        .iter()
        .filter(|document| document.body["event_type"] == event)
        .count();
    if same_event >= MAX_PER_EVENT || there.len() >= MAX_TRIGGERS {
        return Err(ApiError::bad_request(format!(
            "Too many webhooks for {event}; at most {MAX_PER_EVENT}"
        )));
    }
    let id = random_name(32);
    let body = json!({ "uri": uri, "event_type": event });
    let (documents, now) = (&call.app.library.documents, call.app.clock.now());
    documents.create_document(KIND, &id, body, now).await?;
    ok(view(&call, &find(&call, &id).await?))
}

async fn find(call: &Call, id: &str) -> Result<Document, ApiError> {
    let found = call.app.library.documents.find_document(KIND, id).await?;
    found.ok_or_else(|| not_found(format!("Trigger {id} not found")))
}

async fn update(call: Call) -> Answer {
    let uri = address(&call, "new_uri")?;
    loop {
        let document = find(&call, call.path.require("id")?).await?;
        let mut body = document.body.clone();
        body["uri"] = json!(uri);
        let (documents, now) = (&call.app.library.documents, call.app.clock.now());
        if documents.replace_document(&document, body, now).await? {
            return ok(json!({ "message": "ok" }));
        }
    }
}

async fn remove(call: Call) -> Answer {
    let document = find(&call, call.path.require("id")?).await?;
    call.app.library.documents.delete_document(KIND, &document.name).await?;
    ok(json!({ "message": "ok" }))
}
