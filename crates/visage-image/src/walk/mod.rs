//! Checked walks over the structure of files, shared by probing, colour and sanitising.
//!
//! They allocate next to nothing, look at lengths before they believe them, and always move forward.

pub(crate) mod boxes;
pub(crate) mod composition;
pub(crate) mod gif;
pub(crate) mod heif;
pub(crate) mod ico;
pub(crate) mod jpeg;
pub(crate) mod png;
pub(crate) mod riff;
pub(crate) mod tiff;
