//! `/api/users/*`: the signed-in user's own data.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use visage_store::ProfileDetails;

use super::auth::message;
use super::views;
use crate::accounts::{self, ChangedEmail};
use crate::app::App;
use crate::http::error::ApiError;
use crate::http::extract::{Caller, CallerUser, ClientAddress, JsonBody, text};
use crate::sessions::SessionError;

/// Longest text of a profile field.
const MAX_TEXT_CHARS: usize = 2000;

/// `GET /api/users/profile`
pub(crate) async fn profile(CallerUser(user): CallerUser) -> Json<Value> {
    Json(views::user(&user))
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
    let user = user.ok_or(SessionError::UserNotFound)?;
    Ok(Json(views::user(&user)))
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
    CallerUser(user): CallerUser,
    ClientAddress(from): ClientAddress,
    JsonBody(body): JsonBody<ChangePasswordBody>,
) -> Result<Json<Value>, ApiError> {
    accounts::change_password(&app, &user, body.current_password, body.new_password, from).await?;
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
    CallerUser(user): CallerUser,
    ClientAddress(from): ClientAddress,
    JsonBody(body): JsonBody<ChangeEmailBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    match accounts::change_email(&app, &user, &body.new_email, body.password, from).await? {
        ChangedEmail::Now => Ok((StatusCode::OK, message("Email updated successfully"))),
        ChangedEmail::WaitsForCode(otp) => {
            let sent = "We sent a code to the new address. Enter it to change your email.";
            let mut answer = json!({ "message": sent });
            if app.config.auth.reveal_tokens {
                answer["otp"] = otp.into();
            }
            Ok((StatusCode::ACCEPTED, Json(answer)))
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConfirmEmailBody {
    #[serde(deserialize_with = "text")]
    otp: String,
}

/// `POST /api/users/confirm-email`
pub(crate) async fn confirm_email(
    State(app): State<Arc<App>>,
    caller: Caller,
    ClientAddress(from): ClientAddress,
    JsonBody(body): JsonBody<ConfirmEmailBody>,
) -> Result<Json<Value>, ApiError> {
    accounts::confirm_email(&app, &caller.user_id, &body.otp, from).await?;
    Ok(message("Email updated successfully"))
}
