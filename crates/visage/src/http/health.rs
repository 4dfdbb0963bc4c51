//! `GET /health`: whether the server can do its work.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::{Value, json};
use visage_store::Condition;

use crate::app::App;
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
    let status = if damaged > 0 || backup_is_missing || condition.database_is_damaged {
        "degraded"
    } else {
        "ok"
    };
    let mut body = json!({ "status": status, "environment": app.config.environment });
    if damaged > 0 {
        body["damagedOriginals"] = damaged.into();
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
