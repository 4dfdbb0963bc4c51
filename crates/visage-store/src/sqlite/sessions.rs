//! When sessions were ended: of users, and of the administrator of the settings.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::values::{optional_time, word};
use crate::error::Result;
use crate::ids::UserId;
use crate::sessions::{AccountState, Sessions};
use crate::users::Role;

/// Sets `session_epoch` to another number and `sessions_ended_at` to the millisecond `?2`, and cancels what a session may have
/// begun: a change of the e-mail address.
macro_rules! end_sessions {
    () => {
        "session_epoch = (random() & 0x1FFFFFFFFFFFFF) | 1, sessions_ended_at = max(coalesce(sessions_ended_at, ?2), ?2), \
         otp = NULL, otp_expires_at = NULL, otp_attempts = 0, \
         pending_name = NULL, pending_password_hash = NULL, pending_email = NULL"
    };
}
pub(super) use end_sessions;

pub(super) fn account(tx: &Transaction<'_>, id: &UserId) -> Result<Option<AccountState>> {
    let mut statement = tx.prepare_cached(
        "SELECT role, is_verified, suspended, session_epoch, sessions_ended_at FROM users WHERE id = ?1",
    )?;
    let account = statement.query_row([id], |row| {
        Ok(AccountState {
            role: word(row, "role", Role::parse)?,
            is_verified: row.get("is_verified")?,
            suspended: row.get("suspended")?,
            sessions: read(row)?,
        })
    });
    Ok(account.optional()?)
}

pub(super) fn end(tx: &Transaction<'_>, id: &UserId, now: Timestamp) -> Result<bool> {
    let sql = concat!("UPDATE users SET ", end_sessions!(), " WHERE id = ?1");
    Ok(tx.prepare_cached(sql)?.execute(params![id, now.as_millisecond()])? == 1)
}

/// The administrator's sessions, when it is still the one with this fingerprint.
pub(super) fn of_administrator(tx: &Transaction<'_>, fingerprint: &str) -> Result<Option<Sessions>> {
    let sql = "SELECT session_epoch, sessions_ended_at FROM administrator WHERE fingerprint = ?1";
    Ok(tx.prepare_cached(sql)?.query_row([fingerprint], read).optional()?)
}

/// Notes the administrator's fingerprint. The first one ends no sessions: it may be as old as they are.
pub(super) fn note_administrator(tx: &Transaction<'_>, fingerprint: &str, now: Timestamp) -> Result<Sessions> {
    if let Some(sessions) = of_administrator(tx, fingerprint)? {
        return Ok(sessions);
    }
    let sql = "INSERT INTO administrator (id, fingerprint) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET \
               fingerprint = ?1, session_epoch = (random() & 0x1FFFFFFFFFFFFF) | 1, \
               sessions_ended_at = max(coalesce(sessions_ended_at, ?2), ?2)";
    tx.prepare_cached(sql)?
        .execute(params![fingerprint, now.as_millisecond()])?;
    Ok(of_administrator(tx, fingerprint)?.unwrap_or_default())
}

pub(super) fn end_administrators(tx: &Transaction<'_>, now: Timestamp) -> Result<()> {
    let sql = "UPDATE administrator SET session_epoch = (random() & 0x1FFFFFFFFFFFFF) | 1, \
               sessions_ended_at = max(coalesce(sessions_ended_at, ?1), ?1)";
    tx.prepare_cached(sql)?.execute([now.as_millisecond()])?;
    Ok(())
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Sessions> {
    Ok(Sessions {
        epoch: row.get("session_epoch")?,
        ended_at: optional_time(row, "sessions_ended_at")?,
    })
}
