//! What comes from an earlier installation: its users, and their pictures, which were files in a folder.

use std::path::PathBuf;

use jiff::Timestamp;
use visage_cloudinary::PublicId;

use crate::directory::ProfileImage;
use crate::error::StoreError;
use crate::ids::{Sha256, UserId};

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

/// Why a picture was not adopted. The user has what it had.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The user has another picture by now, or is gone.
    #[error("the user has another picture by now")]
    Superseded,
    /// It took too long and was settled, or it never began.
    #[error("it took so long that it was given up")]
    PendingGone,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a picture was moved in, and what its owner had before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigratedPicture {
    /// Its name on the media host.
    pub public_id: PublicId,
    /// Whose it is: the digits of an id.
    pub owner_id: UserId,
    /// The URL that its owner got.
    pub url: String,
    /// The URL that its owner had.
    pub old_url: String,
    /// The public id that its owner had.
    pub old_public_id: Option<String>,
    /// When its owner had last changed.
    pub old_updated_at: Option<Timestamp>,
    /// When this was.
    pub migrated_at: Timestamp,
    /// The file that it was made from.
    pub source: SourceFile,
    /// SHA-256 of what the media host was given.
    pub stored_sha256: Sha256,
}
