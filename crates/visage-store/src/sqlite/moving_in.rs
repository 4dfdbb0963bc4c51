//! Users and pictures that come from an earlier installation.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use visage_cloudinary::{PublicId, ResourceType};

use super::values::{limit, optional_time, public_id, time};
use super::{exchange, expired, users};
use crate::directory::MediaOwner;
use crate::error::Result;
use crate::ids::UserId;
use crate::moving_in::{AdoptError, Adoption, Imported, MigratedPicture, SourceFile, UserPicture};
use crate::users::User;

pub(super) fn import(tx: &Transaction<'_>, users: &[User]) -> Result<Vec<Imported>> {
    users.iter().map(|user| import_one(tx, user)).collect()
}

fn import_one(tx: &Transaction<'_>, user: &User) -> Result<Imported> {
    let mut known = tx.prepare_cached("SELECT 1 FROM users WHERE id = ?1")?;
    if known.exists([user.id])? {
        return Ok(Imported::Existed);
    }
    if users::by_email(tx, &user.email)?.is_some() {
        return Ok(Imported::EmailTaken);
    }
    users::insert_whole(tx, user)?;
    Ok(Imported::Created)
}

pub(super) fn count_users(tx: &Transaction<'_>) -> Result<u64> {
    let sql = "SELECT count(*) FROM users";
    Ok(tx.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

pub(super) fn user_pictures(tx: &Transaction<'_>, after: Option<UserId>, at_most: usize) -> Result<Vec<UserPicture>> {
    let mut statement = tx.prepare_cached(USER_PICTURES)?;
    let pictures = statement.query_map(params![after, limit(at_most)], |row| {
        let is_migrated = row.get::<_, Option<String>>("public_id")?.is_some();
        let user_id = row.get("user_id")?;
        Ok(UserPicture {
            user_id,
            url: row.get("profile_image")?,
            public_id: row.get("cloudinary_id")?,
            migrated: is_migrated.then(|| read(row, MediaOwner::User(user_id))).transpose()?,
        })
    })?;
    Ok(pictures.collect::<Result<_, _>>()?)
}

pub(super) const USER_PICTURES: &str = "SELECT users.id AS user_id, users.profile_image, users.cloudinary_id, migrated.* FROM users \
     LEFT JOIN migrated ON migrated.public_id = users.cloudinary_id AND migrated.owner_id = users.id \
     WHERE users.id > coalesce(?1, x'') ORDER BY users.id LIMIT ?2";

/// As for an exchange, the pending row is the permission: without one, the reaper may have destroyed the new picture already.
pub(super) fn adopt(tx: &Transaction<'_>, adoption: &Adoption) -> Result<MigratedPicture, AdoptError> {
    let before = users::find(tx, &adoption.user_id)?.filter(|user| {
        user.profile_image.as_ref() == Some(&adoption.old_url) && user.cloudinary_id == adoption.old_public_id
    });
    let before = before.ok_or(AdoptError::Superseded)?;
    if !exchange::drop_pending(tx, &adoption.new.public_id)? {
        return Err(AdoptError::PendingGone);
    }
    exchange::set_picture(tx, &adoption.user_id, Some(&adoption.new), adoption.now)?;
    // The file that the user referred to is none of the media host's; what it may have had there as well is replaced.
    if let Some(old) = &before.cloudinary_id {
        expired::retire(tx, old, ResourceType::Image, adoption.retire_at)?;
    }
    let migrated = MigratedPicture {
        public_id: adoption.new.public_id.clone(),
        owner: MediaOwner::User(adoption.user_id),
        url: adoption.new.url.clone(),
        old_url: adoption.old_url.clone(),
        old_public_id: adoption.old_public_id.clone(),
        old_updated_at: Some(before.updated_at),
        migrated_at: adoption.now,
        source: adoption.source.clone(),
        stored_sha256: adoption.stored_sha256,
    };
    record(tx, &migrated)?;
    Ok(migrated)
}

pub(super) fn record(tx: &Transaction<'_>, migrated: &MigratedPicture) -> Result<()> {
    let owner_id = match &migrated.owner {
        MediaOwner::User(id) => id.as_bytes(),
        MediaOwner::Post(id) => id.as_bytes(),
    };
    tx.prepare_cached(
        "INSERT INTO migrated (public_id, owner_id, url, old_url, old_public_id, old_updated_at, migrated_at, folder, \
         file, source_sha256, stored_sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        migrated.public_id.as_str(),
        owner_id,
        migrated.url,
        migrated.old_url,
        migrated.old_public_id,
        migrated.old_updated_at.map(Timestamp::as_millisecond),
        migrated.migrated_at.as_millisecond(),
        path_bytes(&migrated.source.folder),
        path_bytes(&migrated.source.file),
        migrated.source.sha256,
        migrated.stored_sha256,
    ])?;
    Ok(())
}

pub(super) fn find(tx: &Transaction<'_>, public_id: &PublicId) -> Result<Option<MigratedPicture>> {
    let mut statement = tx.prepare_cached(
        "SELECT migrated.* FROM migrated JOIN users ON users.id = migrated.owner_id WHERE migrated.public_id = ?1",
    )?;
    let found = statement.query_row([public_id.as_str()], |row| {
        read(row, MediaOwner::User(row.get("owner_id")?))
    });
    Ok(found.optional()?)
}

/// The picture may have moved to another media host meanwhile: it has its name still, and nobody else has. The time of the
/// user's last change is put back, too, unless the user has changed in another way since.
pub(super) fn undo(tx: &Transaction<'_>, public_id: &PublicId, retire_at: Timestamp) -> Result<bool> {
    let Some(migrated) = find(tx, public_id)? else {
        return Ok(false);
    };
    let MediaOwner::User(owner_id) = migrated.owner else {
        return Ok(false);
    };
    let changed = tx
        .prepare_cached(
            "UPDATE users SET profile_image = ?3, cloudinary_id = ?4, \
             updated_at = CASE WHEN updated_at = ?5 THEN coalesce(?6, updated_at) ELSE updated_at END \
             WHERE id = ?1 AND cloudinary_id = ?2",
        )?
        .execute(params![
            owner_id,
            public_id.as_str(),
            migrated.old_url,
            migrated.old_public_id,
            migrated.migrated_at.as_millisecond(),
            migrated.old_updated_at.map(Timestamp::as_millisecond),
        ])?;
    if changed == 1 {
        forget(tx, public_id)?;
        expired::retire(tx, public_id.as_str(), ResourceType::Image, retire_at)?;
    }
    Ok(changed == 1)
}

pub(super) fn forget(tx: &Transaction<'_>, public_id: &PublicId) -> Result<()> {
    tx.prepare_cached("DELETE FROM migrated WHERE public_id = ?1")?
        .execute([public_id.as_str()])?;
    Ok(())
}

/// What is known of an owner that is gone.
pub(super) fn forget_owner(tx: &Transaction<'_>, id: &UserId) -> Result<()> {
    tx.prepare_cached("DELETE FROM migrated WHERE owner_id = ?1")?
        .execute([id])?;
    Ok(())
}

fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

fn path(row: &Row<'_>, column: &str) -> rusqlite::Result<PathBuf> {
    Ok(OsString::from_vec(row.get(column)?).into())
}

pub(super) fn read(row: &Row<'_>, owner: MediaOwner) -> rusqlite::Result<MigratedPicture> {
    Ok(MigratedPicture {
        public_id: public_id(row, "public_id")?,
        owner,
        url: row.get("url")?,
        old_url: row.get("old_url")?,
        old_public_id: row.get("old_public_id")?,
        old_updated_at: optional_time(row, "old_updated_at")?,
        migrated_at: time(row, "migrated_at")?,
        source: SourceFile {
            folder: path(row, "folder")?,
            file: path(row, "file")?,
            sha256: row.get("source_sha256")?,
        },
        stored_sha256: row.get("stored_sha256")?,
    })
}
