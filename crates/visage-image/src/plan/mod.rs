//! A transformation and the facts of one picture become exact steps: pure arithmetic, before a pixel moves.
//!
//! Only `e_trim` needs the pixels: how large the picture is after it, nobody knows before. [`plan`] takes all of the
//! picture for what is left; [`plan_looking`] looks.

mod canvas;
mod chain;
mod cost;
mod explain;
mod geometry;
mod gravity;
mod memory;
mod planner;
mod quality;
mod sample;
mod steps;
#[cfg(test)]
mod tests;
mod window;

use std::collections::BTreeMap;

use visage_cloudinary::transformation::{Chroma, Color, Component, Flag, Layer, Quality};
use visage_cloudinary::{ImageFormat, ResolvedTransformation, Transformation};

pub(crate) use canvas::Canvas;
pub use explain::Placed;
pub(crate) use memory::decode_memory_bytes;
pub(crate) use sample::plan_sample;
pub(crate) use steps::{Compose, EffectStep, LayerPixels};
pub use steps::{CornerRadii, Step};
pub use window::Window;

use crate::context::RenderContext;
use crate::{FaceBox, Facts, Fonts, ImageError, Limits, PlanError};
use chain::Chain;
use gravity::Regions;
use planner::Planner;

/// What [`render`](crate::render) does to one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The steps, in the order they happen; the first is [`Step::Decode`].
    pub steps: Vec<Step>,
    /// The format of the result.
    pub format: ImageFormat,
    /// How the result is encoded.
    pub encoding: Encoding,
    /// Width of the result in pixels.
    pub width: u32,
    /// Height of the result in pixels.
    pub height: u32,
    /// Which frame or page is shown, from 0.
    pub frame: u32,
    /// Whether all frames are made.
    pub is_animated: bool,
    /// Milliseconds from one frame to the next; `None` is as in the source.
    pub delay_ms: Option<u32>,
    /// The picture that was planned for.
    pub source: Facts,
    /// Where the picture was cut, for people who wonder; rendering does not read it.
    pub placed: Vec<Placed>,
}

/// How pixels become a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    /// The encoder's own quality, 1 to 100, or what it is to look like.
    pub quality: Quality,
    /// How finely colour is kept.
    pub chroma: Chroma,
    /// JPEG in several scans, from blurred to sharp; `None` leaves it to the size.
    pub is_progressive: Option<bool>,
    /// WebP with every pixel as it is.
    pub is_lossless: bool,
    /// PNG with at most 256 colours.
    pub has_palette: bool,
    /// PNG that keeps its alpha channel also where nothing is transparent.
    pub keeps_alpha: bool,
}

/// What is known beside the file and decides about pixels.
#[derive(Debug, Clone, Default)]
pub struct Known<'a> {
    /// The faces in the original, upright, the largest first.
    pub faces: &'a [FaceBox],
    /// Parts of the original that were marked by hand.
    pub custom: &'a [FaceBox],
    /// The asset's tags.
    pub tags: &'a [String],
    /// The asset's context.
    pub context: Option<&'a BTreeMap<String, String>>,
    /// The asset's structured metadata.
    pub metadata: Option<&'a BTreeMap<String, String>>,
    /// The pictures that layers name; [`render`](crate::render) wants their bytes in the same order.
    pub layers: &'a [KnownLayer],
    /// The fonts that texts are drawn in.
    pub fonts: Fonts,
}

/// A picture that a layer names.
#[derive(Debug, Clone)]
pub struct KnownLayer {
    /// As it stands in the transformation.
    pub layer: Layer,
    /// What its file is.
    pub facts: Facts,
}

/// Looks at the pixels after some steps: which part is not border.
pub(crate) type Look<'a> = Option<&'a dyn Fn(&[Step], u8, Option<Color>) -> Result<Window, ImageError>>;

/// Plans `transformation` for a picture with these `facts`, to be encoded as `format`.
///
/// Components apply left to right, each to the result of the one before; inside one the order is resize, turn, effect,
/// opacity, corners, border, background. `dpr_` and `q_` count for the whole result, the last one wins.
///
/// # Errors
///
/// When a value makes no sense for its mode, when the format is only read, or when the result, or a step on the way,
/// would be larger or cost more than `limits` allow.
pub fn plan(
    transformation: &Transformation,
    facts: &Facts,
    format: ImageFormat,
    limits: &Limits,
) -> Result<Plan, PlanError> {
    let components = &transformation.components;
    let quality = components.iter().rev().find_map(|component| component.quality);
    plan_components(components, (format, quality), facts, (&Known::default(), None), limits)
}

/// The same for a transformation whose format and quality have been taken out and decided, with what else is known.
///
/// # Errors
///
/// As [`plan`], and layers that are not known.
pub fn plan_resolved(
    resolved: &ResolvedTransformation,
    facts: &Facts,
    known: &Known<'_>,
    limits: &Limits,
) -> Result<Plan, PlanError> {
    let asked = (resolved.format, resolved.quality);
    plan_components(&resolved.components, asked, facts, (known, None), limits)
}

/// The same, looking at the pixels of `bytes` where the size of the result depends on them.
///
/// # Errors
///
/// As [`plan_resolved`], and whatever keeps the pixels from being decoded.
pub fn plan_looking(
    resolved: &ResolvedTransformation,
    (bytes, facts): (&[u8], &Facts),
    known: &Known<'_>,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Plan, PlanError> {
    let asked = (resolved.format, resolved.quality);
    let look = |steps: &[Step], tolerance: u8, color: Option<Color>| {
        let pixels = crate::render::pixels_after(steps, (bytes, facts), RenderContext::new(limits, cancelled))?;
        Ok(crate::trim::trim_box(&pixels, tolerance, color))
    };
    plan_components(&resolved.components, asked, facts, (known, Some(&look)), limits)
}

fn plan_components<'a>(
    components: &'a [Component],
    (format, quality): (ImageFormat, Option<Quality>),
    facts: &'a Facts,
    (known, look): (&'a Known<'a>, Look<'a>),
    limits: &'a Limits,
) -> Result<Plan, PlanError> {
    if !format.is_made() {
        return Err(PlanError::UnsupportedFormat { format });
    }
    let has = |flag: &Flag| components.iter().any(|component| component.has(flag));
    let last = |value: fn(&Component) -> Option<u32>| components.iter().rev().find_map(value);
    let page = last(|component| component.page);
    if let Some(page) = page.filter(|page| *page > facts.frames) {
        let pages = facts.frames;
        return Err(PlanError::NoSuchPage { page, pages });
    }
    let moves = matches!(format, ImageFormat::Gif | ImageFormat::Webp);
    let is_animated = moves && facts.frames > 1 && page.is_none();
    let dpr = checked_dpr(components.iter().rev().find_map(|component| component.dpr))?;
    let regions = Regions {
        faces: windows(known.faces),
        custom: windows(known.custom),
        is_animated,
    };
    let mut planner = Planner::new(facts, regions, look, limits);
    let mut chain = Chain::new(components, facts, known, dpr, limits);
    chain.run(&mut planner, false)?;
    let quality = quality.or(chain.quality);
    let finished = planner.finish(format, has(&Flag::Png24))?;
    let plan = Plan {
        steps: finished.steps,
        format,
        encoding: quality::encoding(quality, &has),
        width: finished.size.0,
        height: finished.size.1,
        frame: page.unwrap_or(1) - 1,
        is_animated,
        delay_ms: last(|component| component.delay),
        source: *facts,
        placed: finished.placed,
    };
    plan.check_cost(limits)?;
    Ok(plan)
}

fn windows(boxes: &[FaceBox]) -> Vec<Window> {
    let as_window =
        |found: &FaceBox| Window::whole(found.width, found.height).moved(f64::from(found.x), f64::from(found.y));
    boxes.iter().map(as_window).collect()
}

/// `dpr_` must be a number that makes sense; 1.0 when it is not there.
fn checked_dpr(dpr: Option<visage_cloudinary::transformation::Dpr>) -> Result<f64, PlanError> {
    let dpr = dpr.map_or(1.0, visage_cloudinary::transformation::Dpr::value);
    if dpr > 0.0 && dpr <= 100.0 {
        Ok(dpr)
    } else {
        Err(PlanError::InvalidNumber {
            name: "dpr",
            value: dpr,
        })
    }
}
