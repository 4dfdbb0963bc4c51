//! Delivery in Cloudinary's URL language: design section 6.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use crate::pictures::{decode, png};
use crate::test_app::{Answer, TestApp};

/// An app with one picture, and that picture's path after the transformation: `v…/profiles/…`.
async fn with_picture(width: u32, height: u32) -> (TestApp, String) {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let url = t.upload_ok(&member, &png(width, height, [10, 200, 30])).await;
    let tail = url
        .split_once("/q_auto/")
        .or_else(|| url.split_once("q_auto/"))
        .unwrap()
        .1
        .to_owned();
    (t, tail)
}

async fn get(t: &TestApp, transformation: &str, tail: &str, headers: &[(&str, &str)]) -> Answer {
    let slash = if transformation.is_empty() { "" } else { "/" };
    t.get_with(&format!("/visage/image/upload/{transformation}{slash}{tail}"), headers)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_are_what_the_transformation_says() {
    let (t, tail) = with_picture(1000, 600).await;
    for (transformation, expected) in [
        ("c_scale,w_500", (500, 300)),
        ("w_500", (500, 300)),
        ("c_fit,h_300,w_300", (300, 180)),
        ("c_limit,h_2000,w_2000", (1000, 600)),
        ("c_fill,h_300,w_300", (300, 300)),
        ("c_crop,h_100,w_200", (200, 100)),
        ("c_crop,ar_1:1", (600, 600)),
        ("ar_1:1,c_fill,w_150", (150, 150)),
        ("c_thumb,g_face,h_64,w_64", (64, 64)),
        ("c_scale,w_0.25", (250, 150)),
        ("c_scale,w_500/c_crop,h_10,w_20", (20, 10)),
        ("c_fill,h_100,w_100/r_max", (100, 100)),
    ] {
        let image = get(&t, &format!("{transformation}/f_png"), &tail, &[]).await;
        assert_eq!(image.status, StatusCode::OK, "{transformation}: {image:?}");
        let (width, height, _) = decode(&image.body);
        assert_eq!((width, height), expected, "{transformation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_format_follows_f_then_the_extension_then_what_the_client_accepts() {
    let (t, tail) = with_picture(20, 20).await;
    let browser = [("accept", "image/avif,image/webp,image/*,*/*;q=0.8")];
    for (transformation, extension, accept, expected) in [
        ("w_10/f_auto", "", &browser[..], "image/avif"),
        ("w_10/f_auto", "", &[("accept", "image/webp,*/*")], "image/webp"),
        ("w_10/f_auto", "", &[], "image/png"),
        ("w_10/f_auto", ".jpg", &[("accept", "image/avif;q=0,*/*")], "image/jpeg"),
        ("w_10", ".webp", &browser, "image/webp"),
        ("f_jpg,w_10", ".webp", &browser, "image/jpeg"),
        ("w_10", "", &browser, "image/png"),
        ("f_gif,w_10", "", &[], "image/gif"),
    ] {
        let image = get(&t, transformation, &format!("{tail}{extension}"), accept).await;
        assert_eq!(
            image.header("content-type"),
            expected,
            "{transformation} {extension} {accept:?}"
        );
        let varies = transformation.contains("f_auto");
        assert_eq!(image.header("vary").contains("Accept"), varies, "{transformation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_version_may_be_kept_for_ever_and_others_for_a_moment() {
    let (t, tail) = with_picture(20, 20).await;
    let name = tail.split_once('/').unwrap().1.to_owned();
    let cache = async |tail: &str| get(&t, "w_10", tail, &[]).await.header("cache-control").to_owned();
    assert_eq!(cache(&tail).await, "public, max-age=31536000, immutable");
    for other in [name.clone(), format!("v1/{name}"), format!("v99999999999/{name}")] {
        assert_eq!(cache(&other).await, "public, max-age=60", "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_an_image_is_told_so_without_its_bytes() {
    let (t, tail) = with_picture(20, 20).await;
    for transformation in ["", "w_10", "f_auto,w_10"] {
        let image = get(&t, transformation, &tail, &[]).await;
        let etag = image.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.ends_with('"'));
        let again = get(&t, transformation, &tail, &[("if-none-match", &etag)]).await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!(again.header("etag"), etag);
        let other = get(&t, transformation, &tail, &[("if-none-match", "\"other\"")]).await;
        assert_eq!(other.status, StatusCode::OK);
        assert_eq!(other.body, image.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn originals_are_served_in_parts() {
    let (t, tail) = with_picture(20, 20).await;
    let whole = get(&t, "", &tail, &[]).await;
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let part = get(&t, "", &tail, &[("range", "bytes=1-3")]).await;
    assert_eq!(
        (part.status, &part.body[..]),
        (StatusCode::PARTIAL_CONTENT, &b"PNG"[..])
    );
    assert_eq!(part.header("content-range"), format!("bytes 1-3/{}", whole.body.len()));
    let beyond = get(&t, "", &tail, &[("range", "bytes=999999-")]).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_answers_the_headers_alone() {
    let (t, tail) = with_picture(20, 20).await;
    let path = format!("/visage/image/upload/w_10/{tail}");
    let get = t.get(&path).await;
    let head = t
        .send(http::Request::head(&path).body(axum::body::Body::empty()).unwrap())
        .await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    let part = http::Request::head(&path).header("range", "bytes=0-1");
    let part = t.send(part.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(part.status, StatusCode::OK, "parts are for GET alone");
    for name in ["etag", "content-type", "content-length", "cache-control"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_a_status_and_x_cld_error() {
    let (t, tail) = with_picture(20, 20).await;
    let name = tail.split_once('/').unwrap().1.to_owned();
    for (path, status, message) in [
        (
            format!("/visage/image/upload/w_abc/{tail}"),
            400,
            "Invalid width in transformation: abc",
        ),
        (
            format!("/visage/image/upload/w_0/{tail}"),
            400,
            "Invalid width in transformation: 0",
        ),
        (format!("/visage/image/upload/c_thumb,w_10/{tail}"), 400, "thumb"),
        (
            format!("/visage/image/upload/e_upscale/{tail}"),
            400,
            "Unsupported effect",
        ),
        (
            format!("/visage/image/upload/w_90000,h_90000,c_scale/{tail}"),
            400,
            "Maximum",
        ),
        (format!("/visage/image/upload/f_bmp/{tail}"), 400, "bmp"),
        (
            "/visage/image/upload/v1/profiles/nothing".to_owned(),
            404,
            "Resource not found - profiles/nothing",
        ),
        (format!("/another/image/upload/{tail}"), 404, "Resource not found"),
        (format!("/visage/video/upload/{tail}"), 404, "Resource not found"),
        (
            format!("/visage/image/upload/s--AAAAAAAA--/w_10/{tail}"),
            401,
            "signature",
        ),
        (
            format!("/visage/image/upload/..%2f..%2f{name}"),
            404,
            "Invalid public_id",
        ),
        ("/visage/image/upload/%ff".to_owned(), 404, "Invalid public_id"),
        ("/visage/image/upload/".to_owned(), 404, ""),
    ] {
        let answer = t.get(&path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        let error = answer.header("x-cld-error");
        assert!(
            error.to_lowercase().contains(&message.to_lowercase()),
            "{path}: {error}"
        );
        assert_eq!(answer.header("access-control-expose-headers"), "X-Cld-Error");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_served_executes_and_every_page_may_show_it() {
    let (t, tail) = with_picture(20, 20).await;
    for transformation in ["", "w_10"] {
        let image = get(&t, transformation, &tail, &[]).await;
        assert_eq!(image.header("x-content-type-options"), "nosniff");
        assert!(image.header("content-security-policy").contains("sandbox"));
        assert_eq!(image.header("cross-origin-resource-policy"), "cross-origin");
        assert_eq!(image.header("access-control-allow-origin"), "*");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_requests_at_once_render_once_and_derived_images_are_kept() {
    let (t, tail) = with_picture(500, 500).await;
    let path = format!("/visage/image/upload/w_123/f_webp/{tail}");
    let answers = futures_util::future::join_all((0..20).map(|_| t.get(&path))).await;
    assert!(
        answers
            .iter()
            .all(|a| a.status == StatusCode::OK && a.body == answers[0].body)
    );
    let derived = t.app.library.catalog.all_derived(None, 100).await.unwrap();
    assert_eq!(derived.iter().filter(|d| d.facts.width == 123).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_original_is_an_error_and_never_wrong_pixels() {
    let (mut t, tail) = with_picture(50, 50).await;
    t.check_on_drop = false;
    let asset = t.app.library.catalog.all_assets(None, 1).await.unwrap().remove(0);
    let good = get(&t, "", &tail, &[]).await;
    damage(&t, &asset.upload.id, &good.body).await;
    // Another server, or this one after a restart, has nothing in memory.
    let fresh = t.restarted();
    for transformation in ["", "w_10"] {
        let answer = get(&fresh, transformation, &tail, &[]).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{transformation}");
        assert_eq!(answer.header("x-cld-error"), "Server error");
    }
    let audit = visage::audit::audit(&fresh.app).await.unwrap();
    assert_eq!(audit.damaged_originals, 1);
    assert!(audit.is_damaged());
}

async fn damage(t: &TestApp, id: &visage_store::UploadId, good: &[u8]) {
    let mut wrong = good.to_vec();
    let middle = wrong.len() / 2;
    wrong[middle] ^= 1;
    let blobs = &t.app.library.blobs;
    blobs.delete(&visage_store::BlobKey::Original(*id)).await.unwrap();
    blobs.put_original(id, wrong.into()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn derived_images_over_their_room_go_longest_unused_first_and_are_made_again() {
    let t = TestApp::with_config(|config| config.cache.derived_bytes = 4000);
    let member = t.member("Asha").await;
    let url = t.upload_ok(&member, &crate::pictures::noisy_png(64, 64)).await;
    t.idle().await;
    let tail = url.split_once("q_auto/").unwrap().1.to_owned();
    for width in [20, 21, 22, 23, 24] {
        t.advance(Duration::from_secs(1));
        assert_eq!(
            get(&t, &format!("w_{width}/f_png"), &tail, &[]).await.status,
            StatusCode::OK
        );
    }
    let reaped = t.reap().await;
    assert!(reaped.evicted_derived > 0);
    assert!(t.app.library.catalog.derived_bytes().await.unwrap() <= 4000);
    let left = t.app.library.catalog.all_derived(None, 100).await.unwrap();
    assert!(left.iter().any(|d| d.facts.width == 24), "the youngest stays");
    assert_eq!(get(&t, "w_20/f_png", &tail, &[]).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_work_is_answered_at_once() {
    let t = TestApp::with_config(|config| config.render.queue = 0);
    let member = t.member("Asha").await;
    let answer = t.upload(&member, &png(20, 20, [0; 3])).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_tells_chain_steps_sizes_and_cuts_and_renders_nothing() {
    let (t, tail) = with_picture(1000, 600).await;
    let path = format!("/visage/image/upload/c_fill,g_east,h_200,w_200/r_max/f_auto/{tail}?explain=1");
    let told = t.get_with(&path, &[("accept", "image/webp")]).await;
    assert_eq!(
        (told.status, told.header("cache-control")),
        (StatusCode::OK, "no-store")
    );
    let told = told.json();
    assert_eq!(told["chain"], json!(["c_fill,g_east,h_200,w_200", "r_max"]));
    assert_eq!(
        told["plan"],
        json!([
            "decode -> 1000x600",
            "resample 600.0x600.0 at (400.0, 0.0) -> 200x200",
            "convert to sRGB -> 200x200",
            "cut to an ellipse -> 200x200",
        ])
    );
    let cut = "c_fill,g_east: of 1000x600 600.0x600.0 at (400.0, 0.0) is kept, shown with 200x200; placed by g_east";
    assert_eq!(told["crops"], json!([cut]));
    assert_eq!(
        (&told["output"]["format"], &told["output"]["width"]),
        (&json!("webp"), &json!(200))
    );
    assert_eq!(told["output"]["encoding"], "q_80, chroma 4:2:0");
    // Whoever may not see the picture is told nothing, and a kept answer is no explanation.
    let image = format!("/visage/image/upload/c_fill,h_20,w_20/f_png/{tail}");
    assert_eq!(t.get(&image).await.header("content-type"), "image/png");
    let told = t.get(&format!("{image}?explain=1")).await;
    assert_eq!(told.header("content-type"), "application/json");
    let wrong = t.get("/visage/image/upload/w_20/missing?explain=1").await;
    assert_eq!(wrong.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn getinfo_tells_what_goes_in_and_what_comes_out() {
    let (t, tail) = with_picture(1000, 600).await;
    let path = |flag: &str| format!("/visage/image/upload/c_fill,{flag}h_200,w_300/f_png/{tail}");
    let (picture, info) = (t.get(&path("")).await, t.get(&path("fl_getinfo,")).await);
    assert_eq!(info.header("content-type"), "application/json; charset=utf-8");
    assert_ne!(info.header("etag"), picture.header("etag"));
    let told = info.json();
    assert_eq!(
        (&told["input"]["width"], &told["input"]["height"]),
        (&json!(1000), &json!(600))
    );
    let expected = json!({ "width": 300, "height": 200, "bytes": picture.body.len(), "format": "png" });
    assert_eq!(told["output"], expected);
    let again = t
        .get_with(&path("fl_getinfo,"), &[("if-none-match", info.header("etag"))])
        .await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
}
