//! Real photographs and hostile files that lie beside the repository, not in it; without them the tests say so and pass.
//!
//! What was made of the photographs is left in the target folder, under `tmp/corpus/`, to be looked at.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

use visage_cloudinary::ImageFormat;
use visage_image::{ImageError, Limits, Sample, metadata, probe, probe_video};

use crate::ciede2000;
use crate::support::{contains, pixels, rendered, sanitised};

const PROFILE_IMAGE: &str = "c_thumb,g_face,h_400,w_400";

#[test]
fn every_photo_becomes_a_clean_original_and_a_profile_image_in_every_format() {
    let folder = output_folder();
    for (name, bytes) in files("photos") {
        let clean = match sanitised(&bytes) {
            Ok(clean) => clean,
            Err(ImageError::Unsupported { name: "HEIC" }) if has_extension(&name, "heic") => continue,
            Err(ImageError::Unsupported { name: "SVG" }) if has_extension(&name, "svg") => continue,
            Err(error) => panic!("{name}: {error}"),
        };
        let facts = probe(&bytes, &Limits::default()).unwrap();
        assert_eq!(
            (clean.facts.width, clean.facts.height),
            (facts.width, facts.height),
            "{name}"
        );
        std::fs::write(
            folder.join(format!("{name}.{}", clean.facts.format.extension())),
            &clean.bytes,
        )
        .unwrap();
        for format in [ImageFormat::Jpg, ImageFormat::Png, ImageFormat::Webp, ImageFormat::Avif] {
            let result =
                rendered(&clean.bytes, PROFILE_IMAGE, format).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((result.width, result.height), (400, 400), "{name}");
            std::fs::write(folder.join(format!("{name}.400.{}", format.extension())), &result.bytes).unwrap();
        }
    }
    assert_exiftool_finds_nothing(&folder);
}

#[test]
fn hostile_files_get_the_treatment_that_their_list_asks_for() {
    const ACCEPTED: [&str; 5] = [
        "gps-exif.jpg",
        "png-iccp-bomb.png",
        "png-ztxt-bomb.png",
        "polyglot-jpeg-html.jpg",
        "wrong-ext-png-as.jpg",
    ];
    for (name, bytes) in files("hostile") {
        let result = sanitised(&bytes);
        assert_eq!(
            result.is_ok(),
            ACCEPTED.contains(&name.as_str()),
            "{name}: {:?}",
            result.err()
        );
        if let Ok(clean) = result {
            for secret in ["SECRET-MAKE", "<script", "GPS", "zTXt"] {
                assert!(!contains(&clean.bytes, secret), "{name} still has {secret}");
            }
            assert_eq!(
                rendered(&clean.bytes, PROFILE_IMAGE, ImageFormat::Jpg).unwrap().width,
                400,
                "{name}"
            );
        }
    }
}

#[test]
fn bombs_are_refused_by_their_headers() {
    for (name, bytes) in files("hostile")
        .into_iter()
        .filter(|(name, _)| name.starts_with("bomb-"))
    {
        let refusal = probe(&bytes, &Limits::default()).unwrap_err();
        let expected = if name.contains("frames") {
            matches!(refusal, ImageError::TooManyFrames { .. })
        } else {
            matches!(refusal, ImageError::TooManyPixels { .. })
        };
        assert!(expected, "{name}: {refusal}");
    }
}

#[test]
fn a_photo_in_adobe_rgb_looks_like_the_same_photo_in_srgb() {
    let photos = files("photos");
    let find = |name: &str| {
        photos
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, bytes)| bytes.as_slice())
    };
    let (Some(wide), Some(plain)) = (find("portrait-adobergb.jpg"), find("portrait-side-light.jpg")) else {
        return;
    };
    let small = |file: &[u8]| pixels(&rendered(file, "c_fill,w_256,h_256", ImageFormat::Png).unwrap().bytes).2;
    let plain = small(plain);
    for (what, file) in [
        ("as sent", wide.to_vec()),
        ("sanitised", sanitised(wide).unwrap().bytes),
    ] {
        let small = small(&file);
        let pairs = small.iter().zip(&plain);
        let sum: f64 = pairs
            .map(|(one, other)| ciede2000::difference(lab_of(*one), lab_of(*other)))
            .sum();
        let mean = sum / plain.iter().map(|_| 1.0).sum::<f64>();
        eprintln!("{what}: a mean CIEDE2000 of {mean:.2}");
        assert!(mean < 2.0, "{what}: a mean CIEDE2000 of {mean}");
    }
}

#[test]
fn a_face_is_found_at_the_same_place_in_a_smaller_version() {
    let Some((_, bytes)) = files("photos")
        .into_iter()
        .find(|(name, _)| name == "astronaut-face.png")
    else {
        return;
    };
    let whole = looked_at(&bytes).unwrap().faces().unwrap()[0];
    let half = rendered(&bytes, "w_256", ImageFormat::Jpg).unwrap().bytes;
    let small = looked_at(&half).unwrap().faces().unwrap()[0];
    for (small, whole) in [(small.x, whole.x), (small.y, whole.y), (small.width, whole.width)] {
        assert!((small * 2).abs_diff(whole) <= 40, "{small} {whole}");
    }
}

#[test]
fn versions_of_a_photo_have_nearly_the_same_hash_and_different_photos_have_not() {
    let mut hashes = Vec::new();
    for (name, bytes) in files("photos") {
        let Ok(sample) = looked_at(&bytes) else { continue };
        let hash = sample.perceptual_hash().unwrap();
        let small = rendered(&bytes, "w_200,q_50", ImageFormat::Jpg).unwrap().bytes;
        let distance = hash.distance(looked_at(&small).unwrap().perceptual_hash().unwrap());
        let has_no_holes = !sample.is_semi_transparent();
        assert!(distance <= 6 || !has_no_holes, "{name}: {distance}");
        hashes.push((name, hash));
    }
    let find = |name: &str| hashes.iter().find(|(found, _)| found == name).map(|(_, hash)| *hash);
    let distinct = [
        "astronaut-face.png",
        "cat.avif",
        "cam-12mp-420.jpg",
        "photo-2mp-420.jpg",
        "photo.bmp",
    ];
    let distinct: Vec<_> = distinct.into_iter().filter_map(find).collect();
    for (place, one) in distinct.iter().enumerate() {
        for other in distinct.iter().skip(place + 1) {
            assert!(one.distance(*other) > 12, "{one} {other}");
        }
    }
}

#[test]
fn every_photo_can_be_described_and_no_hostile_file_does_harm() {
    for (name, bytes) in files("photos").into_iter().chain(files("hostile")) {
        assert_eq!(probe_video(&mut Cursor::new(&bytes)).unwrap(), None, "{name}");
        let Ok(facts) = probe(&bytes, &Limits::default()) else {
            continue;
        };
        let told = metadata(&bytes, &facts);
        assert!(told.values().all(|value| value.chars().count() <= 1024), "{name}");
        let Ok(sample) = looked_at(&bytes) else { continue };
        let colours = sample.colours();
        for shares in [&colours.colours, &colours.google, &colours.cloudinary] {
            let sum: f64 = shares.iter().map(|share| share.percent).sum();
            assert!(shares.len() <= 32 && (sum - 100.0).abs() < 1e-6, "{name}: {sum}");
        }
        let quality = sample.quality_analysis(&bytes);
        for value in [quality.focus, quality.contrast, quality.exposure, quality.resolution] {
            assert!((0.0..=1.0).contains(&value), "{name}: {quality:?}");
        }
        assert_eq!(
            quality.jpeg_quality.is_some(),
            facts.format == ImageFormat::Jpg,
            "{name}"
        );
        let expected_gray = ["portrait-gray.jpg", "photo-gray-1channel.jpg"].contains(&name.as_str());
        assert!(sample.is_grayscale() || !expected_gray, "{name}");
    }
}

fn looked_at(bytes: &[u8]) -> Result<Sample, ImageError> {
    let limits = Limits::default();
    Sample::of(bytes, &probe(bytes, &limits)?, &limits, &|| false)
}

fn lab_of([red, green, blue, _]: [u8; 4]) -> [f64; 3] {
    ciede2000::lab([red, green, blue])
}

/// Asks the tool that knows most metadata; without it the check says so and passes.
fn assert_exiftool_finds_nothing(folder: &Path) {
    const TAGS: [&str; 14] = [
        "-EXIF:all",
        "-GPS:all",
        "-XMP:all",
        "-IPTC:all",
        "-MakerNotes:all",
        "-MPF:all",
        "-Photoshop:all",
        "-Comment",
        "-ThumbnailImage",
        "-PreviewImage",
        "-Make",
        "-Model",
        "-SerialNumber",
        "-OwnerName",
    ];
    match Command::new("exiftool")
        .args(["-a", "-u", "-G1", "-q"])
        .args(TAGS)
        .arg(folder)
        .output()
    {
        Ok(output) => {
            let found = String::from_utf8_lossy(&output.stdout);
            let tags: Vec<_> = found.lines().filter(|line| line.starts_with('[')).collect();
            assert!(tags.is_empty(), "{found}");
        }
        Err(error) => eprintln!("exiftool does not run ({error}): metadata was not looked for"),
    }
}

fn output_folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("corpus");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// Name and bytes of every file in a folder of the corpus; none when it is not there.
pub(crate) fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared")
        .join(folder);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("{} is not there: nothing was tested", folder.display());
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension != "md"));
    paths.sort();
    let read = |path: PathBuf| {
        (
            path.file_name().unwrap().to_string_lossy().into_owned(),
            std::fs::read(&path).unwrap(),
        )
    };
    paths.into_iter().map(read).collect()
}
