//! Decode, follow a plan, encode.

use visage_cloudinary::ImageFormat;
use visage_cloudinary::transformation::{Attention, Background, Chroma, Quality};

use crate::animate::render_each;
use crate::context::RenderContext;
use crate::decode::{decode, decode_frame};
use crate::encode::{EncodeOptions, PngKind, encode};
use crate::icc::Colour;
use crate::jpeg::{self, Shrunk, View};
use crate::pixels::Pixels;
use crate::plan::{Compose, LayerPixels};
use crate::{
    Encoding, Facts, ImageError, Limits, Plan, Step, Window, background, border, canvas, colour, compose, corners,
    effects, icc, quality_auto, resize, rotate, saliency, turn,
};

/// A picture made from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The encoded file, without metadata.
    pub bytes: Vec<u8>,
    /// What the bytes are.
    pub format: ImageFormat,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Makes the picture that `plan` describes from the file it was planned for. `layers` are the files of
/// [`Known::layers`](crate::Known::layers), in the same order.
///
/// `cancelled` is asked between steps and inside the slow ones; a decoder at work stops within a few milliseconds, an
/// encoder is not interrupted.
///
/// # Errors
///
/// When a source does not decode, memory would pass its limit, or `cancelled` says so.
pub fn render(
    bytes: &[u8],
    plan: &Plan,
    layers: &[LayerFile<'_>],
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Rendered, ImageError> {
    let context = RenderContext::new(limits, cancelled);
    if plan.is_animated {
        check_memory(bytes, plan, limits)?;
        let work = Work::on_file(bytes, plan, layers, context);
        let steps = plan.steps.get(1..).unwrap_or_default();
        return render_each(bytes, plan, context, |frame| work.follow_all(frame, steps, 1.0));
    }
    let pixels = match start(bytes, plan, layers, context)? {
        Started::Jpeg(bytes) => {
            return Ok(Rendered {
                bytes,
                format: plan.format,
                width: plan.width,
                height: plan.height,
            });
        }
        Started::Pixels(pixels) => pixels,
    };
    context.check()?;
    let options = options(&pixels, plan, limits, cancelled);
    let encoded = encode(&pixels, plan.format, options, limits)?;
    Ok(Rendered {
        bytes: encoded,
        format: plan.format,
        width: pixels.width,
        height: pixels.height,
    })
}

/// The same without encoding.
pub(crate) fn render_pixels(
    bytes: &[u8],
    plan: &Plan,
    layers: &[LayerFile<'_>],
    context: RenderContext<'_>,
) -> Result<Pixels, ImageError> {
    check_memory(bytes, plan, context.limits)?;
    let work = Work::on_file(bytes, plan, layers, context);
    if plan.frame == 0 {
        return work.decoded(&plan.steps);
    }
    context.check()?;
    let pixels = decode_frame(bytes, &plan.source, plan.frame, context)?;
    work.follow_all(pixels, plan.steps.get(1..).unwrap_or_default(), 1.0)
}

/// Larger pictures are sent so that they can be seen before they are there, when the quality is left to visage.
const PROGRESSIVE_FROM_PIXELS: u64 = 200_000;

/// What the encoder is told; `q_auto` is decided by what the picture looks like.
fn options(pixels: &Pixels, plan: &Plan, limits: &Limits, cancelled: &dyn Fn() -> bool) -> EncodeOptions {
    let encoding = plan.encoding;
    let (quality, is_auto) = match encoding.quality {
        Quality::Auto(level) => (
            quality_auto::choose(pixels, plan.format, level, limits, cancelled),
            true,
        ),
        Quality::Fixed(..) => (encoding.usual_quality(plan.format), false),
    };
    let is_large = u64::from(pixels.width) * u64::from(pixels.height) >= PROGRESSIVE_FROM_PIXELS;
    let png_kind = match encoding {
        Encoding { has_palette: true, .. } => PngKind::Png8,
        Encoding { keeps_alpha: true, .. } => PngKind::Png32,
        _ => PngKind::Smallest,
    };
    EncodeOptions {
        chroma_444: encoding.chroma == Chroma::Full,
        progressive: encoding.is_progressive.unwrap_or(is_auto && is_large),
        lossless: encoding.is_lossless,
        png_kind,
        ..EncodeOptions::with_quality(quality)
    }
}

/// A picture up to its encoding, or the whole way.
enum Started {
    Jpeg(Vec<u8>),
    Pixels(Pixels),
}

/// As [`render_pixels`], but from JPEG to JPEG without red, green and blue when nothing but the size changes.
fn start(
    bytes: &[u8],
    plan: &Plan,
    layers: &[LayerFile<'_>],
    context: RenderContext<'_>,
) -> Result<Started, ImageError> {
    let limits = context.limits;
    let all = || render_pixels(bytes, plan, layers, context).map(Started::Pixels);
    if plan.frame != 0 || !is_only_resized_to_jpeg(plan) {
        return all();
    }
    check_memory(bytes, plan, limits)?;
    context.check()?;
    let work = Work::on_file(bytes, plan, layers, context);
    let Some((shrunk, rest)) = work.shrunk(&plan.steps)? else {
        return all();
    };
    context.check()?;
    if matches!(icc::colour_of(plan.source.format, bytes, shrunk.layout()), Colour::Srgb) {
        let quality = plan.encoding.usual_quality(plan.format);
        return shrunk.jpeg(quality, limits).map(Started::Jpeg);
    }
    let pixels = work.follow_all(shrunk.pixels(limits)?, rest, 1.0)?;
    Ok(Started::Pixels(pixels))
}

/// Whether all that is done is to make a JPEG smaller, in the usual way of encoding.
fn is_only_resized_to_jpeg(plan: &Plan) -> bool {
    let is_plain = plan.encoding.chroma == Chroma::Halved
        && plan.encoding.is_progressive != Some(true)
        && matches!(plan.encoding.quality, Quality::Fixed(..));
    let steps = plan.steps.as_slice();
    plan.source.format == ImageFormat::Jpg
        && plan.format == ImageFormat::Jpg
        && is_plain
        && matches!(steps, [Step::Decode { .. }, Step::Resize { .. }, Step::ConvertColour])
}

fn check_memory(bytes: &[u8], plan: &Plan, limits: &Limits) -> Result<(), ImageError> {
    let needed_bytes = plan.memory_bytes(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    if needed_bytes > limits.render_memory_bytes {
        return Err(ImageError::TooMuchMemory {
            needed_bytes,
            max_bytes: limits.render_memory_bytes,
        });
    }
    Ok(())
}

/// The pixels of a file after some steps.
pub(crate) fn pixels_after(
    steps: &[Step],
    (bytes, facts): (&[u8], &Facts),
    context: RenderContext<'_>,
) -> Result<Pixels, ImageError> {
    let work = Work {
        file: LayerFile { bytes, facts },
        layers: &[],
        context,
    };
    work.decoded(steps)
}

/// A file and what it is.
#[derive(Debug, Clone, Copy)]
pub struct LayerFile<'a> {
    /// All of it.
    pub bytes: &'a [u8],
    /// As [`probe`](crate::probe) found them.
    pub facts: &'a Facts,
}

/// Steps on the pixels of one file.
struct Work<'a> {
    file: LayerFile<'a>,
    layers: &'a [LayerFile<'a>],
    context: RenderContext<'a>,
}

impl<'a> Work<'a> {
    fn on_file(bytes: &'a [u8], plan: &'a Plan, layers: &'a [LayerFile<'a>], context: RenderContext<'a>) -> Self {
        Self {
            file: LayerFile {
                bytes,
                facts: &plan.source,
            },
            layers,
            context,
        }
    }

    /// Follows all steps, the first of which decodes.
    fn decoded(&self, steps: &[Step]) -> Result<Pixels, ImageError> {
        let (first, rest) = steps.split_first().unwrap_or((&Step::Decode { scale: 1 }, &[]));
        let scale = if let Step::Decode { scale } = first { *scale } else { 1 };
        self.context.check()?;
        if let Some((shrunk, rest)) = self.shrunk(steps)? {
            return self.follow_all(shrunk.pixels(self.context.limits)?, rest, 1.0);
        }
        let pixels = decode(self.file.bytes, self.file.facts, scale, self.context)?;
        self.follow_all(pixels, rest, f64::from(scale.max(1)))
    }

    /// The planes of the file and the steps that are left, when the steps begin by making a JPEG smaller.
    fn shrunk<'s>(&self, steps: &'s [Step]) -> Result<Option<(Shrunk, &'s [Step])>, ImageError> {
        let LayerFile { bytes, facts } = self.file;
        let [
            Step::Decode { scale },
            Step::Resize { window, width, height },
            rest @ ..,
        ] = steps
        else {
            return Ok(None);
        };
        if facts.format != ImageFormat::Jpg {
            return Ok(None);
        }
        let view = View {
            window: *window,
            width: *width,
            height: *height,
        };
        let planes = jpeg::planes(bytes, facts, *scale, view, self.context)?;
        Ok(planes.map(|planes| (Shrunk { planes, view }, rest)))
    }

    /// `divisor` is by how much smaller than planned the pixels were decoded: the first step makes up for it.
    fn follow_all(&self, mut pixels: Pixels, steps: &[Step], mut divisor: f64) -> Result<Pixels, ImageError> {
        for step in steps {
            self.context.check()?;
            pixels = self.follow(step, pixels, divisor)?;
            divisor = 1.0;
        }
        Ok(pixels)
    }

    fn follow(&self, step: &Step, pixels: Pixels, divisor: f64) -> Result<Pixels, ImageError> {
        let RenderContext { limits, cancelled, .. } = self.context;
        match step {
            Step::Decode { .. } => Ok(pixels),
            Step::Orient(orientation) => turn::upright(pixels, *orientation, limits),
            Step::Resize { window, width, height } => {
                resize::resize(&pixels, window.divided(divisor), *width, *height, limits)
            }
            Step::ConvertColour => {
                let colour = icc::colour_of(self.file.facts.format, self.file.bytes, pixels.layout);
                colour::to_srgb(pixels, &colour, limits)
            }
            Step::AutoCrop {
                width,
                height,
                attention,
                faces,
            } => {
                let size = (*width, *height);
                let (x, y) = saliency::best_window(&pixels, size, (faces, weight(*attention)), limits)?;
                let window = Window::whole(*width, *height).moved(f64::from(x), f64::from(y));
                resize::resize(&pixels, window, *width, *height, limits)
            }
            Step::Pad { canvas, fill } => match fill {
                Background::Color(color) => canvas::place(pixels, *canvas, *color, limits),
                Background::Auto(auto) => background::place(&pixels, *canvas, auto, limits),
            },
            Step::Rotate { degrees, width, height } => {
                rotate::rotate(pixels, *degrees, (*width, *height), limits, cancelled)
            }
            Step::Effect(step) => effects::apply(pixels, step, limits, cancelled),
            Step::Opacity(percent) => canvas::opacity(pixels, *percent, limits),
            Step::Round(radii) => corners::round(pixels, *radii, limits),
            Step::Border { width, color, radii } => border::border(pixels, *width, *color, *radii, limits),
            Step::Flatten(background) => Ok(corners::flatten(pixels, *background)),
            Step::Compose(step) => {
                let layer = self.layer(step)?;
                compose::compose(pixels, &layer, &step.placement, limits)
            }
        }
    }

    fn layer(&self, step: &Compose) -> Result<Pixels, ImageError> {
        match &step.pixels {
            LayerPixels::Drawn(drawn) => self.follow_all((**drawn).clone(), &step.steps, 1.0),
            LayerPixels::Asset(index) => {
                let missing = || ImageError::damaged("the picture of a layer is missing");
                let file = *self.layers.get(*index).ok_or_else(missing)?;
                Work { file, ..*self }.decoded(&step.steps)
            }
        }
    }
}

/// How much faces count for `g_auto`; 1 is usual.
fn weight(attention: Attention) -> f32 {
    match attention {
        Attention::Usual => 1.0,
        Attention::Face | Attention::Faces => 4.0,
        Attention::NoFaces => 0.0,
    }
}
