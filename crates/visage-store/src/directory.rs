//! The directory of the application: its users, and the media that come and go with them.
//!
//! The media host shares no transaction with it. What keeps the two in step is the order of acts (`design.md`, section 5):
//! `begin_exchange`, upload, `exchange_profile_image`; and in the background `settle_pending`, then for each of
//! `due_expired_media`: `claim_expired`, destroy, `drop_expired`. It does not hash passwords, send mail or talk to a media
//! host. Posts stand next to users ([`crate::Posts`]): a picture may be in use by either.

use async_trait::async_trait;
use jiff::Timestamp;
use visage_cloudinary::{PublicId, ResourceType, Secret};

use crate::error::{Result, StoreError};
use crate::ids::{PostId, Sha256, UserId};
use crate::moving_in::{AdoptError, Adoption, Imported, MigratedPicture, UserPicture};
use crate::sessions::{AccountState, Sessions};
use crate::users::{
    EmailChange, EmailChangeOutcome, NewUser, Otp, OtpCheck, OtpOutcome, ProfileDetails, ResetToken, User,
};

/// Users, pending media and expired media. Every method is one whole act: it happens entirely or not at all.
///
/// An email is compared and kept trimmed and in lower case, however it is written in an argument.
///
/// # Errors
/// Every method fails with [`StoreError`] when the database does.
#[async_trait]
pub trait Directory: Send + Sync + std::fmt::Debug {
    /// Adds a user.
    ///
    /// Where the email belongs to a registration that was never verified, and the new one has a one-time password, that one
    /// takes its place: its name and password become the user's when the email is verified, and not before.
    ///
    /// # Errors
    /// [`DirectoryError::EmailTaken`]
    async fn create_user(&self, user: NewUser, now: Timestamp) -> Result<User, DirectoryError>;

    /// The user with this id.
    async fn user(&self, id: &UserId) -> Result<Option<User>>;

    /// The user with this email.
    async fn user_by_email(&self, email: &str) -> Result<Option<User>>;

    /// Replaces the details that are given and keeps the others; a weight that differs also joins the weight history, of
    /// which the newest [`crate::MAX_WEIGHT_ENTRIES`] are kept. `None`: there is no such user.
    async fn update_profile(&self, id: &UserId, changes: ProfileDetails, now: Timestamp) -> Result<Option<User>>;

    /// What decides whether a token of this user is good.
    async fn account_state(&self, id: &UserId) -> Result<Option<AccountState>>;

    /// Ends all sessions of a user. `false`: there is no such user.
    async fn end_sessions(&self, id: &UserId, now: Timestamp) -> Result<bool>;

    /// The sessions of the administrator whom the settings name. Another `fingerprint` than the last one ends them.
    async fn administrator_sessions(&self, fingerprint: &str, now: Timestamp) -> Result<Sessions>;

    /// Ends all sessions of the administrator whom the settings name.
    async fn end_administrator_sessions(&self, now: Timestamp) -> Result<()>;

    /// Replaces the password, ends all sessions, and cancels a reset or a change of the email under way. `false`: there is no
    /// such user.
    async fn set_password(&self, id: &UserId, hash: Secret, now: Timestamp) -> Result<bool>;

    /// As [`Self::set_password`], while the password is still the one with the hash `current`: a reset that was faster wins.
    async fn replace_password(&self, id: &UserId, current: Secret, new: Secret, now: Timestamp) -> Result<bool>;

    /// Notes a change of the email that waits for its one-time password. `false`: there is no such user.
    ///
    /// # Errors
    /// [`DirectoryError::EmailTaken`] when another user has proved to own it.
    async fn begin_email_change(
        &self,
        id: &UserId,
        change: EmailChange,
        now: Timestamp,
    ) -> Result<bool, DirectoryError>;

    /// Tries the one-time password of the user's change of the email; a wrong one counts as an attempt, of which there are
    /// `max_attempts`. A registration under the new email that was never verified is removed.
    ///
    /// # Errors
    /// [`DirectoryError::EmailTaken`] when another user has proved to own it meanwhile.
    async fn confirm_email_change(
        &self,
        id: &UserId,
        code: Secret,
        max_attempts: u32,
        now: Timestamp,
    ) -> Result<EmailChangeOutcome, DirectoryError>;

    /// Replaces the email, and cancels a reset and another change under way. `false`: there is no such user.
    ///
    /// # Errors
    /// [`DirectoryError::EmailTaken`] when another user has it.
    async fn set_email(&self, id: &UserId, email: &str, now: Timestamp) -> Result<bool, DirectoryError>;

    /// Gives the user a fresh one-time password for its email, with no attempts used. `false`: there is no such user.
    async fn set_otp(&self, id: &UserId, otp: Otp, now: Timestamp) -> Result<bool>;

    /// Tries the one-time password of a registration. A right one verifies the user's email, puts that registration's name and
    /// password in place, ends all sessions and is used up; a wrong one counts as an attempt.
    async fn verify_email(&self, check: OtpCheck, now: Timestamp) -> Result<OtpOutcome>;

    /// Lets whoever knows the token with this hash replace the password, in place of any earlier token. `false`: no such user.
    async fn set_reset_token(&self, email: &str, token: ResetToken, now: Timestamp) -> Result<bool>;

    /// Replaces the password of the user with this token, once, before it expires, as [`Self::set_password`] does. The token
    /// came by mail, so the user's email is verified. `false`: there is no such token.
    async fn reset_password(&self, token_sha256: &Sha256, hash: Secret, now: Timestamp) -> Result<bool>;

    /// Removes a user; its picture becomes expired media due at `retire_at`. Its posts stay until they expire. `false`: there is no such user.
    async fn delete_user(&self, id: &UserId, retire_at: Timestamp, now: Timestamp) -> Result<bool>;

    /// Records an exchange before anything is uploaded. The same public id again is an error.
    async fn begin_exchange(&self, pending: PendingMedia) -> Result<()>;

    /// Sets (or clears) the user's picture, retires the one actually found there, and ends the pending exchange.
    ///
    /// # Errors
    /// [`ExchangeError::PendingGone`] when the new picture's pending row was settled meanwhile: it may be destroyed already.
    /// [`ExchangeError::UserGone`]; the pending row stays, for [`Self::release_pending`] or the reaper.
    async fn exchange_profile_image(&self, exchange: Exchange) -> Result<Exchanged, ExchangeError>;

    /// Hands a pending exchange that has failed to the reaper at once. An exchange that is not pending is left alone.
    ///
    /// Only call this when the media host has answered: after a timeout the picture may still arrive there, so leave the row
    /// to [`Self::settle_pending`].
    async fn release_pending(&self, new: &PublicId, now: Timestamp) -> Result<()>;

    /// Ends up to `limit` exchanges begun before `begun_before`, oldest first: both of their pictures become expired media
    /// due now (unless they are that already), and a late commit will find [`ExchangeError::PendingGone`]. Returns how many.
    async fn settle_pending(&self, begun_before: Timestamp, now: Timestamp, limit: usize) -> Result<u64>;

    /// Up to `limit` expired media that are due, longest due first. Ask [`Self::claim_expired`] before destroying one.
    async fn due_expired_media(&self, now: Timestamp, limit: usize) -> Result<Vec<ExpiredMedia>>;

    /// Decides, in one act, whether an expired medium may be destroyed now. Media in use are expired no longer after this.
    ///
    /// The list of [`Self::due_expired_media`] is old when it is used: since then an exchange may have retired the very same
    /// picture with a grace of its own, which reading "is it referenced?" alone would not see.
    async fn claim_expired(&self, public_id: &str, now: Timestamp) -> Result<Claim>;

    /// Whether a user or a post refers to this public id.
    async fn is_referenced(&self, public_id: &str) -> Result<bool>;

    /// Forgets expired media after it was destroyed.
    async fn drop_expired(&self, public_id: &str) -> Result<()>;

    /// Tries again later: the media host did not answer. Adds one to the attempts.
    async fn postpone_expired(&self, public_id: &str, due_at: Timestamp) -> Result<()>;

    /// Whether a user or a post refers to this public id, or an exchange under way names it.
    async fn is_in_use(&self, public_id: &str) -> Result<bool>;

    /// Notes, before it is stored there, that the own store takes a picture in for an account that cannot be reached. It is
    /// due to be moved to the account at once. Noted already: nothing changes.
    async fn take_in(&self, public_id: &PublicId, resource_type: ResourceType, now: Timestamp) -> Result<()>;

    /// Up to `limit` pictures that were taken in and are due, longest due first.
    async fn due_taken_in(&self, now: Timestamp, limit: usize) -> Result<Vec<TakenIn>>;

    /// Looks at a picture that was taken in again later. Adds one to the attempts.
    async fn postpone_taken_in(&self, public_id: &PublicId, due_at: Timestamp) -> Result<()>;

    /// Forgets a picture that was taken in: it was moved, or nothing refers to it any more.
    async fn drop_taken_in(&self, public_id: &PublicId) -> Result<()>;

    /// Records, before anything is copied, that a picture moves to another media host under its own public id. As with an
    /// exchange, what is not committed is settled: the copy is destroyed unless somebody refers to it. Repeatable.
    async fn begin_relocation(&self, public_id: &PublicId, resource_type: ResourceType, now: Timestamp) -> Result<()>;

    /// Sets the URL of a picture in use after it was copied, and ends the relocation. `false`, and nothing is changed: its
    /// owner has another picture or URL by now, or is gone, or the relocation took so long that it was settled.
    async fn relocate(&self, relocation: Relocation) -> Result<bool>;

    /// Sets the URL of a user's picture to another one of the same picture on the same media host. `false`, and nothing is
    /// changed: the user has another picture or URL by now.
    async fn show_otherwise(&self, change: Relocation) -> Result<bool>;

    /// Who refers to this public id: users first, then posts, each by id.
    async fn references_to(&self, public_id: &str) -> Result<Vec<MediaReference>>;

    /// Adds users as they were in an earlier installation, with their ids; the answers are in the same order.
    async fn import_users(&self, users: Vec<User>) -> Result<Vec<Imported>>;

    /// How many users there are.
    async fn count_users(&self) -> Result<u64>;

    /// Up to `limit` users, with and without a picture, whose id is greater than `after`, by id.
    async fn all_user_pictures(&self, after: Option<UserId>, limit: usize) -> Result<Vec<UserPicture>>;

    /// Sets the picture of a user who had a file of an earlier installation, notes what the user had, and ends the pending
    /// exchange.
    ///
    /// # Errors
    /// [`AdoptError::Superseded`] when the user has anything else than what it is said to have, and
    /// [`AdoptError::PendingGone`], as for an exchange.
    async fn adopt_profile_image(&self, adoption: Adoption) -> Result<MigratedPicture, AdoptError>;

    /// How the user's picture with this public id was moved in.
    async fn migrated_picture(&self, public_id: &PublicId) -> Result<Option<MigratedPicture>>;

    /// Gives the owner of an adopted picture back what it had, exactly; the picture becomes expired media due at `retire_at`.
    /// `false`, and nothing is changed: the owner has another picture by now, or the picture was not adopted.
    async fn undo_adoption(&self, public_id: &PublicId, retire_at: Timestamp) -> Result<bool>;

    /// How many media are pending, expired and taken in, for metrics.
    async fn media_counts(&self) -> Result<MediaCounts>;

    /// For audits: up to `limit` users with a picture and posts with a medium that come after `after`: users first, then
    /// posts, each by id.
    async fn all_references(&self, after: Option<MediaOwner>, limit: usize) -> Result<Vec<MediaReference>>;

    /// For audits: up to `limit` pending media whose new public id is greater than `after`, by public id.
    async fn all_pending(&self, after: Option<String>, limit: usize) -> Result<Vec<PendingMedia>>;

    /// For audits: up to `limit` expired media whose public id is greater than `after`, by public id.
    async fn all_expired(&self, after: Option<String>, limit: usize) -> Result<Vec<ExpiredMedia>>;
}

/// Why a change of the directory was refused.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Another user has this email.
    #[error("the email is already in use")]
    EmailTaken,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An exchange under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingMedia {
    /// The public id that is uploaded to.
    pub new: PublicId,
    /// The public id seen on the user when the exchange began, exactly as it stood there.
    pub replaces: Option<String>,
    /// The kind of file of both.
    pub resource_type: ResourceType,
    /// When it began.
    pub begun_at: Timestamp,
}

/// What [`Directory::exchange_profile_image`] is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Whose picture.
    pub user_id: UserId,
    /// The picture that is uploaded and pending; `None` clears the picture.
    pub new: Option<ProfileImage>,
    /// When the replaced picture may be destroyed.
    pub retire_at: Timestamp,
    /// When this happens.
    pub now: Timestamp,
}

/// A picture on the media host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileImage {
    /// What pages show.
    pub url: String,
    /// Its name on the media host.
    pub public_id: PublicId,
}

/// What [`Directory::exchange_profile_image`] did.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchanged {
    /// The URL that was there.
    pub old_url: Option<String>,
    /// The public id that was there, retired now.
    pub old_public_id: Option<String>,
    /// The user as it is now.
    pub user: User,
}

/// Why a picture was not exchanged.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// There is no such user (any more).
    #[error("the user is gone")]
    UserGone,
    /// The exchange took too long and was settled, or it never began.
    #[error("the exchange is no longer pending")]
    PendingGone,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A picture to be destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredMedia {
    /// Its name on the media host, exactly as it stood on the user or the post.
    pub public_id: String,
    /// The kind of file.
    pub resource_type: ResourceType,
    /// From when on it may be destroyed.
    pub due_at: Timestamp,
    /// How often the media host was asked in vain.
    pub attempts: u32,
}

/// Whether expired media may be destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Nothing refers to it and its time has come: destroy it, then [`Directory::drop_expired`].
    Destroy,
    /// It is in use and is no longer expired media.
    Referenced,
    /// It is not due (any more), or not expired media at all.
    NotDue,
}

/// A picture that the own store has taken in while the account could not be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenIn {
    /// Its name, there and on the account.
    pub public_id: PublicId,
    /// The kind of file.
    pub resource_type: ResourceType,
    /// When that was.
    pub taken_at: Timestamp,
    /// From when on it is to be looked at.
    pub due_at: Timestamp,
    /// How often it was looked at and not finished.
    pub attempts: u32,
}

/// What [`Directory::relocate`] and [`Directory::show_otherwise`] are asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relocation {
    /// Whose picture.
    pub owner: MediaOwner,
    /// Its name, which stays.
    pub public_id: PublicId,
    /// The URL that the owner must still have.
    pub from_url: String,
    /// The URL that it gets: on the other host, or with another transformation.
    pub to_url: String,
    /// When this happens.
    pub now: Timestamp,
}

/// How many media are on their way in and out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MediaCounts {
    /// Exchanges under way.
    pub pending: u64,
    /// Media to be destroyed, due or not.
    pub expired: u64,
    /// Pictures that the own store has taken in for an account, and that are still to be moved there.
    pub taken_in: u64,
}

/// Who refers to a picture or video. Users come before posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaOwner {
    /// A user, by `profileImage`.
    User(UserId),
    /// A post, by `media`.
    Post(PostId),
}

impl std::fmt::Display for MediaOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(id) => write!(f, "user {id}"),
            Self::Post(id) => write!(f, "post {id}"),
        }
    }
}

/// A reference to a picture or video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaReference {
    /// Whose it is.
    pub owner: MediaOwner,
    /// The URL in `profileImage` or `media`.
    pub url: Option<String>,
    /// The public id in `cloudinaryId`.
    pub public_id: Option<String>,
    /// The kind of file.
    pub resource_type: ResourceType,
}
