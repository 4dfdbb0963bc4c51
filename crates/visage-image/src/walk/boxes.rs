//! The boxes of a file in the ISO base media format (ISO 14496-12), which AVIF and HEIC are.

use crate::bytes;

/// One box.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Box<'a> {
    pub(crate) kind: [u8; 4],
    pub(crate) data: &'a [u8],
    /// Where `data` begins, counted from the beginning of the slice that was walked.
    pub(crate) at: usize,
}

impl<'a> Box<'a> {
    /// Version and contents of a "full" box, which begins with a version and flags.
    pub(crate) fn full(&self) -> Option<(u8, &'a [u8])> {
        Some((*self.data.first()?, self.data.get(4..)?))
    }
}

/// Walks the boxes that fill a slice; ends early when one reaches past the end.
#[derive(Debug, Clone)]
pub(crate) struct Boxes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Boxes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The first box of this kind.
    pub(crate) fn find(bytes: &'a [u8], kind: [u8; 4]) -> Option<Box<'a>> {
        Self::new(bytes).find(|one| one.kind == kind)
    }

    fn read(&self) -> Option<(Box<'a>, usize)> {
        let start = self.at;
        let kind = *self.bytes.get(start + 4..)?.first_chunk::<4>()?;
        let (header, length) = match bytes::u32_be(self.bytes, start)? {
            0 => (8, self.bytes.len() - start),
            1 => (16, usize::try_from(bytes::u64_be(self.bytes, start + 8)?).ok()?),
            length => (8, usize::try_from(length).ok()?),
        };
        let end = start.checked_add(length)?;
        let at = start + header;
        Some((
            Box {
                kind,
                data: self.bytes.get(at..end)?,
                at,
            },
            end,
        ))
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Box<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (found, end) = self.read()?;
        self.at = end;
        Some(found)
    }
}
