//! Colours that are stated by numbers: gAMA and cHRM of PNG, calibrated BMP, nclx of AVIF.

use moxcms::ColorProfile;
use png::{BitDepth, ColorType};
use visage_cloudinary::ImageFormat;
use visage_image::{Limits, Sample, probe};

use crate::draw::{self, chunk, with_chunks};
use crate::support::{contains, pixels, rendered, sanitised};

const SRGB: [u32; 8] = [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000];
const P3: [u32; 8] = [31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000];

const LINEAR: u32 = 100_000;
const MAC: u32 = 55_556;
const USUAL: u32 = 45_455;

fn gamma(number: u32) -> Vec<u8> {
    chunk("gAMA", &number.to_be_bytes())
}

fn primaries(numbers: [u32; 8]) -> Vec<u8> {
    chunk("cHRM", &numbers.map(u32::to_be_bytes).concat())
}

/// A PNG of one colour with these chunks.
fn png_of(colour: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    with_chunks(&draw::png(20, 10, &colour.repeat(200), None), chunks)
}

/// Every pixel of the file as it is shown, and of what is stored of it.
fn check(file: &[u8], expected: [u8; 3], what: &str) {
    let stored = sanitised(file).unwrap_or_else(|error| panic!("{what}: {error}")).bytes;
    for (file, place) in [(file, "as sent"), (stored.as_slice(), "as stored")] {
        for [red, green, blue, _] in pixels(file).2 {
            let near = [red, green, blue]
                .iter()
                .zip(expected)
                .all(|(found, wanted)| found.abs_diff(wanted) <= 1);
            assert!(near, "{what}, {place}: {red} {green} {blue}, not {expected:?}");
        }
    }
}

#[test]
fn png_gamma_and_primaries_are_applied() {
    check(&png_of(&[55; 3], &[gamma(LINEAR), primaries(SRGB)]), [128; 3], "linear");
    check(
        &png_of(&[55; 3], &[gamma(MAC), primaries(SRGB)]),
        [71; 3],
        "old Macintosh",
    );
    check(
        &png_of(&[200, 60, 60], &[gamma(USUAL), primaries(P3)]),
        [217, 42, 52],
        "P3",
    );
    check(&png_of(&[55; 3], &[gamma(LINEAR)]), [128; 3], "gamma alone");
    check(&png_of(&[55], &[gamma(LINEAR), primaries(SRGB)]), [128; 3], "gray");
    check(&png_of(&[55], &[gamma(MAC), primaries(P3)]), [71; 3], "gray of P3");
    check(&png_of(&[55, 55, 55, 255], &[gamma(MAC)]), [71; 3], "with alpha");
}

#[test]
fn png_gamma_reaches_every_kind_of_pixel() {
    let written = |color, depth, palette: Option<&[u8]>, data: &[u8]| {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 4, 1);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if let Some(palette) = palette {
            encoder.set_palette(palette.to_vec());
        }
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        with_chunks(&file, &[gamma(LINEAR)])
    };
    let deep = [0x37, 0x37].repeat(4);
    check(
        &written(ColorType::Grayscale, BitDepth::Sixteen, None, &deep),
        [128; 3],
        "16 bits of gray",
    );
    check(
        &written(ColorType::Rgb, BitDepth::Sixteen, None, &deep.repeat(3)),
        [128; 3],
        "16 bits",
    );
    check(
        &written(ColorType::GrayscaleAlpha, BitDepth::Eight, None, &[55, 255].repeat(4)),
        [128; 3],
        "gray, alpha",
    );
    check(
        &written(ColorType::Indexed, BitDepth::Eight, Some(&[55; 3]), &[0; 4]),
        [128; 3],
        "a palette",
    );
    // The first pixel of an interlaced picture is all of a picture of one pixel.
    let header = [&[0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 1][..]].concat();
    let plain = draw::png(1, 1, &[55; 3], None);
    let interlaced = [&plain[..8], &chunk("IHDR", &header), &gamma(LINEAR), &plain[33..]].concat();
    check(&interlaced, [128; 3], "interlaced");
}

#[test]
fn turned_png_keeps_the_colours_of_its_gamma() {
    for (colour, expected) in [(&[55_u8][..], [128; 3]), (&[55, 55, 55], [128; 3])] {
        let block = draw::exif(6);
        let file = with_chunks(&draw::png(20, 10, &colour.repeat(200), Some(&block)), &[gamma(LINEAR)]);
        check(&file, expected, "turned");
        let stored = sanitised(&file).unwrap();
        assert_eq!((stored.facts.width, stored.facts.height), (10, 20));
        assert!(contains(&stored.bytes, "iCCP"), "a browser must see it, too");
    }
    let upright = sanitised(&png_of(&[55; 3], &[gamma(LINEAR), primaries(SRGB)])).unwrap();
    assert!(contains(&upright.bytes, "gAMA") && contains(&upright.bytes, "cHRM"));
}

#[test]
fn png_colour_chunks_count_in_the_order_of_the_standard() {
    let codes = |primaries, transfer| chunk("cICP", &[primaries, transfer, 0, 1]);
    let srgb = chunk("sRGB", &[0]);
    let file = |colour: [u8; 3], chunks: &[Vec<u8>]| png_of(&colour, chunks);
    let all = [gamma(LINEAR), primaries(P3), srgb.clone(), codes(12, 13)];
    check(&file([200, 60, 60], &all), [217, 42, 52], "cICP before sRGB");
    check(&file([55; 3], &all[..3]), [55; 3], "sRGB before gAMA");
    check(&file([55; 3], &[codes(1, 8)]), [128; 3], "cICP, linear");
    check(
        &file([55; 3], &[codes(2, 8)]),
        [128; 3],
        "cICP, linear, primaries unspecified",
    );
    check(
        &file([55; 3], &[codes(2, 2), gamma(MAC)]),
        [71; 3],
        "cICP that says nothing",
    );
    let broken = chunk("iCCP", b"broken\0\0no profile");
    check(
        &file([55; 3], &[broken.clone(), gamma(MAC)]),
        [71; 3],
        "iCCP that cannot be read",
    );
    check(
        &file([55; 3], &[broken, srgb, gamma(MAC)]),
        [55; 3],
        "sRGB after iCCP that cannot be read",
    );
    let mut info = png::Info::with_size(20, 10);
    info.color_type = png::ColorType::Rgb;
    info.icc_profile = Some(ColorProfile::new_display_p3().encode().unwrap().into());
    let mut with_profile = Vec::new();
    let mut writer = png::Encoder::with_info(&mut with_profile, info)
        .unwrap()
        .write_header()
        .unwrap();
    writer.write_image_data(&[200, 60, 60].repeat(200)).unwrap();
    writer.finish().unwrap();
    check(
        &with_chunks(&with_profile, &[gamma(LINEAR)]),
        [217, 42, 52],
        "iCCP before gAMA",
    );
}

#[test]
fn png_gamma_that_makes_no_sense_is_ignored() {
    check(&png_of(&[55; 3], &[gamma(0), primaries(P3)]), [55; 3], "no gamma");
    check(&png_of(&[55; 3], &[gamma(15)]), [55; 3], "below what libpng takes");
    check(
        &png_of(&[55; 3], &[gamma(u32::MAX)]),
        [55; 3],
        "above what libpng takes",
    );
    check(
        &png_of(&[200, 60, 60], &[primaries(P3)]),
        [200, 60, 60],
        "primaries alone",
    );
    let mut dark = SRGB;
    dark[1] = 0;
    let mut flat = SRGB;
    flat.copy_within(2..4, 4);
    for numbers in [dark, flat, [0; 8], [u32::MAX; 8]] {
        check(
            &png_of(&[55; 3], &[gamma(LINEAR), primaries(numbers)]),
            [128; 3],
            "primaries of no light",
        );
    }
    let mut wrong_sum = gamma(LINEAR);
    wrong_sum[11] ^= 1;
    check(&png_of(&[55; 3], &[wrong_sum]), [55; 3], "a wrong checksum");
}

#[test]
fn usual_png_gamma_changes_no_pixel() {
    let plain = draw::png(48, 48, &draw::picture(48, 48), None);
    let wanted = rendered(&plain, "w_24", ImageFormat::Png).unwrap();
    for number in [45_000, USUAL, 46_000] {
        for chunks in [vec![gamma(number)], vec![gamma(number), primaries(SRGB)]] {
            let file = with_chunks(&plain, &chunks);
            assert_eq!(rendered(&file, "w_24", ImageFormat::Png).unwrap(), wanted, "{number}");
        }
    }
}

#[test]
fn analysis_sees_the_colours_that_are_shown() {
    let limits = Limits::default();
    let file = png_of(&[55; 3], &[gamma(LINEAR)]);
    let sample = Sample::of(&file, &probe(&file, &limits).unwrap(), &limits, &|| false).unwrap();
    let colours = sample.colours();
    assert_eq!(colours.colours[0].colour, "#808080");
}

#[test]
fn icon_with_a_png_has_the_colours_of_its_gamma() {
    let png = png_of(&[55, 55, 55, 255], &[gamma(LINEAR)]);
    let mut file = vec![0, 0, 1, 0, 1, 0, 20, 10, 0, 0, 1, 0, 32, 0];
    file.extend((png.len() as u32).to_le_bytes());
    file.extend(22_u32.to_le_bytes());
    file.extend(png);
    check(&file, [128; 3], "icon");
}

/// A BMP of one colour with a header of version 5 and these fields in it.
fn bmp_of(colour: [u8; 3], space: u32, fields: &[(usize, u32)], tail: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 124];
    let mut set = |at: usize, number: u32| header[at..at + 4].copy_from_slice(&number.to_le_bytes());
    set(0, 124);
    set(4, 4);
    set(8, 2);
    set(12, 1 | 24 << 16);
    set(56, space);
    for (at, number) in fields {
        set(*at, *number);
    }
    let pixels = [colour[2], colour[1], colour[0]].repeat(8);
    let mut file = b"BM".to_vec();
    for number in [14 + 124 + pixels.len() as u32, 0, 14 + 124] {
        file.extend(number.to_le_bytes());
    }
    [file, header, pixels, tail.to_vec()].concat()
}

#[test]
fn calibrated_and_embedded_colours_of_bmp_are_applied() {
    // Red, green and blue of P3 as XYZ, and three exponents.
    let ends = [
        0.486_57, 0.228_97, 0.0, 0.265_67, 0.691_74, 0.045_11, 0.198_22, 0.079_29, 1.043_94,
    ];
    let fields = |exponent: f64| {
        let mut fields: Vec<_> = (0..9)
            .map(|index| (60 + 4 * index, (ends[index] * 2_f64.powi(30)) as u32))
            .collect();
        fields.extend((0..3).map(|index| (96 + 4 * index, (exponent * 65_536.0) as u32)));
        fields
    };
    check(
        &bmp_of([200, 60, 60], 0, &fields(2.2), &[]),
        [217, 42, 52],
        "calibrated as P3",
    );
    check(&bmp_of([55; 3], 0, &fields(1.0), &[]), [128; 3], "linear");
    check(&bmp_of([55; 3], 0, &[], &[]), [55; 3], "calibrated without numbers");
    check(
        &bmp_of([55; 3], u32::from_be_bytes(*b"sRGB"), &fields(1.0), &[]),
        [55; 3],
        "named",
    );
    let profile = ColorProfile::new_display_p3().encode().unwrap();
    let place = [(112, 124 + 24), (116, profile.len() as u32)];
    let embedded = u32::from_be_bytes(*b"MBED");
    check(
        &bmp_of([200, 60, 60], embedded, &place, &profile),
        [217, 42, 52],
        "embedded",
    );
    check(
        &bmp_of([55; 3], embedded, &[(112, u32::MAX), (116, u32::MAX)], &[]),
        [55; 3],
        "out of the file",
    );
}

#[test]
fn linear_avif_is_shown_as_light() {
    let mut file = draw::avif(16, 16, &[55; 768]);
    let nclx = file.windows(8).position(|window| window == b"colrnclx").unwrap();
    file[nclx + 8..nclx + 12].copy_from_slice(&[0, 1, 0, 8]);
    check(&file, [128; 3], "linear");
}
