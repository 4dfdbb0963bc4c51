//! Derived blobs.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::lists::cut;
use super::uploads::{SELECT_ASSET, read_asset};
use super::values::{format, limit, recipe, time};
use crate::asset::Asset;
use crate::catalog::{Derived, DerivedFacts, DerivedKey, DerivedTotals};
use crate::error::{Result, StoreError};
use crate::ids::{DerivedId, UploadId};
use crate::listing::{Cursor, Page};

pub(super) fn record(tx: &Transaction<'_>, key: &DerivedKey, facts: &DerivedFacts, now: Timestamp) -> Result<bool> {
    let sql = "INSERT INTO derived (upload_id, recipe, id, bytes, sha256, format, width, height, used_at, transformation, \
               extension) SELECT id, ?2, randomblob(16), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM uploads \
               WHERE id = ?1 AND state = 'live' \
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
        now.as_millisecond(),
        facts.transformation,
        facts.extension
    ])?;
    Ok(recorded == 1)
}

pub(super) fn find(tx: &Transaction<'_>, key: &DerivedKey) -> Result<Option<Derived>> {
    let mut statement = tx.prepare_cached("SELECT * FROM derived WHERE upload_id = ?1 AND recipe = ?2")?;
    Ok(statement
        .query_row(params![key.upload, key.recipe.as_str()], read)
        .optional()?)
}

pub(super) fn find_by_id(tx: &Transaction<'_>, id: &DerivedId) -> Result<Option<(Asset, Derived)>> {
    let found = tx
        .prepare_cached("SELECT * FROM derived WHERE id = ?1")?
        .query_row([id], read)
        .optional()?;
    match found {
        None => Ok(None),
        Some(derived) => Ok(asset_of(tx, &derived)?.map(|asset| (asset, derived))),
    }
}

/// The asset whose current upload a blob was derived from.
fn asset_of(tx: &Transaction<'_>, derived: &Derived) -> Result<Option<Asset>> {
    let sql = format!("{SELECT_ASSET} WHERE a.upload_id = ?1");
    Ok(tx
        .prepare_cached(&sql)?
        .query_row([derived.key.upload], read_asset)
        .optional()?)
}

pub(super) fn of(
    tx: &Transaction<'_>,
    upload: &UploadId,
    after: Option<&Cursor>,
    at_most: usize,
) -> Result<Page<Derived>> {
    let sql = "SELECT * FROM derived WHERE upload_id = ?1 AND (?2 IS NULL OR id > ?2) ORDER BY id LIMIT ?3";
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map(params![upload, begin(after)?, limit(at_most.saturating_add(1))], read)?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(cut(rows, at_most, |derived| derived.id.to_string()))
}

fn begin(after: Option<&Cursor>) -> Result<Option<DerivedId>> {
    let id = after.map(|cursor| DerivedId::parse(&cursor.0)).transpose();
    id.map_err(|_no_id| StoreError::BadCursor)
}

pub(super) fn by_transformation(
    tx: &Transaction<'_>,
    (transformation, extension): (&str, Option<&str>),
    after: Option<&Cursor>,
    at_most: usize,
) -> Result<Page<(Asset, Derived)>> {
    let begin = begin(after)?.unwrap_or(DerivedId::from_bytes([0; 16]));
    let at_most_one_more = limit(at_most.saturating_add(1));
    let rows = match extension {
        None => tx
            .prepare_cached(BY_TRANSFORMATION)?
            .query_map(params![transformation, begin, at_most_one_more], read)?
            .collect::<Result<Vec<_>, _>>()?,
        Some(extension) => tx
            .prepare_cached(BY_TRANSFORMATION_AND_EXTENSION)?
            .query_map(params![transformation, extension, begin, at_most_one_more], read)?
            .collect::<Result<Vec<_>, _>>()?,
    };
    let page = cut(rows, at_most, |derived| derived.id.to_string());
    let mut items = Vec::new();
    for derived in page.items {
        // What a kept upload was made into is nobody's now.
        items.extend(asset_of(tx, &derived)?.map(|asset| (asset, derived)));
    }
    Ok(Page { items, next: page.next })
}

pub(super) const BY_TRANSFORMATION: &str =
    "SELECT * FROM derived WHERE transformation = ?1 AND id > ?2 ORDER BY id LIMIT ?3";

pub(super) const BY_TRANSFORMATION_AND_EXTENSION: &str =
    "SELECT * FROM derived WHERE transformation = ?1 AND extension = ?2 AND id > ?3 ORDER BY id LIMIT ?4";

/// Each transformation once. One step of the index for each, because one may have been made of very many images.
pub(super) fn transformations(
    tx: &Transaction<'_>,
    after: Option<&Cursor>,
    at_most: usize,
) -> Result<Page<(String, Option<String>)>> {
    let mut statement = tx.prepare_cached(NEXT_TRANSFORMATION)?;
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    let mut last = match after.map(|cursor| cursor.0.split_once('\n')) {
        None => (String::new(), String::new()),
        Some(Some((transformation, extension))) => (transformation.to_owned(), extension.to_owned()),
        Some(None) => return Err(StoreError::BadCursor),
    };
    while found.len() <= at_most {
        let next: Option<(String, Option<String>)> = statement
            .query_row(params![last.0, last.1], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some(next) = next else { break };
        last = (next.0.clone(), next.1.clone().unwrap_or_default());
        found.push(next);
    }
    Ok(cut(found, at_most, |(transformation, extension)| {
        format!("{transformation}\n{}", extension.as_deref().unwrap_or_default())
    }))
}

pub(super) const NEXT_TRANSFORMATION: &str = "SELECT transformation, extension FROM derived \
     WHERE (transformation > ?1 OR (transformation = ?1 AND extension > ?2)) AND transformation > '' \
     ORDER BY transformation, extension LIMIT 1";

pub(super) fn touch(tx: &Transaction<'_>, key: &DerivedKey, now: Timestamp) -> Result<()> {
    tx.prepare_cached("UPDATE derived SET used_at = max(used_at, ?3) WHERE upload_id = ?1 AND recipe = ?2")?
        .execute(params![key.upload, key.recipe.as_str(), now.as_millisecond()])?;
    Ok(())
}

pub(super) fn totals(tx: &Transaction<'_>) -> Result<DerivedTotals> {
    let totals = tx.prepare_cached(TOTALS)?.query_row([], |row| {
        Ok(DerivedTotals {
            images: row.get(0)?,
            bytes: row.get(1)?,
        })
    })?;
    Ok(totals)
}

pub(super) const TOTALS: &str = "SELECT count(*), coalesce(sum(bytes), 0) FROM derived";

pub(super) fn count(tx: &Transaction<'_>, upload: &UploadId, at_most: u64) -> Result<u64> {
    Ok(tx
        .prepare_cached(COUNT)?
        .query_row(params![upload, at_most], |row| row.get(0))?)
}

pub(super) const COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM derived WHERE upload_id = ?1 LIMIT ?2)";

pub(super) fn crowded(
    tx: &Transaction<'_>,
    at_least: u64,
    after: Option<UploadId>,
    at_most: usize,
) -> Result<Vec<(UploadId, u64)>> {
    let after = after.unwrap_or(UploadId::from_bytes([0; 16]));
    let mut statement = tx.prepare_cached(CROWDED)?;
    let crowded = statement.query_map(params![after, at_least, limit(at_most)], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(crowded.collect::<Result<_, _>>()?)
}

pub(super) const CROWDED: &str = "SELECT upload_id, count(*) FROM derived WHERE upload_id > ?1 \
     GROUP BY upload_id HAVING count(*) >= ?2 ORDER BY upload_id LIMIT ?3";

pub(super) fn least_recent_of(tx: &Transaction<'_>, upload: &UploadId, at_most: usize) -> Result<Vec<Derived>> {
    let mut statement = tx.prepare_cached("SELECT * FROM derived WHERE upload_id = ?1 ORDER BY used_at LIMIT ?2")?;
    let derived = statement.query_map(params![upload, limit(at_most)], read)?;
    Ok(derived.collect::<Result<_, _>>()?)
}

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
        transformation: row.get("transformation")?,
        extension: row.get("extension")?,
    };
    let key = DerivedKey {
        upload: row.get("upload_id")?,
        recipe: recipe(row)?,
    };
    Ok(Derived {
        key,
        id: row.get("id")?,
        facts,
        used_at: time(row, "used_at")?,
    })
}
