//! Writes coded pictures as an AVIF file (AV1 image file format, on ISO 23008-12 and ISO 14496-12).

use visage_cloudinary::ImageFormat;
use visage_codecs::av1::Chroma;

use super::failed;
use crate::probe::av1::{self, Agreed, Sequence};
use crate::{ImageError, buffer};

/// One coded picture.
pub(super) struct Stream {
    bytes: Vec<u8>,
    sequence: Sequence,
}

impl Stream {
    /// Takes what the encoder made, without the delimiter that only films need.
    pub(super) fn new(mut bytes: Vec<u8>) -> Result<Self, ImageError> {
        const TEMPORAL_DELIMITER: [u8; 2] = [0x12, 0];
        if bytes.starts_with(&TEMPORAL_DELIMITER) {
            bytes.drain(..TEMPORAL_DELIMITER.len());
        }
        match av1::agreed(&bytes) {
            Agreed::One(sequence) => Ok(Self { bytes, sequence }),
            Agreed::None | Agreed::Contradiction => Err(failed(ImageFormat::Avif, "the encoder wrote no header")),
        }
    }
}

const COLOUR_ITEM: u8 = 1;
const ALPHA_ITEM: u8 = 2;

/// Set on properties that a reader must understand.
const ESSENTIAL: u8 = 0x80;

/// The file of a picture in sRGB, whose chroma is BT.601's, and perhaps of its alpha plane.
pub(super) fn write(
    (width, height): (u32, u32),
    colour: &Stream,
    alpha: Option<&Stream>,
) -> Result<Vec<u8>, ImageError> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let mut properties = vec![
        full_box(*b"ispe", &[&size]),
        make_box(*b"av1C", &[&configuration(&colour.sequence)]),
        full_box(*b"pixi", &[&[3, 8, 8, 8]]),
        // BT.709 primaries, the curve of sRGB, the matrix of BT.601, all values.
        make_box(*b"colr", &[b"nclx\0\x01\0\x0D\0\x06\x80"]),
    ];
    let mut used: Vec<&[u8]> = vec![&[0, COLOUR_ITEM, 4, 1, 2 | ESSENTIAL, 3, 4]];
    if let Some(alpha) = alpha {
        properties.extend([
            make_box(*b"av1C", &[&configuration(&alpha.sequence)]),
            full_box(*b"pixi", &[&[1, 8]]),
            full_box(*b"auxC", &[b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"]),
        ]);
        used.push(&[0, ALPHA_ITEM, 4, 1, 5 | ESSENTIAL, 6, 7]);
    }
    let items: Vec<u8> = (COLOUR_ITEM..).take(used.len()).collect();
    let count = u32::try_from(used.len()).unwrap_or_default().to_be_bytes();
    let streams: Vec<&[u8]> = [Some(colour), alpha]
        .into_iter()
        .flatten()
        .map(|stream| stream.bytes.as_slice())
        .collect();
    let head = |first_at: u32| {
        let entries: Vec<Vec<u8>> = items.iter().map(|item| full_item(*item)).collect();
        let mut boxes = vec![
            full_box(*b"hdlr", &[b"\0\0\0\0pict", &[0; 13]]),
            full_box(*b"pitm", &[&[0, COLOUR_ITEM]]),
            full_box(*b"iloc", &[&locations(&items, &streams, first_at)]),
            full_box(*b"iinf", &[&count[2..], &entries.concat()]),
        ];
        if alpha.is_some() {
            let reference = make_box(*b"auxl", &[&[0, ALPHA_ITEM, 0, 1, 0, COLOUR_ITEM]]);
            boxes.push(full_box(*b"iref", &[&reference]));
        }
        let properties = make_box(*b"ipco", &[&properties.concat()]);
        let associations = full_box(*b"ipma", &[&count, &used.concat()]);
        boxes.push(make_box(*b"iprp", &[&properties, &associations]));
        [file_type(&colour.sequence), full_box(*b"meta", &[&boxes.concat()])].concat()
    };
    let head_bytes = head(0).len() + BOX_HEADER_BYTES;
    let too_large = |cause| failed(ImageFormat::Avif, cause);
    let data_bytes: usize = streams.iter().map(|stream| stream.len()).sum();
    let box_bytes = u32::try_from(data_bytes + BOX_HEADER_BYTES).map_err(too_large)?;
    let head = head(u32::try_from(head_bytes).map_err(too_large)?);
    let mut file = buffer::with_room(head_bytes + data_bytes)?;
    file.extend_from_slice(&head);
    file.extend_from_slice(&box_bytes.to_be_bytes());
    file.extend_from_slice(b"mdat");
    for stream in streams {
        file.extend_from_slice(stream);
    }
    Ok(file)
}

const BOX_HEADER_BYTES: usize = 8;

/// `ftyp`: also which profile of AVIF it is.
fn file_type(sequence: &Sequence) -> Vec<u8> {
    let profile: &[u8] = if sequence.chroma == Chroma::Quarter {
        b"MA1B"
    } else {
        b"MA1A"
    };
    make_box(*b"ftyp", &[b"avif\0\0\0\0avifmif1miaf", profile])
}

/// `av1C`: what a decoder must be able to do (AV1 codec ISO media file format binding, 2.3.3).
fn configuration(sequence: &Sequence) -> [u8; 4] {
    const MARKER_AND_VERSION: u8 = 0x81;
    let (half_columns, half_rows) = match sequence.chroma {
        Chroma::Gray => (true, true),
        other => other.halves(),
    };
    let flags = [
        sequence.level.tier == 1,
        sequence.depth > 8,
        sequence.depth == 12,
        sequence.chroma == Chroma::Gray,
        half_columns,
        half_rows,
    ];
    let flags = flags.into_iter().fold(0, |bits, flag| bits << 1 | u8::from(flag));
    [
        MARKER_AND_VERSION,
        sequence.level.profile << 5 | sequence.level.level,
        flags << 2,
        0,
    ]
}

fn full_item(item: u8) -> Vec<u8> {
    const VERSION: [u8; 4] = [2, 0, 0, 0];
    make_box(*b"infe", &[&VERSION, &[0, item, 0, 0], b"av01\0"])
}

/// `iloc`: 32-bit offsets and lengths, one part for each item.
fn locations(items: &[u8], streams: &[&[u8]], first_at: u32) -> Vec<u8> {
    let count = u8::try_from(items.len()).unwrap_or_default();
    let mut data = vec![0x44, 0, 0, count];
    let mut at = first_at;
    for (item, stream) in items.iter().zip(streams) {
        let length = u32::try_from(stream.len()).unwrap_or(u32::MAX);
        data.extend([0, *item, 0, 0, 0, 1]);
        data.extend(at.to_be_bytes());
        data.extend(length.to_be_bytes());
        at = at.saturating_add(length);
    }
    data
}

fn full_box(kind: [u8; 4], contents: &[&[u8]]) -> Vec<u8> {
    const VERSION_AND_FLAGS: &[u8] = &[0; 4];
    make_box(kind, &[[VERSION_AND_FLAGS].as_slice(), contents].concat())
}

/// A box of few bytes.
fn make_box(kind: [u8; 4], contents: &[&[u8]]) -> Vec<u8> {
    let length = contents.iter().map(|part| part.len()).sum::<usize>() + BOX_HEADER_BYTES;
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [length.as_slice(), &kind, &contents.concat()].concat()
}
