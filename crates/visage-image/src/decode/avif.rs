//! AVIF: dav1d decodes each coded picture to planes; what they mean, and how they make up a picture, is done here.

use visage_codecs::CodecError;
use visage_codecs::av1::{self, Chroma, DecodeOptions, Frame};

use super::yuv::{self, PlaneRows, Planes};
use crate::context::RenderContext;
use crate::pixels::{Layout, Pixels, usize_from};
use crate::probe::av1::Sequence;
use crate::probe::avif::{CodedItem, Colours, composition, open};
use crate::walk::composition::{Coded, Grid};
use crate::walk::heif::Meta;
use crate::{ImageError, Limits};

/// Decodes the picture: red, green, blue, and alpha if it has some.
pub(super) fn decode(file: &[u8], context: RenderContext<'_>) -> Result<Pixels, ImageError> {
    let limits = context.limits;
    let source = Source {
        file,
        meta: &open(file)?,
        limits,
        cancelled: context.cancelled,
    };
    let composition = composition(file, source.meta)?;
    let colours = Colours::of(file, source.meta, &composition)?;
    let layout = if composition.alpha.is_some() {
        Layout::Rgba
    } else {
        Layout::Rgb
    };
    let planes = source.planes(&composition.colour)?;
    let mut pixels = yuv::to_rgb(&*planes, colours, layout, limits)?;
    drop(planes);
    if let Some(alpha) = &composition.alpha {
        let planes = source.planes(alpha)?;
        if planes.description().size() != (pixels.width, pixels.height) {
            return Err(ImageError::damaged("its alpha plane has another size than the picture"));
        }
        yuv::put_alpha(&*planes, &mut pixels);
        if composition.is_premultiplied {
            divide_by_alpha(&mut pixels);
        }
    }
    Ok(pixels)
}

/// The file, and under which conditions it is decoded.
struct Source<'a> {
    file: &'a [u8],
    meta: &'a Meta<'a>,
    limits: &'a Limits,
    cancelled: &'a dyn Fn() -> bool,
}

impl Source<'_> {
    fn planes(&self, coded: &Coded) -> Result<Box<dyn PlaneRows>, ImageError> {
        match coded {
            Coded::Item(id) => Ok(Box::new(self.frame(*id)?.0)),
            Coded::Grid(grid) => Ok(Box::new(self.assemble(grid)?)),
        }
    }

    /// Decodes one item, and refuses it when it is not what the container and its own headers say.
    fn frame(&self, id: u32) -> Result<(Frame, Sequence), ImageError> {
        let item = CodedItem::read(self.file, self.meta, id)?;
        let sequence = item.sequence;
        let pixels = u64::from(item.size.0) * u64::from(item.size.1);
        let options = DecodeOptions {
            max_pixels: u32::try_from(pixels.min(self.limits.source_pixels)).unwrap_or(u32::MAX),
            max_bytes: frames_memory_bytes(item.size, &sequence),
            operating_point: item.operating_point,
            layer: item.layer,
        };
        let frame = av1::decode(&item.stream, options, self.cancelled).map_err(|cause| refusal(cause, self.limits))?;
        let is_as_stated = (frame.width, frame.height) == item.size
            && frame.depth == sequence.depth
            && frame.chroma == sequence.chroma
            && frame.matrix == sequence.matrix
            && frame.full_range == sequence.full_range;
        if !is_as_stated {
            return Err(ImageError::damaged("its AV1 data is not what its headers say"));
        }
        Ok((frame, sequence))
    }

    /// Puts the tiles of a grid together.
    fn assemble(&self, grid: &Grid) -> Result<Planes, ImageError> {
        let mut planes: Option<Planes> = None;
        let mut first: Option<((u32, u32), Sequence)> = None;
        for (index, tile) in (0_u32..).zip(&grid.tiles) {
            let (frame, sequence) = self.frame(*tile)?;
            let size = (frame.width, frame.height);
            let (first_size, first_sequence) = *first.get_or_insert((size, sequence));
            if size != first_size || sequence.chroma != first_sequence.chroma || sequence.depth != first_sequence.depth
            {
                return Err(ImageError::damaged("its tiles differ"));
            }
            if planes.is_none() {
                check_grid(grid, size, sequence.chroma)?;
                let size = (grid.width, grid.height);
                planes = Some(Planes::zeroed(size, &sequence, self.limits)?);
            }
            let place = (index % grid.columns * size.0, index / grid.columns * size.1);
            if let Some(planes) = &mut planes {
                planes.put(&frame, place);
            }
        }
        planes.ok_or_else(|| ImageError::damaged("it has no tiles"))
    }
}

/// Tiles cover the picture, none is needless, and chroma samples do not straddle them (ISO 23000-22, 7.3.11.4.2).
fn check_grid(grid: &Grid, (width, height): (u32, u32), chroma: Chroma) -> Result<(), ImageError> {
    let fits = |tile: u32, count: u32, whole: u32| {
        let (tile, count, whole) = (u64::from(tile), u64::from(count), u64::from(whole));
        tile * count >= whole && tile * (count - 1) < whole
    };
    let (half_columns, half_rows) = chroma.halves();
    let is_even = (!half_columns || width.is_multiple_of(2)) && (!half_rows || height.is_multiple_of(2));
    if is_even && fits(width, grid.columns, grid.width) && fits(height, grid.rows, grid.height) {
        return Ok(());
    }
    Err(ImageError::damaged("its tiles do not make up the picture"))
}

/// Memory for all frames that dav1d has at one time: the picture, the same before super-resolution and without film grain,
/// and one of samples of eight bits more, for layers. dav1d's frames are whole blocks of 128 pixels.
fn frames_memory_bytes((width, height): (u32, u32), sequence: &Sequence) -> u64 {
    const SLACK_BYTES: u64 = 64 * 1024;
    let blocks = |side: u32| u64::from(side).next_multiple_of(128) + 64;
    let (frames, sample_bytes) = if sequence.depth > 8 { (3, 2) } else { (4, 1) };
    let halved_samples = match sequence.chroma {
        Chroma::Gray => 2,
        Chroma::Quarter => 3,
        Chroma::Half => 4,
        Chroma::Full => 6,
    };
    (blocks(width) * blocks(height) * halved_samples / 2 * sample_bytes + SLACK_BYTES) * frames
}

fn refusal(cause: CodecError, limits: &Limits) -> ImageError {
    match cause {
        CodecError::Cancelled => ImageError::Cancelled,
        CodecError::TooLarge { max_bytes } => ImageError::TooMuchMemory {
            needed_bytes: max_bytes.saturating_add(1),
            max_bytes: max_bytes.min(limits.render_memory_bytes),
        },
        CodecError::Damaged(reason) | CodecError::Failed(reason) => {
            ImageError::damaged(format!("the AVIF data cannot be decoded ({reason})"))
        }
        CodecError::Unsupported(name) => ImageError::Unsupported { name },
    }
}

/// Colours that were multiplied by alpha become what they were.
fn divide_by_alpha(pixels: &mut Pixels) {
    for [red, green, blue, alpha] in pixels.data.as_chunks_mut::<4>().0 {
        let alpha = u32::from(*alpha);
        for level in [red, green, blue] {
            let whole = (u32::from(*level) * 255 + alpha / 2).checked_div(alpha).unwrap_or(0);
            *level = u8::try_from(whole.min(255)).unwrap_or(u8::MAX);
        }
    }
}

impl Planes {
    /// Copies a tile to its place; what lies outside of the picture is left out.
    fn put(&mut self, tile: &Frame, (left, top): (u32, u32)) {
        let sample_bytes = if tile.depth > 8 { 2 } else { 1 };
        let (half_columns, half_rows) = tile.chroma.halves();
        for plane in 0..tile.chroma.planes() {
            let halve = |value: u32, half: bool| if half && plane > 0 { value / 2 } else { value };
            let (left, top) = (halve(left, half_columns), halve(top, half_rows));
            let rows = if plane == 0 {
                tile.height
            } else {
                tile.chroma.plane_size(tile.width, tile.height).1
            };
            for row in 0..rows {
                let to = self.row_mut(plane, top.saturating_add(row));
                let to = to.get_mut(usize_from(left) * sample_bytes..).unwrap_or_default();
                for (to, from) in to.iter_mut().zip(tile.row(plane, row)) {
                    *to = *from;
                }
            }
        }
    }
}

impl PlaneRows for Frame {
    fn description(&self) -> yuv::Description {
        yuv::Description {
            width: self.width,
            height: self.height,
            depth: self.depth,
            chroma: self.chroma,
            full_range: self.full_range,
        }
    }

    fn row(&self, plane: usize, row: u32) -> &[u8] {
        self.row(plane, row)
    }
}
