//! Takes out of a `WebM` file what is neither picture nor sound: tags, attachments, titles, dates, subtitles.
//!
//! Nothing moves, because the index names places in the file: an element becomes a `Void`, full of zeros. What is kept is
//! listed. Checksums go as well, since what they were of has changed. Only a segment and a cluster may be without a length, as
//! recorders write them; where anything else would end is a guess, and such a file is refused.

use super::matroska::{
    AUDIO, CLUSTER, CODEC_ID, DEFAULT_DURATION, DOC_TYPE, DURATION, EBML, Elements, INFO, MAX_TRACKS, SEGMENT,
    TIMESTAMP_SCALE, TRACK_ENTRY, TRACK_TYPE, TRACKS, VIDEO, find, header, length, number,
};
use super::{Steps, VideoError};

const VOID: u8 = 0xEC;

const MUXING_APP: u32 = 0x4D80;
const WRITING_APP: u32 = 0x5741;
const TRACK_NUMBER: u32 = 0xD7;
const SIMPLE_BLOCK: u32 = 0xA3;
const BLOCK_GROUP: u32 = 0xA0;
const BLOCK: u32 = 0xA1;

const IN_CLUSTER: &[u32] = &[
    0xE7, // Timestamp
    0xA7, // Position
    0xAB, // PrevSize
    SIMPLE_BLOCK,
    BLOCK_GROUP,
];

/// Where an element stands: what is kept there, and what is looked into. Each level has others inside, so that no file is
/// nested deeper than this.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Level {
    File,
    Header,
    Segment,
    Info,
    Tracks,
    Track,
    Cluster,
    Group,
}

impl Level {
    fn keeps(self, id: u32) -> bool {
        match self {
            Self::File => matches!(id, EBML | SEGMENT),
            // Versions and the lengths of ids.
            Self::Header => matches!(id, DOC_TYPE | 0x4286 | 0x42F7 | 0x42F2 | 0x42F3 | 0x4287 | 0x4285),
            // SeekHead and Cues are the index. A cluster without a length ends where its contents do.
            Self::Segment => {
                matches!(id, INFO | TRACKS | CLUSTER | 0x114D_9B74 | 0x1C53_BB6B) || IN_CLUSTER.contains(&id)
            }
            Self::Info => matches!(id, TIMESTAMP_SCALE | DURATION | MUXING_APP | WRITING_APP),
            Self::Tracks => id == TRACK_ENTRY,
            Self::Track => {
                matches!(
                    id,
                    TRACK_NUMBER | TRACK_TYPE | CODEC_ID | DEFAULT_DURATION | VIDEO | AUDIO
                ) || is_setting(id)
            }
            Self::Cluster => IN_CLUSTER.contains(&id),
            // Durations, references to other blocks, transparency, padding.
            Self::Group => matches!(id, BLOCK | 0x9B | 0xFA | 0xFB | 0x75A1 | 0x75A2 | 0xA4),
        }
    }

    fn inside(self, id: u32) -> Option<Self> {
        match (self, id) {
            (Self::File, EBML) => Some(Self::Header),
            (Self::File, SEGMENT) => Some(Self::Segment),
            (Self::Segment, INFO) => Some(Self::Info),
            (Self::Segment, TRACKS) => Some(Self::Tracks),
            (Self::Tracks, TRACK_ENTRY) => Some(Self::Track),
            (Self::Segment, CLUSTER) => Some(Self::Cluster),
            (Self::Segment | Self::Cluster, BLOCK_GROUP) => Some(Self::Group),
            _ => None,
        }
    }

    /// Where contents end whose length is not known; `None` where nobody can say.
    fn end_of_unknown(self, id: u32, header_bytes: usize, rest: &[u8]) -> Option<usize> {
        match (self, id) {
            (Self::File, SEGMENT) => Some(rest.len()),
            // What is in it is looked at as if it stood behind it.
            (Self::Segment, CLUSTER) => Some(header_bytes),
            _ => None,
        }
    }
}

/// What else decoders and players ask of a track; its name is none of it.
fn is_setting(id: u32) -> bool {
    matches!(
        id,
        0x73C5 // TrackUID
            | 0xB9 | 0x88 | 0x55AA
            ..=0x55AF | 0x9C // flags
            | 0x6DE7 | 0x6DF8 // caches
            | 0x23_4E7A | 0x23_314F // durations and scale
            | 0x55EE | 0x41E4 // additions to blocks
            | 0x22_B59C | 0x22_B59D // languages
            | 0x63A2 | 0x56AA | 0x56BB | 0xAA // the codec's
            | 0x6D80 // ContentEncodings
    )
}

/// Cleans the file in place.
///
/// # Errors
/// When an element is without a length that must have one, or the tracks make no sense; then the file is half done.
pub(super) fn clean(file: &mut [u8], steps: &mut Steps<'_>) -> Result<(), VideoError> {
    let shown = shown_tracks(file)?;
    clean_elements(file, Level::File, &shown, steps)
}

/// The numbers of the tracks of pictures and sound.
fn shown_tracks(file: &[u8]) -> Result<Vec<u64>, VideoError> {
    let segments = Elements(file).filter(|(id, _)| *id == SEGMENT);
    // As when it is probed: the tracks stand before the first cluster.
    let tracks = segments.flat_map(|(_, segment)| Elements(segment).take_while(|(id, _)| *id != CLUSTER));
    let entries = tracks
        .filter(|(id, _)| *id == TRACKS)
        .flat_map(|(_, tracks)| Elements(tracks))
        .filter(|(id, _)| *id == TRACK_ENTRY);
    let mut shown = Vec::new();
    for (_, entry) in entries.filter(|(_, entry)| is_shown(entry)) {
        if shown.len() == MAX_TRACKS {
            return Err(VideoError::Damaged);
        }
        shown.push(find(entry, TRACK_NUMBER).and_then(number).ok_or(VideoError::Damaged)?);
    }
    Ok(shown)
}

fn is_shown(entry: &[u8]) -> bool {
    matches!(find(entry, TRACK_TYPE).and_then(number), Some(1 | 2))
}

fn clean_elements(mut rest: &mut [u8], level: Level, shown: &[u64], steps: &mut Steps<'_>) -> Result<(), VideoError> {
    while let Some((id, header_bytes, contents)) = header(rest) {
        steps.take()?;
        let end = match contents {
            Some(length) => header_bytes.saturating_add(length),
            None => level
                .end_of_unknown(id, header_bytes, rest)
                .ok_or(VideoError::Damaged)?,
        };
        let (this, after) = rest.split_at_mut(end.min(rest.len()));
        rest = after;
        let contents = this.get_mut(header_bytes..).unwrap_or_default();
        if !level.keeps(id) || !goes_with(id, contents, shown) {
            blank(this);
        } else if let Some(inside) = level.inside(id) {
            clean_elements(contents, inside, shown, steps)?;
        } else if matches!(id, MUXING_APP | WRITING_APP) {
            // They must be there; zeros end a text.
            contents.fill(0);
        }
    }
    rest.fill(0);
    Ok(())
}

/// Whether an element is no track and no part of one, or of one that is kept.
fn goes_with(id: u32, contents: &[u8], shown: &[u64]) -> bool {
    let is_of_shown = |block: &[u8]| {
        let track = length(block).and_then(|(number, _)| number);
        track.is_some_and(|number| shown.contains(&number))
    };
    match id {
        TRACK_ENTRY => is_shown(contents),
        SIMPLE_BLOCK | BLOCK => is_of_shown(contents),
        BLOCK_GROUP => find(contents, BLOCK).is_some_and(is_of_shown),
        _ => true,
    }
}

/// Makes a `Void` of an element, as long as it was.
fn blank(element: &mut [u8]) {
    element.fill(0);
    let length_bytes = element.len().saturating_sub(1).min(8);
    let contents = element.len().saturating_sub(1 + length_bytes) as u64;
    let length = contents | (1 << (7 * length_bytes));
    let Some((first, rest)) = element.split_first_mut() else {
        return;
    };
    *first = VOID;
    let digits = length.to_be_bytes();
    for (place, digit) in rest.iter_mut().zip(digits.iter().skip(8 - length_bytes)) {
        *place = *digit;
    }
}
