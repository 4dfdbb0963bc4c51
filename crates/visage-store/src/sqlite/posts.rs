//! [`Posts`]: each method is one transaction around one function.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::values::{limit, public_id, resource_type, time};
use super::{Sqlite, adopted_posts, exchange, expired, moving_in};
use crate::directory::ExchangeError;
use crate::error::Result;
use crate::ids::{CommentId, PostId, UserId};
use crate::moving_in::{AdoptError, MigratedPicture, PostAdoption, PostHere};
use crate::posts::{
    Author, Comment, CommentDeletion, Commented, Deletion, Likes, MAX_COMMENTS, MAX_PAGE_COMMENTS, NewComment, NewPost,
    Post, PostMedia, PostPage, PostQuery, Posts,
};

#[async_trait]
impl Posts for Sqlite {
    async fn publish_post(&self, post: NewPost) -> Result<Post, ExchangeError> {
        self.write(move |tx| publish(tx, post)).await
    }

    async fn posts(&self, query: PostQuery) -> Result<PostPage> {
        self.read(move |tx| page(tx, query)).await
    }

    async fn toggle_like(&self, post: &PostId, user: &UserId, now: Timestamp) -> Result<Option<Likes>> {
        let (post, user) = (*post, *user);
        self.write(move |tx| toggle_like(tx, &post, &user, now)).await
    }

    async fn add_comment(&self, comment: NewComment) -> Result<Commented> {
        self.write(move |tx| add_comment(tx, comment)).await
    }

    async fn delete_comment(&self, comment: CommentDeletion) -> Result<Deletion> {
        self.write(move |tx| delete_comment(tx, &comment)).await
    }

    async fn delete_post(&self, post: &PostId, by: Option<UserId>, now: Timestamp) -> Result<Deletion> {
        let post = *post;
        self.write(move |tx| delete(tx, &post, by, now)).await
    }

    async fn set_post_expiry(&self, post: &PostId, expires_at: Timestamp) -> Result<bool> {
        let post = *post;
        self.write(move |tx| set_expiry(tx, &post, expires_at)).await
    }

    async fn remove_expired_posts(&self, now: Timestamp, limit: usize) -> Result<u64> {
        self.write(move |tx| remove_expired(tx, now, limit)).await
    }

    async fn adopt_post(&self, adoption: PostAdoption) -> Result<Option<MigratedPicture>, AdoptError> {
        self.write(move |tx| adopted_posts::adopt(tx, &adoption)).await
    }

    async fn post_here(&self, post: &PostId) -> Result<Option<PostHere>> {
        let post = *post;
        self.read(move |tx| adopted_posts::find(tx, &post)).await
    }
}

/// The commit. As for a profile image, the pending row is the permission for it.
fn publish(tx: &Transaction<'_>, post: NewPost) -> Result<Post, ExchangeError> {
    let author = author(tx, &post.author)?.ok_or(ExchangeError::UserGone)?;
    if let Some(media) = &post.media {
        if !exchange::drop_pending(tx, &media.public_id)? {
            return Err(ExchangeError::PendingGone);
        }
        expired::retire(tx, media.public_id.as_str(), media.resource_type, post.expires_at)?;
    }
    let (id, media) = (PostId::new(post.now), post.media.as_ref());
    tx.prepare_cached(
        "INSERT INTO posts (id, user_id, content, media, cloudinary_id, resource_type, created_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        id,
        post.author,
        post.content,
        media.map(|media| &media.url),
        media.map(|media| media.public_id.as_str()),
        media.map(|media| media.resource_type.as_str()),
        post.now.as_millisecond(),
        post.expires_at.as_millisecond()
    ])?;
    Ok(Post {
        id,
        author: Some(author),
        content: post.content,
        media: post.media,
        likes: Vec::new(),
        comments: Vec::new(),
        featured: false,
        // As it will be read back: in milliseconds.
        created_at: round(post.now),
        expires_at: round(post.expires_at),
        revision: 0,
    })
}

fn round(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

fn page(tx: &Transaction<'_>, query: PostQuery) -> Result<PostPage> {
    let (now, offset) = (
        query.now.as_millisecond(),
        i64::try_from(query.offset).unwrap_or(i64::MAX),
    );
    let total = match query.author {
        None => tx.prepare_cached(COUNT)?.query_row(params![now], |row| row.get(0))?,
        Some(author) => tx
            .prepare_cached(COUNT_OF_AUTHOR)?
            .query_row(params![now, author], |row| row.get(0))?,
    };
    let posts: Vec<(i64, Post)> = match query.author {
        None => tx
            .prepare_cached(PAGE)?
            .query_map(params![now, limit(query.limit), offset], read)?
            .collect::<Result<_, _>>()?,
        Some(author) => tx
            .prepare_cached(PAGE_OF_AUTHOR)?
            .query_map(params![now, limit(query.limit), offset, author], read)?
            .collect::<Result<_, _>>()?,
    };
    let mut comments_left = MAX_PAGE_COMMENTS;
    let posts = posts.into_iter().map(|(seq, mut post)| {
        post.likes = likes(tx, seq)?;
        post.comments = newest_comments(tx, seq, comments_left)?;
        comments_left = comments_left.saturating_sub(post.comments.len());
        Ok(post)
    });
    Ok(PostPage {
        posts: posts.collect::<Result<_>>()?,
        total,
    })
}

const COUNT: &str = "SELECT count(*) FROM posts WHERE expires_at > ?1";

const COUNT_OF_AUTHOR: &str = "SELECT count(*) FROM posts WHERE expires_at > ?1 AND user_id = ?2";

/// The plus keeps SQLite from sorting what it found by the time of expiry.
pub(super) const PAGE: &str = "SELECT p.*, u.name AS author_name, u.profile_image AS author_image FROM posts p \
     LEFT JOIN users u ON u.id = p.user_id WHERE +p.expires_at > ?1 \
     ORDER BY p.created_at DESC, p.seq DESC LIMIT ?2 OFFSET ?3";

pub(super) const PAGE_OF_AUTHOR: &str = "SELECT p.*, u.name AS author_name, u.profile_image AS author_image FROM posts p \
     LEFT JOIN users u ON u.id = p.user_id WHERE +p.expires_at > ?1 AND p.user_id = ?4 \
     ORDER BY p.created_at DESC, p.seq DESC LIMIT ?2 OFFSET ?3";

/// What an act needs to know of a post that is there.
struct Found {
    seq: i64,
    author: UserId,
    media: Option<PostMedia>,
}

fn find(tx: &Transaction<'_>, post: &PostId, now: Timestamp) -> Result<Option<Found>> {
    let mut statement = tx.prepare_cached("SELECT * FROM posts WHERE id = ?1 AND expires_at > ?2")?;
    let found = statement.query_row(params![post, now.as_millisecond()], read_found);
    Ok(found.optional()?)
}

fn toggle_like(tx: &Transaction<'_>, post: &PostId, user: &UserId, now: Timestamp) -> Result<Option<Likes>> {
    let Some(Found { seq, .. }) = find(tx, post, now)? else {
        return Ok(None);
    };
    let removed = tx
        .prepare_cached("DELETE FROM post_likes WHERE post_seq = ?1 AND user_id = ?2")?
        .execute(params![seq, user])?;
    if removed == 0 {
        tx.prepare_cached(
            "INSERT INTO post_likes (post_seq, seq, user_id) SELECT ?1, coalesce(max(seq), 0) + 1, ?2 \
             FROM post_likes WHERE post_seq = ?1",
        )?
        .execute(params![seq, user])?;
    }
    count_change(tx, seq)?;
    Ok(Some(Likes {
        users: likes(tx, seq)?,
        liked: removed == 0,
    }))
}

fn likes(tx: &Transaction<'_>, post_seq: i64) -> Result<Vec<UserId>> {
    let mut statement = tx.prepare_cached("SELECT user_id FROM post_likes WHERE post_seq = ?1 ORDER BY seq")?;
    let users = statement.query_map([post_seq], |row| row.get(0))?;
    Ok(users.collect::<Result<_, _>>()?)
}

fn add_comment(tx: &Transaction<'_>, comment: NewComment) -> Result<Commented> {
    let Some(Found { seq, .. }) = find(tx, &comment.post, comment.now)? else {
        return Ok(Commented::PostGone);
    };
    let there: usize = tx
        .prepare_cached("SELECT count(*) FROM post_comments WHERE post_seq = ?1")?
        .query_row([seq], |row| row.get(0))?;
    if there >= MAX_COMMENTS {
        return Ok(Commented::Full);
    }
    let id = CommentId::new(comment.now);
    tx.prepare_cached(
        "INSERT INTO post_comments (post_seq, seq, id, user_id, text, created_at) \
         SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3, ?4, ?5 FROM post_comments WHERE post_seq = ?1",
    )?
    .execute(params![
        seq,
        id,
        comment.author,
        comment.text,
        comment.now.as_millisecond()
    ])?;
    count_change(tx, seq)?;
    Ok(Commented::Added(Comment {
        id,
        author: author(tx, &comment.author)?,
        text: comment.text,
        created_at: round(comment.now),
    }))
}

/// The newest of a post's comments, oldest first.
fn newest_comments(tx: &Transaction<'_>, post_seq: i64, at_most: usize) -> Result<Vec<Comment>> {
    let mut statement = tx.prepare_cached(COMMENTS)?;
    let comments = statement.query_map(params![post_seq, limit(at_most)], read_comment)?;
    let mut comments: Vec<_> = comments.collect::<Result<_, _>>()?;
    comments.reverse();
    Ok(comments)
}

pub(super) const COMMENTS: &str = "SELECT c.*, u.name AS author_name, u.profile_image AS author_image FROM post_comments c \
     LEFT JOIN users u ON u.id = c.user_id WHERE c.post_seq = ?1 ORDER BY c.seq DESC LIMIT ?2";

fn delete_comment(tx: &Transaction<'_>, deletion: &CommentDeletion) -> Result<Deletion> {
    let Some(post) = find(tx, &deletion.post, deletion.now)? else {
        return Ok(Deletion::PostGone);
    };
    let author: Option<UserId> = tx
        .prepare_cached("SELECT user_id FROM post_comments WHERE post_seq = ?1 AND id = ?2")?
        .query_row(params![post.seq, deletion.comment], |row| row.get(0))
        .optional()?;
    let Some(author) = author else {
        return Ok(Deletion::CommentGone);
    };
    if deletion.by.is_none_or(|by| by != author && by != post.author) {
        return Ok(Deletion::NotAllowed);
    }
    tx.prepare_cached("DELETE FROM post_comments WHERE post_seq = ?1 AND id = ?2")?
        .execute(params![post.seq, deletion.comment])?;
    count_change(tx, post.seq)?;
    Ok(Deletion::Deleted)
}

fn delete(tx: &Transaction<'_>, post: &PostId, by: Option<UserId>, now: Timestamp) -> Result<Deletion> {
    let Some(found) = find(tx, post, now)? else {
        return Ok(Deletion::PostGone);
    };
    if by != Some(found.author) {
        return Ok(Deletion::NotAllowed);
    }
    remove(tx, &found)?;
    if let Some(media) = found.media {
        expired::retire(tx, media.public_id.as_str(), media.resource_type, now)?;
    }
    Ok(Deletion::Deleted)
}

fn set_expiry(tx: &Transaction<'_>, post: &PostId, expires_at: Timestamp) -> Result<bool> {
    let found = tx
        .prepare_cached("UPDATE posts SET expires_at = ?2 WHERE id = ?1 RETURNING *")?
        .query_row(params![post, expires_at.as_millisecond()], read_found)
        .optional()?;
    let Some(found) = found else { return Ok(false) };
    if let Some(media) = found.media {
        expired::retire(tx, media.public_id.as_str(), media.resource_type, expires_at)?;
    }
    Ok(true)
}

fn remove_expired(tx: &Transaction<'_>, now: Timestamp, at_most: usize) -> Result<u64> {
    let mut statement = tx.prepare_cached(DUE)?;
    let due = statement.query_map(params![now.as_millisecond(), limit(at_most)], read_found)?;
    let due: Vec<Found> = due.collect::<Result<_, _>>()?;
    for post in &due {
        remove(tx, post)?;
        // Its row is there, unless the reaper has met it while the post still was: then that found it in use.
        if let Some(media) = &post.media {
            expired::expire(tx, media.public_id.as_str(), media.resource_type, now)?;
        }
    }
    Ok(due.len() as u64)
}

pub(super) const DUE: &str = "SELECT * FROM posts WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2";

/// Likes and comments go with it, and the note of where its medium came from.
fn remove(tx: &Transaction<'_>, post: &Found) -> Result<()> {
    tx.prepare_cached("DELETE FROM posts WHERE seq = ?1")?
        .execute([post.seq])?;
    post.media
        .as_ref()
        .map_or(Ok(()), |media| moving_in::forget(tx, &media.public_id))
}

fn count_change(tx: &Transaction<'_>, seq: i64) -> Result<()> {
    tx.prepare_cached("UPDATE posts SET revision = revision + 1 WHERE seq = ?1")?
        .execute([seq])?;
    Ok(())
}

fn author(tx: &Transaction<'_>, id: &UserId) -> Result<Option<Author>> {
    let mut statement = tx.prepare_cached("SELECT id, name, profile_image FROM users WHERE id = ?1")?;
    let author = statement.query_row([id], |row| {
        Ok(Author {
            id: row.get("id")?,
            name: row.get("name")?,
            profile_image: row.get("profile_image")?,
        })
    });
    Ok(author.optional()?)
}

/// A post without its likes and comments, and its number.
fn read(row: &Row<'_>) -> rusqlite::Result<(i64, Post)> {
    let found = read_found(row)?;
    let post = Post {
        id: row.get("id")?,
        author: read_author(row)?,
        content: row.get("content")?,
        media: found.media,
        likes: Vec::new(),
        comments: Vec::new(),
        featured: row.get("featured")?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
        revision: row.get("revision")?,
    };
    Ok((found.seq, post))
}

fn read_found(row: &Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found {
        seq: row.get("seq")?,
        author: row.get("user_id")?,
        media: read_media(row)?,
    })
}

pub(super) fn read_media(row: &Row<'_>) -> rusqlite::Result<Option<PostMedia>> {
    let url: Option<String> = row.get("media")?;
    let media = url.map(|url| {
        Ok(PostMedia {
            url,
            public_id: public_id(row, "cloudinary_id")?,
            resource_type: resource_type(row)?,
        })
    });
    media.transpose()
}

fn read_comment(row: &Row<'_>) -> rusqlite::Result<Comment> {
    Ok(Comment {
        id: row.get("id")?,
        author: read_author(row)?,
        text: row.get("text")?,
        created_at: time(row, "created_at")?,
    })
}

/// From the columns that a join with the users adds.
fn read_author(row: &Row<'_>) -> rusqlite::Result<Option<Author>> {
    let name: Option<String> = row.get("author_name")?;
    name.map(|name| {
        Ok(Author {
            id: row.get("user_id")?,
            name,
            profile_image: row.get("author_image")?,
        })
    })
    .transpose()
}
