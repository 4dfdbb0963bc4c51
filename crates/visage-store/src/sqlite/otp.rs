//! One-time passwords that verify an email.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::users::otp_columns;
use super::values::optional_time;
use crate::error::Result;
use crate::ids::UserId;
use crate::users::{Otp, OtpCheck, OtpOutcome, normalize_email};

pub(super) fn set(tx: &Transaction<'_>, id: &UserId, otp: &Otp, now: Timestamp) -> Result<bool> {
    let (code, expires_at) = otp_columns(Some(otp));
    let sql = "UPDATE users SET otp = ?2, otp_expires_at = ?3, otp_attempts = 0, updated_at = ?4 WHERE id = ?1";
    Ok(tx
        .prepare_cached(sql)?
        .execute(params![id, code, expires_at, now.as_millisecond()])?
        == 1)
}

pub(super) fn verify(tx: &Transaction<'_>, check: &OtpCheck, now: Timestamp) -> Result<OtpOutcome> {
    let Some(sent) = find(tx, &check.email)? else {
        return Ok(OtpOutcome::UserGone);
    };
    let Some(code) = sent.code else {
        return Ok(OtpOutcome::Invalid);
    };
    if sent.attempts >= check.max_attempts || sent.expires_at.is_none_or(|expires_at| expires_at <= now) {
        return Ok(OtpOutcome::Expired);
    }
    if code != check.code.expose() {
        count_attempt(tx, &sent.user)?;
        return Ok(OtpOutcome::Invalid);
    }
    mark_verified(tx, &sent.user, now)?;
    Ok(OtpOutcome::Verified)
}

/// What was sent to a user.
struct Sent {
    user: UserId,
    code: Option<String>,
    expires_at: Option<Timestamp>,
    attempts: u32,
}

fn find(tx: &Transaction<'_>, email: &str) -> Result<Option<Sent>> {
    let mut statement =
        tx.prepare_cached("SELECT id, otp, otp_expires_at, otp_attempts FROM users WHERE email = ?1")?;
    let sent = statement.query_row([normalize_email(email)], |row| {
        Ok(Sent {
            user: row.get("id")?,
            code: row.get("otp")?,
            expires_at: optional_time(row, "otp_expires_at")?,
            attempts: row.get("otp_attempts")?,
        })
    });
    Ok(sent.optional()?)
}

fn count_attempt(tx: &Transaction<'_>, id: &UserId) -> Result<()> {
    tx.prepare_cached("UPDATE users SET otp_attempts = otp_attempts + 1 WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

fn mark_verified(tx: &Transaction<'_>, id: &UserId, now: Timestamp) -> Result<()> {
    let sql = "UPDATE users SET is_verified = TRUE, otp = NULL, otp_expires_at = NULL, otp_attempts = 0, \
               updated_at = ?2 WHERE id = ?1";
    tx.prepare_cached(sql)?.execute(params![id, now.as_millisecond()])?;
    Ok(())
}
