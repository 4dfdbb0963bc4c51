//! The JSON shapes of the application contract. Absent optional fields are left out; secrets are never in them.

use serde_json::{Map, Value, json};
use visage_cloudinary::ResourceType;
use visage_store::{Author, Comment, Post, User, UserId};

use crate::auth::SignedIn;
use crate::config::Config;
use crate::own_image::OwnImage;
use crate::posts::Listed;
use crate::status::Status;
use crate::tokens::ADMIN_ID;

/// `{token, user: {id, name, email, role, profileImage?}}`
pub(super) fn signed_in(signed_in: &SignedIn) -> Value {
    let user = match &signed_in.user {
        None => json!({ "id": ADMIN_ID, "name": "Admin", "email": signed_in.email, "role": "admin" }),
        Some(user) => {
            let mut view = json!({ "id": user.id.to_string(), "name": user.name, "email": user.email, "role": user.role.as_str() });
            if let Some(url) = &user.profile_image {
                view["profileImage"] = url.as_str().into();
            }
            view
        }
    };
    json!({ "token": signed_in.token, "user": user })
}

/// The user's document without its secrets.
pub(super) fn user(user: &User) -> Value {
    let profile = &user.profile;
    let mut view = Map::new();
    let mut set = |key: &str, value: Value| {
        if !value.is_null() {
            view.insert(key.to_owned(), value);
        }
    };
    set("_id", user.id.to_string().into());
    set("name", user.name.as_str().into());
    set("email", user.email.as_str().into());
    set("role", user.role.as_str().into());
    set("isVerified", user.is_verified.into());
    set("suspended", user.suspended.into());
    set("trainerPreference", user.trainer_preference.as_str().into());
    set("joiningDate", date(user.joining_date));
    set("weight", profile.weight.map_or(Value::Null, number));
    set("height", profile.height.map_or(Value::Null, number));
    set("gender", profile.gender.as_deref().into());
    set("dob", profile.dob.as_deref().into());
    set("purpose", profile.purpose.as_deref().into());
    set("fitnessGoal", profile.fitness_goal.as_deref().into());
    set("shortTermGoal", profile.short_term_goal.as_deref().into());
    set("healthIssues", profile.health_issues.as_deref().into());
    let history = user.weight_history.iter();
    let history = history
        .map(|entry| json!({ "_id": entry.id.to_string(), "date": date(entry.date), "weight": number(entry.weight) }));
    set("weightHistory", history.collect());
    set("createdAt", date(user.created_at));
    set("updatedAt", date(user.updated_at));
    set("__v", 0.into());
    set("profileImage", user.profile_image.as_deref().into());
    set("cloudinaryId", user.cloudinary_id.as_deref().into());
    Value::Object(view)
}

/// `{profileImage?, cloudinaryId?, original?, preview?, crop?, faces?, sizes?, maxBytes}`
pub(super) fn own_image(image: Option<&OwnImage>, max_bytes: u64) -> Value {
    let mut view = json!({ "maxBytes": max_bytes });
    let Some(image) = image else { return view };
    view["profileImage"] = image.url.as_str().into();
    if let Some(id) = &image.public_id {
        view["cloudinaryId"] = id.as_str().into();
    }
    let Some(hosted) = &image.hosted else { return view };
    view["original"] = json!({ "url": hosted.original_url });
    view["preview"] = hosted.preview_url.as_str().into();
    if let Some(facts) = &hosted.facts {
        view["original"] = json!({
            "url": hosted.original_url,
            "width": facts.width,
            "height": facts.height,
            "bytes": facts.bytes,
            "format": facts.format,
        });
    }
    if let Some(faces) = hosted.facts.as_ref().and_then(|facts| facts.faces.as_ref()) {
        view["faces"] = json!(faces);
    }
    if let Some(crop) = hosted.crop {
        view["crop"] = json!(crop);
    }
    let sizes = hosted.sizes.iter();
    view["sizes"] = sizes.map(|(size, url)| json!({ "size": size, "url": url })).collect();
    view
}

/// What an administrator wants to know.
pub(super) fn status(config: &Config, started_at: jiff::Timestamp, status: &Status) -> Value {
    let kind = if status.breaker.is_some() {
        "cloudinary"
    } else {
        "embedded"
    };
    let mut host = json!({ "kind": kind });
    if let Some(breaker) = status.breaker {
        host["breaker"] = breaker.as_str().into();
    }
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "startedAt": date(started_at),
        "cloudName": config.embedded.cloud_name,
        "mediaHost": host,
        "storage": storage(status),
        "cache": {
            "hotBytes": status.hot_bytes,
            "hotMaxBytes": config.cache.hot_bytes / 2,
            "derivedBytes": status.storage.derived_bytes,
            "derivedMaxBytes": config.cache.derived_bytes,
        },
        "reaper": reaper(status),
        "scrub": scrub(config, status),
        "backup": backup(status),
    })
}

fn storage(status: &Status) -> Value {
    let storage = &status.storage;
    let mut view = json!({
        "assets": storage.assets,
        "originalBytes": storage.original_bytes,
        "derived": storage.derived,
        "derivedBytes": storage.derived_bytes,
        "backupBytes": storage.backup_bytes,
    });
    if let Some(disk) = status.disk {
        view["diskBytes"] = disk.bytes.into();
        view["diskFreeBytes"] = disk.free_bytes.into();
    }
    view
}

fn reaper(status: &Status) -> Value {
    let media = &status.media;
    let mut view = json!({ "pending": media.pending, "expired": media.expired, "takenIn": media.taken_in });
    if let Some(pass) = &status.last_pass {
        view["lastPass"] = match &pass.outcome {
            Ok(reaped) => json!({ "endedAt": date(pass.ended_at), "ok": true, "did": reaped }),
            // Why is for the log.
            Err(_) => json!({ "endedAt": date(pass.ended_at), "ok": false }),
        };
    }
    view
}

fn scrub(config: &Config, status: &Status) -> Value {
    let mut view = json!({ "enabled": config.scrub.enabled, "damagedOriginals": status.condition.damaged_originals });
    let (begun_at, ended_at) = (status.scrub.begun_at, status.scrub.ended_at);
    for (name, time) in [("roundBegunAt", begun_at), ("lastRoundEndedAt", ended_at)] {
        if let Some(time) = time {
            view[name] = date(time);
        }
    }
    view
}

fn backup(status: &Status) -> Value {
    let mut view = json!({ "scheduled": status.backups_are_missing.is_some() });
    if let Some(are_missing) = status.backups_are_missing {
        view["ok"] = (!are_missing).into();
    }
    let times = &status.condition.backup;
    for (name, time) in [
        ("lastSuccessAt", times.succeeded_at),
        ("lastFailureAt", times.failed_at),
    ] {
        if let Some(time) = time {
            view[name] = date(time);
        }
    }
    view
}

/// `{posts, totalPages, currentPage}`
pub(super) fn posts(listed: &Listed) -> Value {
    json!({
        "posts": listed.posts.iter().map(post).collect::<Value>(),
        "totalPages": listed.total_pages,
        "currentPage": listed.current_page,
    })
}

/// The post's document, with its authors in it.
pub(super) fn post(post: &Post) -> Value {
    let mut view = json!({
        "_id": post.id.to_string(),
        "user": author(post.author.as_ref()),
        "content": post.content,
        "likes": ids(&post.likes),
        "featured": post.featured,
        "comments": post.comments.iter().map(comment).collect::<Value>(),
        "createdAt": date(post.created_at),
        "expiresAt": date(post.expires_at),
        "__v": post.revision,
    });
    if let Some(media) = &post.media {
        view["media"] = media.url.as_str().into();
        view["cloudinaryId"] = media.public_id.as_str().into();
        view["mediaType"] = match media.resource_type {
            ResourceType::Image => "image".into(),
            ResourceType::Video | ResourceType::Raw => "video".into(),
        };
    }
    view
}

/// `{_id, user, text, createdAt}`
pub(super) fn comment(comment: &Comment) -> Value {
    json!({
        "_id": comment.id.to_string(),
        "user": author(comment.author.as_ref()),
        "text": comment.text,
        "createdAt": date(comment.created_at),
    })
}

/// `{_id, name, profileImage?}`; `null` when the user is gone.
fn author(author: Option<&Author>) -> Value {
    let Some(author) = author else { return Value::Null };
    let mut view = json!({ "_id": author.id.to_string(), "name": author.name });
    if let Some(url) = &author.profile_image {
        view["profileImage"] = url.as_str().into();
    }
    view
}

pub(super) fn ids(users: &[UserId]) -> Value {
    users.iter().map(UserId::to_string).collect()
}

/// ISO 8601 in UTC with milliseconds, as JavaScript writes dates.
fn date(time: jiff::Timestamp) -> Value {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into()
}

/// A number as JavaScript writes it: whole ones without a decimal point.
fn number(value: f64) -> Value {
    #[allow(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
    if value.fract() == 0.0 && value.abs() < 9e15 {
        (value as i64).into()
    } else {
        value.into()
    }
}
