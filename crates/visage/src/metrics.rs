//! Metrics in Prometheus' text format.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::app::App;

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to record, for the whole process. Again is harmless.
pub fn record() {
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("metrics are recorded already");
        }
        handle
    });
}

/// Sums up what was recorded; without it, memory would grow when nobody asks for the metrics.
pub fn sum_up() {
    if let Some(handle) = RECORDER.get() {
        handle.run_upkeep();
    }
}

/// `GET /metrics`
pub(crate) async fn show(State(app): State<Arc<App>>) -> Response {
    if let Ok(counts) = app.directory.media_counts().await {
        gauge("visage_pending_media", counts.pending);
        gauge("visage_expired_media", counts.expired);
        gauge("visage_taken_in_media", counts.taken_in);
    }
    if let Ok(condition) = app.upkeep.condition().await {
        gauge("visage_damaged_originals", condition.damaged_originals);
        if let Some(at) = condition.backup.succeeded_at {
            let seconds = u64::try_from(at.as_second()).unwrap_or_default();
            gauge("visage_backup_last_success_timestamp_seconds", seconds);
        }
    }
    if let Ok(bytes) = app.library.catalog.derived_bytes().await {
        gauge("visage_derived_bytes", bytes);
    }
    if let Some(breaker) = app.media_host.breaker() {
        gauge("visage_media_host_breaker", breaker as u64);
    }
    let text = RECORDER.get().map(PrometheusHandle::render).unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is no ledger")]
fn gauge(name: &'static str, value: u64) {
    metrics::gauge!(name).set(value as f64);
}
