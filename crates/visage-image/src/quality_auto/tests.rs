//! What is chosen for drawn pictures, and the measurements behind the constants.

use std::path::Path;
use std::time::Instant;

use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};
use visage_cloudinary::Transformation;

use super::*;
use crate::encode::Effort;
use crate::plan::plan;
use crate::render::render_pixels;

const LEVELS: [QualityLevel; 4] = [
    QualityLevel::Best,
    QualityLevel::Good,
    QualityLevel::Eco,
    QualityLevel::Low,
];

const FORMATS: [ImageFormat; 3] = [ImageFormat::Jpg, ImageFormat::Webp, ImageFormat::Avif];

fn drawn(side: u32, level_of: impl Fn(u32, u32) -> u8) -> Pixels {
    let places = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
    Pixels {
        width: side,
        height: side,
        layout: Layout::Rgb,
        data: places.flat_map(|(x, y)| [level_of(x, y), 120, 128]).collect(),
    }
}

fn flat(side: u32) -> Pixels {
    drawn(side, |x, y| u8::try_from(80 + (x + y) * 40 / side).unwrap())
}

/// Fine, weak structure beside strong edges: what encoders lose first.
fn textured(side: u32) -> Pixels {
    drawn(side, |x, y| {
        let grain = (x.wrapping_mul(374_761_393) ^ y.wrapping_mul(668_265_263)).wrapping_mul(1_274_126_177) >> 28;
        u8::try_from(100 + grain + if (x / 24 + y / 24) % 2 == 0 { 0 } else { 60 }).unwrap()
    })
}

fn chosen(pixels: &Pixels, format: ImageFormat, level: QualityLevel) -> u8 {
    choose(pixels, format, level, &Limits::default(), &|| false)
}

#[test]
fn texture_needs_more_than_flatness() {
    for format in FORMATS {
        for side in [100, 256, 500] {
            let (fine, plain) = (textured(side), flat(side));
            let (fine, plain) = (
                chosen(&fine, format, QualityLevel::Good),
                chosen(&plain, format, QualityLevel::Good),
            );
            assert!(
                fine > plain,
                "{format:?} at {side}: {fine} for texture, {plain} for flat"
            );
        }
    }
}

#[test]
fn levels_fall_and_choices_repeat() {
    let picture = textured(256);
    for format in FORMATS {
        let choices = LEVELS.map(|level| chosen(&picture, format, level));
        assert!(choices.is_sorted_by(|a, b| a >= b), "{format:?}: {choices:?}");
        assert_eq!(choices, LEVELS.map(|level| chosen(&picture, format, level)));
    }
}

#[test]
fn odd_sizes_and_cancelling_are_survived() {
    for (width, height) in [(1, 1), (1, 3000), (3000, 1), (33, 31), (129, 40)] {
        let pixels = Pixels::zeroed(width, height, Layout::Rgba, &Limits::default()).unwrap();
        let quality = chosen(&pixels, ImageFormat::Jpg, QualityLevel::Good);
        assert!((1..=100).contains(&quality));
    }
    let usual = choose(
        &textured(64),
        ImageFormat::Jpg,
        QualityLevel::Good,
        &Limits::default(),
        &|| true,
    );
    assert_eq!(usual, 71);
}

/// The photos of the corpus at 256 × 256; none where there is no corpus.
fn photos() -> Vec<(String, Pixels)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/photos");
    let limits = Limits::default();
    let transformation = Transformation::parse("c_fill,w_256,h_256").unwrap();
    let names = [
        "portrait-0.4mp-420.jpg",
        "photo-2mp-420.jpg",
        "cam-12mp-444.jpg",
        "phone-12mp-420-displayp3.jpg",
        "photo-progressive-1mp.jpg",
        "group-4-faces-422-cameraicc.jpg",
        "astronaut-face.png",
        "mother-child.png",
        "orient-3-landscape.jpg",
        "photo-ultrahdr-gainmap.jpg",
    ];
    let load = |name: &&str| {
        let file = std::fs::read(folder.join(name)).ok()?;
        let facts = probe(&file, &limits).ok()?;
        let plan = plan(&transformation, &facts, ImageFormat::Jpg, &limits).ok()?;
        let pixels = render_pixels(&file, &plan, &[], RenderContext::new(&limits, &|| false)).ok()?;
        Some(((*name).to_owned(), pixels.without_alpha()))
    };
    names.iter().filter_map(load).collect()
}

fn ssimulacra2(one: &Pixels, other: &Pixels) -> f64 {
    let rgb = |pixels: &Pixels| {
        let colours = pixels.data.as_chunks::<3>().0;
        let data = colours
            .iter()
            .map(|colour| colour.map(|level| f32::from(level) / 255.0));
        let (width, height) = (usize_from(pixels.width), usize_from(pixels.height));
        Rgb::new(
            data.collect(),
            width,
            height,
            TransferCharacteristic::SRGB,
            ColorPrimaries::BT709,
        )
        .unwrap()
    };
    compute_frame_ssimulacra2(rgb(one), rgb(other)).unwrap()
}

/// Score, size in bytes and milliseconds of one encode.
fn measured(pixels: &Pixels, format: ImageFormat, options: EncodeOptions) -> (f64, usize, f64, Pixels) {
    let limits = Limits::default();
    let start = Instant::now();
    let file = encode(pixels, format, options, &limits).unwrap();
    let time_ms = start.elapsed().as_secs_f64() * 1000.0;
    let facts = probe(&file, &limits).unwrap();
    let decoded = decode(&file, &facts, 1, RenderContext::new(&limits, &|| false))
        .unwrap()
        .without_alpha();
    (ssimulacra2(pixels, &decoded), file.len(), time_ms, decoded)
}

#[test]
#[ignore = "prints measurements for the constants of this module"]
#[allow(clippy::print_stdout, reason = "it is there to print")]
fn calibrate() {
    for (name, pixels) in photos() {
        let reference = Reference::new(&pixels).unwrap();
        for format in FORMATS {
            for quality in [40, 50, 60, 70, 80, 90] {
                let (score, bytes, _, decoded) = measured(&pixels, format, EncodeOptions::with_quality(quality));
                let distance = reference.distance(&Reference::new(&decoded).unwrap());
                println!("C {name} {format:?} {quality} {score:.2} {bytes} {distance:.5}");
            }
            for level in LEVELS {
                let start = Instant::now();
                let quality = chosen(&pixels, format, level);
                let time_ms = start.elapsed().as_secs_f64() * 1000.0;
                let (score, bytes, plain_ms, _) = measured(&pixels, format, EncodeOptions::with_quality(quality));
                println!("Q {name} {format:?} {level:?} {quality} {score:.2} {bytes} {time_ms:.2} {plain_ms:.2}");
            }
        }
        for effort in [Effort::Fast, Effort::Refined] {
            for quality in [50, 60, 70, 80] {
                let options = EncodeOptions {
                    effort,
                    ..EncodeOptions::with_quality(quality)
                };
                let (score, bytes, time_ms, _) = measured(&pixels, ImageFormat::Avif, options);
                println!("A {name} {effort:?} {quality} {score:.2} {bytes} {time_ms:.2}");
            }
        }
    }
}
