//! The sections about backups and the scrub.

use serde::{Deserialize, Serialize};
use visage_store::VaultAddress;

use super::Period;
use super::sections::{Report, none_is_zero};

/// Copies of everything, outside of the data folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackupConfig {
    /// Where backups go: a folder, or `s3://bucket/prefix`; empty means nowhere.
    pub url: String,
    /// Time between two backups that the server makes; none makes none.
    pub interval: Period,
    /// How many snapshots are kept.
    pub keep: usize,
}

impl Default for BackupConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            interval: Period::hours(24),
            keep: 7,
        }
    }
}

impl BackupConfig {
    /// Whether the server makes backups.
    pub fn is_scheduled(&self) -> bool {
        !self.url.is_empty() && !self.interval.is_zero()
    }

    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        none_is_zero(wrong, &[("backup.keep", self.keep == 0)]);
        if let Some(Err(why)) = (!self.url.is_empty()).then(|| self.url.parse::<VaultAddress>()) {
            wrong(true, &format!("backup.url: {why}"));
        }
    }
}

/// The background job that reads every original again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScrubConfig {
    /// Whether the server does it.
    pub enabled: bool,
    /// How fast it reads.
    pub bytes_per_second: u64,
    /// Time from the end of one round to the beginning of the next.
    pub interval: Period,
}

impl Default for ScrubConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            bytes_per_second: 8 * 1024 * 1024,
            interval: Period::hours(7 * 24),
        }
    }
}

impl ScrubConfig {
    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        none_is_zero(
            wrong,
            &[
                ("scrub.bytes_per_second", self.bytes_per_second == 0),
                ("scrub.interval", self.interval.is_zero()),
            ],
        );
    }
}
