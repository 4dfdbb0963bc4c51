//! How a member's file comes in, whatever it is for: checked and cleaned, announced, uploaded, committed.
//!
//! The application's records and the media host share no transaction. The order makes every crash harmless: record what is
//! about to happen, upload, commit by one write of the caller's. Whatever stops in between, the reaper settles.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE32_NOPAD;
use visage_cloudinary::{PublicId, Transformation};
use visage_image::{ImageError, Sanitised, VideoError, VideoFacts};
use visage_store::{PendingMedia, StoreError};

use crate::app::App;
use crate::crash;
use crate::media_host::{Hosted, MediaHostError, Picture, PictureFacts};
use crate::permits::WorkError;
use crate::spool::SpooledFile;

/// How long the media host may take to store a picture.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(60);

/// Videos that every browser may be able to show.
const VIDEO_FORMATS: &[&str] = &["mp4", "mov", "webm"];

/// Why a file did not come in. Nothing refers to it, and nothing of it stays.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The file is not a picture that is taken.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The file is a video or a sound that is not taken.
    #[error("The file is no video that every browser can show. Send an MP4, MOV or WebM video.")]
    Video,
    /// The video has data in it that cannot be taken out.
    #[error(transparent)]
    VideoData(VideoError),
    /// Too much is being worked on, or the work on this picture failed.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// The picture or video took too long to check.
    #[error("the picture took too long to check")]
    TooSlow,
    /// The media host did not take it.
    #[error(transparent)]
    MediaHost(#[from] MediaHostError),
    /// The temporary file could not be read back.
    #[error("the temporary file could not be read: {0}")]
    TemporaryFile(#[source] std::io::Error),
    /// The directory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server failed.
    #[error("{0}")]
    Internal(String),
}

impl From<VideoError> for IntakeError {
    fn from(error: VideoError) -> Self {
        match error {
            VideoError::Unsupported | VideoError::Damaged => Self::Video,
            VideoError::Data => Self::VideoData(error),
            VideoError::Cancelled => Self::TooSlow,
        }
    }
}

/// A cleaned picture or video, and what is to be done with it.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// The file.
    pub picture: Picture,
    /// The folder of the media host that it goes into.
    pub folder: &'a str,
    /// How it will be shown.
    pub display: &'a Transformation,
    /// The public id that it takes the place of, exactly as it stands in the directory.
    pub replaces: Option<String>,
}

/// Announces and uploads `arrival`, then calls `commit` with its name and its URL.
///
/// # Errors
/// Those of the intake and of `commit`; then the file is left to the reaper.
pub async fn exchange<T, E, F>(app: &App, arrival: Arrival<'_>, commit: impl FnOnce(Hosted) -> F) -> Result<T, E>
where
    E: From<IntakeError>,
    F: Future<Output = Result<T, E>>,
{
    let public_id = fresh_public_id(arrival.folder)?;
    let pending = PendingMedia {
        new: public_id.clone(),
        replaces: arrival.replaces,
        resource_type: arrival.picture.facts.resource_type(),
        begun_at: app.clock.now(),
    };
    app.directory.begin_exchange(pending).await.map_err(IntakeError::from)?;
    crash::point("exchange-begun").await;
    let uploaded = upload(app, &public_id, arrival.picture, arrival.display).await;
    let uploaded = or_release(app, &public_id, uploaded, MediaHostError::may_be_done).await;
    let hosted = uploaded.map_err(IntakeError::from)?;
    crash::point("picture-uploaded").await;
    or_release(app, &public_id, commit(hosted).await, |_nothing_was_committed| false).await
}

async fn upload(
    app: &App,
    public_id: &PublicId,
    picture: Picture,
    display: &Transformation,
) -> Result<Hosted, MediaHostError> {
    let upload = app.media_host.upload(public_id, picture, display);
    let answered = tokio::time::timeout(upload_deadline(app), upload).await;
    answered.unwrap_or(Err(MediaHostError::TimedOut))
}

/// How long the media host is waited for: well inside the grace, after which the reaper takes an exchange for dead.
pub(crate) fn upload_deadline(app: &App) -> Duration {
    UPLOAD_DEADLINE.min(app.config.reaper.pending_grace.as_duration() / 2)
}

/// Passes on how a step ended that follows the announcement of `public_id`. After one that failed, the reaper has it from now
/// on; but when the file may still arrive, only the grace is long enough to be sure that it has not.
pub(crate) async fn or_release<T, E>(
    app: &App,
    public_id: &PublicId,
    ended: Result<T, E>,
    may_still_arrive: impl Fn(&E) -> bool,
) -> Result<T, E> {
    if ended.as_ref().is_err_and(|error| !may_still_arrive(error)) {
        release(app, public_id).await;
    }
    ended
}

/// Hands what was announced to the reaper now. When that fails too, the grace does it.
pub(crate) async fn release(app: &App, public_id: &PublicId) {
    if let Err(error) = app.directory.release_pending(public_id, app.clock.now()).await {
        tracing::warn!(asset.public_id = %public_id, error = %error, "a failed exchange stays until its grace is over");
    }
}

/// Probes and cleans a picture on a thread of its own, under permits that bound memory.
///
/// # Errors
/// See [`IntakeError`].
pub async fn clean_picture(app: &App, file: SpooledFile) -> Result<Picture, IntakeError> {
    let file = Arc::new(file);
    let facts = probe_picture(app, &file).await?;
    clean_image(app, file, facts).await
}

/// The same for a picture or a video: the bytes decide.
///
/// # Errors
/// See [`IntakeError`].
pub async fn clean_media(app: &App, file: SpooledFile) -> Result<Picture, IntakeError> {
    let file = Arc::new(file);
    let refusal = match probe_picture(app, &file).await {
        Ok(facts) => return clean_image(app, file, facts).await,
        Err(IntakeError::Image(refusal @ ImageError::Unsupported { .. })) => refusal,
        Err(error) => return Err(error),
    };
    match probe_video(app, &file).await? {
        Some(facts) if is_shown(&facts) => clean_video(app, file, facts).await,
        Some(_) => Err(IntakeError::Video),
        None => Err(refusal.into()),
    }
}

/// Whether pages can show it: a video in a known container, with pictures in it.
fn is_shown(facts: &VideoFacts) -> bool {
    VIDEO_FORMATS.contains(&facts.format) && facts.video_codec.is_some()
}

/// What is in a picture's head; refuses what is not taken.
pub(crate) async fn probe_picture(app: &App, file: &Arc<SpooledFile>) -> Result<visage_image::Facts, IntakeError> {
    let limits = app.library.limits.clone();
    let probed = Arc::clone(file);
    work(app, file.len_bytes(), move |_| {
        let bytes = probed.read_all().map_err(IntakeError::TemporaryFile)?;
        Ok(visage_image::probe(&bytes, &limits)?)
    })
    .await
}

async fn clean_image(app: &App, file: Arc<SpooledFile>, facts: visage_image::Facts) -> Result<Picture, IntakeError> {
    let limits = app.library.limits.clone();
    let memory_bytes = visage_image::sanitise_memory_bytes(&facts, file.len_bytes());
    work(app, memory_bytes, move |expired| {
        let bytes = file.read_all().map_err(IntakeError::TemporaryFile)?;
        let Sanitised { bytes, facts } = visage_image::sanitise(&bytes, &facts, &limits, expired)?;
        if expired() {
            Err(IntakeError::TooSlow)
        } else {
            Ok(picture(bytes, facts))
        }
    })
    .await
}

async fn probe_video(app: &App, file: &Arc<SpooledFile>) -> Result<Option<VideoFacts>, IntakeError> {
    let probed = Arc::clone(file);
    work(app, file.len_bytes(), move |_| {
        visage_image::probe_video(&mut probed.reader()).map_err(IntakeError::TemporaryFile)
    })
    .await
}

async fn clean_video(app: &App, file: Arc<SpooledFile>, facts: VideoFacts) -> Result<Picture, IntakeError> {
    let memory_bytes = visage_image::sanitise_video_memory_bytes(file.len_bytes());
    work(app, memory_bytes, move |expired| {
        let mut bytes = file.read_all().map_err(IntakeError::TemporaryFile)?;
        visage_image::sanitise_video(&mut bytes, &facts, expired)?;
        Ok(picture(bytes, facts))
    })
    .await
}

fn picture(bytes: Vec<u8>, facts: impl Into<PictureFacts>) -> Picture {
    Picture {
        bytes: Bytes::from(bytes),
        facts: facts.into(),
        part: None,
    }
}

/// Runs `job` on a thread of its own, under a permit of the memory it may need.
pub(crate) async fn work<T: Send + 'static>(
    app: &App,
    memory_bytes: u64,
    job: impl FnOnce(&dyn Fn() -> bool) -> Result<T, IntakeError> + Send + 'static,
) -> Result<T, IntakeError> {
    let timeout = app.config.render.timeout.as_duration();
    app.permits.run(memory_bytes, timeout, job).await?
}

/// `{folder}/` and 20 random characters (100 bits): a name that was never used before.
pub(crate) fn fresh_public_id(folder: &str) -> Result<PublicId, IntakeError> {
    let name = BASE32_NOPAD.encode(&rand::random::<[u8; 13]>()).to_ascii_lowercase();
    let name: String = name.chars().take(20).collect();
    PublicId::parse(&format!("{folder}/{name}")).map_err(|error| IntakeError::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_ids_are_twenty_characters_in_the_folder() {
        let id = fresh_public_id("profiles").unwrap();
        let name = id.as_str().strip_prefix("profiles/").unwrap();
        assert_eq!(name.len(), 20);
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        assert_ne!(id, fresh_public_id("profiles").unwrap());
    }
}
