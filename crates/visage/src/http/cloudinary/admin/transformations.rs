//! `/transformations`: names for transformations, and which are allowed where only some are.

use serde_json::{Map, Value, json};
use visage_cloudinary::Transformation;
use visage_store::{Asset, BlobKey, Cursor, Derived, Document, DocumentKind, Page};

use super::{already_exists, cursor, delete, get, max_results, not_found, post, put};
use crate::http::cloudinary::endpoint::Endpoint;
use crate::http::cloudinary::params::missing;
use crate::http::cloudinary::upload::options::derivative_of;
use crate::http::cloudinary::{Answer, Call, ok};
use crate::http::error::ApiError;
use crate::library::answers;
use crate::library::in_use::refuse_transformation;
use crate::library::named::{self, NamedTransformation};
use crate::library::options::Eager;

const KIND: DocumentKind = DocumentKind::Transformation;
/// More derived images than this keep their transformation from being deleted.
const MAX_DERIVED: usize = 1_000;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let one = "/transformations/{*transformation}";
    let changes = &["transformation", "allowed_for_strict:flag", "unsafe_update"];
    vec![
        get("/transformations", "Lists transformations, or shows one", list_or_show).takes(&[
            "transformation",
            "named:flag",
            "max_results:int",
            "next_cursor",
        ]),
        get(one, "Shows a transformation", show).takes(&["max_results:int", "next_cursor"]),
        post("/transformations", "Names a transformation", create).takes(&[
            "name!",
            "transformation!",
            "allowed_for_strict:flag",
        ]),
        post(one, "Names a transformation", create).takes(&["transformation!", "allowed_for_strict:flag"]),
        put("/transformations", "Changes a transformation", update).takes(changes),
        put(one, "Changes a transformation", update).takes(changes),
        delete("/transformations", "Deletes a transformation", remove).takes(&["transformation!", "invalidate:flag"]),
        delete(one, "Deletes a transformation", remove).takes(&["invalidate:flag"]),
    ]
}

/// What a request calls a transformation: the name of one that has a name, or a text that stands for itself.
struct Asked {
    /// The document's name: the name, or the canonical text.
    name: String,
    /// What it is asked for as.
    eager: Option<Eager>,
}

fn asked(call: &Call) -> Result<Asked, ApiError> {
    let text = call
        .params
        .text("transformation")
        .filter(|_| call.path.get("transformation").is_none());
    let text = text.or_else(|| call.path.get("transformation").map(str::to_owned));
    let text = text.ok_or_else(|| missing("transformation"))?;
    Ok(read(&text))
}

fn read(text: &str) -> Asked {
    let plain = text.strip_prefix("t_").unwrap_or(text);
    if is_name(plain) {
        return Asked {
            name: plain.to_owned(),
            eager: None,
        };
    }
    let eager = named::read(text);
    let name = match &eager {
        Some(eager) => named::strict_text(eager),
        None => text.to_owned(),
    };
    Asked { name, eager }
}

/// Whether a text is a name: it is no transformation itself.
fn is_name(text: &str) -> bool {
    !text.contains(['/', ',']) && Transformation::parse(text).is_err()
}

fn kept(document: &Document) -> NamedTransformation {
    serde_json::from_value(document.body.clone()).unwrap_or_default()
}

async fn list_or_show(call: Call) -> Answer {
    if call.params.has("transformation") {
        return show(call).await;
    }
    let limit = max_results(&call, 10)?;
    let only_named = call.params.boolean("named")?;
    let after = call.params.text("next_cursor");
    let mut items = Vec::new();
    let mut next = None;
    // Those with names come first, then those that were used; the cursor says which it is in.
    let (in_used, text) = match after.as_deref().and_then(|text| text.strip_prefix("u.")) {
        Some(rest) => (true, Some(rest.to_owned())),
        None => (false, after),
    };
    let position = match text.filter(|text| !text.is_empty()) {
        Some(text) => Some(Cursor::parse(&text).map_err(ApiError::bad_request)?),
        None => None,
    };
    if !in_used {
        let page = call
            .app
            .library
            .documents
            .list_documents(KIND, position.clone(), limit)
            .await?;
        items.extend(page.items.iter().filter_map(|document| listed(document, only_named)));
        next = page.next.map(|next| next.to_string());
    }
    if next.is_none() && only_named != Some(true) && items.len() < limit {
        let position = position.filter(|_| in_used);
        let page = call
            .app
            .library
            .catalog
            .used_transformations(position, limit - items.len())
            .await?;
        items.extend(page.items.into_iter().map(|(text, extension)| {
            let name = answers::with_extension(&text, extension.as_deref());
            json!({ "name": name, "allowed_for_strict": false, "used": true, "named": false })
        }));
        next = page.next.map(|next| format!("u.{next}"));
    } else if next.is_none() && only_named != Some(true) {
        next = Some("u.".to_owned());
    }
    let mut body = Map::new();
    body.insert("transformations".to_owned(), json!(items));
    answers::insert_some(&mut body, "next_cursor", next);
    ok(Value::Object(body))
}

fn listed(document: &Document, only_named: Option<bool>) -> Option<Value> {
    let kept = kept(document);
    let named = kept.transformation.is_some();
    if only_named.is_some_and(|wanted| wanted != named) {
        return None;
    }
    let name = if named {
        format!("t_{}", document.name)
    } else {
        document.name.clone()
    };
    Some(json!({ "name": name, "allowed_for_strict": kept.allowed_for_strict, "used": false, "named": named }))
}

async fn show(call: Call) -> Answer {
    let asked = asked(&call)?;
    let document = call.app.library.documents.find_document(KIND, &asked.name).await?;
    let kept = document.as_ref().map(kept);
    let named = kept.as_ref().and_then(|kept| kept.transformation.clone());
    let listed_as = match (&named, &asked.eager) {
        (Some(_), _) => format!("t_{}", asked.name),
        (None, Some(_)) => asked.name.clone(),
        (None, None) => return Err(unknown(&asked.name)),
    };
    let (text, extension) = match &asked.eager {
        Some(eager) => (eager.transformation.to_string(), eager.extension.clone()),
        None => (listed_as.clone(), None),
    };
    let (after, limit) = (cursor(&call, "next_cursor")?, max_results(&call, 10)?);
    let page = derived(&call, &text, extension.as_deref(), after, limit).await?;
    let used = !page.items.is_empty();
    if named.is_none() && kept.is_none() && !used {
        return Err(unknown(&asked.name));
    }
    let items: Vec<Value> = page
        .items
        .iter()
        .map(|(asset, derived)| {
            let mut item = answers::derived(&call.app, asset, derived);
            item["public_id"] = json!(asset.key.public_id.as_str());
            item["resource_type"] = json!(asset.key.resource_type.as_str());
            item["type"] = json!(asset.key.delivery_type.as_str());
            item
        })
        .collect();
    let mut body = Map::new();
    body.insert("name".to_owned(), json!(listed_as));
    body.insert(
        "allowed_for_strict".to_owned(),
        json!(kept.is_some_and(|kept| kept.allowed_for_strict)),
    );
    body.insert("used".to_owned(), json!(used));
    body.insert("named".to_owned(), json!(named.is_some()));
    body.insert("info".to_owned(), info(named.as_deref(), asked.eager.as_ref()));
    body.insert("derived".to_owned(), json!(items));
    answers::insert_some(&mut body, "next_cursor", page.next.map(|next| next.to_string()));
    ok(Value::Object(body))
}

/// What was made with a transformation. Where URLs without extension are asked about, that is what such URLs were answered
/// with, unless something was made ahead for them.
async fn derived(
    call: &Call,
    text: &str,
    extension: Option<&str>,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page<(Asset, Derived)>, ApiError> {
    let catalog = &call.app.library.catalog;
    let page = catalog
        .derived_by_transformation(text, extension, after.clone(), limit)
        .await?;
    if !page.items.is_empty() || extension != Some("") {
        return Ok(page);
    }
    Ok(catalog.derived_by_transformation(text, None, after, limit).await?)
}

/// The parsed parameters; an extension stands with them.
fn info(named: Option<&str>, eager: Option<&Eager>) -> Value {
    let parsed = named.map_or_else(|| eager.cloned(), named::read);
    let Some(parsed) = parsed else { return json!([]) };
    let mut info = parsed.transformation.info();
    if let Some(extension) = &parsed.extension
        && let Some(last) = info.as_array_mut().and_then(|components| components.last_mut())
    {
        last["extension"] = json!(if extension.is_empty() { "none" } else { extension });
    }
    info
}

fn unknown(name: &str) -> ApiError {
    not_found(format!("Transformation {name} not found"))
}

async fn create(call: Call) -> Answer {
    let name = match call.path.get("transformation") {
        Some(name) => name.to_owned(),
        None => call.params.required("name")?,
    };
    let name = name.strip_prefix("t_").unwrap_or(&name).to_owned();
    let text = definition(&call, "transformation")?;
    // A text may stand for itself, too: then it is only allowed.
    let is_itself = named::read(&name).is_some_and(|eager| named::strict_text(&eager) == text);
    let (name, transformation) = if is_good_name(&name) {
        (name, Some(text))
    } else if is_itself {
        (text, None)
    } else {
        return Err(ApiError::bad_request(format!("Invalid transformation name: {name}")));
    };
    let shown = format!("{}{name}", if transformation.is_some() { "t_" } else { "" });
    let body = NamedTransformation {
        transformation,
        allowed_for_strict: call.params.boolean("allowed_for_strict")?.unwrap_or(true),
    };
    let body = serde_json::to_value(body).map_err(ApiError::internal)?;
    let (documents, now) = (&call.app.library.documents, call.app.clock.now());
    if documents.create_document(KIND, &name, body, now).await? {
        ok(json!({ "message": "created" }))
    } else {
        Err(already_exists(format!("Transformation {shown} already exists")))
    }
}

fn is_good_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().count() <= 255
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' '))
}

/// What a name is to stand for, in canonical form.
fn definition(call: &Call, name: &str) -> Result<String, ApiError> {
    let value = call
        .params
        .value(name)
        .filter(|_| call.params.has(name))
        .ok_or_else(|| missing(name))?;
    Ok(named::strict_text(&derivative_of(value)?))
}

async fn update(call: Call) -> Answer {
    let asked = asked(&call)?;
    if call.params.has("unsafe_update") || call.params.boolean("allowed_for_strict")? == Some(false) {
        refuse_transformation(&call.app, &asked.name).await?;
    }
    loop {
        let (documents, now) = (&call.app.library.documents, call.app.clock.now());
        let document = documents.find_document(KIND, &asked.name).await?;
        let found: Option<NamedTransformation> = document.as_ref().map(super::editable).transpose()?;
        let mut body = found.unwrap_or_default();
        if document.is_none() && asked.eager.is_none() {
            return Err(unknown(&asked.name));
        }
        body.allowed_for_strict = call
            .params
            .boolean("allowed_for_strict")?
            .unwrap_or(body.allowed_for_strict);
        if call.params.has("unsafe_update") {
            body.transformation = Some(definition(&call, "unsafe_update")?);
        }
        let body = serde_json::to_value(body).map_err(ApiError::internal)?;
        let done = match &document {
            Some(document) => documents.replace_document(document, body, now).await?,
            None => documents.create_document(KIND, &asked.name, body, now).await?,
        };
        // Somebody else may have been faster.
        if done {
            return ok(json!({ "message": "updated" }));
        }
    }
}

async fn remove(call: Call) -> Answer {
    let asked = asked(&call)?;
    refuse_transformation(&call.app, &asked.name).await?;
    let (text, extension) = match &asked.eager {
        Some(eager) => (eager.transformation.to_string(), eager.extension.clone()),
        None => (format!("t_{}", asked.name), None),
    };
    let library = &call.app.library;
    let page = derived(&call, &text, extension.as_deref(), None, MAX_DERIVED).await?;
    if page.items.len() >= MAX_DERIVED {
        let message = "too many derived resources";
        return Err(ApiError::new(http::StatusCode::FORBIDDEN, "forbidden", message));
    }
    let deleted = library.documents.delete_document(KIND, &asked.name).await?;
    if !deleted && page.items.is_empty() {
        return Err(unknown(&asked.name));
    }
    for (_, derived) in &page.items {
        let key = BlobKey::Derived(derived.key.upload, derived.key.recipe.clone());
        library.blobs.delete(&key).await?;
        library.catalog.forget_derived(&derived.key, derived.used_at).await?;
        library.forget_hot(&derived.key);
    }
    ok(json!({ "message": "deleted" }))
}
