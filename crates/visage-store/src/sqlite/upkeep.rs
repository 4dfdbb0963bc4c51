//! [`Upkeep`]: damaged originals, and the one row about scrub and backups.

use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::values::{limit, optional_time, time};
use super::{Sqlite, connections};
use crate::error::Result;
use crate::ids::{InstallationId, UploadId};
use crate::upkeep::{BackupFailure, BackupTimes, Condition, Damage, DamagedUpload, ScrubProgress, Upkeep};

#[async_trait]
impl Upkeep for Sqlite {
    async fn record_damage(&self, upload: &UploadId, damage: Damage, now: Timestamp) -> Result<bool> {
        let upload = *upload;
        self.write(move |tx| record_damage(tx, &upload, damage, now)).await
    }

    async fn clear_damage(&self, upload: &UploadId) -> Result<bool> {
        let upload = *upload;
        self.write(move |tx| clear_damage(tx, &upload)).await
    }

    async fn damaged_uploads(&self, after: Option<UploadId>, limit: usize) -> Result<Vec<DamagedUpload>> {
        self.read(move |tx| damaged(tx, after, limit)).await
    }

    async fn condition(&self) -> Result<Condition> {
        let condition = self.read(condition).await?;
        Ok(Condition {
            database_is_damaged: !self.integrity.is_good(),
            ..condition
        })
    }

    async fn scrub_progress(&self) -> Result<ScrubProgress> {
        self.read(|tx| {
            let sql = "SELECT scrub_begun_at, scrub_after, scrub_ended_at FROM upkeep";
            Ok(tx.prepare_cached(sql)?.query_row([], |row| {
                Ok(ScrubProgress {
                    begun_at: optional_time(row, "scrub_begun_at")?,
                    after: row.get("scrub_after")?,
                    ended_at: optional_time(row, "scrub_ended_at")?,
                })
            })?)
        })
        .await
    }

    async fn save_scrub_progress(&self, progress: ScrubProgress) -> Result<()> {
        self.write(move |tx| {
            let sql = "UPDATE upkeep SET scrub_begun_at = ?1, scrub_after = ?2, scrub_ended_at = ?3";
            tx.prepare_cached(sql)?.execute(params![
                progress.begun_at.map(Timestamp::as_millisecond),
                progress.after,
                progress.ended_at.map(Timestamp::as_millisecond)
            ])?;
            Ok(())
        })
        .await
    }

    async fn record_backup(&self, at: Timestamp) -> Result<()> {
        self.write(move |tx| {
            let sql = "UPDATE upkeep SET backup_succeeded_at = ?1, backup_failed_at = NULL, backup_is_foreign = 0";
            tx.prepare_cached(sql)?.execute([at.as_millisecond()])?;
            Ok(())
        })
        .await
    }

    async fn record_failed_backup(&self, at: Timestamp, why: BackupFailure) -> Result<()> {
        self.write(move |tx| {
            let sql = "UPDATE upkeep SET backup_failed_at = ?1, backup_is_foreign = ?2";
            tx.prepare_cached(sql)?
                .execute(params![at.as_millisecond(), why == BackupFailure::Foreign])?;
            Ok(())
        })
        .await
    }

    async fn installation(&self) -> Result<InstallationId> {
        self.read(|tx| {
            let sql = "SELECT installation FROM upkeep";
            Ok(tx.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
        })
        .await
    }

    async fn copy_database_to(&self, path: &Path) -> Result<()> {
        let path = path.to_owned();
        self.readers
            .run(move |reader| connections::back_up(reader, &path))
            .await
    }
}

fn is_live(tx: &Transaction<'_>, upload: &UploadId) -> Result<bool> {
    let sql = "SELECT 1 FROM uploads WHERE id = ?1 AND state = 'live'";
    let found = tx.prepare_cached(sql)?.query_row([upload], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

/// Bytes of a live upload are not deleted, so if it is live now, they were lost.
fn record_damage(tx: &Transaction<'_>, upload: &UploadId, damage: Damage, now: Timestamp) -> Result<bool> {
    if !is_live(tx, upload)? {
        return Ok(false);
    }
    let sql = "INSERT INTO damaged_uploads (upload_id, is_missing, found_at) VALUES (?1, ?2, ?3) \
               ON CONFLICT (upload_id) DO UPDATE SET is_missing = excluded.is_missing";
    tx.prepare_cached(sql)?
        .execute(params![upload, damage == Damage::Missing, now.as_millisecond()])?;
    Ok(true)
}

fn clear_damage(tx: &Transaction<'_>, upload: &UploadId) -> Result<bool> {
    tx.prepare_cached("DELETE FROM damaged_uploads WHERE upload_id = ?1")?
        .execute([upload])?;
    is_live(tx, upload)
}

fn damaged(tx: &Transaction<'_>, after: Option<UploadId>, at_most: usize) -> Result<Vec<DamagedUpload>> {
    let sql = "SELECT d.* FROM damaged_uploads d JOIN uploads u ON u.id = d.upload_id \
               WHERE u.state = 'live' AND (?1 IS NULL OR d.upload_id > ?1) ORDER BY d.upload_id LIMIT ?2";
    let mut statement = tx.prepare_cached(sql)?;
    let damaged = statement.query_map(params![after, limit(at_most)], |row| {
        let is_missing: bool = row.get("is_missing")?;
        Ok(DamagedUpload {
            upload: row.get("upload_id")?,
            damage: if is_missing { Damage::Missing } else { Damage::Changed },
            found_at: time(row, "found_at")?,
        })
    })?;
    Ok(damaged.collect::<Result<_, _>>()?)
}

fn condition(tx: &Transaction<'_>) -> Result<Condition> {
    let sql = "SELECT backup_succeeded_at, backup_failed_at, backup_is_foreign, (SELECT count(*) FROM damaged_uploads d \
               JOIN uploads u ON u.id = d.upload_id WHERE u.state = 'live') AS damaged FROM upkeep";
    let read = |row: &Row<'_>| {
        let is_foreign: bool = row.get("backup_is_foreign")?;
        Ok(Condition {
            damaged_originals: row.get("damaged")?,
            backup: BackupTimes {
                succeeded_at: optional_time(row, "backup_succeeded_at")?,
                failed_at: optional_time(row, "backup_failed_at")?,
                failure: if is_foreign {
                    BackupFailure::Foreign
                } else {
                    BackupFailure::Other
                },
            },
            database_is_damaged: false,
        })
    };
    Ok(tx.prepare_cached(sql)?.query_row([], read)?)
}
