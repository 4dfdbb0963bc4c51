//! Setting, changing and removing a profile image: contract section 5.2 and the exchange.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use visage::app::App;
use visage::media_host::MediaHostError;
use visage_cloudinary::PublicId;
use visage_store::{Directory, UserId};

use crate::hooked_host::{Hooked, Hooks};
use crate::pictures::{decode, noisy_png, png, transparent_png};
use crate::test_app::{Member, TestApp, form, upload_request};

const RED: [u8; 3] = [200, 0, 0];
const GREEN: [u8; 3] = [0, 200, 0];

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_picture_is_saved_on_the_user_and_delivered_small_and_square() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let answer = t.upload(&member, &png(900, 600, RED)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["message"], "Profile image uploaded successfully");
    let url = answer.json()["profileImage"].as_str().unwrap().to_owned();
    let start =
        "http://images.example/visage/image/upload/c_thumb,g_face,h_400,w_400/f_auto,q_auto/v1719307544/profiles/";
    assert_eq!(url.strip_prefix(start).unwrap().len(), 20, "{url}");
    let profile = t.profile(&member).await;
    assert_eq!(profile["profileImage"], url.as_str());
    assert!(url.ends_with(profile["cloudinaryId"].as_str().unwrap()));
    let image = t.get(&url).await;
    assert_eq!(
        image.header("content-type"),
        "image/png",
        "a client that names no format gets the original's"
    );
    let (width, height, [red, green, blue]) = decode(&image.body);
    assert_eq!((width, height), (400, 400));
    assert!(red > 190 && green < 10 && blue < 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_picture_replaces_the_old_one_which_answers_until_it_is_retired() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let first = t.upload_ok(&member, &png(10, 10, RED)).await;
    t.advance(Duration::from_secs(1));
    let second = t.upload_ok(&member, &png(10, 10, GREEN)).await;
    assert_ne!(first, second);
    assert_eq!(t.profile(&member).await["profileImage"], second.as_str());
    t.advance(Duration::from_secs(10 * 60 - 1));
    t.reap().await;
    assert_eq!(t.get(&first).await.status, StatusCode::OK, "pages still show it");
    t.advance(Duration::from_secs(1));
    assert_eq!(t.reap().await.destroyed_pictures, 1);
    assert_eq!(t.get(&first).await.status, StatusCode::NOT_FOUND);
    assert_eq!(t.get(&second).await.status, StatusCode::OK);
    assert_eq!(t.settle().await.assets, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_picture_is_retired_like_a_replaced_one() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let delete = async || {
        t.call(Method::DELETE, "/api/users/profile-image", &member.token, &Value::Null)
            .await
            .refusal()
    };
    assert_eq!(delete().await, (200, "There is no profile image".to_owned()));
    let url = t.upload_ok(&member, &png(10, 10, RED)).await;
    assert_eq!(delete().await, (200, "Profile image removed successfully".to_owned()));
    let profile = t.profile(&member).await;
    assert!(profile.get("profileImage").is_none() && profile.get("cloudinaryId").is_none());
    assert_eq!(t.get(&url).await.status, StatusCode::OK);
    t.settle().await;
    assert_eq!(t.get(&url).await.status, StatusCode::NOT_FOUND);
}

fn file(bytes: &[u8]) -> (&str, Option<&str>, &str, &[u8]) {
    ("profileImage", Some("a.png"), "image/png", bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_json_with_the_contracts_status_and_leave_the_old_picture() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let url = t.upload_ok(&member, &png(10, 10, RED)).await;
    let picture = png(10, 10, GREEN);
    let check = async |what: &str, body: Vec<u8>, status: u16| {
        let answer = t.upload_form(&member, body).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {answer:?}");
        assert!(!answer.message().is_empty());
        assert_eq!(t.profile(&member).await["profileImage"], url.as_str());
    };
    check("no file", form(&[("text", None, "text/plain", b"x")]), 400).await;
    check("nothing at all", form(&[]), 400).await;
    check(
        "another field",
        form(&[("avatar", Some("a.png"), "image/png", &picture)]),
        400,
    )
    .await;
    check("two files", form(&[file(&picture), file(&picture)]), 400).await;
    check("no multipart", b"hello".to_vec(), 400).await;
    check("empty file", form(&[file(b"")]), 415).await;
    check(
        "HTML declared image/png",
        form(&[file(b"<html><script>alert(1)</script></html>")]),
        415,
    )
    .await;
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    check(
        "SVG",
        form(&[("profileImage", Some("a.svg"), "image/svg+xml", svg)]),
        415,
    )
    .await;
    check("a cut picture", form(&[file(&picture[..picture.len() - 20])]), 415).await;
    assert_eq!(std::fs::read_dir(t.folder.path().join("tmp")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_form_carries_no_file() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let answer = t
        .call(
            Method::POST,
            "/api/users/profile-image",
            &member.token,
            &json!({"a": 1}),
        )
        .await;
    assert_eq!(answer.refusal(), (400, "No file uploaded".to_owned()));
    let answer = t
        .call(Method::POST, "/api/users/profile-image", "", &json!({"a": 1}))
        .await;
    assert_eq!(answer.refusal(), (401, "No token, authorization denied".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_decide_whatever_the_client_declares() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let picture = png(10, 10, RED);
    let body = form(&[("profileImage", Some("../../etc/passwd.html"), "text/html", &picture)]);
    assert_eq!(t.upload_form(&member, body).await.status, StatusCode::OK);
    let body = form(&[("profileImage", Some("a.heic"), "application/octet-stream", &picture)]);
    assert_eq!(t.upload_form(&member, body).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_byte_limit_passes() {
    let picture = noisy_png(64, 64);
    for (spare, status) in [
        (1, StatusCode::OK),
        (0, StatusCode::OK),
        (-1, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let t = TestApp::with_config(|config| {
            config.limits.profile_image_bytes = (picture.len() as u64).checked_add_signed(spare).unwrap();
        });
        let member = t.member("Asha").await;
        assert_eq!(t.upload(&member, &picture).await.status, status, "{spare} to spare");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_pixel_limit_passes() {
    for (source_pixels, status) in [(101, 200), (100, 200), (99, 413)] {
        let t = TestApp::with_config(|config| config.limits.source_pixels = source_pixels);
        let member = t.member("Asha").await;
        assert_eq!(
            t.upload(&member, &png(10, 10, RED)).await.status.as_u16(),
            status,
            "{source_pixels}"
        );
    }
    for (side, status) in [(21, 200), (20, 200), (19, 413)] {
        let t = TestApp::with_config(|config| config.limits.source_side_pixels = side);
        let member = t.member("Asha").await;
        assert_eq!(
            t.upload(&member, &png(20, 1, RED)).await.status.as_u16(),
            status,
            "{side}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_reaches_a_client_that_is_still_sending() {
    let t = TestApp::with_config(|config| config.limits.profile_image_bytes = 1000);
    let member = t.member("Asha").await;
    let sent = Arc::new(AtomicU32::new(0));
    let pieces = {
        let sent = Arc::clone(&sent);
        let start = form(&[("profileImage", Some("a"), "image/png", &[0; 2000])]);
        let start = Bytes::from(start[..1500].to_vec());
        futures_util::stream::iter((0..100).map(move |n| {
            sent.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(if n == 0 {
                start.clone()
            } else {
                Bytes::from(vec![0; 1000])
            })
        }))
    };
    let answer = t.send(upload_request(&member.token, Body::from_stream(pieces))).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{answer:?}");
    assert_eq!(sent.load(Ordering::Relaxed), 100, "the rest was read on");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_uploads_at_once_leave_one_picture() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let uploads = (0..20_u8).map(|n| {
        let (t, member) = (&t, &member);
        async move { t.upload(member, &png(10, 10, [n, n, n])).await.status }
    });
    let statuses = futures_util::future::join_all(uploads).await;
    assert!(statuses.iter().all(|status| *status == StatusCode::OK), "{statuses:?}");
    let url = t.profile(&member).await["profileImage"].as_str().unwrap().to_owned();
    assert_eq!(t.get(&url).await.status, StatusCode::OK);
    assert_eq!(t.settle().await.assets, 1);
    assert_eq!(t.get(&url).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_deleted_meanwhile_is_not_found_and_nothing_is_left() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let id = UserId::parse(&member.id).unwrap();
    t.upload_ok(&member, &png(10, 10, RED)).await;
    let now = t.app.clock.now();
    assert!(t.app.directory.delete_user(&id, now, now).await.unwrap());
    let answer = t.upload(&member, &png(10, 10, RED)).await;
    assert_eq!(answer.refusal(), (404, "User not found".to_owned()));
    assert_eq!(t.settle().await.assets, 0, "the deleted user's picture went, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_shows_every_users_picture_or_a_drawn_one() {
    let t = TestApp::new();
    let member = t.member("Asha <b> Rao").await;
    let path = format!("/api/users/{}/profile-image", member.id);
    let drawn = t.get(&format!("{path}?size=96")).await;
    assert_eq!(
        (drawn.status, drawn.header("content-type")),
        (StatusCode::OK, "image/svg+xml")
    );
    let svg = String::from_utf8(drawn.body.to_vec()).unwrap();
    assert!(svg.contains("width=\"96\"") && svg.contains(">AR</text>"), "{svg}");
    assert!(drawn.header("content-security-policy").contains("sandbox"));
    t.upload_ok(&member, &png(900, 900, RED)).await;
    for (query, pixels) in [
        ("?size=96", 96),
        ("", 200),
        ("?size=1", 16),
        ("?size=99999", 1024),
        ("?size=x", 200),
        ("?size=9&size=8", 200),
    ] {
        let redirect = t.get(&format!("{path}{query}")).await;
        assert_eq!(
            (redirect.status, redirect.header("cache-control")),
            (StatusCode::FOUND, "no-cache")
        );
        let image = t.get(redirect.header("location")).await;
        assert_eq!(decode(&image.body).0, pixels, "{query}");
    }
    for nobody in ["0123456789abcdef01234567", "x", "..%2f..", "%ff"] {
        let answer = t.get(&format!("/api/users/{nobody}/profile-image")).await;
        assert_eq!(answer.refusal(), (404, "User not found".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transparent_picture_stays_transparent() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let url = t.upload_ok(&member, &transparent_png(50, 50)).await;
    let image = t.get(&url).await;
    let mut decoder = png::Decoder::new(std::io::Cursor::new(&image.body));
    decoder.set_transformations(png::Transformations::EXPAND);
    let reader = decoder.read_info().unwrap();
    assert_eq!(reader.output_color_type().0, png::ColorType::Rgba);
}

/// A media host that fails when it is told to.
#[derive(Debug, Clone)]
struct Unreliable {
    faults: Faults,
    directory: Arc<dyn Directory>,
}

fn fails_if(told: &AtomicBool) -> Result<(), MediaHostError> {
    if told.load(Ordering::Relaxed) {
        Err(MediaHostError::Failed("injected".into()))
    } else {
        Ok(())
    }
}

#[async_trait]
impl Hooks for Unreliable {
    async fn before_upload(&self) -> Result<(), MediaHostError> {
        fails_if(&self.faults.upload)
    }

    async fn after_upload(&self, _id: &PublicId) -> Result<(), MediaHostError> {
        fails_if(&self.faults.answer)
    }

    async fn before_destroy(&self, id: &PublicId) -> Result<(), MediaHostError> {
        if self.directory.is_referenced(id.as_str()).await? {
            self.faults.destroyed_while_referenced.fetch_add(1, Ordering::Relaxed);
        }
        fails_if(&self.faults.destroy)
    }
}

#[derive(Debug, Default, Clone)]
struct Faults {
    upload: Arc<AtomicBool>,
    /// The upload arrives, and its answer is lost.
    answer: Arc<AtomicBool>,
    destroy: Arc<AtomicBool>,
    destroyed_while_referenced: Arc<AtomicU32>,
}

impl Faults {
    fn app(&self) -> TestApp {
        let faults = self.clone();
        TestApp::with(
            |_| {},
            |app: &mut App| {
                let directory = Arc::clone(&app.directory);
                app.media_host = Hooked::around(&app.media_host, Unreliable { faults, directory });
            },
        )
    }
}

async fn upload_fails(t: &TestApp, member: &Member, url: &str) {
    let answer = t.upload(member, &png(10, 10, GREEN)).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(
        answer.message(),
        "The picture could not be stored. Nothing was changed."
    );
    assert_eq!(t.profile(member).await["profileImage"], url);
    assert_eq!(t.get(url).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_media_host_fails_the_old_picture_stays() {
    let faults = Faults::default();
    let t = faults.app();
    let member = t.member("Asha").await;
    let url = t.upload_ok(&member, &png(10, 10, RED)).await;
    faults.upload.store(true, Ordering::Relaxed);
    upload_fails(&t, &member, &url).await;
    faults.upload.store(false, Ordering::Relaxed);
    faults.answer.store(true, Ordering::Relaxed);
    upload_fails(&t, &member, &url).await;
    assert_eq!(t.settle().await.assets, 1, "what arrived unseen is gone");
    assert_eq!(
        t.get(&url).await.status,
        StatusCode::OK,
        "and the picture in use is not"
    );
    assert_eq!(faults.destroyed_while_referenced.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_destroyed_is_tried_again_later() {
    let faults = Faults::default();
    let t = faults.app();
    let member = t.member("Asha").await;
    let first = t.upload_ok(&member, &png(10, 10, RED)).await;
    t.upload_ok(&member, &png(10, 10, GREEN)).await;
    faults.destroy.store(true, Ordering::Relaxed);
    t.advance(Duration::from_secs(600));
    assert_eq!(t.reap().await.failed_pictures, 1);
    assert_eq!(t.reap().await.failed_pictures, 0, "not at once");
    t.advance(Duration::from_secs(30));
    assert_eq!(t.reap().await.failed_pictures, 1);
    t.advance(Duration::from_secs(30));
    assert_eq!(t.reap().await.failed_pictures, 0, "the second wait is longer");
    t.advance(Duration::from_secs(30));
    faults.destroy.store(false, Ordering::Relaxed);
    assert_eq!(t.reap().await.destroyed_pictures, 1);
    assert_eq!(t.get(&first).await.status, StatusCode::NOT_FOUND);
}
