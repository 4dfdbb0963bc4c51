//! Collects the steps of a plan, component by component.
//!
//! The planner looks at the picture through a window: cropping only moves the window, and the first scaling turns
//! window and size into one resampling. So a crop before or after a resize costs nothing and loses no sharpness.

use visage_cloudinary::ImageFormat;
use visage_cloudinary::transformation::{Background, Color, Component, Corner, Effect, Radius, Turn as AngleTurn};

use super::geometry::{self, Input, Placement, rounded, whole_number};
use super::gravity::{Anchor, Regions, bounds, offset};
use super::{Canvas, CornerRadii, EffectStep, Look, Placed, Step, Window};
use crate::{Facts, Limits, Orientation, PlanError};
use crate::{effects, rotate};

const WHITE: Color = Color {
    red: 255,
    green: 255,
    blue: 255,
    alpha: 255,
};
const NOTHING: Color = Color { alpha: 0, ..WHITE };

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
    /// Whether the decoder can make the pixels smaller at once.
    is_jpeg: bool,
    limits: &'a Limits,
    look: Look<'a>,
    /// Still to be applied to the pixels.
    orientation: Orientation,
    /// The upright size of the pixels after `steps`.
    raster: (u32, u32),
    /// The part of them that is kept.
    window: Window,
    /// The size in pixels that this part is shown with.
    pub(super) size: (u32, u32),
    /// Parts of the picture, in its pixels as it is shown.
    pub(super) regions: Regions,
    placed: Vec<Placed>,
    has_alpha: bool,
    is_srgb: bool,
}

impl<'a> Planner<'a> {
    pub(super) fn new(facts: &Facts, regions: Regions, look: Look<'a>, limits: &'a Limits) -> Self {
        let raster = (facts.width, facts.height);
        Self {
            steps: vec![Step::Decode { scale: 1 }],
            is_jpeg: facts.format == ImageFormat::Jpg,
            limits,
            look,
            orientation: facts.orientation,
            raster,
            window: Window::whole(raster.0, raster.1),
            size: raster,
            regions,
            placed: Vec::new(),
            has_alpha: facts.has_alpha,
            is_srgb: false,
        }
    }

    /// For pixels in sRGB that are there already.
    pub(super) fn of_pixels(size: (u32, u32), limits: &'a Limits) -> Self {
        Self {
            steps: Vec::new(),
            is_jpeg: false,
            limits,
            look: None,
            orientation: Orientation::Normal,
            raster: size,
            window: Window::whole(size.0, size.1),
            size,
            regions: Regions::default(),
            placed: Vec::new(),
            has_alpha: true,
            is_srgb: true,
        }
    }

    /// Applies what a component says about the picture itself, in the documented order: turn upright, resize, rotate,
    /// effect, opacity, corners, border, background.
    pub(super) fn apply(
        &mut self,
        component: &Component,
        dpr: f64,
        relative_to: Option<(u32, u32)>,
    ) -> Result<(), PlanError> {
        if component.angle.as_ref().is_some_and(|angle| angle.ignores_exif) {
            self.ignore_exif();
        }
        self.auto_turn(component);
        self.resize_to(component, dpr, relative_to)?;
        self.turn(component)?;
        if let Some(effect) = &component.effect {
            self.effect(effect, component, dpr)?;
        }
        if let Some(percent) = component.opacity.filter(|percent| *percent < 100) {
            self.make_srgb();
            self.steps.push(Step::Opacity(percent));
            self.has_alpha = true;
        }
        let radii = component.radius.and_then(|radius| self.radii(radius, dpr));
        if let Some(radii) = radii {
            self.make_srgb();
            self.steps.push(Step::Round(radii));
            self.has_alpha = true;
        }
        if let Some(border) = component.border.filter(|border| border.width > 0) {
            let width = rounded(f64::from(border.width) * dpr);
            self.make_srgb();
            self.grow(&Canvas::around(self.size, width))?;
            self.steps.push(Step::Border {
                width,
                color: border.color,
                radii,
            });
            self.has_alpha |= border.color.alpha < 255;
        }
        match &component.background {
            Some(Background::Color(color)) if color.alpha > 0 => self.flatten(*color),
            _ => {}
        }
        Ok(())
    }

    fn resize_to(&mut self, component: &Component, dpr: f64, relative_to: Option<(u32, u32)>) -> Result<(), PlanError> {
        // A size that belongs to the effect's region is no size of the picture.
        if component.effect.as_ref().is_some_and(Effect::has_region) && component.crop.is_none() {
            return Ok(());
        }
        let input = Input {
            size: self.size,
            relative_to: relative_to.unwrap_or(self.size),
            dpr,
            anchor: self.regions.anchor(component, self.size, dpr),
            content: bounds(&Regions::visible(&self.regions.faces, self.size)),
        };
        let Some(placement) = geometry::place(component, input)? else {
            return Ok(());
        };
        self.check_size(placement.width, placement.height)?;
        self.placed.push(Placed {
            crop: component.crop,
            gravity: component.gravity,
            anchor: input.anchor,
            input: self.size,
            window: placement.window,
            size: (placement.width, placement.height),
        });
        if placement.is_auto {
            self.crop_where_it_matters(&placement, input.anchor)?;
        } else {
            self.show(placement.window, (placement.width, placement.height));
        }
        let Some(canvas) = placement.canvas else {
            return Ok(());
        };
        if (canvas.width, canvas.height) != self.size || (canvas.x, canvas.y) != (0, 0) {
            self.make_srgb();
            self.grow(&canvas)?;
            let fill = component.background.clone().unwrap_or(Background::Color(NOTHING));
            self.has_alpha |= matches!(&fill, Background::Color(color) if color.alpha < 255);
            self.steps.push(Step::Pad { canvas, fill });
        }
        Ok(())
    }

    /// Shows a part of what is shown now, with `size` pixels.
    fn show(&mut self, window: Window, size: (u32, u32)) {
        if window.is_scaled_to(size) && self.window.is_scaled_to(self.size) {
            self.resize();
        }
        self.window = self.window.part(window, self.size);
        self.size = size;
        self.regions.map(|region| window.seen(region, size));
    }

    /// Scales all of it so that the window has its final size, and leaves to the pixels where the window lies.
    fn crop_where_it_matters(&mut self, placement: &Placement, anchor: Option<Anchor>) -> Result<(), PlanError> {
        let Placement {
            window, width, height, ..
        } = *placement;
        let scaled = |side: u32, from: f64, to: u32| rounded(f64::from(side) * f64::from(to) / from).max(to);
        let size = (
            scaled(self.size.0, window.width, width),
            scaled(self.size.1, window.height, height),
        );
        self.check_size(size.0, size.1)?;
        self.show(Window::whole(self.size.0, self.size.1), size);
        if size == (width, height) {
            return Ok(());
        }
        self.make_srgb();
        let attention = match anchor {
            Some(Anchor::Auto(attention)) => attention,
            _ => visage_cloudinary::transformation::Attention::default(),
        };
        self.steps.push(Step::AutoCrop {
            width,
            height,
            attention,
            faces: Regions::visible(&self.regions.faces, size),
        });
        self.replace((width, height));
        self.regions.forget();
        Ok(())
    }

    /// `a_ignore`: the pixels as they are stored. It counts at the beginning only, when nothing has happened to them.
    fn ignore_exif(&mut self) {
        if self.is_untouched() {
            let inverse = self.orientation.inverse();
            self.turn_by(inverse);
        }
    }

    /// Whether the pixels are still those of the file.
    fn is_untouched(&self) -> bool {
        matches!(self.steps.as_slice(), [Step::Decode { .. }])
            && self.size == self.raster
            && self.window == Window::whole(self.raster.0, self.raster.1)
    }

    /// `a_auto_right`, `a_auto_left`: a quarter turn when the picture is upright and the requested box is not, or the
    /// other way round.
    fn auto_turn(&mut self, component: &Component) {
        use visage_cloudinary::transformation::Length::Pixels;
        let (Some(angle), Some(Pixels(width)), Some(Pixels(height))) =
            (&component.angle, component.width, component.height)
        else {
            return;
        };
        let differs = (width > height && self.size.0 < self.size.1) || (width < height && self.size.0 > self.size.1);
        for turn in angle.turns.iter().filter(|_| differs) {
            match turn {
                AngleTurn::AutoRight => self.turn_by(Orientation::Rotate90),
                AngleTurn::AutoLeft => self.turn_by(Orientation::Rotate270),
                _ => {}
            }
        }
    }

    fn turn(&mut self, component: &Component) -> Result<(), PlanError> {
        let turns = component.angle.iter().flat_map(|angle| &angle.turns);
        for turn in turns {
            match turn {
                AngleTurn::Hflip => self.turn_by(Orientation::FlipHorizontal),
                AngleTurn::Vflip => self.turn_by(Orientation::FlipVertical),
                AngleTurn::Degrees(degrees) => self.rotate(*degrees)?,
                AngleTurn::AutoRight | AngleTurn::AutoLeft | AngleTurn::Exif => {}
            }
        }
        Ok(())
    }

    fn rotate(&mut self, degrees: f64) -> Result<(), PlanError> {
        let degrees = degrees.rem_euclid(360.0);
        for (quarter, orientation) in [
            (0.0, Orientation::Normal),
            (90.0, Orientation::Rotate90),
            (180.0, Orientation::Rotate180),
            (270.0, Orientation::Rotate270),
        ] {
            if (degrees - quarter).abs() < 1e-9 || (degrees - 360.0 - quarter).abs() < 1e-9 {
                self.turn_by(orientation);
                return Ok(());
            }
        }
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let (width, height) = (f64::from(self.size.0), f64::from(self.size.1));
        let turned = rotate::rotated_size(self.size, degrees);
        self.check_size(turned.0, turned.1)?;
        self.make_srgb();
        self.steps.push(Step::Rotate {
            degrees,
            width: turned.0,
            height: turned.1,
        });
        let middle = (f64::from(turned.0) / 2.0, f64::from(turned.1) / 2.0);
        self.regions.map(|region| {
            let (x, y) = (
                region.x + region.width / 2.0 - width / 2.0,
                region.y + region.height / 2.0 - height / 2.0,
            );
            let (x, y) = (x * cosine - y * sine + middle.0, x * sine + y * cosine + middle.1);
            Window {
                x: x - region.width / 2.0,
                y: y - region.height / 2.0,
                ..region
            }
        });
        self.replace(turned);
        self.has_alpha = true;
        Ok(())
    }

    /// Quarter turns and mirrors.
    fn turn_by(&mut self, orientation: Orientation) {
        if orientation == Orientation::Normal {
            return;
        }
        let before = self.size;
        if self.is_untouched() {
            // Turning is then part of turning upright.
            self.orientation = self.orientation.then(orientation);
            self.replace(orientation.turned_size(before.0, before.1));
        } else {
            self.resize();
            self.orient();
            self.steps.push(Step::Orient(orientation));
            self.replace(orientation.turned_size(before.0, before.1));
        }
        let inverse = orientation.inverse();
        let after = self.size;
        self.regions.map(|region| region.before_turning(inverse, after));
    }

    fn effect(&mut self, effect: &Effect, component: &Component, dpr: f64) -> Result<(), PlanError> {
        match effect {
            Effect::Trim { tolerance, color } => return self.trim(*tolerance, color.or(component.color)),
            // Mixing takes two.
            Effect::Blend(_) => return Err(PlanError::NoLayer),
            _ => {}
        }
        let (width, height) = self.size;
        let has_region = component.effect.as_ref().is_some_and(Effect::has_region) && component.crop.is_none();
        let side = |length: Option<_>, of: u32| {
            length
                .filter(|_| has_region)
                .map(|length| whole_number(offset(Some(length), of, dpr).round()))
        };
        let place =
            |length: Option<_>, of: u32| length.map(|length| whole_number(offset(Some(length), of, dpr).round()));
        let step = EffectStep {
            effect: effect.clone(),
            color: component.color,
            x: place(component.x, width),
            y: place(component.y, height),
            width: side(component.width, width),
            height: side(component.height, height),
            faces: Regions::visible(&self.regions.faces, self.size),
        };
        let after = effects::output_size(&step, self.size);
        self.check_size(after.0, after.1)?;
        self.make_srgb();
        self.has_alpha |= effects::makes_alpha(&step.effect);
        self.steps.push(Step::Effect(Box::new(step)));
        if after != self.size {
            let (x, y) = (
                (f64::from(after.0) - f64::from(width)) / 2.0,
                (f64::from(after.1) - f64::from(height)) / 2.0,
            );
            self.regions.map(|region| region.moved(x, y));
            self.replace(after);
        }
        Ok(())
    }

    /// Cuts the border off; where it ends only the pixels know. Whoever plans without them plans for all of it.
    fn trim(&mut self, tolerance: u8, color: Option<Color>) -> Result<(), PlanError> {
        let Some(look) = self.look else { return Ok(()) };
        self.make_srgb();
        let found = look(&self.steps, tolerance, color)?;
        self.show(found, (rounded(found.width), rounded(found.height)));
        Ok(())
    }

    fn radii(&self, radius: Radius, dpr: f64) -> Option<CornerRadii> {
        let half = f64::from(self.size.0.min(self.size.1)) / 2.0;
        match radius {
            Radius::Max => Some(CornerRadii::Max),
            Radius::Corners(corners) if corners == [Corner::Pixels(0); 4] => None,
            Radius::Corners(corners) => Some(CornerRadii::Pixels(corners.map(|corner| match corner {
                Corner::Pixels(pixels) => f64::from(pixels) * dpr,
                Corner::Max => half,
            }))),
        }
    }

    fn flatten(&mut self, background: Color) {
        if self.has_alpha {
            self.make_srgb();
            self.steps.push(Step::Flatten(background));
            self.has_alpha = background.alpha < 255;
        }
    }

    /// What follows works on the pixels that are kept, upright and in sRGB.
    pub(super) fn make_srgb(&mut self) {
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

    /// A step has made the pixels this large.
    fn replace(&mut self, size: (u32, u32)) {
        self.raster = size;
        self.window = Window::whole(size.0, size.1);
        self.size = size;
    }

    /// The picture becomes part of a larger one.
    pub(super) fn grow(&mut self, canvas: &Canvas) -> Result<(), PlanError> {
        self.check_size(canvas.width, canvas.height)?;
        self.replace((canvas.width, canvas.height));
        #[allow(clippy::cast_precision_loss, reason = "places in a picture are small")]
        let (x, y) = (canvas.x as f64, canvas.y as f64);
        self.regions.map(|region| region.moved(x, y));
        Ok(())
    }

    /// A step on pixels in sRGB that leaves their size to the caller.
    pub(super) fn push(&mut self, step: Step, makes_alpha: bool) {
        self.make_srgb();
        self.steps.push(step);
        self.has_alpha |= makes_alpha;
    }

    fn check_size(&self, width: u32, height: u32) -> Result<(), PlanError> {
        check_size(width, height, self.limits.output_side_pixels, self.limits)
    }

    /// The steps of a layer: its pixels in sRGB.
    pub(super) fn finish_layer(mut self) -> Result<((u32, u32), Vec<Step>), PlanError> {
        self.check_size(self.size.0, self.size.1)?;
        self.make_srgb();
        self.scale_decoding();
        Ok((self.size, self.steps))
    }

    /// The steps up to the pixels that are encoded; some formats have no transparency.
    pub(super) fn finish(mut self, format: ImageFormat, is_opaque: bool) -> Result<Planned, PlanError> {
        let max_side_pixels = match format {
            ImageFormat::Webp => self.limits.output_side_pixels.min(WEBP_MAX_SIDE_PIXELS),
            _ => self.limits.output_side_pixels,
        };
        check_size(self.size.0, self.size.1, max_side_pixels, self.limits)?;
        if is_opaque || format == ImageFormat::Jpg {
            self.flatten(WHITE);
        }
        self.make_srgb();
        self.scale_decoding();
        Ok(Planned {
            size: self.size,
            steps: self.steps,
            placed: self.placed,
        })
    }

    fn scale_decoding(&mut self) {
        if let Some(Step::Resize { window, width, height }) = self.steps.get(1).cloned()
            && self.is_jpeg
        {
            self.steps[0] = Step::Decode {
                scale: decode_scale(window, width, height),
            };
        }
    }
}

/// What a planner has come to.
pub(super) struct Planned {
    pub(super) size: (u32, u32),
    pub(super) steps: Vec<Step>,
    pub(super) placed: Vec<Placed>,
}

fn check_size(width: u32, height: u32, max_side_pixels: u32, limits: &Limits) -> Result<(), PlanError> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels > limits.output_pixels {
        return Err(PlanError::TooManyPixels {
            width,
            height,
            max_pixels: limits.output_pixels,
        });
    }
    if width.max(height) > max_side_pixels {
        return Err(PlanError::TooLargeSide {
            width,
            height,
            max_side_pixels,
        });
    }
    Ok(())
}
