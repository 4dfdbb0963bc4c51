//! `/ping`, `/config`, `/usage`, `/resources` and `/tags`.

use serde_json::{Value, json};

use super::{cursor, get, max_results, page};
use crate::http::cloudinary::endpoint::Endpoint;
use crate::http::cloudinary::{Answer, Call, assets, ok};
use crate::http::error::ApiError;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/ping", "Says that the service answers", ping),
        get("/config", "Says how the cloud is set up", config).takes(&["settings:flag"]),
        get("/usage", "Says how much there is", usage),
        get("/usage/{date}", "Says how much there is", usage),
        get("/resources", "Lists the resource types", resource_types),
        get("/tags/{resource_type}", "Lists tags", tags).takes(&["prefix", "max_results:int", "next_cursor"]),
    ]
}

async fn ping(_: Call) -> Answer {
    ok(json!({ "status": "ok" }))
}

async fn config(call: Call) -> Answer {
    let mut body = json!({
        "cloud_name": call.app.config.embedded.cloud_name,
        "created_at": crate::library::answers::utc(call.app.started_at),
    });
    if call.params.flag("settings")? {
        body["settings"] = json!({ "folder_mode": "dynamic" });
    }
    ok(body)
}

async fn usage(call: Call) -> Answer {
    let today = call.app.clock.now().strftime("%Y-%m-%d").to_string();
    let date = match call.path.get("date") {
        Some(text) => Some(read_date(text)?),
        None => None,
    };
    let usage = call.app.library.catalog.usage().await?;
    let limits = &call.app.config.limits;
    let rate = call.app.admin_calls.state(call.app.clock.now());
    let stored = usage.original_bytes + usage.derived_bytes + usage.backup_bytes;
    // What is not counted is 0 and has no limit: visage sends no bills.
    let unlimited = |used: u64| json!({ "usage": used, "limit": 0, "used_percent": 0.0, "credits_usage": 0.0 });
    let bandwidth = match date {
        Some(_) => json!({ "usage": 0, "credits_usage": 0.0 }),
        None => unlimited(0),
    };
    ok(json!({
        "plan": "visage",
        "last_updated": today,
        "date_requested": date.unwrap_or_else(|| format!("{today}T00:00:00Z")),
        "transformations": {
            "usage": usage.derived, "limit": 0, "used_percent": 0.0, "credits_usage": 0.0,
            "breakdown": { "transformation": usage.derived },
        },
        "objects": unlimited(usage.assets + usage.derived),
        "bandwidth": bandwidth,
        "storage": unlimited(stored),
        "requests": rate.limit - rate.remaining,
        "resources": usage.assets,
        "derived_resources": usage.derived,
        "rate_limit_allowed": rate.limit,
        "rate_limit_remaining": rate.remaining,
        "media_limits": {
            "image_max_size_bytes": limits.image_bytes,
            "video_max_size_bytes": limits.file_bytes,
            "raw_max_size_bytes": limits.file_bytes,
            "image_max_px": limits.source_pixels,
            "asset_max_total_px": limits.source_pixels * u64::from(limits.frames),
        },
    }))
}

/// A day in any form that times have, or `25-06-2024` as the Python library writes it.
fn read_date(text: &str) -> Result<String, ApiError> {
    let day = visage_cloudinary::read_time(text).map(|time| time.date());
    let day = day.or_else(|| jiff::civil::Date::strptime("%d-%m-%Y", text).ok());
    let day = day.ok_or_else(|| ApiError::bad_request(format!("Invalid date: {text}")))?;
    Ok(format!("{day}T00:00:00Z"))
}

async fn resource_types(_: Call) -> Answer {
    ok(json!({ "resource_types": ["image", "raw", "video"] }))
}

async fn tags(call: Call) -> Answer {
    let prefix = call.params.text("prefix").unwrap_or_default();
    let resource_type = assets::resource_type(&call)?;
    let (after, limit) = (cursor(&call, "next_cursor")?, max_results(&call, 10)?);
    let tags = call
        .app
        .library
        .catalog
        .list_tags(resource_type, &prefix, after, limit)
        .await?;
    ok(Value::Object(page("tags", tags, Value::from)))
}
