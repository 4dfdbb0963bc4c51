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
    check(
        "fl_layer_apply,fl_no_overflow,g_east,fl_layer_apply",
        "fl_layer_apply.no_overflow,g_east",
    );
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
fn values_may_be_computed() {
    for value in [
        "iw",
        "iw_div_2",
        "w_add_10",
        "ih_mul_0.5",
        "$size",
        "$v_mul_10",
        "$foo_mul_2_div_3",
        "iar_mul_100",
        "initial_width_div_2",
    ] {
        check(&format!("w_{value}"), &format!("w_{value}"));
    }
    check("h_5,$v_3,w_$v,$a_$v_mul_2", "$v_3,$a_$v_mul_2,h_5,w_$v");
    check("r_10:40:$v:60", "r_10:40:$v:60");
    check("w_$v,w_10", "w_10");
    check("w_10,w_$v", "w_$v");
    check(
        "bo_$w_solid_red,l_$img,e_$style,o_$op",
        "bo_$w_solid_red,e_$style,l_$img,o_$op",
    );
    for value in ["iw_div", "_iw", "iw_iw", "$", "$1a", "iw_plus_2", "!a!b"] {
        check_error(
            &format!("w_{value}"),
            &format!("Invalid width in transformation: {value}"),
        );
    }
    check_error("$_3", "Invalid variable in transformation: $_3");
    check_error("$v_", "Invalid variable in transformation: $v_");
    check_error("f_$v", "Invalid format in transformation: $v");
}

#[test]
fn widths_may_be_left_to_the_page() {
    check("w_auto", "w_auto");
    check("w_auto:100", "w_auto");
    check("w_auto:50:400", "w_auto:100:400");
    check("dpr_auto", "dpr_auto");
    check_error("w_auto:x", "Invalid width in transformation: auto:x");
    check_error("w_auto:100:0", "Invalid width in transformation: auto:100:0");
    check_error("h_auto", "Invalid height in transformation: auto");
    check_error(
        "w_auto:breakpoints:json",
        "Unsupported width in transformation: auto:breakpoints:json",
    );
}

#[test]
fn conditions_compare_what_is_known() {
    for test in [
        "w_gt_300",
        "w_gte_100_and_h_gte_100",
        "w_eq_0_and_h_ne_0_or_ar_lt_1_and_pc_gte_2_and_fc_lte_3",
        "ar_gt_3:4",
        "w_mul_2_gt_iw",
        "!sale:in_stock!_in_tags",
        "tags_in_sale",
        "ctx:!productType!_eq_!shoes!",
        "illustration_score_gt_0.5",
        "isndef_$bar",
        "$foo_gt_5",
        "else",
        "end",
    ] {
        check(&format!("if_{test}"), &format!("if_{test}"));
    }
    check("w_80,c_fill,if_w_lt_200", "if_w_lt_200,c_fill,w_80");
    for test in ["else_if", "w_gt", "gt_300", "w", "isdef_bar", "!a_eq_w", "w_gt_300_and"] {
        check_error(
            &format!("if_{test}"),
            &format!("Invalid condition in transformation: {test}"),
        );
    }
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
    for crop in [
        "scale", "fit", "limit", "mfit", "fill", "lfill", "fill_pad", "pad", "lpad", "mpad", "crop", "thumb", "auto",
        "auto_pad",
    ] {
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
        "xy_center",
        "face",
        "face:center",
        "face:auto",
        "faces",
        "faces:center",
        "custom",
        "custom:faces",
        "auto",
        "auto:subject",
        "auto:faces",
        "auto:classic:no_faces:custom_no_override",
    ] {
        check(&format!("g_{gravity}"), &format!("g_{gravity}"));
    }
    for format in [
        "auto",
        "auto:image",
        "auto:animated",
        "jpg",
        "png",
        "webp",
        "avif",
        "gif",
    ] {
        check(&format!("f_{format}"), &format!("f_{format}"));
    }
    for quality in [
        "1",
        "100",
        "80:444",
        "70:420",
        "auto",
        "auto:best",
        "auto:eco",
        "auto:low",
    ] {
        check(&format!("q_{quality}"), &format!("q_{quality}"));
    }
    check("f_jpeg", "f_jpg");
    check("q_auto:good", "q_auto");
    check("q_auto:sensitive", "q_auto");
    check("q_auto:best:sensitive", "q_auto:best");
}

#[test]
fn corners_go_clockwise_from_the_top_left() {
    let corners = |text: &str| Transformation::parse(text).unwrap().components[0].radius;
    let pixels = |all: [u32; 4]| Some(Radius::Corners(all.map(Corner::Pixels)));
    assert_eq!(corners("r_20"), pixels([20, 20, 20, 20]));
    assert_eq!(corners("r_20:40"), pixels([20, 40, 20, 40]));
    assert_eq!(corners("r_20:40:60"), pixels([20, 40, 60, 40]));
    assert_eq!(corners("r_20:0:40:10"), pixels([20, 0, 40, 10]));
    check("r_max", "r_max");
    check("r_0", "r_0");
    check("r_20:40:20:40", "r_20:40");
    check("r_20:40:60:40", "r_20:40:60");
    check("r_1:2:3:4", "r_1:2:3:4");
    check_error("r_1:2:3:4:5", "Invalid radius in transformation: 1:2:3:4:5");
    check_error("r_-1", "Invalid radius in transformation: -1");
    check_error("r_50p", "Invalid radius in transformation: 50p");
    check_error("r_100001", "Invalid radius in transformation: 100001");
    check("r_max:0", "r_max:0");
    check("r_max:max", "r_max:max");
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
    check("b_auto", "b_auto:border");
    check(
        "b_auto:predominant_gradient",
        "b_auto:predominant_gradient:2:horizontal",
    );
    check(
        "b_auto:border_gradient_contrast:4:diagonal_desc:palette_red_0f0",
        "b_auto:border_gradient_contrast:4:diagonal_desc:palette_ff0000_00ff00",
    );
    check_error("b_auto:4", "Invalid background in transformation: auto:4");
    check_error(
        "b_blurred:400:15",
        "Unsupported background in transformation: blurred:400:15",
    );
}

#[test]
fn colour_names_are_sorted() {
    assert!(color_names::COLOR_NAMES.is_sorted_by_key(|(name, _)| *name));
}

#[test]
fn what_visage_does_not_do_is_refused_by_name() {
    check_error("c_imagga_crop", "Unsupported crop in transformation: imagga_crop");
    check_error("c_nonsense", "Invalid crop in transformation: nonsense");
    check_error("g_auto:cat", "Unsupported gravity in transformation: auto:cat");
    check_error("g_adv_face", "Unsupported gravity in transformation: adv_face");
    check_error("g_", "Invalid gravity in transformation: ");
    check_error("q_100:qmax_80", "Unsupported quality in transformation: 100:qmax_80");
    check_error("q_jpegmini", "Unsupported quality in transformation: jpegmini");
    check_error("q_0", "Invalid quality in transformation: 0");
    check_error("q_101", "Invalid quality in transformation: 101");
    check_error("q_best", "Invalid quality in transformation: best");
    check_error("f_heic", "Unsupported format in transformation: heic");
    check_error("f_bmp", "Unsupported format in transformation: bmp");
    check_error("f_xyz", "Invalid format in transformation: xyz");
    check_error("cs_cmyk", "Unsupported color space in transformation: cmyk");
    check_error("l_video:cat", "Unsupported overlay in transformation: video:cat");
    check_error("fl_keep_iptc", "Unsupported flag in transformation: keep_iptc");
    check_error("pg_2-5;7", "Unsupported page in transformation: 2-5;7");
    check_error("pg_name:Layer A", "Unsupported page in transformation: name:Layer A");
    check_error("vc_h264", "Unsupported video codec in transformation: h264");
}

#[test]
fn turns_follow_each_other() {
    check("a_90", "a_90");
    check("a_-20", "a_-20");
    check("a_12.5", "a_12.5");
    check("a_hflip.45", "a_hflip.45");
    check("a_vflip.ignore", "a_ignore.vflip");
    check("a_auto_right.hflip", "a_auto_right.hflip");
    check("a_exif", "a_exif");
    check_error("a_sideways", "Invalid angle in transformation: sideways");
    check_error("a_3601", "Invalid angle in transformation: 3601");
}

#[test]
fn borders_opacity_pages_and_delays_are_bounded() {
    check("bo_4px_solid_black", "bo_4px_solid_rgb:000000");
    check("bo_4", "bo_4px_solid_rgb:000000");
    check("bo_1000px_solid_rgb:00390b60", "bo_1000px_solid_rgb:00390b60");
    check_error(
        "bo_1001px_solid_red",
        "Invalid border in transformation: 1001px_solid_red",
    );
    check_error("bo_4px_dashed_red", "Invalid border in transformation: 4px_dashed_red");
    check("o_0", "o_0");
    check("o_100", "o_100");
    check_error("o_101", "Invalid opacity in transformation: 101");
    check("pg_1", "pg_1");
    check_error("pg_0", "Invalid page in transformation: 0");
    check("dl_200,dn_150,cs_tinysrgb", "cs_tinysrgb,dl_200,dn_150");
}

#[test]
fn layers_are_assets_addresses_and_texts() {
    check("l_folder:logo,w_50", "l_folder:logo,w_50");
    check("u_private:folder:sub:logo.png", "u_private:folder:sub:logo.png");
    check(
        "l_fetch:aHR0cHM6Ly9leGFtcGxlLmNvbS9sb2dvLnBuZw==",
        "l_fetch:aHR0cHM6Ly9leGFtcGxlLmNvbS9sb2dvLnBuZw",
    );
    check("l_text:Arial_18:a%2C b", "l_text:Arial_18:a%2C b");
    check(
        "co_red,l_text:Open Sans_40_bold_italic_letter_spacing_4:50% %2F off",
        "co_rgb:ff0000,l_text:Open Sans_40_bold_italic_letter_spacing_4:50%25 %2F off",
    );
    check(
        "l_text:Arial_18_antialias_best_hinting_medium:Line one%0ALine two",
        "l_text:Arial_18:Line one%0ALine two",
    );
    check("l_text:style:x", "l_text:style:x");
    check(
        "fl_layer_apply.no_overflow,g_south_east,x_5",
        "fl_layer_apply.no_overflow,g_south_east,x_5",
    );
    for value in [
        "text:Arial_0:x",
        "text:Arial_20_wavy:x",
        "text:Arial_20:",
        "text:x",
        "fetch:!",
        "fetch:ZnRwOi8vYQ",
    ] {
        check_error(
            &format!("l_{value}"),
            &format!("Invalid overlay in transformation: {value}"),
        );
    }
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
    assert!(Transformation::parse(&chain(50)).is_ok());
    assert_eq!(
        Transformation::parse(&chain(51)),
        Err(TransformationError::TooManyComponents)
    );
    let padded = |chars: usize| format!("w_1,{}", format!("x_{},", "0".repeat(chars - 10)) + "y_1");
    assert_eq!(padded(2000).len(), 2000);
    assert!(Transformation::parse(&padded(2000)).is_ok());
    assert_eq!(Transformation::parse(&padded(2001)), Err(TransformationError::TooLong));
    let ratios = vec!["ar_7:9.3,z_0.1,x_0.1,y_0.1,w_0.1,b_red,c_crop,g_face"; 37].join("/");
    assert!(ratios.len() <= 2000);
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

#[test]
fn the_document_names_everything_that_is_known() {
    let document = include_str!("../../../../docs/transformations.md");
    let (effects, refused_effects) = effects::names();
    let (flags, refused_flags) = delivery::names();
    let keys = parameters::keys().map(|key| match key {
        "$" => "`$name_`".to_owned(),
        key => format!("`{key}_`"),
    });
    let words = effects.iter().chain(refused_effects).chain(&flags).chain(refused_flags);
    let missing: Vec<String> = keys
        .chain(words.map(|word| format!("`{word}`")))
        .filter(|word| !document.contains(word.as_str()))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}
