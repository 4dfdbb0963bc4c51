//! JPEG files written scan by scan, and how much work their scans may be.

use visage_cloudinary::{ImageFormat, Transformation};
use visage_image::{Facts, ImageError, Limits, Sample, plan, probe, render, sanitise};

/// The first and last coefficient of a scan, and its bits before and after.
pub(crate) type Band = (u8, u8, u8, u8);

/// A gray progressive JPEG, all of one level, whose sides are whole blocks. Every coefficient is zero, so each block is one
/// bit of a scan, whatever the scan's band is.
pub(crate) fn progressive(width: u16, height: u16, bands: &[Band]) -> Vec<u8> {
    let mut file = b"\xFF\xD8".to_vec();
    segment(&mut file, 0xDB, &[&[0][..], &[1; 64]].concat());
    let [w1, w0] = width.to_be_bytes();
    let [h1, h0] = height.to_be_bytes();
    segment(&mut file, 0xC2, &[8, h1, h0, w1, w0, 1, 1, 0x11, 0]);
    // In each table one code, of one zero bit: "no difference", and "end of block".
    let one_code = [&[1][..], &[0; 15], &[0]].concat();
    segment(&mut file, 0xC4, &[&[0x00], &one_code[..], &[0x10], &one_code].concat());
    let blocks = usize::from(width / 8) * usize::from(height / 8);
    for &(first, last, high, low) in bands {
        segment(&mut file, 0xDA, &[1, 1, 0, first, last, high << 4 | low]);
        file.resize(file.len() + blocks / 8, 0);
        if blocks % 8 > 0 {
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

/// `passes` over all 64 coefficients of each block, each in two scans.
pub(crate) fn passes(passes: u8) -> Vec<Band> {
    let mut bands = vec![(0, 0, 0, passes - 1), (1, 63, 0, passes - 1)];
    for low in (0..passes - 1).rev() {
        bands.extend([(0, 0, low + 1, low), (1, 63, low + 1, low)]);
    }
    bands
}

fn everywhere(file: &[u8], limits: &Limits) -> [Result<(), ImageError>; 4] {
    let facts: Facts = probe(file, limits).unwrap();
    let never = || false;
    let rendered = |transformation: &str| {
        let plan = plan(
            &Transformation::parse(transformation).unwrap(),
            &facts,
            ImageFormat::Png,
            limits,
        )
        .unwrap();
        render(file, &plan, &[], limits, &never).map(drop)
    };
    [
        sanitise(file, &facts, limits, &never).map(drop),
        Sample::of_proven(file, &facts, limits, &never).map(drop),
        rendered("e_grayscale"),
        rendered("w_48"),
    ]
}

#[test]
fn scans_are_limited_by_the_coefficients_they_pass_over() {
    let limits = Limits {
        source_pixels: 64 * 64,
        jpeg_passes: 3,
        ..Limits::default()
    };
    for (count, is_taken) in [(2, true), (3, true), (4, false)] {
        let file = progressive(64, 64, &passes(count));
        for result in everywhere(&file, &limits) {
            match result {
                Ok(()) => assert!(is_taken, "{count} passes"),
                Err(error) => {
                    assert!(!is_taken, "{count} passes: {error}");
                    assert_eq!(error, ImageError::TooManyScans { scans: 7 });
                }
            }
        }
    }
    // One coefficient of each block more.
    let mut bands = passes(4);
    bands.truncate(7);
    let refused = everywhere(&progressive(64, 64, &bands), &limits);
    assert!(
        refused
            .iter()
            .all(|result| *result == Err(ImageError::TooManyScans { scans: 7 }))
    );
}

#[test]
fn scans_are_limited_in_number() {
    // A scan for each coefficient, and finer ones for some.
    let mut bands: Vec<Band> = (0..64).map(|place| (place, place, 0, 1)).collect();
    bands.extend((0..64).map(|place| (place, place, 1, 0)));
    for (count, is_taken) in [(99, true), (100, true), (101, false)] {
        let file = progressive(64, 64, &bands[..count]);
        let result = Sample::of_proven(
            &file,
            &probe(&file, &Limits::default()).unwrap(),
            &Limits::default(),
            &|| false,
        );
        assert_eq!(result.is_ok(), is_taken, "{count} scans: {:?}", result.err());
    }
}

#[test]
fn scripts_of_ordinary_encoders_are_far_below_the_limit() {
    let (width, height) = (96, 64);
    let pixels = crate::draw::picture(width, height);
    let file = crate::draw::jpeg(width, height, &pixels, turbojpeg::Subsamp::None);
    let mut transform = turbojpeg::Transform::default();
    transform.progressive = true;
    let progressive = turbojpeg::Transformer::new()
        .unwrap()
        .transform_to_vec(&transform, &file)
        .unwrap();
    // With three full channels the ten scans make seven passes; the limit is twenty.
    let limits = |jpeg_passes| Limits {
        source_pixels: u64::from(width * height),
        jpeg_passes,
        ..Limits::default()
    };
    assert!(everywhere(&progressive, &limits(8)).iter().all(Result::is_ok));
    let refused = everywhere(&progressive, &limits(6));
    let is_refused = |result: &Result<(), ImageError>| matches!(result, Err(ImageError::TooManyScans { .. }));
    assert!(refused.iter().all(is_refused), "{refused:?}");
    assert!(everywhere(&file, &limits(3)).iter().all(Result::is_ok));
    assert_eq!(Limits::default().jpeg_passes, 20);
}
