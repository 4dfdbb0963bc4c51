//! Real photographs and hostile files that lie beside the repository, not in it; without them the tests say so and pass.
//!
//! What was made of the photographs is left in the target folder, under `tmp/corpus/`, to be looked at.

use std::path::{Path, PathBuf};
use std::process::Command;

use visage_cloudinary::ImageFormat;
use visage_image::{ImageError, Limits, probe};

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
        let difference = mean_difference(&small(&file), &plain);
        assert!(difference < 1.5, "{what}: {difference} of 255");
    }
}

fn mean_difference(one: &[[u8; 4]], other: &[[u8; 4]]) -> f64 {
    let channels = || one.iter().flatten().zip(other.iter().flatten());
    channels().map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / channels().map(|_| 1.0).sum::<f64>()
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
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
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
