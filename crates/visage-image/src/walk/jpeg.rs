//! The segments of a JPEG file (ITU T.81, annex B).

use crate::{ImageError, bytes};

/// The frame header of progressive files.
pub(crate) const SOF_PROGRESSIVE: u8 = 0xC2;
pub(crate) const DHT: u8 = 0xC4;
pub(crate) const SOI: u8 = 0xD8;
pub(crate) const EOI: u8 = 0xD9;
pub(crate) const SOS: u8 = 0xDA;
pub(crate) const APP0: u8 = 0xE0;
pub(crate) const APP1: u8 = 0xE1;
pub(crate) const APP2: u8 = 0xE2;
pub(crate) const APP14: u8 = 0xEE;

/// One marker with what belongs to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'a> {
    /// The marker's second byte.
    pub(crate) marker: u8,
    /// What follows the length; empty for markers without one.
    pub(crate) payload: &'a [u8],
}

/// Walks the segments from the one after SOI to EOI. A file that ends before its first scan yields an error; one that ends
/// later yields an EOI that is not in it. Whether its scans hold every pixel, the decoder finds out.
///
/// The data of a scan, nearly all of a file, is looked at only when the walk goes on behind its header.
#[allow(clippy::struct_excessive_bools, reason = "each is one thing that the walk has met")]
#[derive(Debug)]
pub(crate) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
    in_scan: bool,
    has_scan: bool,
    ended: bool,
    lacks_end: bool,
}

/// Whether a file begins as a JPEG does.
pub(crate) fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xFF, SOI, 0xFF])
}

impl<'a> Segments<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 2,
            in_scan: false,
            has_scan: false,
            ended: false,
            lacks_end: false,
        }
    }

    /// After a scan header, the entropy-coded data up to the next marker, or to the end of the file.
    pub(crate) fn take_scan(&mut self) -> &'a [u8] {
        self.in_scan = false;
        self.scan_data()
    }

    /// Whether the EOI that ended the walk is not in the file.
    pub(crate) fn lacks_end(&self) -> bool {
        self.lacks_end
    }

    /// Skips to the next marker as libjpeg does: anything up to 0xFF, then fill bytes, then a code that is not zero.
    fn next_marker(&mut self) -> Option<u8> {
        loop {
            let rest = self.bytes.get(self.at..)?;
            self.at += rest.iter().position(|&byte| byte == 0xFF)?;
            let rest = self.bytes.get(self.at..)?;
            self.at += rest.iter().position(|&byte| byte != 0xFF)?;
            let code = *self.bytes.get(self.at)?;
            self.at += 1;
            if code != 0 {
                return Some(code);
            }
        }
    }

    fn read(&mut self) -> Option<Segment<'a>> {
        if std::mem::take(&mut self.in_scan) {
            self.scan_data();
        }
        let marker = self.next_marker()?;
        if marker == EOI {
            self.ended = true;
        }
        if !has_length(marker) {
            return Some(Segment { marker, payload: &[] });
        }
        // The length counts itself; libjpeg takes less than that for an empty segment.
        let length = usize::from(bytes::u16_be(self.bytes, self.at)?).max(2);
        let payload = self.bytes.get(self.at + 2..self.at + length)?;
        self.at += length;
        self.in_scan = marker == SOS;
        self.has_scan |= self.in_scan;
        Some(Segment { marker, payload })
    }

    /// Entropy-coded data: 0xFF in it is followed by zero, or is a restart marker. Fill bytes before the next marker, or
    /// at the end of the file, are left out.
    fn scan_data(&mut self) -> &'a [u8] {
        let start = self.at;
        while let Some(found) = memchr::memchr(0xFF, self.rest()) {
            self.at += found;
            let fill = self.rest().iter().take_while(|&&byte| byte == 0xFF).count();
            match self.rest().get(fill) {
                Some(0 | 0xD0..=0xD7) => self.at += fill + 1,
                _ => return self.bytes.get(start..self.at).unwrap_or_default(),
            }
        }
        self.at = self.bytes.len();
        self.bytes.get(start..).unwrap_or_default()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Result<Segment<'a>, ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let segment = self.read();
        self.ended |= segment.is_none();
        if segment.is_none() && self.has_scan {
            self.lacks_end = true;
            return Some(Ok(Segment {
                marker: EOI,
                payload: &[],
            }));
        }
        Some(segment.ok_or_else(|| ImageError::damaged("the JPEG data ends too early")))
    }
}

/// The file from its last SOI on, when several stand before anything else: libjpeg wants one.
pub(crate) fn from_last_start(file: &[u8]) -> &[u8] {
    let mut segments = Segments::new(file);
    let mut start = 0;
    while segments.next_marker() == Some(SOI) {
        start = segments.at - 2;
    }
    file.get(start..).unwrap_or_default()
}

fn has_length(marker: u8) -> bool {
    !matches!(marker, 0x01 | 0xD0..=0xD9)
}

/// What one scan passes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Coefficients of all its blocks, within its spectral band.
    pub(crate) coefficients: u64,
}

/// Walks the scans of a file, as far as they are decoded one after the other: a sequential file whose first scan holds all
/// channels has only that one.
#[derive(Debug)]
pub(crate) struct Scans<'a> {
    segments: Segments<'a>,
    is_progressive: bool,
    /// Number and blocks of each channel.
    channels: Vec<(u8, u64)>,
}

impl<'a> Scans<'a> {
    pub(crate) fn of_file(file: &'a [u8]) -> Self {
        Self {
            segments: Segments::new(file),
            is_progressive: false,
            channels: Vec::new(),
        }
    }

    fn scan(&mut self, payload: &[u8]) -> Option<Scan> {
        let (&count, rest) = payload.split_first()?;
        let (selectors, rest) = rest.split_at_checked(usize::from(count) * 2)?;
        let &[first, last, ..] = rest else {
            return None;
        };
        if !self.is_progressive && usize::from(count) >= self.channels.len() {
            self.segments.ended = true;
        }
        let band = if self.is_progressive {
            u64::from(last.min(63).saturating_sub(first)) + 1
        } else {
            64
        };
        let is_in = |id: u8| selectors.as_chunks::<2>().0.iter().any(|[selected, _]| *selected == id);
        let blocks = self
            .channels
            .iter()
            .filter(|(id, _)| is_in(*id))
            .map(|(_, blocks)| blocks);
        let coefficients = blocks.sum::<u64>().saturating_mul(band);
        Some(Scan { coefficients })
    }
}

impl Iterator for Scans<'_> {
    type Item = Result<Scan, ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let segment = match self.segments.next()? {
                Ok(segment) => segment,
                Err(error) => return Some(Err(error)),
            };
            if let Some(channels) = segment.channels() {
                self.channels = channels;
                self.is_progressive = segment.marker == SOF_PROGRESSIVE;
            }
            if segment.marker == SOS {
                let cut = || ImageError::damaged("a scan header is cut short");
                return Some(self.scan(segment.payload).ok_or_else(cut));
            }
        }
    }
}

/// The header of a frame (SOF).
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameHeader {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) bits: u8,
    pub(crate) components: u8,
}

impl Segment<'_> {
    /// Whether this is a frame header of any coding process.
    pub(crate) fn is_frame_header(&self) -> bool {
        matches!(self.marker, 0xC0..=0xCF) && !matches!(self.marker, 0xC4 | 0xC8 | 0xCC)
    }

    /// Number and blocks of each channel of the frame that this segment begins.
    fn channels(&self) -> Option<Vec<(u8, u64)>> {
        let header = self.frame_header()?;
        let (channels, _) = self.payload.get(6..)?.as_chunks::<3>();
        let factors = |sampling: u8| (u64::from(sampling >> 4), u64::from(sampling & 15));
        let most = |across: fn((u64, u64)) -> u64| {
            let factors = channels.iter().map(|[_, sampling, _]| across(factors(*sampling)));
            factors.max().unwrap_or(1).max(1)
        };
        let (most_across, most_down) = (most(|factors| factors.0), most(|factors| factors.1));
        let blocks = |side: u32, factor: u64, most: u64| (u64::from(side) * factor).div_ceil(8 * most);
        let numbered = channels.iter().map(|&[id, sampling, _]| {
            let (across, down) = factors(sampling);
            let count = blocks(header.width, across, most_across) * blocks(header.height, down, most_down);
            (id, count)
        });
        Some(numbered.collect())
    }

    /// The frame header in this segment.
    pub(crate) fn frame_header(&self) -> Option<FrameHeader> {
        if !self.is_frame_header() {
            return None;
        }
        Some(FrameHeader {
            bits: *self.payload.first()?,
            height: u32::from(bytes::u16_be(self.payload, 1)?),
            width: u32::from(bytes::u16_be(self.payload, 3)?),
            components: *self.payload.get(5)?,
        })
    }
}
