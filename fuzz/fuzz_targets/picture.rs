//! Files: whatever the bytes are, nothing panics, nothing takes long, and what is accepted can be shown as it was planned.
//!
//! The last byte chooses what is made of the picture.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use visage_cloudinary::{ImageFormat, RequestFacts, SourceFacts, Transformation};
use visage_image::{Known, Limits, Sample, metadata, plan_looking, probe, probe_video, render, sanitise};

const CHAINS: [&str; 16] = [
    "c_thumb,g_face,h_40,w_40/f_jpg",
    "c_fill,g_auto,h_30,w_60/f_webp",
    "c_scale,w_32/f_avif",
    "w_2.5/f_png",
    "a_20/e_outline:4/f_png",
    "e_trim/c_pad,b_auto:border_gradient,h_50,w_50/f_jpg",
    "r_max/e_shadow/f_gif",
    "c_crop,h_0.3,w_0.4,x_3,y_2/f_jpg,q_auto",
    "e_distort:arc:40/e_blur:60/f_webp,q_auto:low",
    "f_gif",
    "w_20/f_webp",
    "e_cartoonify/e_oil_paint/e_vignette/f_jpg,fl_progressive",
    "pg_2/f_png,fl_png8",
    "bo_3px_solid_red,r_9/e_improve/f_png",
    "e_blur_faces/e_pixelate/f_jpg,q_90:444",
    "l_text:Arial_12:x/fl_layer_apply,g_north/f_png",
];

fuzz_target!(|file: &[u8]| {
    let limits = Limits {
        source_pixels: 1 << 18,
        source_side_pixels: 2048,
        frames: 6,
        output_pixels: 1 << 18,
        output_side_pixels: 2048,
        render_memory_bytes: 96 << 20,
        render_work: 400_000_000,
        jpeg_passes: 20,
    };
    let begun = Instant::now();
    let cancelled = || begun.elapsed() > Duration::from_secs(8);
    drop(probe_video(&mut std::io::Cursor::new(file)));
    let Ok(facts) = probe(file, &limits) else { return };
    assert!(facts.pixels() <= limits.source_pixels);
    metadata(file, &facts);
    if let Ok(clean) = sanitise(file, &facts, &limits, &cancelled) {
        let again = probe(&clean.bytes, &limits).expect("what was cleaned is a picture");
        assert_eq!(
            (again.width, again.height),
            (clean.facts.width, clean.facts.height),
            "a cleaned file is what was said of it"
        );
    }
    let Some(chain) = file.last().map(|last| CHAINS[usize::from(*last) % CHAINS.len()]) else {
        return;
    };
    let Ok(sample) = Sample::of(file, &facts, &limits, &cancelled) else { return };
    let faces = sample.faces().unwrap_or_default();
    let source = SourceFacts {
        format: facts.format,
        has_alpha: facts.has_alpha,
        is_animated: facts.frames > 1,
    };
    let transformation = Transformation::parse(chain).expect("it is written right");
    let resolved = transformation.resolve(RequestFacts::from_accept(None), source, None);
    let known = Known {
        faces: &faces,
        ..Known::default()
    };
    let Ok(plan) = plan_looking(&resolved, (file, &facts), &known, &limits, &cancelled) else {
        return;
    };
    let Ok(made) = render(file, &plan, &[], &limits, &cancelled) else { return };
    assert_eq!((made.width, made.height), (plan.width, plan.height), "{chain}");
    let again = probe(&made.bytes, &Limits::default()).expect("what was made is a picture");
    assert_eq!((again.width, again.height), (plan.width, plan.height), "{chain}");
    assert_eq!(again.format, ImageFormat::from(plan.format), "{chain}");
});
