//! Huffman tables (T.81, annex C), made for reading few coefficients and skipping many.

use super::bits::{Buffer, Cursor};

/// Bits that one look-up sees.
const LOOK_BITS: u32 = 12;
const LOOK_ENTRIES: usize = 1 << LOOK_BITS;

/// Bits that one entry of the skipping table may drop, so that two entries fit into a refill.
const MAX_SKIPPED_BITS: u32 = 28;

/// A table as the file defines it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Codes<'a> {
    /// How many codes have each length, from 1 to 16.
    pub(super) counts: &'a [u8; 16],
    pub(super) symbols: &'a [u8],
}

/// Codes to symbols.
#[derive(Debug)]
pub(super) struct Table<'a> {
    /// By the next 12 bits: length << 8 | symbol; 0 when the code is longer, or none.
    short: Box<[u16; LOOK_ENTRIES]>,
    /// For each length above 12, one more than the last code, and what makes an index of a code.
    long: [(u32, u32); 4],
    symbols: &'a [u8],
}

impl<'a> Table<'a> {
    /// `None` for codes that libjpeg refuses: too many for their length, or one of only ones.
    pub(super) fn new(codes: Codes<'a>) -> Option<Self> {
        let mut short: Box<[u16; LOOK_ENTRIES]> = vec![0; LOOK_ENTRIES].into_boxed_slice().try_into().ok()?;
        let mut long = [(0, 0); 4];
        let (mut code, mut index) = (0_u32, 0_u32);
        for (length, &count) in (1_u32..).zip(codes.counts) {
            let first = code;
            for _ in 0..count {
                let symbol = *codes.symbols.get(usize::try_from(index).ok()?)?;
                if length <= LOOK_BITS {
                    let start = usize::try_from(code << (LOOK_BITS - length)).ok()?;
                    let entry = u16::try_from(length << 8).ok()? | u16::from(symbol);
                    short.get_mut(start..start + (1 << (LOOK_BITS - length)))?.fill(entry);
                }
                code += 1;
                index += 1;
            }
            if count > 0 && code >= 1 << length {
                return None;
            }
            if let Some(entry) = length
                .checked_sub(LOOK_BITS + 1)
                .and_then(|at| long.get_mut(usize::try_from(at).ok()?))
            {
                *entry = (
                    if count > 0 { code } else { 0 },
                    index.wrapping_sub(u32::from(count)).wrapping_sub(first),
                );
            }
            code <<= 1;
        }
        Some(Self {
            short,
            long,
            symbols: codes.symbols,
        })
    }

    /// Whether each symbol is a size that differences of DC coefficients can have.
    pub(super) fn is_for_dc(&self) -> bool {
        self.symbols.iter().all(|&symbol| symbol <= 15)
    }

    /// The next symbol; 16 bits must be there.
    #[inline(always)]
    pub(super) fn symbol(&self, cursor: &mut Cursor) -> Option<u8> {
        let entry = self.short[cursor.peek::<LOOK_BITS>()];
        if entry == 0 {
            return self.long_symbol(cursor);
        }
        let [length, symbol] = entry.to_be_bytes();
        cursor.drop_bits(u32::from(length));
        Some(symbol)
    }

    #[cold]
    fn long_symbol(&self, cursor: &mut Cursor) -> Option<u8> {
        let bits = u32::try_from(cursor.peek::<16>()).ok()?;
        for (length, (end, offset)) in (LOOK_BITS + 1..).zip(self.long) {
            let code = bits >> (16 - length);
            if code < end {
                cursor.drop_bits(length);
                return self
                    .symbols
                    .get(usize::try_from(code.wrapping_add(offset)).ok()?)
                    .copied();
            }
        }
        None
    }
}

/// Codes of AC coefficients, of which most are skipped.
#[derive(Debug)]
pub(super) struct AcTable<'a> {
    pub(super) table: Table<'a>,
    /// By the next 12 bits: what all whole symbols in them do together.
    skip: Box<[Skip; LOOK_ENTRIES]>,
}

/// What several symbols do; the values that belong to them are dropped, the last one's even beyond the 12 bits.
///
/// One number, so that one look and one comparison are enough for each step: bits to drop in the low six, which a shift takes
/// as they are; above eight how far the coefficient index moves. Where the block ends, or a single symbol has to be
/// looked at, the move leads out of the block.
#[derive(Debug, Clone, Copy)]
struct Skip(u16);

impl Skip {
    /// The first code is longer than 12 bits, or none.
    const NOTHING: Self = Self(0xFF00);
    /// Added to the move where the block ends; more than any move.
    const END: u32 = 128;

    fn new(bits: u32, coefficients: u32, ends: bool) -> Option<Self> {
        let moved = coefficients + if ends { Self::END } else { 0 };
        u16::try_from(moved << 8 | bits).ok().map(Self)
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        u32::from(self.0 & 63)
    }

    #[inline(always)]
    fn moves(self) -> u32 {
        u32::from(self.0 >> 8)
    }
}

impl<'a> AcTable<'a> {
    pub(super) fn new(codes: Codes<'a>) -> Option<Self> {
        let table = Table::new(codes)?;
        let mut skip: Box<[Skip; LOOK_ENTRIES]> =
            vec![Skip::NOTHING; LOOK_ENTRIES].into_boxed_slice().try_into().ok()?;
        for (bits, entry) in (0_u32..).zip(skip.iter_mut()) {
            *entry = together(&table, bits);
        }
        Some(Self { table, skip })
    }

    /// Reads on from coefficient `index` (1 to 63) to the end of the block.
    ///
    /// `None` when a run leaves the block: libjpeg-turbo takes that in its stride, so it shall.
    #[inline(always)]
    pub(super) fn skip_block(&self, cursor: &mut Cursor, buffer: &Buffer, mut index: u32) -> Option<()> {
        loop {
            cursor.refill(buffer)?;
            for _ in 0..2 {
                let skip = self.skip[cursor.peek::<LOOK_BITS>()];
                let next = index + skip.moves();
                if next < 64 {
                    cursor.drop_bits(skip.bits());
                    index = next;
                    continue;
                }
                // The end of the block stands in it, or all 63 coefficients were there.
                let ends = (Skip::END..Skip::END + 64).contains(&next);
                if ends || next == 64 {
                    cursor.drop_bits(skip.bits());
                    return Some(());
                }
                index = self.skip_one(cursor, buffer, index)?;
                if index == 64 {
                    return Some(());
                }
                break;
            }
        }
    }

    /// The index after one symbol, 64 at the end of the block.
    fn skip_one(&self, cursor: &mut Cursor, buffer: &Buffer, index: u32) -> Option<u32> {
        cursor.refill(buffer)?;
        let symbol = self.table.symbol(cursor)?;
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 && run != 15 {
            return Some(64);
        }
        cursor.drop_bits(size);
        let next = index + run + 1;
        (next <= 64).then_some(next)
    }
}

fn together(table: &Table<'_>, bits: u32) -> Skip {
    let (mut seen, mut coefficients, mut ends) = (0_u32, 0_u32, false);
    while seen < LOOK_BITS {
        let rest = (bits << seen) & ((1 << LOOK_BITS) - 1);
        let [length, symbol] = usize::try_from(rest).map_or(0, |rest| table.short[rest]).to_be_bytes();
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        let length = u32::from(length);
        let after = seen + length + size;
        if length == 0 || seen + length > LOOK_BITS || after > MAX_SKIPPED_BITS {
            break;
        }
        seen = after;
        if size == 0 && run != 15 {
            ends = true;
            break;
        }
        coefficients += run + 1;
    }
    // No entry moves further than a block is long: a run of that kind is looked at by itself.
    match Skip::new(seen, coefficients, ends) {
        Some(skip) if seen > 0 && coefficients <= 64 => skip,
        _ => Skip::NOTHING,
    }
}
