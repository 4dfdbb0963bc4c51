//! What comes from an earlier installation: its users and posts, and what they show, which were files in a folder.

use std::path::PathBuf;

use jiff::Timestamp;
use visage_cloudinary::PublicId;

use crate::directory::{MediaOwner, ProfileImage};
use crate::error::StoreError;
use crate::ids::{CommentId, PostId, Sha256, UserId};
use crate::posts::PostMedia;

/// What became of a user who was to be added as it was in an earlier installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// It is here now.
    Created,
    /// A user with its id was here before, and was left as it is.
    Existed,
    /// Another user has its email. It is not here.
    EmailTaken,
}

/// A user, with or without a picture, and where its picture came from when it was moved in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPicture {
    /// The user.
    pub user_id: UserId,
    /// The URL in `profileImage`.
    pub url: Option<String>,
    /// The public id in `cloudinaryId`.
    pub public_id: Option<String>,
    /// How the picture that it refers to was moved in.
    pub migrated: Option<MigratedPicture>,
}

/// What [`crate::Directory::adopt_profile_image`] is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// Whose picture.
    pub user_id: UserId,
    /// The picture that is uploaded and pending.
    pub new: ProfileImage,
    /// The URL that the user must still have.
    pub old_url: String,
    /// The public id that the user must still have.
    pub old_public_id: Option<String>,
    /// The file that the picture was made from.
    pub source: SourceFile,
    /// SHA-256 of what the media host has.
    pub stored_sha256: Sha256,
    /// When a picture that the user had on the media host as well may be destroyed.
    pub retire_at: Timestamp,
    /// When this happens.
    pub now: Timestamp,
}

/// A file of an earlier installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The folder that was named.
    pub folder: PathBuf,
    /// The file's path in it.
    pub file: PathBuf,
    /// SHA-256 of its bytes.
    pub sha256: Sha256,
}

/// A post as it was, apart from what it shows. Whoever it names need not be here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedPost {
    /// Its name for programs.
    pub id: PostId,
    /// Who wrote it.
    pub author: UserId,
    /// What it says.
    pub content: String,
    /// Who likes it, in the order in which they said so; each counts once.
    pub likes: Vec<UserId>,
    /// What was said of it, oldest first.
    pub comments: Vec<ImportedComment>,
    /// Whether it stands out.
    pub featured: bool,
    /// When it was published.
    pub created_at: Timestamp,
    /// From when on it is no more.
    pub expires_at: Timestamp,
    /// How often its likes and comments have changed.
    pub revision: u32,
}

/// A comment as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedComment {
    /// Its name for programs.
    pub id: CommentId,
    /// Who wrote it.
    pub author: UserId,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub created_at: Timestamp,
}

/// What [`crate::Posts::adopt_post`] is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostAdoption {
    /// The post.
    pub post: ImportedPost,
    /// What it shows.
    pub media: Option<AdoptedMedia>,
    /// When this happens.
    pub now: Timestamp,
}

/// What a post shows that comes from an earlier installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdoptedMedia {
    /// What the media host had before.
    Kept(PostMedia),
    /// What was a file.
    Moved {
        /// Uploaded and pending.
        media: PostMedia,
        /// The URL that the post had.
        old_url: String,
        /// The public id that the post had.
        old_public_id: Option<String>,
        /// The file that it was made from.
        source: SourceFile,
        /// SHA-256 of what the media host has.
        stored_sha256: Sha256,
    },
}

impl AdoptedMedia {
    /// What pages show.
    pub fn media(&self) -> &PostMedia {
        match self {
            Self::Kept(media) | Self::Moved { media, .. } => media,
        }
    }
}

/// What a post shows that is here already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostHere {
    /// What it shows.
    pub media: Option<PostMedia>,
    /// How that was moved in.
    pub migrated: Option<MigratedPicture>,
}

/// Why a picture was not adopted. The user has what it had; the post was not added.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The user has another picture by now, or is gone; or the post is here by now.
    #[error("it has changed meanwhile")]
    Superseded,
    /// What the post shows was given up before, and may be destroyed at any moment.
    #[error("what it shows is about to be destroyed")]
    Doomed,
    /// It took too long and was settled, or it never began.
    #[error("it took so long that it was given up")]
    PendingGone,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a picture or video was moved in, and what its owner had before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigratedPicture {
    /// Its name on the media host.
    pub public_id: PublicId,
    /// Whose it is.
    pub owner: MediaOwner,
    /// The URL that its owner got.
    pub url: String,
    /// The URL that its owner had.
    pub old_url: String,
    /// The public id that its owner had.
    pub old_public_id: Option<String>,
    /// When its owner had last changed. Posts do not say that.
    pub old_updated_at: Option<Timestamp>,
    /// When this was.
    pub migrated_at: Timestamp,
    /// The file that it was made from.
    pub source: SourceFile,
    /// SHA-256 of what the media host was given.
    pub stored_sha256: Sha256,
}
