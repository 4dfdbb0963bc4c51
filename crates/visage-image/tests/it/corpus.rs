//! Real photographs and hostile files that lie beside the repository, not in it; without them the tests say so and pass.

use std::path::PathBuf;

use visage_cloudinary::ImageFormat;
use visage_cloudinary::Transformation;
use visage_cloudinary::transformation::{Component, Crop, Gravity, Length};
use visage_image::{ImageError, Limits, plan, probe, render, sanitise};

fn folder(name: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared")
        .join(name);
    let Ok(entries) = std::fs::read_dir(&path) else {
        eprintln!("{} is not there: nothing was tested", path.display());
        return None;
    };
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e != "md"))
        .collect();
    files.sort();
    Some(
        files
            .into_iter()
            .map(|path| {
                (
                    path.file_name().unwrap().to_string_lossy().into_owned(),
                    std::fs::read(&path).unwrap(),
                )
            })
            .collect(),
    )
}

fn profile_picture() -> Transformation {
    let size = Some(Length::Pixels(400));
    Transformation {
        components: vec![Component {
            crop: Some(Crop::Thumb),
            gravity: Some(Gravity::Face),
            width: size,
            height: size,
            ..Component::default()
        }],
    }
}

const OUTPUTS: [ImageFormat; 4] = [ImageFormat::Jpg, ImageFormat::Png, ImageFormat::Webp, ImageFormat::Avif];

#[test]
fn every_photo_renders_in_every_format() {
    let limits = Limits::default();
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("photos");
    std::fs::create_dir_all(&out).unwrap();
    let clean = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sanitised");
    std::fs::create_dir_all(&clean).unwrap();
    for (name, bytes) in folder("photos").unwrap_or_default() {
        let start = std::time::Instant::now();
        let facts = match probe(&bytes, &limits) {
            Ok(facts) => facts,
            Err(ImageError::Unsupported { name: format }) => {
                assert!(name.ends_with(".heic") || name.ends_with(".svg"), "{name}: {format}");
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        };
        let sanitised = sanitise(&bytes, &facts, &limits).unwrap_or_else(|error| panic!("{name}: {error}"));
        eprintln!(
            "{name}: sanitised {} -> {} {:?}",
            bytes.len(),
            sanitised.bytes.len(),
            start.elapsed()
        );
        let extension = sanitised.facts.format.extension();
        std::fs::write(clean.join(format!("{name}.{extension}")), &sanitised.bytes).unwrap();
        let (bytes, facts) = (sanitised.bytes, sanitised.facts);
        for format in OUTPUTS {
            let plan = plan(&profile_picture(), &facts, format, &limits).unwrap();
            let rendered = render(&bytes, &plan, &limits, &|| false)
                .unwrap_or_else(|error| panic!("{name} as {format:?}: {error}"));
            assert_eq!((rendered.width, rendered.height), (400, 400), "{name}");
            std::fs::write(out.join(format!("{name}.{}", format.extension())), &rendered.bytes).unwrap();
            let again = probe(&rendered.bytes, &limits).unwrap();
            assert_eq!((again.width, again.height, again.format), (400, 400, format), "{name}");
        }
        eprintln!("{name}: {facts:?} {:?}", start.elapsed());
    }
}
