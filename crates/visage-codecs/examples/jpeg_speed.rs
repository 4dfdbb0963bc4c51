//! Our way through libjpeg against `TurboJPEG`'s, decoding whole files to red, green and blue:
//! `cargo run --release -p visage-codecs --example jpeg_speed -- FILE...`. Both take turns; the best time on
//! the processor of each counts, which other programs at work disturb little.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a measuring program"
)]

use std::time::Duration;

use turbojpeg::{Decompressor, Image, PixelFormat, ScalingFactor};
use visage_codecs::jpeg::{DecodeOptions, Decoder, PixelKind};

const ROUNDS: usize = 25;
const MAX_BYTES: u64 = 1 << 30;

fn main() {
    println!(
        "{:50} {:>5} {:>10} {:>10} {:>7}",
        "file", "scale", "TurboJPEG", "ours", "ratio"
    );
    for path in std::env::args().skip(1) {
        let file = std::fs::read(&path).unwrap();
        for scale in [1, 2, 8] {
            let (mut before, mut now) = (Duration::MAX, Duration::MAX);
            for _ in 0..ROUNDS {
                before = before.min(timed(|| turbo(&file, scale)));
                now = now.min(timed(|| ours(&file, scale)));
            }
            let ms = |time: Duration| time.as_secs_f64() * 1000.0;
            let ratio = ms(now) / ms(before);
            println!(
                "{path:50} {scale:>5} {:>10.2} {:>10.2} {ratio:>7.3}",
                ms(before),
                ms(now)
            );
        }
    }
}

fn timed(work: impl Fn() -> usize) -> Duration {
    let begun = on_processor();
    std::hint::black_box(work());
    on_processor().saturating_sub(begun)
}

/// How long this thread has run, as Linux counts it.
fn on_processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn ours(file: &[u8], scale: u8) -> usize {
    let begun = std::time::Instant::now();
    let options = DecodeOptions {
        scale,
        max_scans: 100,
        cancelled: &|| begun.elapsed() > Duration::from_secs(30),
    };
    let mut decoder = Decoder::new(file, MAX_BYTES).unwrap();
    decoder.pixels(PixelKind::Rgb, &options).unwrap().data.len()
}

fn turbo(file: &[u8], scale: u8) -> usize {
    let mut decoder = Decompressor::new().unwrap();
    let header = decoder.read_header(file).unwrap();
    let factor = ScalingFactor::new(1, usize::from(scale));
    decoder.set_scan_limit(100).unwrap();
    decoder.set_scaling_factor(factor).unwrap();
    let (width, height) = (factor.scale(header.width), factor.scale(header.height));
    let mut pixels = vec![0; width * height * 3];
    let image = Image {
        pixels: pixels.as_mut_slice(),
        width,
        pitch: width * 3,
        height,
        format: PixelFormat::RGB,
    };
    decoder.decompress(file, image).unwrap();
    pixels.len()
}
