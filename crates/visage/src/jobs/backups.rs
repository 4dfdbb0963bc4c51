//! Makes a backup every interval.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use visage_store::{BackupFailure, BackupTimes};

use crate::app::App;
use crate::backup::{BackupOptions, back_up_and_record, place};
use crate::clock::{earlier, has_passed};
use crate::progress::Progress;

/// The longest wait without a look whether a backup is due.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// How soon a failed backup is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(600);

/// Makes backups until `stop`; one that is under way then is given up, and the next one goes on from what it has copied.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let config = &app.config.backup;
    if !config.is_scheduled() {
        return;
    }
    let wait = config.interval.as_duration().min(MAX_WAIT);
    while stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
        if stop.run_until_cancelled(pass(&app)).await.is_none() {
            return;
        }
    }
}

/// Makes a backup when one is due.
pub async fn pass(app: &App) {
    let config = &app.config.backup;
    match app.upkeep.condition().await {
        Ok(condition) if is_due(&condition.backup, app.clock.now(), config.interval.as_duration()) => {}
        Ok(_) => return,
        Err(error) => {
            tracing::error!(error = %error, "whether a backup is due cannot be told");
            return;
        }
    }
    let options = BackupOptions {
        keep: config.keep,
        recheck: false,
        adopt: false,
    };
    let vault = place::open_or_create(&config.url, &app.config.s3).await;
    match back_up_and_record(app, vault, options, &Progress::hidden()).await {
        Ok(done) => tracing::info!(?done, "backed up"),
        Err(error) if error.is_under_way() => tracing::info!(why = %error, "no backup this time"),
        Err(error) => {
            metrics::counter!("visage_backup_failures").increment(1);
            tracing::error!(error = %error, "the backup failed; it is tried again");
        }
    }
}

fn is_due(times: &BackupTimes, now: Timestamp, interval: Duration) -> bool {
    match (times.failed_at, times.succeeded_at) {
        (Some(failed_at), _) => has_passed(interval.min(AFTER_FAILURE), failed_at, now),
        (None, Some(succeeded_at)) => has_passed(interval, succeeded_at, now),
        (None, None) => true,
    }
}

/// Whether backups that are to be made are not made: the last one failed, or none was finished for two intervals. One of the
/// future says nothing: a clock was wrong.
pub fn are_missing(app: &App, times: &BackupTimes) -> bool {
    let (config, now) = (&app.config.backup, app.clock.now());
    let oldest = earlier(now, 2 * config.interval.as_duration());
    let last = times.succeeded_at.unwrap_or(app.started_at);
    config.is_scheduled() && (times.has_failed() || last < oldest || last > now)
}

/// What an operator has to decide, so that backups are made again.
pub fn advice(app: &App, times: &BackupTimes) -> Option<&'static str> {
    let is_foreign = times.has_failed() && times.failure == BackupFailure::Foreign;
    (app.config.backup.is_scheduled() && is_foreign).then_some(FOREIGN)
}

const FOREIGN: &str = "The folder for backups holds those of another installation, and nothing was changed there. If that one was lost \
                       here, restore it (visage restore); if this one takes its place, run visage backup --adopt";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_due_an_interval_after_the_last_and_soon_after_a_failure() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let hour = Duration::from_secs(3600);
        let times = |succeeded, failed: Option<i64>| BackupTimes {
            succeeded_at: Option::map(succeeded, at),
            failed_at: failed.map(at),
            failure: BackupFailure::Other,
        };
        for (times, now, expected) in [
            (times(None, None), 0, true),
            (times(Some(0), None), 3599, false),
            (times(Some(0), None), 3600, true),
            (times(Some(0), Some(3600)), 4199, false),
            (times(Some(0), Some(3600)), 4200, true),
            (times(None, Some(3600)), 4199, false),
            (times(None, Some(3600)), 4200, true),
            // The clock was ahead once.
            (times(Some(7200), None), 7199, true),
            (times(Some(7200), None), 7200, false),
            (times(Some(0), Some(7200)), 7199, true),
            (times(Some(7200), Some(3600)), 3601, false),
        ] {
            assert_eq!(is_due(&times, at(now), hour), expected, "{times:?} at {now}");
        }
        let minute = Duration::from_secs(60);
        assert!(
            is_due(&times(None, Some(0)), at(60), minute),
            "never later than the interval"
        );
    }
}
