//! The visage server: configuration, services, HTTP, jobs and the command line.
//!
//! A request crosses three calls of ours: handler → service → store, media host or image. A service is a free function
//! that takes `&App` (or `&Library`, for the embedded media store).

pub mod accounts;
pub mod app;
pub mod audit;
pub mod auth;
pub mod backup;
pub mod bench;
pub mod chunks;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crash;
pub mod crop;
pub mod descriptors;
pub mod disk;
pub mod fetch;
pub mod fonts;
pub mod http;
pub mod intake;
pub mod jobs;
pub mod library;
pub mod mail;
pub mod media_copy;
pub mod media_host;
pub mod metrics;
pub mod migrate;
pub mod own_image;
pub mod passwords;
pub mod permits;
pub mod posts;
pub mod presence;
pub mod profile;
pub mod progress;
pub mod rate_limit;
pub mod relocation;
pub mod scrub;
pub mod sessions;
pub mod shares;
pub mod single_flight;
pub mod spool;
pub mod status;
pub mod tokens;
pub mod webhooks;
