//! The segments of a JPEG file (ITU T.81, annex B).

use crate::{ImageError, bytes};

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

/// Walks the segments from the one after SOI to EOI; a file that ends before EOI yields an error.
///
/// The data of a scan, nearly all of a file, is looked at only when somebody goes on behind its header.
#[derive(Debug)]
pub(crate) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
    in_scan: bool,
    ended: bool,
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
            ended: false,
        }
    }

    /// After a scan header, the entropy-coded data up to the next marker.
    pub(crate) fn take_scan(&mut self) -> Result<&'a [u8], ImageError> {
        self.in_scan = false;
        self.scan_data().ok_or_else(cut_short)
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
            self.scan_data()?;
        }
        let marker = self.next_marker()?;
        if marker == EOI {
            self.ended = true;
        }
        if !has_length(marker) {
            return Some(Segment { marker, payload: &[] });
        }
        let length = usize::from(bytes::u16_be(self.bytes, self.at)?);
        let payload = self.bytes.get(self.at + 2..self.at + length)?;
        self.at += length;
        self.in_scan = marker == SOS;
        Some(Segment { marker, payload })
    }

    /// Entropy-coded data: 0xFF in it is followed by zero, or is a restart marker.
    fn scan_data(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        loop {
            let rest = self.bytes.get(self.at..)?;
            self.at += rest.iter().position(|&byte| byte == 0xFF)?;
            let next = *self.bytes.get(self.at + 1)?;
            match next {
                0 | 0xD0..=0xD7 => self.at += 2,
                0xFF => self.at += 1,
                _ => return self.bytes.get(start..self.at),
            }
        }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Result<Segment<'a>, ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let segment = self
            .read()
            .ok_or_else(|| ImageError::damaged("the JPEG data ends too early"));
        self.ended |= segment.is_err();
        Some(segment)
    }
}

fn cut_short() -> ImageError {
    ImageError::damaged("the JPEG data ends too early")
}

fn has_length(marker: u8) -> bool {
    !matches!(marker, 0x01 | 0xD0..=0xD9)
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
