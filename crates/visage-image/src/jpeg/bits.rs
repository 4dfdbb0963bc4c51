//! Bits of entropy-coded data: byte stuffing is removed piece by piece, so that the decoder never looks for markers.

/// Unstuffed bytes at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// More than one MCU can take: ten blocks of 64 coefficients, each with 16 bits of code and 15 of value.
const MCU_BYTES: usize = 10 * 64 * 4;

/// The buffer ends in zeros, so that what is read past the end of a segment is defined (and noticed afterwards).
const BUFFER_BYTES: usize = PIECE_BYTES + MCU_BYTES + 16;

/// Unstuffed data.
pub(super) type Buffer = [u8; BUFFER_BYTES];

/// 64 bits of the data and where they came from; small enough to live in registers while an MCU is decoded.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cursor {
    /// The next bit is the highest.
    window: u64,
    /// How many bits of it are from the buffer.
    held: u32,
    /// The next byte to load.
    at: usize,
}

impl Cursor {
    /// Afterwards at least 56 bits are there.
    #[inline(always)]
    pub(super) fn refill(&mut self, buffer: &Buffer) -> Option<()> {
        let bytes = buffer.get(self.at..)?.first_chunk::<8>()?;
        self.window |= u64::from_be_bytes(*bytes) >> self.held;
        self.at += usize::try_from((63 - self.held) >> 3).unwrap_or(0);
        self.held |= 0x38; // 56 and what was held beyond whole bytes
        Some(())
    }

    /// The next `COUNT` bits, as an index.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "COUNT is at most 16")]
    pub(super) fn peek<const COUNT: u32>(self) -> usize {
        (self.window >> (64 - COUNT)) as usize
    }

    /// `count` bits fewer; at most as many as a refill has promised.
    #[inline(always)]
    pub(super) fn drop_bits(&mut self, count: u32) {
        self.window <<= count;
        self.held = self.held.wrapping_sub(count);
    }

    /// The next `count` bits as a number, at most 16.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "count is at most 16")]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        let value = (self.window >> 1 >> (63 - count)) as u32;
        self.drop_bits(count);
        value
    }

    /// A value of `size` bits as T.81 codes it (F.2.2.1): a leading zero bit means negative.
    #[inline(always)]
    pub(super) fn take_signed(&mut self, size: u32) -> i32 {
        let value = self.take(size).cast_signed();
        let half = (1_i32 << size) >> 1;
        if value < half { value + 1 - (1 << size) } else { value }
    }
}

/// One scan's data, from the end of its header on.
#[derive(Debug)]
pub(super) struct Segments<'a> {
    file: &'a [u8],
    /// What has been unstuffed of the file.
    at: usize,
    /// The marker that ends the segment, once it has been seen.
    marker: Option<u8>,
    /// Bytes of the buffer that are data.
    filled: usize,
    pub(super) buffer: Box<Buffer>,
    pub(super) cursor: Cursor,
}

impl<'a> Segments<'a> {
    pub(super) fn new(file: &'a [u8], at: usize) -> Option<Self> {
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice().try_into().ok()?;
        let mut segments = Self {
            file,
            at,
            marker: None,
            filled: 0,
            buffer,
            cursor: Cursor::default(),
        };
        segments.fill()?;
        Some(segments)
    }

    /// Makes sure that an MCU can be read; `None` when more has been read than there is.
    #[inline(always)]
    pub(super) fn ensure_mcu(&mut self) -> Option<()> {
        if self.cursor.at + MCU_BYTES <= self.filled {
            return Some(());
        }
        if self.marker.is_none() {
            self.fill()
        } else {
            (self.bits_left() >= 0).then_some(())
        }
    }

    /// Ends a segment, which must have been used up but for the padding of its last byte; returns its marker.
    pub(super) fn finish(&mut self) -> Option<u8> {
        if self.marker.is_none() {
            self.fill()?;
        }
        let marker = self.marker?;
        (0..8).contains(&self.bits_left()).then_some(marker)
    }

    /// After the restart marker that has to be next, a fresh segment.
    pub(super) fn restart(&mut self, number: u8) -> Option<()> {
        if self.finish()? != 0xD0 | (number & 7) {
            return None;
        }
        self.marker = None;
        self.cursor = Cursor::default();
        self.filled = 0;
        self.fill()
    }

    /// Where the marker after the scan begins, whatever of the scan has not been read.
    pub(super) fn end_of_scan(&self) -> Option<usize> {
        end_of_scan(self.file, self.at)
    }

    #[allow(clippy::cast_possible_wrap, reason = "the buffer is small")]
    fn bits_left(&self) -> isize {
        let read = (self.cursor.at * 8) as isize - self.cursor.held as isize;
        (self.filled * 8) as isize - read
    }

    /// Moves what is left to the front and unstuffs the next piece behind it.
    #[cold]
    fn fill(&mut self) -> Option<()> {
        self.buffer.copy_within(self.cursor.at.min(self.filled)..self.filled, 0);
        self.filled = self.filled.saturating_sub(self.cursor.at);
        self.cursor.at = 0;
        while self.marker.is_none() && self.filled < PIECE_BYTES {
            let rest = self.file.get(self.at..)?;
            let room = PIECE_BYTES - self.filled;
            let part = rest.get(..room).unwrap_or(rest);
            let plain = memchr::memchr(0xFF, part);
            let length = plain.unwrap_or(part.len());
            self.buffer
                .get_mut(self.filled..self.filled + length)?
                .copy_from_slice(part.get(..length)?);
            self.filled += length;
            self.at += length;
            if plain.is_some() {
                self.after_ff()?;
            } else if length == rest.len() {
                return None; // the file ends in the middle of the scan
            }
        }
        self.buffer.get_mut(self.filled..)?.fill(0);
        Some(())
    }

    fn after_ff(&mut self) -> Option<()> {
        match *self.file.get(self.at + 1)? {
            0 => {
                *self.buffer.get_mut(self.filled)? = 0xFF;
                self.filled += 1;
                self.at += 2;
            }
            0xFF => self.at += 1,
            marker => {
                self.marker = Some(marker);
                if matches!(marker, 0xD0..=0xD7) {
                    self.at += 2;
                }
            }
        }
        Some(())
    }
}

/// Where the first marker after `at` begins that is neither stuffing nor a restart.
pub(super) fn end_of_scan(file: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr(0xFF, file.get(at..)?)?;
        match *file.get(at + 1)? {
            0 | 0xD0..=0xD7 => at += 2,
            0xFF => at += 1,
            _ => return Some(at),
        }
    }
}
