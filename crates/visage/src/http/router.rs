//! Every route on one page.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, delete, get, post, put};
use http::StatusCode;

use super::error::ApiError;
use super::places::{Places, bound};
use super::routes::{LenientRouter, Routes};
use super::{app as handlers, cloudinary, delivery, docs, health, middleware, time_limit, ui};
use crate::app::App;
use crate::metrics;

/// The server's routes. `places` bounds the requests that are worked on at once.
pub(super) fn router(app: Arc<App>, places: Arc<Places>) -> LenientRouter {
    let bounded = Routes::new()
        .nest("/api", api(&app))
        .route("/metrics", get(metrics::show))
        .map(|router| {
            router
                .route(
                    "/v1_1/{*path}",
                    any(cloudinary::dispatch).layer(DefaultBodyLimit::max(api_bytes(&app))),
                )
                .route("/", get(ui::page))
                .route("/ui/{file}", get(ui::file))
                .route("/{cloud}/{*path}", get(delivery::show))
                .method_not_allowed_fallback(wrong_method)
                .fallback(no_route)
                .layer(from_fn_with_state(Arc::clone(&app), time_limit::time_limit))
                // Around the time limit: who is told that it was too slow is still sending.
                .layer(from_fn_with_state(Arc::clone(&app), middleware::drain))
                .layer(from_fn_with_state(places, bound))
        });
    let cloud = app.config.embedded.cloud_name.clone();
    Routes::new()
        // Outside of the bound: a server that is busy is not a server that is ill.
        .route("/health", get(health::show))
        .map(|router| router.method_not_allowed_fallback(wrong_method))
        .merge(bounded)
        .map(|router| {
            router
                .layer(from_fn_with_state(Arc::clone(&app), middleware::cors))
                .layer(from_fn(middleware::secure))
                .layer(from_fn(middleware::trace))
        })
        .with_state(app, &cloud)
}

/// The application's API, below `/api`.
fn api(app: &App) -> Routes<Arc<App>> {
    Routes::new()
        .route("/auth/register", post(handlers::auth::register))
        .route("/auth/verify-otp", post(handlers::auth::verify_otp))
        .route("/auth/login", post(handlers::auth::login))
        .route("/auth/forgot-password", post(handlers::auth::forgot_password))
        .route("/auth/reset-password", post(handlers::auth::reset_password))
        .route("/auth/sign-out-everywhere", post(handlers::auth::sign_out_everywhere))
        .route(
            "/users/profile",
            get(handlers::users::profile).put(handlers::users::update_profile),
        )
        .route("/users/change-password", post(handlers::users::change_password))
        .route("/users/change-email", post(handlers::users::change_email))
        .route("/users/confirm-email", post(handlers::users::confirm_email))
        .route("/users/profile-image/crop", put(handlers::profile_image::crop))
        .route("/admin/status", get(handlers::admin::status))
        .route("/posts/user", get(handlers::posts::own))
        .route("/posts/user/{userId}", get(handlers::posts::of_user))
        .route("/posts/{id}", delete(handlers::posts::delete))
        .route("/posts/{id}/like", post(handlers::posts::like))
        .route("/posts/{id}/comment", post(handlers::posts::comment))
        .route(
            "/posts/{id}/comment/{commentId}",
            delete(handlers::posts::delete_comment),
        )
        .map(|router| router.layer(DefaultBodyLimit::max(app.config.limits.json_bytes)))
        .route("/posts", get(handlers::posts::list).merge(new_post(app)))
        .route(
            "/users/profile-image",
            picture_form(app, post(handlers::profile_image::set))
                .get(handlers::profile_image::describe)
                .delete(handlers::profile_image::remove),
        )
        .route(
            "/users/profile-image/faces",
            picture_form(app, post(handlers::profile_image::faces)),
        )
        .route("/users/{id}/profile-image", get(handlers::profile_image::show))
        .route("/docs", get(docs::page))
        .route("/docs/openapi.json", get(docs::description))
        .route("/docs/page.js", get(docs::script))
        .route("/docs/page.css", get(docs::style))
        .map(|router| {
            router
                // A route and not a fallback: the images' route would catch what falls through.
                .route("/{*rest}", any(no_route))
                .method_not_allowed_fallback(wrong_method)
        })
}

/// A route that takes a form with a picture.
fn picture_form(app: &App, route: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    route.layer(DefaultBodyLimit::max(form_bytes(app.config.limits.profile_image_bytes)))
}

fn new_post(app: &App) -> MethodRouter<Arc<App>> {
    let texts = app.config.posts.content_characters.saturating_mul(4);
    let form_bytes = form_bytes(app.config.limits.post_media_bytes).saturating_add(texts);
    post(handlers::posts::create).layer(DefaultBodyLimit::max(form_bytes))
}

/// How large a form with a file of `file_bytes` may be.
fn form_bytes(file_bytes: u64) -> usize {
    usize::try_from(file_bytes)
        .unwrap_or(usize::MAX)
        .saturating_add(64 * 1024)
}

/// How large a request to Cloudinary's API may be: a file, or a part of one, and what is said of it.
fn api_bytes(app: &App) -> usize {
    let limits = &app.config.limits;
    usize::try_from(limits.request_bytes.max(limits.image_bytes))
        .unwrap_or(usize::MAX)
        .saturating_add(8 * 1024 * 1024)
}

async fn wrong_method() -> Response {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "Method not allowed",
    )
    .into_response()
}

async fn no_route() -> Response {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "Not found").into_response()
}
