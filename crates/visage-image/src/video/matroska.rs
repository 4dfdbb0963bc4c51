//! `WebM` and Matroska (RFC 9559): the beginning of the file, up to the first cluster.
//!
//! Walked with our own bounded elements: demuxers read an index of the whole file, which no fact here needs.

use std::io::{self, Read, Seek};

use super::{AudioFacts, VideoFacts, codec, read_at};

/// Facts and tracks stand before the first cluster, behind at most a few pictures of fonts and covers.
const BEGINNING_BYTES: u64 = 1024 * 1024;

pub(super) const MAX_TRACKS: usize = 32;

pub(super) const EBML: u32 = 0x1A45_DFA3;
pub(super) const DOC_TYPE: u32 = 0x4282;
pub(super) const SEGMENT: u32 = 0x1853_8067;
pub(super) const CLUSTER: u32 = 0x1F43_B675;
pub(super) const INFO: u32 = 0x1549_A966;
pub(super) const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
pub(super) const DURATION: u32 = 0x4489;
pub(super) const TRACKS: u32 = 0x1654_AE6B;
pub(super) const TRACK_ENTRY: u32 = 0xAE;
pub(super) const TRACK_TYPE: u32 = 0x83;
pub(super) const CODEC_ID: u32 = 0x86;
pub(super) const DEFAULT_DURATION: u32 = 0x23_E383;
pub(super) const VIDEO: u32 = 0xE0;
const PIXEL_WIDTH: u32 = 0xB0;
const PIXEL_HEIGHT: u32 = 0xBA;
pub(super) const AUDIO: u32 = 0xE1;
const SAMPLING_FREQUENCY: u32 = 0xB5;
const CHANNELS: u32 = 0x9F;

pub(super) fn probe<R: Read + Seek>(reader: &mut R) -> io::Result<VideoFacts> {
    let beginning = read_at(reader, 0, BEGINNING_BYTES)?;
    let header = find(&beginning, EBML).unwrap_or_default();
    let is_webm = find(header, DOC_TYPE).is_some_and(|name| name.starts_with(b"webm"));
    let mut facts = VideoFacts::of(if is_webm { "webm" } else { "mkv" });
    let segment = find(&beginning, SEGMENT).unwrap_or_default();
    for (id, data) in Elements(segment).take_while(|(id, _)| *id != CLUSTER) {
        match id {
            INFO => facts.duration_seconds = seconds(data),
            TRACKS => describe_tracks(data, &mut facts),
            _ => {}
        }
    }
    Ok(facts)
}

fn seconds(info: &[u8]) -> Option<f64> {
    const MILLISECOND: u64 = 1_000_000;
    let scale = find(info, TIMESTAMP_SCALE).and_then(number).unwrap_or(MILLISECOND);
    Some(find(info, DURATION).and_then(float)? * scale as f64 / 1e9)
}

fn describe_tracks(tracks: &[u8], facts: &mut VideoFacts) {
    let entries = Elements(tracks).filter(|(id, _)| *id == TRACK_ENTRY).take(MAX_TRACKS);
    for (_, entry) in entries {
        let codec = find(entry, CODEC_ID)
            .map(|id| codec::name(&String::from_utf8_lossy(id.get(..id.len().min(64)).unwrap_or_default())));
        match find(entry, TRACK_TYPE).and_then(number) {
            Some(1) if facts.video_codec.is_none() => {
                let video = find(entry, VIDEO).unwrap_or_default();
                let side = |id| {
                    find(video, id)
                        .and_then(number)
                        .and_then(|side| u32::try_from(side).ok())
                };
                (facts.width, facts.height) = (side(PIXEL_WIDTH), side(PIXEL_HEIGHT));
                let nanoseconds = find(entry, DEFAULT_DURATION)
                    .and_then(number)
                    .filter(|duration| *duration > 0);
                facts.frame_rate = nanoseconds.map(|duration| 1e9 / duration as f64);
                facts.video_codec = Some(codec.unwrap_or_default());
            }
            Some(2) if facts.audio.is_none() => facts.audio = Some(audio(entry, codec)),
            _ => {}
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from a float stops at the smallest and largest number"
)]
fn audio(entry: &[u8], codec: Option<String>) -> AudioFacts {
    let settings = find(entry, AUDIO).unwrap_or_default();
    AudioFacts {
        codec,
        channels: find(settings, CHANNELS)
            .and_then(number)
            .map_or(Some(1), |count| u32::try_from(count).ok()),
        frequency_hertz: Some(
            find(settings, SAMPLING_FREQUENCY)
                .and_then(float)
                .map_or(8000, |hertz| hertz as u32),
        ),
    }
}

/// The contents of the first element with this id.
pub(super) fn find(data: &[u8], id: u32) -> Option<&[u8]> {
    Elements(data)
        .find(|(found, _)| *found == id)
        .map(|(_, contents)| contents)
}

/// Elements one after the other: id and contents. One that reaches past the end, or whose length is not known (as a live
/// stream has them), ends where the data does.
pub(super) struct Elements<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (id, header_bytes, length) = header(self.0)?;
        let contents = self.0.get(header_bytes..)?;
        let end = length.unwrap_or(usize::MAX);
        let (contents, after) = contents.split_at(end.min(contents.len()));
        self.0 = after;
        Some((id, contents))
    }
}

/// Id, bytes of the header, and bytes of the contents, where they are known.
pub(super) fn header(data: &[u8]) -> Option<(u32, usize, Option<usize>)> {
    let (id, id_bytes) = id(data)?;
    let (length, length_bytes) = length(data.get(id_bytes..)?)?;
    let length = length.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    Some((id, id_bytes + length_bytes, length))
}

/// An id with its marker bits, one to four bytes.
fn id(data: &[u8]) -> Option<(u32, usize)> {
    let count = data.first()?.leading_zeros() as usize + 1;
    let bytes = data.get(..count).filter(|_| count <= 4)?;
    Some((bytes.iter().fold(0, |id, byte| (id << 8) | u32::from(*byte)), count))
}

/// A length without its marker bit, one to eight bytes; all bits set means unknown.
pub(super) fn length(data: &[u8]) -> Option<(Option<u64>, usize)> {
    let count = data.first()?.leading_zeros() as usize + 1;
    let bytes = data.get(..count).filter(|_| count <= 8)?;
    let all = bytes.iter().fold(0, |length, byte| (length << 8) | u64::from(*byte));
    let unknown = (1_u64 << (7 * count)) - 1;
    let length = all & unknown;
    Some(((length != unknown).then_some(length), count))
}

pub(super) fn number(data: &[u8]) -> Option<u64> {
    (data.len() <= 8).then(|| data.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}

fn float(data: &[u8]) -> Option<f64> {
    match data.len() {
        4 => data.first_chunk().map(|bytes| f64::from(f32::from_be_bytes(*bytes))),
        8 => data.first_chunk().map(|bytes| f64::from_be_bytes(*bytes)),
        _ => None,
    }
}
