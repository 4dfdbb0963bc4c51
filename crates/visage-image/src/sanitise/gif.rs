//! GIF: keeps frames, their control blocks and the loop count.

use std::io::Read;

use crate::context::RenderContext;
use crate::walk::gif::PictureFile;
use crate::{ImageError, buffer, decode};

/// What may have to be supplied: the end of the last frame and of the file.
const SUPPLIED_BYTES: usize = 2;

pub(super) fn sanitise(bytes: &[u8], context: RenderContext<'_>) -> Result<Vec<u8>, ImageError> {
    let mut file = buffer::with_room(bytes.len() + SUPPLIED_BYTES)?;
    PictureFile::open(bytes)?
        .read_to_end(&mut file)
        .map_err(ImageError::from_decoder)?;
    decode::gif::check_frames(&file, context)?;
    Ok(file)
}
