//! Pictures that move between media hosts: what was taken in, and the commit of a move.

use jiff::Timestamp;
use rusqlite::{Row, Transaction, params};
use visage_cloudinary::{PublicId, ResourceType};

use super::exchange;
use super::values::{limit, public_id, resource_type, time};
use crate::directory::{MediaOwner, Relocation, TakenIn};
use crate::error::Result;

pub(super) fn take_in(tx: &Transaction<'_>, public_id: &PublicId, kind: ResourceType, now: Timestamp) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO taken_in (public_id, resource_type, taken_at, due_at, attempts) VALUES (?1, ?2, ?3, ?3, 0) \
         ON CONFLICT (public_id) DO NOTHING",
    )?
    .execute(params![public_id.as_str(), kind.as_str(), now.as_millisecond()])?;
    Ok(())
}

pub(super) fn due(tx: &Transaction<'_>, now: Timestamp, at_most: usize) -> Result<Vec<TakenIn>> {
    let mut statement = tx.prepare_cached(DUE)?;
    let due = statement.query_map(params![now.as_millisecond(), limit(at_most)], read)?;
    Ok(due.collect::<Result<_, _>>()?)
}

pub(super) const DUE: &str = "SELECT * FROM taken_in WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2";

pub(super) fn postpone(tx: &Transaction<'_>, public_id: &PublicId, due_at: Timestamp) -> Result<()> {
    tx.prepare_cached("UPDATE taken_in SET due_at = ?2, attempts = attempts + 1 WHERE public_id = ?1")?
        .execute(params![public_id.as_str(), due_at.as_millisecond()])?;
    Ok(())
}

pub(super) fn drop(tx: &Transaction<'_>, public_id: &PublicId) -> Result<()> {
    tx.prepare_cached("DELETE FROM taken_in WHERE public_id = ?1")?
        .execute([public_id.as_str()])?;
    Ok(())
}

pub(super) fn count(tx: &Transaction<'_>) -> Result<u64> {
    Ok(tx
        .prepare_cached("SELECT count(*) FROM taken_in")?
        .query_row([], |row| row.get(0))?)
}

pub(super) fn begin(tx: &Transaction<'_>, public_id: &PublicId, kind: ResourceType, now: Timestamp) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO pending_media (new, replaces, resource_type, begun_at) VALUES (?1, NULL, ?2, ?3) \
         ON CONFLICT (new) DO UPDATE SET begun_at = excluded.begun_at",
    )?
    .execute(params![public_id.as_str(), kind.as_str(), now.as_millisecond()])?;
    Ok(())
}

/// As for an exchange, the pending row is the permission: without one, the reaper may have destroyed the copy already.
pub(super) fn commit(tx: &Transaction<'_>, relocation: &Relocation) -> Result<bool> {
    let Relocation { public_id, .. } = relocation;
    if !exchange::is_pending(tx, public_id)? {
        return Ok(false);
    }
    let changed = set_url(tx, relocation)?;
    if changed {
        exchange::drop_pending(tx, public_id)?;
    }
    Ok(changed)
}

/// Compare and set. `false`: it is not what it was.
pub(super) fn set_url(tx: &Transaction<'_>, relocation: &Relocation) -> Result<bool> {
    let Relocation {
        public_id,
        from_url,
        to_url,
        ..
    } = relocation;
    let changed = match relocation.owner {
        MediaOwner::User(id) => tx
            .prepare_cached(
                "UPDATE users SET profile_image = ?4, updated_at = ?5 \
                 WHERE id = ?1 AND cloudinary_id = ?2 AND profile_image = ?3",
            )?
            .execute(params![
                id,
                public_id.as_str(),
                from_url,
                to_url,
                relocation.now.as_millisecond()
            ])?,
        MediaOwner::Post(id) => tx
            .prepare_cached("UPDATE posts SET media = ?4 WHERE id = ?1 AND cloudinary_id = ?2 AND media = ?3")?
            .execute(params![id, public_id.as_str(), from_url, to_url])?,
    };
    Ok(changed == 1)
}

fn read(row: &Row<'_>) -> rusqlite::Result<TakenIn> {
    Ok(TakenIn {
        public_id: public_id(row, "public_id")?,
        resource_type: resource_type(row)?,
        taken_at: time(row, "taken_at")?,
        due_at: time(row, "due_at")?,
        attempts: row.get("attempts")?,
    })
}
