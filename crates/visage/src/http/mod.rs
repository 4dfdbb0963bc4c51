//! HTTP: extract, call one service, map the result.

mod app;
mod cloudinary;
mod connections;
mod delivery;
mod docs;
mod error;
mod extract;
mod front;
mod health;
mod middleware;
mod paced;
mod places;
mod post_form;
mod router;
mod routes;
pub mod server;
mod time_limit;
mod ui;

pub use error::ApiError;
pub use front::Front;
