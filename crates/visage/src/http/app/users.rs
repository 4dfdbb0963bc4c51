//! `/api/users/*`: the signed-in user's own data.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use visage_store::{ProfileDetails, User};

use super::auth::message;
use super::views;
use crate::app::App;
use crate::auth;
use crate::http::error::ApiError;
use crate::http::extract::{Caller, ClientAddress, JsonBody, text};

/// Longest text of a profile field.
const MAX_TEXT_CHARS: usize = 2000;

/// `GET /api/users/profile`
pub(crate) async fn profile(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, ApiError> {
    let user = app.directory.user(&caller.user_id).await?;
    found(user).map(|user| Json(views::user(&user)))
}

/// `PUT /api/users/profile`: applies those of its fields that have a value.
pub(crate) async fn update_profile(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let update = read_update(&body)?;
    let user = app
        .directory
        .update_profile(&caller.user_id, update, app.clock.now())
        .await?;
    found(user).map(|user| Json(views::user(&user)))
}

fn found(user: Option<User>) -> Result<User, ApiError> {
    user.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "not_found", "User not found"))
}

fn read_update(body: &Map<String, Value>) -> Result<ProfileDetails, ApiError> {
    Ok(ProfileDetails {
        weight: read_number(body, "weight")?,
        height: read_number(body, "height")?,
        gender: read_text(body, "gender")?,
        dob: read_text(body, "dob")?,
        purpose: read_text(body, "purpose")?,
        fitness_goal: read_text(body, "fitnessGoal")?,
        short_term_goal: read_text(body, "shortTermGoal")?,
        health_issues: read_text(body, "healthIssues")?,
    })
}

/// A number, also as text: the page posts back what was typed.
fn read_number(body: &Map<String, Value>, key: &str) -> Result<Option<f64>, ApiError> {
    let number = match body.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => return Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(value) => value.as_f64(),
    };
    match number {
        Some(number) if (0.0..=1_000_000.0).contains(&number) => Ok(Some(number).filter(|n| *n > 0.0)),
        _ => Err(ApiError::bad_request(format!("{key} must be a number"))),
    }
}

/// A text with something in it. `Not specified` is what the page shows, and posts back, for nothing.
fn read_text(body: &Map<String, Value>, key: &str) -> Result<Option<String>, ApiError> {
    match body.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => Ok(None),
        Some(Value::String(text)) if text.is_empty() || text == "Not specified" => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= MAX_TEXT_CHARS => Ok(Some(text.clone())),
        Some(Value::String(_)) => Err(ApiError::bad_request(format!("{key} is too long"))),
        Some(_) => Err(ApiError::bad_request(format!("{key} must be text"))),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ChangePasswordBody {
    #[serde(deserialize_with = "text")]
    current_password: String,
    #[serde(deserialize_with = "text")]
    new_password: String,
}

/// `POST /api/users/change-password`
pub(crate) async fn change_password(
    State(app): State<Arc<App>>,
    caller: Caller,
    ClientAddress(from): ClientAddress,
    JsonBody(body): JsonBody<ChangePasswordBody>,
) -> Result<Json<Value>, ApiError> {
    auth::change_password(&app, &caller.user_id, body.current_password, body.new_password, from).await?;
    Ok(message("Password updated successfully"))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ChangeEmailBody {
    #[serde(deserialize_with = "text")]
    new_email: String,
    #[serde(deserialize_with = "text")]
    password: String,
}

/// `POST /api/users/change-email`
pub(crate) async fn change_email(
    State(app): State<Arc<App>>,
    caller: Caller,
    ClientAddress(from): ClientAddress,
    JsonBody(body): JsonBody<ChangeEmailBody>,
) -> Result<Json<Value>, ApiError> {
    auth::change_email(&app, &caller.user_id, &body.new_email, body.password, from).await?;
    Ok(message("Email updated successfully"))
}
