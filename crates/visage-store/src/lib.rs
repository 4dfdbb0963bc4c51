//! What visage keeps: bytes ([`Blobs`]), the embedded media store's assets and uploads ([`Catalog`]), and the application's
//! users and media under way ([`Directory`]).
//!
//! There is no HTTP here and there are no pixels. Nothing here reads the clock: whoever calls says what time it is. [`Sqlite`]
//! implements both traits; [`conformance`] is what any other implementation must pass as well.

mod blobs;
mod catalog;
pub mod conformance;
mod directory;
mod error;
mod ids;
mod sqlite;
mod users;

pub use blobs::{BlobError, BlobKey, Blobs, Stored};
pub use catalog::{
    Asset, AssetKey, Catalog, Commit, CommitError, CommitUpload, Derived, DerivedFacts, DerivedKey, DoomedUpload,
    Upload, UploadFacts, UploadRecord, UploadState,
};
pub use directory::{
    Claim, Directory, DirectoryError, Exchange, ExchangeError, Exchanged, ExpiredMedia, ImageReference, MediaCounts,
    PendingMedia, ProfileImage,
};
pub use error::{BoxError, Result, StoreError};
pub use ids::{AssetId, EntryId, IdError, Sha256, UploadId, UserId};

pub use sqlite::Sqlite;
pub use visage_cloudinary::Secret;

pub use users::{
    MAX_WEIGHT_ENTRIES, NewUser, Otp, OtpCheck, OtpOutcome, ProfileDetails, ResetToken, Role, User, WeightEntry,
    normalize_email,
};
