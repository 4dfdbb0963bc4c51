//! Colour in PNG: of cICP, iCCP, sRGB, and gAMA with cHRM, the first that can be read counts (PNG specification, third
//! edition, 4.3).

use super::colorimetry::{Chromaticity, Colorimetry, Curve, Primaries};
use super::{Colour, MAX_PROFILE_BYTES, of_numbers, of_profile};
use crate::bytes;
use crate::pixels::Layout;
use crate::walk::png::{Chunks, WholeFile};

/// The unit of the numbers in gAMA and cHRM.
const PER_ONE: f64 = 100_000.0;

/// What stands before the pixels.
#[derive(Default)]
struct ColourChunks<'a> {
    codes: Option<&'a [u8]>,
    has_profile: bool,
    is_srgb: bool,
    gamma: Option<&'a [u8]>,
    primaries: Option<&'a [u8]>,
}

/// What the file says; `None` when it says nothing that can be read.
pub(super) fn colour(file: &[u8], layout: Layout) -> Option<Colour> {
    let chunks = ColourChunks::of(file);
    let by_codes = || of_numbers(&by_codes(chunks.codes?)?, layout);
    let by_profile = || chunks.has_profile.then(|| embedded_profile(file, layout))?;
    let by_name = || chunks.is_srgb.then_some(Colour::Srgb);
    let by_gamma = || of_numbers(&by_gamma(chunks.gamma?, chunks.primaries)?, layout);
    by_codes().or_else(by_profile).or_else(by_name).or_else(by_gamma)
}

/// What iCCP alone says. It is inflated under a bound.
pub(crate) fn embedded_profile(file: &[u8], layout: Layout) -> Option<Colour> {
    let limits = png::Limits {
        bytes: MAX_PROFILE_BYTES,
    };
    let mut decoder = png::Decoder::new_with_limits(WholeFile::new(file), limits);
    decoder.set_ignore_text_chunk(true);
    let reader = decoder.read_info().ok()?;
    of_profile(reader.info().icc_profile.as_ref()?, layout)
}

impl<'a> ColourChunks<'a> {
    fn of(file: &'a [u8]) -> Self {
        let mut found = Self::default();
        let chunks = Chunks::new(file).map_while(Result::ok);
        for chunk in chunks.take_while(|chunk| chunk.kind != b"IDAT") {
            match chunk.kind {
                b"cICP" => found.codes = Some(chunk.data),
                b"iCCP" => found.has_profile = true,
                b"sRGB" => found.is_srgb = true,
                b"gAMA" => found.gamma = Some(chunk.data),
                b"cHRM" => found.primaries = Some(chunk.data),
                _ => {}
            }
        }
        found
    }
}

fn by_codes(chunk: &[u8]) -> Option<Colorimetry> {
    match chunk {
        [primaries, transfer, ..] => Colorimetry::of_codes(u16::from(*primaries), u16::from(*transfer)),
        _ => None,
    }
}

/// Levels are light to the power of gAMA. Without gAMA, cHRM says nothing, as in browsers; without cHRM, or with one that
/// makes no sense, the primaries are those of sRGB.
fn by_gamma(gamma: &[u8], primaries: Option<&[u8]>) -> Option<Colorimetry> {
    let curve = Curve::of_exponent(PER_ONE / f64::from(bytes::u32_be(gamma, 0)?))?;
    let stated = primaries.and_then(read_primaries).filter(Primaries::make_sense);
    Some(Colorimetry {
        primaries: stated.unwrap_or(Primaries::SRGB),
        curves: [curve; 3],
    })
}

fn read_primaries(chunk: &[u8]) -> Option<Primaries> {
    let number = |index: usize| bytes::u32_be(chunk, 4 * index).map(|number| f64::from(number) / PER_ONE);
    let chromaticity = |index: usize| {
        Some(Chromaticity {
            x: number(index)?,
            y: number(index + 1)?,
        })
    };
    Some(Primaries {
        white: chromaticity(0)?,
        red: chromaticity(2)?,
        green: chromaticity(4)?,
        blue: chromaticity(6)?,
    })
}
