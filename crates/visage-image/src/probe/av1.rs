//! What an AV1 stream announces in its sequence headers (AV1 specification, 5.5): the largest frame, and the colours.

use visage_codecs::av1::Chroma;

const SEQUENCE_HEADER: u8 = 1;

/// The parts of a sequence header that decide what decoding takes and what the result means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sequence {
    /// Largest frame width in pixels.
    pub(crate) width: u32,
    /// Largest frame height in pixels.
    pub(crate) height: u32,
    /// Bits of a sample: 8, 10 or 12.
    pub(crate) depth: u8,
    /// How many chroma samples there are.
    pub(crate) chroma: Chroma,
    /// Matrix coefficients by number (ITU-T H.273); 2 is unspecified.
    pub(crate) matrix: u32,
    /// Whether samples use all values.
    pub(crate) full_range: bool,
    /// Profile, level and tier of the first operating point.
    pub(crate) level: Level,
}

/// What a decoder must be able to do.
#[allow(clippy::struct_field_names, reason = "the words of the AV1 specification")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) profile: u8,
    pub(crate) level: u8,
    pub(crate) tier: u8,
}

/// The sequence header that all of a stream's sequence headers agree on.
///
/// A decoder goes by the last one that it has read, so one that differs is a lie about what decoding takes.
pub(crate) enum Agreed {
    /// There is none, or none that is whole.
    None,
    /// All are this one.
    One(Sequence),
    /// They differ.
    Contradiction,
}

/// Reads every sequence header among the OBUs of a stream; OBUs after one that is cut short cannot be found.
pub(crate) fn agreed(stream: &[u8]) -> Agreed {
    let mut agreed = Agreed::None;
    for header in (Obus { bytes: stream }).filter(|obu| obu.kind == SEQUENCE_HEADER) {
        let mut bits = Bits {
            bytes: header.contents,
            at: 0,
        };
        agreed = match (agreed, read_sequence_header(&mut bits)) {
            (Agreed::None, Some(found)) => Agreed::One(found),
            (Agreed::One(known), Some(found)) if known == found => Agreed::One(known),
            (_, Some(_) | None) => return Agreed::Contradiction,
        };
    }
    agreed
}

/// One open bitstream unit.
struct Obu<'a> {
    kind: u8,
    contents: &'a [u8],
}

/// Walks the OBUs of a stream.
struct Obus<'a> {
    bytes: &'a [u8],
}

impl<'a> Obus<'a> {
    fn read(&self) -> Option<(Obu<'a>, &'a [u8])> {
        let header = *self.bytes.first()?;
        let mut rest = self.bytes.get(if header & 4 == 0 { 1 } else { 2 }..)?;
        let mut length = rest.len();
        if header & 2 != 0 {
            let (stated, after) = leb128(rest)?;
            (length, rest) = (usize::try_from(stated).ok()?, after);
        }
        let contents = rest.get(..length).unwrap_or(rest);
        let kind = header >> 3 & 15;
        Some((Obu { kind, contents }, rest.get(length..).unwrap_or_default()))
    }
}

impl<'a> Iterator for Obus<'a> {
    type Item = Obu<'a>;

    fn next(&mut self) -> Option<Obu<'a>> {
        let (obu, rest) = self.read()?;
        self.bytes = rest;
        Some(obu)
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
    let (level, tier) = if reduced {
        (bits.read(5)?, 0)
    } else {
        read_operating_points(bits)?
    };
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
    let colours = read_colours(bits, profile)?;
    let small = |number: u32| u8::try_from(number).ok();
    Some(Sequence {
        width,
        height,
        depth: colours.depth,
        chroma: colours.chroma,
        matrix: colours.matrix,
        full_range: colours.full_range,
        level: Level {
            profile: small(profile)?,
            level: small(level)?,
            tier: small(tier)?,
        },
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

/// `color_config`.
struct Colours {
    depth: u8,
    chroma: Chroma,
    matrix: u32,
    full_range: bool,
}

fn read_colours(bits: &mut Bits<'_>, profile: u32) -> Option<Colours> {
    let is_deep = bits.flag()?;
    let depth = match (is_deep, profile) {
        (false, _) => 8,
        (true, 2) if bits.flag()? => 12,
        (true, _) => 10,
    };
    let is_gray = profile != 1 && bits.flag()?;
    let numbers = if bits.flag()? {
        (bits.read(8)?, bits.read(8)?, bits.read(8)?)
    } else {
        (2, 2, 2)
    };
    let is_srgb = !is_gray && numbers == (1, 13, 0); // stated by the numbers alone: all values, 4:4:4
    let full_range = is_srgb || bits.flag()?;
    let chroma = if is_gray {
        Chroma::Gray
    } else if is_srgb {
        Chroma::Full
    } else {
        read_chroma(bits, profile, depth)?
    };
    Some(Colours {
        depth,
        chroma,
        matrix: numbers.2,
        full_range,
    })
}

fn read_chroma(bits: &mut Bits<'_>, profile: u32, depth: u8) -> Option<Chroma> {
    Some(match (profile, depth) {
        (0, _) => Chroma::Quarter,
        (1, _) => Chroma::Full,
        (_, 12) => match bits.flag()? {
            false => Chroma::Full,
            true if bits.flag()? => Chroma::Quarter,
            true => Chroma::Half,
        },
        (_, _) => Chroma::Half,
    })
}

/// Level and tier of the first operating point.
fn read_operating_points(bits: &mut Bits<'_>) -> Option<(u32, u32)> {
    let mut first = None;
    let has_timing = bits.flag()?;
    let delay_bits = if has_timing { skip_timing(bits)? } else { 0 };
    let has_display_delay = bits.flag()?;
    for _ in 0..=bits.read(5)? {
        bits.read(12)?; // operating_point_idc
        let level = bits.read(5)?;
        let tier = if level > 7 { bits.read(1)? } else { 0 };
        first = first.or(Some((level, tier)));
        if delay_bits > 0 && bits.flag()? {
            bits.read(delay_bits)?;
            bits.read(delay_bits)?;
            bits.read(1)?;
        }
        if has_display_delay && bits.flag()? {
            bits.read(4)?;
        }
    }
    first
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
