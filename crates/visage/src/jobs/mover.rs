//! Moves what the own store took in, while the account could not be reached, to the account.
//!
//! Each picture passes here at least twice: first it is copied and its URL exchanged; then, when pages have had time to
//! show the new URL, the own store's copy is removed. Every step can be repeated.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use visage_store::{StoreError, TakenIn};

use crate::app::App;
use crate::clock::later;
use crate::crash;
use crate::media_host::{MediaHostError, TransferError};
use crate::relocation::{self, Copied, RelocationError, Route};

/// How many rows one step of a pass takes, and how many pictures are on their way at once.
const BATCH: usize = 100;
const AT_ONCE: usize = 4;

/// The longest wait before a picture that could not be moved is tried again.
const MAX_BACKOFF: Duration = Duration::from_secs(600);

/// What one pass did.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Moves {
    /// Pictures that are served by the account now.
    pub moved_pictures: u64,
    /// Moved pictures whose copy in the own store was removed.
    pub removed_copies: u64,
    /// Pictures that nobody has any more.
    pub forgotten_pictures: u64,
    /// Pictures that could not be moved; they are tried again later.
    pub unmoved_pictures: u64,
}

/// What was done about one picture.
enum Step {
    Moved,
    Removed,
    Forgotten,
    /// It is too early.
    Waits,
    Failed,
    /// The account does not answer.
    NoAccount,
}

/// Runs a pass every interval until `stop`.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let interval = app.config.reaper.interval.as_duration();
    while stop.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
        match move_taken_in(&app, false).await {
            Ok(moves) if moves == Moves::default() => tracing::debug!("nothing to move"),
            Ok(moves) => tracing::info!(?moves, "moved to the account"),
            Err(error) => tracing::error!(error = %error, "moving to the account stopped; the next pass goes on"),
        }
    }
}

/// One pass over what is due. With `at_once`, the own store's copies of moved pictures do not wait out their
/// time, and what failed before is tried now.
///
/// # Errors
/// When the directory fails. An account that does not answer is no error: it is tried again by the next pass.
pub async fn move_taken_in(app: &App, at_once: bool) -> Result<Moves, StoreError> {
    let mut moves = Moves::default();
    let Some(account) = app.hosts.account_for_new_pictures(&app.config) else {
        return Ok(moves);
    };
    let route = Route {
        from: app.hosts.own.as_ref(),
        to: account,
    };
    loop {
        let now = app.clock.now();
        let due_by = if at_once { Timestamp::MAX } else { now };
        let due = app.directory.due_taken_in(due_by, BATCH).await?;
        let is_last = at_once || due.len() < BATCH;
        let steps = futures_util::stream::iter(due).map(|row| async move { look_at(app, route, &row).await });
        let steps: Vec<Result<Step, StoreError>> = steps.buffer_unordered(AT_ONCE).collect().await;
        let (mut done, mut is_reached) = (0, true);
        for step in steps {
            match step? {
                Step::Moved => moves.moved_pictures += 1,
                Step::Removed => moves.removed_copies += 1,
                Step::Forgotten => moves.forgotten_pictures += 1,
                Step::Failed => {
                    moves.unmoved_pictures += 1;
                    continue;
                }
                Step::Waits => continue,
                Step::NoAccount => {
                    is_reached = false;
                    continue;
                }
            }
            done += 1;
        }
        // What could not be finished is due again later, yet `at_once` would find it at once: then this pass is over.
        if !is_reached || (done == 0 && is_last) {
            return Ok(moves);
        }
    }
}

fn retire_at(app: &App, now: Timestamp) -> Timestamp {
    later(now, app.config.reaper.retire_after.as_duration())
}

async fn look_at(app: &App, route: Route<'_>, row: &TakenIn) -> Result<Step, StoreError> {
    match advance(app, route, row).await {
        Ok(step) => Ok(step),
        Err(RelocationError::Store(error)) => Err(error),
        Err(RelocationError::Transfer(TransferError::MediaHost(
            error @ (MediaHostError::Unavailable { .. } | MediaHostError::TimedOut | MediaHostError::NoSpace),
        ))) => {
            tracing::debug!(asset.public_id = %row.public_id, error = %error, "not moved yet");
            Ok(Step::NoAccount)
        }
        Err(error) => {
            tracing::warn!(asset.public_id = %row.public_id, error = %error, "not moved to the account; tried again later");
            let wait = app.config.reaper.interval.as_duration() * 2_u32.saturating_pow(row.attempts.min(16));
            let due_at = later(app.clock.now(), wait.min(MAX_BACKOFF));
            app.directory.postpone_taken_in(&row.public_id, due_at).await?;
            Ok(Step::Failed)
        }
    }
}

async fn advance(app: &App, route: Route<'_>, row: &TakenIn) -> Result<Step, RelocationError> {
    let TakenIn {
        public_id,
        taken_at,
        resource_type,
        ..
    } = row;
    let references = app.directory.references_to(public_id.as_str()).await?;
    if references.is_empty() {
        return forget(app, route, row).await;
    }
    let mut is_changed = false;
    for reference in &references {
        match relocation::copy(app, route, reference).await? {
            Copied::Copied | Copied::Superseded => is_changed = true,
            Copied::AlreadyThere => {}
            Copied::Elsewhere => {
                tracing::warn!(asset.public_id = %public_id, owner = %reference.owner, "taken in, and its URL is another");
            }
            Copied::Missing => return Err(MediaHostError::Failed("the picture is missing".into()).into()),
        }
    }
    let now = app.clock.now();
    if is_changed {
        app.directory.postpone_taken_in(public_id, retire_at(app, now)).await?;
        return Ok(Step::Moved);
    }
    let is_removed = relocation::remove_source(app, route, public_id, *resource_type).await?;
    crash::point("source-removed").await;
    app.directory.drop_taken_in(public_id).await?;
    tracing::debug!(asset.public_id = %public_id, %taken_at, "moved to the account");
    Ok(if is_removed { Step::Removed } else { Step::Forgotten })
}

/// Nobody has the picture. The reaper destroys what is known of it; yet what was sent to the account in vain may have arrived
/// there since, so it is destroyed once more when that can no longer be.
async fn forget(app: &App, route: Route<'_>, row: &TakenIn) -> Result<Step, RelocationError> {
    let (public_id, now) = (&row.public_id, app.clock.now());
    let certain_at = later(row.taken_at, app.config.reaper.pending_grace.as_duration());
    if now < certain_at {
        app.directory.postpone_taken_in(public_id, certain_at).await?;
        return Ok(Step::Waits);
    }
    if app.directory.is_in_use(public_id.as_str()).await? {
        let soon = later(now, app.config.reaper.interval.as_duration());
        app.directory.postpone_taken_in(public_id, soon).await?;
        return Ok(Step::Waits);
    }
    route.to.destroy(public_id, row.resource_type).await?;
    app.directory.drop_taken_in(public_id).await?;
    Ok(Step::Forgotten)
}
