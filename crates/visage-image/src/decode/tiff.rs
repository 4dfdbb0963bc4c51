//! TIFF through the tiff crate: the first page. Palettes and samples of less than eight bits, which it leaves packed, become
//! channels here.

use std::io::Cursor;

use tiff::decoder::{Decoder, DecodingResult};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use crate::context::{InterruptibleReader, RenderContext};
use crate::pixels::{Layout, Pixels, usize_from};
use crate::walk::tiff::Directory;
use crate::{ImageError, buffer};

type TiffReader<'a> = Decoder<InterruptibleReader<'a, Cursor<&'a [u8]>>>;

const UNUSUAL: ImageError = ImageError::Unsupported {
    name: "an unusual kind of TIFF",
};

/// `PhotometricInterpretation` of a picture whose samples are indices into a palette, and of gray from black to white.
const PALETTE: u16 = 3;
const BLACK_IS_ZERO: u16 = 1;

/// Decodes the first page to eight bits per channel.
pub(crate) fn decode(file: &[u8], context: RenderContext<'_>) -> Result<Pixels, ImageError> {
    decode_page(file, 0, context)
}

/// Decodes a page, counted from 0.
pub(crate) fn decode_page(file: &[u8], page: u32, context: RenderContext<'_>) -> Result<Pixels, ImageError> {
    let mut decoder = open(file, page, context)?;
    let photometric = decoder
        .find_tag_unsigned(Tag::PhotometricInterpretation)
        .map_err(|cause| refusal(cause, context))?;
    if photometric == Some(PALETTE) {
        return decode_indexed(file, page, decoder, context);
    }
    let pixels = decode_channels(&mut decoder, context)?;
    let expected = crate::pixels::size_bytes(pixels.width, pixels.height, pixels.layout);
    if u64::try_from(pixels.data.len()).ok() != Some(expected) {
        return Err(wrong_size());
    }
    Ok(pixels)
}

fn open<'a>(file: &'a [u8], page: u32, context: RenderContext<'a>) -> Result<TiffReader<'a>, ImageError> {
    let failed = |cause| refusal(cause, context);
    let mut bounds = tiff::decoder::Limits::default();
    bounds.decoding_buffer_size = usize::try_from(context.limits.render_memory_bytes).unwrap_or(usize::MAX);
    bounds.intermediate_buffer_size = bounds.decoding_buffer_size;
    let mut decoder = Decoder::new(context.reader(Cursor::new(file)))
        .map_err(failed)?
        .with_limits(bounds);
    if page > 0 {
        decoder.seek_to_image(usize_from(page)).map_err(failed)?;
    }
    let compression = decoder.find_tag_unsigned(Tag::Compression).map_err(failed)?;
    match compression.and_then(name_of_other_compression) {
        Some(name) => Err(ImageError::Unsupported { name }),
        None => Ok(decoder),
    }
}

/// A name for what programs do write, and what is not decoded.
fn name_of_other_compression(compression: u16) -> Option<&'static str> {
    match compression {
        2..=4 => Some("a TIFF with fax compression"),
        6 | 7 => Some("a TIFF with JPEG compression"),
        50_000 => Some("a TIFF with Zstandard compression"),
        50_001 => Some("a TIFF with WebP compression"),
        _ => None,
    }
}

fn decode_channels(decoder: &mut TiffReader<'_>, context: RenderContext<'_>) -> Result<Pixels, ImageError> {
    let failed = |cause| refusal(cause, context);
    let (width, height) = decoder.dimensions().map_err(failed)?;
    let colours = decoder.colortype().map_err(failed)?;
    let layout = match colours {
        ColorType::Gray(1 | 2 | 4 | 8 | 16) => Layout::Gray,
        ColorType::GrayA(8 | 16)
        | ColorType::Multiband {
            bit_depth: 8 | 16,
            num_samples: 2,
        } => Layout::GrayAlpha,
        ColorType::RGB(8 | 16) => Layout::Rgb,
        ColorType::RGBA(8 | 16) => Layout::Rgba,
        ColorType::CMYK(8 | 16) => Layout::Cmyk,
        _ => return Err(UNUSUAL),
    };
    let mut data = samples(decoder, context)?;
    if let ColorType::Gray(bits @ (1 | 2 | 4)) = colours {
        data = unpacked(&data, (width, height), bits, context)?;
        let step = 255 / ((1 << bits) - 1);
        for level in &mut data {
            *level *= step;
        }
    }
    if layout == Layout::Cmyk {
        for ink in &mut data {
            *ink = 255 - *ink;
        }
    }
    Ok(Pixels {
        width,
        height,
        layout,
        data,
    })
}

/// The tiff crate refuses palettes, so it is told that the indices are gray.
fn decode_indexed(
    file: &[u8],
    page: u32,
    mut decoder: TiffReader<'_>,
    context: RenderContext<'_>,
) -> Result<Pixels, ImageError> {
    let failed = |cause| refusal(cause, context);
    let (width, height) = decoder.dimensions().map_err(failed)?;
    let palette = palette(&decoder.get_tag_u16_vec(Tag::ColorMap).map_err(failed)?);
    let directory = decoder.ifd_pointer().ok_or(UNUSUAL)?;
    drop(decoder);
    let mut copy = buffer::with_room(file.len())?;
    copy.extend_from_slice(file);
    let place = usize::try_from(directory.0)
        .ok()
        .and_then(|at| Directory::at(file, at)?.place_of(Directory::PHOTOMETRIC));
    let entry = place.and_then(|place| copy.get_mut(place..place + 2)).ok_or(UNUSUAL)?;
    entry.copy_from_slice(&if file.starts_with(b"II") {
        BLACK_IS_ZERO.to_le_bytes()
    } else {
        BLACK_IS_ZERO.to_be_bytes()
    });
    let mut decoder = open(&copy, page, context)?;
    let ColorType::Gray(bits @ (1 | 2 | 4 | 8)) = decoder.colortype().map_err(failed)? else {
        return Err(UNUSUAL);
    };
    let mut indices = samples(&mut decoder, context)?;
    if bits < 8 {
        indices = unpacked(&indices, (width, height), bits, context)?;
    }
    if indices.len() != usize_from(width) * usize_from(height) || palette.len() != 1 << bits {
        return Err(wrong_size());
    }
    let mut pixels = Pixels::zeroed(width, height, Layout::Rgb, context.limits)?;
    for (pixel, index) in pixels.data.as_chunks_mut::<3>().0.iter_mut().zip(indices) {
        *pixel = palette.get(usize::from(index)).copied().unwrap_or_default();
    }
    Ok(pixels)
}

/// All reds, then all greens, then all blues, of sixteen bits; some programs write them with eight.
fn palette(map: &[u16]) -> Vec<[u8; 3]> {
    let is_short = map.iter().all(|&level| level < 256);
    let level = |level: u16| u8::try_from(if is_short { level } else { level >> 8 }).unwrap_or(u8::MAX);
    let (reds, rest) = map.split_at(map.len() / 3);
    let (greens, blues) = rest.split_at(reds.len());
    let colours = reds.iter().zip(greens).zip(blues);
    colours
        .map(|((red, green), blue)| [*red, *green, *blue].map(level))
        .collect()
}

fn samples(decoder: &mut TiffReader<'_>, context: RenderContext<'_>) -> Result<Vec<u8>, ImageError> {
    match decoder.read_image().map_err(|cause| refusal(cause, context))? {
        DecodingResult::U8(data) => Ok(data),
        DecodingResult::U16(data) => Ok(data.into_iter().map(nearest_level).collect()),
        _ => Err(UNUSUAL),
    }
}

/// Samples of 1, 2 or 4 bits, the highest first, in rows of whole bytes.
fn unpacked(
    packed: &[u8],
    (width, height): (u32, u32),
    bits: u8,
    context: RenderContext<'_>,
) -> Result<Vec<u8>, ImageError> {
    let (width, per_byte) = (usize_from(width), usize::from(8 / bits));
    let row_bytes = width.div_ceil(per_byte).max(1);
    if packed.len() != row_bytes * usize_from(height) {
        return Err(wrong_size());
    }
    let mut data = buffer::zeroed(
        u64::try_from(width * usize_from(height)).unwrap_or(u64::MAX),
        context.limits,
    )?;
    for (row, packed) in data.chunks_exact_mut(width.max(1)).zip(packed.chunks_exact(row_bytes)) {
        context.check()?;
        for (samples, byte) in row.chunks_mut(per_byte).zip(packed) {
            for (sample, shift) in samples.iter_mut().zip((0..8 / bits).rev()) {
                *sample = byte >> (shift * bits) & ((1 << bits) - 1);
            }
        }
    }
    Ok(data)
}

fn nearest_level(sample: u16) -> u8 {
    u8::try_from((u32::from(sample) * 255 + 32_767) / 65_535).unwrap_or(u8::MAX)
}

fn wrong_size() -> ImageError {
    ImageError::damaged("its pixels have another size than its directory says")
}

fn refusal(cause: TiffError, context: RenderContext<'_>) -> ImageError {
    match cause {
        TiffError::UnsupportedError(_) => UNUSUAL,
        other => context.decoder_error(other),
    }
}
