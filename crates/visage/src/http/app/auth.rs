//! `/api/auth/*`: signing up and signing in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::views;
use crate::app::App;
use crate::auth::{self, Registration};
use crate::http::error::ApiError;
use crate::http::extract::{Authenticated, ClientAddress, JsonBody, text};
use crate::sessions;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RegisterBody {
    #[serde(deserialize_with = "text")]
    name: String,
    #[serde(deserialize_with = "text")]
    email: String,
    #[serde(deserialize_with = "text")]
    password: String,
}

/// `POST /api/auth/register`
pub(crate) async fn register(
    State(app): State<Arc<App>>,
    ClientAddress(from): ClientAddress,
    JsonBody(body): JsonBody<RegisterBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let RegisterBody { name, email, password } = body;
    let otp = auth::register(&app, Registration { name, email, password }, from).await?;
    let mut answer = json!({ "message": "Registration successful. Please verify your email via OTP." });
    if let Some(otp) = otp.filter(|_| app.config.auth.reveal_tokens) {
        answer["otp"] = otp.into();
    }
    Ok((StatusCode::CREATED, Json(answer)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OtpBody {
    #[serde(deserialize_with = "text")]
    email: String,
    #[serde(deserialize_with = "text")]
    otp: String,
}

/// `POST /api/auth/verify-otp`
pub(crate) async fn verify_otp(
    State(app): State<Arc<App>>,
    ClientAddress(from): ClientAddress,
    JsonBody(body): JsonBody<OtpBody>,
) -> Result<Json<Value>, ApiError> {
    auth::verify_otp(&app, &body.email, &body.otp, from).await?;
    Ok(message("Email verified successfully"))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LoginBody {
    #[serde(deserialize_with = "text")]
    email: String,
    #[serde(deserialize_with = "text")]
    password: String,
}

/// `POST /api/auth/login`
pub(crate) async fn login(
    State(app): State<Arc<App>>,
    ClientAddress(from): ClientAddress,
    JsonBody(body): JsonBody<LoginBody>,
) -> Result<Json<Value>, ApiError> {
    let signed_in = auth::login(&app, &body.email, body.password, from).await?;
    Ok(Json(views::signed_in(&signed_in)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ForgotBody {
    #[serde(deserialize_with = "text")]
    email: String,
}

/// `POST /api/auth/forgot-password`
pub(crate) async fn forgot_password(
    State(app): State<Arc<App>>,
    ClientAddress(from): ClientAddress,
    JsonBody(body): JsonBody<ForgotBody>,
) -> Result<Json<Value>, ApiError> {
    let token = auth::forgot_password(&app, &body.email, from).await?;
    let mut answer = json!({ "message": "Password reset link sent to your email" });
    if app.config.auth.reveal_tokens {
        answer["resetToken"] = token.into();
    }
    Ok(Json(answer))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResetBody {
    #[serde(deserialize_with = "text")]
    token: String,
    #[serde(deserialize_with = "text")]
    password: String,
}

/// `POST /api/auth/reset-password`
pub(crate) async fn reset_password(
    State(app): State<Arc<App>>,
    ClientAddress(from): ClientAddress,
    JsonBody(body): JsonBody<ResetBody>,
) -> Result<Json<Value>, ApiError> {
    auth::reset_password(&app, &body.token, body.password, from).await?;
    Ok(message("Password reset successful"))
}

/// `POST /api/auth/sign-out-everywhere`: ends all sessions of the caller, also the one that asks.
pub(crate) async fn sign_out_everywhere(
    State(app): State<Arc<App>>,
    Authenticated(session): Authenticated,
) -> Result<Json<Value>, ApiError> {
    sessions::end_all(&app, session).await?;
    Ok(message("Signed out everywhere"))
}

pub(super) fn message(text: &str) -> Json<Value> {
    Json(json!({ "message": text }))
}
