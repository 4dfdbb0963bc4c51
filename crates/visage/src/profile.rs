//! A user's profile image: the exchange of the old picture for the new one.
//!
//! The application's records and the media host share no transaction. The order makes every crash harmless: record what
//! is about to happen, upload, commit by one write on the user, retire the old picture. Whatever stops in between, the
//! reaper settles.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE32_NOPAD;
use visage_cloudinary::{PublicId, ResourceType, Transformation};
use visage_image::{ImageError, Sanitised};
use visage_store::{Exchange, ExchangeError, PendingMedia, ProfileImage, StoreError, User, UserId};

use crate::app::App;
use crate::clock::later;
use crate::crash;
use crate::media_host::{Hosted, MediaHostError, Picture};
use crate::permits::WorkError;
use crate::spool::SpooledFile;

/// How long the media host may take to store a picture.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(60);

/// Why a profile image was not changed. The old picture is untouched in every case.
#[derive(Debug, thiserror::Error)]
pub enum ProfileImageError {
    /// The user does not exist any more.
    #[error("User not found")]
    UserNotFound,
    /// The file is not a picture that is taken.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Too much is being worked on, or the work on this picture failed.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// The picture took too long to check.
    #[error("the picture took too long to check")]
    TooSlow,
    /// The media host did not take it.
    #[error(transparent)]
    MediaHost(#[from] MediaHostError),
    /// The exchange took so long that it was given up.
    #[error("the upload was given up before it was finished")]
    GivenUp,
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

/// Makes the picture in `file` the user's profile image; the one it replaces is retired.
///
/// # Errors
/// See [`ProfileImageError`].
pub async fn exchange_image(app: &App, user: &User, file: SpooledFile) -> Result<Hosted, ProfileImageError> {
    let picture = check_and_clean(app, file).await?;
    let public_id = fresh_public_id(&app.config.profile.folder)?;
    app.directory
        .begin_exchange(PendingMedia {
            new: public_id.clone(),
            replaces: user.cloudinary_id.clone(),
            resource_type: ResourceType::Image,
            begun_at: app.clock.now(),
        })
        .await?;
    crash::point("exchange-begun").await;
    match upload_and_commit(app, &user.id, &public_id, picture).await {
        Ok(hosted) => Ok(hosted),
        // The picture may still arrive: only the grace is long enough to be sure that it has not.
        Err(ProfileImageError::MediaHost(error)) if error.may_be_done() => Err(error.into()),
        Err(error) => {
            release(app, &public_id).await;
            Err(error)
        }
    }
}

/// Takes the user's profile image away; it is retired like a replaced one. `false` says that there was none.
///
/// # Errors
/// [`ProfileImageError::UserNotFound`], or the directory's failure.
pub async fn remove_image(app: &App, user_id: &UserId) -> Result<bool, ProfileImageError> {
    let before = commit(app, user_id, None).await?;
    Ok(before.is_some())
}

async fn upload_and_commit(
    app: &App,
    user_id: &UserId,
    public_id: &PublicId,
    picture: Picture,
) -> Result<Hosted, ProfileImageError> {
    // Well inside the grace, after which the reaper takes the exchange for dead.
    let deadline = UPLOAD_DEADLINE.min(app.config.reaper.pending_grace.as_duration() / 2);
    let upload = app.media_host.upload(public_id, picture, &app.display_transformation);
    let answered = tokio::time::timeout(deadline, upload).await;
    let hosted = answered.map_err(|_elapsed| MediaHostError::TimedOut)??;
    crash::point("picture-uploaded").await;
    let new = ProfileImage {
        url: hosted.url.clone(),
        public_id: hosted.public_id.clone(),
    };
    commit(app, user_id, Some(new)).await?;
    crash::point("exchange-committed").await;
    Ok(hosted)
}

/// The one write that everybody sees. Returns the public id that was there before.
async fn commit(app: &App, user_id: &UserId, new: Option<ProfileImage>) -> Result<Option<String>, ProfileImageError> {
    let now = app.clock.now();
    let retire_at = later(now, app.config.reaper.retire_after.as_duration());
    let exchange = Exchange {
        user_id: *user_id,
        new,
        retire_at,
        now,
    };
    match app.directory.exchange_profile_image(exchange).await {
        Ok(exchanged) => Ok(exchanged.old_public_id.or(exchanged.old_url)),
        Err(ExchangeError::UserGone) => Err(ProfileImageError::UserNotFound),
        Err(ExchangeError::PendingGone) => Err(ProfileImageError::GivenUp),
        Err(ExchangeError::Store(error)) => Err(error.into()),
    }
}

/// Hands a failed exchange to the reaper now. When that fails too, the grace does it.
async fn release(app: &App, public_id: &PublicId) {
    if let Err(error) = app.directory.release_pending(public_id, app.clock.now()).await {
        tracing::warn!(asset.public_id = %public_id, error = %error, "a failed exchange stays until its grace is over");
    }
}

/// Probes and sanitises the file on a thread of its own, under permits that bound memory.
async fn check_and_clean(app: &App, file: SpooledFile) -> Result<Picture, ProfileImageError> {
    let file = Arc::new(file);
    let limits = app.library.limits.clone();
    let timeout = app.config.render.timeout.as_duration();
    let facts = {
        let (file, limits) = (Arc::clone(&file), limits.clone());
        work(app, file.len_bytes(), timeout, move |_| {
            let bytes = file.read_all().map_err(ProfileImageError::TemporaryFile)?;
            Ok(visage_image::probe(&bytes, &limits)?)
        })
        .await?
    };
    let memory_bytes = visage_image::sanitise_memory_bytes(&facts, file.len_bytes());
    work(app, memory_bytes, timeout, move |expired| {
        let bytes = file.read_all().map_err(ProfileImageError::TemporaryFile)?;
        let Sanitised { bytes, facts } = visage_image::sanitise(&bytes, &facts, &limits)?;
        if expired() {
            Err(ProfileImageError::TooSlow)
        } else {
            Ok(Picture {
                bytes: Bytes::from(bytes),
                facts,
            })
        }
    })
    .await
}

async fn work<T: Send + 'static>(
    app: &App,
    memory_bytes: u64,
    timeout: Duration,
    job: impl FnOnce(&dyn Fn() -> bool) -> Result<T, ProfileImageError> + Send + 'static,
) -> Result<T, ProfileImageError> {
    app.permits.run(memory_bytes, timeout, job).await?
}

/// `{folder}/` and 20 random characters (100 bits): a name that was never used before.
pub(crate) fn fresh_public_id(folder: &str) -> Result<PublicId, ProfileImageError> {
    let name = BASE32_NOPAD.encode(&rand::random::<[u8; 13]>()).to_ascii_lowercase();
    let name: String = name.chars().take(20).collect();
    PublicId::parse(&format!("{folder}/{name}")).map_err(|error| ProfileImageError::Internal(error.to_string()))
}

/// Where the user's picture is at `size_pixels` square; `None` when the user has none, or one that is not on this host.
pub fn image_url(app: &App, user: &User, size_pixels: u32) -> Option<String> {
    let url = user.profile_image.as_deref()?;
    let square = format!("c_thumb,g_face,h_{size_pixels},w_{size_pixels}/f_auto,q_auto");
    let transformation = Transformation::parse(&square).ok()?;
    Some(
        app.media_host
            .with_transformation(url, &transformation)
            .unwrap_or_else(|| url.to_owned()),
    )
}

/// A drawn avatar for a user without a picture: the initials on a colour that stays the same, as SVG.
///
/// SVG because it is sharp at every size and the reader's own fonts know every script. It is made of nothing but what
/// this function writes, and it is served under a policy that runs nothing.
pub fn drawn_avatar(user: &User, size_pixels: u32) -> String {
    // Letters and digits alone, so there is nothing to escape.
    let initials = initials(&user.name);
    let hue = stable_hue(&user.id.to_string());
    let mut svg = String::new();
    // Writing into a String cannot fail.
    _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{size_pixels}\" height=\"{size_pixels}\" viewBox=\"0 0 100 100\">\
         <rect width=\"100\" height=\"100\" fill=\"hsl({hue},45%,40%)\"/>\
         <text x=\"50\" y=\"50\" dy=\".35em\" text-anchor=\"middle\" font-family=\"system-ui,sans-serif\" font-size=\"42\" \
         fill=\"#fff\">{initials}</text></svg>"
    );
    svg
}

/// The first letters of the first and the last word, in capitals.
fn initials(name: &str) -> String {
    let mut words = name
        .split_whitespace()
        .filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

/// 0 to 359, from the id alone (FNV-1a): the same colour on every server and after every restart.
fn stable_hue(id: &str) -> u32 {
    id.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    }) % 360
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_the_first_letters_of_the_first_and_last_word() {
        for (name, expected) in [
            ("Asha Rao", "AR"),
            ("asha", "A"),
            ("  Jean-Luc van den Berg ", "JB"),
            ("李 小龙", "李小"),
            ("<script> &", "S"),
            ("", ""),
            ("!!! ???", ""),
            ("ßeta ßum", "SSSS"),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }

    #[test]
    fn fresh_ids_are_twenty_characters_in_the_folder() {
        let id = fresh_public_id("profiles").unwrap();
        let name = id.as_str().strip_prefix("profiles/").unwrap();
        assert_eq!(name.len(), 20);
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        assert_ne!(id, fresh_public_id("profiles").unwrap());
    }
}
