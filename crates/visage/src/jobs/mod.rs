//! Background jobs. Each also runs once on request, from the command line.

pub mod backups;
pub mod mover;
pub mod notifier;
pub mod reaper;
pub mod scrubber;
