use super::*;

fn check(text: &str, canonical: &str) {
    let parsed = Transformation::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(parsed.to_string(), canonical, "{text}");
    assert_eq!(Transformation::parse(canonical), Ok(parsed), "{text}");
}

fn check_error(text: &str, message: &str) {
    assert_eq!(Transformation::parse(text).unwrap_err().to_string(), message, "{text}");
}

#[test]
fn a_chain_is_printed_in_canonical_form() {
    check("", "");
    check("w_100", "w_100");
    check(
        "w_200,h_200,g_face,c_thumb/r_max/q_auto,f_auto",
        "c_thumb,g_face,h_200,w_200/r_max/f_auto,q_auto",
    );
    check("w_100,w_200", "w_200");
    check("/w_100//r_max/", "w_100/r_max");
}

#[test]
fn sizes_and_offsets_are_pixels_or_fractions() {
    check("c_crop,x_-10,y_0,w_0.5,h_1.0", "c_crop,h_1.0,w_0.5,x_-10,y_0");
    check("w_100000", "w_100000");
    check("w_007", "w_7");
    for value in [
        "abc",
        "0",
        "-1",
        "0.0",
        "-0.5",
        "100001",
        "99999999999999999999",
        "1e3",
        "NaN",
        "inf",
        "+5",
        ".5",
        "5.",
        "1.2.3",
        "",
        "-",
        "100px",
    ] {
        check_error(
            &format!("w_{value}"),
            &format!("Invalid width in transformation: {value}"),
        );
        check_error(
            &format!("h_{value}"),
            &format!("Invalid height in transformation: {value}"),
        );
    }
    check_error("x_100001", "Invalid x in transformation: 100001");
    check_error("y_-100001", "Invalid y in transformation: -100001");
}

#[test]
fn computed_sizes_are_unsupported_and_not_invalid() {
    for value in [
        "iw",
        "iw_div_2",
        "w_add_10",
        "ih_mul_0.5",
        "auto",
        "auto:100:400",
        "$size",
        "$v_mul_10",
    ] {
        check_error(
            &format!("w_{value}"),
            &format!("Unsupported width in transformation: {value}"),
        );
    }
    check_error("dpr_auto", "Unsupported dpr in transformation: auto");
    check_error("ar_iar", "Unsupported aspect ratio in transformation: iar");
}

#[test]
fn aspect_ratios_are_printed_as_short_as_they_can_be() {
    check("ar_16:9", "ar_16:9");
    check("ar_4:3", "ar_4:3");
    check("ar_3:2", "ar_1.5");
    check("ar_1:1", "ar_1.0");
    check("ar_1", "ar_1.0");
    check("ar_0.7", "ar_0.7");
    check("ar_1.23456789", "ar_1.23456789");
    for value in ["0", "1:0", "0:1", "-1", "a:b", "1:2:3", "100000"] {
        check_error(
            &format!("ar_{value}"),
            &format!("Invalid aspect ratio in transformation: {value}"),
        );
    }
}

#[test]
fn zoom_and_dpr_are_positive_and_bounded() {
    check("dpr_2", "dpr_2.0");
    check("dpr_2.0", "dpr_2.0");
    check("dpr_10", "dpr_10.0");
    check("c_thumb,g_face,z_0.75", "c_thumb,g_face,z_0.75");
    check_error("dpr_0", "Invalid dpr in transformation: 0");
    check_error("dpr_10.1", "Invalid dpr in transformation: 10.1");
    check_error("z_0", "Invalid zoom in transformation: 0");
    check_error("z_101", "Invalid zoom in transformation: 101");
}

#[test]
fn every_supported_word_is_its_own_canonical_form() {
    for crop in ["scale", "fit", "limit", "fill", "thumb", "crop"] {
        check(&format!("c_{crop}"), &format!("c_{crop}"));
    }
    for gravity in [
        "north_west",
        "north",
        "north_east",
        "west",
        "center",
        "east",
        "south_west",
        "south",
        "south_east",
        "face",
        "faces",
    ] {
        check(&format!("g_{gravity}"), &format!("g_{gravity}"));
    }
    for format in ["auto", "jpg", "png", "webp", "avif", "gif"] {
        check(&format!("f_{format}"), &format!("f_{format}"));
    }
    for quality in ["1", "100", "auto", "auto:best", "auto:eco", "auto:low"] {
        check(&format!("q_{quality}"), &format!("q_{quality}"));
    }
    check("f_jpeg", "f_jpg");
    check("q_auto:good", "q_auto");
}

#[test]
fn corners_go_clockwise_from_the_top_left() {
    let corners = |text: &str| Transformation::parse(text).unwrap().components[0].radius;
    assert_eq!(corners("r_20"), Some(Radius::Corners([20, 20, 20, 20])));
    assert_eq!(corners("r_20:40"), Some(Radius::Corners([20, 40, 20, 40])));
    assert_eq!(corners("r_20:40:60"), Some(Radius::Corners([20, 40, 60, 40])));
    assert_eq!(corners("r_20:0:40:10"), Some(Radius::Corners([20, 0, 40, 10])));
    check("r_max", "r_max");
    check("r_0", "r_0");
    check("r_20:40:20:40", "r_20:40");
    check("r_20:40:60:40", "r_20:40:60");
    check("r_1:2:3:4", "r_1:2:3:4");
    check_error("r_1:2:3:4:5", "Invalid radius in transformation: 1:2:3:4:5");
    check_error("r_-1", "Invalid radius in transformation: -1");
    check_error("r_50p", "Invalid radius in transformation: 50p");
    check_error("r_100001", "Invalid radius in transformation: 100001");
    check_error("r_max:0", "Unsupported radius in transformation: max:0");
}

#[test]
fn colours_are_names_or_hexadecimal() {
    check("b_white", "b_rgb:ffffff");
    check("b_LightBlue", "b_rgb:add8e6");
    check("b_rgb:abc", "b_rgb:aabbcc");
    check("b_rgb:ABCD", "b_rgb:aabbccdd");
    check("b_rgb:112233", "b_rgb:112233");
    check("b_rgb:11223380", "b_rgb:11223380");
    check("b_transparent", "b_rgb:00000000");
    check("b_none", "b_rgb:00000000");
    for value in ["nocolour", "rgb:", "rgb:12", "rgb:12345", "rgb:gggggg", "rgb:ééé", ""] {
        check_error(
            &format!("b_{value}"),
            &format!("Invalid background in transformation: {value}"),
        );
    }
    check_error("b_auto:border", "Unsupported background in transformation: auto:border");
}

#[test]
fn colour_names_are_sorted() {
    assert!(color_names::COLOR_NAMES.is_sorted_by_key(|(name, _)| *name));
}

#[test]
fn what_visage_does_not_do_is_refused_by_name() {
    check_error("c_pad", "Unsupported crop in transformation: pad");
    check_error("c_nonsense", "Invalid crop in transformation: nonsense");
    check_error("g_auto:faces", "Unsupported gravity in transformation: auto:faces");
    check_error("g_", "Invalid gravity in transformation: ");
    check_error("q_80:444", "Unsupported quality in transformation: 80:444");
    check_error("q_0", "Invalid quality in transformation: 0");
    check_error("q_101", "Invalid quality in transformation: 101");
    check_error("q_best", "Invalid quality in transformation: best");
    check_error("f_heic", "Unsupported format in transformation: heic");
    check_error("f_bmp", "Unsupported format in transformation: bmp");
    check_error("f_xyz", "Invalid format in transformation: xyz");
    check_error("w_100/e_sepia:50", "Unsupported effect in transformation: sepia:50");
    check_error(
        "l_text:Arial_20:hi",
        "Unsupported overlay in transformation: text:Arial_20:hi",
    );
    check_error("$v_3,w_$v", "Unsupported variable in transformation: 3");
    check_error("if_else", "Unsupported condition in transformation: else");
}

#[test]
fn what_is_no_parameter_is_unknown() {
    check_error("ab_cd", "Unknown parameter in transformation: ab_cd");
    check_error("w_10,,h_10", "Unknown parameter in transformation: ");
    check_error("sample", "Unknown parameter in transformation: sample");
    check_error("W_10", "Unknown parameter in transformation: W_10");
}

#[test]
fn length_and_number_of_components_are_bounded() {
    let chain = |components: usize| vec!["w_1"; components].join("/");
    assert!(Transformation::parse(&chain(20)).is_ok());
    assert_eq!(
        Transformation::parse(&chain(21)),
        Err(TransformationError::TooManyComponents)
    );
    let padded = |chars: usize| format!("w_1,{}", format!("x_{},", "0".repeat(chars - 10)) + "y_1");
    assert_eq!(padded(1000).len(), 1000);
    assert!(Transformation::parse(&padded(1000)).is_ok());
    assert_eq!(Transformation::parse(&padded(1001)), Err(TransformationError::TooLong));
    let ratios = vec!["ar_7:9.3,z_0.1,x_0.1,y_0.1,w_0.1,b_red,c_crop,g_face"; 18].join("/");
    assert!(ratios.len() <= 1000);
    assert_eq!(Transformation::parse(&ratios), Err(TransformationError::TooLong));
}

#[test]
fn a_segment_is_a_component_only_if_every_part_is() {
    for segment in [
        "w_100",
        "c_fill,w_100",
        "e_art:zorro",
        "$v_3",
        "$a1_!x!",
        "if_end",
        "w_",
        "a_cat.jpg",
    ] {
        assert!(is_component(segment), "{segment}");
    }
    for segment in [
        "",
        "sample",
        "w100",
        "w_100,sample",
        "ab_cd",
        "_",
        "v12",
        "w_100,",
        "profiles",
    ] {
        assert!(!is_component(segment), "{segment}");
    }
}
