//! One picture on its way from a file to the media host.
//!
//! The order is that of an exchange: *pending media* is recorded, the picture uploaded and read back, and one commit changes
//! the user. What stops in between leaves the user's old reference, and a pending row by which the reaper finds the rest.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use visage_cloudinary::{PublicId, ResourceType};
use visage_image::{ImageError, Sanitised};
use visage_store::{
    AdoptError, Adoption, MigratedPicture, PendingMedia, ProfileImage, Sha256, SourceFile, StoreError, UserPicture,
};

use super::Run;
use super::uploads::{Contents, SourceError};
use crate::clock::later;
use crate::crash;
use crate::intake;
use crate::media_host::{MediaHostError, Picture};
use crate::permits::WorkError;

/// How long the media host may take to store a picture and give it back.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(60);

/// How long it takes until work that found too much going on is tried again.
const PATIENCE: Duration = Duration::from_millis(200);

/// Why a picture was not moved. Its user has what it had, and the file is what it was.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The file was not read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It is not a picture that is taken.
    #[error(transparent)]
    Image(#[from] ImageError),
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
    /// The user has another picture by now.
    #[error("the user has another picture by now")]
    Superseded,
    /// It took longer than the grace of pending exchanges.
    #[error("it took so long that it was given up")]
    GivenUp,
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
            AdoptError::PendingGone => Self::GivenUp,
            AdoptError::Store(error) => Self::Store(error),
        }
    }
}

/// Reads the first of these files that is there.
///
/// # Errors
/// [`MoveError::Source`]
pub(super) async fn read(run: &Run<'_>, files: Vec<PathBuf>) -> Result<Contents, MoveError> {
    let uploads = Arc::clone(&run.uploads);
    let max_bytes = run.app.config.limits.profile_image_bytes;
    let read = tokio::task::spawn_blocking(move || uploads.read_first(&files, max_bytes)).await;
    Ok(read.map_err(|stopping| SourceError::Io(std::io::Error::other(stopping)))??)
}

/// Makes the file's picture the user's. `None`: it could be done, and nothing was, because this is a dry run.
///
/// # Errors
/// See [`MoveError`].
pub(super) async fn adopt(
    run: &Run<'_>,
    user: &UserPicture,
    contents: Contents,
) -> Result<Option<MigratedPicture>, MoveError> {
    let source = SourceFile {
        folder: run.uploads.path().to_owned(),
        file: contents.file,
        sha256: Sha256::of(&contents.bytes),
    };
    let picture = clean(run, contents.bytes).await?;
    if run.only_looks {
        return Ok(None);
    }
    let app = run.app;
    let public_id =
        intake::fresh_public_id(&app.config.profile.folder).map_err(|error| MoveError::Name(error.to_string()))?;
    app.directory
        .begin_exchange(PendingMedia {
            new: public_id.clone(),
            replaces: None,
            resource_type: ResourceType::Image,
            begun_at: app.clock.now(),
        })
        .await?;
    crash::point("adoption-begun").await;
    match store_and_commit(run, user, &public_id, picture, source).await {
        Ok(migrated) => Ok(Some(migrated)),
        Err(error) => {
            // After a timeout it may still arrive: only the grace is long enough then.
            let may_be_done = matches!(&error, MoveError::MediaHost(error) if error.may_be_done());
            if !may_be_done {
                app.directory.release_pending(&public_id, app.clock.now()).await?;
            }
            Err(error)
        }
    }
}

async fn store_and_commit(
    run: &Run<'_>,
    user: &UserPicture,
    public_id: &PublicId,
    picture: Picture,
    source: SourceFile,
) -> Result<MigratedPicture, MoveError> {
    let app = run.app;
    let stored_sha256 = Sha256::of(&picture.bytes);
    // Well inside the grace, after which the reaper takes it for dead.
    let deadline = UPLOAD_DEADLINE.min(app.config.reaper.pending_grace.as_duration() / 2);
    let stored = tokio::time::timeout(deadline, store(run, public_id, picture, &stored_sha256)).await;
    let new = stored.unwrap_or(Err(MediaHostError::TimedOut.into()))?;
    crash::point("adoption-stored").await;
    let now = app.clock.now();
    let adoption = Adoption {
        user_id: user.user_id,
        new,
        old_url: user.url.clone().unwrap_or_default(),
        old_public_id: user.public_id.clone(),
        source,
        stored_sha256,
        retire_at: later(now, app.config.reaper.retire_after.as_duration()),
        now,
    };
    let migrated = app.directory.adopt_profile_image(adoption).await?;
    crash::point("adoption-committed").await;
    Ok(migrated)
}

/// Uploads, and reads what was stored.
async fn store(
    run: &Run<'_>,
    public_id: &PublicId,
    picture: Picture,
    sha256: &Sha256,
) -> Result<ProfileImage, MoveError> {
    let host = run.host();
    let hosted = host.upload(public_id, picture, &run.app.display_transformation).await?;
    let read_back = host.original(&hosted.url, public_id, ResourceType::Image).await?;
    if read_back.is_none_or(|bytes| Sha256::of(&bytes) != *sha256) {
        return Err(MoveError::Different);
    }
    Ok(ProfileImage {
        url: hosted.url,
        public_id: hosted.public_id,
    })
}

/// Checks the picture as every upload is checked, and takes everything out that is not the picture.
async fn clean(run: &Run<'_>, bytes: Vec<u8>) -> Result<Picture, MoveError> {
    let bytes = Bytes::from(bytes);
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
