//! Settles unfinished exchanges, removes posts whose time is up, destroys expired media, purges doomed uploads.
//!
//! Every step can be repeated: a pass that is cut off anywhere is finished by the next one. Before every destroy the
//! reaper asks whether the id is referenced, so no order of events can delete a picture in use. Several may run at once.
//!
//! A post goes before what it shows: a post that is there, be it because the clock was turned back, can be shown.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use visage_cloudinary::PublicId;
use visage_store::{Claim, ExpiredMedia, StoreError};

use crate::app::App;
use crate::clock::{earlier, later};
use crate::crash;
use crate::library::purge::{self, PurgeError};
use crate::media_host::MediaHostError;

/// How many rows one step of a pass takes.
const BATCH: usize = 100;

/// The longest wait before a picture that could not be destroyed is tried again.
const MAX_BACKOFF: Duration = Duration::from_secs(3600);

/// What one pass did.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reaped {
    /// Unfinished exchanges that were settled.
    pub settled_exchanges: u64,
    /// Posts that were removed because their time is up.
    pub removed_posts: u64,
    /// Pictures that were destroyed.
    pub destroyed_pictures: u64,
    /// Pictures that were due but are in use, and stay.
    pub kept_pictures: u64,
    /// Pictures that could not be destroyed; they are tried again later.
    pub failed_pictures: u64,
    /// Uploads whose bytes were deleted.
    pub purged_uploads: u64,
    /// Derived images that went to make room.
    pub evicted_derived: u64,
}

/// How the last pass of this process ended, for whoever watches over it.
#[derive(Debug, Default)]
pub struct LastPass(Mutex<Option<Pass>>);

/// A pass that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// When.
    pub ended_at: Timestamp,
    /// What it did, or why it stopped.
    pub outcome: Result<Reaped, String>,
}

impl LastPass {
    /// The last pass; `None` before the first has ended.
    pub fn get(&self) -> Option<Pass> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, pass: Pass) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(pass);
    }
}

/// Why a pass stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReapError {
    /// The directory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The embedded store failed.
    #[error(transparent)]
    Purge(#[from] PurgeError),
}

impl ReapError {
    fn is_no_space(&self) -> bool {
        match self {
            Self::Store(error) => matches!(error, StoreError::NoSpace(_)),
            Self::Purge(error) => error.is_no_space(),
        }
    }
}

/// How often a pass is begun again on a full disk.
const RELIEFS: u32 = 3;

/// Runs a pass every interval until `stop`.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let interval = app.config.reaper.interval.as_duration();
    while stop.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
        crate::metrics::sum_up();
        app.attempts.forget_old();
        app.chunks.forget_old();
        app.library.render_limit.forget_old();
        match reap(&app, false).await {
            Ok(reaped) if reaped == Reaped::default() => tracing::debug!("nothing to reap"),
            Ok(reaped) => tracing::info!(?reaped, "reaped"),
            Err(error) => tracing::error!(error = %error, "the reaper stopped half-way; the next pass goes on"),
        }
    }
}

/// One pass. With `at_once`, replaced pictures and deleted bytes do not wait out their time; the grace of unfinished
/// exchanges is kept, because one may be under way.
///
/// # Errors
/// When the directory or the embedded store fails; what is left is done by the next pass.
pub async fn reap(app: &App, at_once: bool) -> Result<Reaped, ReapError> {
    let result = passes(app, at_once).await;
    app.last_pass.note(Pass {
        ended_at: app.clock.now(),
        outcome: result.as_ref().map(Reaped::clone).map_err(ToString::to_string),
    });
    result
}

async fn passes(app: &App, at_once: bool) -> Result<Reaped, ReapError> {
    for _ in 0..RELIEFS {
        match pass(app, at_once).await {
            // What the pass deleted so far made room as well.
            Err(error) if error.is_no_space() => purge::relieve_disk(&app.library).await?,
            result => return result,
        }
    }
    pass(app, at_once).await
}

async fn pass(app: &App, at_once: bool) -> Result<Reaped, ReapError> {
    let mut reaped = Reaped {
        settled_exchanges: settle_exchanges(app).await?,
        removed_posts: remove_expired_posts(app).await?,
        ..Reaped::default()
    };
    destroy_expired(app, at_once, &mut reaped).await?;
    reaped.purged_uploads = purge::purge_uploads(&app.library, at_once).await?;
    reaped.evicted_derived = purge::evict_derived(&app.library).await?;
    metrics::counter!("visage_reaped_posts").increment(reaped.removed_posts);
    metrics::counter!("visage_reaped_pictures").increment(reaped.destroyed_pictures);
    metrics::counter!("visage_purged_uploads").increment(reaped.purged_uploads);
    Ok(reaped)
}

/// Claims exchanges that never came to an end: what they named becomes expired media, and a late commit of theirs fails.
async fn settle_exchanges(app: &App) -> Result<u64, StoreError> {
    let mut settled = 0;
    loop {
        let now = app.clock.now();
        let begun_before = earlier(now, app.config.reaper.pending_grace.as_duration());
        let batch = app.directory.settle_pending(begun_before, now, BATCH).await?;
        settled += batch;
        if batch < BATCH as u64 {
            return Ok(settled);
        }
    }
}

/// In batches, each a transaction of its own: between two of them others write.
async fn remove_expired_posts(app: &App) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let batch = app.posts.remove_expired_posts(app.clock.now(), BATCH).await?;
        removed += batch;
        if batch > 0 {
            crash::point("posts-removed").await;
        }
        if batch < BATCH as u64 {
            return Ok(removed);
        }
    }
}

async fn destroy_expired(app: &App, at_once: bool, reaped: &mut Reaped) -> Result<(), StoreError> {
    loop {
        let now = app.clock.now();
        let due_by = if at_once {
            later(now, app.config.reaper.retire_after.as_duration())
        } else {
            now
        };
        let due = app.directory.due_expired_media(due_by, BATCH).await?;
        let failed_before = reaped.failed_pictures;
        for media in &due {
            destroy_one(app, media, due_by, reaped).await?;
        }
        // A failure is due again later, yet `at_once` would find it at once: then this pass is over.
        if due.len() < BATCH || reaped.failed_pictures > failed_before {
            return Ok(());
        }
    }
}

async fn destroy_one(
    app: &App,
    media: &ExpiredMedia,
    due_by: jiff::Timestamp,
    reaped: &mut Reaped,
) -> Result<(), StoreError> {
    match app.directory.claim_expired(&media.public_id, due_by).await? {
        Claim::Destroy => crash::point("picture-claimed").await,
        Claim::NotDue => return Ok(()),
        Claim::Referenced => {
            reaped.kept_pictures += 1;
            return Ok(());
        }
    }
    let Ok(public_id) = PublicId::parse(&media.public_id) else {
        tracing::error!(
            public_id = media.public_id,
            "expired media with a name that no picture can have; dropped"
        );
        return app.directory.drop_expired(&media.public_id).await;
    };
    match app.media_host.destroy(&public_id, media.resource_type).await {
        Ok(_found) => {
            crash::point("picture-destroyed").await;
            reaped.destroyed_pictures += 1;
            app.directory.drop_expired(&media.public_id).await
        }
        // Not this picture's fault: the pass stops here and is made again when there is room.
        Err(error @ MediaHostError::NoSpace) => Err(StoreError::NoSpace(error.into())),
        Err(error) => {
            let wait = app.config.reaper.interval.as_duration() * 2_u32.saturating_pow(media.attempts.min(16));
            tracing::warn!(asset.public_id = media.public_id, error = %error, "not destroyed; tried again later");
            reaped.failed_pictures += 1;
            let due_at = later(app.clock.now(), wait.min(MAX_BACKOFF));
            app.directory.postpone_expired(&media.public_id, due_at).await
        }
    }
}
