//! Reads the structure of a file: what it is, how large, which way up. No pixel is decoded, next to nothing is allocated.

pub(crate) mod av1;
pub(crate) mod avif;
mod bmp;
mod gif;
mod ico;
mod jpeg;
mod png;
mod tiff;
mod webp;

use visage_cloudinary::ImageFormat;

use crate::walk;
use crate::{Facts, ImageError, Limits, Orientation};

/// Reads what a file is from its bytes; names and declared types do not count.
///
/// # Errors
///
/// When the format is not taken, the structure is damaged, or a limit is passed.
pub fn probe(bytes: &[u8], limits: &Limits) -> Result<Facts, ImageError> {
    if bytes.is_empty() {
        return Err(ImageError::Empty);
    }
    if walk::jpeg::is_jpeg(bytes) {
        jpeg::probe(bytes, limits)
    } else if bytes.starts_with(walk::png::SIGNATURE) {
        png::probe(bytes, limits)
    } else if walk::riff::is_webp(bytes) {
        webp::probe(bytes, limits)
    } else if walk::gif::is_gif(bytes) {
        gif::probe(bytes, limits)
    } else if bytes.get(4..8) == Some(b"ftyp") {
        avif::probe(bytes, limits)
    } else if walk::tiff::is_tiff(bytes) {
        tiff::probe(bytes, limits)
    } else if walk::ico::is_ico(bytes) {
        ico::probe(bytes, limits)
    } else if bytes.starts_with(b"BM") {
        bmp::probe(bytes, limits)
    } else {
        Err(ImageError::Unsupported {
            name: name_of_other(bytes),
        })
    }
}

/// A name for the formats that people do send and that are not taken.
fn name_of_other(bytes: &[u8]) -> &'static str {
    if is_svg(bytes) {
        "SVG"
    } else if bytes.starts_with(b"%PDF-") {
        "PDF"
    } else if bytes.starts_with(b"8BPS") {
        "a Photoshop document"
    } else if bytes.starts_with(&[0xFF, 0x0A]) || bytes.starts_with(b"\0\0\0\x0CJXL ") {
        "JPEG XL"
    } else if bytes.starts_with(b"\0\0\0\x0CjP  ") {
        "JPEG 2000"
    } else {
        "an unknown format"
    }
}

/// SVG has no signature: text that begins with markup and has an `<svg` element near its beginning.
fn is_svg(bytes: &[u8]) -> bool {
    const LOOKED_AT_BYTES: usize = 64 * 1024;
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    let beginning = text.get(..LOOKED_AT_BYTES).unwrap_or(text);
    beginning.starts_with(b"<") && beginning.windows(4).any(|part| part.eq_ignore_ascii_case(b"<svg"))
}

/// Refuses sizes beyond the limits; called with every size a header states, before anything is done with it.
fn check_size(width: u32, height: u32, limits: &Limits) -> Result<(), ImageError> {
    if width == 0 || height == 0 {
        return Err(ImageError::damaged(format!(
            "it says that it is {width} × {height} pixels large"
        )));
    }
    if u64::from(width) * u64::from(height) > limits.source_pixels {
        return Err(ImageError::TooManyPixels {
            width,
            height,
            max_pixels: limits.source_pixels,
        });
    }
    if width.max(height) > limits.source_side_pixels {
        return Err(ImageError::TooLargeSide {
            width,
            height,
            max_side_pixels: limits.source_side_pixels,
        });
    }
    Ok(())
}

/// All frames of an animation may hold this many times the pixels of one picture: time is bounded as memory is.
const ANIMATION_PIXELS_FACTOR: u64 = 5;

/// Counts the frames of an animation.
#[derive(Default)]
struct Frames {
    count: u32,
    pixels: u64,
}

impl Frames {
    /// Counts one more frame, unless that is one too many, or it is too large.
    fn add(&mut self, width: u32, height: u32, limits: &Limits) -> Result<(), ImageError> {
        check_size(width, height, limits)?;
        self.pixels = self.pixels.saturating_add(u64::from(width) * u64::from(height));
        if self.count >= limits.frames {
            return Err(ImageError::TooManyFrames {
                max_frames: limits.frames,
            });
        }
        if self.pixels > limits.source_pixels.saturating_mul(ANIMATION_PIXELS_FACTOR) {
            return Err(ImageError::TooManyFrames { max_frames: self.count });
        }
        self.count += 1;
        Ok(())
    }
}

/// The facts of a still picture whose pixels are stored as `stored`.
fn still(format: ImageFormat, stored: (u32, u32), orientation: Orientation, has_alpha: bool) -> Facts {
    let (width, height) = orientation.turned_size(stored.0, stored.1);
    Facts {
        format,
        width,
        height,
        orientation,
        frames: 1,
        has_alpha,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], name: &str) {
        let refusal = probe(bytes, &Limits::default()).unwrap_err();
        assert!(
            matches!(refusal, ImageError::Unsupported { name: found } if found == name),
            "{refusal}"
        );
    }

    #[test]
    fn svg_is_known_however_it_begins() {
        check(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG");
        check(
            b"\xEF\xBB\xBF \n<?xml version='1.0'?><!-- a <b> --><!DOCTYPE svg><SVG/>",
            "SVG",
        );
        check(b"<html><body>no picture</body></html>", "an unknown format");
    }

    #[test]
    fn what_is_not_taken_has_a_name() {
        check(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC");
        check(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC");
        check(b"\0\0\0\x18ftypavis\0\0\0\0avifavis", "an animated AVIF");
        check(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "a video or an unknown format");
        check(b"%PDF-1.7", "PDF");
        check(b"a", "an unknown format");
        assert_eq!(probe(b"", &Limits::default()), Err(ImageError::Empty));
    }

    #[test]
    fn a_side_of_zero_is_damage() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0DIHDR\0\0\0\0\0\0\0\x01\x08\0\0\0\0\0\0\0\0";
        let refusal = probe(png, &Limits::default()).unwrap_err();
        let text = "The picture is damaged or incomplete: it says that it is 0 × 1 pixels large.";
        assert_eq!(refusal.to_string(), text);
    }

    #[test]
    fn an_animation_is_bounded_by_its_pixels_too() {
        let limits = Limits {
            source_pixels: 100,
            frames: 1000,
            ..Limits::default()
        };
        let mut frames = Frames::default();
        for _ in 0..5 {
            frames.add(10, 10, &limits).unwrap();
        }
        assert_eq!(
            frames.add(10, 10, &limits),
            Err(ImageError::TooManyFrames { max_frames: 5 })
        );
    }
}
