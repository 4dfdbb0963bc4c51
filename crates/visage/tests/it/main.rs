#![cfg(test)]
//! The whole server in this process: the real router, a temporary SQLite file, blobs in memory, a clock that is moved.

mod audit;
mod auth;
mod backup;
mod canned_server;
mod chunks;
mod cloudinary;
mod cloudinary_account;
mod corpus;
mod crop;
mod delivery;
mod fault_proxy;
mod feed;
mod fetch;
mod front;
mod hooked_host;
mod media_copy;
mod migrate;
mod page;
mod parameters;
mod pictures;
mod post_lifetimes;
mod posts;
mod profile;
mod profile_image;
mod reaper;
mod routes;
mod safekeeping;
mod scrub;
mod server;
mod signed_requests;
mod taking_in;
mod test_app;
mod vaults;
mod webhooks;
mod wire;
