//! One picture or video on its way from a file to the media host.
//!
//! The order is that of an exchange: *pending media* is recorded, the file uploaded and read back, and one commit changes
//! the user or adds the post. What stops in between leaves what was there, and a pending row by which the reaper finds the rest.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use visage_cloudinary::{PublicId, ResourceType};
use visage_image::{ImageError, Sanitised, VideoError};
use visage_store::{AdoptError, MigratedPicture, PendingMedia, Sha256, SourceFile, StoreError};

use super::uploads::{Contents, SourceError};
use super::{Kind, Run};
use crate::intake::{self, Arrival, IntakeError};
use crate::media_host::{Hosted, MediaHostError, Picture};
use crate::permits::WorkError;
use crate::spool::SpooledFile;
use crate::{crash, posts};

/// How long the media host may take to store a picture and give it back.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(60);

/// How long it takes until work that found too much going on is tried again.
const PATIENCE: Duration = Duration::from_millis(200);

/// Why a file was not moved. Its user has what it had, its post was not added, and the file is what it was.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The file was not read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It is not a picture that is taken.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// It is not a video that is taken.
    #[error("it is no video that every browser can show")]
    Video,
    /// It has data in it that cannot be taken out.
    #[error(transparent)]
    VideoData(VideoError),
    /// The work on it failed.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// It took too long to check.
    #[error("the picture took too long to check")]
    TooSlow,
    /// The media host did not take it.
    #[error(transparent)]
    MediaHost(#[from] MediaHostError),
    /// The media host gives other bytes than it was given.
    #[error("the media host does not have the same bytes")]
    Different,
    /// The user has another picture by now, or the post is here by now.
    #[error("it has changed meanwhile")]
    Superseded,
    /// The media host's file was given up before.
    #[error("what it shows is about to be destroyed")]
    Doomed,
    /// It took longer than the grace of pending exchanges.
    #[error("it took so long that it was given up")]
    GivenUp,
    /// The temporary file failed.
    #[error("the temporary file failed: {0}")]
    TemporaryFile(#[source] std::io::Error),
    /// There is no name for it.
    #[error("there is no name for the picture: {0}")]
    Name(String),
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

impl From<IntakeError> for MoveError {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Image(error) => Self::Image(error),
            IntakeError::Video => Self::Video,
            IntakeError::VideoData(error) => Self::VideoData(error),
            IntakeError::Work(error) => Self::Work(error),
            IntakeError::TooSlow => Self::TooSlow,
            IntakeError::MediaHost(error) => Self::MediaHost(error),
            IntakeError::TemporaryFile(error) => Self::TemporaryFile(error),
            IntakeError::Store(error) => Self::Store(error),
            IntakeError::Internal(why) => Self::Name(why),
        }
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
        sha256: Sha256::of(&contents.bytes),
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
    let adopted = match store(run, &public_id, arrival, source).await {
        Ok(moved) => {
            crash::point("adoption-stored").await;
            commit(moved).await.map_err(MoveError::from)
        }
        Err(error) => Err(error),
    };
    match &adopted {
        Ok(_migrated) => crash::point("adoption-committed").await,
        // After a timeout it may still arrive: only the grace is long enough then.
        Err(MoveError::MediaHost(error)) if error.may_be_done() => {}
        Err(_) => app.directory.release_pending(&public_id, app.clock.now()).await?,
    }
    adopted
}

/// Uploads, and reads what was stored.
async fn store(
    run: &Run<'_>,
    public_id: &PublicId,
    arrival: Arrival<'_>,
    source: SourceFile,
) -> Result<Moved, MoveError> {
    let stored_sha256 = Sha256::of(&arrival.picture.bytes);
    let resource_type = arrival.picture.facts.resource_type();
    // Well inside the grace, after which the reaper takes it for dead.
    let deadline = UPLOAD_DEADLINE.min(run.app.config.reaper.pending_grace.as_duration() / 2);
    let host = run.host();
    let stored = tokio::time::timeout(deadline, async {
        let hosted = host.upload(public_id, arrival.picture, arrival.display).await?;
        let read_back = host.original(&hosted.url, public_id, resource_type).await?;
        Ok((hosted, read_back))
    });
    let (hosted, read_back) = stored.await.unwrap_or(Err(MediaHostError::TimedOut))?;
    if read_back.is_none_or(|bytes| Sha256::of(&bytes) != stored_sha256) {
        return Err(MoveError::Different);
    }
    Ok(Moved {
        hosted,
        resource_type,
        source,
        stored_sha256,
    })
}

/// Checks what was in a file as every upload is checked, takes everything out that is not the picture, and says where it goes.
async fn arrival<'a>(run: &Run<'a>, bytes: Bytes) -> Result<Arrival<'a>, MoveError> {
    let app = run.app;
    let picture = match run.kind {
        Kind::ProfileImages => clean(run, bytes).await?,
        Kind::Posts => clean_media(run, bytes).await?,
    };
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

/// What posts show, pictures and videos, goes the way of every upload.
async fn clean_media(run: &Run<'_>, bytes: Bytes) -> Result<Picture, MoveError> {
    loop {
        let (folder, bytes) = (run.app.temporary_folder.clone(), bytes.clone());
        let spooled = tokio::task::spawn_blocking(move || SpooledFile::from_bytes(&folder, &bytes)).await;
        let spooled = spooled
            .map_err(|stopping| MoveError::TemporaryFile(std::io::Error::other(stopping)))?
            .map_err(MoveError::TemporaryFile)?;
        match intake::clean_media(run.app, spooled).await {
            Err(IntakeError::Work(WorkError::Overloaded)) => tokio::time::sleep(PATIENCE).await,
            done => return Ok(done?),
        }
    }
}

async fn clean(run: &Run<'_>, bytes: Bytes) -> Result<Picture, MoveError> {
    let limits = run.app.library.limits.clone();
    let probed = bytes.clone();
    let probe_limits = limits.clone();
    let facts = work(run, bytes.len() as u64, move |_| {
        Ok(visage_image::probe(&probed, &probe_limits)?)
    })
    .await?;
    let memory_bytes = visage_image::sanitise_memory_bytes(&facts, bytes.len() as u64);
    work(run, memory_bytes, move |expired| {
        let Sanitised { bytes, facts } = visage_image::sanitise(&bytes, &facts, &limits)?;
        if expired() {
            return Err(MoveError::TooSlow);
        }
        Ok(Picture {
            bytes: Bytes::from(bytes),
            facts: facts.into(),
            part: None,
        })
    })
    .await
}

/// Nobody is kept waiting here, so what finds too much going on waits itself.
async fn work<T: Send + 'static>(
    run: &Run<'_>,
    memory_bytes: u64,
    job: impl Fn(&dyn Fn() -> bool) -> Result<T, MoveError> + Clone + Send + 'static,
) -> Result<T, MoveError> {
    let timeout = run.app.config.render.timeout.as_duration();
    loop {
        match run.app.permits.run(memory_bytes, timeout, job.clone()).await {
            Err(WorkError::Overloaded) => tokio::time::sleep(PATIENCE).await,
            done => return done?,
        }
    }
}
