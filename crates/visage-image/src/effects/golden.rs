//! Every effect, on a landscape or on a ring with transparent parts.

use visage_cloudinary::transformation::{
    Assist, Blindness, Color, Effect, FadeMode, LevelEffect as Level, OutlineMode,
};

use super::{apply, makes_alpha, output_size};
use crate::golden::{check, landscape, ring};
use crate::pixels::{Layout, Pixels};
use crate::plan::{EffectStep, Window};
use crate::{ImageError, Limits};

const RED: Color = Color {
    red: 255,
    green: 0,
    blue: 0,
    alpha: 255,
};
const BLUE: Color = Color {
    red: 20,
    green: 60,
    blue: 230,
    ..RED
};

fn step(effect: Effect) -> EffectStep {
    EffectStep {
        effect,
        color: None,
        x: None,
        y: None,
        width: None,
        height: None,
        faces: Vec::new(),
    }
}

fn made(source: Pixels, step: &EffectStep) -> Pixels {
    let (size, before) = ((source.width, source.height), source.layout);
    let made = apply(source, step, &Limits::default(), &|| false).unwrap();
    assert_eq!((made.width, made.height), output_size(step, size), "{step:?}");
    assert!(made.layout == before || makes_alpha(&step.effect), "{step:?}");
    assert_eq!(made.data.len(), made.row_bytes() * made.height as usize);
    made
}

fn on_landscape(name: &str, effect: Effect) {
    check(name, &made(landscape(), &step(effect)));
}

fn on_ring(name: &str, effect: Effect) {
    check(name, &made(ring(), &step(effect)));
}

#[test]
fn tones() {
    for (name, level, value) in [
        ("negate", Level::Negate, 0),
        ("brightness_80", Level::Brightness, 80),
        ("brightness_-60", Level::Brightness, -60),
        ("brightness_hsb_80", Level::BrightnessHsb, 80),
        ("gamma_50", Level::Gamma, 50),
        ("gamma_-50", Level::Gamma, -50),
        ("red_-100", Level::Red, -100),
        ("green_40", Level::Green, 40),
        ("blue_100", Level::Blue, 100),
        ("auto_brightness", Level::AutoBrightness, 100),
        ("auto_color", Level::AutoColor, 100),
        ("auto_contrast", Level::AutoContrast, 100),
    ] {
        on_landscape(name, Effect::Level(level, value));
    }
    for (name, level, is_linear) in [
        ("contrast_70", 70, false),
        ("contrast_-70", -70, false),
        ("contrast_linear_50", 50, true),
    ] {
        on_landscape(name, Effect::Contrast { level, is_linear });
    }
    on_landscape("fill_light", Effect::FillLight { blend: 100, bias: 0 });
    for (name, is_indoor) in [("improve", false), ("improve_indoor", true)] {
        on_landscape(name, Effect::Improve { is_indoor, blend: 100 });
    }
}

#[test]
fn colours() {
    for (name, level, value) in [
        ("grayscale", Level::Grayscale, 0),
        ("sepia", Level::Sepia, 80),
        ("blackwhite", Level::Blackwhite, 50),
        ("saturation_80", Level::Saturation, 80),
        ("saturation_-100", Level::Saturation, -100),
        ("hue_80", Level::Hue, 80),
        ("vibrance_70", Level::Vibrance, 70),
        ("colorize_50", Level::Colorize, 50),
    ] {
        on_landscape(name, Effect::Level(level, value));
    }
    on_ring("opacity_threshold", Effect::Level(Level::OpacityThreshold, 50));
    let colors = vec![(RED, 30), (BLUE, 70)];
    let tint = |equalizes| Effect::Tint {
        equalizes,
        amount: 80,
        colors: colors.clone(),
    };
    on_landscape("tint", tint(false));
    on_landscape("tint_equalize", tint(true));
    let matrix = [0.3, 0.7, 0.1, 0.3, 0.6, 0.1, 0.2, 0.5, 0.1];
    on_landscape("recolor", Effect::Recolor(matrix.to_vec()));
    let replace = |from| Effect::ReplaceColor {
        to: BLUE,
        tolerance: 20,
        from,
    };
    on_landscape("replace_color", replace(None));
    let yellow = Color {
        green: 220,
        blue: 60,
        ..RED
    };
    on_landscape("replace_color_yellow", replace(Some(yellow)));
    let mut transparent = step(Effect::Level(Level::MakeTransparent, 10));
    check("make_transparent", &made(landscape(), &transparent));
    transparent.color = Some(yellow);
    check("make_transparent_yellow", &made(landscape(), &transparent));
}

#[test]
fn colour_vision() {
    for (name, condition) in [
        ("protanopia", Blindness::Protanopia),
        ("deuteranopia", Blindness::Deuteranopia),
        ("tritanopia", Blindness::Tritanopia),
        ("deuteranomaly", Blindness::Deuteranomaly),
        ("cone_monochromacy", Blindness::ConeMonochromacy),
        ("rod_monochromacy", Blindness::RodMonochromacy),
    ] {
        let assists = Assist::Simulates;
        on_landscape(name, Effect::Colorblind { assists, condition });
    }
    let condition = Blindness::Deuteranopia;
    for (name, assists) in [("assist_stripes", Assist::Stripes(40)), ("assist_xray", Assist::Xray)] {
        on_landscape(name, Effect::Colorblind { assists, condition });
    }
}

#[test]
fn neighbourhoods() {
    for (name, level, value) in [
        ("vignette", Level::Vignette, 80),
        ("blur", Level::Blur, 50),
        ("pixelate", Level::Pixelate, 5),
        ("pixelate_auto", Level::Pixelate, 0),
        ("sharpen", Level::Sharpen, 200),
        ("unsharp_mask", Level::UnsharpMask, 100),
        ("oil_paint", Level::OilPaint, 30),
        ("ordered_dither_0", Level::OrderedDither, 0),
        ("ordered_dither_1", Level::OrderedDither, 1),
        ("ordered_dither_5", Level::OrderedDither, 5),
        ("ordered_dither_7", Level::OrderedDither, 7),
        ("ordered_dither_12", Level::OrderedDither, 12),
        ("ordered_dither_13", Level::OrderedDither, 13),
        ("noise", Level::Noise, 20),
    ] {
        on_landscape(name, Effect::Level(level, value));
    }
    on_ring("blur_alpha", Effect::Level(Level::Blur, 50));
    on_ring("pixelate_alpha", Effect::Level(Level::Pixelate, 4));
    for (name, reduction) in [("cartoonify", Some(50)), ("cartoonify_bw", None)] {
        on_landscape(name, Effect::Cartoonify { line: 50, reduction });
    }
}

#[test]
fn parts() {
    let mut step = step(Effect::Level(Level::BlurRegion, 100));
    (step.x, step.y, step.width, step.height) = (Some(10), Some(4), Some(20), Some(100));
    check("blur_region", &made(landscape(), &step));
    step.effect = Effect::Level(Level::PixelateRegion, 6);
    check("pixelate_region", &made(landscape(), &step));
    step.faces = vec![Window {
        x: 31.0,
        y: 3.0,
        width: 8.0,
        height: 8.0,
    }];
    step.effect = Effect::Level(Level::BlurFaces, 100);
    check("blur_faces", &made(landscape(), &step));
    step.effect = Effect::Level(Level::PixelateFaces, 0);
    check("pixelate_faces", &made(landscape(), &step));
    step.faces.clear();
    assert_eq!(made(landscape(), &step), landscape(), "nothing happens without faces");
    (step.x, step.y) = (Some(48), Some(i64::MIN));
    step.effect = Effect::Level(Level::BlurRegion, 100);
    assert_eq!(made(landscape(), &step), landscape(), "outside there is nothing");
}

#[test]
fn shadows_and_lines() {
    on_ring("shadow", Effect::Level(Level::Shadow, 20));
    let mut shadow = step(Effect::Level(Level::Shadow, 10));
    (shadow.x, shadow.y, shadow.color) = (Some(-8), Some(3), Some(RED));
    check("shadow_left", &made(ring(), &shadow));
    on_ring(
        "dropshadow",
        Effect::Dropshadow {
            azimuth: 315,
            elevation: 30,
            spread: 50,
        },
    );
    for (name, mode, blur) in [
        ("outline", OutlineMode::Outer, 0),
        ("outline_blur", OutlineMode::Outer, 40),
        ("outline_inner", OutlineMode::Inner, 0),
        ("outline_inner_fill", OutlineMode::InnerFill, 0),
        ("outline_fill", OutlineMode::Fill, 0),
    ] {
        let mut outline = step(Effect::Outline { mode, width: 3, blur });
        outline.color = Some(BLUE);
        check(name, &made(ring(), &outline));
    }
    // What is outside of the picture is outside of the shape.
    let mut frame = step(Effect::Outline {
        mode: OutlineMode::Inner,
        width: 3,
        blur: 0,
    });
    frame.color = Some(BLUE);
    check("outline_inner_whole", &made(landscape(), &frame));
    for (name, mode, x, y) in [
        ("gradient_fade", FadeMode::Plain, None, None),
        ("gradient_fade_right", FadeMode::Plain, Some(-20), None),
        ("gradient_fade_symmetric", FadeMode::Symmetric, Some(10), Some(10)),
    ] {
        let mut fade = step(Effect::GradientFade { mode, strength: 20 });
        (fade.x, fade.y) = (x, y);
        check(name, &made(landscape(), &fade));
    }
}

#[test]
fn forms() {
    on_landscape("shear", Effect::Shear(20.0, 0.0));
    on_landscape("shear_both", Effect::Shear(-20.0, 30.0));
    on_landscape("distort", Effect::Distort([5, 10, 40, 0, 60, 50, -10, 30]));
    for degrees in [30.0, 180.0, 360.0, -90.0] {
        on_landscape(&format!("arc_{degrees}"), Effect::Arc(degrees));
    }
    assert_eq!(made(landscape(), &step(Effect::Arc(0.0))), landscape());
    let line = step(Effect::Distort([0, 0, 10, 0, 20, 0, 30, 0]));
    let flat = made(landscape(), &line);
    assert!(flat.data.iter().all(|level| *level == 0), "a line has no inside");
}

#[test]
fn defaults_that_say_nothing_change_nothing() {
    for effect in [
        Effect::Contrast {
            level: 0,
            is_linear: false,
        },
        Effect::Contrast {
            level: 0,
            is_linear: true,
        },
        Effect::Level(Level::Gamma, 0),
        Effect::Level(Level::Red, 0),
        Effect::Level(Level::Brightness, 0),
        Effect::Level(Level::Saturation, 0),
        Effect::Level(Level::Colorize, 0),
        Effect::Level(Level::AutoContrast, 0),
        Effect::Level(Level::AutoBrightness, 0),
        Effect::Level(Level::Noise, 0),
        Effect::FillLight { blend: 0, bias: 50 },
        Effect::Shear(0.0, 0.0),
        Effect::Distort([0, 0, 40, 0, 40, 32, 0, 32]),
    ] {
        let made = made(ring(), &step(effect.clone()));
        for (made, before) in made.data.as_chunks::<4>().0.iter().zip(ring().data.as_chunks::<4>().0) {
            let near = made[3] == 0
                || made
                    .iter()
                    .zip(before)
                    .all(|(made, before)| made.abs_diff(*before) <= 2);
            assert!(near && made[3] == before[3], "{effect:?}: {made:?}, {before:?}");
        }
    }
}

#[test]
fn an_outline_is_refused_where_its_planes_would_not_fit() {
    let outline = step(Effect::Outline {
        mode: OutlineMode::Inner,
        width: 5,
        blur: 0,
    });
    let needed = 40 * 32 * super::memory_per_pixel(&outline.effect);
    for (render_memory_bytes, fits) in [(needed - 1, false), (needed, true), (needed + 1, true)] {
        let limits = Limits {
            render_memory_bytes,
            ..Limits::default()
        };
        let made = apply(ring(), &outline, &limits, &|| false);
        assert_eq!(made.is_ok(), fits, "{render_memory_bytes}");
    }
}

#[test]
fn one_pixel_is_enough_for_everything_and_slow_effects_stop() {
    let pixel = || crate::golden::draw(1, 1, Layout::Rgb, |_, _| [10, 200, 90, 255]);
    let mut slow = Vec::new();
    for effect in everything() {
        let step = step(effect);
        let size = made(pixel(), &step);
        assert!(size.width >= 1 && size.height >= 1);
        if super::cost_per_pixel(&step, (1, 1)) >= 20 {
            slow.push(step);
        }
    }
    for mut step in slow {
        step.faces = vec![Window::whole(4, 4)];
        if matches!(step.effect, Effect::Colorblind { .. }) {
            continue; // one look at every pixel
        }
        let stopped = apply(landscape(), &step, &Limits::default(), &|| true);
        assert_eq!(stopped, Err(ImageError::Cancelled), "{step:?}");
    }
}

/// Every effect at a strong value.
fn everything() -> Vec<Effect> {
    let levels = [
        (Level::Grayscale, 0),
        (Level::Negate, 0),
        (Level::Sepia, 100),
        (Level::Vignette, 100),
        (Level::Blur, 2000),
        (Level::BlurRegion, 2000),
        (Level::BlurFaces, 2000),
        (Level::Pixelate, 200),
        (Level::PixelateRegion, 200),
        (Level::PixelateFaces, 0),
        (Level::Brightness, -99),
        (Level::BrightnessHsb, 100),
        (Level::Saturation, 100),
        (Level::Hue, -100),
        (Level::Gamma, 150),
        (Level::Vibrance, -100),
        (Level::Sharpen, 2000),
        (Level::UnsharpMask, 2000),
        (Level::AutoBrightness, 100),
        (Level::AutoColor, 100),
        (Level::AutoContrast, 100),
        (Level::Blackwhite, 100),
        (Level::Colorize, 100),
        (Level::OilPaint, 100),
        (Level::Shadow, 100),
        (Level::MakeTransparent, 100),
        (Level::OpacityThreshold, 100),
        (Level::Noise, 100),
    ];
    let levels = levels.map(|(effect, level)| Effect::Level(effect, level));
    levels.into_iter().chain(shaped()).collect()
}

/// Those with more than one value, or none.
fn shaped() -> Vec<Effect> {
    let dithers = (0..=18).map(|which| Effect::Level(Level::OrderedDither, which));
    let outlines = [
        OutlineMode::Outer,
        OutlineMode::Inner,
        OutlineMode::Fill,
        OutlineMode::InnerFill,
    ];
    let outlines = outlines.map(|mode| Effect::Outline {
        mode,
        width: 100,
        blur: 2000,
    });
    let others = [
        Effect::Contrast {
            level: -100,
            is_linear: false,
        },
        Effect::Improve {
            is_indoor: true,
            blend: 100,
        },
        Effect::FillLight { blend: 100, bias: -100 },
        Effect::Tint {
            equalizes: true,
            amount: 100,
            colors: Vec::new(),
        },
        Effect::Cartoonify {
            line: 100,
            reduction: Some(100),
        },
        Effect::Dropshadow {
            azimuth: 360,
            elevation: 0,
            spread: 100,
        },
        Effect::GradientFade {
            mode: FadeMode::SymmetricPad,
            strength: 100,
        },
        Effect::ReplaceColor {
            to: RED,
            tolerance: 100,
            from: None,
        },
        Effect::Recolor(vec![-100.0; 16]),
        Effect::Shear(80.0, -80.0),
        Effect::Distort([-300, 10, 50, 20, 5, 7, 9, 200]),
        Effect::Arc(360.0),
        Effect::Colorblind {
            assists: Assist::Xray,
            condition: Blindness::Tritanomaly,
        },
    ];
    dithers.chain(outlines).chain(others).collect()
}
