//! Colour profiles: where files keep them, what they mean, and how to write one that says nothing but colour.

use moxcms::{ColorProfile, DataColorSpace, Layout as CmsLayout, ProfileClass, TransformOptions};
use visage_cloudinary::ImageFormat;

use crate::pixels::Layout;
use crate::walk::heif::Meta;
use crate::walk::jpeg::{APP2, SOS, Segments};
use crate::walk::tiff::Directory;
use crate::walk::{png, riff};
use crate::{buffer, bytes};

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
    match read(format, file) {
        Embedded::Icc(profile) => ColorProfile::new_from_slice(&profile).map_or(Colour::Srgb, |p| meaning(p, layout)),
        Embedded::Primaries(profile) => meaning(*profile, layout),
        Embedded::Nothing => Colour::Srgb,
    }
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

fn meaning(profile: ColorProfile, layout: Layout) -> Colour {
    let expected = match layout {
        Layout::Gray | Layout::GrayAlpha => DataColorSpace::Gray,
        Layout::Rgb | Layout::Rgba => DataColorSpace::Rgb,
        Layout::Cmyk => DataColorSpace::Cmyk,
    };
    let has_tables = profile.lut_a_to_b_perceptual.is_some()
        || profile.lut_a_to_b_colorimetric.is_some()
        || profile.lut_a_to_b_saturation.is_some();
    let is_simple = profile.is_matrix_shaper() || (expected == DataColorSpace::Gray && profile.gray_trc.is_some());
    if profile.color_space != expected || !(has_tables || is_simple) || is_like_srgb(&profile, expected) {
        Colour::Srgb
    } else if is_simple && !has_tables {
        Colour::Simple(Box::new(profile))
    } else {
        Colour::Tables(Box::new(profile))
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

/// What was found in a file.
enum Embedded {
    Icc(Vec<u8>),
    Primaries(Box<ColorProfile>),
    Nothing,
}

fn read(format: ImageFormat, file: &[u8]) -> Embedded {
    let profile = match format {
        ImageFormat::Jpg => from_jpeg(file),
        ImageFormat::Png => return from_png(file),
        ImageFormat::Webp => from_webp(file),
        ImageFormat::Avif => return from_avif(file),
        ImageFormat::Tiff => Directory::open(file).and_then(|directory| directory.blob(Directory::ICC_PROFILE)),
        ImageFormat::Gif | ImageFormat::Bmp | ImageFormat::Ico => None,
    };
    profile.and_then(copied).map_or(Embedded::Nothing, Embedded::Icc)
}

fn copied(profile: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    let profile = profile.as_ref();
    (profile.len() <= MAX_PROFILE_BYTES).then(|| profile.to_vec())
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

/// cICP counts more than iCCP, which is inflated under a bound.
fn from_png(file: &[u8]) -> Embedded {
    let mut compressed = false;
    for chunk in png::Chunks::new(file)
        .map_while(Result::ok)
        .take_while(|chunk| chunk.kind != b"IDAT")
    {
        match (chunk.kind, chunk.data) {
            (b"cICP", [primaries, ..]) => return from_primaries(u16::from(*primaries)),
            (b"iCCP", _) => compressed = true,
            _ => {}
        }
    }
    if !compressed {
        return Embedded::Nothing;
    }
    let limits = ::png::Limits {
        bytes: MAX_PROFILE_BYTES,
    };
    let mut decoder = ::png::Decoder::new_with_limits(std::io::Cursor::new(file), limits);
    decoder.set_ignore_text_chunk(true);
    let profile = decoder
        .read_info()
        .ok()
        .and_then(|reader| copied(reader.info().icc_profile.as_ref()?));
    profile.map_or(Embedded::Nothing, Embedded::Icc)
}

fn from_webp(file: &[u8]) -> Option<Vec<u8>> {
    let mut chunks = riff::Chunks::of_file(file).ok()?.map_while(Result::ok);
    chunks
        .find(|chunk| chunk.kind == b"ICCP")
        .and_then(|chunk| copied(chunk.data))
}

/// A `colr` property holds a profile, or numbers ("nclx"). The profile counts more.
fn from_avif(file: &[u8]) -> Embedded {
    let Some(meta) = Meta::open(file) else {
        return Embedded::Nothing;
    };
    let Some(primary) = meta.primary_id() else {
        return Embedded::Nothing;
    };
    let mut found = Embedded::Nothing;
    for colr in meta.properties(primary).filter(|property| property.kind == *b"colr") {
        match colr.data.split_first_chunk::<4>() {
            Some((b"prof" | b"rICC", profile)) => {
                return copied(profile).map_or(Embedded::Nothing, Embedded::Icc);
            }
            Some((b"nclx", numbers)) => found = from_primaries(bytes::u16_be(numbers, 0).unwrap_or_default()),
            _ => {}
        }
    }
    found
}

/// Primaries by number (ITU H.273). The curve is taken for that of sRGB: HDR curves are not tone-mapped.
fn from_primaries(primaries: u16) -> Embedded {
    let mut profile = ColorProfile::new_srgb();
    let named = match primaries {
        9 => ColorProfile::new_bt2020(),
        11 | 12 => ColorProfile::new_display_p3(),
        _ => return Embedded::Nothing,
    };
    profile.red_colorant = named.red_colorant;
    profile.green_colorant = named.green_colorant;
    profile.blue_colorant = named.blue_colorant;
    profile.cicp = None;
    Embedded::Primaries(Box::new(profile))
}
