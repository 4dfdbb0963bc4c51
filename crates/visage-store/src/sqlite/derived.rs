//! Derived blobs.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::values::{format, limit, recipe, time};
use crate::catalog::{Derived, DerivedFacts, DerivedKey};
use crate::error::Result;

pub(super) fn record(tx: &Transaction<'_>, key: &DerivedKey, facts: &DerivedFacts, now: Timestamp) -> Result<bool> {
    let sql = "INSERT INTO derived (upload_id, recipe, bytes, sha256, format, width, height, used_at) \
               SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM uploads WHERE id = ?1 AND state = 'live' \
               ON CONFLICT (upload_id, recipe) DO UPDATE SET bytes = excluded.bytes, sha256 = excluded.sha256, \
               format = excluded.format, width = excluded.width, height = excluded.height, \
               used_at = max(excluded.used_at, derived.used_at + 1)";
    let recorded = tx.prepare_cached(sql)?.execute(params![
        key.upload,
        key.recipe.as_str(),
        facts.bytes,
        facts.sha256,
        facts.format.extension(),
        facts.width,
        facts.height,
        now.as_millisecond()
    ])?;
    Ok(recorded == 1)
}

pub(super) fn find(tx: &Transaction<'_>, key: &DerivedKey) -> Result<Option<Derived>> {
    let mut statement = tx.prepare_cached("SELECT * FROM derived WHERE upload_id = ?1 AND recipe = ?2")?;
    Ok(statement
        .query_row(params![key.upload, key.recipe.as_str()], read)
        .optional()?)
}

pub(super) fn touch(tx: &Transaction<'_>, key: &DerivedKey, now: Timestamp) -> Result<()> {
    tx.prepare_cached("UPDATE derived SET used_at = max(used_at, ?3) WHERE upload_id = ?1 AND recipe = ?2")?
        .execute(params![key.upload, key.recipe.as_str(), now.as_millisecond()])?;
    Ok(())
}

pub(super) fn total_bytes(tx: &Transaction<'_>) -> Result<u64> {
    Ok(tx.prepare_cached(TOTAL_BYTES)?.query_row([], |row| row.get(0))?)
}

pub(super) const TOTAL_BYTES: &str = "SELECT coalesce(sum(bytes), 0) FROM derived";

pub(super) fn least_recent(tx: &Transaction<'_>, at_most: usize) -> Result<Vec<Derived>> {
    let mut statement = tx.prepare_cached(LEAST_RECENT)?;
    let derived = statement.query_map([limit(at_most)], read)?;
    Ok(derived.collect::<Result<_, _>>()?)
}

pub(super) const LEAST_RECENT: &str = "SELECT * FROM derived ORDER BY used_at LIMIT ?1";

/// `false`: there is no such row with this time.
pub(super) fn forget(tx: &Transaction<'_>, key: &DerivedKey, used_at: Timestamp) -> Result<bool> {
    let forgotten = tx
        .prepare_cached("DELETE FROM derived WHERE upload_id = ?1 AND recipe = ?2 AND used_at = ?3")?
        .execute(params![key.upload, key.recipe.as_str(), used_at.as_millisecond()])?;
    Ok(forgotten == 1)
}

pub(super) fn all(tx: &Transaction<'_>, after: Option<&DerivedKey>, at_most: usize) -> Result<Vec<Derived>> {
    let sql = "SELECT * FROM derived WHERE ?1 IS NULL OR (upload_id, recipe) > (?1, ?2) \
               ORDER BY upload_id, recipe LIMIT ?3";
    let (upload, recipe) = (after.map(|key| key.upload), after.map(|key| key.recipe.as_str()));
    let mut statement = tx.prepare_cached(sql)?;
    let derived = statement.query_map(params![upload, recipe, limit(at_most)], read)?;
    Ok(derived.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Derived> {
    let facts = DerivedFacts {
        bytes: row.get("bytes")?,
        sha256: row.get("sha256")?,
        format: format(row)?,
        width: row.get("width")?,
        height: row.get("height")?,
    };
    let key = DerivedKey {
        upload: row.get("upload_id")?,
        recipe: recipe(row)?,
    };
    Ok(Derived {
        key,
        facts,
        used_at: time(row, "used_at")?,
    })
}
