//! Posts: what members show each other for a while (`app-contract.md`, section 5.3).
//!
//! A post's picture or video comes as a profile image does: `begin_exchange`, upload, [`Posts::publish_post`]. When its
//! time is up the post goes first ([`Posts::remove_expired_posts`]), then, as every expired medium, what it showed. So what
//! is listed can always be shown. A post outlives its author.

use async_trait::async_trait;
use jiff::Timestamp;
use visage_cloudinary::{PublicId, ResourceType};

use crate::directory::ExchangeError;
use crate::error::Result;
use crate::ids::{CommentId, PostId, UserId};
use crate::moving_in::{AdoptError, MigratedPicture, PostAdoption, PostHere};

/// How many comments a post takes.
pub const MAX_COMMENTS: usize = 500;

/// How many comments a page of posts carries in all. The newest posts have theirs first, of each post the newest.
pub const MAX_PAGE_COMMENTS: usize = 2_000;

/// Posts, their likes and their comments. Every method is one whole act: it happens entirely or not at all.
///
/// A post whose time is up is there no longer, for every method with a `now`, whether it was removed already or not.
///
/// # Errors
/// Every method fails with [`crate::StoreError`] when the database does.
#[async_trait]
pub trait Posts: Send + Sync + std::fmt::Debug {
    /// Adds a post and ends the pending exchange of its medium, which becomes expired media due when the post expires.
    ///
    /// # Errors
    /// [`ExchangeError::PendingGone`] when the medium's pending row was settled meanwhile: it may be destroyed already.
    /// [`ExchangeError::UserGone`]; the pending row stays, for [`crate::Directory::release_pending`] or the reaper.
    async fn publish_post(&self, post: NewPost) -> Result<Post, ExchangeError>;

    /// A part of the posts, newest first.
    async fn posts(&self, query: PostQuery) -> Result<PostPage>;

    /// Adds the user's like, or takes it back. `None`: there is no such post.
    async fn toggle_like(&self, post: &PostId, user: &UserId, now: Timestamp) -> Result<Option<Likes>>;

    /// Adds a comment.
    async fn add_comment(&self, comment: NewComment) -> Result<Commented>;

    /// Removes a comment, which is up to its author and to the post's.
    async fn delete_comment(&self, comment: CommentDeletion) -> Result<Deletion>;

    /// Removes a post, with its likes and comments; its medium is due now. This is up to its author: `by` is `None` for
    /// somebody who is no user.
    async fn delete_post(&self, post: &PostId, by: Option<UserId>, now: Timestamp) -> Result<Deletion>;

    /// Lets a post expire at another time, and its medium with it. `false`: there is no such post (any more).
    async fn set_post_expiry(&self, post: &PostId, expires_at: Timestamp) -> Result<bool>;

    /// Removes up to `limit` posts whose time is up, longest due first; their media are due from then on. Returns how many.
    async fn remove_expired_posts(&self, now: Timestamp, limit: usize) -> Result<u64>;

    /// Adds a post as it was in an earlier installation, with its likes and comments. Its medium becomes expired media due when
    /// the post expires; of one that was a file the pending exchange is ended, and it is noted where it came from.
    ///
    /// # Errors
    /// [`AdoptError::Superseded`] when there is such a post already, [`AdoptError::PendingGone`] as for an exchange, and
    /// [`AdoptError::Doomed`] when the media host's medium is expired media that nothing refers to.
    async fn adopt_post(&self, adoption: PostAdoption) -> Result<Option<MigratedPicture>, AdoptError>;

    /// What a post shows and how that was moved in, whether its time is up or not. `None`: it was never here, or is removed.
    async fn post_here(&self, post: &PostId) -> Result<Option<PostHere>>;
}

/// A post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Its name for programs.
    pub id: PostId,
    /// Who wrote it; `None` when that user is gone.
    pub author: Option<Author>,
    /// What it says; may be empty when it shows something.
    pub content: String,
    /// What it shows.
    pub media: Option<PostMedia>,
    /// Who likes it, in the order in which they said so.
    pub likes: Vec<UserId>,
    /// What was said of it, oldest first.
    pub comments: Vec<Comment>,
    /// Whether it stands out.
    pub featured: bool,
    /// When it was published.
    pub created_at: Timestamp,
    /// From when on it is no more.
    pub expires_at: Timestamp,
    /// How often its likes and comments have changed.
    pub revision: u64,
}

/// What is shown of a user beside its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The user.
    pub id: UserId,
    /// Its name for people.
    pub name: String,
    /// The URL of its picture.
    pub profile_image: Option<String>,
}

/// The picture or video of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostMedia {
    /// What pages show.
    pub url: String,
    /// Its name on the media host.
    pub public_id: PublicId,
    /// An image or a video.
    pub resource_type: ResourceType,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its name for programs.
    pub id: CommentId,
    /// Who wrote it; `None` when that user is gone.
    pub author: Option<Author>,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A post to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPost {
    /// Who writes it.
    pub author: UserId,
    /// What it says.
    pub content: String,
    /// What it shows: uploaded and pending.
    pub media: Option<PostMedia>,
    /// From when on it is no more.
    pub expires_at: Timestamp,
    /// When this happens.
    pub now: Timestamp,
}

/// Which posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostQuery {
    /// Of this user alone.
    pub author: Option<UserId>,
    /// How many newer ones are left out.
    pub offset: u64,
    /// How many at most.
    pub limit: usize,
    /// What has expired by now is left out.
    pub now: Timestamp,
}

/// Some posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostPage {
    /// Newest first. With very many comments, the older ones are left out: see [`MAX_PAGE_COMMENTS`].
    pub posts: Vec<Post>,
    /// How many there are in all.
    pub total: u64,
}

/// Who likes a post after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likes {
    /// In the order in which they said so.
    pub users: Vec<UserId>,
    /// Whether the user who changed it likes it now.
    pub liked: bool,
}

/// A comment to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewComment {
    /// On which post.
    pub post: PostId,
    /// Who writes it.
    pub author: UserId,
    /// What it says.
    pub text: String,
    /// When this happens.
    pub now: Timestamp,
}

/// What became of a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commented {
    /// It was added.
    Added(Comment),
    /// There is no such post.
    PostGone,
    /// The post has [`MAX_COMMENTS`] already.
    Full,
}

/// Which comment is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommentDeletion {
    /// On which post.
    pub post: PostId,
    /// Which one.
    pub comment: CommentId,
    /// Who wants that; `None` for somebody who is no user.
    pub by: Option<UserId>,
    /// When this happens.
    pub now: Timestamp,
}

/// What became of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// It is done.
    Deleted,
    /// There is no such post.
    PostGone,
    /// There is no such comment.
    CommentGone,
    /// It is up to others.
    NotAllowed,
}
