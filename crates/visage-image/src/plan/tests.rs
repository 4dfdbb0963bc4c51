//! Sizes and windows as Cloudinary documents them.

use visage_cloudinary::transformation::Color;

use super::*;
use crate::Orientation;

/// The picture of the worked examples.
const SOURCE: Facts = Facts {
    format: ImageFormat::Jpg,
    width: 1000,
    height: 600,
    orientation: Orientation::Normal,
    frames: 1,
    has_alpha: false,
};

fn planned(text: &str, facts: &Facts, format: ImageFormat) -> Result<Plan, PlanError> {
    plan(&Transformation::parse(text).unwrap(), facts, format, &Limits::default())
}

/// Checks the size of the result.
fn check(text: &str, size: (u32, u32)) {
    let plan = planned(text, &SOURCE, ImageFormat::Png).unwrap();
    assert_eq!((plan.width, plan.height), size, "{text}");
}

/// Checks which part of the source is resampled, and to what size.
fn check_window(text: &str, window: [f64; 4], size: (u32, u32)) {
    let plan = planned(text, &SOURCE, ImageFormat::Png).unwrap();
    let resizes: Vec<_> = plan
        .steps
        .iter()
        .filter(|step| matches!(step, Step::Resize { .. }))
        .collect();
    let [
        Step::Resize {
            window: found,
            width,
            height,
        },
    ] = resizes[..]
    else {
        panic!("{text}: {resizes:?}")
    };
    let found = [found.x, found.y, found.width, found.height];
    assert!(
        found
            .iter()
            .zip(window)
            .all(|(found, wanted)| (found - wanted).abs() < 1e-9),
        "{text}: {found:?}"
    );
    assert_eq!((*width, *height), size, "{text}");
}

fn check_error(text: &str, message: &str) {
    assert_eq!(
        planned(text, &SOURCE, ImageFormat::Png).unwrap_err().to_string(),
        message,
        "{text}"
    );
}

#[test]
fn the_worked_examples_come_out_exactly() {
    check("c_scale,w_500", (500, 300));
    check("c_scale,w_500,h_500", (500, 500));
    check("c_fit,w_300,h_300", (300, 180));
    check_window("c_fill,w_300,h_300", [200.0, 0.0, 600.0, 600.0], (300, 300));
    check_window("c_crop,w_200,h_100", [400.0, 250.0, 200.0, 100.0], (200, 100));
    check_window("c_crop,ar_1:1", [200.0, 0.0, 600.0, 600.0], (600, 600));
    check("c_scale,w_0.25", (250, 150));
    check("c_limit,w_2000,h_2000", (1000, 600));
    check("c_fit,w_2000,h_2000", (2000, 1200));
    check_window("c_crop,w_200,h_100,x_10,y_20", [10.0, 20.0, 200.0, 100.0], (200, 100));
    check("c_fill,ar_1:1,w_150", (150, 150));
    check("c_thumb,g_face,w_150,h_150", (150, 150));
}

#[test]
fn sizes_are_rounded_half_up_and_never_zero() {
    check("c_scale,w_333", (333, 200)); // 199.8
    check("c_scale,h_1", (2, 1)); // 1.67
    check("c_scale,w_1", (1, 1)); // 0.6
    check("w_5,h_0.0001", (5, 1));
    check("c_fit,w_25,h_25", (25, 15));
    check("c_scale,w_2.5", (2500, 1500));
    check("c_scale,w_125", (125, 75));
    check("c_scale,h_7", (12, 7)); // 11.67
    check("c_fill,ar_0.7,w_750", (750, 1071)); // 1071.43, the published number
}

#[test]
fn a_size_without_a_mode_scales() {
    check("w_500", (500, 300));
    check("w_10,h_10", (10, 10));
    check("c_fill,w_500", (500, 300));
    check("c_fill", (1000, 600));
    check("ar_1:1", (1000, 600));
    check("w_100,ar_2:1", (100, 50));
}

#[test]
fn no_mode_but_scale_fit_fill_and_thumb_enlarges() {
    check("c_limit,w_1000,h_600", (1000, 600));
    check("c_limit,w_999,h_600", (999, 599));
    check("c_limit,w_1001", (1000, 600));
    check("c_crop,w_5000,h_100", (1000, 100));
    check("c_crop,h_100", (1000, 100));
    check("c_fill,w_2000,h_2000", (2000, 2000));
}

#[test]
fn gravity_places_the_window_and_offsets_move_it_inwards() {
    check_window("c_crop,w_200,h_100,g_north_west", [0.0, 0.0, 200.0, 100.0], (200, 100));
    check_window("c_crop,w_200,h_100,g_north", [400.0, 0.0, 200.0, 100.0], (200, 100));
    check_window("c_crop,w_200,h_100,g_east", [800.0, 250.0, 200.0, 100.0], (200, 100));
    check_window(
        "c_crop,w_200,h_100,g_south_east",
        [800.0, 500.0, 200.0, 100.0],
        (200, 100),
    );
    check_window(
        "c_crop,w_200,h_100,g_south_east,x_30,y_20",
        [770.0, 480.0, 200.0, 100.0],
        (200, 100),
    );
    check_window(
        "c_crop,w_200,h_100,g_south_west,x_30,y_20",
        [30.0, 480.0, 200.0, 100.0],
        (200, 100),
    );
    check_window(
        "c_crop,w_200,h_100,g_north_east,x_30,y_20",
        [770.0, 20.0, 200.0, 100.0],
        (200, 100),
    );
    check_window(
        "c_crop,w_200,h_100,g_center,x_30,y_20",
        [430.0, 270.0, 200.0, 100.0],
        (200, 100),
    );
    check_window(
        "c_crop,w_200,h_100,g_west,x_-30",
        [0.0, 250.0, 200.0, 100.0],
        (200, 100),
    );
    check_window(
        "c_crop,w_200,h_100,x_0.5,y_0.5",
        [500.0, 300.0, 200.0, 100.0],
        (200, 100),
    );
    check_window("c_crop,w_201,h_101", [399.0, 249.0, 201.0, 101.0], (201, 101));
    check_window("c_fill,w_300,h_300,g_west", [0.0, 0.0, 600.0, 600.0], (300, 300));
    check_window("c_fill,w_300,h_300,g_west,x_50", [100.0, 0.0, 600.0, 600.0], (300, 300));
    check_window("c_fill,w_300,h_300,g_east,x_500", [0.0, 0.0, 600.0, 600.0], (300, 300));
}

/// Plans for the picture of the worked examples with these faces.
fn check_with_faces(text: &str, faces: &[[u32; 4]], window: [f64; 4], size: (u32, u32)) {
    let boxes = faces.iter().map(|[x, y, width, height]| FaceBox {
        x: *x,
        y: *y,
        width: *width,
        height: *height,
    });
    let faces: Vec<FaceBox> = boxes.collect();
    let known = Known {
        faces: &faces,
        custom: &faces[1..],
        ..Known::default()
    };
    let transformation = Transformation::parse(text).unwrap();
    let components = &transformation.components;
    let asked = (ImageFormat::Png, None);
    let plan = plan_components(components, asked, &SOURCE, (&known, None), &Limits::default()).unwrap();
    let found = plan.steps.iter().find_map(|step| match step {
        Step::Resize { window, width, height } => Some((*window, (*width, *height))),
        _ => None,
    });
    let (found, found_size) = found.unwrap_or_else(|| panic!("{text}: {:?}", plan.steps));
    let found = [found.x, found.y, found.width, found.height];
    let is_near = found
        .iter()
        .zip(window)
        .all(|(found, wanted)| (found - wanted).abs() < 0.01);
    assert!(is_near && found_size == size, "{text}: {found:?} {found_size:?}");
}

#[test]
fn faces_draw_the_window() {
    let two = [[700, 200, 100, 120], [100, 300, 50, 60]];
    // Around the middle of the largest face, (750, 260): 1.8 times its height.
    check_with_faces(
        "c_thumb,g_face,w_100,h_100",
        &two,
        [642.0, 152.0, 216.0, 216.0],
        (100, 100),
    );
    check_with_faces(
        "c_thumb,g_face,w_100,h_100,z_0.5",
        &two,
        [534.0, 44.0, 432.0, 432.0],
        (100, 100),
    );
    check_with_faces(
        "c_thumb,g_face,w_200,h_100,z_2",
        &two,
        [642.0, 206.0, 216.0, 108.0],
        (200, 100),
    );
    check_with_faces(
        "c_fill,g_face,w_100,h_100",
        &two,
        [400.0, 0.0, 600.0, 600.0],
        (100, 100),
    );
    check_with_faces(
        "c_fill,g_faces,w_100,h_100",
        &two,
        [150.0, 0.0, 600.0, 600.0],
        (100, 100),
    );
    check_with_faces("c_crop,g_face", &two, [700.0, 200.0, 100.0, 120.0], (100, 120));
    check_with_faces("c_crop,g_face,w_50,h_50", &two, [725.0, 235.0, 50.0, 50.0], (50, 50));
    check_with_faces("c_crop,g_custom", &two, [100.0, 300.0, 50.0, 60.0], (50, 60));
    check_with_faces("c_crop,g_auto,w_50,h_60", &two, [100.0, 300.0, 50.0, 60.0], (50, 60));
    check_with_faces(
        "c_crop,g_xy_center,w_50,h_60,x_100,y_100",
        &two,
        [75.0, 70.0, 50.0, 60.0],
        (50, 60),
    );
    // Later components see the faces where they are then.
    check_with_faces("w_500/c_crop,g_face", &two, [700.0, 200.0, 100.0, 120.0], (50, 60));
    check_with_faces("a_hflip/c_crop,g_face", &two, [700.0, 200.0, 100.0, 120.0], (100, 120));
    check_with_faces("a_90/c_crop,g_face", &two, [700.0, 200.0, 100.0, 120.0], (100, 120));
    check_with_faces(
        "c_crop,x_650,y_100,w_300,h_400/c_crop,g_face",
        &two,
        [700.0, 200.0, 100.0, 120.0],
        (100, 120),
    );
    check_with_faces("if_fc_gt_1,w_100", &two, [0.0, 0.0, 1000.0, 600.0], (100, 60));
    // A window as large as the picture allows.
    check_with_faces(
        "c_thumb,g_face,w_100,h_100,z_0.1",
        &two,
        [400.0, 0.0, 600.0, 600.0],
        (100, 100),
    );
}

#[test]
fn without_a_face_the_window_is_at_the_top() {
    check_window("c_thumb,g_face,w_100,h_100", [200.0, 0.0, 600.0, 600.0], (100, 100));
    check_window("c_thumb,g_face,z_2,w_100,h_100", [350.0, 0.0, 300.0, 300.0], (100, 100));
    check_window(
        "c_thumb,g_face:center,z_2,w_100,h_100",
        [350.0, 150.0, 300.0, 300.0],
        (100, 100),
    );
    check_window("c_crop,g_custom,w_100,h_100", [450.0, 250.0, 100.0, 100.0], (100, 100));
    let auto = planned("c_fill,g_face:auto,w_100,h_100", &SOURCE, ImageFormat::Png).unwrap();
    assert!(auto.steps.iter().any(|step| matches!(step, Step::AutoCrop { .. })));
}

#[test]
fn the_worked_examples_have_their_sizes() {
    for (text, size) in [
        ("c_mfit,w_300,h_300", (1000, 600)),
        ("c_mfit,w_2000,h_2000", (2000, 1200)),
        ("c_lfill,w_2000,h_300", (1000, 300)),
        ("c_lfill,w_300,h_300", (300, 300)),
        ("c_lfill,w_2000,h_2000", (1000, 600)),
        ("c_pad,w_300,h_300", (300, 300)),
        ("c_pad,w_300", (300, 180)),
        ("c_pad,ar_1:1", (1000, 1000)),
        ("c_lpad,w_1200,h_1200", (1200, 1200)),
        ("c_lpad,w_500,h_500", (500, 500)),
        ("c_mpad,w_1200,h_500", (1200, 600)),
        ("c_mpad,w_100,h_100", (1000, 600)),
        ("c_fill_pad,g_auto,w_300,h_300", (300, 300)),
        ("c_auto_pad,g_auto,w_300,h_300", (300, 300)),
        ("c_auto,g_auto,w_300,h_300", (300, 300)),
        ("c_scale,w_500,fl_ignore_aspect_ratio", (500, 600)),
        ("w_auto:100:400", (400, 240)),
        ("w_auto", (1000, 600)),
        ("w_iw_div_4", (250, 150)),
        ("a_90", (600, 1000)),
        ("a_90/w_300", (300, 500)),
        ("a_hflip.180", (1000, 600)),
        ("a_45,w_100,h_100", (141, 141)),
        ("a_auto_right,c_fill,w_100,h_200", (100, 200)),
        ("bo_5px_solid_red", (1010, 610)),
        ("bo_5px_solid_red,dpr_2,w_100", (220, 140)),
        ("r_20,o_50,e_sepia,b_red", (1000, 600)),
        ("e_trim", (1000, 600)),
        ("if_w_gt_500/w_500/if_else/w_10/if_end/r_max", (500, 300)),
        ("l_text:Arial_20:x,fl_no_overflow", (1000, 600)),
    ] {
        check(text, size);
    }
}

#[test]
fn gravities_go_with_their_modes() {
    check_error(
        "c_pad,g_auto,w_100,h_100",
        "Use auto gravity only with crop, fill, lfill, fill_pad or thumb",
    );
    check_error(
        "c_fill_pad,w_100,h_100",
        "Crop modes fill_pad and auto_pad require gravity auto",
    );
    check_error("fl_layer_apply", "fl_layer_apply without a layer in transformation");
    check_error("e_multiply", "fl_layer_apply without a layer in transformation");
    check_error("l_logo", "Unknown or invalid referenced image logo of type upload");
    check_error("pg_2", "Invalid page in transformation: 2. The image has 1");
    check_error("w_$missing", "Invalid expression in transformation: $missing");
}

#[test]
fn what_costs_too_much_is_refused_before_it_begins() {
    let limits = Limits {
        render_work: planned("e_oil_paint:100", &SOURCE, ImageFormat::Png).unwrap().cost(),
        ..Limits::default()
    };
    let attempt = |text: &str| {
        plan(
            &Transformation::parse(text).unwrap(),
            &SOURCE,
            ImageFormat::Png,
            &limits,
        )
    };
    assert!(attempt("e_oil_paint:100").is_ok());
    assert_eq!(attempt("e_oil_paint:100/e_grayscale"), Err(PlanError::TooMuchWork));
}

#[test]
fn dpr_multiplies_pixels_wherever_it_stands() {
    check("c_scale,w_100,dpr_2.0", (200, 120));
    check("c_scale,w_400/dpr_2.0", (800, 480));
    check("c_scale,w_0.5,dpr_2.0", (500, 300));
    check("c_fill,w_101,h_51,dpr_1.5", (152, 77)); // 151.5, 76.5
}

#[test]
fn crops_and_one_resize_become_one_resampling() {
    check_window(
        "c_crop,w_400,h_400/c_scale,w_100",
        [300.0, 100.0, 400.0, 400.0],
        (100, 100),
    );
    check_window(
        "c_scale,w_500/c_crop,w_100,h_100,x_10,y_10",
        [20.0, 20.0, 200.0, 200.0],
        (100, 100),
    );
    let two = planned("c_scale,w_10/c_scale,w_500", &SOURCE, ImageFormat::Png).unwrap();
    assert_eq!(
        two.steps
            .iter()
            .filter(|step| matches!(step, Step::Resize { .. }))
            .count(),
        2
    );
}

#[test]
fn a_jpeg_is_decoded_no_larger_than_the_target_needs() {
    let scale = |text| planned(text, &SOURCE, ImageFormat::Jpg).unwrap().steps[0].clone();
    assert_eq!(scale("c_scale,w_89"), Step::Decode { scale: 8 }); // 11.2 = 8 × 1.4
    assert_eq!(scale("c_scale,w_90"), Step::Decode { scale: 4 });
    assert_eq!(scale("c_scale,w_178"), Step::Decode { scale: 4 });
    assert_eq!(scale("c_scale,w_357"), Step::Decode { scale: 2 });
    assert_eq!(scale("c_scale,w_358"), Step::Decode { scale: 1 });
    assert_eq!(scale("c_fill,w_75,h_75"), Step::Decode { scale: 4 }); // the crop has 600 pixels
    assert_eq!(scale("c_crop,w_80,h_80"), Step::Decode { scale: 1 });
    assert_eq!(scale("c_scale,w_80,h_600"), Step::Decode { scale: 1 });
}

#[test]
fn turning_happens_after_the_resize_and_windows_are_turned_back() {
    let lying = Facts {
        width: 600,
        height: 1000,
        orientation: Orientation::Rotate90,
        ..SOURCE
    };
    let plan = planned("c_crop,g_north_west,w_300,h_200/c_scale,w_30", &lying, ImageFormat::Png).unwrap();
    // Stored as 1000 × 600; its left lower corner is the upright picture's left upper one.
    let window = Window {
        x: 0.0,
        y: 300.0,
        width: 200.0,
        height: 300.0,
    };
    assert_eq!(
        plan.steps[1],
        Step::Resize {
            window,
            width: 20,
            height: 30
        }
    );
    assert_eq!(plan.steps[2], Step::Orient(Orientation::Rotate90));
    assert_eq!((plan.width, plan.height), (30, 20));
}

#[test]
fn transparency_ends_on_a_background_only_where_it_must() {
    let steps = |text, format| planned(text, &SOURCE, format).unwrap().steps;
    let red = Color {
        red: 255,
        green: 0,
        blue: 0,
        alpha: 255,
    };
    let white = Color {
        red: 255,
        green: 255,
        blue: 255,
        alpha: 255,
    };
    let round = Step::Round(CornerRadii::Max);
    assert_eq!(steps("r_max", ImageFormat::Webp)[2..], *std::slice::from_ref(&round));
    assert_eq!(
        steps("r_max", ImageFormat::Jpg)[2..],
        [round.clone(), Step::Flatten(white)]
    );
    assert_eq!(steps("r_max,b_red", ImageFormat::Jpg)[2..], [round, Step::Flatten(red)]);
    assert_eq!(steps("b_red", ImageFormat::Png)[1..], [Step::ConvertColour]);
    assert_eq!(steps("r_0", ImageFormat::Png)[1..], [Step::ConvertColour]);
    let pixels = Step::Round(CornerRadii::Pixels([20.0, 40.0, 20.0, 40.0]));
    assert_eq!(steps("r_10:20,dpr_2", ImageFormat::Png)[2..], [pixels]);
}

#[test]
fn impossible_values_are_refused_in_cloudinarys_words() {
    check_error("c_thumb,w_100,h_100", "Crop mode thumb requires a gravity");
    let format = planned("w_10", &SOURCE, ImageFormat::Tiff).unwrap_err();
    assert_eq!(format.to_string(), "Unsupported output format: tiff");
    let component = Component {
        width: Some(visage_cloudinary::transformation::Length::Pixels(0)),
        ..Component::default()
    };
    let transformation = Transformation {
        components: vec![component],
    };
    let error = plan(&transformation, &SOURCE, ImageFormat::Png, &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), "Invalid width in transformation: 0");
}

#[test]
fn the_result_may_be_as_large_as_the_limits_and_no_larger() {
    let limits = Limits {
        output_pixels: 1_000_000,
        output_side_pixels: 2000,
        ..Limits::default()
    };
    let attempt = |text| {
        plan(
            &Transformation::parse(text).unwrap(),
            &SOURCE,
            ImageFormat::Png,
            &limits,
        )
    };
    assert!(attempt("w_1000,h_1000").is_ok());
    assert!(attempt("w_1001,h_1000").is_err());
    assert!(attempt("w_2000,h_500").is_ok());
    assert!(attempt("w_2001,h_499").is_err());
    assert!(attempt("w_4000,h_4000/w_10").is_err());
    let webp = |text| planned(text, &SOURCE, ImageFormat::Webp);
    assert!(webp("w_16383,h_10").is_ok());
    assert!(webp("w_16384,h_10").is_err());
}

#[test]
fn quality_goes_to_the_encoder_or_comes_from_the_table() {
    let quality = |text, format| planned(text, &SOURCE, format).unwrap().encoding.usual_quality(format);
    assert_eq!(quality("w_10,q_33", ImageFormat::Avif), 33);
    assert_eq!(quality("w_10,q_33/q_auto:best", ImageFormat::Jpg), 90);
    assert_eq!(quality("w_10", ImageFormat::Jpg), 80);
    assert_eq!(quality("w_10,q_auto", ImageFormat::Avif), 62);
}
