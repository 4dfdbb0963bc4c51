//! `/metadata_fields`: the fields of structured metadata.

use serde_json::{Map, Value, json};
use visage_store::{Document, DocumentKind};

use super::{delete, get, not_found, post, put};
use crate::http::cloudinary::endpoint::Endpoint;
use crate::http::cloudinary::params::missing;
use crate::http::cloudinary::{Answer, Call, ok};
use crate::http::error::ApiError;
use crate::library::metadata::{self, FieldType, MAX_FIELDS};
use crate::library::random_name;

const KIND: DocumentKind = DocumentKind::MetadataField;
/// Most entries of a data source.
const MAX_ENTRIES: usize = 3_000;
const TAKEN: &[&str] = &[
    "external_id",
    "type",
    "label",
    "mandatory:flag",
    "default_value:json",
    "validation:json",
    "datasource:json",
    "restrictions:json",
    "allow_dynamic_list_values:flag",
];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let source = "/metadata_fields/{external_id}/datasource";
    vec![
        get("/metadata_fields", "Lists metadata fields", list),
        post("/metadata_fields", "Makes a metadata field", create).takes(TAKEN),
        put(source, "Changes the choices of a field", merge_source).takes(&["values!:json"]),
        delete(source, "Takes choices away", remove_entries).takes(&["external_ids!:list"]),
        post(
            "/metadata_fields/{external_id}/datasource_restore",
            "Brings choices back",
            restore_entries,
        )
        .takes(&["external_ids!:list"]),
        get("/metadata_fields/{external_id}", "Shows a metadata field", show),
        put("/metadata_fields/{external_id}", "Changes a metadata field", update).takes(TAKEN),
        delete("/metadata_fields/{external_id}", "Deletes a metadata field", remove),
    ]
}

fn view(field: &Document) -> Value {
    let mut body = field.body.clone();
    body["external_id"] = json!(field.name);
    if let Some(members) = body.as_object_mut() {
        members.remove("deleted");
    }
    if let Some(entries) = body.pointer_mut("/datasource/values").and_then(Value::as_array_mut) {
        entries.iter_mut().for_each(hide_active);
    }
    body
}

/// Leaves `state` out of an active choice; only a removed one shows it.
fn hide_active(entry: &mut Value) {
    if entry["state"] == json!("active")
        && let Some(members) = entry.as_object_mut()
    {
        members.remove("state");
    }
}

async fn list(call: Call) -> Answer {
    let fields = metadata::fields(&call.app).await?;
    ok(json!({ "metadata_fields": fields.iter().map(view).collect::<Vec<_>>() }))
}

async fn find(call: &Call) -> Result<Document, ApiError> {
    let id = call.path.require("external_id")?;
    let found = call.app.library.documents.find_document(KIND, id).await?;
    let found = found.filter(|field| field.body["deleted"] != json!(true));
    found.ok_or_else(|| not_found(format!("External ID {id} does not exist")))
}

async fn show(call: Call) -> Answer {
    ok(view(&find(&call).await?))
}

async fn create(call: Call) -> Answer {
    let params = &call.params;
    let kind = params.required("type")?;
    if FieldType::parse(&kind).is_none() {
        return Err(ApiError::bad_request(format!("Invalid type: {kind}")));
    }
    let id = params.text("external_id").unwrap_or_else(|| random_name(20));
    let good = id.chars().count() <= 255 && id.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    if !good {
        return Err(ApiError::bad_request(format!("Invalid external_id: {id}")));
    }
    if metadata::fields(&call.app).await?.len() >= MAX_FIELDS {
        return Err(ApiError::bad_request(format!(
            "Too many metadata fields; at most {MAX_FIELDS}"
        )));
    }
    let mut body = json!({ "type": kind, "mandatory": false, "default_value": null, "validation": null });
    change(&call, &mut body)?;
    if body["label"].is_null() {
        return Err(missing("label"));
    }
    if matches!(kind.as_str(), "enum" | "set") && body["datasource"].is_null() {
        return Err(missing("datasource"));
    }
    check_default(&body)?;
    let (documents, now) = (&call.app.library.documents, call.app.clock.now());
    if !documents.create_document(KIND, &id, body, now).await? {
        // A deleted field's id stays taken: assets may have values of it.
        return Err(ApiError::bad_request(format!("external id {id} already exists")));
    }
    let created = documents.find_document(KIND, &id).await?;
    ok(created.as_ref().map_or(Value::Null, view))
}

/// Changes what is sent; the type and the external id stay.
fn change(call: &Call, body: &mut Value) -> Result<(), ApiError> {
    let params = &call.params;
    if let Some(label) = params.text("label") {
        body["label"] = json!(label);
    }
    if let Some(mandatory) = params.boolean("mandatory")? {
        body["mandatory"] = json!(mandatory);
    }
    for name in ["default_value", "validation", "restrictions"] {
        if let Some(value) = params.value(name) {
            body[name] = value.clone();
        }
    }
    if let Some(allowed) = params.boolean("allow_dynamic_list_values")? {
        body["allow_dynamic_list_values"] = json!(allowed);
    }
    if let Some(source) = params.json("datasource")? {
        body["datasource"] = json!({ "values": entries(&source["values"], &[])? });
    }
    Ok(())
}

/// The entries of a data source: those there are, with `new` merged in by external id.
fn entries(new: &Value, there: &[Value]) -> Result<Vec<Value>, ApiError> {
    let wrong = || ApiError::bad_request("Invalid datasource: values must be a list of maps with a value");
    let mut entries = there.to_vec();
    for entry in new.as_array().ok_or_else(wrong)? {
        let value = entry["value"].as_str().ok_or_else(wrong)?;
        let id = entry["external_id"]
            .as_str()
            .map_or_else(|| random_name(20), str::to_owned);
        let made = json!({ "external_id": id, "value": value, "state": "active" });
        match entries.iter_mut().find(|known| known["external_id"] == json!(id)) {
            Some(known) => *known = made,
            None => entries.push(made),
        }
        if entries.len() > MAX_ENTRIES {
            return Err(ApiError::bad_request(format!("Too many values; at most {MAX_ENTRIES}")));
        }
    }
    Ok(entries)
}

fn check_default(body: &Value) -> Result<(), ApiError> {
    let default = &body["default_value"];
    if default.is_null() || metadata::fit(body, default).is_some() {
        Ok(())
    } else {
        Err(ApiError::bad_request("default_value is invalid"))
    }
}

async fn update(call: Call) -> Answer {
    edit(&call, |body| {
        change(&call, body)?;
        check_default(body)
    })
    .await
}

async fn remove(call: Call) -> Answer {
    edit(&call, |body| {
        body["deleted"] = json!(true);
        Ok(())
    })
    .await?;
    ok(json!({ "message": "ok" }))
}

async fn merge_source(call: Call) -> Answer {
    let new = call.params.json("values")?.ok_or_else(|| missing("values"))?;
    edit_source(&call, |there| entries(&new, there)).await
}

async fn remove_entries(call: Call) -> Answer {
    set_state(&call, "inactive").await
}

async fn restore_entries(call: Call) -> Answer {
    set_state(&call, "active").await
}

async fn set_state(call: &Call, state: &str) -> Answer {
    let ids = call.params.list("external_ids");
    if ids.is_empty() {
        return Err(missing("external_ids"));
    }
    edit_source(call, |there| {
        let mut entries = there.to_vec();
        for entry in &mut entries {
            if entry["external_id"]
                .as_str()
                .is_some_and(|id| ids.iter().any(|wanted| wanted == id))
            {
                entry["state"] = json!(state);
            }
        }
        Ok(entries)
    })
    .await
}

/// Answers the active entries.
async fn edit_source(call: &Call, change: impl Fn(&[Value]) -> Result<Vec<Value>, ApiError>) -> Answer {
    edit(call, |body| {
        let there = body["datasource"]["values"].as_array().cloned();
        let there = there.ok_or_else(|| ApiError::bad_request("The field has no datasource"))?;
        body["datasource"] = json!({ "values": change(&there)? });
        Ok(())
    })
    .await?;
    let field = find(call).await?;
    let mut active = field.body["datasource"]["values"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    active.retain(|entry| entry["state"] != json!("inactive"));
    active.iter_mut().for_each(hide_active);
    ok(json!({ "values": active }))
}

async fn edit(call: &Call, change: impl Fn(&mut Value) -> Result<(), ApiError>) -> Answer {
    loop {
        let field = find(call).await?;
        let mut body = field.body.clone();
        if !body.is_object() {
            body = Value::Object(Map::new());
        }
        change(&mut body)?;
        let (documents, now) = (&call.app.library.documents, call.app.clock.now());
        // Somebody else may have changed it meanwhile.
        if documents.replace_document(&field, body.clone(), now).await? {
            let changed = Document { body, ..field };
            return ok(view(&changed));
        }
    }
}
