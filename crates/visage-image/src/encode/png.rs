//! PNG through the png crate.

use std::collections::HashMap;

use png::{BitDepth, ColorType, Compression, Encoder, Info};
use visage_cloudinary::ImageFormat;

use super::failed;
use crate::effects::with_alpha;
use crate::pixels::{Layout, Pixels};
use crate::plan::Encoding;
use crate::{ImageError, Limits};

/// Above this many bytes of pixels, speed counts more than the last percents of size.
const BALANCED_UP_TO_BYTES: usize = 4 * 1024 * 1024;

/// Encodes with a palette where that loses nothing, or where it is asked for; gray where everything is gray; without
/// alpha where everything is opaque, unless it is to be kept.
pub(super) fn encode_smallest(pixels: &Pixels, encoding: Encoding, limits: &Limits) -> Result<Vec<u8>, ImageError> {
    if !encoding.keeps_alpha {
        if let Some(indexed) = indexed(pixels).or_else(|| encoding.has_palette.then(|| quantised(pixels)).flatten()) {
            return encode_indexed(pixels, &indexed);
        }
        let is_opaque =
            pixels.layout == Layout::Rgba && pixels.data.iter().skip(3).step_by(4).all(|alpha| *alpha == 255);
        if is_opaque {
            return encode(&pixels.clone().without_alpha(), None);
        }
        return encode(pixels, None);
    }
    encode(&with_alpha(pixels.clone(), limits)?, None)
}

/// A palette of red, green, blue and alpha, and an index into it for each pixel.
struct Indexed {
    palette: Vec<[u8; 4]>,
    indices: Vec<u8>,
}

/// The colours of a picture, if there are at most 256 of them.
fn indexed(pixels: &Pixels) -> Option<Indexed> {
    let mut known: HashMap<[u8; 4], u8> = HashMap::new();
    let mut palette = Vec::new();
    let mut indices = Vec::new();
    for pixel in pixels.data.chunks_exact(pixels.layout.channels()) {
        let color = match pixel {
            [red, green, blue, alpha] => [*red, *green, *blue, *alpha],
            [red, green, blue] => [*red, *green, *blue, 255],
            _ => return None,
        };
        let index = if let Some(index) = known.get(&color) {
            *index
        } else {
            let index = u8::try_from(palette.len()).ok()?;
            known.insert(color, index);
            palette.push(color);
            index
        };
        indices.push(index);
    }
    Some(Indexed { palette, indices })
}

/// 256 colours that come close, by the same search as for GIF.
fn quantised(pixels: &Pixels) -> Option<Indexed> {
    let (width, height) = (u16::try_from(pixels.width).ok()?, u16::try_from(pixels.height).ok()?);
    let frame = match pixels.layout {
        Layout::Rgb => gif::Frame::from_rgb_speed(width, height, &pixels.data, 10),
        Layout::Rgba => gif::Frame::from_rgba_speed(width, height, &mut pixels.data.clone(), 10),
        _ => return None,
    };
    let mut palette: Vec<[u8; 4]> = Vec::new();
    for color in frame.palette.as_ref()?.as_chunks::<3>().0 {
        palette.push([color[0], color[1], color[2], 255]);
    }
    if let Some(color) = frame.transparent.and_then(|index| palette.get_mut(usize::from(index))) {
        color[3] = 0;
    }
    Some(Indexed {
        palette,
        indices: frame.buffer.into_owned(),
    })
}

fn encode_indexed(pixels: &Pixels, indexed: &Indexed) -> Result<Vec<u8>, ImageError> {
    let mut info = Info::with_size(pixels.width, pixels.height);
    info.color_type = ColorType::Indexed;
    info.bit_depth = BitDepth::Eight;
    let colors = indexed.palette.iter().flat_map(|color| [color[0], color[1], color[2]]);
    info.palette = Some(colors.collect::<Vec<_>>().into());
    if indexed.palette.iter().any(|color| color[3] < 255) {
        info.trns = Some(indexed.palette.iter().map(|color| color[3]).collect::<Vec<_>>().into());
    }
    write(info, &indexed.indices)
}

/// Encodes eight bits per channel, with a colour profile if one is given.
pub(crate) fn encode(pixels: &Pixels, profile: Option<Vec<u8>>) -> Result<Vec<u8>, ImageError> {
    let color_type = match pixels.layout {
        Layout::Gray => ColorType::Grayscale,
        Layout::GrayAlpha => ColorType::GrayscaleAlpha,
        Layout::Rgb => ColorType::Rgb,
        Layout::Rgba => ColorType::Rgba,
        Layout::Cmyk => return Err(failed(ImageFormat::Png, "these channels are not made")),
    };
    let mut info = Info::with_size(pixels.width, pixels.height);
    info.color_type = color_type;
    info.bit_depth = BitDepth::Eight;
    info.icc_profile = profile.map(Into::into);
    write(info, &pixels.data)
}

/// Writes pixels that are laid out as `info` says.
pub(crate) fn write(info: Info<'_>, data: &[u8]) -> Result<Vec<u8>, ImageError> {
    let compression = if data.len() <= BALANCED_UP_TO_BYTES {
        Compression::Balanced
    } else {
        Compression::Fast
    };
    let mut file = Vec::new();
    let mut encoder = Encoder::with_info(&mut file, info).map_err(|cause| failed(ImageFormat::Png, cause))?;
    encoder.set_compression(compression);
    encoder
        .write_header()
        .and_then(|mut writer| {
            writer.write_image_data(data)?;
            writer.finish()
        })
        .map_err(|cause| failed(ImageFormat::Png, cause))?;
    Ok(file)
}
