//! `/api/users/profile-image` and `/api/users/{id}/profile-image`: the picture of a user.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use visage_store::UserId;

use super::views;
use crate::app::App;
use crate::crop::{Crop, CropError};
use crate::http::error::ApiError;
use crate::http::extract::{Caller, CallerUser, ImageForm, JsonBody};
use crate::own_image;
use crate::profile::{self, ProfileImageError};

/// Sizes that `?size=` may ask for, in pixels.
const SIZES_PIXELS: std::ops::RangeInclusive<u32> = 16..=1024;
const DEFAULT_SIZE_PIXELS: u32 = 200;

/// `POST /api/users/profile-image`: makes the uploaded file the caller's profile image.
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    CallerUser(user): CallerUser,
    form: ImageForm,
) -> Result<Json<Value>, ApiError> {
    app.attempts.check_change(&user.id)?;
    let max_bytes = app.config.limits.profile_image_bytes;
    let (file, crop) = form
        .single("profileImage", "crop", &app.temporary_folder, max_bytes)
        .await?;
    let crop = match crop.as_deref() {
        None | Some("") => None,
        Some(text) => Some(Crop::parse(text).map_err(ProfileImageError::from)?),
    };
    // A task of its own: an exchange that has begun is finished even if the client goes away.
    let exchange = app.tasks.spawn({
        let app = Arc::clone(&app);
        async move { profile::exchange_image(&app, &user, file, crop).await }
    });
    let hosted = exchange.await.map_err(ApiError::internal)??;
    Ok(Json(json!({
        "message": "Profile image uploaded successfully",
        "profileImage": hosted.url,
        "cloudinaryId": hosted.public_id.as_str(),
    })))
}

/// `GET /api/users/profile-image`: tells of the caller's profile image.
pub(crate) async fn describe(
    State(app): State<Arc<App>>,
    CallerUser(user): CallerUser,
) -> Result<Json<Value>, ApiError> {
    let image = own_image::describe(&app, &user).await?;
    let max_bytes = app.config.limits.profile_image_bytes;
    Ok(Json(views::own_image(image.as_ref(), max_bytes)))
}

/// `PUT /api/users/profile-image/crop`: shows another part of the caller's profile image. `profileImage`, if it is given, is
/// the picture on which the part was chosen.
pub(crate) async fn crop(
    State(app): State<Arc<App>>,
    CallerUser(user): CallerUser,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<Value>, ApiError> {
    app.attempts.check_change(&user.id)?;
    let (crop, chosen_on) = read_crop(body).map_err(ProfileImageError::from)?;
    let url = own_image::crop_again(&app, &user, crop, chosen_on.as_deref()).await?;
    Ok(Json(json!({
        "message": "Profile image cropped successfully",
        "profileImage": url,
        "cloudinaryId": user.cloudinary_id,
    })))
}

fn read_crop(mut body: Value) -> Result<(Crop, Option<String>), CropError> {
    let chosen_on = match body.as_object_mut().and_then(|members| members.remove("profileImage")) {
        None | Some(Value::Null) => None,
        Some(Value::String(url)) => Some(url),
        Some(_) => return Err(CropError::Unreadable),
    };
    Ok((Crop::parse(&body.to_string())?, chosen_on))
}

/// `POST /api/users/profile-image/faces`: looks for faces in the uploaded file, of which nothing is kept.
pub(crate) async fn faces(
    State(app): State<Arc<App>>,
    caller: Caller,
    form: ImageForm,
) -> Result<Json<Value>, ApiError> {
    app.attempts.check_change(&caller.user_id)?;
    let max_bytes = app.config.limits.profile_image_bytes;
    let (file, _) = form
        .single("profileImage", "crop", &app.temporary_folder, max_bytes)
        .await?;
    let found = own_image::find_faces(&app, file).await?;
    Ok(Json(
        json!({ "width": found.width, "height": found.height, "faces": found.faces }),
    ))
}

/// `DELETE /api/users/profile-image`: takes the caller's profile image away.
pub(crate) async fn remove(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, ApiError> {
    app.attempts.check_change(&caller.user_id)?;
    let removed = profile::remove_image(&app, &caller.user_id).await?;
    let message = if removed {
        "Profile image removed successfully"
    } else {
        "There is no profile image"
    };
    Ok(super::auth::message(message))
}

#[derive(Debug, Deserialize)]
pub(crate) struct SizeQuery {
    size: Option<String>,
}

/// `GET /api/users/{id}/profile-image?size=N`: an image for every existing user, to be put into `<img>`: a redirect to the
/// current picture at that size, or a drawn avatar.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    query: Result<Query<SizeQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let user_id = id
        .ok()
        .and_then(|Path(id)| UserId::parse(&id).ok())
        .ok_or_else(not_found)?;
    let user = app.directory.user(&user_id).await?.ok_or_else(not_found)?;
    let asked = query.ok().and_then(|Query(query)| query.size?.parse::<u32>().ok());
    let asked = asked.unwrap_or(DEFAULT_SIZE_PIXELS);
    let size_pixels = asked.clamp(*SIZES_PIXELS.start(), *SIZES_PIXELS.end());
    // The address stays and the picture changes: it must be asked for every time, the picture itself need not.
    let no_cache = (header::CACHE_CONTROL, "no-cache".to_owned());
    if let Some(url) = profile::image_url(&app, &user, size_pixels) {
        return Ok((StatusCode::FOUND, [no_cache, (header::LOCATION, url)]).into_response());
    }
    let content_type = (header::CONTENT_TYPE, "image/svg+xml".to_owned());
    Ok(([no_cache, content_type], profile::drawn_avatar(&user, size_pixels)).into_response())
}

fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "User not found")
}
