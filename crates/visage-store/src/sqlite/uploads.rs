//! Assets and uploads.

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use visage_cloudinary::{DeliveryType, ImageFormat, ResourceType};

use super::values::{damaged, json, limit, optional_time, public_id, recipe, record, time, to_json, word};
use super::{backups, folders, indexes};
use crate::asset::{Asset, AssetKey, ImageFacts, Media, Upload, UploadFacts};
use crate::catalog::{Commit, CommitError, CommitUpload, DoomedUpload, UploadRecord, UploadState};
use crate::error::Result;
use crate::ids::{AssetId, Sha256, UploadId};

/// Every asset with its upload, as [`read_asset`] wants them.
pub(super) const SELECT_ASSET: &str = "SELECT a.seq, a.id AS asset_id, a.resource_type, a.delivery_type, a.public_id, \
     a.version, a.created_at, a.details, u.* FROM assets a JOIN uploads u ON u.id = a.upload_id";

pub(super) fn begin(tx: &Transaction<'_>, id: &UploadId, now: Timestamp) -> Result<()> {
    tx.prepare_cached("INSERT INTO uploads (id, state, begun_at) VALUES (?1, 'pending', ?2)")?
        .execute(params![id, now.as_millisecond()])?;
    Ok(())
}

pub(super) fn commit(tx: &Transaction<'_>, commit: &CommitUpload, now: Timestamp) -> Result<Commit, CommitError> {
    let previous = find(tx, &commit.key)?;
    if let Some(existing) = previous.as_ref().filter(|_| !commit.overwrite) {
        if !doom_pending(tx, &commit.id, now)? {
            return Err(CommitError::NotPending);
        }
        return Ok(Commit::Existing(existing.clone()));
    }
    if !make_live(tx, &commit.id, &commit.facts)? {
        return Err(CommitError::NotPending);
    }
    folders::create(tx, &commit.details.asset_folder, now)?;
    let overwritten = previous.is_some();
    let id = match previous {
        Some(previous) => replace(tx, &previous, commit, now)?,
        None => create(tx, commit, now)?,
    };
    indexes::write(tx, &id, &commit.details, now)?;
    let asset = read_back(tx, &id)?;
    Ok(Commit::Stored { asset, overwritten })
}

pub(super) fn find(tx: &Transaction<'_>, key: &AssetKey) -> Result<Option<Asset>> {
    Ok(tx
        .prepare_cached(&find_sql())?
        .query_row(key_params(key), read_asset)
        .optional()?)
}

pub(super) fn find_sql() -> String {
    format!("{SELECT_ASSET} WHERE a.resource_type = ?1 AND a.delivery_type = ?2 AND a.public_id = ?3")
}

pub(super) fn find_by_id(tx: &Transaction<'_>, id: &AssetId) -> Result<Option<Asset>> {
    Ok(tx
        .prepare_cached(&format!("{SELECT_ASSET} WHERE a.id = ?1"))?
        .query_row([id], read_asset)
        .optional()?)
}

pub(super) fn destroy(
    tx: &Transaction<'_>,
    key: &AssetKey,
    purge_at: Timestamp,
    now: Timestamp,
) -> Result<Option<Asset>> {
    let Some(asset) = find(tx, key)? else { return Ok(None) };
    indexes::remove_words(tx, &asset.id)?;
    tx.prepare_cached("DELETE FROM assets WHERE id = ?1")?
        .execute([asset.id])?;
    remember_destroyed(tx, key, asset.version)?;
    keep_or_doom(tx, &asset, purge_at, now)?;
    Ok(Some(asset))
}

/// What is no longer current is kept when the asset says so.
fn keep_or_doom(tx: &Transaction<'_>, asset: &Asset, purge_at: Timestamp, now: Timestamp) -> Result<()> {
    if asset.details.backup {
        backups::keep(tx, asset, now)
    } else {
        doom_live(tx, &asset.upload.id, purge_at)
    }
}

/// Remembers the last version that a name had.
pub(super) fn remember_destroyed(tx: &Transaction<'_>, key: &AssetKey, version: i64) -> Result<()> {
    let [resource_type, delivery_type, public_id] = key_params(key);
    let sql = "INSERT OR REPLACE INTO destroyed_assets (resource_type, delivery_type, public_id, version) \
               VALUES (?1, ?2, ?3, ?4)";
    tx.prepare_cached(sql)?
        .execute(params![resource_type, delivery_type, public_id, version])?;
    Ok(())
}

/// The last version that a name had, which is forgotten: the name is used again.
pub(super) fn take_destroyed(tx: &Transaction<'_>, key: &AssetKey) -> Result<Option<i64>> {
    let sql = "DELETE FROM destroyed_assets WHERE resource_type = ?1 AND delivery_type = ?2 AND public_id = ?3 \
               RETURNING version";
    Ok(tx
        .prepare_cached(sql)?
        .query_row(key_params(key), |row| row.get(0))
        .optional()?)
}

pub(super) fn forget_destroyed(tx: &Transaction<'_>, before: Timestamp) -> Result<u64> {
    Ok(tx.prepare_cached(FORGET_DESTROYED)?.execute([before.as_second()])? as u64)
}

pub(super) const FORGET_DESTROYED: &str = "DELETE FROM destroyed_assets WHERE version < ?1";

/// `false`: the upload is not pending.
pub(super) fn doom_pending(tx: &Transaction<'_>, id: &UploadId, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE uploads SET state = 'doomed', purge_at = ?2 WHERE id = ?1 AND state = 'pending'";
    Ok(tx.prepare_cached(sql)?.execute(params![id, now.as_millisecond()])? == 1)
}

pub(super) fn doom_abandoned(tx: &Transaction<'_>, begun_before: Timestamp, now: Timestamp) -> Result<u64> {
    let times = [begun_before.as_millisecond(), now.as_millisecond()];
    Ok(tx.prepare_cached(DOOM_ABANDONED)?.execute(times)? as u64)
}

pub(super) const DOOM_ABANDONED: &str =
    "UPDATE uploads SET state = 'doomed', purge_at = ?2 WHERE state = 'pending' AND begun_at < ?1";

pub(super) fn due(tx: &Transaction<'_>, now: Timestamp, at_most: usize) -> Result<Vec<DoomedUpload>> {
    let mut uploads = tx.prepare_cached(DUE_UPLOADS)?;
    let mut recipes = tx.prepare_cached("SELECT recipe FROM derived WHERE upload_id = ?1")?;
    let due = uploads.query_map(params![now.as_millisecond(), limit(at_most)], |row| {
        let id: UploadId = row.get(0)?;
        let recipes = recipes.query_map([id], recipe)?.collect::<Result<_, _>>()?;
        Ok(DoomedUpload { id, recipes })
    })?;
    Ok(due.collect::<Result<_, _>>()?)
}

pub(super) const DUE_UPLOADS: &str =
    "SELECT id FROM uploads WHERE state = 'doomed' AND purge_at <= ?1 ORDER BY purge_at LIMIT ?2";

pub(super) fn forget(tx: &Transaction<'_>, id: &UploadId) -> Result<()> {
    tx.prepare_cached("DELETE FROM uploads WHERE id = ?1 AND state = 'doomed'")?
        .execute([id])?;
    Ok(())
}

pub(super) fn all_assets(tx: &Transaction<'_>, after: Option<AssetId>, at_most: usize) -> Result<Vec<Asset>> {
    let sql = format!("{SELECT_ASSET} WHERE ?1 IS NULL OR a.id > ?1 ORDER BY a.id LIMIT ?2");
    let mut statement = tx.prepare_cached(&sql)?;
    let assets = statement.query_map(params![after, limit(at_most)], read_asset)?;
    Ok(assets.collect::<Result<_, _>>()?)
}

pub(super) fn all_uploads(tx: &Transaction<'_>, after: Option<UploadId>, at_most: usize) -> Result<Vec<UploadRecord>> {
    let sql = "SELECT *, EXISTS (SELECT 1 FROM backups b WHERE b.upload_id = uploads.id) AS is_backup \
               FROM uploads WHERE ?1 IS NULL OR id > ?1 ORDER BY id LIMIT ?2";
    let mut statement = tx.prepare_cached(sql)?;
    let uploads = statement.query_map(params![after, limit(at_most)], read_record)?;
    Ok(uploads.collect::<Result<_, _>>()?)
}

/// `false`: the upload is not pending.
fn make_live(tx: &Transaction<'_>, id: &UploadId, facts: &UploadFacts) -> Result<bool> {
    let sql = "UPDATE uploads SET state = 'live', bytes = ?2, sha256 = ?3, md5 = ?4, blocks = ?5, media = ?6, format = ?7, \
               width = ?8, height = ?9, orientation = ?10, frames = ?11, has_alpha = ?12, video = ?13, duration = ?14, faces = ?15 \
               WHERE id = ?1 AND state = 'pending'";
    let blocks: Vec<u8> = facts.blocks.iter().flat_map(Sha256::as_bytes).copied().collect();
    let blocks = (!blocks.is_empty()).then_some(blocks);
    let (image, video) = match &facts.media {
        Media::Image(image) => (Some(image), None),
        Media::Video(video) => (None, Some(video)),
        Media::Raw => (None, None),
    };
    let format = image
        .map(|image| image.format.extension())
        .or(video.map(|video| video.format.as_str()));
    let changed = tx.prepare_cached(sql)?.execute(params![
        id,
        facts.bytes,
        facts.sha256,
        facts.md5,
        blocks,
        media_word(&facts.media),
        format,
        image.map(|image| image.width).or(video.and_then(|video| video.width)),
        image.map(|image| image.height).or(video.and_then(|video| video.height)),
        image.map(|image| image.orientation),
        image.map(|image| image.frames),
        image.map(|image| image.has_alpha),
        video.map(to_json).transpose()?,
        video.and_then(|video| video.duration),
        image.and_then(|image| image.faces.as_ref()).map(to_json).transpose()?
    ])?;
    Ok(changed == 1)
}

fn media_word(media: &Media) -> &'static str {
    match media {
        Media::Image(_) => "image",
        Media::Video(_) => "video",
        Media::Raw => "raw",
    }
}

/// Points the asset at the new upload and dooms the old one.
fn replace(tx: &Transaction<'_>, previous: &Asset, commit: &CommitUpload, now: Timestamp) -> Result<AssetId> {
    let version = next_version(now, Some(previous.version));
    tx.prepare_cached("UPDATE assets SET version = ?2, upload_id = ?3 WHERE id = ?1")?
        .execute(params![previous.id, version, commit.id])?;
    keep_or_doom(tx, previous, commit.purge_at, now)?;
    Ok(previous.id)
}

/// Adds the asset; if it was destroyed before, its version goes on from there.
fn create(tx: &Transaction<'_>, commit: &CommitUpload, now: Timestamp) -> Result<AssetId> {
    let id = commit.asset_id.unwrap_or_else(AssetId::random);
    let key = &commit.key;
    let destroyed = take_destroyed(tx, key)?;
    tx.prepare_cached(
        "INSERT INTO assets (id, resource_type, delivery_type, public_id, version, created_at, upload_id, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?6)",
    )?
    .execute(params![
        id,
        key.resource_type.as_str(),
        key.delivery_type.as_str(),
        key.public_id.as_str(),
        next_version(now, destroyed),
        now.as_millisecond(),
        commit.id
    ])?;
    Ok(id)
}

/// version = max(seconds of now, previous + 1)
fn next_version(now: Timestamp, previous: Option<i64>) -> i64 {
    previous.map_or(now.as_second(), |previous| now.as_second().max(previous + 1))
}

pub(super) fn doom_live(tx: &Transaction<'_>, id: &UploadId, purge_at: Timestamp) -> Result<()> {
    tx.prepare_cached("UPDATE uploads SET state = 'doomed', purge_at = ?2 WHERE id = ?1 AND state = 'live'")?
        .execute(params![id, purge_at.as_millisecond()])?;
    Ok(())
}

pub(super) fn read_back(tx: &Transaction<'_>, id: &AssetId) -> Result<Asset> {
    Ok(tx
        .prepare_cached(&format!("{SELECT_ASSET} WHERE a.id = ?1"))?
        .query_row([id], read_asset)?)
}

pub(super) fn key_params(key: &AssetKey) -> [&str; 3] {
    [
        key.resource_type.as_str(),
        key.delivery_type.as_str(),
        key.public_id.as_str(),
    ]
}

pub(super) fn read_asset(row: &Row<'_>) -> rusqlite::Result<Asset> {
    Ok(Asset {
        id: row.get("asset_id")?,
        key: read_key(row)?,
        version: row.get("version")?,
        created_at: time(row, "created_at")?,
        upload: read_upload(row)?,
        details: record(row, "details")?,
    })
}

pub(super) fn read_key(row: &Row<'_>) -> rusqlite::Result<AssetKey> {
    Ok(AssetKey {
        resource_type: word(row, "resource_type", |text| text.parse::<ResourceType>().ok())?,
        delivery_type: word(row, "delivery_type", |text| text.parse::<DeliveryType>().ok())?,
        public_id: public_id(row, "public_id")?,
    })
}

pub(super) fn read_upload(row: &Row<'_>) -> rusqlite::Result<Upload> {
    Ok(Upload {
        id: row.get("id")?,
        facts: read_facts(row)?,
        created_at: time(row, "begun_at")?,
    })
}

fn read_facts(row: &Row<'_>) -> rusqlite::Result<UploadFacts> {
    let media: String = row.get("media")?;
    let media = match media.as_str() {
        "image" => Media::Image(ImageFacts {
            format: word(row, "format", ImageFormat::from_extension)?,
            width: row.get("width")?,
            height: row.get("height")?,
            orientation: row.get("orientation")?,
            frames: row.get("frames")?,
            has_alpha: row.get("has_alpha")?,
            faces: json(row, "faces")?,
        }),
        "video" => Media::Video(json(row, "video")?),
        "raw" => Media::Raw,
        other => return Err(damaged(Type::Text, format!("{other:?} in column media"))),
    };
    let blocks: Option<Vec<u8>> = row.get("blocks")?;
    let blocks = blocks.unwrap_or_default();
    let (hashes, rest) = blocks.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(damaged(Type::Blob, "half a hash in column blocks"));
    }
    Ok(UploadFacts {
        bytes: row.get("bytes")?,
        sha256: row.get("sha256")?,
        md5: row.get("md5")?,
        blocks: hashes.iter().copied().map(Sha256::from_bytes).collect(),
        media,
    })
}

fn read_record(row: &Row<'_>) -> rusqlite::Result<UploadRecord> {
    let purge_at = optional_time(row, "purge_at")?;
    let is_backup: bool = row.get("is_backup")?;
    let state = word(row, "state", |text| match (text, purge_at) {
        ("pending", None) => Some(UploadState::Pending),
        ("live", None) if is_backup => Some(UploadState::Backup),
        ("live", None) => Some(UploadState::Live),
        ("doomed", Some(purge_at)) => Some(UploadState::Doomed { purge_at }),
        _ => None,
    })?;
    let committed = row.get::<_, Option<u64>>("bytes")?.is_some();
    let facts = committed.then(|| read_facts(row)).transpose()?;
    Ok(UploadRecord {
        id: row.get("id")?,
        state,
        begun_at: time(row, "begun_at")?,
        facts,
    })
}
