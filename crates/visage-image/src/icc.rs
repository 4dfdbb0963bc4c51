//! Colour profiles: where files keep them, what they mean, and how to write one that says nothing but colour.
//!
//! Numbers that stand for a profile (`colorimetry`) are made one, so that all that follows knows only profiles.

mod bmp;
mod colorimetry;
mod png;

use moxcms::{ColorProfile, DataColorSpace, Layout as CmsLayout, ProfileClass, TransformOptions};
use visage_cloudinary::ImageFormat;

use crate::pixels::Layout;
use crate::walk::heif::Meta;
use crate::walk::jpeg::{APP2, SOS, Segments};
use crate::walk::tiff::Directory;
use crate::walk::{ico, riff};
use crate::{buffer, bytes};
use colorimetry::Colorimetry;
pub(crate) use png::embedded_profile as embedded_png_profile;

/// Larger profiles are not read; CMYK profiles have about half a megabyte.
const MAX_PROFILE_BYTES: usize = 2 * 1024 * 1024;

/// Steps of 255 by which a profile may differ from sRGB and still be taken for it.
const SRGB_TOLERANCE: u8 = 4;

/// What the numbers of a picture mean.
#[derive(Debug, Clone)]
pub(crate) enum Colour {
    /// sRGB, or so near that nobody sees the difference; for CMYK, no profile.
    Srgb,
    /// RGB or gray by primaries and curves: small, and the same in every program.
    Simple(Box<ColorProfile>),
    /// By tables, or CMYK.
    Tables(Box<ColorProfile>),
}

/// What a file says about the colour of its pixels; a profile that cannot be read, or is for other channels, counts as
/// none, as in browsers.
pub(crate) fn colour_of(format: ImageFormat, file: &[u8], layout: Layout) -> Colour {
    let stated = match format {
        ImageFormat::Jpg => from_jpeg(file).and_then(|profile| of_profile(&profile, layout)),
        ImageFormat::Png => png::colour(file, layout),
        ImageFormat::Webp => from_webp(file).and_then(|profile| of_profile(profile, layout)),
        ImageFormat::Avif => from_avif(file, layout),
        ImageFormat::Tiff => from_tiff(file).and_then(|profile| of_profile(&profile, layout)),
        ImageFormat::Bmp => bmp::colour(file, layout),
        ImageFormat::Ico => from_icon(file, layout),
        ImageFormat::Gif => None,
    };
    stated.unwrap_or(Colour::Srgb)
}

/// A profile with the same colours and nothing else: no description of a device, no owner, no private tags, no date.
pub(crate) fn rebuilt(profile: &ColorProfile) -> Option<Vec<u8>> {
    let mut clean = ColorProfile::default();
    clean.pcs = DataColorSpace::Xyz;
    clean.color_space = profile.color_space;
    clean.profile_class = ProfileClass::DisplayDevice;
    clean.white_point = profile.white_point;
    clean.media_white_point = Some(profile.white_point);
    clean.red_colorant = profile.red_colorant;
    clean.green_colorant = profile.green_colorant;
    clean.blue_colorant = profile.blue_colorant;
    clean.red_trc.clone_from(&profile.red_trc);
    clean.green_trc.clone_from(&profile.green_trc);
    clean.blue_trc.clone_from(&profile.blue_trc);
    clean.gray_trc.clone_from(&profile.gray_trc);
    let date = &mut clean.creation_date_time;
    (date.year, date.month, date.day_of_the_month) = (2000, 1, 1);
    (date.hours, date.minutes, date.seconds) = (0, 0, 0);
    clean.encode().ok()
}

/// What an ICC profile means for pixels of this layout; `None` when it says nothing about them.
fn of_profile(profile: &[u8], layout: Layout) -> Option<Colour> {
    if profile.len() > MAX_PROFILE_BYTES {
        return None;
    }
    meaning(ColorProfile::new_from_slice(profile).ok()?, layout)
}

fn of_numbers(numbers: &Colorimetry, layout: Layout) -> Option<Colour> {
    Some(match numbers.profile(layout)? {
        Some(profile) => meaning(profile, layout)?,
        None => Colour::Srgb,
    })
}

fn meaning(profile: ColorProfile, layout: Layout) -> Option<Colour> {
    let expected = match layout {
        Layout::Gray | Layout::GrayAlpha => DataColorSpace::Gray,
        Layout::Rgb | Layout::Rgba => DataColorSpace::Rgb,
        Layout::Cmyk => DataColorSpace::Cmyk,
    };
    let has_tables = profile.lut_a_to_b_perceptual.is_some()
        || profile.lut_a_to_b_colorimetric.is_some()
        || profile.lut_a_to_b_saturation.is_some();
    let is_simple = profile.is_matrix_shaper() || (expected == DataColorSpace::Gray && profile.gray_trc.is_some());
    if profile.color_space != expected || !(has_tables || is_simple) {
        None
    } else if is_like_srgb(&profile, expected) {
        Some(Colour::Srgb)
    } else if is_simple && !has_tables {
        Some(Colour::Simple(Box::new(profile)))
    } else {
        Some(Colour::Tables(Box::new(profile)))
    }
}

/// Asks what becomes of a grid of colours: names, versions and the many ways to write a curve do not matter.
fn is_like_srgb(profile: &ColorProfile, space: DataColorSpace) -> bool {
    const LEVELS: [u8; 6] = [0, 51, 102, 153, 204, 255];
    let (layout, before): (_, Vec<u8>) = match space {
        DataColorSpace::Rgb => {
            let grid = LEVELS
                .iter()
                .flat_map(|r| LEVELS.iter().flat_map(move |g| LEVELS.iter().map(move |b| [r, g, b])));
            (CmsLayout::Rgb, grid.flatten().copied().collect())
        }
        DataColorSpace::Gray => (CmsLayout::Gray, (0..=255).collect()),
        _ => return false,
    };
    let srgb = ColorProfile::new_srgb();
    let Ok(transform) = profile.create_transform_8bit(layout, &srgb, CmsLayout::Rgb, TransformOptions::default())
    else {
        return true; // it cannot be applied, so it counts as none
    };
    let expected: Vec<u8> = match space {
        DataColorSpace::Gray => before.iter().flat_map(|&level| [level; 3]).collect(),
        _ => before.clone(),
    };
    let mut after = vec![0; expected.len()];
    transform.transform(&before, &mut after).is_err()
        || after
            .iter()
            .zip(&expected)
            .all(|(after, before)| after.abs_diff(*before) <= SRGB_TOLERANCE)
}

/// APP2 segments, each with its number and the count; they need not stand in order.
fn from_jpeg(file: &[u8]) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"ICC_PROFILE\0";
    let parts = || {
        let segments = Segments::new(file)
            .map_while(Result::ok)
            .take_while(|segment| segment.marker != SOS);
        segments
            .filter(|segment| segment.marker == APP2)
            .filter_map(|segment| segment.payload.strip_prefix(NAME))
    };
    let count = *parts().next()?.get(1)?;
    let total: usize = parts().map(<[u8]>::len).sum();
    if total > MAX_PROFILE_BYTES {
        return None;
    }
    let mut profile = buffer::with_room(total).ok()?;
    for number in 1..=count {
        let part = parts().find(|part| part.first() == Some(&number))?;
        profile.extend_from_slice(part.get(2..)?);
    }
    Some(profile)
}

fn from_webp(file: &[u8]) -> Option<&[u8]> {
    let mut chunks = riff::Chunks::of_file(file).ok()?.map_while(Result::ok);
    chunks.find(|chunk| chunk.kind == b"ICCP").map(|chunk| chunk.data)
}

fn from_tiff(file: &[u8]) -> Option<Vec<u8>> {
    Directory::open(file)?.blob(Directory::ICC_PROFILE)
}

/// A picture in an icon is a PNG, or a bitmap that says nothing about its colours.
fn from_icon(file: &[u8], layout: Layout) -> Option<Colour> {
    let picture = ico::largest(file).ok().filter(|picture| picture.is_png)?;
    png::colour(picture.data, layout)
}

/// A `colr` property holds a profile, or numbers ("nclx"). The profile counts more.
fn from_avif(file: &[u8], layout: Layout) -> Option<Colour> {
    let meta = Meta::open(file)?;
    let primary = meta.primary_id()?;
    let mut found = None;
    for colr in meta.properties(primary).filter(|property| property.kind == *b"colr") {
        match colr.data.split_first_chunk::<4>() {
            Some((b"prof" | b"rICC", profile)) => return of_profile(profile, layout),
            Some((b"nclx", numbers)) => {
                let code = |at| bytes::u16_be(numbers, at).unwrap_or_default();
                found = Colorimetry::of_codes(code(0), code(2)).and_then(|numbers| of_numbers(&numbers, layout));
            }
            _ => {}
        }
    }
    found
}
