//! Effects on parts of a picture.

use visage_cloudinary::transformation::LevelEffect;

use crate::pixels::{Pixels, usize_from};
use crate::plan::{EffectStep, Window};
use crate::{ImageError, Limits};

/// A part in whole pixels, inside the picture and not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

/// Where `effect` happens: at the faces, or in the component's rectangle, which reaches to the end where it has no size.
pub(super) fn boxes(pixels: &Pixels, effect: LevelEffect, step: &EffectStep) -> Vec<Part> {
    let size = (pixels.width, pixels.height);
    if matches!(effect, LevelEffect::BlurFaces | LevelEffect::PixelateFaces) {
        return step.faces.iter().filter_map(|face| face_part(*face, size)).collect();
    }
    let (x, y) = (step.x.unwrap_or(0), step.y.unwrap_or(0));
    let right = step.width.map_or(i64::MAX, |width| x.saturating_add(width));
    let bottom = step.height.map_or(i64::MAX, |height| y.saturating_add(height));
    part((x, y), (right, bottom), size).into_iter().collect()
}

/// A detector's box ends at the brows and the chin; a tenth more on every side covers the face.
fn face_part(face: Window, size: (u32, u32)) -> Option<Part> {
    let (more_x, more_y) = (face.width / 10.0, face.height / 10.0);
    let start = ((face.x - more_x).floor() as i64, (face.y - more_y).floor() as i64);
    let right = (face.x + face.width + more_x).ceil() as i64;
    let bottom = (face.y + face.height + more_y).ceil() as i64;
    part(start, (right, bottom), size)
}

fn part((x, y): (i64, i64), (right, bottom): (i64, i64), (width, height): (u32, u32)) -> Option<Part> {
    let inside = |place: i64, side: u32| place.clamp(0, i64::from(side)) as u32;
    let (left, top) = (inside(x, width), inside(y, height));
    let (right, bottom) = (inside(right, width), inside(bottom, height));
    (right > left && bottom > top).then(|| Part {
        x: left,
        y: top,
        width: right - left,
        height: bottom - top,
    })
}

/// Takes each part out, changes it, and puts it back.
pub(super) fn change(
    mut pixels: Pixels,
    parts: &[Part],
    limits: &Limits,
    change: impl Fn(Pixels) -> Result<Pixels, ImageError>,
) -> Result<Pixels, ImageError> {
    for part in parts {
        let mut cut = Pixels::zeroed(part.width, part.height, pixels.layout, limits)?;
        for_rows(&mut pixels, *part, &mut cut, |picture, cut| {
            cut.copy_from_slice(picture);
        });
        let mut changed = change(cut)?;
        for_rows(&mut pixels, *part, &mut changed, |picture, cut| {
            picture.copy_from_slice(cut);
        });
    }
    Ok(pixels)
}

fn for_rows(pixels: &mut Pixels, part: Part, cut: &mut Pixels, act: impl Fn(&mut [u8], &mut [u8])) {
    let channels = pixels.layout.channels();
    let (row_bytes, cut_bytes) = (pixels.row_bytes(), cut.row_bytes());
    let left = usize_from(part.x) * channels;
    let rows = pixels.data.chunks_exact_mut(row_bytes).skip(usize_from(part.y));
    for (row, cut) in rows.zip(cut.data.chunks_exact_mut(cut_bytes)) {
        act(&mut row[left..left + cut_bytes], cut);
    }
}
