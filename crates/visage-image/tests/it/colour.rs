//! The same colours come out, however they were written.

use moxcms::{ColorProfile, Layout, ProfileText, TransformOptions};
use turbojpeg::Subsamp;
use visage_cloudinary::ImageFormat;

use crate::draw::{self, SECRET, icc_segment, with_segments};
use crate::support::{assert_marks, contains, rendered, sanitised};

/// The drawn picture, written with the numbers of another colour space.
fn in_space(profile: &ColorProfile, width: u32, height: u32) -> Vec<u8> {
    let srgb = draw::picture(width, height);
    let mut converted = vec![0; srgb.len()];
    let transform = ColorProfile::new_srgb()
        .create_transform_8bit(Layout::Rgb, profile, Layout::Rgb, TransformOptions::default())
        .unwrap();
    transform.transform(&srgb, &mut converted).unwrap();
    converted
}

#[test]
fn wide_profiles_are_rebuilt_without_their_texts_and_applied() {
    for mut profile in [
        ColorProfile::new_display_p3(),
        ColorProfile::new_adobe_rgb(),
        ColorProfile::new_pro_photo_rgb(),
    ] {
        profile.description = Some(ProfileText::PlainString(SECRET.into()));
        let pixels = in_space(&profile, 48, 48);
        let file = with_segments(
            &draw::jpeg(48, 48, &pixels, Subsamp::None),
            &[(0xE2, &icc_segment(&profile))],
        );
        let clean = sanitised(&file).unwrap();
        assert!(contains(&clean.bytes, "ICC_PROFILE"));
        assert!(!contains(&clean.bytes, SECRET));
        assert_marks(&file, "with its own profile");
        assert_marks(&clean.bytes, "with the rebuilt profile");
        let result = rendered(&clean.bytes, "w_24", ImageFormat::Jpg).unwrap();
        assert!(!contains(&result.bytes, "ICC_PROFILE"));
    }
}

#[test]
fn a_profile_like_srgb_is_dropped() {
    let profile = icc_segment(&ColorProfile::new_srgb());
    let file = with_segments(
        &draw::jpeg(48, 48, &draw::picture(48, 48), Subsamp::None),
        &[(0xE2, &profile)],
    );
    let clean = sanitised(&file).unwrap();
    assert!(!contains(&clean.bytes, "ICC_PROFILE"));
    assert_marks(&clean.bytes, "without a profile");
}

#[test]
fn cmyk_becomes_rgb() {
    let file = draw::cmyk_jpeg(48, 48);
    assert_marks(&file, "CMYK");
    let clean = sanitised(&file).unwrap();
    assert_marks(&clean.bytes, "CMYK, sanitised");
    let header = turbojpeg::read_header(&clean.bytes).unwrap();
    assert_eq!(header.colorspace, turbojpeg::Colorspace::YCbCr);
}

#[test]
fn a_png_keeps_a_wide_profile_and_loses_the_rest() {
    let mut profile = ColorProfile::new_display_p3();
    profile.description = Some(ProfileText::PlainString(SECRET.into()));
    let pixels = in_space(&profile, 48, 48);
    let mut info = png::Info::with_size(48, 48);
    info.color_type = png::ColorType::Rgb;
    info.icc_profile = Some(profile.encode().unwrap().into());
    let mut file = Vec::new();
    let mut writer = png::Encoder::with_info(&mut file, info)
        .unwrap()
        .write_header()
        .unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    let clean = sanitised(&file).unwrap();
    assert!(contains(&clean.bytes, "iCCP"));
    assert_marks(&file, "P3");
    assert_marks(&clean.bytes, "P3, sanitised");
}

#[test]
fn sixteen_bits_become_the_nearest_of_eight() {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 4, 1);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Sixteen);
    let samples = [0_u16, 128, 129, 65_535 - 128];
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_be_bytes()).collect();
    encoder.write_header().unwrap().write_image_data(&data).unwrap();
    let (_, _, found) = crate::support::pixels(&file);
    assert_eq!(found.iter().map(|pixel| pixel[0]).collect::<Vec<_>>(), [0, 0, 1, 255]);
}
