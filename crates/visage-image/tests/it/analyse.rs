//! What pictures look like, asked through the public surface.

use turbojpeg::Subsamp;
use visage_cloudinary::ImageFormat;
use visage_image::{ColourShare, ImageError, Limits, Sample, metadata, probe};

use crate::draw::{SECRET, dirty_jpeg, exif, jpeg, one_of_each, picture, png, webp};
use crate::support::rendered;

fn sample(file: &[u8]) -> Sample {
    let limits = Limits::default();
    Sample::of(file, &probe(file, &limits).unwrap(), &limits, &|| false).unwrap()
}

fn filled(width: u32, height: u32, pixel: &[u8]) -> Vec<u8> {
    pixel.repeat((width * height) as usize)
}

/// Soft blobs of many sizes, as photographs have them; each `seed` has its own.
fn hills(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let mut noise = seed;
    let mut next = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(noise >> 16) / 65_536.0
    };
    let waves: Vec<_> = (1..=24)
        .map(|n| (next() * 20.0, next() * 20.0, next() * 6.3, 200.0 / f64::from(n + 4)))
        .collect();
    let level = |x: u32, y: u32| {
        let (x, y) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
        let wave =
            |(across, down, phase, height): &(f64, f64, f64, f64)| height * (across * x + down * y + phase).cos();
        (128.0 + waves.iter().map(wave).sum::<f64>()).clamp(0.0, 255.0) as u8
    };
    (0..width * height)
        .flat_map(|place| [level(place % width, place / width); 3])
        .collect()
}

fn pairs(shares: &[ColourShare]) -> Vec<(&str, f64)> {
    shares
        .iter()
        .map(|share| (share.colour.as_str(), share.percent))
        .collect()
}

#[test]
fn one_colour_is_all_of_the_picture_under_each_of_its_names() {
    let colours = sample(&png(20, 10, &filled(20, 10, &[200, 0, 10]), None)).colours();
    assert_eq!(pairs(&colours.colours), [("#C8000A", 100.0)]);
    assert_eq!(pairs(&colours.google), [("red", 100.0)]);
    assert_eq!(pairs(&colours.cloudinary), [("red", 100.0)]);
}

#[test]
fn colours_come_in_the_order_of_their_shares_and_invisible_pixels_do_not_count() {
    let rows = [
        filled(10, 6, &[255, 255, 255, 255]),
        filled(10, 3, &[0, 0, 0, 200]),
        filled(10, 11, &[0, 255, 0, 0]),
    ];
    let colours = sample(&png(10, 20, &rows.concat(), None)).colours();
    assert_eq!(pairs(&colours.colours), [("#FFFFFF", 66.7), ("#000000", 33.3)]);
    assert_eq!(pairs(&colours.google), [("white", 66.7), ("black", 33.3)]);
}

#[test]
fn a_picture_that_nobody_sees_has_no_colours() {
    let colours = sample(&png(4, 4, &filled(4, 4, &[9, 9, 9, 0]), None)).colours();
    assert!(colours.colours.is_empty() && colours.google.is_empty() && colours.cloudinary.is_empty());
}

#[test]
fn at_most_32_colours_add_up_to_a_hundred() {
    let rainbow: Vec<u8> = (0..64_u32 * 64)
        .flat_map(|place| [(place % 64 * 4) as u8, (place / 64 * 4) as u8, (place % 61 * 4) as u8])
        .collect();
    let colours = sample(&png(64, 64, &rainbow, None)).colours().colours;
    assert_eq!(colours.len(), 32);
    let tenths: f64 = colours.iter().map(|share| (share.percent * 10.0).round()).sum();
    assert!((tenths - 1000.0).abs() < 1e-9);
    assert!(colours.windows(2).all(|pair| pair[0].percent >= pair[1].percent));
}

#[test]
fn the_perceptual_hash_survives_resizing_and_compression_but_not_another_picture() {
    let original = jpeg(480, 320, &hills(480, 320, 1), Subsamp::Sub2x2);
    let hash = sample(&original).perceptual_hash().unwrap();
    for (transformation, format) in [
        ("w_240", ImageFormat::Webp),
        ("w_100,q_30", ImageFormat::Jpg),
        ("", ImageFormat::Png),
    ] {
        let version = rendered(&original, transformation, format).unwrap().bytes;
        let distance = hash.distance(sample(&version).perceptual_hash().unwrap());
        assert!(distance <= 6, "{transformation}: {distance}");
    }
    let other = sample(&png(480, 320, &hills(480, 320, 2), None))
        .perceptual_hash()
        .unwrap();
    assert!(hash.distance(other) > 16);
    assert_eq!(hash.to_string().len(), 16);
    assert_eq!(u64::from_str_radix(&hash.to_string(), 16).unwrap(), hash.0);
}

#[test]
fn a_blurred_picture_has_less_focus() {
    let sharp = png(300, 200, &picture(300, 200), None);
    let small = rendered(&sharp, "w_30", ImageFormat::Png).unwrap().bytes;
    let blurred = rendered(&small, "w_300", ImageFormat::Png).unwrap().bytes;
    let focus = |file: &[u8]| sample(file).quality_analysis(file).focus;
    assert!(
        focus(&sharp) > 2.0 * focus(&blurred),
        "{} {}",
        focus(&sharp),
        focus(&blurred)
    );
    let flat = png(9, 9, &filled(9, 9, &[7, 7, 7]), None);
    let analysis = sample(&flat).quality_analysis(&flat);
    assert_eq!(
        (analysis.focus, analysis.contrast, analysis.jpeg_quality),
        (0.0, 0.0, None)
    );
}

#[test]
fn the_jpeg_quality_is_read_from_the_tables() {
    let original = png(64, 64, &picture(64, 64), None);
    for quality in [20, 50, 75, 90] {
        let file = rendered(&original, &format!("q_{quality}"), ImageFormat::Jpg)
            .unwrap()
            .bytes;
        let found = sample(&file).quality_analysis(&file).jpeg_quality.unwrap();
        assert!((found * 100.0 - f64::from(quality)).abs() <= 2.0, "{quality}: {found}");
    }
}

#[test]
fn pictures_of_one_pixel_row_or_column_can_be_looked_at() {
    for (width, height) in [
        (1, 1),
        (2, 2),
        (3, 3),
        (1, 900),
        (900, 1),
        (900, 2),
        (41, 19),
        (641, 640),
    ] {
        let file = png(width, height, &filled(width, height, &[1, 2, 3]), None);
        let sample = sample(&file);
        assert!((0.0..=1.0).contains(&sample.quality_analysis(&file).focus));
        assert!(sample.perceptual_hash().is_ok() && sample.faces().unwrap().is_empty());
        assert!(sample.is_grayscale() && !sample.is_semi_transparent());
    }
}

#[test]
fn gray_and_transparent_pictures_are_told_from_others() {
    let is_gray = |pixel: &[u8]| sample(&png(9, 9, &filled(9, 9, pixel), None)).is_grayscale();
    assert!(is_gray(&[100]) && is_gray(&[100, 108, 100]) && is_gray(&[255, 0, 0, 0]));
    assert!(!is_gray(&[100, 109, 100]));
    let is_translucent = |pixel: &[u8]| sample(&png(9, 9, &filled(9, 9, pixel), None)).is_semi_transparent();
    assert!(is_translucent(&[1, 2, 3, 254]));
    assert!(!is_translucent(&[1, 2, 3, 255]) && !is_translucent(&[1, 2, 3]));
}

#[test]
fn every_format_gives_a_sample_and_a_cancelled_one_does_not() {
    let limits = Limits::default();
    for (format, file) in one_of_each() {
        assert!(!sample(&file).colours().colours.is_empty(), "{format:?}");
        let facts = probe(&file, &limits).unwrap();
        let refusal = Sample::of(&file, &facts, &limits, &|| true).unwrap_err();
        assert_eq!(refusal, ImageError::Cancelled);
        let needed = Sample::memory_bytes(&facts, file.len() as u64);
        let tight = Limits {
            render_memory_bytes: 1024,
            ..limits.clone()
        };
        assert!(needed > 1024);
        let refusal = Sample::of(&file, &facts, &tight, &|| false).unwrap_err();
        assert!(matches!(refusal, ImageError::TooMuchMemory { .. }));
    }
}

#[test]
fn camera_facts_are_read_from_jpeg_png_and_webp() {
    let limits = Limits::default();
    let block = exif(6);
    let drawn = picture(48, 32);
    let files = [
        dirty_jpeg(6, 48, 32, Subsamp::None),
        png(48, 32, &drawn, Some(&block)),
        webp(48, 32, &drawn, false, Some(&block)),
    ];
    for file in files {
        let found = metadata(&file, &probe(&file, &limits).unwrap());
        assert_eq!(found["Make"], SECRET);
        assert_eq!(found["Orientation"], "6");
        assert_eq!(found["GPSLatitudeRef"], "N");
    }
}

#[test]
fn a_jpeg_tells_its_colour_space_and_its_header() {
    let gray = jpeg(8, 8, &[5; 64], Subsamp::Gray);
    let found = metadata(&gray, &probe(&gray, &Limits::default()).unwrap());
    assert_eq!(found["Colorspace"], "Gray");
    assert_eq!(found["JFIFVersion"], "1.01");
    let coloured = jpeg(8, 8, &picture(8, 8), Subsamp::None);
    assert_eq!(
        metadata(&coloured, &probe(&coloured, &Limits::default()).unwrap())["Colorspace"],
        "RGB"
    );
}

#[test]
fn damaged_camera_facts_are_left_out() {
    let limits = Limits::default();
    let block = exif(1);
    for place in 6..block.len() {
        for value in [0, 0x7F, 0xFF] {
            let mut damaged = block.clone();
            damaged[place] = value;
            let file = png(2, 2, &[9; 12], Some(&damaged));
            assert!(metadata(&file, &probe(&file, &limits).unwrap()).len() < 10);
        }
    }
}
