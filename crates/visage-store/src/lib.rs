//! What visage keeps: bytes ([`Blobs`]), the embedded media store's assets and uploads ([`Catalog`]), and the application's
//! users and media under way ([`Directory`]).
//!
//! There is no HTTP here and there are no pixels. Nothing here reads the clock: whoever calls says what time it is. [`Sqlite`]
//! implements all traits; [`conformance`] is what any other implementation must pass as well.

mod asset;
mod blobs;
mod catalog;
pub mod conformance;
mod directory;
mod documents;
mod error;
mod folders;
mod ids;
mod listing;
mod moving_in;
mod outbox;
mod posts;
mod sessions;
mod sqlite;
mod upkeep;
mod users;
mod vault;

pub use asset::{
    Asset, AssetDetails, AssetKey, Backup, ImageFacts, Media, Moderation, ModerationStatus, Upload, UploadFacts,
    VideoFacts,
};
pub use blobs::{BLOCK_BYTES, BlobError, BlobKey, Blobs, CopyError, Put, Stored};
pub use catalog::{
    Catalog, Commit, CommitError, CommitUpload, Derived, DerivedFacts, DerivedKey, DerivedTotals, DoomedUpload,
    EditDetails, Edited, RenameAsset, Renamed, UploadRecord, UploadState, Usage,
};
pub use directory::{
    Claim, Directory, DirectoryError, Exchange, ExchangeError, Exchanged, ExpiredMedia, MediaCounts, MediaOwner,
    MediaReference, PendingMedia, ProfileImage, Relocation, TakenIn,
};
pub use documents::{Document, DocumentKind, Documents};
pub use error::{BoxError, Result, StoreError};
pub use folders::{DeletedFolder, Folder, FolderQuery, Folders, RenamedFolder};
pub use ids::{AssetId, CommentId, DerivedId, EntryId, IdError, InstallationId, Md5, PostId, Sha256, UploadId, UserId};
pub use listing::{Aggregate, AssetFilter, AssetOrder, Cursor, Page, SearchPage, SearchQuery, Select};
pub use moving_in::{
    AdoptError, AdoptedMedia, Adoption, Imported, ImportedComment, ImportedPost, MigratedPicture, PostAdoption,
    PostHere, SourceFile, UserPicture,
};
pub use outbox::{NewNotification, Notification, Outbox};
pub use posts::{
    Author, Comment, CommentDeletion, Commented, Deletion, Likes, MAX_COMMENTS, MAX_PAGE_COMMENTS, NewComment, NewPost,
    Post, PostMedia, PostPage, PostQuery, Posts,
};

pub use sessions::{AccountState, Sessions};
pub use sqlite::{DatabaseCopy, KeptOriginal, Sqlite};
pub use upkeep::{BackupFailure, BackupTimes, Condition, Damage, DamagedUpload, ScrubProgress, Upkeep};
pub use vault::{
    FileFacts, Manifest, SnapshotId, Vault, VaultAddress, VaultError, VaultFile, VaultLock, VaultOriginal,
};
pub use visage_cloudinary::Secret;

pub use users::{
    EmailChange, EmailChangeOutcome, MAX_WEIGHT_ENTRIES, NewUser, Otp, OtpCheck, OtpOutcome, ProfileDetails,
    ResetToken, Role, User, WeightEntry, normalize_email,
};
