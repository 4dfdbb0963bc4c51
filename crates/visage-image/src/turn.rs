//! Turns pixels upright.

use crate::pixels::{Pixels, usize_from};
use crate::{ImageError, Limits, Orientation};

/// The pixels after `orientation` has been applied.
pub(crate) fn upright(source: Pixels, orientation: Orientation, limits: &Limits) -> Result<Pixels, ImageError> {
    if orientation == Orientation::Normal {
        return Ok(source);
    }
    let (width, height) = orientation.turned_size(source.width, source.height);
    let mut turned = Pixels::zeroed(width, height, source.layout, limits)?;
    match source.layout.channels() {
        1 => turn::<1>(&source, &mut turned, orientation),
        2 => turn::<2>(&source, &mut turned, orientation),
        3 => turn::<3>(&source, &mut turned, orientation),
        _ => turn::<4>(&source, &mut turned, orientation),
    }
    Ok(turned)
}

/// Fills `turned` row by row: each row is a walk over the source from a start pixel in steps of one stride.
fn turn<const N: usize>(source: &Pixels, turned: &mut Pixels, orientation: Orientation) {
    let (width, height) = (usize_from(source.width), usize_from(source.height));
    let from = source.data.as_chunks::<N>().0;
    let row_pixels = usize_from(turned.width);
    for (row, pixels) in turned
        .data
        .as_chunks_mut::<N>()
        .0
        .chunks_exact_mut(row_pixels)
        .enumerate()
    {
        let (last_column, last_row) = (width - 1, height - 1);
        let (start, step_is_row, forward) = match orientation {
            Orientation::Normal => (row * width, false, true),
            Orientation::FlipHorizontal => (row * width + last_column, false, false),
            Orientation::Rotate180 => ((last_row - row) * width + last_column, false, false),
            Orientation::FlipVertical => ((last_row - row) * width, false, true),
            Orientation::Transpose => (row, true, true),
            Orientation::Rotate90 => (last_row * width + row, true, false),
            Orientation::Transverse => (last_row * width + last_column - row, true, false),
            Orientation::Rotate270 => (last_column - row, true, true),
        };
        let step = if step_is_row { width } else { 1 };
        for (column, pixel) in pixels.iter_mut().enumerate() {
            let index = if forward {
                start + column * step
            } else {
                start - column * step
            };
            *pixel = from[index];
        }
    }
}
