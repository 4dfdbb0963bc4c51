//! `/api/admin/*`: for administrators.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::views;
use crate::app::App;
use crate::http::error::ApiError;
use crate::http::extract::Administrator;
use crate::status;

/// `GET /api/admin/status`
pub(crate) async fn status(State(app): State<Arc<App>>, _: Administrator) -> Result<Json<Value>, ApiError> {
    let status = status::status(&app).await?;
    Ok(Json(views::status(&app.config, app.started_at, &status)))
}
