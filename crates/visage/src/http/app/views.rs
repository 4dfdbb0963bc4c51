//! The JSON shapes of the application contract. Absent optional fields are left out; secrets are never in them.

use serde_json::{Map, Value, json};
use visage_store::User;

use crate::auth::SignedIn;
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
