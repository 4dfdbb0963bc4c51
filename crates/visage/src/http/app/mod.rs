//! The application contract's routes.

pub(super) mod admin;
pub(super) mod auth;
pub(super) mod posts;
pub(super) mod profile_image;
pub(super) mod users;
mod views;
