//! Changing assets that are there.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::{folders, indexes, uploads};
use crate::catalog::{EditDetails, Edited, RenameAsset, Renamed, Usage};
use crate::error::Result;
use crate::ids::AssetId;

pub(super) fn edit(tx: &Transaction<'_>, id: &AssetId, edit: &EditDetails, now: Timestamp) -> Result<Option<Edited>> {
    let Some(mut asset) = uploads::find_by_id(tx, id)? else {
        return Ok(None);
    };
    let before = asset.details.clone();
    edit(&mut asset.details);
    if asset.details != before {
        asset.details.updated_at = Some(now);
        folders::create(tx, &asset.details.asset_folder, now)?;
        indexes::write(tx, id, &asset.details, now)?;
    }
    Ok(Some(Edited { before, asset }))
}

pub(super) fn rename(tx: &Transaction<'_>, rename: &RenameAsset, now: Timestamp) -> Result<Renamed> {
    let Some(asset) = uploads::find(tx, &rename.from)? else {
        return Ok(Renamed::NotFound);
    };
    if rename.from == rename.to {
        return Ok(Renamed::Done(asset));
    }
    if uploads::find(tx, &rename.to)?.is_some() {
        if !rename.overwrite {
            return Ok(Renamed::Taken);
        }
        uploads::destroy(tx, &rename.to, rename.purge_at, now)?;
    }
    // A version that the new name had before must not come again with other bytes.
    let had = uploads::take_destroyed(tx, &rename.to)?;
    let version = had.map_or(asset.version, |had| asset.version.max(had + 1));
    uploads::remember_destroyed(tx, &rename.from, asset.version)?;
    let [resource_type, delivery_type, public_id] = uploads::key_params(&rename.to);
    let sql = "UPDATE assets SET resource_type = ?2, delivery_type = ?3, public_id = ?4, version = ?5 WHERE id = ?1";
    tx.prepare_cached(sql)?
        .execute(params![asset.id, resource_type, delivery_type, public_id, version])?;
    indexes::write(tx, &asset.id, &asset.details, now)?;
    Ok(Renamed::Done(uploads::read_back(tx, &asset.id)?))
}

pub(super) fn usage(tx: &Transaction<'_>) -> Result<Usage> {
    let sql = "SELECT (SELECT count(*) FROM assets), \
               (SELECT coalesce(sum(u.bytes), 0) FROM assets a JOIN uploads u ON u.id = a.upload_id), \
               (SELECT count(*) FROM derived), (SELECT coalesce(sum(bytes), 0) FROM derived), \
               (SELECT coalesce(sum(u.bytes), 0) FROM backups b JOIN uploads u ON u.id = b.upload_id)";
    Ok(tx.prepare_cached(sql)?.query_row([], |row| {
        Ok(Usage {
            assets: row.get(0)?,
            original_bytes: row.get(1)?,
            derived: row.get(2)?,
            derived_bytes: row.get(3)?,
            backup_bytes: row.get(4)?,
        })
    })?)
}
