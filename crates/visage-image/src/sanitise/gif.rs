//! GIF: keeps frames, their control blocks and the loop count.

use crate::walk::gif::{APPLICATION, Block, GRAPHIC_CONTROL, open};
use crate::{ImageError, Limits, buffer, decode};

/// Length of a graphic control extension.
const CONTROL_BYTES: usize = 8;

/// Length of a loop extension.
const LOOP_BYTES: usize = 19;

pub(super) fn sanitise(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, ImageError> {
    let mut file = buffer::with_room(bytes.len())?;
    let (header, blocks) = open(bytes)?;
    file.extend_from_slice(header.raw);
    for block in blocks {
        match block? {
            Block::Image(image) => file.extend_from_slice(image.raw),
            Block::Extension { label, data, raw } => {
                let is_control = label == GRAPHIC_CONTROL && raw.len() == CONTROL_BYTES;
                let is_loop = label == APPLICATION && raw.len() == LOOP_BYTES && is_loop_count(data);
                if is_control || is_loop {
                    file.extend_from_slice(raw);
                }
            }
            Block::Trailer => file.push(0x3B),
        }
    }
    decode::gif::check_frames(&file, limits)?;
    Ok(file)
}

fn is_loop_count(data: &[u8]) -> bool {
    data.starts_with(b"\x0BNETSCAPE2.0\x03\x01") || data.starts_with(b"\x0BANIMEXTS1.0\x03\x01")
}
