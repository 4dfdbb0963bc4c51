//! The state of what is kept: originals that were found damaged, how far the scrub has come, and when the last backup was.

use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::error::Result;
use crate::ids::{InstallationId, UploadId};

/// What is known of the state of the originals and of the backups.
///
/// # Errors
/// Every method fails with [`crate::StoreError`] when the database does.
#[async_trait]
pub trait Upkeep: Send + Sync + std::fmt::Debug {
    /// Notes that an original's bytes are lost. `false`: nothing needs them any more, so that is no damage, and it is not noted.
    async fn record_damage(&self, upload: &UploadId, damage: Damage, now: Timestamp) -> Result<bool>;

    /// Forgets that an original was damaged. `false`: nothing needs its bytes any more.
    async fn clear_damage(&self, upload: &UploadId) -> Result<bool>;

    /// Up to `limit` damaged originals that are needed, whose id is greater than `after`, by id.
    async fn damaged_uploads(&self, after: Option<UploadId>, limit: usize) -> Result<Vec<DamagedUpload>>;

    /// How things stand.
    async fn condition(&self) -> Result<Condition>;

    /// How far the scrub has come.
    async fn scrub_progress(&self) -> Result<ScrubProgress>;

    /// Notes how far the scrub has come.
    async fn save_scrub_progress(&self, progress: ScrubProgress) -> Result<()>;

    /// Notes that a backup was finished.
    async fn record_backup(&self, at: Timestamp) -> Result<()>;

    /// Notes that a backup failed.
    async fn record_failed_backup(&self, at: Timestamp, why: BackupFailure) -> Result<()>;

    /// Which installation this is: the same for as long as its database, or a copy of it, is kept.
    async fn installation(&self) -> Result<InstallationId>;

    /// Writes a copy of the whole database, as it is at one instant, to a new file; the service goes on meanwhile.
    ///
    /// # Errors
    /// The new file is not usable then.
    async fn copy_database_to(&self, path: &Path) -> Result<()>;
}

/// What is wrong with an original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Its bytes are not there.
    Missing,
    /// Its bytes are others, or cannot be read.
    Changed,
}

/// An original whose bytes are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DamagedUpload {
    /// The upload.
    pub upload: UploadId,
    /// What is wrong with it.
    pub damage: Damage,
    /// When that was seen first.
    pub found_at: Timestamp,
}

/// How things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Condition {
    /// Originals that are needed and whose bytes are lost.
    pub damaged_originals: u64,
    /// When backups were made.
    pub backup: BackupTimes,
    /// Whether the database file was found malformed: nothing is written until it is restored.
    pub database_is_damaged: bool,
}

/// When backups were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackupTimes {
    /// When the last one was finished.
    pub succeeded_at: Option<Timestamp>,
    /// When the last one failed that was not finished.
    pub failed_at: Option<Timestamp>,
    /// Why that one failed.
    pub failure: BackupFailure,
}

/// Why a backup failed, as far as an operator has to decide something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackupFailure {
    /// The log says it.
    #[default]
    Other,
    /// The place holds the backups of another installation.
    Foreign,
}

/// How far the scrub has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScrubProgress {
    /// When the round under way began; `None` between two rounds.
    pub begun_at: Option<Timestamp>,
    /// The last upload that was looked at in it.
    pub after: Option<UploadId>,
    /// When the last whole round ended.
    pub ended_at: Option<Timestamp>,
}

impl BackupTimes {
    /// Whether the last backup failed: a success forgets what failed before, whatever the clock has done in between.
    pub fn has_failed(&self) -> bool {
        self.failed_at.is_some()
    }
}
