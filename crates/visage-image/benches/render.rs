//! One profile image from start to end: `cargo bench -p visage-image`.
//!
//! The pictures are drawn: noise on a gradient, which compresses about as badly as a photograph.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a bench has no interface, and may stop anywhere"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use turbojpeg::{Image, PixelFormat, Subsamp};
use visage_cloudinary::{ImageFormat, Transformation};
use visage_image::{Limits, plan, probe, render, sanitise};

const OUTPUTS: [ImageFormat; 4] = [ImageFormat::Jpg, ImageFormat::Png, ImageFormat::Webp, ImageFormat::Avif];

fn photo(width: usize, height: usize) -> Vec<u8> {
    let mut noise = 1_u32;
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let grain = noise >> 27;
            let level = |value: usize| u8::try_from(value % 224).unwrap_or_default();
            let grain = u8::try_from(grain).unwrap_or_default();
            pixels.extend(
                [
                    level(x * 255 / width),
                    level(y * 255 / height),
                    level((x / 64 + y / 64) * 24),
                ]
                .map(|v| v + grain),
            );
        }
    }
    let image = Image {
        pixels: pixels.as_slice(),
        width,
        pitch: width * 3,
        height,
        format: PixelFormat::RGB,
    };
    turbojpeg::compress(image, 90, Subsamp::Sub2x2).unwrap().to_vec()
}

fn profile_image(criterion: &mut Criterion) {
    let limits = Limits::default();
    let transformation = Transformation::parse("c_thumb,g_face,h_400,w_400").unwrap();
    for (name, file) in [("12 MP", photo(4032, 3024)), ("2 MP", photo(1800, 1200))] {
        let mut group = criterion.benchmark_group(format!("{name} JPEG, {} kB", file.len() / 1000));
        group.sample_size(20);
        let facts = probe(&file, &limits).unwrap();
        group.bench_function("probe", |bencher| {
            bencher.iter(|| probe(black_box(&file), &limits));
        });
        group.bench_function("sanitise", |bencher| {
            bencher.iter(|| sanitise(black_box(&file), &facts, &limits, &|| false));
        });
        for format in OUTPUTS {
            let plan = plan(&transformation, &facts, format, &limits).unwrap();
            group.bench_function(format!("render to {}", format.extension()), |bencher| {
                bencher.iter(|| render(black_box(&file), &plan, &[], &limits, &|| false));
            });
        }
    }
}

criterion_group!(benches, profile_image);
criterion_main!(benches);
