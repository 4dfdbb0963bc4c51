//! One-time passwords that prove an email address: of a registration, or of a change of the address. A code is good for what it was
//! sent for and for nothing else: `pending_email` tells the two apart.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Params, Row, Transaction, params};

use super::sessions::end_sessions;
use super::users::{self, otp_columns};
use super::values::optional_time;
use crate::directory::DirectoryError;
use crate::error::Result;
use crate::ids::UserId;
use crate::users::{EmailChange, EmailChangeOutcome, NewUser, Otp, OtpCheck, OtpOutcome, normalize_email};
use visage_cloudinary::Secret;

pub(super) fn set(tx: &Transaction<'_>, id: &UserId, otp: &Otp, now: Timestamp) -> Result<bool> {
    let (code, expires_at) = otp_columns(Some(otp));
    let sql = "UPDATE users SET otp = ?2, otp_expires_at = ?3, otp_attempts = 0, updated_at = ?4 WHERE id = ?1";
    Ok(tx
        .prepare_cached(sql)?
        .execute(params![id, code, expires_at, now.as_millisecond()])?
        == 1)
}

/// Lets a registration take the place of one that was never verified. Until its code is entered the name and the password wait
/// beside those of before, because an imported user who is not verified may have posts and a picture.
pub(super) fn begin_again(tx: &Transaction<'_>, id: &UserId, user: &NewUser, otp: &Otp, now: Timestamp) -> Result<()> {
    let sql = "UPDATE users SET pending_name = ?2, pending_password_hash = ?3 WHERE id = ?1";
    tx.prepare_cached(sql)?
        .execute(params![id, user.name, user.password_hash.expose()])?;
    set(tx, id, otp, now).map(drop)
}

pub(super) fn verify(tx: &Transaction<'_>, check: &OtpCheck, now: Timestamp) -> Result<OtpOutcome> {
    let sql = "SELECT * FROM users WHERE email = ?1";
    let Some(sent) = find(tx, sql, [normalize_email(&check.email)])? else {
        return Ok(OtpOutcome::UserGone);
    };
    if sent.pending_email.is_some() {
        return Ok(OtpOutcome::Invalid);
    }
    Ok(match try_code(tx, &sent, &check.code, check.max_attempts, now)? {
        Attempt::Right => {
            mark_verified(tx, &sent.user, now)?;
            OtpOutcome::Verified
        }
        Attempt::Wrong => OtpOutcome::Invalid,
        Attempt::TooLate => OtpOutcome::Expired,
    })
}

pub(super) fn begin_email_change(
    tx: &Transaction<'_>,
    id: &UserId,
    change: &EmailChange,
    now: Timestamp,
) -> Result<bool, DirectoryError> {
    refuse_taken(tx, id, &change.email)?;
    let sql = "UPDATE users SET pending_email = ?2 WHERE id = ?1";
    tx.prepare_cached(sql)?
        .execute(params![id, normalize_email(&change.email)])?;
    Ok(set(tx, id, &change.otp, now)?)
}

pub(super) fn confirm_email_change(
    tx: &Transaction<'_>,
    id: &UserId,
    code: &Secret,
    max_attempts: u32,
    now: Timestamp,
) -> Result<EmailChangeOutcome, DirectoryError> {
    let Some(sent) = find(tx, "SELECT * FROM users WHERE id = ?1", [id])? else {
        return Ok(EmailChangeOutcome::NotPending);
    };
    let Some(email) = &sent.pending_email else {
        return Ok(EmailChangeOutcome::NotPending);
    };
    match try_code(tx, &sent, code, max_attempts, now)? {
        Attempt::Right => {}
        Attempt::Wrong => return Ok(EmailChangeOutcome::Invalid),
        Attempt::TooLate => return Ok(EmailChangeOutcome::Expired),
    }
    if let Some(squatter) = refuse_taken(tx, id, email)? {
        users::delete(tx, &squatter, now)?;
    }
    users::put_email(tx, id, email, now)?;
    Ok(EmailChangeOutcome::Changed { old_email: sent.email })
}

/// Refuses an email that another user has proved to own, or under which an imported user has something. Returns the user who has
/// it without any of this.
fn refuse_taken(tx: &Transaction<'_>, id: &UserId, email: &str) -> Result<Option<UserId>, DirectoryError> {
    let Some(owner) = users::by_email(tx, email)?.filter(|owner| owner.id != *id) else {
        return Ok(None);
    };
    if owner.is_verified || owner.profile_image.is_some() || has_posts(tx, &owner.id)? {
        return Err(DirectoryError::EmailTaken);
    }
    Ok(Some(owner.id))
}

fn has_posts(tx: &Transaction<'_>, id: &UserId) -> Result<bool> {
    Ok(tx
        .prepare_cached("SELECT 1 FROM posts WHERE user_id = ?1")?
        .exists([id])?)
}

/// What was sent to a user.
struct Sent {
    user: UserId,
    email: String,
    pending_email: Option<String>,
    code: Option<String>,
    expires_at: Option<Timestamp>,
    attempts: u32,
}

fn find(tx: &Transaction<'_>, sql: &str, by: impl Params) -> Result<Option<Sent>> {
    let read = |row: &Row<'_>| {
        Ok(Sent {
            user: row.get("id")?,
            email: row.get("email")?,
            pending_email: row.get("pending_email")?,
            code: row.get("otp")?,
            expires_at: optional_time(row, "otp_expires_at")?,
            attempts: row.get("otp_attempts")?,
        })
    };
    Ok(tx.prepare_cached(sql)?.query_row(by, read).optional()?)
}

/// How an attempt ended.
enum Attempt {
    Right,
    Wrong,
    TooLate,
}

fn try_code(tx: &Transaction<'_>, sent: &Sent, code: &Secret, max_attempts: u32, now: Timestamp) -> Result<Attempt> {
    let Some(expected) = &sent.code else {
        return Ok(Attempt::Wrong);
    };
    if sent.attempts >= max_attempts || sent.expires_at.is_none_or(|expires_at| expires_at <= now) {
        return Ok(Attempt::TooLate);
    }
    if expected != code.expose() {
        count_attempt(tx, &sent.user)?;
        return Ok(Attempt::Wrong);
    }
    Ok(Attempt::Right)
}

fn count_attempt(tx: &Transaction<'_>, id: &UserId) -> Result<()> {
    tx.prepare_cached("UPDATE users SET otp_attempts = otp_attempts + 1 WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

fn mark_verified(tx: &Transaction<'_>, id: &UserId, now: Timestamp) -> Result<()> {
    let sql = concat!(
        "UPDATE users SET is_verified = TRUE, name = coalesce(pending_name, name), \
         password_hash = coalesce(pending_password_hash, password_hash), updated_at = ?2, ",
        end_sessions!(),
        " WHERE id = ?1"
    );
    tx.prepare_cached(sql)?.execute(params![id, now.as_millisecond()])?;
    Ok(())
}
