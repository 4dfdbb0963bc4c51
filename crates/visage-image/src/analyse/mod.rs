//! What a picture looks like, in the numbers that Cloudinary's answers carry.
//!
//! Everything is read from one [`Sample`]: the picture decoded once, small, upright and in sRGB. The same bytes give the
//! same numbers on every machine. Nothing here changes a picture, and nothing is remembered.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a sample has at most 640 × 640 pixels of eight bits: its sums fit"
)]

mod colours;
mod faces;
mod palettes;
mod phash;
mod quality;
mod shares;

pub use colours::{ColourShare, Colours};
pub use faces::FaceBox;
pub use phash::PerceptualHash;
pub use quality::QualityAnalysis;

use crate::context::RenderContext;
use crate::decode::check_frames;
use crate::pixels::{Layout, Pixels};
use crate::plan::{Window, plan_sample};
use crate::render::render_pixels;
use crate::{Facts, ImageError, Limits, resize};

/// The longer side of a sample: what finding small faces needs, and more than the rest does.
const SAMPLE_SIDE_PIXELS: u32 = 640;

/// What faces and hashes take beside the sample: planes of one byte, the detector's pyramid and its tables.
const WORKING_BYTES: u64 = 32 * 1024 * 1024;

/// A picture made small to be looked at.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Red, green, blue, and alpha if there is any.
    pixels: Pixels,
    source: Facts,
    limits: Limits,
}

impl Sample {
    /// Decodes the first frame of a file; `facts` are those of [`probe`](crate::probe) for the same bytes.
    ///
    /// # Errors
    ///
    /// As [`render`](crate::render).
    pub fn of(bytes: &[u8], facts: &Facts, limits: &Limits, cancelled: &dyn Fn() -> bool) -> Result<Self, ImageError> {
        Self::decoded(bytes, facts, RenderContext::new(limits, cancelled))
    }

    /// The same, and proves that all of the file decodes: every scan, every frame, to its end. What [`Self::of`] passes
    /// over of a file (the fine scans of a progressive JPEG, later frames) is read here.
    ///
    /// # Errors
    ///
    /// As [`render`](crate::render), and when anything in the file is damaged or missing.
    pub fn of_proven(
        bytes: &[u8],
        facts: &Facts,
        limits: &Limits,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Self, ImageError> {
        let context = RenderContext::new(limits, cancelled).reading_everything();
        let sample = Self::decoded(bytes, facts, context)?;
        check_frames(bytes, facts, context)?;
        Ok(sample)
    }

    fn decoded(bytes: &[u8], facts: &Facts, context: RenderContext<'_>) -> Result<Self, ImageError> {
        let plan = plan_sample(facts, SAMPLE_SIDE_PIXELS);
        Ok(Self {
            pixels: render_pixels(bytes, &plan, &[], context)?,
            source: *facts,
            limits: context.limits.clone(),
        })
    }

    /// An upper estimate of the memory that making a sample and looking at it takes, for a file of `file_bytes`.
    pub fn memory_bytes(facts: &Facts, file_bytes: u64) -> u64 {
        plan_sample(facts, SAMPLE_SIDE_PIXELS)
            .memory_bytes(file_bytes)
            .saturating_add(WORKING_BYTES)
    }

    /// Whether nothing in the picture has a colour: in all but a thousandth of the visible pixels, red, green and blue
    /// differ by at most 8 of 255, which is what lossy compression makes of gray.
    pub fn is_grayscale(&self) -> bool {
        const TOLERANCE: u8 = 8;
        let coloured = self
            .visible()
            .filter(|[red, green, blue]| red.max(green).max(blue) - red.min(green).min(blue) > TOLERANCE);
        coloured.count() * 1000 <= self.visible().count()
    }

    /// Whether any part of the picture lets its background through, however little.
    pub fn is_semi_transparent(&self) -> bool {
        self.pixels.layout.has_alpha()
            && self
                .pixels
                .data
                .as_chunks::<4>()
                .0
                .iter()
                .any(|[_, _, _, alpha]| *alpha < 255)
    }

    /// The colours of all pixels that are more opaque than not.
    fn visible(&self) -> impl Iterator<Item = [u8; 3]> + '_ {
        const HALF: u8 = 128;
        let (opaque, translucent) = match self.pixels.layout {
            Layout::Rgba => (&[][..], self.pixels.data.as_chunks::<4>().0),
            _ => (self.pixels.data.as_chunks::<3>().0, &[][..]),
        };
        let translucent = translucent.iter().filter(|[_, _, _, alpha]| *alpha >= HALF);
        opaque
            .iter()
            .copied()
            .chain(translucent.map(|[red, green, blue, _]| [*red, *green, *blue]))
    }

    /// Brightness (luma of ITU-R BT.601, as in JPEG) of each pixel on white.
    fn gray(&self) -> Pixels {
        let data = match self.pixels.layout {
            Layout::Rgba => self
                .pixels
                .data
                .as_chunks::<4>()
                .0
                .iter()
                .map(|pixel| on_white(*pixel))
                .collect(),
            _ => self
                .pixels
                .data
                .as_chunks::<3>()
                .0
                .iter()
                .map(|pixel| luma(*pixel))
                .collect(),
        };
        Pixels {
            width: self.pixels.width,
            height: self.pixels.height,
            layout: Layout::Gray,
            data,
        }
    }

    /// Brightness in a plane of exactly this size.
    fn gray_resized(&self, width: u32, height: u32) -> Result<Pixels, ImageError> {
        let gray = self.gray();
        let window = Window::whole(gray.width, gray.height);
        resize::resize(&gray, window, width, height, &self.limits)
    }
}

fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    ((sum + 500) / 1000) as u8
}

fn on_white([red, green, blue, alpha]: [u8; 4]) -> u8 {
    let (luma, alpha) = (u32::from(luma([red, green, blue])), u32::from(alpha));
    ((luma * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}
