//! Animated GIF, WebP and PNG, frame by frame on one canvas.

use gif::DisposalMethod;
use png::{BitDepth, BlendOp, DisposeOp};
use visage_cloudinary::ImageFormat;

use super::canvas::{Area, Canvas, Disposal, Placing};
use super::gif::GifReader;
use super::png::PngReader;
use crate::context::RenderContext;
use crate::pixels::{Layout, Pixels, usize_from};
use crate::walk::gif::Block;
use crate::walk::{self, riff};
use crate::{Facts, ImageError, buffer, bytes};

/// All canvases together may hold this many times the pixels of one picture, however small the frames on them are.
const CANVAS_PIXELS_FACTOR: u64 = 5;

/// Decodes an animation; after each [`Animation::advance`], the canvas shows the next frame.
#[derive(Debug)]
pub(crate) struct Animation<'a> {
    frames: Frames<'a>,
    context: RenderContext<'a>,
    canvas: Canvas,
    left: u32,
    has_alpha: bool,
    plays: u32,
}

enum Frames<'a> {
    Gif(Box<GifReader<'a>>),
    Webp(riff::Chunks<'a>),
    Png(Box<PngReader<'a>>),
}

impl std::fmt::Debug for Frames<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gif(_) => "Gif",
            Self::Webp(_) => "Webp",
            Self::Png(_) => "Png",
        })
    }
}

impl<'a> Animation<'a> {
    /// Opens a file that has several frames by its `facts`.
    pub(crate) fn open(file: &'a [u8], facts: &Facts, context: RenderContext<'a>) -> Result<Self, ImageError> {
        let limits = context.limits;
        let all_pixels = facts.pixels().saturating_mul(u64::from(facts.frames));
        if all_pixels > limits.source_pixels.saturating_mul(CANVAS_PIXELS_FACTOR) {
            let max_frames = limits.source_pixels.saturating_mul(CANVAS_PIXELS_FACTOR) / facts.pixels().max(1);
            return Err(ImageError::TooManyFrames {
                max_frames: u32::try_from(max_frames).unwrap_or(u32::MAX),
            });
        }
        let (frames, plays) = match facts.format {
            ImageFormat::Gif => (
                Frames::Gif(Box::new(super::gif::open(file, context)?)),
                gif_plays(file)?,
            ),
            ImageFormat::Webp => (Frames::Webp(riff::Chunks::of_file(file)?), webp_plays(file)?),
            ImageFormat::Png => {
                let reader = super::png::open(file, context)?;
                let plays = reader.info().animation_control.map_or(0, |control| control.num_plays);
                (Frames::Png(Box::new(reader)), plays)
            }
            _ => return Err(ImageError::damaged("it is no animation")),
        };
        let mut animation = Self {
            frames,
            context,
            canvas: Canvas::new(facts.stored_size(), limits)?,
            left: facts.frames,
            has_alpha: facts.has_alpha,
            plays,
        };
        animation.skip_default_picture()?;
        Ok(animation)
    }

    /// How often the animation is to be played; 0 is without end.
    pub(crate) fn plays(&self) -> u32 {
        self.plays
    }

    /// Shows the next frame, and says for how many milliseconds; `None` after the last.
    pub(crate) fn advance(&mut self) -> Result<Option<u32>, ImageError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.context.check()?;
        let (canvas, context) = (&mut self.canvas, self.context);
        match &mut self.frames {
            Frames::Gif(decoder) => show_gif(decoder, canvas, context),
            Frames::Webp(chunks) => show_webp(chunks, canvas, context),
            Frames::Png(reader) => show_png(reader, canvas, context),
        }
        .map(Some)
    }

    /// A copy of what is shown.
    pub(crate) fn picture(&self) -> Result<Pixels, ImageError> {
        let shown = &self.canvas.pixels;
        let mut data = buffer::with_room(shown.data.len())?;
        data.extend_from_slice(&shown.data);
        let copy = Pixels { data, ..*shown };
        Ok(if self.has_alpha { copy } else { copy.without_alpha() })
    }

    /// The picture of an animated PNG that is for readers who know no animations need not be a frame.
    fn skip_default_picture(&mut self) -> Result<(), ImageError> {
        if let Frames::Png(reader) = &mut self.frames
            && reader.info().frame_control.is_none()
        {
            png_frame(reader, self.context)?;
        }
        Ok(())
    }
}

fn show_gif(decoder: &mut GifReader<'_>, canvas: &mut Canvas, context: RenderContext<'_>) -> Result<u32, ImageError> {
    let frame = decoder
        .read_next_frame()
        .map_err(|cause| context.decoder_error(cause))?;
    let frame = frame.ok_or_else(|| ImageError::damaged("a frame is missing"))?;
    let placing = Placing {
        area: Area {
            left: u32::from(frame.left),
            top: u32::from(frame.top),
            width: u32::from(frame.width),
            height: u32::from(frame.height),
        },
        blend: true,
        disposal: match frame.dispose {
            DisposalMethod::Any | DisposalMethod::Keep => Disposal::Keep,
            DisposalMethod::Background => Disposal::Clear,
            DisposalMethod::Previous => Disposal::Restore,
        },
    };
    let rows = frame.buffer.chunks_exact(usize::from(frame.width).max(1) * 4);
    canvas.show(placing, rows, Layout::Rgba, context)?;
    Ok(u32::from(frame.delay) * 10)
}

fn show_webp(
    chunks: &mut riff::Chunks<'_>,
    canvas: &mut Canvas,
    context: RenderContext<'_>,
) -> Result<u32, ImageError> {
    let cut = || ImageError::damaged("a frame is cut short");
    let data = loop {
        let chunk = chunks
            .next()
            .ok_or_else(|| ImageError::damaged("a frame is missing"))??;
        if chunk.kind == b"ANMF" {
            break chunk.data;
        }
    };
    let frame = super::webp::Frame::read(data, (canvas.pixels.width, canvas.pixels.height), context)?;
    let delay_ms = bytes::u24_le(data, 12).ok_or_else(cut)?;
    let flags = *data.get(15).ok_or_else(cut)?;
    let area = Area {
        left: frame.left,
        top: frame.top,
        width: frame.pixels.width,
        height: frame.pixels.height,
    };
    let placing = Placing {
        area,
        blend: flags & 2 == 0,
        disposal: if flags & 1 == 1 {
            Disposal::Clear
        } else {
            Disposal::Keep
        },
    };
    let rows = frame.pixels.data.chunks_exact(frame.pixels.row_bytes().max(1));
    canvas.show(placing, rows, frame.pixels.layout, context)?;
    Ok(delay_ms)
}

fn show_png(reader: &mut PngReader<'_>, canvas: &mut Canvas, context: RenderContext<'_>) -> Result<u32, ImageError> {
    let frame = png_frame(reader, context)?;
    let control = reader.info().frame_control;
    let control = control.ok_or_else(|| ImageError::damaged("a frame is missing"))?;
    let placing = Placing {
        area: Area {
            left: control.x_offset,
            top: control.y_offset,
            width: control.width,
            height: control.height,
        },
        blend: control.blend_op == BlendOp::Over,
        disposal: match control.dispose_op {
            DisposeOp::None => Disposal::Keep,
            DisposeOp::Background => Disposal::Clear,
            DisposeOp::Previous => Disposal::Restore,
        },
    };
    canvas.show(placing, frame.data.chunks_exact(frame.stride), frame.layout, context)?;
    // A denominator of 0 is to be read as 100 (PNG specification, fcTL).
    let denominator = if control.delay_den == 0 { 100 } else { control.delay_den };
    Ok(u32::from(control.delay_num) * 1000 / u32::from(denominator))
}

struct PngFrame {
    data: Vec<u8>,
    stride: usize,
    layout: Layout,
}

fn png_frame(reader: &mut PngReader<'_>, context: RenderContext<'_>) -> Result<PngFrame, ImageError> {
    let length = reader
        .output_buffer_size()
        .ok_or_else(|| ImageError::damaged("its rows are too long"))?;
    let mut data = buffer::zeroed(u64::try_from(length).unwrap_or(u64::MAX), context.limits)?;
    let frame = reader
        .next_frame(&mut data)
        .map_err(|cause| context.decoder_error(cause))?;
    let layout = super::png::layout(frame.color_type)?;
    if frame.bit_depth == BitDepth::Sixteen {
        super::png::reduce_to_8_bits(&mut data, context)?;
    }
    // The reader spaces the rows of an interlaced frame as if it were as wide as the picture.
    let width = if reader.info().interlaced {
        reader.info().width
    } else {
        frame.width
    };
    Ok(PngFrame {
        data,
        stride: (usize_from(width) * layout.channels()).max(1),
        layout,
    })
}

/// A GIF says how often it is *repeated*, and nothing if it is played once.
fn gif_plays(file: &[u8]) -> Result<u32, ImageError> {
    for block in walk::gif::open(file)?.1 {
        if let Block::Extension { data, .. } = block?
            && let Some(repeats) = walk::gif::loop_count(data)
        {
            return Ok(if repeats == 0 { 0 } else { u32::from(repeats) + 1 });
        }
    }
    Ok(1)
}

fn webp_plays(file: &[u8]) -> Result<u32, ImageError> {
    for chunk in riff::Chunks::of_file(file)? {
        let chunk = chunk?;
        if chunk.kind == b"ANIM" {
            return Ok(bytes::u16_le(chunk.data, 4).map_or(0, u32::from));
        }
    }
    Ok(0)
}
