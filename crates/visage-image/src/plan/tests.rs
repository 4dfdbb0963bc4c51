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

#[test]
fn a_face_is_taken_to_be_above_the_middle() {
    let portrait = Facts {
        width: 600,
        height: 1000,
        ..SOURCE
    };
    let plan = planned("c_thumb,g_face,w_100,h_100", &portrait, ImageFormat::Png).unwrap();
    let window = Window {
        x: 0.0,
        y: 100.0,
        width: 600.0,
        height: 600.0,
    };
    assert_eq!(
        plan.steps[1],
        Step::Resize {
            window,
            width: 100,
            height: 100
        }
    );
    check_window("c_thumb,g_face,w_100,h_100", [200.0, 0.0, 600.0, 600.0], (100, 100));
    check_window(
        "c_thumb,g_face,z_2,w_100,h_100",
        [350.0, 90.0, 300.0, 300.0],
        (100, 100),
    );
    check_window(
        "c_thumb,g_face,z_0.5,w_100,h_100",
        [200.0, 0.0, 600.0, 600.0],
        (100, 100),
    );
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
    let scale = |text| planned(text, &SOURCE, ImageFormat::Jpg).unwrap().steps[0];
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
    assert_eq!(steps("r_max", ImageFormat::Webp)[2..], [round]);
    assert_eq!(steps("r_max", ImageFormat::Jpg)[2..], [round, Step::Flatten(white)]);
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
    let quality = |text, format| planned(text, &SOURCE, format).unwrap().quality;
    assert_eq!(quality("w_10,q_33", ImageFormat::Avif), 33);
    assert_eq!(quality("w_10,q_33/q_auto:best", ImageFormat::Jpg), 90);
    assert_eq!(quality("w_10", ImageFormat::Jpg), 80);
    assert_eq!(quality("w_10,q_auto", ImageFormat::Avif), 62);
}
