//! Takes out of an MP4 or `QuickTime` file what is neither picture nor sound: where it was filmed, with what, by whom.
//!
//! Nothing moves, because the index names places in the file: a box becomes one of kind `free`, full of zeros. What is kept
//! is listed; whatever else there is (`udta`, `meta`, `uuid`, previews, what makers of cameras invent) goes. So do tracks of
//! data that run beside the picture, with their samples: cameras record positions there. Tables of samples are left alone.

use std::ops::Range;

use crate::bytes;
use crate::walk::boxes::{Box, Boxes};

/// Where a box stands: which kinds are kept there, and which of them are looked into.
#[derive(Debug, Clone, Copy)]
enum Level {
    File,
    Movie,
    Track,
    Media,
    Fragment,
}

impl Level {
    fn keeps(self, kind: [u8; 4]) -> bool {
        match self {
            Self::File => matches!(
                &kind,
                b"ftyp" | b"styp" | b"moov" | b"moof" | b"mdat" | b"mfra" | b"sidx" | b"ssix" | b"pdin"
            ),
            Self::Movie => matches!(&kind, b"mvhd" | b"trak" | b"mvex" | b"iods" | b"pssh"),
            Self::Track => matches!(
                &kind,
                b"tkhd" | b"mdia" | b"edts" | b"tref" | b"trgr" | b"tapt" | b"clip" | b"matt" | b"load"
            ),
            Self::Media => matches!(&kind, b"mdhd" | b"hdlr" | b"minf" | b"elng"),
            Self::Fragment => matches!(
                &kind,
                b"mfhd"
                    | b"traf"
                    | b"pssh"
                    | b"tfhd"
                    | b"tfdt"
                    | b"trun"
                    | b"saiz"
                    | b"saio"
                    | b"senc"
                    | b"sbgp"
                    | b"sgpd"
                    | b"subs"
            ),
        }
    }

    fn inside(self, kind: [u8; 4]) -> Option<Self> {
        match (self, &kind) {
            (Self::File, b"moov") => Some(Self::Movie),
            (Self::Movie, b"trak") => Some(Self::Track),
            (Self::Track, b"mdia") => Some(Self::Media),
            (Self::File, b"moof") | (Self::Fragment, b"traf") => Some(Self::Fragment),
            _ => None,
        }
    }
}

pub(super) fn clean(file: &mut [u8]) {
    for samples in samples_of_data_tracks(file) {
        if let Some(samples) = file.get_mut(samples) {
            samples.fill(0);
        }
    }
    clean_boxes(file, Level::File);
}

fn clean_boxes(mut rest: &mut [u8], level: Level) {
    while let Some((kind, header_bytes, length)) = header(rest) {
        let (this, after) = rest.split_at_mut(length);
        rest = after;
        let is_kept =
            level.keeps(kind) && !(kind == *b"trak" && is_data_track(this.get(header_bytes..).unwrap_or_default()));
        let contents = this.get_mut(header_bytes..).unwrap_or_default();
        match level.inside(kind) {
            _ if !is_kept => {
                contents.fill(0);
                // By `wide` old files are known, and zeros are what this leaves behind the last box: both are as free.
                let is_named = |name: &&mut [u8]| **name != *b"wide" && **name != [0; 4];
                if let Some(name) = this.get_mut(4..8).filter(is_named) {
                    name.copy_from_slice(b"free");
                }
            }
            Some(inside) => clean_boxes(contents, inside),
            None => {}
        }
    }
    // What follows the last box is none.
    rest.fill(0);
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

/// Whether a track is neither picture nor sound nor text nor the time code.
fn is_data_track(track: &[u8]) -> bool {
    let media = Boxes::find(track, *b"mdia").map(|found| found.data);
    let handler = media
        .and_then(|media| Boxes::find(media, *b"hdlr"))
        .and_then(|found| found.data.get(8..12));
    !matches!(
        handler,
        Some(b"vide" | b"soun" | b"subt" | b"text" | b"sbtl" | b"clcp" | b"tmcd" | b"auxv" | b"pict")
    )
}

/// Where in the file the samples of such tracks are.
fn samples_of_data_tracks(file: &[u8]) -> Vec<Range<usize>> {
    let movies = Boxes::new(file).filter(|found| found.kind == *b"moov");
    let tracks = movies.flat_map(|movie| Boxes::new(movie.data).filter(|found| found.kind == *b"trak"));
    tracks
        .filter(|track| is_data_track(track.data))
        .filter_map(|track| {
            let media = Boxes::find(track.data, *b"mdia")?;
            let information = Boxes::find(media.data, *b"minf")?;
            Boxes::find(information.data, *b"stbl")
        })
        .flat_map(|tables| chunks(tables.data))
        .collect()
}

/// Where the chunks of a track are, from its tables (ISO 14496-12, 8.7): which sizes its samples have (`stsz`), how many of
/// them are in each chunk (`stsc`), and where the chunks begin (`stco`, `co64`). No table is longer than its box.
fn chunks(tables: &[u8]) -> Vec<Range<usize>> {
    let find = |kind: [u8; 4]| Boxes::find(tables, kind);
    let (Some(sizes), Some(runs)) = (find(*b"stsz"), find(*b"stsc")) else {
        return Vec::new();
    };
    let places: Vec<u64> = match (find(*b"stco"), find(*b"co64")) {
        (Some(table), _) => words(&table, 8).map(u64::from).collect(),
        (None, Some(table)) => {
            let words: Vec<u32> = words(&table, 8).collect();
            let pairs = words.chunks_exact(2);
            pairs
                .map(|pair| pair.iter().fold(0, |all, word| (all << 32) | u64::from(*word)))
                .collect()
        }
        (None, None) => Vec::new(),
    };
    let runs: Vec<u32> = words(&runs, 8).collect();
    let all_have = bytes::u32_be(sizes.data, 4).filter(|size| *size > 0);
    let mut sizes = words(&sizes, 12);
    let mut found = Vec::new();
    for (number, place) in (1_u32..).zip(places) {
        let count = samples_in(&runs, number);
        let length: u64 = match all_have {
            Some(size) => u64::from(size).saturating_mul(u64::from(count)),
            None => sizes.by_ref().take(count as usize).map(u64::from).sum(),
        };
        let range = usize::try_from(place)
            .ok()
            .zip(usize::try_from(place.saturating_add(length)).ok());
        found.extend(range.map(|(begin, end)| begin..end));
    }
    found
}

/// How many samples are in the chunk with this number, from runs of first chunk, samples per chunk, and description.
fn samples_in(runs: &[u32], chunk: u32) -> u32 {
    let mut runs = runs.chunks_exact(3).rev();
    runs.find(|run| run.first().is_some_and(|first| *first <= chunk))
        .and_then(|run| run.get(1).copied())
        .unwrap_or(0)
}

/// The numbers in a table from a place on.
fn words<'a>(table: &Box<'a>, from: usize) -> impl Iterator<Item = u32> + use<'a> {
    let words = table.data.get(from..).unwrap_or_default().chunks_exact(4);
    words.filter_map(|word| bytes::u32_be(word, 0))
}
