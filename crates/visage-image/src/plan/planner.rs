//! Collects the steps of a plan, component by component.
//!
//! The planner looks at the picture through a window: cropping only moves the window, and the first scaling turns
//! window and size into one resampling. So a crop before or after a resize costs nothing and loses no sharpness.

use visage_cloudinary::ImageFormat;
use visage_cloudinary::transformation::{Color, Component, Radius};

use super::{CornerRadii, Step, Window, geometry};
use crate::{Facts, Limits, Orientation, PlanError};

const WHITE: Color = Color {
    red: 255,
    green: 255,
    blue: 255,
    alpha: 255,
};

/// The longest side that the WebP format can state.
const WEBP_MAX_SIDE_PIXELS: u32 = 16_383;

/// How much larger than the target the decoded part stays, so that the resampling filter, not the decoder, makes the
/// picture. Measured: at 1.48 the loss is 1.7 points of SSIMULACRA2, at 1.17 it is 2.4.
const MIN_REMAINING_FACTOR: f64 = 1.4;

/// By how much a JPEG is decoded smaller when `window` is then shown with `width` × `height` pixels.
pub(super) fn decode_scale(window: Window, width: u32, height: u32) -> u8 {
    let remaining = (window.width / f64::from(width)).min(window.height / f64::from(height));
    let scale = [8, 4, 2]
        .into_iter()
        .find(|&s| remaining / f64::from(s) >= MIN_REMAINING_FACTOR);
    scale.unwrap_or(1)
}

pub(super) struct Planner<'a> {
    steps: Vec<Step>,
    source: &'a Facts,
    format: ImageFormat,
    limits: &'a Limits,
    /// Still to be applied to the pixels.
    orientation: Orientation,
    /// The upright size of the pixels after `steps`.
    raster: (u32, u32),
    /// The part of them that is kept.
    window: Window,
    /// The size in pixels that this part is shown with.
    size: (u32, u32),
    has_alpha: bool,
    is_srgb: bool,
}

impl<'a> Planner<'a> {
    pub(super) fn new(facts: &'a Facts, format: ImageFormat, limits: &'a Limits) -> Self {
        let raster = (facts.width, facts.height);
        Self {
            steps: vec![Step::Decode { scale: 1 }],
            source: facts,
            format,
            limits,
            orientation: facts.orientation,
            raster,
            window: Window::whole(raster.0, raster.1),
            size: raster,
            has_alpha: facts.has_alpha,
            is_srgb: false,
        }
    }

    pub(super) fn apply(&mut self, component: &Component, dpr: f64) -> Result<(), PlanError> {
        if let Some(placement) = geometry::place(component, self.size, dpr)? {
            self.check_size(placement.width, placement.height)?;
            let scales = placement.window.is_scaled_to((placement.width, placement.height));
            if scales && self.window.is_scaled_to(self.size) {
                self.resize();
            }
            self.window = self.window.part(placement.window, self.size);
            self.size = (placement.width, placement.height);
        }
        if let Some(radius) = component.radius {
            self.round(radius, dpr);
        }
        match component.background {
            Some(background) if background.alpha > 0 => self.flatten(background),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<((u32, u32), Vec<Step>), PlanError> {
        self.check_size(self.size.0, self.size.1)?;
        if self.format == ImageFormat::Jpg {
            self.flatten(WHITE);
        }
        self.make_srgb();
        if let Some(Step::Resize { window, width, height }) = self.steps.get(1).copied()
            && self.source.format == ImageFormat::Jpg
        {
            self.steps[0] = Step::Decode {
                scale: decode_scale(window, width, height),
            };
        }
        Ok((self.size, self.steps))
    }

    fn round(&mut self, radius: Radius, dpr: f64) {
        let radii = match radius {
            Radius::Max => CornerRadii::Max,
            Radius::Corners([0, 0, 0, 0]) => return,
            Radius::Corners(pixels) => CornerRadii::Pixels(pixels.map(|pixels| f64::from(pixels) * dpr)),
        };
        self.make_srgb();
        self.steps.push(Step::Round(radii));
        self.has_alpha = true;
    }

    fn flatten(&mut self, background: Color) {
        if self.has_alpha {
            self.make_srgb();
            self.steps.push(Step::Flatten(background));
            self.has_alpha = background.alpha < 255;
        }
    }

    /// What follows works on the pixels that are kept, upright and in sRGB.
    fn make_srgb(&mut self) {
        self.resize();
        self.orient();
        if !self.is_srgb {
            self.steps.push(Step::ConvertColour);
            self.is_srgb = true;
        }
    }

    /// Makes the pixels what the window shows. Turning comes after, when there are fewer of them.
    fn resize(&mut self) {
        if self.window == Window::whole(self.raster.0, self.raster.1) && self.size == self.raster {
            return;
        }
        let stored = self.orientation.turned_size(self.raster.0, self.raster.1);
        let (width, height) = self.orientation.turned_size(self.size.0, self.size.1);
        let window = self.window.before_turning(self.orientation, stored);
        self.steps.push(Step::Resize { window, width, height });
        self.raster = self.size;
        self.window = Window::whole(self.size.0, self.size.1);
        self.orient();
    }

    fn orient(&mut self) {
        let orientation = std::mem::take(&mut self.orientation);
        if orientation != Orientation::Normal {
            self.steps.push(Step::Orient(orientation));
        }
    }

    fn check_size(&self, width: u32, height: u32) -> Result<(), PlanError> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.limits.output_pixels {
            return Err(PlanError::TooManyPixels {
                width,
                height,
                max_pixels: self.limits.output_pixels,
            });
        }
        let max_side_pixels = match self.format {
            ImageFormat::Webp => self.limits.output_side_pixels.min(WEBP_MAX_SIDE_PIXELS),
            _ => self.limits.output_side_pixels,
        };
        if width.max(height) > max_side_pixels {
            return Err(PlanError::TooLargeSide {
                width,
                height,
                max_side_pixels,
            });
        }
        Ok(())
    }
}
