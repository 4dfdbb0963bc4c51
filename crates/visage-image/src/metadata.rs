//! What a file tells about its picture besides the pixels: camera, date, place, resolution.
//!
//! Only for the embedded store's answers to those who may ask about an asset. Profile and post images lose all of this
//! in [`sanitise`](crate::sanitise) before it could be read. XMP, IPTC and the EXIF of TIFF files are not read.

use std::collections::BTreeMap;
use std::fmt::Display;

use exif::{Exif, Field, In, Tag, Value};
use visage_cloudinary::ImageFormat;

use crate::walk::heif::Meta;
use crate::walk::jpeg::{APP0, APP1, SOS, Segments};
use crate::walk::{png, riff};
use crate::{Facts, bytes};

/// What one segment of a JPEG can hold, whatever the format: the reader's work grows with its square.
const MAX_EXIF_BYTES: usize = 64 * 1024;

/// Longer texts are cut.
const MAX_VALUE_CHARACTERS: usize = 1024;

/// Longer lists of numbers are tables for programs.
const MAX_NUMBERS: usize = 16;

/// The tags that are told, by EXIF's own names; makers' private notes and thumbnails are not.
const TAGS: [Tag; 56] = [
    Tag::Make,
    Tag::Model,
    Tag::Orientation,
    Tag::XResolution,
    Tag::YResolution,
    Tag::ResolutionUnit,
    Tag::Software,
    Tag::DateTime,
    Tag::Artist,
    Tag::Copyright,
    Tag::ImageDescription,
    Tag::YCbCrPositioning,
    Tag::ExposureTime,
    Tag::FNumber,
    Tag::ExposureProgram,
    Tag::PhotographicSensitivity,
    Tag::ExifVersion,
    Tag::DateTimeOriginal,
    Tag::DateTimeDigitized,
    Tag::OffsetTime,
    Tag::OffsetTimeOriginal,
    Tag::SubSecTimeOriginal,
    Tag::ShutterSpeedValue,
    Tag::ApertureValue,
    Tag::BrightnessValue,
    Tag::ExposureBiasValue,
    Tag::MaxApertureValue,
    Tag::SubjectDistance,
    Tag::MeteringMode,
    Tag::LightSource,
    Tag::Flash,
    Tag::FocalLength,
    Tag::FocalLengthIn35mmFilm,
    Tag::ColorSpace,
    Tag::PixelXDimension,
    Tag::PixelYDimension,
    Tag::ExposureMode,
    Tag::WhiteBalance,
    Tag::DigitalZoomRatio,
    Tag::SceneCaptureType,
    Tag::Contrast,
    Tag::Saturation,
    Tag::Sharpness,
    Tag::CameraOwnerName,
    Tag::BodySerialNumber,
    Tag::LensMake,
    Tag::LensModel,
    Tag::GPSLatitudeRef,
    Tag::GPSLatitude,
    Tag::GPSLongitudeRef,
    Tag::GPSLongitude,
    Tag::GPSAltitudeRef,
    Tag::GPSAltitude,
    Tag::GPSTimeStamp,
    Tag::GPSDateStamp,
    Tag::GPSImgDirection,
];

/// Names and values as text; `facts` are those of [`probe`](crate::probe) for the same bytes. What cannot be read is
/// left out.
///
/// EXIF's own names, and `JFIFVersion`, `Colorspace` (`RGB`, `Gray` or `CMYK`) and `DPI` where the file states them.
pub fn metadata(bytes: &[u8], facts: &Facts) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    match facts.format {
        ImageFormat::Jpg => describe_jpeg(bytes, &mut found),
        ImageFormat::Png => describe_png(bytes, &mut found),
        _ => {}
    }
    if let Some(exif) = exif_block(bytes, facts.format).and_then(|block| read(&block)) {
        describe_exif(&exif, &mut found);
    }
    found
}

fn describe_jpeg(file: &[u8], found: &mut BTreeMap<String, String>) {
    for segment in Segments::new(file).map_while(Result::ok) {
        match segment.marker {
            APP0 if segment.payload.starts_with(b"JFIF\0") => describe_jfif(segment.payload, found),
            SOS => return,
            _ => {}
        }
        if let Some(header) = segment.frame_header() {
            let name = match header.components {
                1 => "Gray",
                4 => "CMYK",
                _ => "RGB",
            };
            found.insert("Colorspace".to_owned(), name.to_owned());
        }
    }
}

/// Version 1.02 is stored as the bytes 1 and 2; densities are per inch or per centimetre, or only a ratio.
fn describe_jfif(payload: &[u8], found: &mut BTreeMap<String, String>) {
    let (Some([major, minor, unit]), Some(density)) = (
        payload.get(5..).and_then(<[u8]>::first_chunk::<3>).copied(),
        bytes::u16_be(payload, 8),
    ) else {
        return;
    };
    found.insert("JFIFVersion".to_owned(), format!("{major}.{minor:02}"));
    match unit {
        1 => found.insert("DPI".to_owned(), density.to_string()),
        2 => found.insert("DPI".to_owned(), per_inch(f64::from(density))),
        _ => None,
    };
}

fn describe_png(file: &[u8], found: &mut BTreeMap<String, String>) {
    for chunk in png::Chunks::new(file).map_while(Result::ok) {
        match chunk.kind {
            b"IHDR" => {
                let is_gray = matches!(chunk.data.get(9), Some(0 | 4));
                found.insert("Colorspace".to_owned(), if is_gray { "Gray" } else { "RGB" }.to_owned());
            }
            b"pHYs" if chunk.data.get(8) == Some(&1) => {
                if let Some(per_metre) = bytes::u32_be(chunk.data, 0) {
                    found.insert("DPI".to_owned(), per_inch(f64::from(per_metre) / 100.0));
                }
            }
            b"IDAT" => return,
            _ => {}
        }
    }
}

fn per_inch(per_centimetre: f64) -> String {
    format!("{:.0}", per_centimetre * 2.54)
}

/// The EXIF block without its name.
fn exif_block(file: &[u8], format: ImageFormat) -> Option<Vec<u8>> {
    let block = match format {
        ImageFormat::Jpg => {
            Segments::new(file)
                .map_while(Result::ok)
                .take_while(|segment| segment.marker != SOS)
                .find(|segment| segment.marker == APP1 && segment.payload.starts_with(b"Exif\0\0"))?
                .payload
        }
        ImageFormat::Png => {
            let mut chunks = png::Chunks::new(file).map_while(Result::ok);
            chunks.find(|chunk| chunk.kind == b"eXIf")?.data
        }
        ImageFormat::Webp => {
            let mut chunks = riff::Chunks::of_file(file).ok()?.map_while(Result::ok);
            chunks.find(|chunk| chunk.kind == b"EXIF")?.data
        }
        ImageFormat::Avif => heif_exif(file)?,
        ImageFormat::Gif | ImageFormat::Bmp | ImageFormat::Tiff | ImageFormat::Ico => return None,
    };
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    (block.len() <= MAX_EXIF_BYTES).then(|| block.to_vec())
}

/// An item whose first four bytes say how many more to skip.
fn heif_exif(file: &[u8]) -> Option<&[u8]> {
    let meta = Meta::open(file)?;
    let item = meta.items()?.find(|item| item.kind == *b"Exif")?;
    let data = file.get(meta.extents(item.id)?.next()?)?;
    let skipped = usize::try_from(bytes::u32_be(data, 0)?).ok()?;
    data.get(skipped.checked_add(4)?..)
}

fn read(block: &[u8]) -> Option<Exif> {
    let mut reader = exif::Reader::new();
    reader.continue_on_error(true);
    reader
        .read_raw(block.to_vec())
        .or_else(|error| error.distill_partial_result(|_| ()))
        .ok()
}

fn describe_exif(exif: &Exif, found: &mut BTreeMap<String, String>) {
    for tag in TAGS {
        if let Some(text) = exif.get_field(tag, In::PRIMARY).and_then(text_of) {
            found.insert(tag.to_string(), text);
        }
    }
}

/// Numbers where programs expect them, words as they were written.
fn text_of(field: &Field) -> Option<String> {
    let text = match &field.value {
        Value::Ascii(lines) => {
            let line = lines.first()?;
            String::from_utf8_lossy(line.get(..line.len().min(4 * MAX_VALUE_CHARACTERS))?).into_owned()
        }
        Value::Byte(numbers) => joined(numbers)?,
        Value::Short(numbers) => joined(numbers)?,
        Value::Long(numbers) => joined(numbers)?,
        Value::Rational(numbers) => joined(numbers)?,
        Value::SRational(numbers) => joined(numbers)?,
        Value::Undefined(bytes, _) if field.tag == Tag::ExifVersion => {
            String::from_utf8_lossy(bytes.get(..4)?).into_owned()
        }
        _ => return None,
    };
    let clean: String = text
        .chars()
        .filter(|one| !one.is_control())
        .take(MAX_VALUE_CHARACTERS)
        .collect();
    let clean = clean.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

fn joined<T: Display>(numbers: &[T]) -> Option<String> {
    if numbers.len() > MAX_NUMBERS {
        return None;
    }
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    Some(texts.join(", "))
}
