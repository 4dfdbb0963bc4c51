//! Expired media.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use visage_cloudinary::ResourceType;

use super::references;
use super::values::{limit, resource_type, time};
use crate::directory::{Claim, ExpiredMedia};
use crate::error::Result;

/// A picture was in use until now: pages may show it until `due_at`, whatever was said of it before.
pub(super) fn retire(tx: &Transaction<'_>, public_id: &str, kind: ResourceType, due_at: Timestamp) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO expired_media (public_id, resource_type, due_at, attempts) VALUES (?1, ?2, ?3, 0) \
         ON CONFLICT (public_id) DO UPDATE SET due_at = excluded.due_at, attempts = 0",
    )?
    .execute(params![public_id, kind.as_str(), due_at.as_millisecond()])?;
    Ok(())
}

/// A picture may be garbage; a grace that it was given stays.
pub(super) fn expire(tx: &Transaction<'_>, public_id: &str, kind: ResourceType, now: Timestamp) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO expired_media (public_id, resource_type, due_at, attempts) VALUES (?1, ?2, ?3, 0) \
         ON CONFLICT (public_id) DO NOTHING",
    )?
    .execute(params![public_id, kind.as_str(), now.as_millisecond()])?;
    Ok(())
}

pub(super) fn due(tx: &Transaction<'_>, now: Timestamp, at_most: usize) -> Result<Vec<ExpiredMedia>> {
    let mut statement = tx.prepare_cached(DUE)?;
    let due = statement.query_map(params![now.as_millisecond(), limit(at_most)], read)?;
    Ok(due.collect::<Result<_, _>>()?)
}

pub(super) const DUE: &str = "SELECT * FROM expired_media WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2";

pub(super) fn claim(tx: &Transaction<'_>, public_id: &str, now: Timestamp) -> Result<Claim> {
    let mut statement = tx.prepare_cached("SELECT * FROM expired_media WHERE public_id = ?1")?;
    let expired = statement.query_row([public_id], read).optional()?;
    if expired.is_none_or(|expired| expired.due_at > now) {
        return Ok(Claim::NotDue);
    }
    if references::exist(tx, public_id)? {
        // Whoever replaces the picture, or removes the post, retires it.
        drop(tx, public_id)?;
        return Ok(Claim::Referenced);
    }
    Ok(Claim::Destroy)
}

/// Whether it was given up, due or not.
pub(super) fn names(tx: &Transaction<'_>, public_id: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM expired_media WHERE public_id = ?1";
    Ok(tx.prepare_cached(sql)?.exists([public_id])?)
}

pub(super) fn drop(tx: &Transaction<'_>, public_id: &str) -> Result<()> {
    tx.prepare_cached("DELETE FROM expired_media WHERE public_id = ?1")?
        .execute([public_id])?;
    Ok(())
}

pub(super) fn postpone(tx: &Transaction<'_>, public_id: &str, due_at: Timestamp) -> Result<()> {
    tx.prepare_cached("UPDATE expired_media SET due_at = ?2, attempts = attempts + 1 WHERE public_id = ?1")?
        .execute(params![public_id, due_at.as_millisecond()])?;
    Ok(())
}

pub(super) fn all(tx: &Transaction<'_>, after: Option<&str>, at_most: usize) -> Result<Vec<ExpiredMedia>> {
    let sql = "SELECT * FROM expired_media WHERE ?1 IS NULL OR public_id > ?1 ORDER BY public_id LIMIT ?2";
    let mut statement = tx.prepare_cached(sql)?;
    let expired = statement.query_map(params![after, limit(at_most)], read)?;
    Ok(expired.collect::<Result<_, _>>()?)
}

pub(super) fn count(tx: &Transaction<'_>) -> Result<u64> {
    Ok(tx
        .prepare_cached("SELECT count(*) FROM expired_media")?
        .query_row([], |row| row.get(0))?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ExpiredMedia> {
    Ok(ExpiredMedia {
        public_id: row.get("public_id")?,
        resource_type: resource_type(row)?,
        due_at: time(row, "due_at")?,
        attempts: row.get("attempts")?,
    })
}
