//! Where the samples of tracks are that are not kept, from tables that anybody may have written.
//!
//! The work is bounded by the length of the file: every entry of a table is read once, in order, and the ranges are blanked as
//! they are found. More bytes than the file has cannot be samples of different tracks; tables that say so are refused. So is a
//! file with samples that cannot be found, rather than to let them pass.

use std::iter::Peekable;
use std::slice::ChunksExact;

use super::mp4::MAX_TRACKS;
use super::mp4_clean::{Parts, is_kept_track};
use super::{Steps, VideoError};
use crate::bytes;

/// Blanks the samples of all tracks that are not kept.
pub(super) fn blank_samples(file: &mut [u8], steps: &mut Steps<'_>) -> Result<(), VideoError> {
    // A copy, because blanking may hit the tables themselves.
    let tables = tables_of_data(file)?;
    let mut left = file.len();
    for tables in &tables {
        blank_track(file, tables, &mut left, steps)?;
    }
    Ok(())
}

/// The tables (the contents of `stbl`) of the tracks that are not kept. Fragments of such tracks have tables of their own,
/// which are not understood here: cameras that record data beside the picture write no fragments.
fn tables_of_data(file: &[u8]) -> Result<Vec<Vec<u8>>, VideoError> {
    let (mut kept, mut tables) = (Vec::new(), Vec::new());
    for track in Parts::inside(file, *b"moov", *b"trak") {
        if kept.len() + tables.len() == MAX_TRACKS {
            return Err(VideoError::Damaged);
        }
        if is_kept_track(track) {
            kept.push(track_id(track));
        } else {
            tables.push(tables_of(track).ok_or(VideoError::Data)?.to_vec());
        }
    }
    for fragment in Parts::inside(file, *b"moof", *b"traf") {
        let id = Parts::find(fragment, *b"tfhd").and_then(|header| bytes::u32_be(header, 4));
        if id.is_none() || !kept.contains(&id) {
            return Err(VideoError::Data);
        }
    }
    Ok(tables)
}

fn track_id(track: &[u8]) -> Option<u32> {
    let header = Parts::find(track, *b"tkhd")?;
    bytes::u32_be(header, if *header.first()? == 1 { 20 } else { 12 })
}

fn tables_of(track: &[u8]) -> Option<&[u8]> {
    let media = Parts::find(track, *b"mdia")?;
    let information = Parts::find(media, *b"minf")?;
    Parts::find(information, *b"stbl")
}

/// Blanks one track, chunk by chunk (ISO 14496-12, 8.7), and takes what it blanks from what is `left` to be blanked.
fn blank_track(file: &mut [u8], tables: &[u8], left: &mut usize, steps: &mut Steps<'_>) -> Result<(), VideoError> {
    let mut runs = Runs::read(tables)?;
    let mut sizes = Sizes::read(tables)?;
    for (chunk, place) in (1_u32..).zip(places(tables)?) {
        steps.take()?;
        let length = sizes.of_next(runs.samples_in(chunk)?, steps)?;
        let within = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(file.len());
        let (begin, end) = (within(place), within(place.saturating_add(length)));
        *left = left.checked_sub(end - begin).ok_or(VideoError::Damaged)?;
        file.get_mut(begin..end).unwrap_or_default().fill(0);
    }
    // What is in no chunk has a place all the same.
    if sizes.left == 0 { Ok(()) } else { Err(VideoError::Data) }
}

/// Where the chunks begin.
fn places(tables: &[u8]) -> Result<impl Iterator<Item = u64>, VideoError> {
    let (short, long) = (Parts::find(tables, *b"stco"), Parts::find(tables, *b"co64"));
    let entries = match (short, long) {
        (Some(_), Some(_)) => return Err(VideoError::Damaged),
        (Some(table), None) => entries(table, 4)?,
        (None, Some(table)) => entries(table, 8)?,
        (None, None) => [].chunks_exact(1),
    };
    Ok(entries.map(|entry| entry.iter().fold(0, |place, byte| (place << 8) | u64::from(*byte))))
}

/// The entries of a table that begins with version, flags and their number: not more than there are bytes for.
fn entries(table: &[u8], entry_bytes: usize) -> Result<ChunksExact<'_, u8>, VideoError> {
    let count = bytes::u32_be(table, 4).and_then(|count| usize::try_from(count).ok());
    let length = count.and_then(|count| count.checked_mul(entry_bytes));
    let entries = length.and_then(|length| table.get(8..)?.get(..length));
    Ok(entries.ok_or(VideoError::Damaged)?.chunks_exact(entry_bytes))
}

/// How many samples are in each chunk: runs of first chunk, samples per chunk, and description. The first run begins with the
/// first chunk and each later one behind the one before it, so that one step per chunk is enough.
struct Runs<'a> {
    rest: Peekable<ChunksExact<'a, u8>>,
    samples: Option<u32>,
}

impl<'a> Runs<'a> {
    fn read(tables: &'a [u8]) -> Result<Self, VideoError> {
        const NONE: &[u8] = &[0; 8];
        let table = Parts::find(tables, *b"stsc").unwrap_or(NONE);
        Ok(Self {
            rest: entries(table, 12)?.peekable(),
            samples: None,
        })
    }

    /// To be asked for every chunk in order, from 1 on.
    fn samples_in(&mut self, chunk: u32) -> Result<u32, VideoError> {
        let first = self.rest.peek().and_then(|run| bytes::u32_be(run, 0));
        if first.is_some_and(|first| first < chunk) {
            return Err(VideoError::Damaged);
        }
        if first == Some(chunk) {
            self.samples = self.rest.next().and_then(|run| bytes::u32_be(run, 4));
        }
        self.samples.ok_or(VideoError::Damaged)
    }
}

/// The sizes of a track's samples: one for all, or a table with so many bits for each.
struct Sizes<'a> {
    of_all: u32,
    table: &'a [u8],
    bits: usize,
    next: usize,
    left: usize,
}

impl<'a> Sizes<'a> {
    fn read(tables: &'a [u8]) -> Result<Self, VideoError> {
        let (wide, compact) = (Parts::find(tables, *b"stsz"), Parts::find(tables, *b"stz2"));
        let table = match (wide, compact) {
            (Some(_), Some(_)) => return Err(VideoError::Damaged),
            (Some(table), None) | (None, Some(table)) => table,
            (None, None) => return Err(VideoError::Data),
        };
        let number = |at| bytes::u32_be(table, at).ok_or(VideoError::Damaged);
        let (second, count) = (number(4)?, number(8)?);
        let (of_all, bits) = match (wide, second & 0xFF) {
            (Some(_), _) => (second, if second == 0 { 32 } else { 0 }),
            (None, bits @ (4 | 8 | 16)) => (0, bits as usize),
            (None, _) => return Err(VideoError::Damaged),
        };
        let sizes = Self {
            of_all,
            table: table.get(12..).unwrap_or_default(),
            bits,
            next: 0,
            left: usize::try_from(count).unwrap_or(usize::MAX),
        };
        let is_whole = sizes.left.saturating_mul(bits).div_ceil(8) <= sizes.table.len();
        if is_whole { Ok(sizes) } else { Err(VideoError::Damaged) }
    }

    /// Bytes of the next samples together.
    fn of_next(&mut self, samples: u32, steps: &mut Steps<'_>) -> Result<u64, VideoError> {
        let there = self.left.min(samples as usize);
        self.left -= there;
        if self.bits == 0 {
            return Ok(u64::from(self.of_all).saturating_mul(u64::from(samples)));
        }
        let mut sum = 0_u64;
        for index in self.next..self.next + there {
            steps.take()?;
            sum = sum.saturating_add(u64::from(self.size(index)));
        }
        self.next += there;
        Ok(sum)
    }

    fn size(&self, index: usize) -> u32 {
        let byte = |at| self.table.get(at).copied().map(u32::from);
        let size = match self.bits {
            4 if index.is_multiple_of(2) => byte(index / 2).map(|two| two >> 4),
            4 => byte(index / 2).map(|two| two & 0xF),
            8 => byte(index),
            16 => bytes::u16_be(self.table, index * 2).map(u32::from),
            _ => bytes::u32_be(self.table, index * 4),
        };
        size.unwrap_or(0)
    }
}
