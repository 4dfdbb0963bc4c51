//! A user as it stands in an export of the earlier installation's database (MongoDB's extended JSON, relaxed or canonical).
//! Posts are in [`post`].

pub mod post;

use std::collections::HashSet;
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use visage_cloudinary::Secret;
use visage_store::{
    EntryId, MAX_WEIGHT_ENTRIES, Otp, ProfileDetails, ResetToken, Role, Sessions, Sha256, User, UserId, WeightEntry,
    normalize_email,
};

use super::report::{Ending, Outcome};

/// What the original application writes for a user who did not choose.
const NO_TRAINER_PREFERENCE: &str = "No Preference";

/// What a bcrypt hash begins with.
const BCRYPT: [&str; 3] = ["$2a$", "$2b$", "$2y$"];

/// Most characters of an `_id` that are reported.
const MAX_ID_CHARACTERS: usize = 100;

/// Why a document is no user, or no post. No value of a field is told: there are secrets among them.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is no JSON object.
    #[error("it is no JSON: {0}")]
    Json(String),
    /// A field is missing.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// A field is not what it should be.
    #[error("its {0} cannot be read")]
    Unreadable(&'static str),
    /// The password would be of no use.
    #[error("its password is not a bcrypt hash")]
    Password,
}

/// A user of an export.
#[derive(Debug, PartialEq)]
pub struct UserDocument {
    /// The user, as it was.
    pub user: User,
    /// Why its picture was left out; the user comes all the same.
    pub left_out: Option<String>,
}

/// A document that does not come: its `_id`, where that can be read, and how it ended.
pub(super) type Rejected = (Option<String>, Ending);

/// What is reported of a document that cannot be read.
pub(super) fn rejected(document: &[u8], error: &DocumentError) -> Rejected {
    (id_of(document), (Outcome::Failed, error.to_string()))
}

/// What is reported of a document whose `_id` an earlier one has.
pub(super) fn repeated(id: impl fmt::Display) -> Rejected {
    let why = format!("an earlier document has the same _id, {id}");
    (Some(id.to_string()), (Outcome::Refused, why))
}

/// The `_id` of a document of which nothing else may be readable: an `ObjectId` as its digits, anything else as its JSON.
fn id_of(document: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Identified {
        #[serde(rename = "_id")]
        id: Value,
    }
    let Identified { id } = serde_json::from_slice(document).ok()?;
    let shown = match id.get("$oid").unwrap_or(&id) {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(shown.chars().take(MAX_ID_CHARACTERS).collect())
}

/// The fields that are kept.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Fields {
    #[serde(rename = "_id")]
    id: Value,
    name: Value,
    email: Value,
    password: Value,
    role: Value,
    otp: Value,
    otp_expiry: Value,
    is_verified: Value,
    reset_password_token: Value,
    reset_password_expires: Value,
    joining_date: Value,
    weight: Value,
    weight_history: Option<Vec<Weighing>>,
    height: Value,
    gender: Value,
    dob: Value,
    purpose: Value,
    fitness_goal: Value,
    short_term_goal: Value,
    health_issues: Value,
    trainer_preference: Value,
    profile_image: Value,
    cloudinary_id: Value,
    suspended: Value,
    created_at: Value,
    updated_at: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Weighing {
    #[serde(rename = "_id")]
    id: Value,
    date: Value,
    weight: Value,
}

/// Reads a document.
///
/// # Errors
/// See [`DocumentError`].
pub fn read(document: &[u8]) -> Result<UserDocument, DocumentError> {
    let fields: Fields = fields(document)?;
    let id = object_id(&fields.id, "_id")?.ok_or(DocumentError::Missing("_id"))?;
    let id = UserId::from_bytes(id);
    let created_at = time(&fields.created_at, "createdAt")?.unwrap_or_else(|| made_at(id.as_bytes()));
    let password = required(&fields.password, "password")?;
    if !BCRYPT.iter().any(|prefix| password.starts_with(prefix)) {
        return Err(DocumentError::Password);
    }
    let email = normalize_email(&required(&fields.email, "email")?);
    if email.is_empty() {
        return Err(DocumentError::Missing("email"));
    }
    let (profile_image, left_out) = picture(&fields.profile_image);
    let user = User {
        id,
        name: required(&fields.name, "name")?,
        email,
        password_hash: Secret::new(password),
        role: role(&fields.role)?,
        is_verified: flag(&fields.is_verified, "isVerified")?,
        suspended: flag(&fields.suspended, "suspended")?,
        profile_image,
        cloudinary_id: fields.cloudinary_id.as_str().map(str::to_owned),
        otp: otp(&fields)?,
        reset_token: reset_token(&fields)?,
        profile: details(&fields)?,
        weight_history: weight_history(fields.weight_history.as_deref().unwrap_or_default())?,
        trainer_preference: text(&fields.trainer_preference, "trainerPreference")?
            .unwrap_or_else(|| NO_TRAINER_PREFERENCE.to_owned()),
        sessions: Sessions::default(),
        joining_date: time(&fields.joining_date, "joiningDate")?.unwrap_or(created_at),
        created_at,
        updated_at: time(&fields.updated_at, "updatedAt")?.unwrap_or(created_at),
    };
    Ok(UserDocument { user, left_out })
}

/// What the user refers to, or why that is nothing: a value of another kind costs the picture, not the account.
fn picture(value: &Value) -> (Option<String>, Option<String>) {
    let kind = match value {
        Value::Null => return (None, None),
        Value::String(text) => return (Some(text.clone()), None),
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let why = format!("its profileImage is {kind} and not a text: the account comes without a picture");
    (None, Some(why))
}

/// The place of a mistake is told, and nothing of what stands there.
fn fields<T: DeserializeOwned>(document: &[u8]) -> Result<T, DocumentError> {
    serde_json::from_slice(document)
        .map_err(|error| DocumentError::Json(format!("line {}, column {}", error.line(), error.column())))
}

fn role(value: &Value) -> Result<Role, DocumentError> {
    let role = text(value, "role")?;
    role.map_or(Ok(Role::User), |role| {
        Role::parse(&role).ok_or(DocumentError::Unreadable("role"))
    })
}

fn otp(fields: &Fields) -> Result<Option<Otp>, DocumentError> {
    let code = text(&fields.otp, "otp")?;
    let expires_at = time(&fields.otp_expiry, "otpExpiry")?;
    Ok(code.zip(expires_at).map(|(code, expires_at)| Otp {
        code: Secret::new(code),
        expires_at,
    }))
}

fn reset_token(fields: &Fields) -> Result<Option<ResetToken>, DocumentError> {
    let token = text(&fields.reset_password_token, "resetPasswordToken")?;
    let expires_at = time(&fields.reset_password_expires, "resetPasswordExpires")?;
    Ok(token.zip(expires_at).map(|(token, expires_at)| ResetToken {
        sha256: Sha256::of(token.as_bytes()),
        expires_at,
    }))
}

fn details(fields: &Fields) -> Result<ProfileDetails, DocumentError> {
    Ok(ProfileDetails {
        weight: number(&fields.weight, "weight")?,
        height: number(&fields.height, "height")?,
        gender: text(&fields.gender, "gender")?,
        dob: date_of_birth(&fields.dob)?,
        purpose: text(&fields.purpose, "purpose")?,
        fitness_goal: text(&fields.fitness_goal, "fitnessGoal")?,
        short_term_goal: text(&fields.short_term_goal, "shortTermGoal")?,
        health_issues: text(&fields.health_issues, "healthIssues")?,
    })
}

/// As the application's own answers write a date, or as the text that it is.
fn date_of_birth(value: &Value) -> Result<Option<String>, DocumentError> {
    if let Value::String(text) = value {
        return Ok(Some(text.clone()));
    }
    let date = time(value, "dob")?;
    Ok(date.map(|date| format!("{date:.3}")))
}

/// Oldest first, the newest [`MAX_WEIGHT_ENTRIES`], none of them twice.
fn weight_history(weighings: &[Weighing]) -> Result<Vec<WeightEntry>, DocumentError> {
    const FIELD: &str = "weightHistory";
    let mut entries = Vec::new();
    for Weighing { id, date, weight } in weighings {
        let (date, weight) = (time(date, FIELD)?, number(weight, FIELD)?);
        let (Some(date), Some(weight)) = (date, weight) else {
            return Err(DocumentError::Unreadable(FIELD));
        };
        let id = object_id(id, FIELD)?.map_or_else(|| EntryId::new(date), EntryId::from_bytes);
        entries.push(WeightEntry { id, date, weight });
    }
    entries.sort_by_key(|entry| (entry.date, entry.id));
    let mut known = HashSet::new();
    entries.retain(|entry| known.insert((entry.date, entry.id)));
    let too_many = entries.len().saturating_sub(MAX_WEIGHT_ENTRIES);
    entries.drain(..too_many);
    Ok(entries)
}

fn required(value: &Value, field: &'static str) -> Result<String, DocumentError> {
    text(value, field)?.ok_or(DocumentError::Missing(field))
}

fn text(value: &Value, field: &'static str) -> Result<Option<String>, DocumentError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(DocumentError::Unreadable(field)),
    }
}

fn flag(value: &Value, field: &'static str) -> Result<bool, DocumentError> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        _ => Err(DocumentError::Unreadable(field)),
    }
}

/// `{"$oid": "…"}` or its digits.
fn object_id(value: &Value, field: &'static str) -> Result<Option<[u8; 12]>, DocumentError> {
    if value.is_null() {
        return Ok(None);
    }
    let digits = value.get("$oid").unwrap_or(value).as_str();
    let id = digits.and_then(|digits| UserId::parse(&digits.to_ascii_lowercase()).ok());
    id.map(|id| Some(*id.as_bytes()))
        .ok_or(DocumentError::Unreadable(field))
}

/// A number, plain, in digits, or as `{"$numberDouble": "…"}` and its kin.
fn number(value: &Value, field: &'static str) -> Result<Option<f64>, DocumentError> {
    const WRAPPERS: [&str; 4] = ["$numberInt", "$numberLong", "$numberDouble", "$numberDecimal"];
    let bare = WRAPPERS.iter().find_map(|wrapper| value.get(wrapper)).unwrap_or(value);
    let number = match bare {
        Value::Null => return Ok(None),
        Value::String(digits) => digits.trim().parse().ok(),
        other => other.as_f64(),
    };
    let number = number.filter(|number: &f64| number.is_finite());
    number.map(Some).ok_or(DocumentError::Unreadable(field))
}

/// `{"$date": …}` around an ISO date, milliseconds or `{"$numberLong": "…"}`, or one of these alone.
fn time(value: &Value, field: &'static str) -> Result<Option<Timestamp>, DocumentError> {
    let bare = value.get("$date").unwrap_or(value);
    let bare = bare.get("$numberLong").unwrap_or(bare);
    let time = match bare {
        Value::Null => return Ok(None),
        Value::String(text) => text.parse::<i64>().map_or_else(
            |_iso| text.parse().ok(),
            |millis| Timestamp::from_millisecond(millis).ok(),
        ),
        Value::Number(millis) => whole(millis).and_then(|millis| Timestamp::from_millisecond(millis).ok()),
        _ => None,
    };
    let time: Timestamp = time.ok_or(DocumentError::Unreadable(field))?;
    // Milliseconds are what both databases keep.
    Timestamp::from_millisecond(time.as_millisecond())
        .map(Some)
        .map_err(|_out_of_range| DocumentError::Unreadable(field))
}

/// Milliseconds that were perhaps written with a point.
fn whole(number: &serde_json::Number) -> Option<i64> {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "it saturates, and what is out of range is no time"
    )]
    number.as_i64().or_else(|| number.as_f64().map(|number| number as i64))
}

/// The time in a MongoDB id: its first four bytes are seconds.
fn made_at(id: &[u8; 12]) -> Timestamp {
    let [a, b, c, d, ..] = *id;
    Timestamp::from_second(u32::from_be_bytes([a, b, c, d]).into()).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
