//! `/resources/search`

use serde_json::{Map, Value, json};
use visage_cloudinary::search::{Expression, SearchField, SortBy, Sortable};
use visage_store::{Aggregate, Asset, Media, SearchQuery};

use super::{cursor, get, max_results, page, post};
use crate::http::cloudinary::endpoint::Endpoint;
use crate::http::cloudinary::upload::options;
use crate::http::cloudinary::{Answer, Call, ok};
use crate::http::error::ApiError;
use crate::library::answers::{self, insert_some, utc_offset};
use crate::library::change;
use crate::library::extra::Extra;

/// Most fields to sort by, and most things to count.
const MAX_PARTS: usize = 10;
/// Members that are there whatever `fields` says.
const ALWAYS: [&str; 7] = [
    "public_id",
    "asset_id",
    "created_at",
    "status",
    "type",
    "resource_type",
    "folder",
];

const TAKEN: &[&str] = &[
    "expression",
    "sort_by:json",
    "max_results:int",
    "next_cursor",
    "with_field:list",
    "fields:list",
    "aggregate:json",
];

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        post("/resources/search", "Searches for assets", search).takes(TAKEN),
        get("/resources/search", "Searches for assets", search).takes(TAKEN),
    ]
}

async fn search(call: Call) -> Answer {
    let query = read(&call)?;
    let (with, fields) = (call.params.list("with_field"), call.params.list("fields"));
    let begun = std::time::Instant::now();
    let mut found = call.app.library.catalog.search_assets(query).await?;
    let asked = options::analyse_for(&|name| with.iter().chain(&fields).any(|field| field == name));
    if !asked.is_empty() {
        found.page.items = change::complete(&call.app, found.page.items, asked).await;
    }
    let mut body = page("resources", found.page, |asset| view(&call, &asset, &with, &fields));
    body.insert("total_count".to_owned(), json!(found.total));
    body.insert("time".to_owned(), json!(begun.elapsed().as_millis()));
    if !found.aggregations.is_empty() {
        body.insert("aggregations".to_owned(), json!(found.aggregations));
    }
    ok(Value::Object(body))
}

fn read(call: &Call) -> Result<SearchQuery, ApiError> {
    let now = call.app.clock.now();
    let text = call.params.text("expression").filter(|text| !text.trim().is_empty());
    let expression = text
        .map(|text| Expression::<SearchField>::parse(&text, now))
        .transpose()
        .map_err(ApiError::bad_request)?;
    Ok(SearchQuery {
        expression,
        sort_by: sort_by(call)?,
        after: cursor(call, "next_cursor")?,
        limit: max_results(call, 50)?,
        aggregate: aggregates(call)?,
    })
}

/// `[{"public_id": "asc"}, …]`
pub(super) fn sort_by<F: Sortable>(call: &Call) -> Result<Vec<SortBy<F>>, ApiError> {
    let pairs = sort_pairs(call)?;
    pairs
        .iter()
        .map(|(field, direction)| SortBy::parse(field, direction).map_err(ApiError::bad_request))
        .collect()
}

fn sort_pairs(call: &Call) -> Result<Vec<(String, String)>, ApiError> {
    let entries = match call.params.json("sort_by")? {
        None => return Ok(Vec::new()),
        Some(Value::Array(entries)) => entries,
        Some(one) => vec![one],
    };
    let wrong = || ApiError::bad_request("Invalid sort_by: it must be a list of maps of a field to asc or desc");
    let mut pairs = Vec::new();
    for entry in entries.iter().take(MAX_PARTS) {
        for (field, direction) in entry.as_object().ok_or_else(wrong)? {
            pairs.push((field.clone(), direction.as_str().ok_or_else(wrong)?.to_owned()));
        }
    }
    Ok(pairs)
}

fn aggregates(call: &Call) -> Result<Vec<Aggregate>, ApiError> {
    let mut entries = Vec::new();
    for value in call.params.values_of("aggregate") {
        match value {
            Value::Array(items) => entries.extend(items),
            Value::String(text) if text.trim_start().starts_with(['[', '{']) => {
                let parsed: Value = serde_json::from_str(&text).map_err(ApiError::bad_request)?;
                entries.extend(parsed.as_array().cloned().unwrap_or_else(|| vec![parsed]));
            }
            other => entries.push(other),
        }
    }
    entries.iter().take(MAX_PARTS).map(aggregate).collect()
}

fn aggregate(entry: &Value) -> Result<Aggregate, ApiError> {
    let name = entry.as_str().or_else(|| entry["type"].as_str()).unwrap_or_default();
    match name {
        "format" => Ok(Aggregate::Format),
        "resource_type" => Ok(Aggregate::ResourceType),
        "type" => Ok(Aggregate::Type),
        "bytes" => {
            let ranges = entry["ranges"].as_array().map_or(&[][..], Vec::as_slice);
            let range = |range: &Value| {
                let key = range["key"].as_str()?.to_owned();
                Some((key, range["from"].as_u64(), range["to"].as_u64()))
            };
            let ranges: Option<Vec<_>> = ranges.iter().take(MAX_PARTS).map(range).collect();
            let ranges = ranges.filter(|ranges| !ranges.is_empty());
            ranges
                .map(Aggregate::Bytes)
                .ok_or_else(|| ApiError::bad_request("Invalid aggregate: bytes needs ranges with a key"))
        }
        other => Err(ApiError::bad_request(format!("Invalid aggregate: {other}"))),
    }
}

/// An asset as searches show it: times have an offset, the context is flat.
fn view(call: &Call, asset: &Asset, with: &[String], fields: &[String]) -> Value {
    let mut item = answers::base(&call.app, asset);
    let (details, facts) = (&asset.details, &asset.upload.facts);
    let extra = Extra::of(details);
    let mut set = |name: &str, value: Value| {
        item.insert(name.to_owned(), value);
    };
    set("folder", json!(details.asset_folder));
    set("filename", json!(asset.key.public_id.as_str().rsplit('/').next()));
    set("created_at", json!(utc_offset(asset.created_at)));
    set("uploaded_at", json!(utc_offset(asset.upload.created_at)));
    set("backup_bytes", json!(if details.backup { facts.bytes } else { 0 }));
    set("status", json!("active"));
    set("access_mode", json!(answers::access_mode(&extra)));
    set("access_control", extra.access_control.clone().unwrap_or(Value::Null));
    set("last_updated", answers::last_updated(asset, &extra.last_updated));
    let by = json!({ "access_key": extra.api_key });
    set("created_by", by.clone());
    set("uploaded_by", by);
    if let Some((width, height)) = answers::size_of(facts) {
        set("pixels", json!(u64::from(width) * u64::from(height)));
        set("aspect_ratio", json!(ratio(width, height)));
    }
    if let Media::Video(video) = &facts.media {
        set("duration", json!(video.duration));
    }
    insert_some(&mut item, "etag", facts.md5.map(|md5| md5.to_string()));
    let wants = |name: &str| with.iter().chain(fields).any(|field| field == name);
    add_wanted(&mut item, asset, &extra, &wants);
    if !fields.is_empty() {
        item.retain(|name, _| ALWAYS.contains(&name.as_str()) || wants(name));
    }
    Value::Object(item)
}

fn add_wanted(item: &mut Map<String, Value>, asset: &Asset, extra: &Extra, wants: &dyn Fn(&str) -> bool) {
    let details = &asset.details;
    if wants("tags") {
        item.insert("tags".to_owned(), json!(details.tags));
    }
    if wants("context") && !details.context.is_empty() {
        item.insert("context".to_owned(), json!(details.context));
    }
    if wants("metadata") {
        item.insert("metadata".to_owned(), json!(details.metadata));
    }
    item.extend(answers::found(asset).into_iter().filter(|(name, _)| wants(name)));
    if wants("image_analysis") {
        let faces = extra.face_coordinates.as_ref().or(extra.analysis.faces.as_ref());
        let analysis = json!({
            "face_count": faces.map(Vec::len),
            "faces": faces,
            "grayscale": extra.analysis.grayscale,
            "transparent": asset.upload.facts.image().map(|image| image.has_alpha),
            "colors": extra.analysis.colors,
        });
        item.insert("image_analysis".to_owned(), analysis);
    }
}

/// Width by height, to five places.
fn ratio(width: u32, height: u32) -> f64 {
    let ratio = f64::from(width) / f64::from(height.max(1));
    (ratio * 100_000.0).round() / 100_000.0
}
