//! Takes out of a `WebM` file what is neither picture nor sound: tags, attachments, titles, dates.
//!
//! Nothing moves, because the index names places in the file: an element becomes a `Void`, full of zeros. What is kept is
//! listed. Checksums go as well, since what they were of has changed.

use super::matroska::{CLUSTER, DURATION, EBML, INFO, SEGMENT, TIMESTAMP_SCALE, TRACKS, header};

const VOID: u8 = 0xEC;

/// What is kept of a segment, with the contents of clusters: a cluster of unknown length ends where its contents do.
const IN_SEGMENT: &[u32] = &[
    0x114D_9B74, // SeekHead
    INFO,
    TRACKS,
    CLUSTER,
    0x1C53_BB6B, // Cues
    0xE7,        // Timestamp
    0xA3,        // SimpleBlock
    0xA0,        // BlockGroup
    0xAB,        // PrevSize
    0xA7,        // Position
];

const IN_INFO: &[u32] = &[
    TIMESTAMP_SCALE,
    DURATION,
    0x4D80, // MuxingApp, which must be there
    0x5741, // WritingApp, too
];

pub(super) fn clean(file: &mut [u8]) {
    let mut rest = file;
    while let Some((id, header_bytes, contents)) = header(rest) {
        let end = contents.map_or(rest.len(), |contents| header_bytes.saturating_add(contents));
        let (this, after) = rest.split_at_mut(end.min(rest.len()));
        match id {
            EBML => {}
            SEGMENT => clean_elements(this.get_mut(header_bytes..).unwrap_or_default(), IN_SEGMENT),
            _ => blank(this),
        }
        rest = after;
    }
    rest.fill(0);
}

fn clean_elements(mut rest: &mut [u8], kept: &[u32]) {
    while let Some((id, header_bytes, contents)) = header(rest) {
        // What has no length of its own is looked into.
        let end = header_bytes.saturating_add(contents.unwrap_or(0)).min(rest.len());
        let (this, after) = rest.split_at_mut(end);
        if !kept.contains(&id) {
            blank(this);
        } else if id == INFO {
            clean_elements(this.get_mut(header_bytes..).unwrap_or_default(), IN_INFO);
        }
        rest = after;
    }
    rest.fill(0);
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
