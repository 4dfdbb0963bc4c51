//! JPEG files with flaws that leave every pixel in place are drawn, and stored without them; files that lack pixels are refused.

use turbojpeg::{Subsamp, Transform, Transformer};
use visage_cloudinary::{ImageFormat, Transformation};
use visage_image::{ImageError, Limits, Sample, plan, probe, render};

use crate::draw::{self, with_segments};
use crate::support::{contains, pixels, rendered, sanitised};

const SIDE: u32 = 200;

/// Baseline and progressive, in colour and gray.
fn intact() -> Vec<(&'static str, Vec<u8>)> {
    let drawn = draw::picture(SIDE, SIDE);
    let baseline = draw::jpeg(SIDE, SIDE, &drawn, Subsamp::Sub2x2);
    let gray = draw::jpeg(SIDE, SIDE, &drawn, Subsamp::Gray);
    let as_progressive = |file: &[u8]| {
        let mut transform = Transform::default();
        transform.progressive = true;
        Transformer::new().unwrap().transform_to_vec(&transform, file).unwrap()
    };
    vec![
        ("progressive", as_progressive(&baseline)),
        ("gray, progressive", as_progressive(&gray)),
        ("baseline", baseline),
        ("gray", gray),
    ]
}

/// Where the first segment with this marker begins.
fn place_of(file: &[u8], marker: u8) -> usize {
    file.windows(2).position(|pair| pair == [0xFF, marker]).unwrap()
}

fn inserted(file: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    [&file[..at], bytes, &file[at..]].concat()
}

/// The flaws that one file can have, by name.
fn flawed(file: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let end = file.len() - 2;
    let tables = place_of(file, 0xDB);
    let half_profile = [b"ICC_PROFILE\0\x01\x02".as_slice(), &[0x55; 300]].concat();
    let short = [b"\xFF\xE5\0\x04".as_slice(), &[0x11; 40]].concat();
    vec![
        ("no end", file[..end].to_vec()),
        ("half an end", file[..=end].to_vec()),
        ("fill bytes instead of the end", [&file[..end], &[0xFF; 64]].concat()),
        ("fill bytes before the end", inserted(file, end, &[0xFF; 64])),
        ("a stray byte before the end", inserted(file, end, &[0x7F])),
        ("zeros before the end", inserted(file, end, &[0; 512])),
        ("zeros instead of the end", [&file[..end], &[0; 512]].concat()),
        (
            "half a segment instead of the end",
            [&file[..end], b"\xFF\xE1\x40\0Exif"].concat(),
        ),
        (
            "stray bytes between segments",
            inserted(file, tables, &[1, 2, 3, 4, 5, 6, 7]),
        ),
        ("fill bytes between segments", inserted(file, tables, &[0xFF; 9])),
        ("a segment that says it is shorter", inserted(file, tables, &short)),
        ("a segment of no length", inserted(file, tables, b"\xFF\xE5\0\0")),
        ("two beginnings", inserted(file, 0, b"\xFF\xD8")),
        ("three beginnings", inserted(file, 0, b"\xFF\xD8\xFF\xFF\xD8")),
        (
            "half a profile",
            with_segments(file, &[(0xE2, half_profile.as_slice())]),
        ),
        (
            "a later JFIF",
            with_segments(file, &[(0xE0, b"JFIF\0\x03\x01\0\0\x01\0\x01\0\0")]),
        ),
        ("something behind the end", [file, b"SEFT and more"].concat()),
        ("another picture behind the end", [file, file].concat()),
    ]
}

fn baseline_flaws(file: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut without_tables = file.to_vec();
    while let Some(at) = without_tables.windows(2).position(|pair| pair == [0xFF, 0xC4]) {
        let length = usize::from(u16::from_be_bytes([without_tables[at + 2], without_tables[at + 3]]));
        without_tables.drain(at..at + 2 + length);
    }
    let mut wrong_band = file.to_vec();
    let header = place_of(file, 0xDA);
    let length = usize::from(u16::from_be_bytes([file[header + 2], file[header + 3]]));
    wrong_band[header + 2 + length - 2] = 0;
    vec![("no Huffman tables", without_tables), ("a wrong band", wrong_band)]
}

/// Ways to draw: whole, scaled by libjpeg-turbo, by our own decoder, to planes, and by a sample.
const TRANSFORMATIONS: [&str; 5] = ["", "w_20", "w_45", "w_90", "w_1.0,e_grayscale"];

/// Our own decoder leaves flawed files to libjpeg-turbo, whose small pictures are a little other ones.
fn check_drawn(name: &str, file: &[u8], whole: &[u8]) {
    for transformation in TRANSFORMATIONS {
        for format in [ImageFormat::Png, ImageFormat::Jpg] {
            let made = rendered(file, transformation, format).unwrap_or_else(|error| panic!("{name}: {error}"));
            let wanted = rendered(whole, transformation, format).unwrap();
            let name = format!("{name}, {transformation} as {format:?}");
            if transformation.is_empty() {
                assert!(made == wanted, "{name}");
            } else {
                assert_near(&pixels(&made.bytes), &pixels(&wanted.bytes), &name);
            }
        }
    }
}

fn assert_near(found: &(u32, u32, Vec<[u8; 4]>), wanted: &(u32, u32, Vec<[u8; 4]>), name: &str) {
    assert_eq!((found.0, found.1), (wanted.0, wanted.1), "{name}");
    let levels = found.2.as_flattened().iter().zip(wanted.2.as_flattened());
    let sum: usize = levels.map(|(found, wanted)| usize::from(found.abs_diff(*wanted))).sum();
    assert!(sum < 3 * 4 * found.2.len(), "{name}: {sum} of {}", found.2.len());
}

#[test]
fn harmless_flaws_are_drawn_as_if_they_were_not_there() {
    for (kind, whole) in intact() {
        let more = if kind.contains("progressive") {
            Vec::new()
        } else {
            baseline_flaws(&whole)
        };
        for (flaw, file) in flawed(&whole).into_iter().chain(more) {
            check_drawn(&format!("{kind}, {flaw}"), &file, &whole);
        }
    }
}

#[test]
fn harmless_flaws_are_proven_whole() {
    let limits = Limits::default();
    for (kind, whole) in intact() {
        for (flaw, file) in flawed(&whole) {
            let facts = probe(&file, &limits).unwrap();
            let proof = Sample::of_proven(&file, &facts, &limits, &|| false);
            assert!(proof.is_ok(), "{kind}, {flaw}: {:?}", proof.err());
        }
    }
}

#[test]
fn harmless_flaws_are_stored_repaired() {
    for (kind, whole) in intact() {
        let wanted = sanitised(&whole).unwrap().bytes;
        let more = if kind.contains("progressive") {
            Vec::new()
        } else {
            baseline_flaws(&whole)
        };
        for (flaw, file) in flawed(&whole).into_iter().chain(more) {
            let stored = sanitised(&file)
                .unwrap_or_else(|error| panic!("{kind}, {flaw}: {error}"))
                .bytes;
            let name = format!("{kind}, {flaw}");
            match flaw {
                // Decoders read eight bytes ahead, and cannot tell so few from data.
                "a stray byte before the end" => assert!(stored.len() <= wanted.len() + 1, "{name}"),
                // Where stray bytes begin only decoding tells: what is stored is written anew, from the same coefficients.
                "zeros before the end" | "zeros instead of the end" => {
                    assert!(
                        stored.len() <= wanted.len() && !stored.ends_with(b"\0\xFF\xD9"),
                        "{name}"
                    );
                }
                // All four usual tables are put in, also those for colour.
                "no Huffman tables" if kind == "gray" => {
                    assert_eq!(
                        stored.windows(2).filter(|pair| pair == b"\xFF\xC4").count(),
                        4,
                        "{name}"
                    );
                }
                _ => assert!(stored == wanted, "{name}"),
            }
            assert!(
                stored.ends_with(b"\xFF\xD9") && !contains(&stored, "\u{55}\u{55}\u{55}\u{55}"),
                "{name}"
            );
            assert!(!stored.windows(2).skip(1).any(|pair| pair == b"\xFF\xD8"), "{name}");
            check_drawn(&name, &stored, &whole);
        }
    }
}

#[test]
fn files_that_lack_pixels_are_refused_with_and_without_an_end() {
    let limits = Limits::default();
    for (kind, whole) in intact() {
        let data = place_of(&whole, 0xDA) + 20;
        let cuts = (data..whole.len() - 2)
            .step_by(whole.len() / 60)
            .chain(whole.len() - 12..whole.len() - 2);
        for cut in cuts {
            let file = &whole[..cut];
            let Ok(facts) = probe(file, &limits) else { continue };
            let proof = Sample::of_proven(file, &facts, &limits, &|| false);
            assert!(
                matches!(proof, Err(ImageError::Damaged { .. })),
                "{kind} cut to {cut} of {}",
                whole.len()
            );
            assert!(sanitised(file).is_err(), "{kind} cut to {cut} of {}", whole.len());
        }
    }
}

#[test]
fn damage_within_a_scan_is_refused_at_every_scale() {
    let whole = draw::jpeg(SIDE, SIDE, &draw::picture(SIDE, SIDE), Subsamp::Sub2x2);
    let data = place_of(&whole, 0xDA) + 14;
    // A restart marker where none belongs, and a piece of the scan that is missing.
    let slipped = inserted(&whole, data + 40, b"\xFF\xD3");
    let shortened = [&whole[..data + 40], &whole[data + 80..]].concat();
    for file in [slipped, shortened] {
        let limits = Limits::default();
        let facts = probe(&file, &limits).unwrap();
        for transformation in TRANSFORMATIONS {
            let plan = plan(
                &Transformation::parse(transformation).unwrap(),
                &facts,
                ImageFormat::Png,
                &limits,
            )
            .unwrap();
            let result = render(&file, &plan, &[], &limits, &|| false);
            assert!(
                matches!(result, Err(ImageError::Damaged { .. })),
                "{transformation}: {:?}",
                result.err()
            );
        }
        assert!(sanitised(&file).is_err());
    }
}
