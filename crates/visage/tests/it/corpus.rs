//! Every real and every hostile picture that is at hand, through the whole server.

use std::path::{Path, PathBuf};

use http::StatusCode;

use crate::pictures::{assert_upright, turned_avif};
use crate::test_app::{Answer, Member, TestApp};

/// The pictures of a folder beside the project; none, and a word about it, when it is not there.
fn pictures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared")
        .join(folder);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("no pictures at {}: this test tried none", folder.display());
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e != "md"))
        .collect();
    files.sort();
    files
}

async fn upload(t: &TestApp, member: &Member, file: &Path) -> Answer {
    t.upload(member, &std::fs::read(file).unwrap()).await
}

fn name(file: &Path) -> &str {
    file.file_name().unwrap().to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_photo_of_a_format_we_take_becomes_an_avatar_and_every_other_is_refused_with_a_sentence() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let files = tempfile::tempdir().unwrap();
    for file in pictures("photos") {
        let answer = upload(&t, &member, &file).await;
        if [".heic", ".svg"].iter().any(|end| name(&file).ends_with(end)) {
            assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{}", name(&file));
            assert!(answer.message().ends_with('.'), "a sentence: {}", answer.message());
            continue;
        }
        assert_eq!(answer.status, StatusCode::OK, "{}: {answer:?}", name(&file));
        let url = answer.json()["profileImage"].as_str().unwrap().to_owned();
        let id = answer.json()["cloudinaryId"].as_str().unwrap().to_owned();
        let original = t.get(&format!("/visage/image/upload/{id}")).await;
        std::fs::write(
            files.path().join(file_name(&file, "original", &original)),
            &original.body,
        )
        .unwrap();
        for accept in ["image/avif,image/webp,*/*", "image/webp,*/*", "*/*"] {
            let image = t.get_with(&url, &[("accept", accept)]).await;
            assert_eq!(image.status, StatusCode::OK, "{} as {accept}: {image:?}", name(&file));
            let facts = visage_image::probe(&image.body, &visage_image::Limits::default()).unwrap();
            assert_eq!((facts.width, facts.height), (400, 400), "{} as {accept}", name(&file));
            std::fs::write(files.path().join(file_name(&file, "avatar", &image)), &image.body).unwrap();
        }
    }
    no_metadata(files.path());
}

/// A name by which exiftool knows the format.
fn file_name(source: &Path, what: &str, answer: &Answer) -> String {
    format!(
        "{}-{what}.{}",
        name(source),
        answer.header("content-type").replace("image/", "")
    )
}

/// What exiftool may find: the file system's facts, the format's own structure, and the colour profile that we wrote.
const HARMLESS_GROUPS: &[&str] = &[
    "Adobe",
    "Composite",
    "ExifTool",
    "File",
    "GIF",
    "ICC-chrm",
    "ICC-header",
    "ICC-meas",
    "ICC-view",
    "ICC_Profile",
    "JFIF",
    "Meta",
    "PNG",
    "PNG-cICP",
    "PNG-pHYs",
    "QuickTime",
    "RIFF",
    "System",
];

/// Has exiftool read every file of `folder` and finds nothing about camera, place, owner or time.
fn no_metadata(folder: &Path) {
    let output = std::process::Command::new("exiftool")
        .args(["-j", "-G1", "-a"])
        .arg(folder)
        .output();
    let Ok(output) = output else {
        eprintln!("exiftool is not installed: the files were not read with it");
        return;
    };
    if std::fs::read_dir(folder).unwrap().next().is_none() {
        return;
    }
    let found: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(found.len() > 100, "exiftool read only {} files", found.len());
    for file in found {
        for (tag, value) in file.iter().filter(|(tag, _)| *tag != "SourceFile") {
            let group = tag.split(':').next().unwrap();
            assert!(
                HARMLESS_GROUPS.contains(&group),
                "{}: {tag} = {value}",
                file["SourceFile"]
            );
            let told = [
                "Make",
                "Model",
                "Owner",
                "Artist",
                "Copyright",
                "Comment",
                "Thumbnail",
                "Serial",
            ];
            let tells =
                told.iter().any(|word| tag.contains(word)) && value.as_str().is_some_and(|v| !v.trim().is_empty());
            assert!(!tells, "{}: {tag} = {value}", file["SourceFile"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_file_gets_what_is_expected_and_the_next_request_is_answered() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    for file in pictures("hostile") {
        let answer = upload(&t, &member, &file).await;
        let status = answer.status.as_u16();
        let expected: &[u16] = match name(&file) {
            "wrong-ext-png-as.jpg" | "polyglot-jpeg-html.jpg" | "gps-exif.jpg" | "png-ztxt-bomb.png" => &[200],
            "png-iccp-bomb.png" => &[200, 415],
            "tall-1x60000.png" => &[200, 413],
            other if other.starts_with("bomb-") => &[413],
            _ => &[415],
        };
        assert!(expected.contains(&status), "{}: {answer:?}", name(&file));
        assert!(!answer.message().is_empty());
        assert_eq!(t.get("/health").await.status, StatusCode::OK);
        if status == 200 {
            let url = answer.json()["profileImage"].as_str().unwrap().to_owned();
            let id = answer.json()["cloudinaryId"].as_str().unwrap().to_owned();
            for url in [url, format!("/visage/image/upload/{id}")] {
                let image = t.get(&url).await;
                assert_eq!(image.status, StatusCode::OK, "{}", name(&file));
                for secret in ["SECRET-MAKE", "<script", "GPS"] {
                    let found = image.body.windows(secret.len()).any(|w| w == secret.as_bytes());
                    assert!(!found, "{}: {secret} in {url}", name(&file));
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_avif_that_turns_itself_is_delivered_upright() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    for orientation in 1..=8 {
        let answer = t.upload(&member, &turned_avif(64, 40, orientation)).await;
        assert_eq!(answer.status, StatusCode::OK, "{orientation}: {answer:?}");
        let shown = t.get(answer.json()["profileImage"].as_str().unwrap()).await;
        assert_eq!(shown.status, StatusCode::OK, "{orientation}: {shown:?}");
        let id = answer.json()["cloudinaryId"].as_str().unwrap().to_owned();
        let sizes = [
            ("f_png", (64, 40)),
            ("c_fill,f_png,h_32,w_32", (32, 32)),
            ("c_scale,f_png,w_32", (32, 20)),
        ];
        for (transformation, size) in sizes {
            let image = t.get(&format!("/visage/image/upload/{transformation}/{id}")).await;
            let what = format!("orientation {orientation}, {transformation}");
            assert_eq!(image.status, StatusCode::OK, "{what}: {image:?}");
            let facts = visage_image::probe(&image.body, &visage_image::Limits::default()).unwrap();
            assert_eq!((facts.width, facts.height), size, "{what}");
            assert_upright(&image.body, &what);
        }
        let original = t.get(&format!("/visage/image/upload/{id}")).await;
        let facts = visage_image::probe(&original.body, &visage_image::Limits::default()).unwrap();
        assert_eq!(facts.orientation.to_exif(), u8::try_from(orientation).unwrap());
    }
}
