//! Every decoder stops soon after it is told to, wherever it is at work.

use std::cell::Cell;

use turbojpeg::{Subsamp, Transform, Transformer};
use visage_image::{ImageError, Limits, Sample, probe};

use crate::draw;
use crate::scans;

/// Decodes all of a file; `last` is the number of the question that is answered with yes. Returns the number of questions.
fn decode(file: &[u8], last: usize) -> (Result<(), ImageError>, usize) {
    let limits = Limits::default();
    let facts = probe(file, &limits).unwrap();
    let asked = Cell::new(0_usize);
    let cancelled = || {
        asked.set(asked.get() + 1);
        asked.get() >= last
    };
    let result = Sample::of_proven(file, &facts, &limits, &cancelled).map(drop);
    (result, asked.get())
}

/// More questions than this may follow a yes: where an error is made of it.
const MAX_MORE: usize = 3;

fn check(name: &str, file: &[u8], least: usize) {
    let (result, all) = decode(file, usize::MAX);
    assert_eq!(result, Ok(()), "{name}");
    assert!(all >= least, "{name}: asked {all} times");
    for last in [1, 2, all / 3, all / 2, all.saturating_sub(2).max(1)] {
        let (result, asked) = decode(file, last);
        assert_eq!(result, Err(ImageError::Cancelled), "{name} at {last} of {all}");
        assert!(
            asked <= last + MAX_MORE,
            "{name} at {last} of {all}: asked {asked} times"
        );
    }
}

/// A picture that does not become small when it is compressed.
fn noise(width: u32, height: u32) -> Vec<u8> {
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    (0..width * height * 3).map(|_| next()).collect()
}

#[test]
fn jpeg_stops_in_each_row_of_blocks() {
    let pixels = draw::picture(700, 700);
    for kind in [Subsamp::Sub2x2, Subsamp::None, Subsamp::Sub4x1] {
        let baseline = draw::jpeg(700, 700, &pixels, kind);
        let mut transform = Transform::default();
        transform.progressive = true;
        let progressive = Transformer::new()
            .unwrap()
            .transform_to_vec(&transform, &baseline)
            .unwrap();
        check(&format!("{kind:?}"), &baseline, 700 / 16);
        check(&format!("{kind:?}, progressive"), &progressive, 5 * 700 / 16);
    }
    check(
        "small, whole",
        &draw::jpeg(160, 160, &draw::picture(160, 160), Subsamp::Sub2x2),
        10,
    );
    check("CMYK", &draw::cmyk_jpeg(320, 320), 320 / 16);
    check("many scans", &scans::progressive(512, 512, &scans::passes(12)), 24 * 64);
}

#[test]
fn png_stops_within_a_piece_of_the_file() {
    let pixels = noise(160, 160);
    check("PNG", &draw::png(160, 160, &pixels, None), 76_800 / 4096);
    // Deflate makes much of little.
    check("flat", &draw::png(3000, 2000, &vec![7; 3000 * 2000 * 3], None), 4);
    check("APNG", &draw::apng(480, 320), 3);
    check("icon", &draw::ico(200, 200, true), 2);
}

#[test]
fn other_formats_stop_within_a_piece_of_the_file() {
    check("BMP", &draw::bmp(200, 200), 120_000 / 4096);
    check("icon", &draw::ico(200, 200, false), 160_000 / 4096);
    check("TIFF", &draw::tiff(300, 200, 1), 30);
    check("GIF", &draw::gif(480, 320), 2);
}
