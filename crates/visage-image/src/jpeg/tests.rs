use turbojpeg::{
    Compressor, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp, Transform, Transformer, YuvImage,
};

use super::*;
use crate::probe;

/// A gradient with grain, in the given subsampling.
fn drawn(width: usize, height: usize, subsampling: Subsamp) -> Vec<u8> {
    let mut noise = 1_u32;
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let grain = u8::try_from(noise >> 27).unwrap();
            let levels = [x * 200 / width, y * 200 / height, (x / 16 + y / 16) * 24 % 200];
            pixels.extend(levels.map(|level| u8::try_from(level).unwrap() + grain));
        }
    }
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(85).unwrap();
    compressor.set_subsamp(subsampling).unwrap();
    let image = Image {
        pixels: pixels.as_slice(),
        width,
        pitch: width * 3,
        height,
        format: PixelFormat::RGB,
    };
    compressor.compress_to_vec(image).unwrap()
}

fn progressive(file: &[u8]) -> Vec<u8> {
    let mut transform = Transform::default();
    transform.progressive = true;
    Transformer::new().unwrap().transform_to_vec(&transform, file).unwrap()
}

/// All that is drawn, small.
fn small_files() -> Vec<(String, Vec<u8>)> {
    let kinds = [
        Subsamp::None,
        Subsamp::Sub2x1,
        Subsamp::Sub2x2,
        Subsamp::Sub1x2,
        Subsamp::Sub4x1,
        Subsamp::Gray,
    ];
    let baseline = kinds.map(|kind| (format!("{kind:?}"), drawn(83, 61, kind)));
    let progressive = baseline
        .clone()
        .map(|(name, file)| (format!("{name} progressive"), progressive(&file)));
    [baseline, progressive].concat()
}

fn ours(file: &[u8], scale: u8) -> Option<Planes> {
    let limits = Limits::default();
    let facts = probe(file, &limits).ok()?;
    let (width, height) = facts.stored_size();
    let view = View {
        window: Window::whole(width, height),
        width,
        height,
    };
    own_planes(file, &facts, 8 / scale, view, RenderContext::new(&limits, &|| false))
}

/// Luma as libjpeg-turbo decodes it, when it has nothing to warn of.
fn theirs(file: &[u8], scale: usize) -> Option<Vec<u8>> {
    let mut decoder = Decompressor::new().unwrap();
    let header = decoder.read_header(file).ok()?;
    let factor = ScalingFactor::new(1, scale);
    decoder.set_scaling_factor(factor).unwrap();
    let (width, height) = (factor.scale(header.width), factor.scale(header.height));
    let length = turbojpeg::yuv_pixels_len(width, 1, height, header.subsamp).unwrap();
    let mut image = YuvImage {
        pixels: vec![0; length],
        width,
        align: 1,
        height,
        subsamp: header.subsamp,
    };
    let stride = image.y_width();
    decoder.decompress_to_yuv(file, image.as_deref_mut()).ok()?;
    let rows = image.pixels.chunks_exact(stride).take(height);
    Some(rows.flat_map(|row| row[..width].to_vec()).collect())
}

fn check_eighth(name: &str, file: &[u8]) {
    let ours = ours(file, 8).unwrap_or_else(|| panic!("{name}: not for this path"));
    assert!(
        ours.channels[0].data == theirs(file, 8).unwrap(),
        "{name}: luma differs"
    );
}

#[test]
fn luma_at_an_eighth_is_that_of_libjpeg_turbo() {
    for (name, file) in small_files() {
        check_eighth(&name, &file);
    }
}

#[test]
fn luma_at_a_quarter_is_near_that_of_libjpeg_turbo() {
    for (name, file) in small_files()
        .into_iter()
        .filter(|(name, _)| !name.contains("progressive"))
    {
        let (ours, theirs) = (ours(&file, 4).unwrap(), theirs(&file, 4).unwrap());
        let pairs = ours.channels[0].data.iter().zip(&theirs);
        let sum: u32 = pairs.map(|(ours, theirs)| u32::from(ours.abs_diff(*theirs))).sum();
        let mean = f64::from(sum) / f64::from(u32::try_from(theirs.len()).unwrap());
        assert!(
            mean < 4.0 && ours.channels[0].data.len() == theirs.len(),
            "{name}: {mean}"
        );
    }
}

#[test]
fn truncated_files_are_not_for_this_path() {
    for (name, file) in small_files() {
        for length in (0..file.len()).step_by(37) {
            assert!(ours(&file[..length], 8).is_none(), "{name} at {length}");
            assert!(ours(&file[..length], 4).is_none(), "{name} at {length}");
        }
    }
}

#[test]
fn flipped_bytes_never_make_other_luma() {
    let mut seed = 7_u32;
    let mut next = move |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(seed >> 8).unwrap() % below
    };
    for (name, file) in small_files() {
        for round in 0..400 {
            let mut damaged = file.clone();
            let at = next(file.len());
            damaged[at] ^= u8::try_from(1 + next(255)).unwrap();
            let (ours, theirs) = (ours(&damaged, 8), theirs(&damaged, 8));
            let is_sequential = !name.contains("progressive");
            if let (Some(ours), Some(theirs)) = (&ours, &theirs) {
                assert!(ours.channels[0].data == *theirs, "{name}, round {round}, byte {at}");
            }
            assert!(
                !is_sequential || ours.is_none() || theirs.is_some(),
                "{name}, round {round}, byte {at}: only libjpeg-turbo noticed"
            );
        }
    }
}

#[test]
fn photographs_at_an_eighth_have_the_luma_of_libjpeg_turbo() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/photos");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: there are no photographs beside the repository");
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if path.extension().is_some_and(|extension| extension == "jpg") && !name.contains("cmyk") {
            check_eighth(&name, &std::fs::read(path).unwrap());
        }
    }
}
