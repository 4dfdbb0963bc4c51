//! Where faces are.
//!
//! The detector is `rustface` with the `SeetaFace` model that comes with it; both lie in the program, nothing is fetched.
//! It finds faces that look at the camera. Profiles, goggles and faces of a few pixels stay unseen.

use rustface::ImageData;

use super::Sample;
use crate::ImageError;

const MODEL: &[u8] = include_bytes!("../../models/seeta_fd_frontal_v1.0.bin");

/// Longer sides that are looked at, the next only if nothing was found: small planes are quick, and enough for
/// portraits.
const SIDES_PIXELS: [u32; 2] = [320, 640];

/// Measured on photographs: below are shadows and folds, above all clear faces.
const MIN_SCORE: f64 = 2.0;

/// The detector's own smallest window.
const MIN_FACE_PIXELS: u32 = 20;

/// The detector draws squares from brow to chin, and a face is narrower: the width of faces that were marked by hand is
/// this part of the square's.
const WIDTH_OF_SQUARE: f64 = 0.85;

/// More faces than anybody counts; the largest stay.
const MAX_FACES: usize = 100;

/// A face in pixels of the upright picture at its full size, inside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are what they are called")]
pub struct FaceBox {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Sample {
    /// The faces in it, the largest first. Time depends on the size of the sample alone, which is bounded.
    ///
    /// # Errors
    ///
    /// When there is no memory for a small plane of pixels.
    pub fn faces(&self) -> Result<Vec<FaceBox>, ImageError> {
        let longer = self.pixels.width.max(self.pixels.height);
        for side in SIDES_PIXELS {
            let faces = self.faces_at(f64::from(side) / f64::from(longer.max(side)))?;
            if !faces.is_empty() || longer <= side {
                return Ok(faces);
            }
        }
        Ok(Vec::new())
    }

    fn faces_at(&self, scale: f64) -> Result<Vec<FaceBox>, ImageError> {
        let scaled = |side: u32| (f64::from(side) * scale).round() as u32;
        let (width, height) = (scaled(self.pixels.width), scaled(self.pixels.height));
        if width.min(height) < MIN_FACE_PIXELS {
            return Ok(Vec::new());
        }
        let gray = self.gray_resized(width, height)?;
        let model =
            rustface::read_model(MODEL).map_err(|cause| ImageError::damaged(format!("no face model ({cause})")))?;
        let mut detector = rustface::create_detector_with_model(model);
        detector.set_min_face_size(MIN_FACE_PIXELS);
        detector.set_score_thresh(MIN_SCORE);
        detector.set_pyramid_scale_factor(0.8);
        detector.set_slide_window_step(4, 4);
        let found = detector.detect(&ImageData::new(&gray.data, width, height));
        let boxes = found
            .iter()
            .filter_map(|face| self.in_source(face.bbox(), (width, height)));
        let mut boxes: Vec<FaceBox> = boxes.collect();
        boxes.sort_by_key(|face| {
            (
                std::cmp::Reverse(u64::from(face.width) * u64::from(face.height)),
                face.x,
                face.y,
            )
        });
        boxes.truncate(MAX_FACES);
        Ok(boxes)
    }

    /// From the plane that was looked at to the picture, cut to it.
    fn in_source(&self, found: &rustface::Rectangle, plane: (u32, u32)) -> Option<FaceBox> {
        let (x, y) = (f64::from(found.x()), f64::from(found.y()));
        let (square, height) = (f64::from(found.width()), f64::from(found.height()));
        let width = square * WIDTH_OF_SQUARE;
        let x = x + (square - width) / 2.0;
        let (x, width) = stretched(x, width, plane.0, self.source.width)?;
        let (y, height) = stretched(y, height, plane.1, self.source.height)?;
        Some(FaceBox { x, y, width, height })
    }
}

/// Start and length on one axis; `None` when nothing of it is inside.
fn stretched(start: f64, length: f64, plane: u32, source: u32) -> Option<(u32, u32)> {
    let factor = f64::from(source) / f64::from(plane);
    let inside = |place: f64| (place * factor).round().clamp(0.0, f64::from(source)) as u32;
    let (start, end) = (inside(start), inside(start + length));
    (end > start).then(|| (start, end - start))
}
