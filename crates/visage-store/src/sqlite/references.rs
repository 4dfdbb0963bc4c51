//! Who refers to which picture or video: users and posts. A medium that anybody refers to is not destroyed.

use rusqlite::{Row, Transaction, params};
use visage_cloudinary::ResourceType;

use super::values::{limit, resource_type};
use crate::directory::{MediaOwner, MediaReference};
use crate::error::Result;
use crate::ids::{PostId, UserId};

/// Whether anybody refers to the public id. A post does until its row is gone, whatever the clock says: what is listed must
/// be there.
pub(super) fn exist(tx: &Transaction<'_>, public_id: &str) -> Result<bool> {
    Ok(tx.prepare_cached(EXIST)?.exists([public_id])?)
}

/// Everything that can refer to a public id.
pub(super) const EXIST: &str = "SELECT 1 FROM users WHERE cloudinary_id = ?1 \
                                UNION ALL SELECT 1 FROM posts WHERE cloudinary_id = ?1";

pub(super) const OF_USERS: &str =
    "SELECT id, profile_image, cloudinary_id FROM users WHERE cloudinary_id = ?1 ORDER BY id";

pub(super) const OF_POSTS: &str =
    "SELECT id, media, cloudinary_id, resource_type FROM posts WHERE cloudinary_id = ?1 ORDER BY id";

pub(super) fn to(tx: &Transaction<'_>, public_id: &str) -> Result<Vec<MediaReference>> {
    let mut users = tx.prepare_cached(OF_USERS)?;
    let mut posts = tx.prepare_cached(OF_POSTS)?;
    let users = users.query_map([public_id], of_user)?;
    let posts = posts.query_map([public_id], of_post)?;
    Ok(users.chain(posts).collect::<Result<_, _>>()?)
}

pub(super) fn all(tx: &Transaction<'_>, after: Option<MediaOwner>, at_most: usize) -> Result<Vec<MediaReference>> {
    let mut page = match after {
        None => all_of_users(tx, None, at_most)?,
        Some(MediaOwner::User(id)) => all_of_users(tx, Some(id), at_most)?,
        Some(MediaOwner::Post(_)) => Vec::new(),
    };
    let after = match after {
        Some(MediaOwner::Post(id)) => Some(id),
        None | Some(MediaOwner::User(_)) => None,
    };
    let left = at_most.saturating_sub(page.len());
    page.extend(all_of_posts(tx, after, left)?);
    Ok(page)
}

fn all_of_users(tx: &Transaction<'_>, after: Option<UserId>, at_most: usize) -> Result<Vec<MediaReference>> {
    let sql = "SELECT id, profile_image, cloudinary_id FROM users WHERE (?1 IS NULL OR id > ?1) \
               AND (profile_image IS NOT NULL OR cloudinary_id IS NOT NULL) ORDER BY id LIMIT ?2";
    let mut statement = tx.prepare_cached(sql)?;
    let references = statement.query_map(params![after, limit(at_most)], of_user)?;
    Ok(references.collect::<Result<_, _>>()?)
}

fn all_of_posts(tx: &Transaction<'_>, after: Option<PostId>, at_most: usize) -> Result<Vec<MediaReference>> {
    let sql = "SELECT id, media, cloudinary_id, resource_type FROM posts WHERE (?1 IS NULL OR id > ?1) \
               AND cloudinary_id IS NOT NULL ORDER BY id LIMIT ?2";
    let mut statement = tx.prepare_cached(sql)?;
    let references = statement.query_map(params![after, limit(at_most)], of_post)?;
    Ok(references.collect::<Result<_, _>>()?)
}

/// A profile image is always an image.
fn of_user(row: &Row<'_>) -> rusqlite::Result<MediaReference> {
    Ok(MediaReference {
        owner: MediaOwner::User(row.get(0)?),
        url: row.get(1)?,
        public_id: row.get(2)?,
        resource_type: ResourceType::Image,
    })
}

fn of_post(row: &Row<'_>) -> rusqlite::Result<MediaReference> {
    Ok(MediaReference {
        owner: MediaOwner::Post(row.get(0)?),
        url: row.get(1)?,
        public_id: row.get(2)?,
        resource_type: resource_type(row)?,
    })
}
