//! Markers, tables and headers of a file (T.81, annex B); `None` for whatever is unusual.

use super::bits::end_of_scan;
use super::huffman::Codes;
use crate::bytes;
use crate::walk::jpeg::{APP0, APP14, EOI, SOI, SOS};

/// libjpeg's limit.
const MAX_BLOCKS_PER_MCU: usize = 10;

/// A frame header.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) is_progressive: bool,
    /// One (gray) or three (luma, blue and red difference).
    pub(super) components: Vec<Component>,
}

/// One colour channel. The sampling factors of chroma are 1, and those of luma say how much finer it is.
#[derive(Debug, Clone)]
pub(super) struct Component {
    id: u8,
    pub(super) across: usize,
    pub(super) down: usize,
    quantisation_index: usize,
    /// In zigzag order, as it was when the component's first scan began.
    pub(super) quantisation: Option<[u8; 64]>,
}

/// A scan header.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    /// Index into the frame's components, and the codes for DC and AC.
    pub(super) parts: Vec<ScanPart<'a>>,
    pub(super) first: u8,
    pub(super) last: u8,
    pub(super) high: u8,
    pub(super) low: u8,
    pub(super) restart_interval: usize,
    /// Where the entropy-coded data begin.
    pub(super) data_at: usize,
}

/// What comes next in a file.
#[derive(Debug)]
pub(super) enum Event<'a> {
    Scan(Scan<'a>),
    End,
}

/// A component in a scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanPart<'a> {
    pub(super) component: usize,
    pub(super) dc: Option<Codes<'a>>,
    pub(super) ac: Option<Codes<'a>>,
}

/// Walks a file from scan to scan.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    file: &'a [u8],
    at: usize,
    pub(super) frame: Option<Frame>,
    quantisation: [Option<[u8; 64]>; 4],
    dc: [Option<Codes<'a>>; 4],
    ac: [Option<Codes<'a>>; 4],
    restart_interval: usize,
}

impl ScanPart<'_> {
    /// Whether both tables are the same ones, by where they stand in the file.
    pub(super) fn has_tables_of(&self, other: &Self) -> bool {
        let place = |codes: Option<Codes<'_>>| codes.map(|codes| codes.counts.as_ptr());
        (place(self.dc), place(self.ac)) == (place(other.dc), place(other.ac))
    }
}

impl Frame {
    /// How much finer luma is than chroma, across and down.
    pub(super) fn finest(&self) -> (usize, usize) {
        self.components.first().map_or((1, 1), |luma| (luma.across, luma.down))
    }

    /// MCUs of an interleaved scan, across and down.
    pub(super) fn mcus(&self) -> (usize, usize) {
        let (across, down) = self.finest();
        (self.width.div_ceil(8 * across), self.height.div_ceil(8 * down))
    }

    /// The size of a component when each block becomes `side` × `side` pixels.
    pub(super) fn plane_size(&self, component: &Component, side: usize) -> (usize, usize) {
        let (across, down) = self.finest();
        (
            (self.width * component.across * side).div_ceil(8 * across),
            (self.height * component.down * side).div_ceil(8 * down),
        )
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a [u8]) -> Option<Self> {
        file.starts_with(&[0xFF, SOI]).then_some(Self {
            file,
            at: 2,
            frame: None,
            quantisation: [None; 4],
            dc: [None; 4],
            ac: [None; 4],
            restart_interval: 0,
        })
    }

    /// The next scan, or the end; tables and headers on the way are remembered.
    pub(super) fn next(&mut self) -> Option<Event<'a>> {
        loop {
            let marker = self.marker()?;
            if marker == EOI {
                return Some(Event::End);
            }
            let length = usize::from(bytes::u16_be(self.file, self.at)?);
            let payload = self.file.get(self.at + 2..self.at.checked_add(length)?)?;
            self.at += length;
            match marker {
                0xC0..=0xC2 if self.frame.is_none() => self.frame = Some(frame(marker, payload)?),
                0xC4 => self.huffman_tables(payload)?,
                0xDB => self.quantisation_tables(payload)?,
                0xDD => self.restart_interval = usize::from(bytes::u16_be(payload, 0)?),
                SOS => return self.scan(payload).map(Event::Scan),
                APP0 if payload.starts_with(b"JFIF\0") && payload.get(5) != Some(&1) => return None,
                // Colour transforms other than YCbCr.
                APP14 if payload.starts_with(b"Adobe") && payload.get(11) != Some(&1) => return None,
                0xE0..=0xEF | 0xFE => {}
                _ => return None,
            }
        }
    }

    /// Goes on behind a scan that has been read up to the marker at `at`.
    pub(super) fn resume(&mut self, at: usize) {
        self.at = at;
    }

    /// Goes on behind a scan that nobody wants.
    pub(super) fn skip_scan(&mut self, scan: &Scan<'_>) -> Option<()> {
        self.at = end_of_scan(self.file, scan.data_at)?;
        Some(())
    }

    fn marker(&mut self) -> Option<u8> {
        if *self.file.get(self.at)? != 0xFF {
            return None;
        }
        while *self.file.get(self.at)? == 0xFF {
            self.at += 1;
        }
        self.at += 1;
        self.file.get(self.at - 1).copied().filter(|&code| code != 0)
    }

    fn quantisation_tables(&mut self, mut payload: &[u8]) -> Option<()> {
        while let Some((&index, rest)) = payload.split_first() {
            let (table, rest) = rest.split_first_chunk::<64>()?;
            // An index above 3 is damage, or a table of 16-bit numbers.
            *self.quantisation.get_mut(usize::from(index))? = Some(*table);
            payload = rest;
        }
        Some(())
    }

    fn huffman_tables(&mut self, mut payload: &'a [u8]) -> Option<()> {
        while let Some((&kind, rest)) = payload.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            if total > 256 {
                return None;
            }
            let (symbols, rest) = rest.split_at_checked(total)?;
            let tables = match kind >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return None,
            };
            *tables.get_mut(usize::from(kind & 15))? = Some(Codes { counts, symbols });
            payload = rest;
        }
        Some(())
    }

    fn scan(&mut self, payload: &[u8]) -> Option<Scan<'a>> {
        let frame = self.frame.as_mut()?;
        let (&count, rest) = payload.split_first()?;
        let (selectors, rest) = rest.split_at_checked(usize::from(count) * 2)?;
        let &[first, last, approximation] = rest else {
            return None;
        };
        let mut parts: Vec<ScanPart<'a>> = Vec::new();
        for &[id, tables] in selectors.as_chunks::<2>().0 {
            let component = frame.components.iter().position(|component| component.id == id)?;
            // In the order of the frame, each once.
            if parts.last().is_some_and(|part| part.component >= component) {
                return None;
            }
            let channel = frame.components.get_mut(component)?;
            if channel.quantisation.is_none() {
                channel.quantisation = Some((*self.quantisation.get(channel.quantisation_index)?)?);
            }
            parts.push(ScanPart {
                component,
                dc: *self.dc.get(usize::from(tables >> 4))?,
                ac: *self.ac.get(usize::from(tables & 15))?,
            });
        }
        (!parts.is_empty()).then_some(Scan {
            parts,
            first,
            last,
            high: approximation >> 4,
            low: approximation & 15,
            restart_interval: self.restart_interval,
            data_at: self.at,
        })
    }
}

fn frame(marker: u8, payload: &[u8]) -> Option<Frame> {
    let &[8, h1, h0, w1, w0, count, ref rest @ ..] = payload else {
        return None;
    };
    let (specifications, after) = rest.as_chunks::<3>();
    if !matches!(count, 1 | 3) || specifications.len() != usize::from(count) || !after.is_empty() {
        return None;
    }
    let mut components = Vec::new();
    for &[id, sampling, quantisation] in specifications {
        let is_gray = count == 1;
        components.push(Component {
            id,
            // The blocks of a lone component are not interleaved, whatever its factors are.
            across: if is_gray { 1 } else { usize::from(sampling >> 4) },
            down: if is_gray { 1 } else { usize::from(sampling & 15) },
            quantisation_index: usize::from(quantisation),
            quantisation: None,
        });
        if sampling == 0 || (is_gray && !matches!((sampling >> 4, sampling & 15), (1..=4, 1..=4))) {
            return None;
        }
    }
    let frame = Frame {
        width: usize::from(u16::from_be_bytes([w1, w0])),
        height: usize::from(u16::from_be_bytes([h1, h0])),
        is_progressive: marker == 0xC2,
        components,
    };
    is_usual(&frame).then_some(frame)
}

fn is_usual(frame: &Frame) -> bool {
    let (across, down) = frame.finest();
    let blocks = across * down + frame.components.len() - 1;
    let ids: Vec<u8> = frame.components.iter().map(|component| component.id).collect();
    frame.width > 0
        && frame.height > 0
        && matches!((across, down), (1 | 2 | 4, 1 | 2 | 4))
        && blocks <= MAX_BLOCKS_PER_MCU
        && frame
            .components
            .iter()
            .skip(1)
            .all(|chroma| (chroma.across, chroma.down) == (1, 1))
        && ids != *b"RGB"
        && (ids.len() == 1 || (ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]))
}
