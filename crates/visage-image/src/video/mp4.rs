//! MP4 and `QuickTime` (ISO 14496-12): the index of the file, `moov`, wherever it stands.
//!
//! Walked with our own bounded boxes: the libraries for MP4 build tables as large as a header says.

use std::io::{self, Read, Seek};

use super::{AudioFacts, VideoFacts, codec, read_at};
use crate::bytes;
use crate::walk::boxes::{Box, Boxes};

/// Boxes beside the index; a fragmented file has two per few seconds, but its index comes first.
const MAX_TOP_BOXES: usize = 4096;

/// The index of hours of video has a few megabytes.
const MAX_INDEX_BYTES: u64 = 32 * 1024 * 1024;

pub(super) const MAX_TRACKS: usize = 32;

pub(super) fn probe<R: Read + Seek>(reader: &mut R, format: &'static str, file_bytes: u64) -> io::Result<VideoFacts> {
    let index = index(reader, file_bytes)?;
    let mut facts = VideoFacts::of(format);
    describe(&index, &mut facts);
    Ok(facts)
}

/// The contents of `moov`; nothing when there is none, or it is too large.
fn index<R: Read + Seek>(reader: &mut R, file_bytes: u64) -> io::Result<Vec<u8>> {
    let mut start = 0;
    for _ in 0..MAX_TOP_BOXES {
        let header = read_at(reader, start, 16)?;
        let Some((kind, header_bytes, length)) = top_box(&header, file_bytes.saturating_sub(start)) else {
            break;
        };
        if kind == *b"moov" {
            let wanted = length - header_bytes;
            return if wanted <= MAX_INDEX_BYTES {
                read_at(reader, start + header_bytes, wanted)
            } else {
                Ok(Vec::new())
            };
        }
        start = start.saturating_add(length);
    }
    Ok(Vec::new())
}

/// Kind, bytes of the header, and bytes with the header; a length of 0 means the rest of the file.
fn top_box(header: &[u8], rest: u64) -> Option<([u8; 4], u64, u64)> {
    let kind = *header.get(4..)?.first_chunk::<4>()?;
    let (header_bytes, length) = match bytes::u32_be(header, 0)? {
        0 => (8, rest),
        1 => (16, bytes::u64_be(header, 8)?),
        length => (8, u64::from(length)),
    };
    (length >= header_bytes).then_some((kind, header_bytes, length))
}

fn describe(index: &[u8], facts: &mut VideoFacts) {
    facts.duration_seconds = Boxes::find(index, *b"mvhd").and_then(|found| seconds(&found));
    if facts.duration_seconds.is_none() {
        facts.duration_seconds = fragments_seconds(index);
    }
    let tracks = Boxes::new(index)
        .filter(|found| found.kind == *b"trak")
        .take(MAX_TRACKS);
    for track in tracks {
        let Some(media) = Boxes::find(track.data, *b"mdia").map(|found| found.data) else {
            continue;
        };
        let handler = Boxes::find(media, *b"hdlr").and_then(|found| found.data.get(8..12));
        match handler {
            Some(b"vide") if facts.video_codec.is_none() => describe_video(track.data, media, facts),
            Some(b"soun") if facts.audio.is_none() => facts.audio = Some(audio(media)),
            _ => {}
        }
    }
}

fn describe_video(track: &[u8], media: &[u8], facts: &mut VideoFacts) {
    let entry = sample_entry(media);
    facts.video_codec =
        Some(entry.map_or_else(String::new, |entry| codec::name(&String::from_utf8_lossy(&entry.kind))));
    let size = entry.and_then(|entry| Some((bytes::u16_be(entry.data, 24)?, bytes::u16_be(entry.data, 26)?)));
    facts.rotation = Boxes::find(track, *b"tkhd")
        .and_then(|found| rotation(&found))
        .unwrap_or(0);
    if let Some((width, height)) = size.filter(|(width, height)| *width > 0 && *height > 0) {
        let is_lying = matches!(facts.rotation, 90 | 270);
        let (width, height) = if is_lying { (height, width) } else { (width, height) };
        (facts.width, facts.height) = (Some(u32::from(width)), Some(u32::from(height)));
    }
    let length = Boxes::find(media, *b"mdhd").and_then(|found| seconds(&found));
    facts.frames = sample_count(media).filter(|count| *count > 0);
    if let (Some(frames), Some(length)) = (facts.frames, length) {
        facts.frame_rate = Some(frames as f64 / length);
    }
}

fn audio(media: &[u8]) -> AudioFacts {
    let Some(entry) = sample_entry(media) else {
        return AudioFacts::default();
    };
    AudioFacts {
        codec: Some(codec::name(&String::from_utf8_lossy(&entry.kind))),
        channels: bytes::u16_be(entry.data, 16).map(u32::from),
        // Stored as a fixed point number with 16 bits for the fraction.
        frequency_hertz: bytes::u32_be(entry.data, 24)
            .map(|frequency| frequency >> 16)
            .filter(|hertz| *hertz > 0),
    }
}

fn table(media: &[u8], kind: [u8; 4]) -> Option<Box<'_>> {
    let information = Boxes::find(media, *b"minf")?;
    let tables = Boxes::find(information.data, *b"stbl")?;
    Boxes::find(tables.data, kind)
}

/// The first entry of `stsd`.
fn sample_entry(media: &[u8]) -> Option<Box<'_>> {
    Boxes::new(table(media, *b"stsd")?.data.get(8..)?).next()
}

fn sample_count(media: &[u8]) -> Option<u64> {
    let sizes = table(media, *b"stsz")?;
    bytes::u32_be(sizes.data, 8).map(u64::from)
}

/// The length that `mvhd` and `mdhd` state in the same way; zero and "unknown" (all bits set) are none.
fn seconds(header: &Box<'_>) -> Option<f64> {
    let (version, data) = header.full()?;
    let (scale, duration) = if version == 1 {
        (
            bytes::u32_be(data, 16)?,
            bytes::u64_be(data, 20).filter(|duration| *duration != u64::MAX)?,
        )
    } else {
        let duration = bytes::u32_be(data, 12).filter(|duration| *duration != u32::MAX)?;
        (bytes::u32_be(data, 8)?, u64::from(duration))
    };
    (scale > 0 && duration > 0).then(|| duration as f64 / f64::from(scale))
}

/// The length of a fragmented file, if its author knew it (`mehd`).
fn fragments_seconds(index: &[u8]) -> Option<f64> {
    let (movie_version, movie) = Boxes::find(index, *b"mvhd")?.full()?;
    let scale = bytes::u32_be(movie, if movie_version == 1 { 16 } else { 8 })?;
    let extends = Boxes::find(index, *b"mvex")?;
    let (version, data) = Boxes::find(extends.data, *b"mehd")?.full()?;
    let duration = if version == 1 {
        bytes::u64_be(data, 0)?
    } else {
        u64::from(bytes::u32_be(data, 0)?)
    };
    (scale > 0 && duration > 0).then(|| duration as f64 / f64::from(scale))
}

/// From the first two numbers of the matrix in `tkhd`: cosine and sine as fixed point numbers.
fn rotation(header: &Box<'_>) -> Option<u16> {
    const ONE: u32 = 0x1_0000;
    let (version, data) = header.full()?;
    let matrix = if version == 1 { 48 } else { 36 };
    let (cosine, sine) = (bytes::u32_be(data, matrix)?, bytes::u32_be(data, matrix + 4)?);
    Some(match (cosine, sine) {
        (0, ONE) => 90,
        (0, negative) if negative == ONE.wrapping_neg() => 270,
        (negative, 0) if negative == ONE.wrapping_neg() => 180,
        _ => 0,
    })
}
