//! Users.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::sessions::{self, end_sessions};
use super::values::{limit, optional_time, time, word};
use super::{expired, moving_in, otp};
use crate::directory::DirectoryError;
use crate::error::Result;
use crate::ids::{EntryId, Sha256, UserId};
use crate::users::{
    MAX_WEIGHT_ENTRIES, NewUser, Otp, ProfileDetails, ResetToken, Role, User, WeightEntry, normalize_email,
};
use visage_cloudinary::{ResourceType, Secret};

/// What the original application writes for a user who did not choose.
const NO_TRAINER_PREFERENCE: &str = "No Preference";

pub(super) fn create(tx: &Transaction<'_>, user: &NewUser, now: Timestamp) -> Result<User, DirectoryError> {
    let (id, email) = (UserId::new(now), normalize_email(&user.email));
    if let Some(before) = by_email(tx, &email)? {
        let otp = user.otp.as_ref().filter(|_| !before.is_verified);
        otp::begin_again(tx, &before.id, user, otp.ok_or(DirectoryError::EmailTaken)?, now)?;
        return Ok(read_back(tx, &before.id)?);
    }
    let (code, expires_at) = otp_columns(user.otp.as_ref());
    tx.prepare_cached(
        "INSERT INTO users (id, name, email, password_hash, role, is_verified, suspended, otp, otp_expires_at, \
         trainer_preference, joining_date, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, FALSE, ?7, ?8, ?9, ?10, ?10, ?10)",
    )?
    .execute(params![
        id,
        user.name,
        email,
        user.password_hash.expose(),
        user.role.as_str(),
        user.is_verified,
        code,
        expires_at,
        NO_TRAINER_PREFERENCE,
        now.as_millisecond()
    ])?;
    Ok(read_back(tx, &id)?)
}

/// Adds a user with everything that is known of it.
pub(super) fn insert_whole(tx: &Transaction<'_>, user: &User) -> Result<()> {
    let (code, otp_expires_at) = otp_columns(user.otp.as_ref());
    let reset = user.reset_token.as_ref();
    tx.prepare_cached(
        "INSERT INTO users (id, name, email, password_hash, role, is_verified, suspended, profile_image, cloudinary_id, otp, \
         otp_expires_at, reset_sha256, reset_expires_at, trainer_preference, joining_date, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?
    .execute(params![
        user.id,
        user.name,
        normalize_email(&user.email),
        user.password_hash.expose(),
        user.role.as_str(),
        user.is_verified,
        user.suspended,
        user.profile_image,
        user.cloudinary_id,
        code,
        otp_expires_at,
        reset.map(|reset| reset.sha256),
        reset.map(|reset| reset.expires_at.as_millisecond()),
        user.trainer_preference,
        user.joining_date.as_millisecond(),
        user.created_at.as_millisecond(),
        user.updated_at.as_millisecond(),
    ])?;
    set_details(tx, &user.id, &user.profile, user.updated_at)?;
    for entry in user.weight_history.iter().rev().take(MAX_WEIGHT_ENTRIES) {
        insert_weight(tx, &user.id, entry)?;
    }
    Ok(())
}

pub(super) fn find(tx: &Transaction<'_>, id: &UserId) -> Result<Option<User>> {
    let user = tx
        .prepare_cached("SELECT * FROM users WHERE id = ?1")?
        .query_row([id], read)
        .optional()?;
    with_history(tx, user)
}

pub(super) fn by_email(tx: &Transaction<'_>, email: &str) -> Result<Option<User>> {
    let mut statement = tx.prepare_cached("SELECT * FROM users WHERE email = ?1")?;
    let user = statement.query_row([normalize_email(email)], read).optional()?;
    with_history(tx, user)
}

/// The user just written.
pub(super) fn read_back(tx: &Transaction<'_>, id: &UserId) -> Result<User> {
    find(tx, id)?.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
}

pub(super) fn update_profile(
    tx: &Transaction<'_>,
    id: &UserId,
    changes: &ProfileDetails,
    now: Timestamp,
) -> Result<Option<User>> {
    let Some(before) = find(tx, id)? else { return Ok(None) };
    if let Some(weight) = changes.weight.filter(|weight| before.profile.weight != Some(*weight)) {
        add_weight(tx, id, weight, now)?;
    }
    set_details(tx, id, changes, now)?;
    find(tx, id)
}

/// Replaces the details that are given.
fn set_details(tx: &Transaction<'_>, id: &UserId, changes: &ProfileDetails, now: Timestamp) -> Result<()> {
    tx.prepare_cached(
        "UPDATE users SET weight = coalesce(?2, weight), height = coalesce(?3, height), gender = coalesce(?4, gender), \
         dob = coalesce(?5, dob), purpose = coalesce(?6, purpose), fitness_goal = coalesce(?7, fitness_goal), \
         short_term_goal = coalesce(?8, short_term_goal), health_issues = coalesce(?9, health_issues), \
         updated_at = ?10 WHERE id = ?1",
    )?
    .execute(params![
        id,
        changes.weight,
        changes.height,
        changes.gender,
        changes.dob,
        changes.purpose,
        changes.fitness_goal,
        changes.short_term_goal,
        changes.health_issues,
        now.as_millisecond()
    ])?;
    Ok(())
}

pub(super) fn set_password(tx: &Transaction<'_>, id: &UserId, hash: &Secret, now: Timestamp) -> Result<bool> {
    let sql = concat!(
        "UPDATE users SET password_hash = ?3, reset_sha256 = NULL, reset_expires_at = NULL, updated_at = ?2, ",
        end_sessions!(),
        " WHERE id = ?1"
    );
    Ok(tx
        .prepare_cached(sql)?
        .execute(params![id, now.as_millisecond(), hash.expose()])?
        == 1)
}

pub(super) fn replace_password(
    tx: &Transaction<'_>,
    id: &UserId,
    current: &Secret,
    new: &Secret,
    now: Timestamp,
) -> Result<bool> {
    match find(tx, id)? {
        Some(user) if user.password_hash == *current => set_password(tx, id, new, now),
        Some(_) | None => Ok(false),
    }
}

pub(super) fn set_email(
    tx: &Transaction<'_>,
    id: &UserId,
    email: &str,
    now: Timestamp,
) -> Result<bool, DirectoryError> {
    if by_email(tx, email)?.is_some_and(|owner| owner.id != *id) {
        return Err(DirectoryError::EmailTaken);
    }
    Ok(put_email(tx, id, email, now)?)
}

/// Sets the email, which no other user has. What was sent to the address before is of no use any more.
pub(super) fn put_email(tx: &Transaction<'_>, id: &UserId, email: &str, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE users SET email = ?2, updated_at = ?3, reset_sha256 = NULL, reset_expires_at = NULL, \
               pending_email = NULL, otp = NULL, otp_expires_at = NULL, otp_attempts = 0 WHERE id = ?1";
    let changed = tx
        .prepare_cached(sql)?
        .execute(params![id, normalize_email(email), now.as_millisecond()])?;
    Ok(changed == 1)
}

pub(super) fn set_reset_token(tx: &Transaction<'_>, email: &str, token: &ResetToken, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE users SET reset_sha256 = ?2, reset_expires_at = ?3, updated_at = ?4 WHERE email = ?1";
    let (expires_at, now) = (token.expires_at.as_millisecond(), now.as_millisecond());
    let email = normalize_email(email);
    Ok(tx
        .prepare_cached(sql)?
        .execute(params![email, token.sha256, expires_at, now])?
        == 1)
}

pub(super) fn reset_password(tx: &Transaction<'_>, token: &Sha256, hash: &Secret, now: Timestamp) -> Result<bool> {
    let sql = "SELECT id FROM users WHERE reset_sha256 = ?1 AND reset_expires_at > ?2";
    let id: Option<UserId> = tx
        .prepare_cached(sql)?
        .query_row(params![token, now.as_millisecond()], |row| row.get(0))
        .optional()?;
    let Some(id) = id else { return Ok(false) };
    tx.prepare_cached("UPDATE users SET is_verified = TRUE WHERE id = ?1")?
        .execute([id])?;
    set_password(tx, &id, hash, now)
}

pub(super) fn delete(tx: &Transaction<'_>, id: &UserId, retire_at: Timestamp) -> Result<bool> {
    let Some(user) = find(tx, id)? else { return Ok(false) };
    tx.prepare_cached("DELETE FROM users WHERE id = ?1")?.execute([id])?;
    moving_in::forget_owner(tx, id)?;
    if let Some(picture) = user.cloudinary_id {
        expired::retire(tx, &picture, ResourceType::Image, retire_at)?;
    }
    Ok(true)
}

/// The two columns of a one-time password.
pub(super) fn otp_columns(otp: Option<&Otp>) -> (Option<&str>, Option<i64>) {
    (
        otp.map(|otp| otp.code.expose()),
        otp.map(|otp| otp.expires_at.as_millisecond()),
    )
}

fn add_weight(tx: &Transaction<'_>, id: &UserId, weight: f64, now: Timestamp) -> Result<()> {
    let entry = WeightEntry {
        id: EntryId::new(now),
        date: now,
        weight,
    };
    insert_weight(tx, id, &entry)?;
    tx.prepare_cached(
        "DELETE FROM weight_entries WHERE user_id = ?1 AND (date, id) IN \
         (SELECT date, id FROM weight_entries WHERE user_id = ?1 ORDER BY date DESC, id DESC LIMIT -1 OFFSET ?2)",
    )?
    .execute(params![id, limit(MAX_WEIGHT_ENTRIES)])?;
    Ok(())
}

fn insert_weight(tx: &Transaction<'_>, id: &UserId, entry: &WeightEntry) -> Result<()> {
    tx.prepare_cached("INSERT INTO weight_entries (user_id, date, id, weight) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id, entry.date.as_millisecond(), entry.id, entry.weight])?;
    Ok(())
}

fn with_history(tx: &Transaction<'_>, user: Option<User>) -> Result<Option<User>> {
    let Some(mut user) = user else { return Ok(None) };
    let sql = "SELECT id, date, weight FROM weight_entries WHERE user_id = ?1 ORDER BY date, id";
    let mut statement = tx.prepare_cached(sql)?;
    let entries = statement.query_map([user.id], |row| {
        Ok(WeightEntry {
            id: row.get("id")?,
            date: time(row, "date")?,
            weight: row.get("weight")?,
        })
    })?;
    user.weight_history = entries.collect::<Result<_, _>>()?;
    Ok(Some(user))
}

/// A user without its weight history.
fn read(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get("id")?,
        name: row.get("name")?,
        email: row.get("email")?,
        password_hash: Secret::new(row.get::<_, String>("password_hash")?),
        role: word(row, "role", Role::parse)?,
        is_verified: row.get("is_verified")?,
        suspended: row.get("suspended")?,
        profile_image: row.get("profile_image")?,
        cloudinary_id: row.get("cloudinary_id")?,
        otp: read_otp(row)?,
        reset_token: read_reset_token(row)?,
        profile: read_profile(row)?,
        weight_history: Vec::new(),
        trainer_preference: row.get("trainer_preference")?,
        sessions: sessions::read(row)?,
        joining_date: time(row, "joining_date")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn read_otp(row: &Row<'_>) -> rusqlite::Result<Option<Otp>> {
    let (code, expires_at) = (
        row.get::<_, Option<String>>("otp")?,
        optional_time(row, "otp_expires_at")?,
    );
    Ok(code.zip(expires_at).map(|(code, expires_at)| Otp {
        code: Secret::new(code),
        expires_at,
    }))
}

fn read_reset_token(row: &Row<'_>) -> rusqlite::Result<Option<ResetToken>> {
    let (sha256, expires_at) = (
        row.get::<_, Option<Sha256>>("reset_sha256")?,
        optional_time(row, "reset_expires_at")?,
    );
    Ok(sha256
        .zip(expires_at)
        .map(|(sha256, expires_at)| ResetToken { sha256, expires_at }))
}

fn read_profile(row: &Row<'_>) -> rusqlite::Result<ProfileDetails> {
    Ok(ProfileDetails {
        weight: row.get("weight")?,
        height: row.get("height")?,
        gender: row.get("gender")?,
        dob: row.get("dob")?,
        purpose: row.get("purpose")?,
        fitness_goal: row.get("fitness_goal")?,
        short_term_goal: row.get("short_term_goal")?,
        health_issues: row.get("health_issues")?,
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::super::schema;
    use super::*;

    #[test]
    fn a_weight_history_keeps_its_newest_entries() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let tx = connection.transaction().unwrap();
        let id = UserId::new(Timestamp::UNIX_EPOCH);
        tx.execute(
            "INSERT INTO users SELECT ?1, '', '', '', 'user', 0, 0, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, \
             NULL, NULL, NULL, NULL, NULL, NULL, '', 0, 0, 0, 0, NULL, NULL, NULL, NULL",
            [id],
        )
        .unwrap();
        for (count, kept, oldest) in [(MAX_WEIGHT_ENTRIES - 1, 999, 0), (1, 1_000, 0), (1, 1_000, 1)] {
            for _ in 0..count {
                let next: i64 = tx
                    .query_row(
                        "SELECT count(*) + coalesce(min(date), 0) FROM weight_entries",
                        [],
                        |row| row.get(0),
                    )
                    .unwrap();
                add_weight(&tx, &id, 70.0, Timestamp::from_millisecond(next).unwrap()).unwrap();
            }
            let history = find(&tx, &id).unwrap().unwrap().weight_history;
            assert_eq!((history.len(), history[0].date.as_millisecond()), (kept, oldest));
        }
    }
}
