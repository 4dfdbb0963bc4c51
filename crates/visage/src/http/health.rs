//! `GET /health`: whether the server can do its work.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::{Value, json};
use visage_store::Condition;

use crate::app::App;
use crate::disk::UploadRoom;
use crate::jobs::backups;

/// It works as long as the database answers. Lost originals and missing backups are told as `degraded`, with status 200: they
/// are for an operator to put right, and a load balancer that took the server away would make them an outage.
pub(super) async fn show(State(app): State<Arc<App>>) -> Response {
    match app.upkeep.condition().await {
        Ok(condition) => Json(tell(&app, &condition)).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "the database does not answer");
            let environment = &app.config.environment;
            let body =
                Json(json!({ "status": "failing", "environment": environment, "message": "The database fails" }));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

fn tell(app: &App, condition: &Condition) -> Value {
    let damaged = condition.damaged_originals;
    let backup_is_missing = backups::are_missing(app, &condition.backup);
    let room = upload_room(app);
    let is_degraded = damaged > 0 || backup_is_missing || condition.database_is_damaged || room != UploadRoom::Enough;
    let status = if is_degraded { "degraded" } else { "ok" };
    let mut body = json!({ "status": status, "environment": app.config.environment });
    if damaged > 0 {
        body["damagedOriginals"] = damaged.into();
    }
    if let Some(message) = advice_on_room(room) {
        body["disk"] = json!({ "ok": false, "message": message });
    }
    if condition.database_is_damaged {
        body["database"] = json!({
            "ok": false,
            "message": "the database file is damaged and nothing is written to it; stop the server and run `visage restore`",
        });
    }
    if app.config.backup.is_scheduled() {
        let last = condition.backup.succeeded_at.map(|at| at.to_string());
        body["backup"] = json!({ "ok": !backup_is_missing, "lastSuccess": last });
        if let Some(advice) = backups::advice(app, &condition.backup) {
            body["backup"]["message"] = advice.into();
        }
    }
    // This server works, whatever the account does: whoever watches it is told, and nobody restarts it for that.
    if let Some(breaker) = app.media_host.breaker() {
        body["mediaHost"] = json!({ "kind": "cloudinary", "breaker": breaker.as_str() });
    }
    body
}

fn upload_room(app: &App) -> UploadRoom {
    let limits = &app.config.limits;
    let largest_bytes = limits.profile_image_bytes.max(limits.post_media_bytes);
    app.library.disk_reserve.upload_room(largest_bytes)
}

fn advice_on_room(room: UploadRoom) -> Option<&'static str> {
    match room {
        UploadRoom::Enough => None,
        UploadRoom::Short => Some("the disk is nearly full and uploads will soon be refused; make room on it"),
        UploadRoom::None => Some("the disk is full and uploads are refused; make room on it"),
    }
}
