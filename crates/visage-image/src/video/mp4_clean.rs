//! Takes out of an MP4 or `QuickTime` file what is neither picture nor sound: where it was filmed, with what, when, by whom.
//!
//! Nothing moves, because the index names places in the file: a box becomes one of kind `free`, full of zeros. What is kept
//! is listed; whatever else there is (`udta`, `meta`, `uuid`, previews, what makers of cameras invent) goes. So do all tracks
//! but those of pictures and sound, with their samples: cameras record positions there, drones as subtitles. In what is kept,
//! dates and the names of devices, programs and files become zeros. What an encoder wrote into the pictures themselves stays.

use super::mp4_samples::blank_samples;
use super::{Steps, VideoError};
use crate::bytes;

/// Where a box stands: which kinds are kept there, and which of them are looked into. Each level has others inside, so that
/// no file is nested deeper than this.
#[derive(Debug, Clone, Copy)]
enum Level {
    File,
    Movie,
    Extends,
    Track,
    References,
    Media { is_sound: bool },
    Information { is_sound: bool },
    Places,
    Tables { is_sound: bool },
    Fragment,
    TrackFragment,
}

impl Level {
    #[rustfmt::skip]
    fn kept(self) -> &'static [&'static [u8; 4]] {
        match self {
            Self::File => &[b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"mfra", b"sidx", b"ssix", b"pdin"],
            Self::Movie => &[b"mvhd", b"trak", b"mvex", b"iods", b"pssh"],
            Self::Extends => &[b"mehd", b"trex", b"leva"],
            Self::Track => &[b"tkhd", b"mdia", b"edts", b"tref", b"trgr", b"tapt", b"clip", b"matt", b"load"],
            // Between tracks that are kept; those to chapters, time codes and texts go with these.
            Self::References => &[b"auxl", b"dpnd", b"fall", b"folw", b"vdep", b"vplx"],
            Self::Media { .. } => &[b"mdhd", b"hdlr", b"minf", b"elng"],
            Self::Information { .. } => &[b"vmhd", b"smhd", b"nmhd", b"gmhd", b"hdlr", b"dinf", b"stbl"],
            Self::Places => &[b"dref"],
            Self::Tables { .. } => &[
                b"stsd", b"stts", b"ctts", b"cslg", b"stss", b"stsh", b"stps", b"stdp", b"sdtp", b"stsz", b"stz2", b"stsc",
                b"stco", b"co64", b"padb", b"saiz", b"saio", b"sbgp", b"sgpd", b"subs",
            ],
            Self::Fragment => &[b"mfhd", b"traf", b"pssh"],
            Self::TrackFragment => &[
                b"tfhd", b"tfdt", b"trun", b"saiz", b"saio", b"senc", b"sbgp", b"sgpd", b"subs",
            ],
        }
    }

    fn inside(self, kind: [u8; 4], contents: &[u8]) -> Option<Self> {
        match (self, &kind) {
            (Self::File, b"moov") => Some(Self::Movie),
            (Self::File, b"moof") => Some(Self::Fragment),
            (Self::Fragment, b"traf") => Some(Self::TrackFragment),
            (Self::Movie, b"trak") => Some(Self::Track),
            (Self::Movie, b"mvex") => Some(Self::Extends),
            (Self::Track, b"tref") => Some(Self::References),
            (Self::Track, b"mdia") => Some(Self::Media {
                is_sound: handler(contents) == Some(b"soun"),
            }),
            (Self::Media { is_sound }, b"minf") => Some(Self::Information { is_sound }),
            (Self::Information { .. }, b"dinf") => Some(Self::Places),
            (Self::Information { is_sound }, b"stbl") => Some(Self::Tables { is_sound }),
            _ => None,
        }
    }
}

/// Cleans the file in place.
///
/// # Errors
/// When the samples of a track that goes cannot be found, or its tables are wrong; then the file is half done.
pub(super) fn clean(file: &mut [u8], steps: &mut Steps<'_>) -> Result<(), VideoError> {
    blank_samples(file, steps)?;
    clean_boxes(file, Level::File, steps)
}

fn clean_boxes(mut rest: &mut [u8], level: Level, steps: &mut Steps<'_>) -> Result<(), VideoError> {
    while let Some((kind, header_bytes, length)) = header(rest) {
        steps.take()?;
        let (this, after) = rest.split_at_mut(length);
        rest = after;
        let contents = this.get_mut(header_bytes..).unwrap_or_default();
        if !level.kept().contains(&&kind) || (kind == *b"trak" && !is_kept_track(contents)) {
            blank(this, header_bytes);
        } else if let Some(inside) = level.inside(kind, contents) {
            clean_boxes(contents, inside, steps)?;
        } else {
            forget(level, kind, contents);
        }
    }
    // What follows the last box is none.
    rest.fill(0);
    Ok(())
}

fn blank(this: &mut [u8], header_bytes: usize) {
    this.get_mut(header_bytes..).unwrap_or_default().fill(0);
    // By `wide` old files are known, and zeros are what this leaves behind the last box: both are as free.
    let is_named = |name: &&mut [u8]| **name != *b"wide" && **name != [0; 4];
    if let Some(name) = this.get_mut(4..8).filter(is_named) {
        name.copy_from_slice(b"free");
    }
}

/// Dates and names in a box that is kept. Zeros are what the standard lets stand in all these places.
fn forget(level: Level, kind: [u8; 4], contents: &mut [u8]) {
    match (level, &kind) {
        // When it was made and last changed, with 64 bits each in version 1.
        (Level::Movie, b"mvhd") | (Level::Track, b"tkhd") | (Level::Media { .. }, b"mdhd") => {
            let length = if contents.first() == Some(&1) { 16 } else { 8 };
            zero(contents, 4, length);
        }
        // Behind the kind of the track, who handles it and what they call it.
        (_, b"hdlr") => zero(contents, 12, usize::MAX),
        (Level::Places, b"dref") => each_entry(contents, |entry| zero(entry, 4, usize::MAX)),
        (Level::Tables { is_sound }, b"stsd") => each_entry(contents, |entry| {
            const VENDOR: (usize, usize) = (12, 4);
            const COMPRESSOR_NAME: (usize, usize) = (42, 32);
            zero(entry, VENDOR.0, VENDOR.1);
            if !is_sound {
                zero(entry, COMPRESSOR_NAME.0, COMPRESSOR_NAME.1);
            }
        }),
        _ => {}
    }
}

/// The contents of the boxes behind version, flags and count.
fn each_entry(table: &mut [u8], change: impl Fn(&mut [u8])) {
    let mut rest = table.get_mut(8..).unwrap_or_default();
    while let Some((_, header_bytes, length)) = header(rest) {
        let (this, after) = rest.split_at_mut(length);
        rest = after;
        change(this.get_mut(header_bytes..).unwrap_or_default());
    }
}

fn zero(data: &mut [u8], from: usize, length: usize) {
    let rest = data.get_mut(from..).unwrap_or_default();
    rest.iter_mut().take(length).for_each(|byte| *byte = 0);
}

/// Kind, bytes of the header, and bytes with the header. A box that reaches past the end ends there.
fn header(rest: &[u8]) -> Option<([u8; 4], usize, usize)> {
    let kind = *rest.get(4..)?.first_chunk::<4>()?;
    let (header_bytes, length) = match bytes::u32_be(rest, 0)? {
        0 => (8, rest.len()),
        1 => (16, usize::try_from(bytes::u64_be(rest, 8)?).unwrap_or(usize::MAX)),
        length => (8, usize::try_from(length).unwrap_or(usize::MAX)),
    };
    let length = length.min(rest.len());
    (length >= header_bytes).then_some((kind, header_bytes, length))
}

/// Kinds and contents of boxes one after the other: the very boxes that are cleaned.
pub(super) struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    /// The contents of the first box of this kind.
    pub(super) fn find(data: &'a [u8], kind: [u8; 4]) -> Option<&'a [u8]> {
        Self(data).find(|part| part.0 == kind).map(|part| part.1)
    }

    /// The contents of all boxes of one kind in all boxes of another.
    pub(super) fn inside(data: &'a [u8], outer: [u8; 4], inner: [u8; 4]) -> impl Iterator<Item = &'a [u8]> {
        let outer = Self(data).filter(move |part| part.0 == outer);
        let all = outer.flat_map(|part| Self(part.1));
        all.filter(move |part| part.0 == inner).map(|part| part.1)
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, header_bytes, length) = header(self.0)?;
        let (this, after) = self.0.split_at(length);
        self.0 = after;
        Some((kind, this.get(header_bytes..)?))
    }
}

/// Whether a track is one of pictures (with those that only go with others, such as transparency) or sound.
pub(super) fn is_kept_track(track: &[u8]) -> bool {
    let media = Parts::find(track, *b"mdia").unwrap_or_default();
    matches!(handler(media), Some(b"vide" | b"soun" | b"auxv" | b"pict"))
}

fn handler(media: &[u8]) -> Option<&[u8; 4]> {
    Parts::find(media, *b"hdlr")?.get(8..)?.first_chunk()
}
