//! The JSON shapes of the application contract. Absent optional fields are left out; secrets are never in them.

use serde_json::{Map, Value, json};
use visage_cloudinary::ResourceType;
use visage_store::{Author, Comment, Post, User, UserId};

use crate::auth::SignedIn;
use crate::posts::Listed;
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
