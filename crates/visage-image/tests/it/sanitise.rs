//! Nothing but the picture leaves, and only whole pictures do.

use std::cell::Cell;

use turbojpeg::Subsamp;
use visage_cloudinary::{ImageFormat, Transformation};
use visage_image::{ImageError, Limits, plan, probe, render, sanitise, sanitise_memory_bytes};

use crate::draw::{self, SECRET, one_of_each};
use crate::support::{assert_marks, contains, pixels, rendered, sanitised};

const OUTPUTS: [ImageFormat; 5] = [
    ImageFormat::Jpg,
    ImageFormat::Png,
    ImageFormat::Webp,
    ImageFormat::Avif,
    ImageFormat::Gif,
];

#[test]
fn secrets_are_gone_from_every_format_and_the_picture_is_not() {
    for (format, file) in one_of_each() {
        assert!(
            format == ImageFormat::Bmp || contains(&file, SECRET),
            "{format:?} holds no secret"
        );
        let clean = sanitised(&file).unwrap_or_else(|error| panic!("{format:?}: {error}"));
        assert!(!contains(&clean.bytes, SECRET), "{format:?}");
        assert!(
            !contains(&clean.bytes, "Exif") && !contains(&clean.bytes, "EXIF"),
            "{format:?}"
        );
        assert_marks(&clean.bytes, &format!("{format:?}"));
    }
}

#[test]
fn sanitising_twice_changes_nothing_more() {
    for (format, file) in one_of_each() {
        let once = sanitised(&file).unwrap();
        assert_eq!(sanitised(&once.bytes).unwrap(), once, "{format:?}");
    }
}

#[test]
fn no_output_carries_metadata() {
    for (source, file) in one_of_each() {
        for format in OUTPUTS {
            let result = rendered(&file, "c_fill,w_24,h_16", format).unwrap();
            assert_eq!((result.width, result.height), (24, 16));
            assert!(!contains(&result.bytes, SECRET), "{source:?} as {format:?}");
            assert_eq!(probe(&result.bytes, &Limits::default()).unwrap().format, format);
        }
    }
}

#[test]
fn bmp_and_tiff_are_kept_as_png_without_loss() {
    for file in [draw::bmp(48, 32), draw::tiff(48, 32, 1)] {
        let clean = sanitised(&file).unwrap();
        assert_eq!(clean.facts.format, ImageFormat::Png);
        let found: Vec<u8> = pixels(&clean.bytes)
            .2
            .iter()
            .flat_map(|[r, g, b, _]| [*r, *g, *b])
            .collect();
        assert_eq!(found, draw::picture(48, 32));
    }
}

#[test]
fn a_picture_cut_anywhere_is_refused_and_nothing_panics() {
    let limits = Limits::default();
    for (format, file) in one_of_each() {
        // Behind the picture stand only secrets that may be missing: the tail of the JPEG, the last box of the AVIF,
        // metadata of the WebP; TIFF has its directory last.
        let whole = sanitised(&file).unwrap();
        for length in 0..file.len() {
            let cut = &file[..length];
            let Ok(facts) = probe(cut, &limits) else { continue };
            if let Ok(clean) = sanitise(cut, &facts, &limits, &|| false) {
                assert_eq!(
                    pixels(&clean.bytes),
                    pixels(&whole.bytes),
                    "{format:?} cut at {length} of {}",
                    file.len()
                );
            }
        }
    }
}

#[test]
fn a_picture_with_one_byte_changed_never_panics() {
    let limits = Limits::default();
    for (_, file) in one_of_each() {
        for at in 0..file.len() {
            for change in [0x01, 0x80, 0xFF] {
                let mut bad = file.clone();
                bad[at] ^= change;
                if let Ok(facts) = probe(&bad, &limits) {
                    // Sides may have become large; what is refused for it is refused at once.
                    let small = Limits {
                        source_pixels: 100_000,
                        ..Limits::default()
                    };
                    let _either = sanitise(&bad, &facts, &small, &|| false).is_ok();
                }
            }
        }
    }
}

#[test]
fn limits_hold_at_the_limit_and_one_above() {
    for (format, file) in one_of_each() {
        let with = |limits: Limits| probe(&file, &limits);
        let base = Limits::default();
        assert!(
            with(Limits {
                source_pixels: 48 * 32,
                ..base.clone()
            })
            .is_ok(),
            "{format:?}"
        );
        let too_many = with(Limits {
            source_pixels: 48 * 32 - 1,
            ..base.clone()
        });
        assert!(
            matches!(
                too_many,
                Err(ImageError::TooManyPixels {
                    width: 48,
                    height: 32,
                    ..
                })
            ),
            "{format:?}"
        );
        assert!(
            with(Limits {
                source_side_pixels: 48,
                ..base.clone()
            })
            .is_ok(),
            "{format:?}"
        );
        let too_long = with(Limits {
            source_side_pixels: 47,
            ..base.clone()
        });
        assert!(matches!(too_long, Err(ImageError::TooLargeSide { .. })), "{format:?}");
    }
    let animation = draw::gif(8, 8);
    let frames = |frames| {
        probe(
            &animation,
            &Limits {
                frames,
                ..Limits::default()
            },
        )
    };
    assert_eq!(frames(2).unwrap().frames, 2);
    assert_eq!(frames(1), Err(ImageError::TooManyFrames { max_frames: 1 }));
}

#[test]
fn rendering_stops_when_it_is_told_to_and_when_memory_would_not_do() {
    let file = draw::bmp(48, 32);
    let limits = Limits::default();
    let facts = probe(&file, &limits).unwrap();
    let plan = plan(
        &Transformation::parse("w_24").unwrap(),
        &facts,
        ImageFormat::Jpg,
        &limits,
    )
    .unwrap();
    let asked = Cell::new(0);
    let at = |last: u32| {
        asked.set(0);
        render(&file, &plan, &[], &limits, &|| asked.replace(asked.get() + 1) >= last)
    };
    assert_eq!(at(0), Err(ImageError::Cancelled));
    assert_eq!(at(2), Err(ImageError::Cancelled));
    assert!(at(100).is_ok());
    // Before decoding (by the step and by the decoder), at both pieces of the file, before resizing, colour and encoding.
    assert_eq!(asked.get(), 7);
    let needed = plan.memory_bytes(file.len() as u64);
    let with = |render_memory_bytes| {
        render(
            &file,
            &plan,
            &[],
            &Limits {
                render_memory_bytes,
                ..Limits::default()
            },
            &|| false,
        )
    };
    assert!(with(needed).is_ok());
    assert!(matches!(with(needed - 1), Err(ImageError::TooMuchMemory { .. })));
}

#[test]
fn an_animated_png_keeps_its_frames_and_a_damaged_last_one_is_noticed() {
    let mut file = draw::apng(48, 32);
    let clean = sanitised(&file).unwrap();
    assert_eq!(clean.facts.frames, 2);
    assert!(!contains(&clean.bytes, SECRET));
    assert_marks(&clean.bytes, "APNG");
    let last = file.windows(4).rposition(|window| window == b"fdAT").unwrap();
    file[last + 20] ^= 0xFF;
    assert!(matches!(sanitised(&file), Err(ImageError::Damaged { .. })));
}

#[test]
fn gray_stays_gray() {
    let gray: Vec<u8> = draw::picture(40, 30)
        .as_chunks::<3>()
        .0
        .iter()
        .map(|[red, ..]| *red)
        .collect();
    let clean = sanitised(&draw::jpeg(40, 30, &gray, Subsamp::Gray)).unwrap();
    let (_, _, found) = pixels(&clean.bytes);
    assert!(
        found
            .iter()
            .zip(&gray)
            .all(|(found, gray)| found[0].abs_diff(*gray) < 24 && found[0] == found[2])
    );
}

#[test]
fn what_is_accepted_can_be_rendered_and_what_needs_one_byte_more_is_refused() {
    for (format, file) in one_of_each() {
        let facts = probe(&file, &Limits::default()).unwrap();
        let with = |render_memory_bytes| {
            let limits = Limits {
                render_memory_bytes,
                ..Limits::default()
            };
            sanitise(&file, &facts, &limits, &|| false).map(|clean| (clean, limits))
        };
        // The least memory with which it is accepted, found by halving.
        let (mut refused, mut accepted) = (0, 512 * 1024 * 1024);
        while accepted - refused > 1 {
            let middle = u64::midpoint(refused, accepted);
            match with(middle) {
                Ok(_) => accepted = middle,
                Err(ImageError::TooMuchMemory { .. }) => refused = middle,
                Err(other) => panic!("{format:?}: {other}"),
            }
        }
        assert!(
            accepted >= sanitise_memory_bytes(&facts, file.len() as u64),
            "{format:?}"
        );
        let (clean, limits) = with(accepted).unwrap();
        let small = Transformation::parse("c_fill,h_400,w_400").unwrap();
        for output in OUTPUTS {
            let plan = plan(&small, &clean.facts, output, &limits).unwrap();
            render(&clean.bytes, &plan, &[], &limits, &|| false).unwrap_or_else(|error| panic!("{format:?}: {error}"));
        }
    }
}

#[test]
fn a_flat_avif_that_no_render_could_hold_is_refused_before_it_is_decoded() {
    let limits = Limits::default();
    // The facts alone decide: 22 bytes per pixel and what a small render takes beside them.
    for (side, is_taken) in [(4850, true), (4900, false)] {
        let file = draw::avif(64, 64, &draw::picture(64, 64));
        let facts = visage_image::Facts {
            width: side,
            height: side,
            ..probe(&file, &limits).unwrap()
        };
        let refused = matches!(
            sanitise(&file, &facts, &limits, &|| false),
            Err(ImageError::TooMuchMemory { .. })
        );
        assert_eq!(refused, !is_taken, "{side}");
    }
}
