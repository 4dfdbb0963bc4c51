//! Pictures with flaws that browsers pass over, through every way in.

use visage_cloudinary::Transformation;
use visage_image::{ImageFormat, Limits, plan, probe, render};

use crate::cloudinary::{app as library_app, post_signed};
use crate::pictures::noisy_png;
use crate::test_app::{TestApp, has_account};

/// A GIF without its trailer and a PNG without its end, with every pixel.
fn flawed() -> [(&'static str, Vec<u8>); 2] {
    let cut = |mut file: Vec<u8>, bytes: usize| {
        file.truncate(file.len() - bytes);
        file
    };
    [
        ("GIF", cut(gif_of(&noisy_png(40, 30)), 1)),
        ("PNG", cut(noisy_png(40, 30), 12)),
    ]
}

fn gif_of(file: &[u8]) -> Vec<u8> {
    let limits = Limits::default();
    let facts = probe(file, &limits).unwrap();
    let plan = plan(&Transformation::default(), &facts, ImageFormat::Gif, &limits).unwrap();
    render(file, &plan, &[], &limits, &|| false).unwrap().bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_image_without_its_end_is_stored_with_it() {
    let t = TestApp::new();
    let ends = [b";".as_slice(), b"IEND\xAE\x42\x60\x82"];
    for ((name, file), end) in flawed().into_iter().zip(ends) {
        let ada = t.member(&format!("Ada {name}")).await;
        let url = t.upload_ok(&ada, &file).await;
        let shown = t.get(&url).await;
        assert_eq!(shown.status.as_u16(), 200, "{name}: {shown:?}");
        if has_account() {
            continue; // the original is elsewhere
        }
        let assets = t.app.library.catalog.all_assets(None, 10).await.unwrap();
        let mut originals = Vec::new();
        for upload in assets.into_iter().map(|asset| asset.upload) {
            let read = t
                .app
                .library
                .blobs
                .get_original(&upload.id, &upload.facts.sha256, upload.facts.bytes);
            originals.push(read.await.unwrap());
        }
        assert!(originals.iter().any(|original| original.ends_with(end)), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn library_takes_and_draws_pictures_without_their_end() {
    let t = library_app();
    for (name, file) in flawed() {
        let stored = post_signed(&t, "/image/upload", &[("public_id", name)], Some(&file)).await;
        assert_eq!(stored.status.as_u16(), 200, "{name}: {stored:?}");
        for transformation in ["w_20,f_jpg", "w_20,f_webp", "f_png"] {
            let drawn = t.get(&format!("/demo/image/upload/{transformation}/{name}")).await;
            assert_eq!(drawn.status.as_u16(), 200, "{name}, {transformation}: {drawn:?}");
        }
    }
}
