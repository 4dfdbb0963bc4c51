//! The largest frame size that an AV1 stream announces, from its sequence header (AV1 specification, 5.5).

const SEQUENCE_HEADER: u8 = 1;

/// Width and height from the first sequence header among the OBUs at the beginning of `bytes`.
pub(super) fn sequence_size(mut bytes: &[u8]) -> Option<(u32, u32)> {
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

fn read_sequence_header(bits: &mut Bits<'_>) -> Option<(u32, u32)> {
    bits.read(3)?; // seq_profile
    bits.read(1)?; // still_picture
    if bits.flag()? {
        bits.read(5)?; // the level of a reduced header
    } else {
        skip_operating_points(bits)?;
    }
    let width_bits = bits.read(4)? + 1;
    let height_bits = bits.read(4)? + 1;
    Some((bits.read(width_bits)? + 1, bits.read(height_bits)? + 1))
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
