//! Reads every original again at a steady pace, round after round. How far a round has come is kept, so that a restart goes on
//! from there.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use visage_store::{ScrubProgress, Vault};

use crate::app::App;
use crate::backup::place;
use crate::clock::has_passed;
use crate::progress::Progress;
use crate::scrub::{self, ScrubError, Scrubbed, Way};

/// The longest wait without a look whether there is something to do.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Scrubs until `stop`.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    if !app.config.scrub.enabled {
        return;
    }
    let wait = app.config.scrub.interval.as_duration().min(MAX_WAIT);
    while stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
        match stop.run_until_cancelled(pass(&app)).await {
            None => return,
            Some(Ok(scrubbed)) if scrubbed.remaining() > 0 => tracing::error!(?scrubbed, "originals are lost"),
            Some(Ok(scrubbed)) if scrubbed.failed_originals > 0 => tracing::error!(?scrubbed, "not all could be read"),
            Some(Ok(scrubbed)) if scrubbed.originals > 0 => tracing::info!(?scrubbed, "scrubbed"),
            Some(Ok(_)) => {}
            Some(Err(error)) => tracing::error!(error = %error, "the scrub stopped; it goes on later"),
        }
    }
}

/// Looks again at what is known to be damaged, then goes on with the round, if one is due, to its end.
///
/// # Errors
/// See [`ScrubError`].
pub async fn pass(app: &App) -> Result<Scrubbed, ScrubError> {
    let mut progress = app.upkeep.scrub_progress().await?;
    let is_round_due = is_due(app, &progress);
    if !is_round_due && app.upkeep.damaged_uploads(None, 1).await?.is_empty() {
        return Ok(Scrubbed::default());
    }
    // Only now: in a bucket even to look for a backup takes connections.
    let vault = open_vault(app).await;
    let way = Way {
        bytes_per_second: Some(app.config.scrub.bytes_per_second),
        vault: vault.as_ref(),
    };
    scrub::look_again(app, way).await?;
    let mut scrubbed = Scrubbed::default();
    if !is_round_due {
        return Ok(scrubbed);
    }
    progress.begun_at = progress.begun_at.or(Some(app.clock.now()));
    loop {
        let (page, last) = scrub::scrub_page(app, way, progress.after, &Progress::hidden()).await?;
        scrubbed.add(page);
        progress.after = last;
        if last.is_none() {
            progress.begun_at = None;
            progress.ended_at = Some(app.clock.now());
        }
        app.upkeep.save_scrub_progress(progress).await?;
        if last.is_none() {
            return Ok(scrubbed);
        }
    }
}

fn is_due(app: &App, progress: &ScrubProgress) -> bool {
    let interval = app.config.scrub.interval.as_duration();
    let is_over = |ended_at| has_passed(interval, ended_at, app.clock.now());
    progress.begun_at.is_some() || progress.ended_at.is_none_or(is_over)
}

async fn open_vault(app: &App) -> Option<Vault> {
    let url = &app.config.backup.url;
    if url.is_empty() {
        return None;
    }
    let opened = place::open(url, &app.config.s3).await;
    opened
        .inspect_err(|error| tracing::warn!(error = %error, "there is no backup to repair from"))
        .ok()
}
