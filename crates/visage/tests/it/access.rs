//! Who may read what: one function decides every read, and no cache may keep an answer beyond it.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::json;
use visage_cloudinary::Secret;
use visage_cloudinary::signature::{AuthToken, AuthTokenKey};

use crate::cloudinary::{admin, app, app_with, post_signed, store};
use crate::pictures::{decode, png, png_with_text};
use crate::test_app::TestApp;

const RED: [u8; 3] = [250, 10, 10];
const BLUE: [u8; 3] = [10, 10, 250];
/// What the metadata of private pictures says.
const PLACE: &str = "48.2082N 16.3738E";
const TOKEN_ONLY: &str = r#"[{"access_type":"token"}]"#;
const TOKEN_KEY: &str = "00112233FF99";

/// A JPEG of one colour with a comment in it.
fn jpeg_with_comment(rgb: [u8; 3], comment: &str) -> Vec<u8> {
    let limits = visage_image::Limits::default();
    let file = png(40, 30, rgb);
    let facts = visage_image::probe(&file, &limits).unwrap();
    let plan = visage_image::plan(
        &visage_cloudinary::Transformation::default(),
        &facts,
        visage_image::ImageFormat::Jpg,
        &limits,
    );
    let mut jpeg = visage_image::render(&file, &plan.unwrap(), &[], &limits, &|| false)
        .unwrap()
        .bytes;
    let length = u16::try_from(comment.len() + 2).unwrap().to_be_bytes();
    let segment = [&[0xFF, 0xFE], &length[..], comment.as_bytes()].concat();
    jpeg.splice(2..2, segment);
    jpeg
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|part| part == needle.as_bytes())
}

/// An app with the key of auth tokens.
fn app_with_tokens() -> TestApp {
    app_with(|config| config.embedded.auth_token_key = Secret::new(TOKEN_KEY))
}

/// A token for these paths, good for so many seconds.
fn token(t: &TestApp, acl: &str, seconds: i64) -> String {
    let key = AuthTokenKey::new(Secret::new(TOKEN_KEY)).unwrap();
    let token = AuthToken {
        acl: vec![acl.to_owned()],
        duration_seconds: Some(seconds),
        ..AuthToken::default()
    };
    token.sign(t.app.clock.now().as_second(), &key).unwrap()
}

#[allow(clippy::too_many_lines, reason = "a table of spellings")]
#[tokio::test(flavor = "multi_thread")]
async fn private_original_leaves_under_no_spelling() {
    let t = app();
    for (name, body) in [
        ("a", json!("f_auto")),
        ("j", json!("f_jpg")),
        ("p", json!("fl_attachment")),
    ] {
        let named = json!({ "name": name, "transformation": body });
        admin(&t, Method::POST, "/transformations", &named).await;
    }
    for (id, extension, file) in [
        ("rj", "jpg", jpeg_with_comment(RED, PLACE)),
        ("rp", "png", png_with_text(40, 30, RED, PLACE)),
    ] {
        store(&t, id, &file, &[("type", "private")]).await;
        let path = |asked: &str| format!("/demo/image/private/{asked}");
        for asked in [
            format!("f_{extension}/{id}"),
            format!("f_{extension}/{id}.{extension}"),
            format!("f_auto/{id}"),
            format!("f_auto/{id}.{extension}"),
            format!("f_auto,fl_attachment/{id}"),
            format!("f_auto,fl_force_strip.immutable_cache/{id}"),
            format!("t_a/{id}"),
            format!("t_a,fl_attachment:x/{id}"),
            format!("t_p/f_auto/{id}"),
            format!("q_100/{id}"),
            format!("c_limit,w_99999/{id}"),
            format!("c_scale,w_1.0/{id}"),
            format!("dpr_1.0/{id}"),
            format!("pg_1/{id}"),
            format!("a_0/{id}"),
            format!("o_100/{id}"),
            format!("if_w_gt_9000/w_10/if_end/{id}"),
        ] {
            for accept in ["*/*", "image/avif,image/webp,*/*"] {
                let answer = t.get_with(&path(&asked), &[("accept", accept)]).await;
                assert!(answer.body != file, "{asked} is the original");
                assert!(!contains(&answer.body, PLACE), "{asked} tells the place");
                assert_eq!(answer.status, StatusCode::OK, "{asked}: {answer:?}");
                let part = t.get_with(&path(&asked), &[("range", "bytes=0-9")]).await;
                assert_eq!(part.status, StatusCode::OK, "{asked}: parts are of originals");
            }
        }
        for asked in [
            id.to_owned(),
            format!("{id}.{extension}"),
            format!("{id}.webp"),
            format!("fl_attachment/{id}"),
            format!("fl_getinfo/{id}"),
            format!("t_p/{id}"),
            format!("d_x.png/{id}.{extension}"),
        ] {
            let known = t
                .send(
                    Request::head(path(&asked))
                        .header("if-none-match", "*")
                        .body(Body::empty())
                        .unwrap(),
                )
                .await;
            for answer in [
                t.get(&path(&asked)).await,
                t.get_with(&path(&asked), &[("if-none-match", "*")]).await,
                known,
            ] {
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{asked}: {answer:?}");
                assert_eq!(answer.header("cache-control"), "no-store", "{asked}");
                assert_eq!(answer.header("etag"), "", "{asked}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn private_originals_size_is_for_those_who_may_read_it() {
    let t = app_with_tokens();
    let file = png_with_text(40, 30, RED, PLACE);
    store(&t, "rp", &file, &[("type", "private")]).await;
    let size = file.len().to_string();
    for asked in [
        "fl_getinfo,w_10/rp",
        "f_png,fl_getinfo/rp",
        "c_limit,fl_getinfo,w_9000/rp",
    ] {
        let path = format!("/demo/image/private/{asked}");
        let info = t.get(&path).await;
        assert_eq!(info.status, StatusCode::OK, "{asked}");
        assert!(info.json()["input"].is_null(), "{asked}: {info:?}");
        assert!(info.json()["output"]["width"].is_number(), "{asked}");
        let cookie = format!("__cld_token__={}", token(&t, "/demo/image/*", 300));
        let opened = t.get_with(&path, &[("cookie", &cookie)]).await;
        assert_eq!(opened.json()["input"]["bytes"], file.len(), "{asked}");
        assert_eq!(opened.header("cache-control"), "private, max-age=60", "{asked}");
        assert_ne!(opened.header("etag"), info.header("etag"), "{asked}");
    }
    for asked in ["w_10/rp", "f_png/rp", "rp"] {
        let told = t.get(&format!("/demo/image/private/{asked}?explain=1")).await;
        assert_eq!(told.status, StatusCode::UNAUTHORIZED, "{asked}");
        assert!(!contains(&told.body, &size), "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explanation_needs_more_than_a_signed_transformation() {
    let t = app();
    let file = png_with_text(40, 30, RED, PLACE);
    let eager = store(&t, "ra", &file, &[("type", "authenticated"), ("eager", "w_10")]).await;
    let answer = eager.json();
    let signed = answer["eager"][0]["secure_url"].as_str().unwrap();
    assert_eq!(t.get(signed).await.status, StatusCode::OK, "{signed}");
    let told = t.get(&format!("{signed}?explain=1")).await;
    assert_eq!(told.status, StatusCode::UNAUTHORIZED, "{told:?}");
    let original = answer["secure_url"].as_str().unwrap();
    let told = t.get(&format!("{original}?explain=1")).await;
    assert_eq!(told.json()["asset"]["bytes"], file.len(), "{told:?}");
}

/// Blue `pub`, and red pictures that strangers may not see.
async fn with_forbidden_pictures(t: &TestApp) {
    store(t, "rl/pub", &png(40, 40, BLUE), &[]).await;
    let windows = [
        ("rl/tok", TOKEN_ONLY),
        (
            "rl/fut",
            r#"[{"access_type":"anonymous","start":"2999-01-01T00:00:00Z"}]"#,
        ),
        (
            "rl/past",
            r#"[{"access_type":"anonymous","end":"2024-06-25T09:25:44Z"}]"#,
        ),
    ];
    for (id, control) in windows {
        store(t, id, &png(20, 20, RED), &[("access_control", control)]).await;
    }
    store(t, "rl/rej", &png(20, 20, RED), &[("moderation", "manual")]).await;
    let rejected = json!({ "moderation_status": "rejected" });
    admin(t, Method::POST, "/resources/image/upload/rl/rej", &rejected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn layer_of_unreadable_picture_is_answered_as_missing() {
    let t = app();
    with_forbidden_pictures(&t).await;
    let named = json!({ "name": "seal", "transformation": "l_rl:tok/fl_layer_apply" });
    admin(&t, Method::POST, "/transformations", &named).await;
    let get = async |asked: &str| t.get(&format!("/demo/image/upload/{asked}/rl/pub.png")).await;
    let missing = get("l_rl:gone").await;
    let told = |id: &str| format!("Unknown or invalid referenced image rl/{id} of type upload");
    assert_eq!(missing.header("x-cld-error"), told("gone"));
    for id in ["tok", "fut", "past", "rej"] {
        for asked in [
            format!("l_rl:{id}"),
            format!("u_rl:{id}"),
            format!("l_rl:{id}.png,w_5"),
            format!("l_rl:pub/l_rl:{id}/fl_layer_apply/fl_layer_apply"),
            format!("if_w_gt_9000/l_rl:{id}/fl_layer_apply/if_end"),
            format!("$img_!rl:{id}!/l_$img/fl_layer_apply"),
            format!("w_10/l_upload:rl:{id}/fl_layer_apply,g_north/fl_getinfo"),
        ] {
            let answer = get(&asked).await;
            assert_eq!(answer.status, missing.status, "{asked}: {answer:?}");
            assert_eq!(answer.header("cache-control"), "no-store", "{asked}");
            if !asked.starts_with('$') {
                assert_eq!(answer.header("x-cld-error"), told(id), "{asked}");
            }
        }
        // A default image that may not be seen is as good as none.
        let default = t.get(&format!("/demo/image/upload/d_rl:{id}.png/rl/gone")).await;
        assert_eq!(default.status, StatusCode::NOT_FOUND, "{id}");
    }
    assert_eq!(get("t_seal").await.status, missing.status);
    // What an operator had made does not open it to others.
    let eager = [
        ("public_id", "rl/pub"),
        ("type", "upload"),
        ("eager", "l_rl:tok,w_10/png"),
    ];
    let made = post_signed(&t, "/image/explicit", &eager, None).await;
    assert_eq!(made.json()["eager"][0]["width"], 40, "{made:?}");
    assert_eq!(get("l_rl:tok,w_10").await.status, missing.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_picture_is_as_good_as_none() {
    let t = app();
    with_forbidden_pictures(&t).await;
    store(&t, "rl/rej.png", &png(20, 20, RED), &[]).await;
    let (rejected, missing) = ("/demo/image/upload/rl/rej", "/demo/image/upload/rl/gone");
    assert_eq!(t.get(rejected).await.status, t.get(missing).await.status);
    assert_eq!(t.get(&format!("{rejected}.png")).await.status, StatusCode::NOT_FOUND);
    for id in ["rej", "gone"] {
        let default = t.get(&format!("/demo/image/upload/d_rl:pub.png/rl/{id}.png")).await;
        assert_eq!(decode(&default.body).2, BLUE, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_opens_a_layer_only_by_the_layers_own_path() {
    let t = app_with_tokens();
    with_forbidden_pictures(&t).await;
    let path = "/demo/image/upload/l_rl:tok,w_40/f_png/rl/pub";
    let get = async |acl: &str| {
        let cookie = format!("__cld_token__={}", token(&t, acl, 300));
        t.get_with(path, &[("cookie", &cookie)]).await
    };
    assert_eq!(
        get("/demo/image/upload/l_rl:tok*").await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(get("/demo/image/upload/rl/pub*").await.status, StatusCode::BAD_REQUEST);
    let opened = get("/demo/image/upload/rl/*").await;
    assert_eq!(decode(&opened.body).2, RED);
    assert_eq!(opened.header("cache-control"), "private, max-age=60");
}

#[tokio::test(flavor = "multi_thread")]
async fn access_window_bounds_caching() {
    let t = app();
    // The clock stands at 09:25:44.
    let control = r#"[{"access_type":"token"},
        {"access_type":"anonymous","start":"2024-06-25T09:26:00Z","end":"2024-06-25T09:27:30Z"}]"#;
    let stored = store(&t, "w", &png(20, 20, RED), &[("access_control", control)]).await;
    store(&t, "base", &png(30, 30, BLUE), &[]).await;
    let original = stored.json()["secure_url"].as_str().unwrap().to_owned();
    let derived = original.replace("/upload/", "/upload/w_10/");
    let layer = original
        .replace("/upload/", "/upload/l_w,w_5/")
        .replace("/w.png", "/base");
    let default = original
        .replace("/upload/", "/upload/d_w.png/")
        .replace("/w.png", "/gone");
    let caching = async |url: &str| {
        let answer = t.get(url).await;
        (answer.status.as_u16(), answer.header("cache-control").to_owned())
    };
    let no_store = |status: u16| (status, "no-store".to_owned());
    let expect = async |seconds: u64| {
        for url in [&original, &derived] {
            assert_eq!(caching(url).await, (200, format!("public, max-age={seconds}")), "{url}");
        }
        for url in [&layer, &default] {
            let seconds = seconds.min(60);
            assert_eq!(caching(url).await, (200, format!("public, max-age={seconds}")), "{url}");
        }
        let head = Request::head(original.trim_start_matches("http://images.example"));
        let head = t.send(head.body(Body::empty()).unwrap()).await;
        assert_eq!(head.header("cache-control"), format!("public, max-age={seconds}"));
        let etag = t.get(&derived).await.header("etag").to_owned();
        let known = t.get_with(&derived, &[("if-none-match", &etag)]).await;
        assert_eq!(known.status, StatusCode::NOT_MODIFIED);
        assert_eq!(known.header("cache-control"), format!("public, max-age={seconds}"));
    };
    let refuse = async || {
        for (url, status) in [(&original, 401), (&derived, 401), (&layer, 400), (&default, 404)] {
            assert_eq!(caching(url).await, no_store(status), "{url}");
        }
    };
    refuse().await;
    t.advance(Duration::from_secs(15));
    refuse().await;
    t.advance(Duration::from_secs(1));
    expect(90).await;
    t.advance(Duration::from_secs(89));
    expect(1).await;
    t.advance(Duration::from_millis(500));
    expect(0).await;
    t.advance(Duration::from_millis(500));
    refuse().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn window_without_end_and_open_decisions_are_told_to_caches() {
    let t = app();
    let open = r#"[{"access_type":"anonymous","start":"2024-06-25T09:25:44Z"}]"#;
    let stored = store(&t, "o", &png(20, 20, RED), &[("access_control", open)]).await;
    let caching = async |url: &serde_json::Value| {
        let answer = t.get(url.as_str().unwrap()).await;
        answer.header("cache-control").to_owned()
    };
    let kept = caching(&stored.json()["secure_url"]).await;
    assert_eq!(kept, "public, max-age=31536000, immutable");
    // It may be rejected any time, so no browser keeps it for a year.
    let pending = store(&t, "m", &png(20, 20, RED), &[("moderation", "manual")]).await;
    assert_eq!(caching(&pending.json()["secure_url"]).await, "public, max-age=60");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_end_bounds_caching() {
    let t = app_with_tokens();
    let control = r#"[{"access_type":"token"},{"access_type":"anonymous","start":"2024-06-25T09:26:14Z"}]"#;
    store(&t, "w", &png(20, 20, RED), &[("access_control", control)]).await;
    store(&t, "a", &png(20, 20, RED), &[("type", "authenticated")]).await;
    for (path, seconds, expected) in [
        ("/demo/image/authenticated/a", 300, 60),
        ("/demo/image/authenticated/a", 20, 20),
        ("/demo/image/upload/w", 20, 20),
        // Then it is open to all.
        ("/demo/image/upload/w", 300, 30),
    ] {
        let cookie = format!("__cld_token__={}", token(&t, "/demo/image/*", seconds));
        let opened = t.get_with(path, &[("cookie", &cookie)]).await;
        assert_eq!(opened.status, StatusCode::OK, "{path}");
        let caching = format!("private, max-age={expected}");
        assert_eq!(opened.header("cache-control"), caching, "{path} {seconds}");
    }
}
