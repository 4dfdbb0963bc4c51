//! The Admin API: one file per kind of thing.

mod backups;
mod delete;
mod details;
mod folders;
mod lists;
mod mappings;
mod metadata_fields;
mod presets;
mod search;
mod service;
mod transformations;
mod triggers;

use http::Method;
use serde_json::{Value, json};
use visage_store::{Cursor, Document, Page};

use super::Call;
use super::endpoint::Endpoint;
use crate::http::error::ApiError;
use crate::library::answers::Object;

/// The endpoints of the Admin API. Fixed words stand before names.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut all = service::endpoints();
    all.extend(search::endpoints());
    all.extend(folders::endpoints());
    all.extend(presets::endpoints());
    all.extend(transformations::endpoints());
    all.extend(mappings::endpoints());
    all.extend(triggers::endpoints());
    all.extend(metadata_fields::endpoints());
    all.extend(backups::endpoints());
    all.extend(lists::endpoints());
    all.extend(delete::endpoints());
    all.extend(details::endpoints());
    all
}

fn get<F, Fut>(pattern: &'static str, summary: &'static str, run: F) -> Endpoint
where
    F: Fn(Call) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = super::Answer> + Send + 'static,
{
    Endpoint::admin(Method::GET, pattern, summary, run)
}

fn post<F, Fut>(pattern: &'static str, summary: &'static str, run: F) -> Endpoint
where
    F: Fn(Call) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = super::Answer> + Send + 'static,
{
    Endpoint::admin(Method::POST, pattern, summary, run)
}

fn put<F, Fut>(pattern: &'static str, summary: &'static str, run: F) -> Endpoint
where
    F: Fn(Call) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = super::Answer> + Send + 'static,
{
    Endpoint::admin(Method::PUT, pattern, summary, run)
}

fn delete<F, Fut>(pattern: &'static str, summary: &'static str, run: F) -> Endpoint
where
    F: Fn(Call) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = super::Answer> + Send + 'static,
{
    Endpoint::admin(Method::DELETE, pattern, summary, run)
}

/// The length of a page.
fn max_results(call: &Call, default: usize) -> Result<usize, ApiError> {
    match call.params.integer("max_results")? {
        None => Ok(default),
        Some(number) => match usize::try_from(number) {
            Ok(limit @ 1..=500) => Ok(limit),
            _ => Err(ApiError::bad_request(format!(
                "Invalid value for parameter max_results: {number}. It must be from 1 to 500"
            ))),
        },
    }
}

/// Where the page begins. A blank cursor means the first page.
fn cursor(call: &Call, name: &str) -> Result<Option<Cursor>, ApiError> {
    let Some(text) = call.params.text(name) else {
        return Ok(None);
    };
    Cursor::parse(&text)
        .map(Some)
        .map_err(|_no_cursor| ApiError::bad_request(format!("Invalid value for parameter {name}")))
}

/// `{name: items, "next_cursor": …}`; the cursor only while more is left.
fn page<T>(name: &str, page: Page<T>, view: impl FnMut(T) -> Value) -> Object {
    let mut object = Object::new();
    let items: Vec<Value> = page.items.into_iter().map(view).collect();
    object.insert(name.to_owned(), json!(items));
    if let Some(next) = page.next {
        object.insert("next_cursor".to_owned(), json!(next.to_string()));
    }
    object
}

/// What an edit of a document begins with. One that cannot be read, because it was damaged or another release wrote it
/// otherwise, is not written over.
fn editable<T: serde::de::DeserializeOwned>(document: &Document) -> Result<T, ApiError> {
    serde_json::from_value(document.body.clone())
        .map_err(|error| ApiError::internal(format!("{:?} {} cannot be read: {error}", document.kind, document.name)))
}

fn not_found(message: impl std::fmt::Display) -> ApiError {
    ApiError::new(http::StatusCode::NOT_FOUND, "not_found", message)
}

fn already_exists(message: impl std::fmt::Display) -> ApiError {
    ApiError::new(http::StatusCode::CONFLICT, "already_exists", message)
}
