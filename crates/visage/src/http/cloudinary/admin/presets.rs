//! `/upload_presets`

use serde_json::{Map, Value, json};
use visage_store::{Document, DocumentKind};

use super::{cursor, delete, get, max_results, not_found, page, post, put};
use crate::http::cloudinary::endpoint::Endpoint;
use crate::http::cloudinary::upload::options::transformation_of;
use crate::http::cloudinary::upload::parameters::{self, Support};
use crate::http::cloudinary::{Answer, Call, Kind, ok};
use crate::http::error::ApiError;
use crate::library::presets::Preset;
use crate::library::random_name;

const KIND: DocumentKind = DocumentKind::UploadPreset;
/// What is said of the preset itself.
const OWN: [&str; 4] = ["name", "unsigned", "disallow_public_id", "live"];
/// Parameters of a request that are no settings.
const NEVER_KEPT: [&str; 6] = [
    "timestamp",
    "signature",
    "api_key",
    "file",
    "upload_preset",
    "public_id",
];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let taken = || {
        parameters::taken()
            .into_iter()
            .filter(|row| row.name != "file")
            .collect()
    };
    vec![
        get("/upload_presets", "Lists upload presets", list).takes(&["max_results:int", "next_cursor"]),
        get("/upload_presets/{*name}", "Shows an upload preset", show),
        post("/upload_presets", "Makes an upload preset", create)
            .takes(&["name", "unsigned:flag", "disallow_public_id:flag", "live:flag"])
            .takes_all(taken()),
        put("/upload_presets/{*name}", "Changes an upload preset", update)
            .takes(&["unsigned:flag", "disallow_public_id:flag", "live:flag"])
            .takes_all(taken()),
        delete("/upload_presets/{*name}", "Deletes an upload preset", remove),
    ]
}

fn unknown(name: &str) -> ApiError {
    not_found(format!("Can't find upload preset named {name}"))
}

fn preset_of(document: &Document) -> Preset {
    serde_json::from_value(document.body.clone()).unwrap_or_default()
}

async fn list(call: Call) -> Answer {
    let (after, limit) = (cursor(&call, "next_cursor")?, max_results(&call, 10)?);
    let found = call.app.library.documents.list_documents(KIND, after, limit).await?;
    ok(Value::Object(page("presets", found, |document| view(&document))))
}

async fn show(call: Call) -> Answer {
    ok(view(&find(&call).await?))
}

async fn find(call: &Call) -> Result<Document, ApiError> {
    let name = call.path.require("name")?;
    let found = call.app.library.documents.find_document(KIND, name).await?;
    found.ok_or_else(|| unknown(name))
}

async fn create(call: Call) -> Answer {
    let name = call.params.text("name").unwrap_or_else(|| random_name(8));
    if name.chars().count() > 255 || name.chars().any(char::is_control) {
        return Err(ApiError::bad_request("Invalid name"));
    }
    let mut preset = Preset {
        external_id: random_name(32),
        ..Preset::default()
    };
    change(&call, &mut preset)?;
    let body = serde_json::to_value(&preset).map_err(ApiError::internal)?;
    let (documents, now) = (&call.app.library.documents, call.app.clock.now());
    if !documents.create_document(KIND, &name, body, now).await? {
        return Err(super::already_exists(format!("Upload preset {name} already exists")));
    }
    ok(json!({ "message": "created", "name": name, "external_id": preset.external_id }))
}

async fn update(call: Call) -> Answer {
    loop {
        let document = find(&call).await?;
        let mut preset: Preset = super::editable(&document)?;
        change(&call, &mut preset)?;
        let body = serde_json::to_value(&preset).map_err(ApiError::internal)?;
        let (documents, now) = (&call.app.library.documents, call.app.clock.now());
        // Somebody else may have changed it meanwhile.
        if documents.replace_document(&document, body, now).await? {
            return ok(json!({ "message": "updated", "external_id": preset.external_id }));
        }
    }
}

async fn remove(call: Call) -> Answer {
    let document = find(&call).await?;
    call.app.library.documents.delete_document(KIND, &document.name).await?;
    ok(json!({ "message": "deleted", "external_id": preset_of(&document).external_id }))
}

/// What is not sent stays as it was.
fn change(call: &Call, preset: &mut Preset) -> Result<(), ApiError> {
    let params = &call.params;
    preset.unsigned = params.boolean("unsigned")?.unwrap_or(preset.unsigned);
    preset.disallow_public_id = params
        .boolean("disallow_public_id")?
        .unwrap_or(preset.disallow_public_id);
    preset.live = params.boolean("live")?.or(preset.live);
    for name in params.names() {
        if OWN.contains(&name) || NEVER_KEPT.contains(&name) {
            continue;
        }
        let Some(row) = parameters::find(name) else {
            return Err(ApiError::bad_request(format!("Unknown upload parameter: {name}")));
        };
        if let Support::Refused(why) = row.support {
            return Err(ApiError::bad_request(format!(
                "Parameter {name} is not supported: {why}"
            )));
        }
        match params.value(name) {
            Some(value) if params.has(name) => preset
                .settings
                .insert(name.to_owned(), kept(&params.items(name), value)),
            _ => preset.settings.remove(name),
        };
    }
    check(&preset.settings)
}

fn kept(items: &[String], value: &Value) -> Value {
    match value {
        Value::String(_) if items.len() > 1 => json!(items.join(",")),
        other => other.clone(),
    }
}

/// A preset that cannot be used is refused when it is made.
fn check(settings: &Map<String, Value>) -> Result<(), ApiError> {
    let mut params = crate::http::cloudinary::params::Params::default();
    for (name, value) in settings {
        params.push(name, value.clone())?;
    }
    crate::http::cloudinary::upload::options::read(&params, "auto", true).map(drop)
}

/// The preset with its settings in the types of the SDKs' options.
fn view(document: &Document) -> Value {
    let preset = preset_of(document);
    let mut settings: Map<String, Value> = preset
        .settings
        .iter()
        .map(|(name, value)| (name.clone(), typed(name, value)))
        .collect();
    if preset.disallow_public_id {
        settings.insert("disallow_public_id".to_owned(), json!(true));
    }
    if let Some(live) = preset.live {
        settings.insert("live".to_owned(), json!(live));
    }
    json!({
        "name": document.name,
        "unsigned": preset.unsigned,
        "external_id": preset.external_id,
        "settings": settings,
    })
}

fn typed(name: &str, value: &Value) -> Value {
    let text = value.as_str();
    let kind = parameters::find(name).map(|row| row.kind);
    match (name, kind, text) {
        ("transformation", ..) => transformation_of(value).map_or_else(|_unreadable| value.clone(), |read| read.info()),
        ("eager", _, Some(text)) => json!(
            text.split('|')
                .map(|one| transformation_of(&json!(one))
                    .map_or_else(|_has_an_extension| json!(one), |read| read.info()))
                .collect::<Vec<_>>()
        ),
        ("context", _, Some(text)) => match visage_cloudinary::parameters::context(text) {
            Ok(pairs) => json!(pairs),
            Err(_unreadable) => value.clone(),
        },
        (_, Some(Kind::List), Some(text)) => json!(text.split(',').map(str::trim).collect::<Vec<_>>()),
        (_, Some(Kind::Flag), Some(text)) => json!(matches!(text, "1" | "true")),
        (_, Some(Kind::Json), Some(text)) => serde_json::from_str(text).unwrap_or_else(|_no_json| value.clone()),
        _ => value.clone(),
    }
}
