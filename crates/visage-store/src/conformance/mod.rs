//! What every implementation of this crate's contracts must do.
//!
//! Each function tells one thing in its name, gets an empty store and panics or fails when the thing is not so. A test crate
//! makes one `#[tokio::test]` of each with the macro of its module, such as
//! [`catalog_conformance!`](crate::catalog_conformance) or [`blobs_conformance!`](crate::blobs_conformance).

#![allow(missing_docs, reason = "the names are sentences")]
#![allow(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    reason = "that is what the functions are for"
)]

pub mod adopted_posts;
pub mod blobs;
pub mod catalog;
pub mod details;
pub mod directory;
pub mod documents;
pub mod folders;
pub mod listing;
pub mod media;
pub mod moving_in;
pub mod outbox;
pub mod post_media;
pub mod posts;
pub mod relocation;
pub mod search;
pub mod sessions;
pub mod upkeep;

use jiff::{SignedDuration, Timestamp};

use crate::error::BoxError;

/// The end of a conformance test.
pub type Outcome = Result<(), BoxError>;

/// `seconds` after an instant on which all tests agree.
fn at(seconds: i64) -> Timestamp {
    let origin = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 50);
    origin + SignedDuration::from_secs(seconds)
}

/// Makes a test of each of the named functions. `$fresh` makes an empty store and whatever has to outlive it.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($module:ident, $fresh:path, $($name:ident)*) => {$(
        #[tokio::test]
        async fn $name() -> $crate::conformance::Outcome {
            let (store, _guard) = $fresh();
            $crate::conformance::$module::$name(&store).await
        }
    )*};
}
