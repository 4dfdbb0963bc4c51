//! AVIF: everything that the picture does not need is overwritten with zeros where it stands.
//!
//! Places in the file are stated as offsets, in several ways; so nothing is moved. Turns (`irot`, `imir`) stay: they
//! are part of the format, and every reader applies them. Thumbnails, depth and gain maps go: they may show more than
//! the picture does.

use std::ops::Range;

use visage_cloudinary::ImageFormat;

use crate::context::RenderContext;
use crate::decode::decode;
use crate::encode::{self, EncodeOptions};
use crate::icc::{self, Colour};
use crate::pixels::Layout;
use crate::walk::boxes::{Box, Boxes};
use crate::walk::heif::Meta;
use crate::{Facts, ImageError, buffer, colour, turn};

/// The quality (of libavif, not of JPEG) of a picture whose colours must be converted.
const REENCODE_QUALITY: u8 = 85;

/// Properties that say how to decode or show pixels.
const KEPT_PROPERTIES: [&[u8; 4]; 14] = [
    b"ispe", b"pixi", b"av1C", b"auxC", b"irot", b"imir", b"clap", b"pasp", b"colr", b"clli", b"mdcv", b"a1lx",
    b"a1op", b"lsel",
];

pub(super) fn sanitise(bytes: &[u8], facts: &Facts, context: RenderContext<'_>) -> Result<Vec<u8>, ImageError> {
    let colour = icc::colour_of(ImageFormat::Avif, bytes, Layout::Rgb);
    let profile = match &colour {
        Colour::Srgb => Some(Vec::new()),
        Colour::Simple(profile) => icc::rebuilt(profile),
        Colour::Tables(_) => None,
    };
    let mut file = buffer::with_room(bytes.len())?;
    file.extend_from_slice(bytes);
    if profile.is_some_and(|profile| erase(&mut file, bytes, &profile).is_some()) {
        drop(decode(&file, facts, 1, context)?);
        return Ok(file);
    }
    let converted = colour::to_srgb(decode(bytes, facts, 1, context)?, &colour, context.limits)?;
    let upright = turn::upright(converted, facts.orientation, context.limits)?;
    let options = EncodeOptions::with_quality(REENCODE_QUALITY);
    encode::encode(&upright, ImageFormat::Avif, options, context.limits)
}

/// Erases in `file`, a copy of `original`, what is not the picture; `None` when the new profile does not fit in the
/// place of the old one, or when the file is built in a way that this does not understand.
fn erase(file: &mut [u8], original: &[u8], profile: &[u8]) -> Option<()> {
    let meta = Meta::open(original)?;
    let items = meta.picture_items()?;
    let mut used = Vec::new();
    for &item in &items {
        used.extend(meta.extents(item)?);
    }
    used.sort_by_key(|range| range.start);
    for found in Boxes::new(original) {
        match &found.kind {
            b"ftyp" | b"meta" => {}
            b"mdat" => erase_between(file, found.at..found.at + found.data.len(), &used)?,
            b"moov" => return None, // a film beside the picture
            _ => make_free(file, &found, found.at)?,
        }
    }
    for (found, at) in meta.boxes() {
        match &found.kind {
            b"pitm" | b"iloc" | b"iref" | b"iprp" | b"dinf" | b"grpl" => {}
            b"hdlr" => fill(file, at + HANDLER_NAME_AT..at + found.data.len())?,
            b"iinf" => erase_names(file, &found, at, &items)?,
            b"idat" => erase_between(file, at..at + found.data.len(), &used)?,
            _ => make_free(file, &found, at)?,
        }
    }
    for (property, at) in meta.all_properties()? {
        let has_profile = property.kind == *b"colr" && matches!(property.data.get(..4)?, b"prof" | b"rICC");
        if has_profile && !profile.is_empty() {
            fill(file, at + 4..at + property.data.len())?;
            file.get_mut(at + 4..at + property.data.len())?
                .get_mut(..profile.len())?
                .copy_from_slice(profile);
        } else if has_profile || !KEPT_PROPERTIES.contains(&&property.kind) {
            make_free(file, &property, at)?;
        }
    }
    Some(())
}

/// Where a handler's name begins: after version, flags and twenty bytes of numbers.
const HANDLER_NAME_AT: usize = 24;

/// Erases the names of items; items that are not the picture also lose their kind, so that nobody looks for them.
fn erase_names(file: &mut [u8], iinf: &Box<'_>, at: usize, items: &[u32]) -> Option<()> {
    let (version, _) = iinf.full()?;
    let entries_at = if version == 0 { 6 } else { 8 };
    for entry in Boxes::new(iinf.data.get(entries_at..)?) {
        let (version, data) = entry.full()?;
        let (id, kind_at) = Meta::item_id(version, data)?;
        let start = at + entries_at + entry.at + 4 + kind_at;
        let end = at + entries_at + entry.at + entry.data.len();
        if !items.contains(&id) {
            file.get_mut(start..start + 4)?.copy_from_slice(b"skip");
        }
        fill(file, start + 4..end)?;
    }
    Some(())
}

/// Makes a box one that readers skip.
fn make_free(file: &mut [u8], found: &Box<'_>, at: usize) -> Option<()> {
    let short = at.checked_sub(4)?;
    let kind_at = if file.get(short..at)? == found.kind {
        short
    } else {
        at.checked_sub(12)?
    };
    file.get_mut(kind_at..kind_at + 4)?.copy_from_slice(b"free");
    fill(file, at..at + found.data.len())
}

/// Erases what lies in `area` outside of the `used` ranges, which are sorted.
fn erase_between(file: &mut [u8], area: Range<usize>, used: &[Range<usize>]) -> Option<()> {
    let mut at = area.start;
    for range in used {
        let start = range.start.clamp(area.start, area.end);
        if start > at {
            fill(file, at..start)?;
        }
        at = at.max(range.end.clamp(area.start, area.end));
    }
    fill(file, at..area.end)
}

fn fill(file: &mut [u8], range: Range<usize>) -> Option<()> {
    file.get_mut(range)?.fill(0);
    Some(())
}
