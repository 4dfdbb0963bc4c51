//! How long decoders work on after their deadline:
//! `cargo run --release -p visage-image --example overrun -- ../shared/photos`.
//!
//! Each file is decoded without a deadline first, then with five deadlines within that time. Besides the files of the folder these
//! are drawn ones that are much work for their size. Times are those on the processor, which other programs at work disturb
//! little; Linux alone tells them.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program")]

use std::time::Duration;

use visage_cloudinary::{ImageFormat, Transformation};
use visage_image::{Facts, ImageError, Limits, Sample, plan, probe, render};

const SIDE: u16 = 7000;

fn main() {
    let folder = std::env::args().nth(1);
    let mut files = drawn();
    for entry in folder.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()) {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push((name, std::fs::read(path).unwrap()));
    }
    files.sort();
    println!(
        "{:38} {:>6} {:>10} {:>8} {:>10} {:>8}",
        "file", "MP", "proof ms", "over", "whole ms", "over"
    );
    for (name, file) in files {
        let Ok(facts) = probe(&file, &Limits::default()) else {
            continue;
        };
        let (proof, proof_over) =
            measure(|cancelled| Sample::of_proven(&file, &facts, &Limits::default(), cancelled).map(drop));
        let (whole, whole_over) = measure(|cancelled| decode_whole(&file, &facts, cancelled));
        let megapixels = facts.pixels() / 100_000;
        println!(
            "{name:38} {:>4}.{} {proof:>10.1} {proof_over:>8.1} {whole:>10.1} {whole_over:>8.1}",
            megapixels / 10,
            megapixels % 10
        );
    }
}

/// Cuts a small part out of the picture at its full size, so that encoding takes no time.
fn decode_whole(file: &[u8], facts: &Facts, cancelled: &dyn Fn() -> bool) -> Result<(), ImageError> {
    let limits = Limits::default();
    let cut = Transformation::parse("c_crop,h_8,w_8,g_south_east").unwrap();
    let plan = plan(&cut, facts, ImageFormat::Png, &limits).unwrap();
    render(file, &plan, &[], &limits, cancelled).map(drop)
}

/// Milliseconds without a deadline, and the longest that was worked on after one.
fn measure(decode: impl Fn(&dyn Fn() -> bool) -> Result<(), ImageError>) -> (f64, f64) {
    let begun = on_processor();
    drop(decode(&|| false));
    let all = on_processor().saturating_sub(begun);
    let mut longest = Duration::ZERO;
    for part in [0.1, 0.3, 0.5, 0.7, 0.9] {
        let deadline = on_processor() + all.mul_f64(part);
        drop(decode(&|| on_processor() > deadline));
        longest = longest.max(on_processor().saturating_sub(deadline));
    }
    (all.as_secs_f64() * 1000.0, longest.as_secs_f64() * 1000.0)
}

/// How long this thread has run.
fn on_processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn drawn() -> Vec<(String, Vec<u8>)> {
    let bombs: [(&str, Vec<u8>); 6] = [
        ("drawn: JPEG, 20 passes", scans(20)),
        ("drawn: flat PNG", png(png::BitDepth::Eight)),
        ("drawn: flat PNG, 16 bits", png(png::BitDepth::Sixteen)),
        ("drawn: flat GIF", gif(SIDE, 1)),
        ("drawn: GIF, 200 frames", gif(1000, 200)),
        ("drawn: flat TIFF, one strip", tiff()),
    ];
    bombs.map(|(name, file)| (name.to_owned(), file)).into()
}

/// A gray progressive JPEG of zeros, which goes over all coefficients again and again.
fn scans(passes: u8) -> Vec<u8> {
    let mut file = b"\xFF\xD8".to_vec();
    segment(&mut file, 0xDB, &[&[0][..], &[1; 64]].concat());
    let [high, low] = SIDE.to_be_bytes();
    segment(&mut file, 0xC2, &[8, high, low, high, low, 1, 1, 0x11, 0]);
    let one_code = [&[1][..], &[0; 15], &[0]].concat();
    segment(&mut file, 0xC4, &[&[0x00], &one_code[..], &[0x10], &one_code].concat());
    let blocks = usize::from(SIDE / 8).pow(2);
    // Fourteen steps of precision at most for each band; two bands make more passes of half the length.
    for (first, last) in [(1, 31), (32, 63), (0, 0)].into_iter().rev() {
        for (high, low) in std::iter::once((0, 13))
            .chain((0..13).rev().map(|low| (low + 1, low)))
            .take(passes.into())
        {
            segment(&mut file, 0xDA, &[1, 1, 0, first, last, high << 4 | low]);
            file.resize(file.len() + blocks / 8, 0);
            file.push(0xFF >> (blocks % 8));
        }
    }
    file.extend(b"\xFF\xD9");
    file
}

fn segment(file: &mut Vec<u8>, marker: u8, payload: &[u8]) {
    file.extend([0xFF, marker]);
    file.extend(u16::try_from(payload.len() + 2).unwrap().to_be_bytes());
    file.extend(payload);
}

fn png(depth: png::BitDepth) -> Vec<u8> {
    let mut file = Vec::new();
    let side = u32::from(SIDE);
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(depth);
    let bytes = if depth == png::BitDepth::Sixteen { 6 } else { 3 };
    let data = vec![7; usize::from(SIDE).pow(2) * bytes];
    encoder.write_header().unwrap().write_image_data(&data).unwrap();
    file
}

fn gif(side: u16, frames: usize) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = gif::Encoder::new(&mut file, side, side, &[1, 2, 3, 4, 5, 6]).unwrap();
    let frame = gif::Frame::from_indexed_pixels(side, side, vec![0; usize::from(side).pow(2)], None);
    (0..frames).for_each(|_| encoder.write_frame(&frame).unwrap());
    drop(encoder);
    file
}

fn tiff() -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    // More pixels would pass the limit on memory.
    let side = 6000;
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut file)
        .unwrap()
        .with_compression(tiff::encoder::Compression::Lzw);
    let mut image = encoder.new_image::<tiff::encoder::colortype::RGB8>(side, side).unwrap();
    image.rows_per_strip(side).unwrap();
    image.write_data(&vec![7; 6000 * 6000 * 3]).unwrap();
    file.into_inner()
}
