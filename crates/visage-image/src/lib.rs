//! Pixels: probe, plan, render, sanitise, under explicit [`Limits`].
//!
//! Bytes and values in, bytes and values out: nothing here does I/O, knows the time or waits. What a file *is* comes
//! from its bytes alone, and no number in a header is believed before a limit has seen it.
//!
//! - [`probe`] reads the structure of a file, without decoding pixels: its [`Facts`].
//! - [`sanitise`] proves that a picture decodes and takes everything out of the file that is not the picture.
//! - [`plan`] turns a transformation into exact steps and sizes: pure arithmetic.
//! - [`render`] decodes, follows a plan, and encodes.
//! - [`Sample`] is a picture made small to be looked at: its colours, its faces, how good it is.
//! - [`metadata`] is what a file tells about its picture, [`probe_video`] what a video or audio file is.
//! - [`Breakpoints`] finds the widths worth having, [`render_text`] makes a picture of text.
//!
//! Animations stay animated where the format of the result is; SVG and HEIC are refused.

mod analyse;
mod animate;
mod background;
mod border;
mod breakpoints;
mod buffer;
mod bytes;
mod canvas;
mod colour;
mod compose;
mod context;
mod corners;
mod decode;
mod effects;
mod encode;
mod error;
mod facts;
#[cfg(test)]
mod golden;
mod icc;
mod jpeg;
mod limits;
mod metadata;
mod pixels;
mod plan;
mod probe;
mod quality_auto;
mod render;
mod resize;
mod rotate;
mod saliency;
mod sanitise;
mod similarity;
mod text;
mod trim;
mod turn;
mod video;
mod walk;

pub use analyse::{ColourShare, Colours, FaceBox, PerceptualHash, QualityAnalysis, Sample};
pub use breakpoints::{Breakpoint, Breakpoints, BreakpointsRequest};
pub use encode::{Effort, EncodeOptions, PngKind};
pub use error::{ImageError, PlanError};
pub use facts::{Facts, Orientation};
pub use limits::Limits;
pub use metadata::metadata;
pub use plan::{
    CornerRadii, Encoding, Known, KnownLayer, Placed, Plan, Step, Window, plan, plan_looking, plan_resolved,
};
pub use probe::probe;
pub use render::{LayerFile, Rendered, render};
pub use sanitise::{Sanitised, sanitise, sanitise_memory_bytes};
pub use text::{
    FontError, Fonts, MAX_FONT_SIZE, MAX_TEXT_CHARACTERS, TextAlign, TextDecoration, TextError, TextStyle,
    is_bold_weight, render_text,
};
pub use video::{AudioFacts, VideoError, VideoFacts, probe_video, sanitise_video, sanitise_video_memory_bytes};
pub use visage_cloudinary::ImageFormat;

/// Part of every recipe: two versions may make different bytes of the same plan.
pub const RENDERER_VERSION: u32 = 4;
