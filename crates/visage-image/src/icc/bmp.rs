//! Colour in BMP: an embedded profile (header version 5), or calibrated primaries and exponents (version 4).

use super::colorimetry::{Chromaticity, Colorimetry, Curve, Primaries};
use super::{Colour, of_numbers, of_profile};
use crate::bytes;
use crate::pixels::Layout;

/// Where the bitmap header begins; offsets of profiles count from here.
const HEADER_AT: usize = 14;

const VERSION_4_BYTES: u32 = 108;
const VERSION_5_BYTES: u32 = 124;

/// Values of the field that says how colours are stated.
const CALIBRATED: u32 = 0;
const EMBEDDED: u32 = u32::from_be_bytes(*b"MBED");

pub(super) fn colour(file: &[u8], layout: Layout) -> Option<Colour> {
    let header = file.get(HEADER_AT..)?;
    let header_bytes = bytes::u32_le(header, 0)?;
    match bytes::u32_le(header, 56)? {
        CALIBRATED if header_bytes >= VERSION_4_BYTES => of_numbers(&calibrated(header)?, layout),
        EMBEDDED if header_bytes >= VERSION_5_BYTES => {
            let field = |at| bytes::u32_le(header, at).and_then(|number| usize::try_from(number).ok());
            let (start, length) = (field(112)?, field(116)?);
            of_profile(header.get(start..start.checked_add(length)?)?, layout)
        }
        _ => None,
    }
}

/// Red, green and blue as XYZ, in units of 2^-30; white is all of them together. Then their exponents, in units of 2^-16.
fn calibrated(header: &[u8]) -> Option<Colorimetry> {
    let number = |at| bytes::u32_le(header, at).map(f64::from);
    let end = |at| Some([number(at)?, number(at + 4)?, number(at + 8)?]);
    let [red, green, blue] = [end(60)?, end(72)?, end(84)?];
    let white = std::array::from_fn(|axis| red[axis] + green[axis] + blue[axis]);
    let primaries = Primaries {
        white: chromaticity(white),
        red: chromaticity(red),
        green: chromaticity(green),
        blue: chromaticity(blue),
    };
    let curve = |at| Curve::of_exponent(number(at)? / 65_536.0);
    Some(Colorimetry {
        primaries: Some(primaries).filter(Primaries::make_sense)?,
        curves: [curve(96)?, curve(100)?, curve(104)?],
    })
}

/// Of black it is no number, which makes no sense anywhere.
fn chromaticity([x, y, z]: [f64; 3]) -> Chromaticity {
    let sum = x + y + z;
    Chromaticity { x: x / sum, y: y / sum }
}
