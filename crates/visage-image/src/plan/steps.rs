//! What a plan consists of.

use std::sync::Arc;

use visage_cloudinary::transformation::{Attention, Background, Color, Effect};

use super::{Canvas, Window};
use crate::compose::Placement;
use crate::pixels::Pixels;
use crate::{Orientation, effects};

/// One thing that happens to the pixels.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Decode a frame; a JPEG at 1/`scale` of its size (1, 2, 4 or 8), any other format whole.
    Decode {
        /// Divisor of both sides.
        scale: u8,
    },
    /// Turn the pixels upright, or otherwise by quarters.
    Orient(Orientation),
    /// Resample `window` to `width` × `height`; a copy when nothing is scaled.
    Resize {
        /// The part that is kept, in pixels of the picture at full size (a decode scale is taken off later).
        window: Window,
        /// Width of the step's result in pixels.
        width: u32,
        /// Height of the step's result in pixels.
        height: u32,
    },
    /// Convert to sRGB: red, green, blue, and alpha if there is any.
    ConvertColour,
    /// Keep the part of this size where there is most to see.
    AutoCrop {
        /// Width of the step's result in pixels.
        width: u32,
        /// Height of the step's result in pixels.
        height: u32,
        /// How much faces count.
        attention: Attention,
        /// The faces, in pixels of the picture before the step.
        faces: Vec<Window>,
    },
    /// Put the picture onto a larger one.
    Pad {
        /// The larger one.
        canvas: Canvas,
        /// What it is filled with.
        fill: Background,
    },
    /// Turn by any angle; what is not covered is transparent.
    Rotate {
        /// Clockwise.
        degrees: f64,
        /// Width of the step's result in pixels.
        width: u32,
        /// Height of the step's result in pixels.
        height: u32,
    },
    /// An effect.
    Effect(Box<EffectStep>),
    /// Multiply alpha by so many hundredths.
    Opacity(u8),
    /// Cut the corners off.
    Round(CornerRadii),
    /// A line around the picture.
    Border {
        /// Pixels on each side.
        width: u32,
        /// Its colour.
        color: Color,
        /// The corners that were cut off before: the line follows them.
        radii: Option<CornerRadii>,
    },
    /// Put the picture on a background; an opaque background leaves it opaque.
    Flatten(Color),
    /// Put another picture onto it, or under it.
    Compose(Box<Compose>),
}

impl Step {
    /// The size in pixels that the step leaves of a picture of `size`; a smaller decode does not count.
    pub(crate) fn size_after(&self, size: (u32, u32)) -> (u32, u32) {
        match self {
            Self::Decode { .. } | Self::ConvertColour | Self::Opacity(_) | Self::Round(_) | Self::Flatten(_) => size,
            Self::Orient(orientation) => orientation.turned_size(size.0, size.1),
            Self::Resize { width, height, .. }
            | Self::AutoCrop { width, height, .. }
            | Self::Rotate { width, height, .. } => (*width, *height),
            Self::Pad { canvas, .. } => (canvas.width, canvas.height),
            Self::Effect(step) => effects::output_size(step, size),
            Self::Border { width, .. } => {
                let canvas = Canvas::around(size, *width);
                (canvas.width, canvas.height)
            }
            Self::Compose(compose) => (compose.placement.canvas.width, compose.placement.canvas.height),
        }
    }
}

/// An effect and where it happens.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectStep {
    /// The effect.
    pub effect: Effect,
    /// The colour it uses.
    pub color: Option<Color>,
    /// Pixels from the left, or to the right.
    pub x: Option<i64>,
    /// Pixels from the top, or downwards.
    pub y: Option<i64>,
    /// Pixels of the part where it happens.
    pub width: Option<i64>,
    /// Pixels of the part where it happens.
    pub height: Option<i64>,
    /// The faces, in pixels of the picture.
    pub faces: Vec<Window>,
}

/// A layer on its way onto the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Compose {
    /// Its pixels.
    pub(crate) pixels: LayerPixels,
    /// What happens to them before.
    pub steps: Vec<Step>,
    /// Their size after that.
    pub size: (u32, u32),
    /// Where it goes, and how it mixes.
    pub(crate) placement: Placement,
}

/// Where a layer's pixels come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LayerPixels {
    /// From the file with this number.
    Asset(usize),
    /// They were drawn.
    Drawn(Arc<Pixels>),
}

/// Rounded corners.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CornerRadii {
    /// The ellipse that touches all four sides.
    Max,
    /// Radii in pixels, clockwise from the top left.
    Pixels([f64; 4]),
}
