//! The items of an AVIF or HEIC file (ISO 23008-12): which there are, what they look like, where their bytes lie.

use std::ops::Range;

use super::boxes::{Box, Boxes};
use crate::bytes;

/// A grid may have 256 tiles, each with an alpha plane. This and the bounds below keep walks inside walks short.
const MAX_ITEMS: usize = 600;

const MAX_BOXES: usize = 64;
const MAX_PROPERTIES: usize = 256;
const MAX_REFERENCES: usize = 4 * MAX_ITEMS;

/// The `meta` box of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meta<'a> {
    /// The boxes inside.
    contents: &'a [u8],
    /// Where `contents` begins in the file.
    at: usize,
}

/// One item.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item {
    pub(crate) id: u32,
    pub(crate) kind: [u8; 4],
}

impl<'a> Meta<'a> {
    /// The `meta` box, if the file has one that is whole.
    pub(crate) fn open(file: &'a [u8]) -> Option<Self> {
        let meta = Boxes::find(file, *b"meta")?;
        let (_, contents) = meta.full()?;
        if Boxes::new(contents).nth(MAX_BOXES).is_some() {
            return None;
        }
        Some(Self {
            contents,
            at: meta.at + 4,
        })
    }

    fn find(&self, kind: [u8; 4]) -> Option<Box<'a>> {
        Boxes::find(self.contents, kind)
    }

    /// The item that is the picture.
    pub(crate) fn primary_id(&self) -> Option<u32> {
        let (version, data) = self.find(*b"pitm")?.full()?;
        id(data, 0, version == 0).map(|(id, _)| id)
    }

    /// All items; `None` when there are more than a picture can need.
    pub(crate) fn items(&self) -> Option<impl Iterator<Item = Item> + 'a> {
        let (version, data) = self.find(*b"iinf")?.full()?;
        let entries = Boxes::new(data.get(if version == 0 { 2 } else { 4 }..)?);
        if entries.clone().nth(MAX_ITEMS).is_some() {
            return None;
        }
        Some(entries.filter(|entry| entry.kind == *b"infe").filter_map(|entry| {
            let (version, data) = entry.full()?;
            let (id, at) = id(data, 0, version == 2)?;
            Some(Item {
                id,
                kind: *data.get(at + 2..)?.first_chunk::<4>()?,
            })
        }))
    }

    /// The items that make up the picture: the primary one, the tiles it is derived from, and their alpha planes;
    /// `None` when that cannot be read.
    pub(crate) fn picture_items(&self) -> Option<Vec<u32>> {
        let mut found = vec![self.primary_id()?];
        if self.references().nth(MAX_REFERENCES).is_some() {
            return None;
        }
        let mut index = 0;
        while let Some(&item) = found.get(index) {
            for (kind, from, to) in self.references() {
                let next = match &kind {
                    b"dimg" if from == item => to,
                    b"auxl" if to == item && self.properties(from).any(|property| is_alpha(&property)) => from,
                    _ => continue,
                };
                if !found.contains(&next) {
                    found.push(next);
                }
            }
            index += 1;
            if index > MAX_ITEMS {
                return None;
            }
        }
        Some(found)
    }

    /// All references: kind, from, to.
    pub(crate) fn references(&self) -> impl Iterator<Item = ([u8; 4], u32, u32)> + use<'a> {
        let iref = self.find(*b"iref").and_then(|iref| iref.full());
        let (version, data) = iref.unwrap_or((0, &[]));
        let short = version == 0;
        Boxes::new(data).flat_map(move |reference| {
            let (from, at) = id(reference.data, 0, short).unwrap_or_default();
            let targets = reference
                .data
                .get(at + 2..)
                .unwrap_or_default()
                .chunks_exact(if short { 2 } else { 4 });
            targets.filter_map(move |target| Some((reference.kind, from, id(target, 0, short)?.0)))
        })
    }

    /// The id in an `infe` box of this version, and where the item's kind stands.
    pub(crate) fn item_id(version: u8, data: &[u8]) -> Option<(u32, usize)> {
        let (id, at) = id(data, 0, version == 2)?;
        Some((id, at + 2))
    }

    /// The properties of an item, in their order.
    pub(crate) fn properties(&self, item_id: u32) -> impl Iterator<Item = Box<'a>> + use<'a> {
        let iprp = self.find(*b"iprp").map(|iprp| iprp.data).unwrap_or_default();
        let container = Boxes::find(iprp, *b"ipco").map(|ipco| ipco.data).unwrap_or_default();
        let ipma = Boxes::find(iprp, *b"ipma");
        let indices = ipma.and_then(|ipma| associations(&ipma, item_id)).unwrap_or_default();
        indices.filter_map(move |index| Boxes::new(container).take(MAX_PROPERTIES).nth(index.checked_sub(1)?))
    }

    /// All properties of all items, with the place of each one's contents in the file.
    pub(crate) fn all_properties(&self) -> Option<impl Iterator<Item = (Box<'a>, usize)> + use<'a>> {
        let iprp = self.find(*b"iprp")?;
        let ipco = Boxes::find(iprp.data, *b"ipco")?;
        let base = self.at + iprp.at + ipco.at;
        Some(Boxes::new(ipco.data).map(move |property| (property, base + property.at)))
    }

    /// The boxes in the `meta` box, with the place of each one's contents in the file.
    pub(crate) fn boxes(&self) -> impl Iterator<Item = (Box<'a>, usize)> + use<'a> {
        let at = self.at;
        Boxes::new(self.contents).map(move |found| (found, at + found.at))
    }

    /// Where in the file the bytes of an item lie; `None` when that cannot be read.
    pub(crate) fn extents(&self, item_id: u32) -> Option<Extents<'a>> {
        let idat_at = self.find(*b"idat").map(|idat| self.at + idat.at);
        let (version, data) = self.find(*b"iloc")?.full()?;
        let mut reader = LocationReader::open(version, data)?;
        for _ in 0..reader.count.min(MAX_REFERENCES) {
            let extents = reader.next_item(idat_at)?;
            if extents.item_id == item_id {
                return Some(extents);
            }
        }
        None
    }
}

/// Whether a property says that its item is an alpha plane.
pub(crate) fn is_alpha(property: &Box<'_>) -> bool {
    const ALPHA: &[u8] = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha";
    property.kind == *b"auxC" && property.data.get(4..).is_some_and(|text| text.starts_with(ALPHA))
}

/// The property numbers (from 1) that `ipma` gives an item.
fn associations<'a>(ipma: &Box<'a>, item_id: u32) -> Option<PropertyIndices<'a>> {
    let flags = *ipma.data.get(3)?;
    let (version, data) = ipma.full()?;
    let wide = flags & 1 == 1;
    let count = usize::try_from(bytes::u32_be(data, 0)?).ok()?;
    let mut at = 4;
    for _ in 0..count.min(MAX_ITEMS) {
        let (found, next) = id(data, at, version == 0)?;
        let length = usize::from(*data.get(next)?) * if wide { 2 } else { 1 };
        let entries = data.get(next + 1..next + 1 + length)?;
        if found == item_id {
            return Some(PropertyIndices { entries, wide });
        }
        at = next + 1 + length;
    }
    None
}

/// The property numbers of one item.
#[derive(Debug, Default)]
struct PropertyIndices<'a> {
    entries: &'a [u8],
    wide: bool,
}

impl Iterator for PropertyIndices<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let (first, rest) = self.entries.split_first()?;
        if !self.wide {
            self.entries = rest;
            return Some(usize::from(first & 0x7F));
        }
        let (second, rest) = rest.split_first()?;
        self.entries = rest;
        Some(usize::from(first & 0x7F) << 8 | usize::from(*second))
    }
}

/// Reads an item id of 16 or 32 bits, and where it ends.
fn id(data: &[u8], at: usize, short: bool) -> Option<(u32, usize)> {
    if short {
        Some((u32::from(bytes::u16_be(data, at)?), at + 2))
    } else {
        Some((bytes::u32_be(data, at)?, at + 4))
    }
}

/// Walks `iloc`, whose fields have sizes of their own.
struct LocationReader<'a> {
    data: &'a [u8],
    at: usize,
    version: u8,
    offset_size: u8,
    length_size: u8,
    base_size: u8,
    index_size: u8,
    count: usize,
}

/// The byte ranges of one item.
#[derive(Debug)]
pub(crate) struct Extents<'a> {
    item_id: u32,
    data: &'a [u8],
    base: usize,
    offset_size: u8,
    length_size: u8,
    index_size: u8,
}

impl<'a> LocationReader<'a> {
    fn open(version: u8, data: &'a [u8]) -> Option<Self> {
        let (sizes, more) = (*data.first()?, *data.get(1)?);
        let (count, at) = id(data, 2, version < 2)?;
        Some(Self {
            data,
            at,
            version,
            offset_size: sizes >> 4,
            length_size: sizes & 15,
            base_size: more >> 4,
            index_size: if version == 0 { 0 } else { more & 15 },
            count: usize::try_from(count).ok()?,
        })
    }

    fn next_item(&mut self, idat_at: Option<usize>) -> Option<Extents<'a>> {
        let (item_id, mut at) = id(self.data, self.at, self.version < 2)?;
        let mut method = 0;
        if self.version > 0 {
            method = bytes::u16_be(self.data, at)? & 15;
            at += 2;
        }
        at += 2; // data_reference_index
        let base = number(self.data, at, self.base_size)?;
        at += usize::from(self.base_size);
        let count = usize::from(bytes::u16_be(self.data, at)?);
        let one = usize::from(self.index_size) + usize::from(self.offset_size) + usize::from(self.length_size);
        let extents = self.data.get(at + 2..at + 2 + count * one)?;
        self.at = at + 2 + count * one;
        let start = match method {
            0 => Some(0),
            1 => idat_at,
            _ => None,
        }?;
        Some(Extents {
            item_id,
            data: extents,
            base: start.checked_add(base)?,
            offset_size: self.offset_size,
            length_size: self.length_size,
            index_size: self.index_size,
        })
    }
}

impl Iterator for Extents<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let offset_at = usize::from(self.index_size);
        let length_at = offset_at + usize::from(self.offset_size);
        let end_at = length_at + usize::from(self.length_size);
        if end_at == 0 || self.data.is_empty() {
            return None;
        }
        let offset = number(self.data, offset_at, self.offset_size)?;
        let length = number(self.data, length_at, self.length_size)?;
        self.data = self.data.get(end_at..)?;
        let start = self.base.checked_add(offset)?;
        Some(start..start.checked_add(length)?)
    }
}

/// A number of 0, 4 or 8 bytes.
fn number(data: &[u8], at: usize, size: u8) -> Option<usize> {
    match size {
        0 => Some(0),
        4 => usize::try_from(bytes::u32_be(data, at)?).ok(),
        8 => usize::try_from(bytes::u64_be(data, at)?).ok(),
        _ => None,
    }
}
