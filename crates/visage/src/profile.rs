//! A user's profile image: the exchange of the old picture for the new one.
//!
//! One write on the user is the commit ([`crate::intake`]); the old picture is retired with it.

use std::fmt::Write as _;

use visage_cloudinary::Transformation;
use visage_store::{Exchange, ExchangeError, ProfileImage, StoreError, User, UserId};

use crate::app::App;
use crate::clock::later;
use crate::crash;
use crate::crop::{self, Crop, CropError};
use crate::intake::{self, Arrival, IntakeError};
use crate::media_host::{Hosted, PictureFacts};
use crate::spool::SpooledFile;

/// Why a profile image was not changed. The old picture is untouched in every case.
#[derive(Debug, thiserror::Error)]
pub enum ProfileImageError {
    /// The user does not exist any more.
    #[error("User not found")]
    UserNotFound,
    /// The file did not come in.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// There is no such part in the picture.
    #[error(transparent)]
    Crop(#[from] CropError),
    /// There is no picture that could be shown otherwise.
    #[error("There is no profile image")]
    NoPicture,
    /// The picture is not on a media host of ours.
    #[error("This picture is kept elsewhere. Upload it again to change what is shown of it.")]
    KeptElsewhere,
    /// The picture was changed meanwhile.
    #[error("The picture was changed meanwhile. Look at it and try again.")]
    ChangedMeanwhile,
    /// The exchange took so long that it was given up.
    #[error("the upload was given up before it was finished")]
    GivenUp,
    /// The directory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes the picture in `file`, or the part of it that `crop` says, the user's profile image; the one it replaces is retired.
///
/// # Errors
/// See [`ProfileImageError`].
pub async fn exchange_image(
    app: &App,
    user: &User,
    file: SpooledFile,
    crop: Option<Crop>,
) -> Result<Hosted, ProfileImageError> {
    let mut picture = intake::clean_picture(app, file).await?;
    if let (Some(crop), PictureFacts::Image(facts)) = (&crop, &picture.facts) {
        crop.check(facts.width, facts.height)?;
        picture.part = Some(crop.rectangle());
    }
    let arrival = Arrival {
        picture,
        folder: &app.config.profile.folder,
        display: &crop::shown(crop, &app.display_transformation),
        replaces: user.cloudinary_id.clone(),
    };
    intake::exchange(app, arrival, async |hosted: Hosted| {
        let new = ProfileImage {
            url: hosted.url.clone(),
            public_id: hosted.public_id.clone(),
        };
        commit(app, &user.id, Some(new)).await?;
        crash::point("exchange-committed").await;
        Ok(hosted)
    })
    .await
}

/// Takes the user's profile image away; it is retired like a replaced one. `false` says that there was none.
///
/// # Errors
/// [`ProfileImageError::UserNotFound`], or the directory's failure.
pub async fn remove_image(app: &App, user_id: &UserId) -> Result<bool, ProfileImageError> {
    let before = commit(app, user_id, None).await?;
    Ok(before.is_some())
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

/// Where the user's picture is at `size_pixels` square, showing the part that was chosen; `None` when the user has none.
pub fn image_url(app: &App, user: &User, size_pixels: u32) -> Option<String> {
    let url = user.profile_image.as_deref()?;
    let square = format!("c_thumb,g_face,h_{size_pixels},w_{size_pixels}/f_auto,q_auto");
    let square = Transformation::parse(&square).ok()?;
    let crop = app.media_host.transformation(url).as_ref().and_then(Crop::of);
    Some(
        app.media_host
            .with_transformation(url, &crop::shown(crop, &square))
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
}
