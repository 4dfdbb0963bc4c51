//! Backups: snapshots of everything that is kept, in a [`visage_store::Vault`] outside of the data folder; and the way back.
//!
//! The order of a backup: the database is copied as it is at one instant, then the originals that the copy names and the vault
//! lacks are copied, each compared with its hash on the way, and last the manifest is written. An original that was replaced and
//! purged in between sends the backup round again: the copy must not name what is not there. A round takes as long as what has
//! arrived since the last one, so the last ones are shorter than `purge_delay`, and the backup comes to its end.
//!
//! What is in a Cloudinary account is not copied: the account keeps it.

mod create;
pub mod place;
mod prune;
mod restore;
mod verify;
mod workspace;

pub use create::{BackedUp, BackupError, BackupOptions, back_up, back_up_and_record};
pub use restore::{RestoreDataError, Restored, restore};
pub use verify::{Verified, latest, verify};
pub use workspace::Workspace;

/// Originals that are on their way at once: each waits for the disk most of the time.
const AT_ONCE: usize = 8;

/// How many rows are read at once.
const PAGE: usize = 500;
