//! What an administrator wants to know at a glance. Every job that has a state of its own has a member here.

use visage_store::{Condition, MediaCounts, ScrubProgress, StoreError, Usage};

use crate::app::App;
use crate::disk::Disk;
use crate::jobs::backups;
use crate::jobs::reaper::Pass;
use crate::media_host::BreakerState;

/// How visage stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What the own store keeps.
    pub storage: Usage,
    /// The disk that it is on; `None` when the system does not tell.
    pub disk: Option<Disk>,
    /// What images in memory take.
    pub hot_bytes: u64,
    /// Media on their way in and out.
    pub media: MediaCounts,
    /// The reaper's last pass in this process.
    pub last_pass: Option<Pass>,
    /// Damaged originals, and the last backup.
    pub condition: Condition,
    /// Whether backups that are to be made are not made; `None` when none are to be made.
    pub backups_are_missing: Option<bool>,
    /// How far the scrub has come.
    pub scrub: ScrubProgress,
    /// The circuit breaker of the account; `None` when pictures live in the own store alone.
    pub breaker: Option<BreakerState>,
}

/// Looks at everything once.
///
/// # Errors
/// When the database fails.
pub async fn status(app: &App) -> Result<Status, StoreError> {
    let condition = app.upkeep.condition().await?;
    let backups_are_missing = backups::are_missing(app, &condition.backup);
    Ok(Status {
        storage: app.library.catalog.usage().await?,
        disk: app.library.disk_reserve.disk(),
        hot_bytes: app.library.hot_bytes(),
        media: app.directory.media_counts().await?,
        last_pass: app.last_pass.get(),
        condition,
        backups_are_missing: app.config.backup.is_scheduled().then_some(backups_are_missing),
        scrub: app.upkeep.scrub_progress().await?,
        breaker: app.media_host.breaker(),
    })
}
