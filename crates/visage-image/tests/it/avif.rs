//! AVIF files that say one thing and hold another, and those that say less than others.

use visage_image::{ImageError, Limits, probe, sanitise};

use crate::avif_file::{Item, Shape, build, split_header, stating_colours};
use crate::draw;
use crate::support::{assert_marks, pixels, sanitised};

const UNUSUAL_MATRIX: ImageError = ImageError::Unsupported {
    name: "an AVIF with an unusual colour matrix",
};

fn one(item: &Item) -> Vec<u8> {
    build(std::slice::from_ref(item), &Shape::Plain, false)
}

fn assert_damaged(file: &[u8], reason: &str) {
    match sanitised(file) {
        Err(ImageError::Damaged { reason: found }) => assert_eq!(found, reason),
        other => panic!("not refused: {:?}", other.map(|clean| clean.facts)),
    }
}

#[test]
fn avif_is_taken_without_optional_properties() {
    for quality in ["q_90", "q_90:444"] {
        assert_marks(&one(&Item::drawn(48, 32, quality)), quality);
        assert_marks(&sanitised(&one(&Item::drawn(48, 32, quality))).unwrap().bytes, quality);
    }
}

#[test]
fn avif_is_refused_when_pixi_and_stream_disagree() {
    let mut item = Item::drawn(48, 32, "q_90");
    item.pixi = Some(vec![8, 8, 8]);
    assert_marks(&one(&item), "of the right depth");
    item.pixi = Some(vec![10, 10, 10]);
    assert_damaged(&one(&item), "it states another depth than its AV1 data");
}

#[test]
fn avif_is_refused_when_av1c_and_stream_disagree() {
    let item = Item::drawn(48, 32, "q_90");
    let (header, frame) = split_header(&item.stream);
    let larger = split_header(&Item::drawn(64, 48, "q_90").stream).0;
    for matrix in [0, 6, 10, 11, 13, 14, 255] {
        let lying = Item {
            stream: [stating_colours(&header, [1, 13, matrix]), frame.clone()].concat(),
            pixi: Some(vec![8, 8, 8]),
            ..item.clone()
        };
        for said in [[1, 13, 1], [1, 13, 2], [1, 13, 6]].map(|numbers| stating_colours(&larger, numbers)) {
            let file = one(&Item {
                configuration: said,
                ..lying.clone()
            });
            let refusal = probe(&file, &Limits::default()).unwrap_err();
            assert!(matches!(refusal, ImageError::Damaged { .. }), "{matrix}: {refusal}");
        }
        let said = stating_colours(&header, [1, 13, 9]);
        assert_damaged(
            &one(&Item {
                configuration: said,
                ..lying.clone()
            }),
            "its AV1 headers contradict each other",
        );
    }
}

#[test]
fn avif_is_refused_when_its_matrix_is_not_converted() {
    let item = Item::drawn(48, 32, "q_90");
    let (header, frame) = split_header(&item.stream);
    for (matrix, is_taken) in [
        (0, false),
        (1, true),
        (3, false),
        (9, true),
        (10, false),
        (14, false),
        (200, false),
    ] {
        let file = one(&Item {
            stream: [stating_colours(&header, [9, 16, matrix]), frame.clone()].concat(),
            ..item.clone()
        });
        let said = one(&Item {
            nclx: Some([1, 13, matrix, 0x80]),
            ..item.clone()
        });
        for file in [file, said] {
            let result = sanitised(&file).map(|clean| clean.facts.width);
            let expected = if is_taken { Ok(48) } else { Err(UNUSUAL_MATRIX) };
            assert_eq!(result, expected, "{matrix}");
        }
    }
}

#[test]
fn avif_is_refused_when_a_larger_frame_follows() {
    let (small, large) = (Item::drawn(48, 32, "q_90"), Item::drawn(400, 300, "q_90"));
    let both = Item {
        stream: [small.stream.clone(), large.stream.clone()].concat(),
        ..small.clone()
    };
    assert_damaged(&one(&both), "its AV1 headers contradict each other");
    let said = Item {
        size: small.size,
        ..large
    };
    assert_damaged(
        &one(&said),
        "the AVIF data cannot be decoded (a frame is larger than the picture)",
    );
}

#[test]
fn avif_is_refused_when_its_frame_is_smaller_than_stated() {
    let item = Item {
        size: (49, 32),
        ..Item::drawn(48, 32, "q_90")
    };
    assert_damaged(&one(&item), "its AV1 data is not what its headers say");
}

#[test]
fn avif_grid_shows_its_tiles_cut_to_its_size() {
    let (width, height) = (150, 100);
    let whole = draw::picture(width, height);
    let tile = |left: usize, top: usize| {
        let mut pixels = Vec::new();
        for y in top..top + 64 {
            for x in left..left + 64 {
                let at = (y.min(99) * 150 + x.min(149)) * 3;
                pixels.extend_from_slice(&whole[at..at + 3]);
            }
        }
        Item::of(&draw::plain_avif(64, 64, &pixels, "q_95"), (64, 64))
    };
    let places = [(0, 0), (64, 0), (128, 0), (0, 64), (64, 64), (128, 64)];
    let tiles = places.map(|(left, top)| tile(left, top));
    let grid = |columns, rows, size| build(&tiles, &Shape::Grid { columns, rows, size }, false);
    let file = grid(3, 2, (150, 100));
    assert_marks(&file, "grid");
    assert_marks(&sanitised(&file).unwrap().bytes, "cleaned grid");
    let all = pixels(&file).2;
    for ((left, top), tile) in places.into_iter().zip(&tiles) {
        let alone = pixels(&one(tile)).2;
        // Colours at the seams are interpolated across them.
        for (x, y) in (1..63).flat_map(|x| (1..63).map(move |y| (x, y))) {
            if left + x < 149 && top + y < 99 {
                assert_eq!(
                    all[(top + y) * 150 + left + x],
                    alone[y * 64 + x],
                    "{x}, {y} of {left}, {top}"
                );
            }
        }
    }
    for (columns, rows, size) in [
        (3, 2, (193, 100)),
        (3, 2, (128, 100)),
        (2, 3, (150, 100)),
        (3, 3, (150, 100)),
    ] {
        assert!(
            sanitised(&grid(columns, rows, size)).is_err(),
            "{columns} × {rows}: {size:?}"
        );
    }
}

#[test]
fn avif_alpha_may_be_multiplied_into_the_colours() {
    let rgba: Vec<u8> = (0..48 * 32)
        .flat_map(|index| [200, 100, 50, if index % 48 < 24 { 128 } else { 255 }])
        .collect();
    let file = draw::plain_avif(48, 32, &rgba, "q_95");
    let plain = pixels(&file).2;
    assert_eq!((plain[5][3], plain[40][3]), (128, 255));
    let mdat = file.windows(4).position(|window| window == b"mdat").unwrap() + 4;
    let iloc = file.windows(4).position(|window| window == b"iloc").unwrap() + 12;
    let length = u32::from_be_bytes(file[iloc + 10..iloc + 14].try_into().unwrap()) as usize;
    let mut colour = Item::of(&file, (48, 32));
    let mut alpha = colour.clone();
    colour.stream = file[mdat..mdat + length].to_vec();
    alpha.stream = file[mdat + length..].to_vec();
    alpha.is_alpha = true;
    let items = [colour, alpha];
    assert_eq!(pixels(&build(&items, &Shape::Plain, false)).2, plain);
    let divided = pixels(&build(&items, &Shape::Plain, true)).2;
    assert_eq!(divided[40], plain[40]);
    for (divided, plain) in divided[5].iter().zip(plain[5]).take(3) {
        assert_eq!(u32::from(*divided), ((u32::from(plain) * 255 + 64) / 128).min(255));
    }
}

#[test]
fn avif_alpha_of_another_size_is_refused() {
    let mut alpha = Item::drawn(40, 32, "q_90");
    alpha.is_alpha = true;
    let file = build(&[Item::drawn(48, 32, "q_90"), alpha], &Shape::Plain, false);
    assert_damaged(&file, "its alpha plane has another size than the picture");
}

#[test]
fn avif_item_may_lie_in_parts_but_never_grow() {
    let file = one(&Item::drawn(48, 32, "q_90"));
    let iloc = file.windows(4).position(|window| window == b"iloc").unwrap();
    let entry = iloc + 12;
    let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
    let (start, length) = (number(entry + 6), number(entry + 10));
    // Eight more bytes before the data for every part more.
    let in_parts = |parts: &[(u32, u32)]| {
        let grown = (parts.len() as u32 - 1) * 8;
        let mut made = file.clone();
        let extents = parts
            .iter()
            .flat_map(|(at, length)| [(at + grown).to_be_bytes(), length.to_be_bytes()].concat());
        made.splice(entry + 6..entry + 14, extents.collect::<Vec<u8>>());
        made[entry + 4..entry + 6].copy_from_slice(&(parts.len() as u16).to_be_bytes());
        let meta = made.windows(4).position(|window| window == b"meta").unwrap();
        for at in [iloc - 4, meta - 4] {
            let longer = u32::from_be_bytes(made[at..at + 4].try_into().unwrap()) + grown;
            made[at..at + 4].copy_from_slice(&longer.to_be_bytes());
        }
        made
    };
    assert_marks(&in_parts(&[(start, 9), (start + 9, length - 9)]), "in two parts");
    let many = in_parts(&vec![(start, length); 1000]);
    let facts = probe(&file, &Limits::default()).unwrap();
    assert!(sanitise(&many, &facts, &Limits::default(), &|| false).is_err());
    assert_damaged(&many, "its AV1 data is cut short");
}
