//! Which coded pictures make up the picture of an AVIF file, and their bytes.

use std::borrow::Cow;

use super::heif::{Meta, is_alpha};
use crate::bytes;

/// A grid has at most so many tiles (its numbers of rows and columns are one byte each, but files of more than this are
/// not made).
const MAX_TILES: usize = 256;

/// The colours, and perhaps the alpha plane, of a picture.
#[derive(Debug)]
pub(crate) struct Composition {
    pub(crate) colour: Coded,
    pub(crate) alpha: Option<Coded>,
    /// Whether colours were multiplied by alpha.
    pub(crate) is_premultiplied: bool,
}

/// Where the samples of a picture come from.
#[derive(Debug)]
pub(crate) enum Coded {
    /// One item.
    Item(u32),
    /// Items of one size beside and below each other, cut to the picture's size.
    Grid(Grid),
}

/// A picture of tiles.
#[derive(Debug)]
pub(crate) struct Grid {
    pub(crate) columns: u32,
    pub(crate) rows: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Items, row by row.
    pub(crate) tiles: Vec<u32>,
}

impl Coded {
    /// The coded items.
    pub(crate) fn items(&self) -> &[u32] {
        match self {
            Self::Item(id) => std::slice::from_ref(id),
            Self::Grid(grid) => &grid.tiles,
        }
    }
}

impl Composition {
    /// Reads it from the primary item on; `None` when that is neither a coded picture nor a grid of them.
    pub(crate) fn read(file: &[u8], meta: &Meta<'_>) -> Option<Self> {
        let primary = meta.primary_id()?;
        let colour = coded(file, meta, primary)?;
        let alpha_item = alpha_of(meta, primary);
        let is_premultiplied = alpha_item.is_some_and(|alpha| {
            meta.references()
                .any(|reference| reference == (*b"prem", primary, alpha))
        });
        let alpha = match (alpha_item, &colour) {
            (Some(item), _) => Some(coded(file, meta, item)?),
            (None, Coded::Item(_)) => None,
            (None, Coded::Grid(grid)) => alpha_of_tiles(meta, grid),
        };
        Some(Self {
            colour,
            alpha,
            is_premultiplied,
        })
    }
}

fn coded(file: &[u8], meta: &Meta<'_>, id: u32) -> Option<Coded> {
    let item = meta.items()?.find(|item| item.id == id)?;
    match &item.kind {
        b"av01" => Some(Coded::Item(id)),
        b"grid" => grid(file, meta, id).map(Coded::Grid),
        _ => None,
    }
}

/// The alpha plane that belongs to an item.
fn alpha_of(meta: &Meta<'_>, id: u32) -> Option<u32> {
    let mut auxiliary = meta
        .references()
        .filter(|(kind, _, to)| kind == b"auxl" && *to == id)
        .map(|(_, from, _)| from);
    auxiliary.find(|from| meta.properties(*from).any(|property| is_alpha(&property)))
}

/// A grid without an alpha plane of its own may have one for each tile.
fn alpha_of_tiles(meta: &Meta<'_>, grid: &Grid) -> Option<Coded> {
    let tiles = grid.tiles.iter().map(|tile| alpha_of(meta, *tile));
    Some(Coded::Grid(Grid {
        tiles: tiles.collect::<Option<Vec<u32>>>()?,
        ..*grid
    }))
}

/// Reads the payload of a `grid` item (ISO 23008-12, 6.6.2.3) and which items it is made of.
fn grid(file: &[u8], meta: &Meta<'_>, id: u32) -> Option<Grid> {
    let payload = item_bytes(file, meta, id)?;
    let (version, flags) = (*payload.first()?, *payload.get(1)?);
    let (rows, columns) = (u32::from(*payload.get(2)?) + 1, u32::from(*payload.get(3)?) + 1);
    let (width, height) = if flags & 1 == 0 {
        (bytes::u16_be(&payload, 4)?.into(), bytes::u16_be(&payload, 6)?.into())
    } else {
        (bytes::u32_be(&payload, 4)?, bytes::u32_be(&payload, 8)?)
    };
    let mut tiles = Vec::new();
    for (kind, from, to) in meta.references() {
        if kind == *b"dimg" && from == id {
            if tiles.len() >= MAX_TILES || tiles.contains(&to) {
                return None;
            }
            tiles.push(to);
        }
    }
    let is_whole = version == 0 && u32::try_from(tiles.len()).is_ok_and(|count| count == rows * columns);
    is_whole.then_some(Grid {
        columns,
        rows,
        width,
        height,
        tiles,
    })
}

/// The bytes of an item, which may lie in parts all over the file; never more than the file has.
pub(crate) fn item_bytes<'a>(file: &'a [u8], meta: &Meta<'_>, id: u32) -> Option<Cow<'a, [u8]>> {
    let mut found: Cow<'a, [u8]> = Cow::Borrowed(&[]);
    for range in meta.extents(id)? {
        // A length of 0 reaches to the end of the file (ISO 14496-12, 8.11.3).
        let part = if range.is_empty() {
            file.get(range.start..)?
        } else {
            file.get(range)?
        };
        if found.is_empty() {
            found = Cow::Borrowed(part);
        } else if part.len() > file.len().checked_sub(found.len())? {
            return None;
        } else {
            let joined = found.to_mut();
            joined.try_reserve(part.len()).ok()?;
            joined.extend_from_slice(part);
        }
    }
    Some(found)
}
