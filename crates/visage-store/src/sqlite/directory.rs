//! [`Directory`]: each method is one transaction around one function of a sibling file.

use async_trait::async_trait;
use jiff::Timestamp;
use visage_cloudinary::{PublicId, ResourceType, Secret};

use super::{Sqlite, exchange, expired, moving_in, otp, references, relocation, sessions, users};
use crate::directory::{
    Claim, Directory, DirectoryError, Exchange, ExchangeError, Exchanged, ExpiredMedia, MediaCounts, MediaOwner,
    MediaReference, PendingMedia, Relocation, TakenIn,
};
use crate::error::Result;
use crate::ids::{Sha256, UserId};
use crate::moving_in::{AdoptError, Adoption, Imported, MigratedPicture, UserPicture};
use crate::sessions::{AccountState, Sessions};
use crate::users::{
    EmailChange, EmailChangeOutcome, NewUser, Otp, OtpCheck, OtpOutcome, ProfileDetails, ResetToken, User,
};

#[async_trait]
impl Directory for Sqlite {
    async fn create_user(&self, user: NewUser, now: Timestamp) -> Result<User, DirectoryError> {
        self.write(move |tx| users::create(tx, &user, now)).await
    }

    async fn user(&self, id: &UserId) -> Result<Option<User>> {
        let id = *id;
        self.read(move |tx| users::find(tx, &id)).await
    }

    async fn user_by_email(&self, email: &str) -> Result<Option<User>> {
        let email = email.to_owned();
        self.read(move |tx| users::by_email(tx, &email)).await
    }

    async fn update_profile(&self, id: &UserId, changes: ProfileDetails, now: Timestamp) -> Result<Option<User>> {
        let id = *id;
        self.write(move |tx| users::update_profile(tx, &id, &changes, now))
            .await
    }

    async fn account_state(&self, id: &UserId) -> Result<Option<AccountState>> {
        let id = *id;
        self.read(move |tx| sessions::account(tx, &id)).await
    }

    async fn end_sessions(&self, id: &UserId, now: Timestamp) -> Result<bool> {
        let id = *id;
        self.write(move |tx| sessions::end(tx, &id, now)).await
    }

    async fn administrator_sessions(&self, fingerprint: &str, now: Timestamp) -> Result<Sessions> {
        let known = fingerprint.to_owned();
        if let Some(sessions) = self.read(move |tx| sessions::of_administrator(tx, &known)).await? {
            return Ok(sessions);
        }
        let fingerprint = fingerprint.to_owned();
        self.write(move |tx| sessions::note_administrator(tx, &fingerprint, now))
            .await
    }

    async fn end_administrator_sessions(&self, now: Timestamp) -> Result<()> {
        self.write(move |tx| sessions::end_administrators(tx, now)).await
    }

    async fn set_password(&self, id: &UserId, hash: Secret, now: Timestamp) -> Result<bool> {
        let id = *id;
        self.write(move |tx| users::set_password(tx, &id, &hash, now)).await
    }

    async fn replace_password(&self, id: &UserId, current: Secret, new: Secret, now: Timestamp) -> Result<bool> {
        let id = *id;
        self.write(move |tx| users::replace_password(tx, &id, &current, &new, now))
            .await
    }

    async fn begin_email_change(
        &self,
        id: &UserId,
        change: EmailChange,
        now: Timestamp,
    ) -> Result<bool, DirectoryError> {
        let id = *id;
        self.write(move |tx| otp::begin_email_change(tx, &id, &change, now))
            .await
    }

    async fn confirm_email_change(
        &self,
        id: &UserId,
        code: Secret,
        max_attempts: u32,
        now: Timestamp,
    ) -> Result<EmailChangeOutcome, DirectoryError> {
        let id = *id;
        self.write(move |tx| otp::confirm_email_change(tx, &id, &code, max_attempts, now))
            .await
    }

    async fn set_email(&self, id: &UserId, email: &str, now: Timestamp) -> Result<bool, DirectoryError> {
        let (id, email) = (*id, email.to_owned());
        self.write(move |tx| users::set_email(tx, &id, &email, now)).await
    }

    async fn set_otp(&self, id: &UserId, otp: Otp, now: Timestamp) -> Result<bool> {
        let id = *id;
        self.write(move |tx| otp::set(tx, &id, &otp, now)).await
    }

    async fn verify_email(&self, check: OtpCheck, now: Timestamp) -> Result<OtpOutcome> {
        self.write(move |tx| otp::verify(tx, &check, now)).await
    }

    async fn set_reset_token(&self, email: &str, token: ResetToken, now: Timestamp) -> Result<bool> {
        let email = email.to_owned();
        self.write(move |tx| users::set_reset_token(tx, &email, &token, now))
            .await
    }

    async fn reset_password(&self, token_sha256: &Sha256, hash: Secret, now: Timestamp) -> Result<bool> {
        let token = *token_sha256;
        self.write(move |tx| users::reset_password(tx, &token, &hash, now))
            .await
    }

    async fn delete_user(&self, id: &UserId, retire_at: Timestamp, _now: Timestamp) -> Result<bool> {
        let id = *id;
        self.write(move |tx| users::delete(tx, &id, retire_at)).await
    }

    async fn begin_exchange(&self, pending: PendingMedia) -> Result<()> {
        self.write(move |tx| exchange::begin(tx, &pending)).await
    }

    async fn exchange_profile_image(&self, exchange: Exchange) -> Result<Exchanged, ExchangeError> {
        self.write(move |tx| exchange::commit(tx, &exchange)).await
    }

    async fn release_pending(&self, new: &PublicId, now: Timestamp) -> Result<()> {
        let new = new.clone();
        self.write(move |tx| exchange::release(tx, &new, now)).await
    }

    async fn settle_pending(&self, begun_before: Timestamp, now: Timestamp, limit: usize) -> Result<u64> {
        self.write(move |tx| exchange::settle(tx, begun_before, now, limit))
            .await
    }

    async fn due_expired_media(&self, now: Timestamp, limit: usize) -> Result<Vec<ExpiredMedia>> {
        self.read(move |tx| expired::due(tx, now, limit)).await
    }

    async fn claim_expired(&self, public_id: &str, now: Timestamp) -> Result<Claim> {
        let public_id = public_id.to_owned();
        self.write(move |tx| expired::claim(tx, &public_id, now)).await
    }

    async fn is_referenced(&self, public_id: &str) -> Result<bool> {
        let public_id = public_id.to_owned();
        self.read(move |tx| references::exist(tx, &public_id)).await
    }

    async fn drop_expired(&self, public_id: &str) -> Result<()> {
        let public_id = public_id.to_owned();
        self.write(move |tx| expired::drop(tx, &public_id)).await
    }

    async fn postpone_expired(&self, public_id: &str, due_at: Timestamp) -> Result<()> {
        let public_id = public_id.to_owned();
        self.write(move |tx| expired::postpone(tx, &public_id, due_at)).await
    }

    async fn is_in_use(&self, public_id: &str) -> Result<bool> {
        let public_id = public_id.to_owned();
        self.read(move |tx| Ok(references::exist(tx, &public_id)? || exchange::names(tx, &public_id)?))
            .await
    }

    async fn media_counts(&self) -> Result<MediaCounts> {
        self.read(|tx| {
            Ok(MediaCounts {
                pending: exchange::count(tx)?,
                expired: expired::count(tx)?,
                taken_in: relocation::count(tx)?,
            })
        })
        .await
    }

    async fn take_in(&self, public_id: &PublicId, resource_type: ResourceType, now: Timestamp) -> Result<()> {
        let public_id = public_id.clone();
        self.write(move |tx| relocation::take_in(tx, &public_id, resource_type, now))
            .await
    }

    async fn due_taken_in(&self, now: Timestamp, limit: usize) -> Result<Vec<TakenIn>> {
        self.read(move |tx| relocation::due(tx, now, limit)).await
    }

    async fn postpone_taken_in(&self, public_id: &PublicId, due_at: Timestamp) -> Result<()> {
        let public_id = public_id.clone();
        self.write(move |tx| relocation::postpone(tx, &public_id, due_at)).await
    }

    async fn drop_taken_in(&self, public_id: &PublicId) -> Result<()> {
        let public_id = public_id.clone();
        self.write(move |tx| relocation::drop(tx, &public_id)).await
    }

    async fn begin_relocation(&self, public_id: &PublicId, resource_type: ResourceType, now: Timestamp) -> Result<()> {
        let public_id = public_id.clone();
        self.write(move |tx| relocation::begin(tx, &public_id, resource_type, now))
            .await
    }

    async fn relocate(&self, relocation: Relocation) -> Result<bool> {
        self.write(move |tx| relocation::commit(tx, &relocation)).await
    }

    async fn show_otherwise(&self, change: Relocation) -> Result<bool> {
        self.write(move |tx| relocation::set_url(tx, &change)).await
    }

    async fn references_to(&self, public_id: &str) -> Result<Vec<MediaReference>> {
        let public_id = public_id.to_owned();
        self.read(move |tx| references::to(tx, &public_id)).await
    }

    async fn import_users(&self, users: Vec<User>) -> Result<Vec<Imported>> {
        self.write(move |tx| moving_in::import(tx, &users)).await
    }

    async fn count_users(&self) -> Result<u64> {
        self.read(moving_in::count_users).await
    }

    async fn all_user_pictures(&self, after: Option<UserId>, limit: usize) -> Result<Vec<UserPicture>> {
        self.read(move |tx| moving_in::user_pictures(tx, after, limit)).await
    }

    async fn adopt_profile_image(&self, adoption: Adoption) -> Result<MigratedPicture, AdoptError> {
        self.write(move |tx| moving_in::adopt(tx, &adoption)).await
    }

    async fn migrated_picture(&self, public_id: &PublicId) -> Result<Option<MigratedPicture>> {
        let public_id = public_id.clone();
        self.read(move |tx| moving_in::find(tx, &public_id)).await
    }

    async fn undo_adoption(&self, public_id: &PublicId, retire_at: Timestamp) -> Result<bool> {
        let public_id = public_id.clone();
        self.write(move |tx| moving_in::undo(tx, &public_id, retire_at)).await
    }

    async fn all_references(&self, after: Option<MediaOwner>, limit: usize) -> Result<Vec<MediaReference>> {
        self.read(move |tx| references::all(tx, after, limit)).await
    }

    async fn all_pending(&self, after: Option<String>, limit: usize) -> Result<Vec<PendingMedia>> {
        self.read(move |tx| exchange::all(tx, after.as_deref(), limit)).await
    }

    async fn all_expired(&self, after: Option<String>, limit: usize) -> Result<Vec<ExpiredMedia>> {
        self.read(move |tx| expired::all(tx, after.as_deref(), limit)).await
    }
}
