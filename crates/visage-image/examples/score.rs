//! How near small pictures are to a photo: `score PHOTO exact|whole RESULT...` prints one SSIMULACRA2 score for each.
//!
//! The reference is the whole photo, decoded by libjpeg-turbo and resampled once with Lanczos3 in floating point to cover
//! the result. `exact` cuts a window with fractions of pixels, as visage does. `whole` resizes first and cuts whole pixels
//! then, as many programs do; of the offsets that rounding can give the best counts.
//!
//! Orientation and colour profiles are not looked at: photos for this have none that matter.
#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program for the bench, which may stop anywhere"
)]

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeOptions, Resizer};
use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};
use turbojpeg::PixelFormat;
use visage_cloudinary::{ImageFormat, Transformation};
use visage_image::{Limits, plan, probe, render};

/// Red, green and blue from 0 to 1.
#[derive(Clone)]
struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<[f32; 3]>,
}

/// A part of a picture: left, top, width, height.
type Part = [f64; 4];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [photo, geometry, results @ ..] = arguments.as_slice() else {
        panic!("usage: score PHOTO exact|whole RESULT...");
    };
    let photo = read(photo);
    for result in results {
        let result = read(result);
        let references = match geometry.as_str() {
            "exact" => vec![exact(&photo, (result.width, result.height))],
            "whole" => whole(&photo, (result.width, result.height)),
            other => panic!("neither exact nor whole: {other}"),
        };
        let scores = references.iter().map(|reference| score(reference, &result));
        println!("{:.2}", scores.fold(f64::NEG_INFINITY, f64::max));
    }
}

fn read(path: &str) -> Picture {
    let file = std::fs::read(path).expect("the file can be read");
    if file.starts_with(b"RIFF") || file.get(4..8) == Some(b"ftyp") {
        return read_png(&as_png(&file));
    }
    let decoded = turbojpeg::decompress(&file, PixelFormat::RGB).expect("it is JPEG");
    picture((decoded.width, decoded.height), &decoded.pixels, 3)
}

/// The same pixels as a PNG.
fn as_png(file: &[u8]) -> Vec<u8> {
    let limits = Limits::default();
    let facts = probe(file, &limits).expect("it is a picture");
    let plan = plan(&Transformation::default(), &facts, ImageFormat::Png, &limits).expect("nothing is changed");
    render(file, &plan, &[], &limits, &|| false).expect("it is whole").bytes
}

fn read_png(file: &[u8]) -> Picture {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file))
        .read_info()
        .expect("it is PNG");
    let mut levels = vec![0; reader.output_buffer_size().expect("it fits in memory")];
    let frame = reader.next_frame(&mut levels).expect("it is whole");
    picture(
        (frame.width as usize, frame.height as usize),
        &levels,
        frame.color_type.samples(),
    )
}

fn picture((width, height): (usize, usize), levels: &[u8], channels: usize) -> Picture {
    let pixels = levels
        .chunks_exact(channels)
        .map(|pixel| [0, 1, 2].map(|channel| f32::from(pixel[channel]) / 255.0));
    Picture {
        width,
        height,
        pixels: pixels.collect(),
    }
}

/// The largest centred part of the size's shape.
fn exact(photo: &Picture, (width, height): (usize, usize)) -> Picture {
    let (across, down) = (photo.width as f64, photo.height as f64);
    let shrinking = (across / width as f64).min(down / height as f64);
    let (part_width, part_height) = (width as f64 * shrinking, height as f64 * shrinking);
    let part = [
        (across - part_width) / 2.0,
        (down - part_height) / 2.0,
        part_width,
        part_height,
    ];
    resized(photo, part, (width, height))
}

/// Resized to cover the size in whole pixels, then cut, with both offsets that "the middle" may mean.
fn whole(photo: &Picture, (width, height): (usize, usize)) -> Vec<Picture> {
    let covers = |one: usize, of: usize, by: usize| (one * of + by / 2) / by;
    let (wide, high) = if photo.width * height > photo.height * width {
        (covers(photo.width, height, photo.height), height)
    } else {
        (width, covers(photo.height, width, photo.width))
    };
    let all = [0.0, 0.0, photo.width as f64, photo.height as f64];
    let covering = resized(photo, all, (wide, high));
    let (left, top) = (wide - width, high - height);
    let mut references = Vec::new();
    for (left, top) in [(left / 2, top / 2), (left.div_ceil(2), top.div_ceil(2))] {
        let rows = covering.pixels.chunks_exact(wide).skip(top).take(height);
        let pixels = rows.flat_map(|row| row[left..left + width].to_vec()).collect();
        references.push(Picture { width, height, pixels });
    }
    references
}

fn resized(photo: &Picture, [left, top, width, height]: Part, size: (usize, usize)) -> Picture {
    let as_u32 = |side: usize| u32::try_from(side).expect("pictures have 32-bit sides");
    let bytes: Vec<u8> = photo
        .pixels
        .iter()
        .flatten()
        .flat_map(|level| level.to_ne_bytes())
        .collect();
    let (from_width, from_height) = (as_u32(photo.width), as_u32(photo.height));
    let from = ImageRef::new(from_width, from_height, &bytes, PixelType::F32x3).expect("the size is right");
    let mut to = Image::new(as_u32(size.0), as_u32(size.1), PixelType::F32x3);
    let options = ResizeOptions::new().crop(left, top, width, height);
    Resizer::new()
        .resize(&from, &mut to, &options)
        .expect("the part is inside");
    let levels = to
        .buffer()
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&bytes| f32::from_ne_bytes(bytes));
    let levels: Vec<f32> = levels.map(|level| level.clamp(0.0, 1.0)).collect();
    Picture {
        width: size.0,
        height: size.1,
        pixels: levels.as_chunks::<3>().0.to_vec(),
    }
}

fn score(reference: &Picture, result: &Picture) -> f64 {
    let rgb = |picture: &Picture| {
        Rgb::new(
            picture.pixels.clone(),
            picture.width,
            picture.height,
            TransferCharacteristic::SRGB,
            ColorPrimaries::BT709,
        )
        .expect("the size is right")
    };
    compute_frame_ssimulacra2(rgb(reference), rgb(result)).expect("pictures of one size can be compared")
}
