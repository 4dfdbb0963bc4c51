//! Writes what is said of an asset, and repeats it where it is searched.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};
use serde_json::Value;

use super::values::to_json;
use crate::asset::AssetDetails;
use crate::error::Result;
use crate::ids::AssetId;

/// Stands between texts that are indexed as one, so that no phrase reaches over it.
const BETWEEN: &str = " 0between0 ";

/// Writes the details of an asset, in its row and in every index.
pub(super) fn write(tx: &Transaction<'_>, id: &AssetId, details: &AssetDetails, now: Timestamp) -> Result<()> {
    // What is default takes no room, and no time to read at each delivery.
    let text = if *details == AssetDetails::default() {
        None
    } else {
        Some(to_json(details)?)
    };
    let moderation = details.moderation.as_ref();
    let status = moderation.map(|moderation| super::lists::status_word(moderation.status));
    let sql = "UPDATE assets SET details = ?2, asset_folder = ?3, display_name = ?4, moderation_kind = ?5, \
               moderation_status = ?6, updated_at = ?7 WHERE id = ?1 RETURNING seq, resource_type, public_id";
    let (seq, resource_type, public_id): (i64, String, String) = tx.prepare_cached(sql)?.query_row(
        params![
            id,
            text,
            details.asset_folder,
            details.display_name,
            moderation.map(|moderation| &moderation.kind),
            status,
            now.as_millisecond()
        ],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    write_tags(tx, seq, &resource_type, details)?;
    write_context(tx, seq, details)?;
    write_metadata(tx, seq, details)?;
    write_words(tx, seq, &public_id, details)
}

/// Takes the asset out of the index of words, which knows no foreign keys. Call it before the asset's row goes.
pub(super) fn remove_words(tx: &Transaction<'_>, id: &AssetId) -> Result<()> {
    let seq: Option<i64> = tx
        .prepare_cached("SELECT seq FROM assets WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    if let Some(seq) = seq {
        tx.prepare_cached("DELETE FROM asset_words WHERE rowid = ?1")?
            .execute([seq])?;
    }
    Ok(())
}

fn write_tags(tx: &Transaction<'_>, seq: i64, resource_type: &str, details: &AssetDetails) -> Result<()> {
    tx.prepare_cached("DELETE FROM asset_tags WHERE asset_seq = ?1")?
        .execute([seq])?;
    let mut insert = tx.prepare_cached("INSERT INTO asset_tags (tag, asset_seq, resource_type) VALUES (?1, ?2, ?3)")?;
    for tag in &details.tags {
        insert.execute(params![tag, seq, resource_type])?;
    }
    Ok(())
}

fn write_context(tx: &Transaction<'_>, seq: i64, details: &AssetDetails) -> Result<()> {
    tx.prepare_cached("DELETE FROM asset_context WHERE asset_seq = ?1")?
        .execute([seq])?;
    let mut insert = tx.prepare_cached("INSERT INTO asset_context (key, value, asset_seq) VALUES (?1, ?2, ?3)")?;
    for (key, value) in &details.context {
        insert.execute(params![key, value, seq])?;
    }
    Ok(())
}

fn write_metadata(tx: &Transaction<'_>, seq: i64, details: &AssetDetails) -> Result<()> {
    tx.prepare_cached("DELETE FROM asset_metadata WHERE asset_seq = ?1")?
        .execute([seq])?;
    let sql = "INSERT OR IGNORE INTO asset_metadata (field, value, number, asset_seq) VALUES (?1, ?2, ?3, ?4)";
    let mut insert = tx.prepare_cached(sql)?;
    for (field, value) in &details.metadata {
        let items = match value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for item in items {
            let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
            insert.execute(params![field, text, number(&text), seq])?;
        }
    }
    Ok(())
}

/// What a text means as a number: itself, or a day in milliseconds since the Unix epoch.
fn number(text: &str) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return Some(number).filter(|number| number.is_finite());
    }
    let day = text.parse::<jiff::civil::Date>().ok()?;
    let time = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    #[allow(clippy::cast_precision_loss, reason = "exact until the year 287396")]
    let millis = time.as_millisecond() as f64;
    Some(millis)
}

fn write_words(tx: &Transaction<'_>, seq: i64, public_id: &str, details: &AssetDetails) -> Result<()> {
    tx.prepare_cached("DELETE FROM asset_words WHERE rowid = ?1")?
        .execute([seq])?;
    let filename = public_id.rsplit('/').next().unwrap_or_default();
    let tags: Vec<&str> = details.tags.iter().map(String::as_str).collect();
    let context: Vec<&str> = details.context.values().map(String::as_str).collect();
    let sql = "INSERT INTO asset_words (rowid, public_id, filename, display_name, asset_folder, tags, context) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    tx.prepare_cached(sql)?.execute(params![
        seq,
        public_id,
        filename,
        if details.display_name.is_empty() {
            filename
        } else {
            &details.display_name
        },
        details.asset_folder,
        tags.join(BETWEEN),
        context.join(BETWEEN)
    ])?;
    Ok(())
}
