//! A plan in words: what happens, with which sizes, and why a crop lies where it lies.

use std::fmt;

use visage_cloudinary::transformation::{Attention, Background, Chroma, Component, Crop, Gravity};

use super::gravity::Anchor;
use super::{CornerRadii, Encoding, Plan, Step, Window};

/// Where the picture was cut, and by what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    pub(super) crop: Option<Crop>,
    pub(super) gravity: Option<Gravity>,
    pub(super) anchor: Option<Anchor>,
    /// The size of the picture before.
    pub(super) input: (u32, u32),
    /// The part of it that is kept; where, only the pixels tell when the anchor is [`Anchor::Auto`].
    pub(super) window: Window,
    /// The size that this part is shown with.
    pub(super) size: (u32, u32),
}

impl Plan {
    /// The steps in words, in their order, each with the size in pixels that it leaves.
    pub fn explain_steps(&self) -> Vec<String> {
        let mut size = (self.source.width, self.source.height);
        let mut lines = Vec::new();
        for step in &self.steps {
            let after = step.size_after(size);
            let shown = match step {
                // The window of the resize is in the picture's own pixels, whatever the decoder leaves of them.
                Step::Decode { scale } => divided(size, u32::from(*scale)),
                _ => after,
            };
            lines.push(format!("{step} -> {}x{}", shown.0, shown.1));
            size = after;
        }
        lines
    }

    /// What the encoder is asked for, in words: `q_auto, chroma 4:2:0`.
    pub fn explain_encoding(&self) -> String {
        let Encoding {
            quality,
            chroma,
            is_progressive,
            is_lossless,
            has_palette,
            keeps_alpha,
        } = self.encoding;
        let quality = Component {
            quality: Some(quality),
            ..Component::default()
        };
        let chroma = match chroma {
            Chroma::Full => "chroma 4:4:4",
            Chroma::Halved => "chroma 4:2:0",
        };
        let flags = [
            (is_progressive == Some(true), "progressive"),
            (is_progressive == Some(false), "not progressive"),
            (is_lossless, "lossless"),
            (has_palette, "palette"),
            (keeps_alpha, "alpha kept"),
        ];
        let set = flags.into_iter().filter_map(|(is_set, word)| is_set.then_some(word));
        let words: Vec<_> = [quality.to_string(), chroma.to_owned()]
            .into_iter()
            .chain(set.map(str::to_owned))
            .collect();
        words.join(", ")
    }

    /// Each cut in words: what is kept, and why that.
    pub fn explain_crops(&self) -> Vec<String> {
        self.placed.iter().map(Placed::to_string).collect()
    }
}

fn divided(size: (u32, u32), divisor: u32) -> (u32, u32) {
    (size.0.div_ceil(divisor.max(1)), size.1.div_ceil(divisor.max(1)))
}

impl fmt::Display for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = Component {
            crop: self.crop,
            gravity: self.gravity,
            ..Component::default()
        };
        let (input, size) = (self.input, self.size);
        write!(f, "{asked}: of {}x{} ", input.0, input.1)?;
        if self.window == Window::whole(input.0, input.1) {
            return write!(f, "everything is kept, shown with {}x{}", size.0, size.1);
        }
        match self.anchor {
            Some(Anchor::Auto(attention)) => write!(
                f,
                "{:.1}x{:.1} is kept, shown with {}x{}; where there is most to see{}",
                self.window.width,
                self.window.height,
                size.0,
                size.1,
                match attention {
                    Attention::Usual => "",
                    Attention::Face | Attention::Faces => ", faces first",
                    Attention::NoFaces => ", faces not counted",
                }
            ),
            anchor => {
                write!(f, "{} is kept, shown with {}x{}; ", self.window, size.0, size.1)?;
                self.write_reason(f, anchor)
            }
        }
    }
}

impl Placed {
    fn write_reason(&self, f: &mut fmt::Formatter<'_>, anchor: Option<Anchor>) -> fmt::Result {
        let is_of_faces = matches!(self.gravity, Some(Gravity::Face(_) | Gravity::Faces(_)));
        match anchor {
            Some(Anchor::Region(region)) => {
                let what = match self.gravity {
                    Some(Gravity::Face(_)) => "the largest face",
                    Some(Gravity::Faces(_)) => "all faces",
                    _ => "the coordinates that were given",
                };
                write!(f, "around {what}, {region}")?;
                let free = self.window.around(region);
                if (free.x - self.window.x).abs() > 0.5 || (free.y - self.window.y).abs() > 0.5 {
                    write!(f, ", and moved to stay inside the picture")?;
                }
                Ok(())
            }
            Some(Anchor::Point { x, y }) => write!(f, "around the point ({x:.1}, {y:.1})"),
            Some(Anchor::Edge(edge)) => {
                if is_of_faces {
                    write!(f, "no face is known, so ")?;
                }
                let edge = Component {
                    gravity: Some(edge),
                    ..Component::default()
                };
                write!(f, "placed by {edge}")
            }
            Some(Anchor::Auto(_)) | None => write!(f, "placed in the middle"),
        }
    }
}

/// `300.0x200.0 at (12.5, 0.0)`
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { x, y, width, height } = self;
        write!(f, "{width:.1}x{height:.1} at ({x:.1}, {y:.1})")
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode { scale: 1 } => write!(f, "decode"),
            Self::Decode { scale } => write!(f, "decode at 1/{scale}"),
            Self::Orient(orientation) => write!(f, "turn ({orientation:?})"),
            Self::Resize { window, .. } => write!(f, "resample {window}"),
            Self::ConvertColour => write!(f, "convert to sRGB"),
            Self::AutoCrop { faces, .. } => write!(f, "find what is worth looking at ({} faces known)", faces.len()),
            Self::Pad { canvas, fill } => {
                let (x, y) = (canvas.x, canvas.y);
                match fill {
                    Background::Color(color) => write!(f, "put at ({x}, {y}) on {}", color_name(*color)),
                    Background::Auto(_) => write!(f, "put at ({x}, {y}) on a background made of the picture"),
                }
            }
            Self::Rotate { degrees, .. } => write!(f, "rotate by {degrees}°"),
            Self::Effect(step) => {
                let effect = Component {
                    effect: Some(step.effect.clone()),
                    ..Component::default()
                };
                write!(f, "{effect}")
            }
            Self::Opacity(percent) => write!(f, "opacity {percent} %"),
            Self::Round(CornerRadii::Max) => write!(f, "cut to an ellipse"),
            Self::Round(CornerRadii::Pixels(radii)) => write!(f, "round the corners by {radii:?}"),
            Self::Border { width, color, .. } => write!(f, "border of {width} in {}", color_name(*color)),
            Self::Flatten(color) => write!(f, "put on {}", color_name(*color)),
            Self::Compose(compose) => {
                let (width, height) = compose.size;
                write!(f, "lay {width}x{height} on it, after {} steps", compose.steps.len())
            }
        }
    }
}

fn color_name(color: visage_cloudinary::transformation::Color) -> String {
    let visage_cloudinary::transformation::Color {
        red,
        green,
        blue,
        alpha,
    } = color;
    match alpha {
        0 => "nothing".to_owned(),
        255 => format!("#{red:02x}{green:02x}{blue:02x}"),
        _ => format!("#{red:02x}{green:02x}{blue:02x}{alpha:02x}"),
    }
}
