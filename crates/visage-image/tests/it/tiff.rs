//! Kinds of TIFF: palettes and few bits are drawn, other compressions are refused by their name.

use visage_image::{ImageError, Limits, Sample, probe};

use crate::support::{pixels, sanitised};

const WIDTH: u16 = 11;
const HEIGHT: u16 = 6;

/// An uncompressed TIFF of one strip; `tags` are further short numbers, `map` the colours of a palette.
fn tiff(is_little: bool, bits: u16, photometric: u16, map: &[u16], data: &[u8]) -> Vec<u8> {
    let short = |value: u16| {
        if is_little {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        }
    };
    let long = |value: u32| {
        if is_little {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        }
    };
    let mut file = if is_little {
        b"II*\0".to_vec()
    } else {
        b"MM\0*".to_vec()
    };
    let map_at = 8 + data.len() as u32;
    let directory_at = map_at + map.len() as u32 * 2;
    file.extend(long(directory_at));
    file.extend(data);
    for level in map {
        file.extend(short(*level));
    }
    let mut entries: Vec<(u16, u16, u32, u32)> = vec![
        (256, 4, 1, u32::from(WIDTH)),
        (257, 4, 1, u32::from(HEIGHT)),
        (258, 3, 1, u32::from(bits)),
        (259, 3, 1, 1),
        (262, 3, 1, u32::from(photometric)),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 4, 1, u32::from(HEIGHT)),
        (279, 4, 1, data.len() as u32),
    ];
    if !map.is_empty() {
        entries.push((320, 3, map.len() as u32, map_at));
    }
    file.extend(short(entries.len() as u16));
    for (tag, kind, count, value) in entries {
        file.extend(short(tag));
        file.extend(short(kind));
        file.extend(long(count));
        if kind == 3 && count == 1 {
            file.extend(short(value as u16));
            file.extend([0, 0]);
        } else {
            file.extend(long(value));
        }
    }
    file.extend([0; 4]);
    file
}

/// The sample of each pixel: a diagonal pattern of all values.
fn value(x: u16, y: u16, bits: u16) -> u8 {
    ((x * 3 + y * 7) % (1 << bits)) as u8
}

fn packed(bits: u16) -> Vec<u8> {
    let mut data = Vec::new();
    for y in 0..HEIGHT {
        let (mut byte, mut used) = (0_u16, 0);
        for x in 0..WIDTH {
            byte = byte << bits | u16::from(value(x, y, bits));
            used += bits;
            if used == 8 {
                data.push(byte as u8);
                (byte, used) = (0, 0);
            }
        }
        if used > 0 {
            data.push((byte << (8 - used)) as u8);
        }
    }
    data
}

fn check(name: &str, file: &[u8], bits: u16, colour: impl Fn(u8) -> [u8; 3]) {
    let clean = sanitised(file).unwrap_or_else(|error| panic!("{name}: {error}"));
    for drawn in [pixels(file), pixels(&clean.bytes)] {
        assert_eq!((drawn.0, drawn.1), (u32::from(WIDTH), u32::from(HEIGHT)), "{name}");
        for (place, found) in (0..).zip(&drawn.2) {
            let [red, green, blue] = colour(value(place % WIDTH, place / WIDTH, bits));
            assert_eq!(*found, [red, green, blue, 255], "{name}: pixel {place}");
        }
    }
}

#[test]
fn palette_is_drawn_in_its_colours() {
    for (is_little, bits) in [(true, 8), (false, 8), (true, 4), (false, 4), (true, 2), (true, 1)] {
        let colours = 1_u16 << bits;
        let red = |index: u16| (index * 5 % 256) as u8;
        let map: Vec<u16> = (0..colours)
            .map(|index| u16::from(red(index)) << 8)
            .chain((0..colours).map(|index| (255 - index) << 8))
            .chain((0..colours).map(|_| 0x4142))
            .collect();
        let file = tiff(is_little, bits, 3, &map, &packed(bits));
        check(&format!("{bits} bits"), &file, bits, |index| {
            [red(u16::from(index)), 255 - index, 0x41]
        });
    }
}

#[test]
fn palette_of_eight_bit_levels_is_taken_as_such() {
    let map = [0, 200, 0, 100, 0, 50];
    let file = tiff(true, 1, 3, &map, &packed(1));
    check("short levels", &file, 1, |index| {
        if index == 1 { [200, 100, 50] } else { [0; 3] }
    });
}

#[test]
fn gray_of_few_bits_is_drawn_from_black_to_white_or_back() {
    for bits in [1, 2, 4] {
        let step = 255 / ((1_u16 << bits) - 1) as u8;
        let file = tiff(true, bits, 1, &[], &packed(bits));
        check(&format!("{bits} bits"), &file, bits, |level| [level * step; 3]);
        let file = tiff(false, bits, 0, &[], &packed(bits));
        check(&format!("{bits} bits, white is zero"), &file, bits, |level| {
            [255 - level * step; 3]
        });
    }
}

#[test]
fn palette_that_is_too_short_is_refused() {
    let file = tiff(true, 8, 3, &[0; 12], &packed(8));
    assert!(matches!(sanitised(&file), Err(ImageError::Damaged { .. })));
}

#[test]
fn other_compressions_are_refused_by_name() {
    let file = tiff(true, 8, 1, &[], &packed(8));
    let entry = file.windows(4).position(|entry| entry == b"\x03\x01\x03\0").unwrap();
    for (compression, name) in [
        (7_u8, "a TIFF with JPEG compression"),
        (4, "a TIFF with fax compression"),
    ] {
        let mut file = file.clone();
        file[entry + 8] = compression;
        let limits = Limits::default();
        let facts = probe(&file, &limits).unwrap();
        let refusal = Sample::of_proven(&file, &facts, &limits, &|| false).err();
        assert_eq!(refusal, Some(ImageError::Unsupported { name }));
        assert_eq!(sanitised(&file), Err(ImageError::Unsupported { name }));
    }
}
