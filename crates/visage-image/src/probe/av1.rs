//! What an AV1 stream announces in its sequence header (AV1 specification, 5.5): the largest frame, and the colours.

const SEQUENCE_HEADER: u8 = 1;

/// The parts of a sequence header that decide what decoding takes and whether we can convert the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sequence {
    /// Largest frame width in pixels.
    pub(super) width: u32,
    /// Largest frame height in pixels.
    pub(super) height: u32,
    /// Matrix coefficients by number (ITU H.273); 2 is unspecified.
    pub(super) matrix: u32,
    /// Whether samples use all values.
    pub(super) full_range: bool,
    /// Whether chroma has half the columns of luma.
    pub(super) subsampled: bool,
}

/// The first sequence header among the OBUs at the beginning of `bytes`.
pub(super) fn sequence(mut bytes: &[u8]) -> Option<Sequence> {
    loop {
        let header = *bytes.first()?;
        let mut rest = bytes.get(if header & 4 == 0 { 1 } else { 2 }..)?;
        let mut length = rest.len();
        if header & 2 != 0 {
            let (stated, after) = leb128(rest)?;
            (length, rest) = (usize::try_from(stated).ok()?, after);
        }
        let contents = rest.get(..length).unwrap_or(rest);
        if header >> 3 & 15 == SEQUENCE_HEADER {
            return read_sequence_header(&mut Bits { bytes: contents, at: 0 });
        }
        bytes = rest.get(length..)?;
    }
}

fn leb128(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7F) << (index * 7);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

fn read_sequence_header(bits: &mut Bits<'_>) -> Option<Sequence> {
    let profile = bits.read(3)?;
    bits.read(1)?; // still_picture
    let reduced = bits.flag()?;
    if reduced {
        bits.read(5)?; // seq_level_idx
    } else {
        skip_operating_points(bits)?;
    }
    let width_bits = bits.read(4)? + 1;
    let height_bits = bits.read(4)? + 1;
    let (width, height) = (bits.read(width_bits)? + 1, bits.read(height_bits)? + 1);
    if !reduced && bits.flag()? {
        bits.read(7)?; // lengths of frame ids
    }
    bits.read(3)?; // 128 × 128 blocks, filter intra, intra edge filter
    if !reduced {
        skip_inter_tools(bits)?;
    }
    bits.read(3)?; // superres, cdef, restoration
    let (matrix, full_range, subsampled) = read_colours(bits, profile)?;
    Some(Sequence {
        width,
        height,
        matrix,
        full_range,
        subsampled,
    })
}

fn skip_inter_tools(bits: &mut Bits<'_>) -> Option<()> {
    bits.read(4)?; // inter-intra, masked, warped motion, dual filter
    let has_order_hint = bits.flag()?;
    if has_order_hint {
        bits.read(2)?; // joint compound, reference motion vectors
    }
    let chooses_content_tools = bits.flag()?;
    if chooses_content_tools || bits.flag()? {
        let chooses_integer_vectors = bits.flag()?;
        if !chooses_integer_vectors {
            bits.read(1)?;
        }
    }
    if has_order_hint {
        bits.read(3)?; // order_hint_bits
    }
    Some(())
}

/// Matrix, range and subsampling from `color_config`.
fn read_colours(bits: &mut Bits<'_>, profile: u32) -> Option<(u32, bool, bool)> {
    let high_depth = bits.flag()?;
    let twelve_bits = profile == 2 && high_depth && bits.flag()?;
    let is_gray = profile != 1 && bits.flag()?;
    let numbers = if bits.flag()? {
        (bits.read(8)?, bits.read(8)?, bits.read(8)?)
    } else {
        (2, 2, 2)
    };
    if is_gray {
        return Some((numbers.2, bits.flag()?, false));
    }
    if numbers == (1, 13, 0) {
        return Some((0, true, false)); // sRGB itself
    }
    let full_range = bits.flag()?;
    let subsampled = match profile {
        0 => true,
        1 => false,
        _ => !twelve_bits || bits.flag()?,
    };
    Some((numbers.2, full_range, subsampled))
}

fn skip_operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let has_timing = bits.flag()?;
    let delay_bits = if has_timing { skip_timing(bits)? } else { 0 };
    let has_display_delay = bits.flag()?;
    for _ in 0..=bits.read(5)? {
        bits.read(12)?; // operating_point_idc
        if bits.read(5)? > 7 {
            bits.read(1)?; // seq_tier
        }
        if delay_bits > 0 && bits.flag()? {
            bits.read(delay_bits)?;
            bits.read(delay_bits)?;
            bits.read(1)?;
        }
        if has_display_delay && bits.flag()? {
            bits.read(4)?;
        }
    }
    Some(())
}

/// Skips timing information; gives the length of buffer delays, 0 if there is no decoder model.
fn skip_timing(bits: &mut Bits<'_>) -> Option<u32> {
    bits.read(32)?;
    bits.read(32)?;
    if bits.flag()? {
        let mut zeros = 0;
        while !bits.flag()? {
            zeros += 1;
        }
        bits.read(if zeros < 32 { zeros } else { 0 })?;
    }
    if !bits.flag()? {
        return Some(0);
    }
    let length = bits.read(5)? + 1;
    bits.read(32)?;
    bits.read(10)?;
    Some(length)
}

/// Reads bits, the highest of each byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn read(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.read(1)? == 1)
    }
}
