//! The only places where memory of a computed size is taken.

use crate::{ImageError, Limits};

/// `len_bytes` zeros.
///
/// # Errors
///
/// [`ImageError::TooMuchMemory`] above the limit, or when the machine has no more.
pub(crate) fn zeroed(len_bytes: u64, limits: &Limits) -> Result<Vec<u8>, ImageError> {
    let refused = || ImageError::TooMuchMemory {
        needed_bytes: len_bytes,
        max_bytes: limits.render_memory_bytes,
    };
    if len_bytes > limits.render_memory_bytes {
        return Err(refused());
    }
    let len = usize::try_from(len_bytes).ok().ok_or_else(refused)?;
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(len).ok().ok_or_else(refused)?;
    buffer.resize(len, 0);
    Ok(buffer)
}

/// An empty buffer with room for `len` bytes, for bytes that already are in memory once.
pub(crate) fn with_room(len: usize) -> Result<Vec<u8>, ImageError> {
    let mut buffer = Vec::new();
    let needed_bytes = u64::try_from(len).unwrap_or(u64::MAX);
    let refused = || ImageError::TooMuchMemory {
        needed_bytes,
        max_bytes: 0,
    };
    buffer.try_reserve_exact(len).ok().ok_or_else(refused)?;
    Ok(buffer)
}
