#![cfg(test)]
//! Tests that drive the real program: it is started, killed, restarted and asked over HTTP, as in operation.

mod account;
mod client;
mod installation;
mod pictures;
mod preload;
mod raw;
mod s3_server;
mod server;
mod vault;
mod wait;

mod account_https;
mod account_outages;
mod backup;
mod backup_in_bucket;
mod commands;
mod crash_points;
mod cut_uploads;
mod damage;
mod full_disk;
mod kills;
mod media_copy;
mod memory;
mod migrate;
mod migrate_posts;
mod parallel_uploads;
mod post_crashes;
mod scrub;
mod slow_disk;
mod starts;
mod stopping;
mod sync_order;
mod unfinished;
