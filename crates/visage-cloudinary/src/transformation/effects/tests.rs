use super::*;

fn check(text: &str, canonical: &str) {
    let effect = read(text).unwrap_or_else(|refusal| panic!("{text}: {refusal:?}"));
    assert_eq!(print(&effect), canonical, "{text}");
    assert_eq!(read(canonical), Ok(effect), "{text}");
}

#[test]
fn every_level_is_read_at_its_limits_and_not_beyond() {
    for (name, effect, min, max, default) in LEVELS {
        assert_eq!(read(name), Ok(Effect::Level(*effect, *default)));
        if min == max {
            assert_eq!(read(&format!("{name}:1")), Err(Invalid), "{name}");
            continue;
        }
        for good in [min, max] {
            check(
                &format!("{name}:{good}"),
                &if good == default {
                    (*name).to_owned()
                } else {
                    format!("{name}:{good}")
                },
            );
        }
        for bad in [min - 1, max + 1] {
            assert_eq!(read(&format!("{name}:{bad}")), Err(Invalid), "{name}:{bad}");
        }
    }
}

#[test]
fn effects_with_several_values_read_back() {
    check("contrast", "contrast:0");
    check("contrast:-70", "contrast:-70");
    check("contrast:level_-70;type_linear", "contrast:level_-70;type_linear");
    check("improve", "improve:outdoor:100");
    check("improve:indoor:50", "improve:indoor:50");
    check("fill_light:70:20", "fill_light:70:20");
    check("tint", "tint:60:ff0000:50p");
    check("tint:100:red:blue", "tint:100:ff0000:25p:0000ff:75p");
    check("tint:equalize:80:red:10p:0f0", "tint:equalize:80:ff0000:10p:00ff00:75p");
    check("cartoonify:70:80", "cartoonify:70:80");
    check("cartoonify:bw", "cartoonify:50:bw");
    check("dropshadow", "dropshadow:azimuth_215;elevation_45;spread_50");
    check("outline:outer:15:200", "outline:outer:15:200");
    check("outline:10", "outline:outer:10:0");
    check("gradient_fade", "gradient_fade:20");
    check("gradient_fade:symmetric_pad:50", "gradient_fade:symmetric_pad:50");
    check("replace_color:2f4f4f:40:red", "replace_color:2f4f4f:40:ff0000");
    check(
        "recolor:0.3:0.7:0.1:0.3:0.6:0.1:0.2:0.5:0.1",
        "recolor:0.3:0.7:0.1:0.3:0.6:0.1:0.2:0.5:0.1",
    );
    check("shear:20.0:0.0", "shear:20:0");
    check("distort:20:0:300:40:300:260:0:240", "distort:20:0:300:40:300:260:0:240");
    check("distort:arc:180", "distort:arc:180");
    check("trim", "trim:10");
    check("trim:20:white", "trim:20:ffffff");
    check("simulate_colorblind", "simulate_colorblind:deuteranopia");
    check("assist_colorblind:xray", "assist_colorblind:xray");
    check("multiply", "multiply");
}

#[test]
fn what_is_not_done_is_told_from_what_is_wrong() {
    for text in [
        "art:zorro",
        "upscale",
        "background_removal",
        "gen_remove:prompt_x",
        "redeye",
    ] {
        assert_eq!(read(text), Err(Unsupported), "{text}");
    }
    for text in [
        "",
        "nonsense",
        "sepia:x",
        "sepia:1.5",
        "grayscale:5",
        "recolor:1:2",
        "shear:81:0",
        "distort:1:2",
        "outline:0",
        "tint:101",
        "trim:101",
        "multiply:3",
        "cartoonify:1:2:3",
    ] {
        assert_eq!(read(text), Err(Invalid), "{text}");
    }
}
