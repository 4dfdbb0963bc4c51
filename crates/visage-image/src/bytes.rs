//! Checked reads of numbers; `None` past the end.

fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

/// Big-endian.
pub(crate) fn u16_be(bytes: &[u8], at: usize) -> Option<u16> {
    chunk(bytes, at).map(u16::from_be_bytes)
}

/// Big-endian.
pub(crate) fn u32_be(bytes: &[u8], at: usize) -> Option<u32> {
    chunk(bytes, at).map(u32::from_be_bytes)
}

/// Big-endian.
pub(crate) fn u64_be(bytes: &[u8], at: usize) -> Option<u64> {
    chunk(bytes, at).map(u64::from_be_bytes)
}

/// Little-endian.
pub(crate) fn u16_le(bytes: &[u8], at: usize) -> Option<u16> {
    chunk(bytes, at).map(u16::from_le_bytes)
}

/// Little-endian, 24 bits.
pub(crate) fn u24_le(bytes: &[u8], at: usize) -> Option<u32> {
    chunk(bytes, at).map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
}

/// Little-endian.
pub(crate) fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    chunk(bytes, at).map(u32::from_le_bytes)
}
