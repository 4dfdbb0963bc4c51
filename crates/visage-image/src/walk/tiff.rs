//! The first directory of a TIFF structure (TIFF 6.0), which is also what EXIF is written in.

use crate::Orientation;
use crate::bytes;

/// Entries that are looked at; real directories have a few dozen.
const MAX_ENTRIES: u16 = 1024;

/// The first directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Directory<'a> {
    bytes: &'a [u8],
    little_endian: bool,
    at: usize,
    entries: u16,
}

/// Whether a file begins as a TIFF does.
pub(crate) fn is_tiff(bytes: &[u8]) -> bool {
    bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*")
}

/// The orientation that an EXIF block asks for; upright when it says nothing readable.
pub(crate) fn exif_orientation(exif: &[u8]) -> Orientation {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    Directory::open(tiff)
        .map(|directory| directory.orientation())
        .unwrap_or_default()
}

impl<'a> Directory<'a> {
    pub(crate) const WIDTH: u16 = 256;
    pub(crate) const HEIGHT: u16 = 257;
    pub(crate) const PHOTOMETRIC: u16 = 262;
    pub(crate) const SAMPLES_PER_PIXEL: u16 = 277;
    pub(crate) const EXTRA_SAMPLES: u16 = 338;
    pub(crate) const ICC_PROFILE: u16 = 34675;
    const ORIENTATION: u16 = 274;

    pub(crate) fn open(bytes: &'a [u8]) -> Option<Self> {
        if !is_tiff(bytes) {
            return None;
        }
        let first = Self {
            bytes,
            little_endian: bytes.starts_with(b"II"),
            at: 0,
            entries: 0,
        };
        Self::at(bytes, usize::try_from(first.u32(4)?).ok()?)
    }

    /// The directory that begins at `at` in a TIFF structure.
    pub(crate) fn at(bytes: &'a [u8], at: usize) -> Option<Self> {
        let mut directory = Self {
            bytes,
            little_endian: bytes.starts_with(b"II"),
            at,
            entries: 0,
        };
        directory.entries = directory.u16(at)?.min(MAX_ENTRIES);
        Some(directory)
    }

    /// Where the value of a tag with a single short number stands.
    pub(crate) fn place_of(&self, tag: u16) -> Option<usize> {
        self.entry(tag)?.checked_add(8)
    }

    pub(crate) fn orientation(&self) -> Orientation {
        let number = self
            .number(Self::ORIENTATION)
            .and_then(|number| u16::try_from(number).ok());
        number.map(Orientation::from_exif).unwrap_or_default()
    }

    /// The (first) value of a tag that holds whole numbers.
    pub(crate) fn number(&self, tag: u16) -> Option<u32> {
        let at = self.entry(tag)?;
        match self.u16(at + 2)? {
            1 => self.bytes.get(at + 8).map(|&byte| u32::from(byte)),
            3 => self.u16(at + 8).map(u32::from),
            4 => self.u32(at + 8),
            _ => None,
        }
    }

    /// The bytes of a tag that holds more than four of them.
    pub(crate) fn blob(&self, tag: u16) -> Option<Vec<u8>> {
        let at = self.entry(tag)?;
        let length = usize::try_from(self.u32(at + 4)?).ok()?;
        let start = usize::try_from(self.u32(at + 8)?).ok()?;
        self.bytes.get(start..start.checked_add(length)?).map(<[u8]>::to_vec)
    }

    /// Where the entry of a tag begins.
    fn entry(&self, tag: u16) -> Option<usize> {
        let first = self.at.checked_add(2)?;
        (0..usize::from(self.entries))
            .map(|index| first + index * 12)
            .find(|&at| self.u16(at) == Some(tag))
    }

    fn u16(&self, at: usize) -> Option<u16> {
        if self.little_endian {
            bytes::u16_le(self.bytes, at)
        } else {
            bytes::u16_be(self.bytes, at)
        }
    }

    fn u32(&self, at: usize) -> Option<u32> {
        if self.little_endian {
            bytes::u32_le(self.bytes, at)
        } else {
            bytes::u32_be(self.bytes, at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orientation_is_read_in_both_byte_orders_and_nonsense_is_upright() {
        let little = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0\0\0\0\0";
        assert_eq!(exif_orientation(little), Orientation::Rotate90);
        assert_eq!(exif_orientation(big), Orientation::Rotate270);
        for length in 0..big.len() {
            let cut = exif_orientation(&big[..length]);
            assert!(matches!(cut, Orientation::Normal | Orientation::Rotate270));
        }
        let elsewhere = b"II*\0\xFF\xFF\xFF\xFF\x01\0";
        assert_eq!(exif_orientation(elsewhere), Orientation::Normal);
        assert_eq!(Orientation::from_exif(0), Orientation::Normal);
        assert_eq!(Orientation::from_exif(9), Orientation::Normal);
    }
}
