//! Posts that come from an earlier installation.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{exchange, expired, moving_in, posts, references};
use crate::directory::MediaOwner;
use crate::error::Result;
use crate::ids::PostId;
use crate::moving_in::{AdoptError, AdoptedMedia, ImportedPost, MigratedPicture, PostAdoption, PostHere};
use crate::posts::PostMedia;

pub(super) fn find(tx: &Transaction<'_>, post: &PostId) -> Result<Option<PostHere>> {
    let mut statement = tx.prepare_cached(HERE)?;
    let found = statement.query_row([post], |row| {
        let is_migrated = row.get::<_, Option<String>>("public_id")?.is_some();
        Ok(PostHere {
            media: posts::read_media(row)?,
            migrated: is_migrated
                .then(|| moving_in::read(row, MediaOwner::Post(*post)))
                .transpose()?,
        })
    });
    Ok(found.optional()?)
}

pub(super) const HERE: &str = "SELECT posts.media, posts.cloudinary_id, posts.resource_type, migrated.* FROM posts \
     LEFT JOIN migrated ON migrated.public_id = posts.cloudinary_id AND migrated.owner_id = posts.id WHERE posts.id = ?1";

/// As for an exchange, the pending row is the permission: without one, the reaper may have destroyed the medium already.
pub(super) fn adopt(tx: &Transaction<'_>, adoption: &PostAdoption) -> Result<Option<MigratedPicture>, AdoptError> {
    let post = &adoption.post;
    if find(tx, &post.id)?.is_some() {
        return Err(AdoptError::Superseded);
    }
    match &adoption.media {
        Some(AdoptedMedia::Kept(media)) if is_doomed(tx, media)? => return Err(AdoptError::Doomed),
        Some(AdoptedMedia::Moved { media, .. }) if !exchange::drop_pending(tx, &media.public_id)? => {
            return Err(AdoptError::PendingGone);
        }
        _ => {}
    }
    let media = adoption.media.as_ref().map(AdoptedMedia::media);
    if let Some(media) = media {
        expired::retire(tx, media.public_id.as_str(), media.resource_type, post.expires_at)?;
    }
    let migrated = migrated(adoption);
    if let Some(migrated) = &migrated {
        moving_in::record(tx, migrated)?;
    }
    insert(tx, post, media)?;
    Ok(migrated)
}

/// The reaper may have claimed it already. While anything refers to it, it is not destroyed.
fn is_doomed(tx: &Transaction<'_>, media: &PostMedia) -> Result<bool> {
    let public_id = media.public_id.as_str();
    Ok(expired::names(tx, public_id)? && !references::exist(tx, public_id)?)
}

fn migrated(adoption: &PostAdoption) -> Option<MigratedPicture> {
    let Some(AdoptedMedia::Moved {
        media,
        old_url,
        old_public_id,
        source,
        stored_sha256,
    }) = &adoption.media
    else {
        return None;
    };
    Some(MigratedPicture {
        public_id: media.public_id.clone(),
        owner: MediaOwner::Post(adoption.post.id),
        url: media.url.clone(),
        old_url: old_url.clone(),
        old_public_id: old_public_id.clone(),
        old_updated_at: None,
        migrated_at: adoption.now,
        source: source.clone(),
        stored_sha256: *stored_sha256,
    })
}

fn insert(tx: &Transaction<'_>, post: &ImportedPost, media: Option<&PostMedia>) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO posts (id, user_id, content, media, cloudinary_id, resource_type, featured, created_at, expires_at, \
         revision) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        post.id,
        post.author,
        post.content,
        media.map(|media| &media.url),
        media.map(|media| media.public_id.as_str()),
        media.map(|media| media.resource_type.as_str()),
        post.featured,
        post.created_at.as_millisecond(),
        post.expires_at.as_millisecond(),
        post.revision,
    ])?;
    let post_seq = tx.last_insert_rowid();
    let mut like = tx.prepare_cached(
        "INSERT INTO post_likes (post_seq, seq, user_id) VALUES (?1, ?2, ?3) ON CONFLICT (post_seq, user_id) DO NOTHING",
    )?;
    for (seq, user) in (1_i64..).zip(&post.likes) {
        like.execute(params![post_seq, seq, user])?;
    }
    let mut say = tx.prepare_cached(
        "INSERT INTO post_comments (post_seq, seq, id, user_id, text, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (seq, comment) in (1_i64..).zip(&post.comments) {
        let created_at = comment.created_at.as_millisecond();
        say.execute(params![
            post_seq,
            seq,
            comment.id,
            comment.author,
            comment.text,
            created_at
        ])?;
    }
    Ok(())
}
