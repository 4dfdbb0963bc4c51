//! PNG through the png crate.

use png::{BitDepth, ColorType, Compression, Encoder, Filter, Info};
use visage_cloudinary::ImageFormat;

use super::palette::{Indexed, rgba_of};
use super::{PngKind, failed};
use crate::pixels::{Layout, Pixels};
use crate::{ImageError, Limits, buffer};

/// Above this many bytes of pixels, speed counts more than the last percents of size.
const BALANCED_UP_TO_BYTES: usize = 4 * 1024 * 1024;

/// Encodes as `kind` says.
pub(super) fn encode_as(pixels: &Pixels, kind: PngKind, limits: &Limits) -> Result<Vec<u8>, ImageError> {
    match kind {
        PngKind::Smallest => encode_smallest(pixels, limits),
        PngKind::Png8 => match Indexed::exact(pixels, limits)? {
            Some(indexed) => encode_indexed(pixels, indexed, limits),
            None => encode_indexed(pixels, Indexed::nearest(pixels, limits)?, limits),
        },
        PngKind::Png24 if pixels.layout == Layout::Rgb => encode(pixels, None),
        PngKind::Png24 => encode(&channels_of(pixels, Layout::Rgb, limits)?, None),
        PngKind::Png32 if pixels.layout == Layout::Rgba => encode(pixels, None),
        PngKind::Png32 => encode(&channels_of(pixels, Layout::Rgba, limits)?, None),
    }
}

/// Encodes exactly what can be seen, in the form that takes the fewest bytes before compression.
fn encode_smallest(pixels: &Pixels, limits: &Limits) -> Result<Vec<u8>, ImageError> {
    if pixels.layout == Layout::Cmyk {
        return Err(failed(ImageFormat::Png, "these channels are not made"));
    }
    let is_opaque = rgba_of(pixels).all(|[.., alpha]| alpha == 255);
    let is_gray = rgba_of(pixels).all(|[red, green, blue, _]| red == green && green == blue);
    let layout = match (is_gray, is_opaque) {
        (true, true) => Layout::Gray,
        (true, false) => Layout::GrayAlpha,
        (false, true) => Layout::Rgb,
        (false, false) => Layout::Rgba,
    };
    let size_bytes = pixels.data.len() / pixels.layout.channels() * layout.channels();
    match Indexed::exact(pixels, limits)? {
        Some(indexed) if indexed.size_bytes() < size_bytes => encode_indexed(pixels, indexed, limits),
        _ if layout == pixels.layout => encode(pixels, None),
        _ => encode(&channels_of(pixels, layout, limits)?, None),
    }
}

/// The same pixels with other channels; gray is the red of pixels that are gray.
fn channels_of(pixels: &Pixels, layout: Layout, limits: &Limits) -> Result<Pixels, ImageError> {
    let mut made = Pixels::zeroed(pixels.width, pixels.height, layout, limits)?;
    for (to, [red, green, blue, alpha]) in made.data.chunks_exact_mut(layout.channels()).zip(rgba_of(pixels)) {
        match to {
            [level] => *level = red,
            [level, transparency] => (*level, *transparency) = (red, alpha),
            [_, _, _] => to.copy_from_slice(&[red, green, blue]),
            _ => to.copy_from_slice(&[red, green, blue, alpha]),
        }
    }
    Ok(made)
}

fn encode_indexed(pixels: &Pixels, indexed: Indexed, limits: &Limits) -> Result<Vec<u8>, ImageError> {
    let mut info = Info::with_size(pixels.width, pixels.height);
    info.color_type = ColorType::Indexed;
    info.bit_depth = match indexed.bits() {
        1 => BitDepth::One,
        2 => BitDepth::Two,
        4 => BitDepth::Four,
        _ => BitDepth::Eight,
    };
    let mut palette = buffer::with_room(indexed.colours.len() * 3)?;
    palette.extend(
        indexed
            .colours
            .iter()
            .flat_map(|[red, green, blue, _]| [*red, *green, *blue]),
    );
    let transparent = indexed.colours.iter().map(|colour| colour[3]);
    let transparent: Vec<u8> = transparent.take_while(|alpha| *alpha < 255).collect();
    info.palette = Some(palette.into());
    info.trns = (!transparent.is_empty()).then(|| transparent.into());
    write(info, &indexed.packed(limits)?)
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
    // Numbers of colours that lie beside each other say nothing about each other.
    let filter = (info.color_type == ColorType::Indexed).then_some(Filter::NoFilter);
    let mut file = Vec::new();
    let mut encoder = Encoder::with_info(&mut file, info).map_err(|cause| failed(ImageFormat::Png, cause))?;
    encoder.set_compression(compression);
    if let Some(filter) = filter {
        encoder.set_filter(filter);
    }
    encoder
        .write_header()
        .and_then(|mut writer| {
            writer.write_image_data(data)?;
            writer.finish()
        })
        .map_err(|cause| failed(ImageFormat::Png, cause))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(layout: Layout, colour_of: impl Fn(u32, u32) -> [u8; 4]) -> Pixels {
        let (width, height) = (40, 30);
        let data = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let data = data.flat_map(|(x, y)| colour_of(x, y)[..layout.channels()].to_vec());
        Pixels {
            width,
            height,
            layout,
            data: data.collect(),
        }
    }

    fn check(pixels: &Pixels, kind: PngKind, expected: (ColorType, BitDepth)) -> Pixels {
        let limits = Limits::default();
        let file = encode_as(pixels, kind, &limits).unwrap();
        let reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
        let info = reader.info();
        assert_eq!((info.color_type, info.bit_depth), expected);
        let context = crate::context::RenderContext::new(&limits, &|| false);
        crate::decode::png::decode(&file, context).unwrap()
    }

    fn assert_same(found: &Pixels, wanted: &Pixels) {
        assert!(rgba_of(found).eq(rgba_of(wanted)), "the colours changed");
    }

    fn byte(value: u32) -> u8 {
        value.to_le_bytes()[0]
    }

    #[test]
    fn the_smallest_form_is_found_and_is_exact() {
        let few = pixels(Layout::Rgb, |x, _| [byte(x % 3), 9, 1, 255]);
        let few_clear = pixels(Layout::Rgba, |x, y| [byte(x), 0, 0, byte(y % 2) * 200]);
        let gray = pixels(Layout::Rgba, |x, y| {
            [byte(x * 6 + y % 6); 3]
                .into_iter()
                .chain([255])
                .collect::<Vec<_>>()
                .try_into()
                .unwrap()
        });
        let many = pixels(Layout::Rgba, |x, y| [byte(x), byte(y), 0, 255]);
        let clear = pixels(Layout::Rgba, |x, y| [byte(x), byte(y), 0, byte(x * y)]);
        for (picture, expected) in [
            (&few, (ColorType::Indexed, BitDepth::Two)),
            (&few_clear, (ColorType::Indexed, BitDepth::Eight)),
            (&gray, (ColorType::Grayscale, BitDepth::Eight)),
            (&many, (ColorType::Rgb, BitDepth::Eight)),
            (&clear, (ColorType::Rgba, BitDepth::Eight)),
        ] {
            assert_same(&check(picture, PngKind::Smallest, expected), picture);
        }
    }

    #[test]
    fn a_kind_that_is_asked_for_is_made() {
        let eight = BitDepth::Eight;
        let many = pixels(Layout::Rgb, |x, y| [byte(x * 6), byte(y * 8), 0, 255]);
        assert_same(&check(&many, PngKind::Png32, (ColorType::Rgba, eight)), &many);
        let few = pixels(Layout::Rgba, |x, _| [byte(x % 2), 9, 1, 255]);
        assert_same(&check(&few, PngKind::Png24, (ColorType::Rgb, eight)), &few);
        let quantised = check(&many, PngKind::Png8, (ColorType::Indexed, eight));
        let pairs = rgba_of(&quantised).zip(rgba_of(&many));
        let differences = pairs.map(|(a, b)| u64::from(a[0].abs_diff(b[0])) + u64::from(a[1].abs_diff(b[1])));
        let mean = differences.sum::<u64>() / (40 * 30);
        assert!(mean < 16, "256 colours are {mean} off");
    }
}
