//! Pending media, and the commit of an exchange.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use visage_cloudinary::{PublicId, ResourceType};

use super::values::{limit, public_id, resource_type, time};
use super::{expired, users};
use crate::directory::{Exchange, ExchangeError, Exchanged, PendingMedia, ProfileImage};
use crate::error::Result;
use crate::ids::UserId;

pub(super) fn begin(tx: &Transaction<'_>, pending: &PendingMedia) -> Result<()> {
    tx.prepare_cached("INSERT INTO pending_media (new, replaces, resource_type, begun_at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            pending.new.as_str(),
            pending.replaces,
            pending.resource_type.as_str(),
            pending.begun_at.as_millisecond()
        ])?;
    Ok(())
}

/// The commit. The pending row is the permission for it: without one, the reaper may have destroyed the new picture already.
pub(super) fn commit(tx: &Transaction<'_>, exchange: &Exchange) -> Result<Exchanged, ExchangeError> {
    let before = users::find(tx, &exchange.user_id)?.ok_or(ExchangeError::UserGone)?;
    if let Some(new) = &exchange.new
        && !drop_pending(tx, &new.public_id)?
    {
        return Err(ExchangeError::PendingGone);
    }
    set_picture(tx, &exchange.user_id, exchange.new.as_ref(), exchange.now)?;
    if let Some(old) = &before.cloudinary_id {
        expired::retire(tx, old, ResourceType::Image, exchange.retire_at)?;
    }
    let user = users::read_back(tx, &exchange.user_id)?;
    Ok(Exchanged {
        old_url: before.profile_image,
        old_public_id: before.cloudinary_id,
        user,
    })
}

/// A failed exchange is settled before its time.
pub(super) fn release(tx: &Transaction<'_>, new: &PublicId, now: Timestamp) -> Result<()> {
    let sql = "SELECT * FROM pending_media WHERE new = ?1";
    let pending = tx.prepare_cached(sql)?.query_row([new.as_str()], read).optional()?;
    pending.map_or(Ok(()), |pending| settle_one(tx, &pending, now))
}

pub(super) fn settle(tx: &Transaction<'_>, begun_before: Timestamp, now: Timestamp, at_most: usize) -> Result<u64> {
    let stale = stale(tx, begun_before, at_most)?;
    for pending in &stale {
        settle_one(tx, pending, now)?;
    }
    Ok(stale.len() as u64)
}

pub(super) const STALE: &str = "SELECT * FROM pending_media WHERE begun_at < ?1 ORDER BY begun_at LIMIT ?2";

pub(super) fn all(tx: &Transaction<'_>, after: Option<&str>, at_most: usize) -> Result<Vec<PendingMedia>> {
    let sql = "SELECT * FROM pending_media WHERE ?1 IS NULL OR new > ?1 ORDER BY new LIMIT ?2";
    let mut statement = tx.prepare_cached(sql)?;
    let pending = statement.query_map(params![after, limit(at_most)], read)?;
    Ok(pending.collect::<Result<_, _>>()?)
}

pub(super) fn count(tx: &Transaction<'_>) -> Result<u64> {
    Ok(tx
        .prepare_cached("SELECT count(*) FROM pending_media")?
        .query_row([], |row| row.get(0))?)
}

fn stale(tx: &Transaction<'_>, begun_before: Timestamp, at_most: usize) -> Result<Vec<PendingMedia>> {
    let mut statement = tx.prepare_cached(STALE)?;
    let stale = statement.query_map(params![begun_before.as_millisecond(), limit(at_most)], read)?;
    Ok(stale.collect::<Result<_, _>>()?)
}

/// Whether one of the two is in use is asked when it is claimed, not here.
fn settle_one(tx: &Transaction<'_>, pending: &PendingMedia, now: Timestamp) -> Result<()> {
    drop_pending(tx, &pending.new)?;
    for public_id in [Some(pending.new.as_str()), pending.replaces.as_deref()]
        .into_iter()
        .flatten()
    {
        expired::expire(tx, public_id, pending.resource_type, now)?;
    }
    Ok(())
}

/// `false`: there is none.
pub(super) fn drop_pending(tx: &Transaction<'_>, new: &PublicId) -> Result<bool> {
    Ok(tx
        .prepare_cached("DELETE FROM pending_media WHERE new = ?1")?
        .execute([new.as_str()])?
        == 1)
}

pub(super) fn set_picture(tx: &Transaction<'_>, id: &UserId, new: Option<&ProfileImage>, now: Timestamp) -> Result<()> {
    let (url, public_id) = (new.map(|new| &new.url), new.map(|new| new.public_id.as_str()));
    tx.prepare_cached("UPDATE users SET profile_image = ?2, cloudinary_id = ?3, updated_at = ?4 WHERE id = ?1")?
        .execute(params![id, url, public_id, now.as_millisecond()])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<PendingMedia> {
    Ok(PendingMedia {
        new: public_id(row, "new")?,
        replaces: row.get("replaces")?,
        resource_type: resource_type(row)?,
        begun_at: time(row, "begun_at")?,
    })
}

pub(super) fn is_pending(tx: &Transaction<'_>, new: &PublicId) -> Result<bool> {
    Ok(tx
        .prepare_cached("SELECT 1 FROM pending_media WHERE new = ?1")?
        .exists([new.as_str()])?)
}

/// Whether an exchange under way names the public id.
pub(super) fn names(tx: &Transaction<'_>, public_id: &str) -> Result<bool> {
    Ok(tx.prepare_cached(NAMES)?.exists([public_id])?)
}

pub(super) const NAMES: &str = "SELECT 1 FROM pending_media WHERE new = ?1 OR replaces = ?1";
