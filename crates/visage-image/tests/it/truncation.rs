//! Files that end too early: refused, or the whole picture; never a panic, never half a picture.

use visage_cloudinary::{ImageFormat, Transformation};
use visage_image::{ImageError, Limits, plan, probe, render, sanitise};

use crate::draw;
use crate::support::pixels;

/// From one cut to the next.
const STEP_BYTES: usize = 37;

fn through(file: &[u8]) -> Result<Vec<u8>, ImageError> {
    let limits = Limits::default();
    let facts = probe(file, &limits)?;
    let clean = sanitise(file, &facts, &limits, &|| false)?;
    let plan = plan(
        &Transformation::parse("").unwrap(),
        &clean.facts,
        ImageFormat::Png,
        &limits,
    )
    .unwrap();
    Ok(render(&clean.bytes, &plan, &[], &limits, &|| false)?.bytes)
}

fn check(whole: &[u8], what: &str) {
    let wanted = pixels(&through(whole).unwrap());
    for end in (0..whole.len()).step_by(STEP_BYTES) {
        if let Ok(result) = through(&whole[..end]) {
            assert_eq!(pixels(&result), wanted, "{what} cut to {end} of {} bytes", whole.len());
        }
    }
}

#[test]
fn a_cut_file_is_refused_or_whole() {
    for (format, file) in draw::one_of_each() {
        check(&file, &format!("{format:?}"));
    }
    check(&draw::apng(48, 32), "APNG");
    check(&draw::ico(48, 32, true), "icon with a PNG");
    check(&draw::cmyk_jpeg(48, 32), "CMYK");
    let pixels = draw::picture(48, 32);
    check(&draw::webp(48, 32, &pixels, true, None), "lossless WebP");
}

#[test]
fn a_cut_animation_or_what_follows_its_header_never_panics() {
    let limits = Limits::default();
    for whole in [draw::gif(48, 32), draw::apng(48, 32)] {
        let facts = probe(&whole, &limits).unwrap();
        let plan = plan(&Transformation::default(), &facts, ImageFormat::Webp, &limits).unwrap();
        let wanted = render(&whole, &plan, &[], &limits, &|| false).unwrap();
        for end in (0..whole.len()).step_by(STEP_BYTES) {
            // The facts are those of the whole file: the decoder must not trust them.
            if let Ok(made) = render(&whole[..end], &plan, &[], &limits, &|| false) {
                assert_eq!(made, wanted, "{:?} cut to {end} of {} bytes", facts.format, whole.len());
            }
        }
    }
}
