//! One picture or video on its way from a file to the media host.
//!
//! The order is that of an exchange: *pending media* is recorded, the file uploaded and read back, and one commit changes
//! the user or adds the post. What stops in between leaves what was there, and a pending row by which the reaper finds the rest.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use visage_cloudinary::{PublicId, ResourceType};
use visage_store::{AdoptError, MigratedPicture, PendingMedia, Sha256, SourceFile, StoreError};

use super::uploads::{Contents, SourceError};
use super::{Kind, Run};
use crate::intake::{self, Arrival, IntakeError, or_release};
use crate::media_host::{Hosted, MediaHostError, Picture, TransferError, transfer};
use crate::permits::WorkError;
use crate::spool::SpooledFile;
use crate::{crash, posts};

/// How long it takes until work that found too much going on is tried again.
const PATIENCE: Duration = Duration::from_millis(200);

/// Why a file was not moved. Its user has what it had, its post was not added, and the file is what it was.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The file was not read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It is not taken, or something failed on the way in.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// The media host did not take it, or does not have the same bytes.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The user has another picture by now, or the post is here by now.
    #[error("it has changed meanwhile")]
    Superseded,
    /// The media host's file was given up before.
    #[error("what it shows is about to be destroyed")]
    Doomed,
    /// It took longer than the grace of pending exchanges.
    #[error("it took so long that it was given up")]
    GivenUp,
    /// The directory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AdoptError> for MoveError {
    fn from(error: AdoptError) -> Self {
        match error {
            AdoptError::Superseded => Self::Superseded,
            AdoptError::Doomed => Self::Doomed,
            AdoptError::PendingGone => Self::GivenUp,
            AdoptError::Store(error) => Self::Store(error),
        }
    }
}

impl From<MediaHostError> for MoveError {
    fn from(error: MediaHostError) -> Self {
        Self::Transfer(error.into())
    }
}

/// What is on the media host now, and pending.
#[derive(Debug)]
pub(super) struct Moved {
    /// Where.
    pub(super) hosted: Hosted,
    /// What it is.
    pub(super) resource_type: ResourceType,
    /// The file that it was made from.
    pub(super) source: SourceFile,
    /// SHA-256 of what the media host has.
    pub(super) stored_sha256: Sha256,
}

/// Reads the first of these files that is there.
///
/// # Errors
/// [`MoveError::Source`]
pub(super) async fn read(run: &Run<'_>, files: Vec<PathBuf>) -> Result<Contents, MoveError> {
    let uploads = Arc::clone(&run.uploads);
    let max_bytes = run.max_bytes();
    let read = tokio::task::spawn_blocking(move || uploads.read_first(&files, max_bytes)).await;
    Ok(read.map_err(|stopping| SourceError::Io(std::io::Error::other(stopping)))??)
}

/// Brings the file to the media host and calls `commit`. `None`: it could be done, and nothing was, because this is a dry run.
///
/// # Errors
/// See [`MoveError`].
pub(super) async fn adopt<F>(
    run: &Run<'_>,
    contents: Contents,
    commit: impl FnOnce(Moved) -> F,
) -> Result<Option<MigratedPicture>, MoveError>
where
    F: Future<Output = Result<Option<MigratedPicture>, AdoptError>>,
{
    let source = SourceFile {
        folder: run.uploads.path().to_owned(),
        file: contents.file,
        sha256: contents.sha256,
    };
    let arrival = arrival(run, contents.bytes.into()).await?;
    if run.only_looks {
        return Ok(None);
    }
    let app = run.app;
    let public_id = intake::fresh_public_id(arrival.folder)?;
    app.directory
        .begin_exchange(PendingMedia {
            new: public_id.clone(),
            replaces: None,
            resource_type: arrival.picture.facts.resource_type(),
            begun_at: app.clock.now(),
        })
        .await?;
    crash::point("adoption-begun").await;
    let moved = or_release(
        app,
        &public_id,
        store(run, &public_id, arrival, source).await,
        TransferError::may_be_done,
    )
    .await?;
    crash::point("adoption-stored").await;
    let migrated = or_release(app, &public_id, commit(moved).await, |_nothing_was_committed| false).await?;
    crash::point("adoption-committed").await;
    Ok(migrated)
}

/// Uploads, and reads what was stored.
async fn store(
    run: &Run<'_>,
    public_id: &PublicId,
    arrival: Arrival<'_>,
    source: SourceFile,
) -> Result<Moved, TransferError> {
    let resource_type = arrival.picture.facts.resource_type();
    let stored = transfer(run.host(), public_id, arrival.picture, arrival.display);
    let stored = tokio::time::timeout(intake::upload_deadline(run.app), stored).await;
    let stored = stored.unwrap_or(Err(MediaHostError::TimedOut.into()))?;
    Ok(Moved {
        hosted: stored.hosted,
        resource_type,
        source,
        stored_sha256: stored.sha256,
    })
}

/// Checks what was in a file as every upload is checked, takes everything out that is not the picture, and says where it goes.
async fn arrival<'a>(run: &Run<'a>, bytes: Bytes) -> Result<Arrival<'a>, IntakeError> {
    let app = run.app;
    let picture = clean(run, &bytes).await?;
    let (folder, display) = match run.kind {
        Kind::ProfileImages => (&app.config.profile.folder, &app.display_transformation),
        Kind::Posts => (&app.config.posts.folder, posts::display(app, &picture.facts)),
    };
    Ok(Arrival {
        picture,
        folder,
        display,
        replaces: None,
    })
}

/// Nobody is kept waiting here, so what finds too much going on waits itself.
async fn clean(run: &Run<'_>, bytes: &Bytes) -> Result<Picture, IntakeError> {
    loop {
        let (folder, bytes) = (run.app.temporary_folder.clone(), bytes.clone());
        let spooled = tokio::task::spawn_blocking(move || SpooledFile::from_bytes(&folder, &bytes)).await;
        let spooled = spooled.map_err(io::Error::other).flatten();
        let spooled = spooled.map_err(IntakeError::TemporaryFile)?;
        let cleaned = match run.kind {
            Kind::ProfileImages => intake::clean_picture(run.app, spooled).await,
            Kind::Posts => intake::clean_media(run.app, spooled).await,
        };
        match cleaned {
            Err(IntakeError::Work(WorkError::Overloaded)) => tokio::time::sleep(PATIENCE).await,
            cleaned => return cleaned,
        }
    }
}
