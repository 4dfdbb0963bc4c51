//! Posts: members write and show each other something, which is there for a while.
//!
//! What a post shows comes in as a profile image does ([`crate::intake`]). The commit inserts the post and says when its
//! picture is due; from then on it is the reaper's. Who deletes a post early only makes it due now.

use visage_cloudinary::Transformation;
use visage_store::{
    Comment, CommentDeletion, CommentId, Commented, Deletion, ExchangeError, Likes, NewComment, NewPost, Post, PostId,
    PostMedia, PostQuery, StoreError, UserId,
};

use crate::app::App;
use crate::clock::later;
use crate::crash;
use crate::intake::{self, Arrival, IntakeError};
use crate::media_host::{Hosted, PictureFacts};
use crate::spool::SpooledFile;

/// Most posts of one page.
const MAX_PAGE: i64 = 100;

/// Why nothing was posted, said or deleted.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// There is nothing in it.
    #[error("Post must have content or media")]
    Empty,
    /// There is nothing in it.
    #[error("Comment text is required")]
    NoCommentText,
    /// A text is too long.
    #[error("The text is too long. At most {max_characters} characters are accepted.")]
    TooLong {
        /// What is allowed.
        max_characters: usize,
    },
    /// The post has as many comments as it may have.
    #[error("This post takes no more comments")]
    Full,
    /// The author does not exist any more.
    #[error("User not found")]
    UserNotFound,
    /// There is no such post, or its time is up.
    #[error("Post not found")]
    PostNotFound,
    /// There is no such comment.
    #[error("Comment not found")]
    CommentNotFound,
    /// It is somebody else's.
    #[error("Not authorized to delete this post")]
    NotYourPost,
    /// It is somebody else's, on somebody else's post.
    #[error("Not authorized to delete this comment")]
    NotYourComment,
    /// What it was to show did not come in.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// The upload took so long that it was given up.
    #[error("the upload was given up before it was finished")]
    GivenUp,
    /// The directory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A post as its author sends it.
#[derive(Debug, Default)]
pub struct Draft {
    /// What it says.
    pub content: String,
    /// What it shows.
    pub file: Option<SpooledFile>,
}

/// Which page of the posts, as it was asked for: a number that is 0 or none counts as not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// From 1.
    pub page: i64,
    /// How many posts.
    pub limit: i64,
}

/// A page of posts.
#[derive(Debug)]
pub struct Listed {
    /// Newest first.
    pub posts: Vec<Post>,
    /// How many pages there are.
    pub total_pages: i64,
    /// The page that was asked for.
    pub current_page: i64,
}

/// Publishes `draft`.
///
/// # Errors
/// See [`PostError`].
pub async fn publish(app: &App, author: &UserId, draft: Draft) -> Result<Post, PostError> {
    if draft.content.is_empty() && draft.file.is_none() {
        return Err(PostError::Empty);
    }
    check_length(&draft.content, app.config.posts.content_characters)?;
    let Some(file) = draft.file else {
        return commit(app, *author, draft.content, None).await;
    };
    let picture = intake::clean_media(app, file).await?;
    let resource_type = picture.facts.resource_type();
    let arrival = Arrival {
        folder: &app.config.posts.folder,
        display: display(app, &picture.facts),
        replaces: None,
        picture,
    };
    intake::exchange(app, arrival, async |hosted: Hosted| {
        let media = PostMedia {
            url: hosted.url,
            public_id: hosted.public_id,
            resource_type,
        };
        let post = commit(app, *author, draft.content, Some(media)).await?;
        crash::point("post-published").await;
        Ok(post)
    })
    .await
}

/// How the picture or video of a post is shown.
pub fn display<'a>(app: &'a App, facts: &PictureFacts) -> &'a Transformation {
    /// Of videos nothing is made.
    static AS_IT_IS: std::sync::LazyLock<Transformation> = std::sync::LazyLock::new(Transformation::default);
    match facts {
        PictureFacts::Image(_) => &app.post_transformation,
        PictureFacts::Video(_) => &AS_IT_IS,
    }
}

async fn commit(app: &App, author: UserId, content: String, media: Option<PostMedia>) -> Result<Post, PostError> {
    let now = app.clock.now();
    let post = NewPost {
        author,
        content,
        media,
        expires_at: later(now, app.config.posts.lifetime.as_duration()),
        now,
    };
    app.posts.publish_post(post).await.map_err(|error| match error {
        ExchangeError::UserGone => PostError::UserNotFound,
        ExchangeError::PendingGone => PostError::GivenUp,
        ExchangeError::Store(error) => error.into(),
    })
}

/// Lists everybody's posts, or those of `author`.
///
/// # Errors
/// The directory's failure.
pub async fn list(app: &App, author: Option<UserId>, paging: Paging) -> Result<Listed, PostError> {
    // A negative one means as many, and is counted with its sign, as the Node backend does.
    let limit = paging.limit.clamp(-MAX_PAGE, MAX_PAGE);
    let size = limit.unsigned_abs();
    let query = PostQuery {
        author,
        offset: paging.page.saturating_sub(1).max(0).unsigned_abs().saturating_mul(size),
        limit: usize::try_from(size).unwrap_or(usize::MAX),
        now: app.clock.now(),
    };
    let page = app.posts.posts(query).await?;
    Ok(Listed {
        posts: page.posts,
        total_pages: pages(page.total, limit),
        current_page: paging.page,
    })
}

/// `total / limit`, rounded up.
fn pages(total: u64, limit: i64) -> i64 {
    let pages = i64::try_from(total.div_ceil(limit.unsigned_abs().max(1))).unwrap_or(i64::MAX);
    if limit >= 0 {
        pages
    } else {
        // Up is towards zero here.
        -i64::try_from(total / limit.unsigned_abs()).unwrap_or(i64::MAX)
    }
}

/// Adds the user's like, or takes it back.
///
/// # Errors
/// [`PostError::PostNotFound`], or the directory's failure.
pub async fn toggle_like(app: &App, post: &PostId, user: &UserId) -> Result<Likes, PostError> {
    let likes = app.posts.toggle_like(post, user, app.clock.now()).await?;
    likes.ok_or(PostError::PostNotFound)
}

/// Adds a comment.
///
/// # Errors
/// See [`PostError`].
pub async fn add_comment(app: &App, post: PostId, author: UserId, text: &str) -> Result<Comment, PostError> {
    let text = text.trim().to_owned();
    if text.is_empty() {
        return Err(PostError::NoCommentText);
    }
    check_length(&text, app.config.posts.comment_characters)?;
    let comment = NewComment {
        post,
        author,
        text,
        now: app.clock.now(),
    };
    match app.posts.add_comment(comment).await? {
        Commented::Added(comment) => Ok(comment),
        Commented::PostGone => Err(PostError::PostNotFound),
        Commented::Full => Err(PostError::Full),
    }
}

/// Deletes a post of the user `by`, who is `None` for the administrator: that is no author.
///
/// # Errors
/// See [`PostError`].
pub async fn delete(app: &App, post: &PostId, by: Option<UserId>) -> Result<(), PostError> {
    match app.posts.delete_post(post, by, app.clock.now()).await? {
        Deletion::Deleted => Ok(()),
        Deletion::PostGone => Err(PostError::PostNotFound),
        Deletion::CommentGone => Err(PostError::CommentNotFound),
        Deletion::NotAllowed => Err(PostError::NotYourPost),
    }
}

/// Deletes a comment, which is up to its author and to the post's.
///
/// # Errors
/// See [`PostError`].
pub async fn delete_comment(app: &App, post: PostId, comment: CommentId, by: Option<UserId>) -> Result<(), PostError> {
    let now = app.clock.now();
    let deletion = CommentDeletion { post, comment, by, now };
    match app.posts.delete_comment(deletion).await? {
        Deletion::Deleted => Ok(()),
        Deletion::PostGone => Err(PostError::PostNotFound),
        Deletion::CommentGone => Err(PostError::CommentNotFound),
        Deletion::NotAllowed => Err(PostError::NotYourComment),
    }
}

fn check_length(text: &str, max_characters: usize) -> Result<(), PostError> {
    if text.chars().count() > max_characters {
        Err(PostError::TooLong { max_characters })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_as_the_node_backend_counts_them() {
        for (total, limit, expected) in [
            (0, 10, 0),
            (1, 10, 1),
            (10, 10, 1),
            (11, 10, 2),
            (0, -2, 0),
            (1, -2, 0),
            (2, -2, -1),
            (3, -2, -1),
            (4, -2, -2),
        ] {
            assert_eq!(pages(total, limit), expected, "{total} / {limit}");
        }
    }
}
