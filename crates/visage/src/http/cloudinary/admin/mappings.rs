//! `/upload_mappings`: where missing assets of a folder are fetched from.

use serde_json::{Value, json};
use visage_store::{Document, DocumentKind};

use super::{already_exists, cursor, delete, get, max_results, not_found, page, post, put};
use crate::http::cloudinary::endpoint::Endpoint;
use crate::http::cloudinary::{Answer, Call, ok};
use crate::http::error::ApiError;
use crate::library::random_name;

const KIND: DocumentKind = DocumentKind::UploadMapping;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let path = "/upload_mappings";
    vec![
        get(path, "Lists upload mappings, or shows one", list).takes(&["folder", "max_results:int", "next_cursor"]),
        post(path, "Makes an upload mapping", create).takes(&["folder!", "template!"]),
        put(path, "Changes an upload mapping", update).takes(&["folder!", "template!"]),
        delete(path, "Deletes an upload mapping", remove).takes(&["folder!"]),
    ]
}

fn view(document: &Document) -> Value {
    json!({
        "folder": document.name,
        "template": document.body["template"],
        "external_id": document.body["external_id"],
    })
}

async fn find(call: &Call) -> Result<Document, ApiError> {
    let folder = call.params.required("folder")?;
    let found = call.app.library.documents.find_document(KIND, &folder).await?;
    found.ok_or_else(|| not_found(format!("Can't find upload mapping for folder {folder}")))
}

async fn list(call: Call) -> Answer {
    if call.params.has("folder") {
        return ok(view(&find(&call).await?));
    }
    let (after, limit) = (cursor(&call, "next_cursor")?, max_results(&call, 10)?);
    let found = call.app.library.documents.list_documents(KIND, after, limit).await?;
    ok(Value::Object(page("mappings", found, |document| view(&document))))
}

/// An address that files are fetched from.
fn template(call: &Call) -> Result<String, ApiError> {
    let template = call.params.required("template")?;
    if template.starts_with("https://") || template.starts_with("http://") {
        Ok(template)
    } else {
        Err(ApiError::bad_request(
            "Invalid template: it must be an http or https URL",
        ))
    }
}

async fn create(call: Call) -> Answer {
    let folder = call.params.required("folder")?;
    let external_id = random_name(32);
    let body = json!({ "template": template(&call)?, "external_id": external_id });
    let (documents, now) = (&call.app.library.documents, call.app.clock.now());
    if documents.create_document(KIND, &folder, body, now).await? {
        ok(json!({ "message": "created", "folder": folder, "external_id": external_id }))
    } else {
        Err(already_exists(format!(
            "Upload mapping for folder {folder} already exists"
        )))
    }
}

async fn update(call: Call) -> Answer {
    let template = template(&call)?;
    loop {
        let document = find(&call).await?;
        let mut body = document.body.clone();
        body["template"] = json!(template);
        let (documents, now) = (&call.app.library.documents, call.app.clock.now());
        if documents.replace_document(&document, body, now).await? {
            let external_id = &document.body["external_id"];
            return ok(json!({ "message": "updated", "folder": document.name, "external_id": external_id }));
        }
    }
}

async fn remove(call: Call) -> Answer {
    let document = find(&call).await?;
    call.app.library.documents.delete_document(KIND, &document.name).await?;
    let external_id = &document.body["external_id"];
    ok(json!({ "message": "deleted", "folder": document.name, "external_id": external_id }))
}
