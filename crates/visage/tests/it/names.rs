//! Names with extensions: `NAME.ext` in a URL means the asset `NAME`, whatever else there is.

use http::{Method, StatusCode};
use serde_json::json;

use crate::cloudinary::{admin, app, post_signed, store};
use crate::pictures::{decode, mp4, png};
use crate::test_app::{Answer, BOUNDARY, TestApp, form};

const RED: [u8; 3] = [250, 10, 10];
const BLUE: [u8; 3] = [10, 10, 250];

fn url_of(answer: &Answer) -> String {
    answer.json()["secure_url"].as_str().unwrap().to_owned()
}

async fn colour(t: &TestApp, url: &str) -> [u8; 3] {
    let answer = t.get(url).await;
    assert_eq!(answer.status, StatusCode::OK, "{url}: {answer:?}");
    decode(&answer.body).2
}

async fn unsigned(t: &TestApp, fields: &[(&str, &str)], file_name: &str, file: &[u8]) -> Answer {
    let mut parts: Vec<(&str, Option<&str>, &str, &[u8])> = fields
        .iter()
        .map(|(name, value)| (*name, None, "text/plain", value.as_bytes()))
        .collect();
    parts.push(("file", Some(file_name), "application/octet-stream", file));
    let request = http::Request::post("/v1_1/demo/image/upload")
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(axum::body::Body::from(form(&parts)))
        .unwrap();
    t.send(request).await
}

/// Tries every way in which an asset can get the name `id`, one after the other; each is undone before the next.
async fn take_every_name(t: &TestApp, kind: &str, id: &str, check: &StaysRed<'_>) {
    let blue = png(20, 20, BLUE);
    let typed = [("type", kind), ("overwrite", "1")];
    let gone = async || {
        let fields = [("public_id", id), ("type", kind)];
        let answer = post_signed(t, "/image/destroy", &fields, None).await;
        assert_eq!(answer.json()["result"], "ok", "{id} was stored");
    };
    let fields = [&typed[..], &[("public_id", id), ("backup", "1")]].concat();
    post_signed(t, "/image/upload", &fields, Some(&blue)).await;
    check.run("signed upload").await;
    gone().await;
    let restored = json!({ "public_ids": [id] });
    let path = format!("/resources/image/{kind}/restore");
    admin(t, Method::POST, &path, &restored).await;
    check.run("restore").await;
    gone().await;
    let other = [&typed[..], &[("public_id", "other")]].concat();
    post_signed(t, "/image/upload", &other, Some(&blue)).await;
    let renamed = [("from_public_id", "other"), ("to_public_id", id), ("type", kind)];
    post_signed(t, "/image/rename", &renamed, None).await;
    check.run("rename").await;
    gone().await;
    let file_name = format!("{id}.png");
    let named_by_file = [
        &typed[..],
        &[
            ("use_filename", "1"),
            ("unique_filename", "0"),
            ("filename_override", &file_name),
        ],
    ]
    .concat();
    post_signed(t, "/image/upload", &named_by_file, Some(&blue)).await;
    check.run("use_filename").await;
    gone().await;
    if kind == "upload" {
        unsigned(t, &[("upload_preset", "open"), ("public_id", id)], "x.png", &blue).await;
        check.run("unsigned upload").await;
        gone().await;
        unsigned(t, &[("upload_preset", "by_name")], &file_name, &blue).await;
        check.run("unsigned upload named by its file").await;
        gone().await;
        post_signed(t, "/image/text", &[("public_id", id), ("text", "blue")], None).await;
        check.run("text").await;
        gone().await;
    }
}

/// The URLs that were handed out for `ID` show red.
struct StaysRed<'a> {
    t: &'a TestApp,
    urls: Vec<String>,
}

impl StaysRed<'_> {
    async fn run(&self, how: &str) {
        for url in &self.urls {
            assert_eq!(colour(self.t, url).await, RED, "{url} after {how}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn name_with_extension_is_never_taken_over() {
    let t = app();
    for (name, settings) in [
        ("open", json!({})),
        ("by_name", json!({ "use_filename": true, "unique_filename": false })),
    ] {
        let mut preset = json!({ "name": name, "unsigned": true });
        preset
            .as_object_mut()
            .unwrap()
            .extend(settings.as_object().unwrap().clone());
        admin(&t, Method::POST, "/upload_presets", &preset).await;
    }
    for kind in ["upload", "private", "authenticated"] {
        let stored = store(&t, "ID", &png(20, 20, RED), &[("type", kind), ("eager", "w_9/png|w_8")]).await;
        let answer = stored.json();
        let mut urls = vec![url_of(&stored)];
        for eager in answer["eager"].as_array().unwrap() {
            urls.push(eager["secure_url"].as_str().unwrap().to_owned());
        }
        if kind == "upload" {
            for form in [
                "iu/ID.png",
                "images/ID/words.png",
                "v1/ID.png",
                "image/upload/w_7/ID.png",
            ] {
                urls.push(format!("http://images.example/demo/{form}"));
            }
        }
        let check = StaysRed { t: &t, urls };
        check.run("upload").await;
        for name in ["ID.png", "ID.jpg", "ID.PNG"] {
            take_every_name(&t, kind, name, &check).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asset_with_extension_in_its_name_has_urls_of_its_own() {
    let t = app();
    for kind in ["upload", "authenticated"] {
        let eager = [("type", kind), ("eager", "w_9|w_8/png")];
        let blue = store(&t, "x.png", &png(20, 20, BLUE), &eager).await;
        assert!(url_of(&blue).ends_with("/x.png.png"), "{blue:?}");
        let mut urls = vec![url_of(&blue)];
        for eager in blue.json()["eager"].as_array().unwrap() {
            urls.push(eager["secure_url"].as_str().unwrap().to_owned());
        }
        for url in &urls {
            assert_eq!(colour(&t, url).await, BLUE, "{url}");
        }
        let short = format!("/demo/image/{kind}/x.png");
        let refused = if kind == "upload" { 200 } else { 404 };
        assert_eq!(
            t.get(&short).await.status,
            refused,
            "{short} leads to it while there is no x"
        );
        store(&t, "x", &png(20, 20, RED), &[("type", kind)]).await;
        for url in &urls {
            assert_eq!(colour(&t, url).await, BLUE, "{url} beside x");
        }
        if kind == "upload" {
            assert_eq!(colour(&t, &short).await, RED, "now there is an x");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signature_for_a_name_opens_no_other_asset() {
    let t = app();
    let kind = [("type", "authenticated")];
    let url = url_of(&store(&t, "s", &png(20, 20, RED), &kind).await);
    store(&t, "s.png", &png(20, 20, BLUE), &kind).await;
    assert_eq!(colour(&t, &url).await, RED);
    let gone = [("public_id", "s"), ("type", "authenticated")];
    post_signed(&t, "/image/destroy", &gone, None).await;
    assert_eq!(t.get(&url).await.status, StatusCode::NOT_FOUND, "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn video_and_raw_names_follow_the_same_rule() {
    let t = app();
    let (one, two) = (mp4("one"), mp4("two, elsewhere"));
    let stored = post_signed(&t, "/video/upload", &[("public_id", "clip")], Some(&one)).await;
    let url = url_of(&stored);
    assert!(url.ends_with("/clip.mp4"), "{url}");
    for name in ["clip.mp4", "clip.MP4"] {
        let other = post_signed(&t, "/video/upload", &[("public_id", name)], Some(&two)).await;
        assert_eq!(t.get(&url).await.body, one, "{url} beside {name}");
        assert_eq!(t.get(&url_of(&other)).await.body, two, "{name}");
    }
    // A sound's URL ends in its format, too.
    let wav = [
        &b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x08\0\0\0"[..],
        &[1; 8],
    ]
    .concat();
    let sound = post_signed(&t, "/video/upload", &[("public_id", "song")], Some(&wav)).await;
    assert!(url_of(&sound).ends_with("/song.wav"), "{sound:?}");
    assert_eq!(t.get(&url_of(&sound)).await.body, wav);
    // The extension of a raw asset is part of its name.
    for (name, bytes) in [("doc", &b"one"[..]), ("doc.txt", b"two"), ("doc.jpg", b"three")] {
        let raw = post_signed(&t, "/raw/upload", &[("public_id", name)], Some(bytes)).await;
        assert!(url_of(&raw).ends_with(&format!("/{name}")), "{raw:?}");
        assert_eq!(t.get(&url_of(&raw)).await.body, bytes, "{name}");
    }
}
