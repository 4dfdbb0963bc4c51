//! Marks in the corners say which way up a picture is.

use turbojpeg::Subsamp;
use visage_cloudinary::ImageFormat;
use visage_image::{Limits, Orientation, probe};

use crate::draw;
use crate::support::{assert_marks, rendered, sanitised};

#[test]
fn a_jpeg_is_upright_after_sanitising_and_rendering_whatever_its_orientation() {
    // Whole blocks: turned without loss. Odd sizes: decoded, turned, encoded.
    for (width, height) in [(64, 96), (61, 43)] {
        for orientation in 1..=8 {
            let file = draw::dirty_jpeg(orientation, width, height, Subsamp::Sub2x2);
            let what = format!("{width} × {height}, orientation {orientation}");
            check(&file, (width, height), &what);
        }
    }
}

#[test]
fn png_webp_and_tiff_obey_their_orientation() {
    for orientation in 1..=8 {
        let (width, height, pixels) = draw::stored(60, 42, orientation);
        let block = draw::exif(orientation);
        check(
            &draw::png(width, height, &pixels, Some(&block)),
            (60, 42),
            &format!("PNG {orientation}"),
        );
        check(
            &draw::webp(width, height, &pixels, true, Some(&block)),
            (60, 42),
            &format!("WebP {orientation}"),
        );
        check(
            &draw::webp(width, height, &pixels, false, Some(&block)),
            (60, 42),
            &format!("lossy WebP {orientation}"),
        );
        check(
            &draw::tiff(60, 42, orientation),
            (60, 42),
            &format!("TIFF {orientation}"),
        );
    }
}

#[test]
fn whole_blocks_are_turned_without_loss() {
    let file = draw::dirty_jpeg(6, 64, 96, Subsamp::Sub2x2);
    let clean = sanitised(&file).unwrap();
    let again = sanitised(&draw::dirty_jpeg(1, 64, 96, Subsamp::Sub2x2)).unwrap();
    // The same picture, compressed lying and standing: equal up to what rounding in the two compressions differs.
    let (_, _, turned) = crate::support::pixels(&clean.bytes);
    let (_, _, straight) = crate::support::pixels(&again.bytes);
    let largest = turned
        .iter()
        .flatten()
        .zip(straight.iter().flatten())
        .map(|(a, b)| a.abs_diff(*b))
        .max();
    assert!(largest <= Some(12), "{largest:?}");
}

#[test]
fn lossless_webp_stays_lossless_when_it_is_turned() {
    let (width, height, pixels) = draw::stored(60, 42, 6);
    let clean = sanitised(&draw::webp(width, height, &pixels, true, Some(&draw::exif(6)))).unwrap();
    let (_, _, found) = crate::support::pixels(&clean.bytes);
    let found: Vec<u8> = found.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
    assert_eq!(found, draw::picture(60, 42));
}

#[test]
fn avif_is_turned_and_mirrored_by_its_own_boxes_and_keeps_them() {
    // Each with the EXIF number of the same turn.
    let cases = [
        (b"irot", 1, 8),
        (b"irot", 2, 3),
        (b"irot", 3, 6),
        (b"imir", 0, 4),
        (b"imir", 1, 2),
    ];
    for (kind, value, orientation) in cases {
        let (width, height, pixels) = draw::stored(60, 42, orientation);
        let file = draw::avif_turned(width, height, &pixels, *kind, value);
        let facts = probe(&file, &Limits::default()).unwrap();
        assert_eq!((facts.width, facts.height), (60, 42));
        assert_marks(&file, "AVIF");
        let clean = sanitised(&file).unwrap();
        assert_eq!(clean.facts, facts);
        assert_marks(&clean.bytes, "AVIF, sanitised");
    }
}

fn check(file: &[u8], size: (u32, u32), what: &str) {
    let facts = probe(file, &Limits::default()).unwrap();
    assert_eq!((facts.width, facts.height), size, "{what}");
    assert_marks(file, what);
    let small = rendered(file, "c_scale,w_24", ImageFormat::Png).unwrap();
    assert_marks(&small.bytes, &format!("{what}, scaled"));
    let clean = sanitised(file).unwrap();
    assert_eq!((clean.facts.width, clean.facts.height), size, "{what}");
    assert_eq!(clean.facts.orientation, Orientation::Normal, "{what}");
    assert_marks(&clean.bytes, &format!("{what}, sanitised"));
}
