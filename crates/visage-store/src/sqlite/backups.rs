//! Uploads that are kept when they cease to be current.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::uploads::{doom_live, key_params, read_key, read_upload};
use super::values::{record, time, to_json};
use crate::asset::{Asset, AssetDetails, AssetKey, Backup};
use crate::error::Result;
use crate::ids::{AssetId, UploadId};

const SELECT: &str = "SELECT b.asset_id, b.resource_type, b.delivery_type, b.public_id, b.version, b.created_at, b.kept_at, \
     b.details, u.* FROM backups b JOIN uploads u ON u.id = b.upload_id";

/// Keeps the asset's upload; it stays live.
pub(super) fn keep(tx: &Transaction<'_>, asset: &Asset, now: Timestamp) -> Result<()> {
    let [resource_type, delivery_type, public_id] = key_params(&asset.key);
    let details = (asset.details != AssetDetails::default())
        .then(|| to_json(&asset.details))
        .transpose()?;
    let sql = "INSERT INTO backups (upload_id, asset_id, resource_type, delivery_type, public_id, version, created_at, \
               kept_at, details) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    tx.prepare_cached(sql)?.execute(params![
        asset.upload.id,
        asset.id,
        resource_type,
        delivery_type,
        public_id,
        asset.version,
        asset.created_at.as_millisecond(),
        now.as_millisecond(),
        details
    ])?;
    Ok(())
}

pub(super) fn of_asset(tx: &Transaction<'_>, id: &AssetId) -> Result<Vec<Backup>> {
    let mut statement = tx.prepare_cached(&format!("{SELECT} WHERE b.asset_id = ?1 ORDER BY b.version DESC"))?;
    let backups = statement.query_map([id], read)?;
    Ok(backups.collect::<Result<_, _>>()?)
}

pub(super) fn find_destroyed(tx: &Transaction<'_>, key: &AssetKey) -> Result<Option<Backup>> {
    let sql = format!(
        "{SELECT} WHERE b.resource_type = ?1 AND b.delivery_type = ?2 AND b.public_id = ?3 \
         AND NOT EXISTS (SELECT 1 FROM assets a WHERE a.id = b.asset_id) ORDER BY b.version DESC LIMIT 1"
    );
    Ok(tx.prepare_cached(&sql)?.query_row(key_params(key), read).optional()?)
}

pub(super) fn drop(tx: &Transaction<'_>, upload: &UploadId, purge_at: Timestamp) -> Result<bool> {
    let dropped = tx
        .prepare_cached("DELETE FROM backups WHERE upload_id = ?1")?
        .execute([upload])?;
    if dropped == 0 {
        return Ok(false);
    }
    doom_live(tx, upload, purge_at)?;
    Ok(true)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Backup> {
    Ok(Backup {
        asset_id: row.get("asset_id")?,
        key: read_key(row)?,
        version: row.get("version")?,
        created_at: time(row, "created_at")?,
        kept_at: time(row, "kept_at")?,
        upload: read_upload(row)?,
        details: record(row, "details")?,
    })
}
