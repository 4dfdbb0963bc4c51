//! Conditional requests (RFC 9110, 13) and names of attachments, by the router and from memory alike.

use http::{Method, Request, StatusCode};
use serde_json::json;

use crate::cloudinary::{admin, app, post_signed};
use crate::pictures::noisy_png;
use crate::test_app::{Answer, TestApp};

/// The tests' clock stands here.
const MODIFIED: &str = "Tue, 25 Jun 2024 09:25:44 GMT";
const BEFORE: &str = "Tue, 25 Jun 2024 09:25:43 GMT";
const AFTER: &str = "Tue, 25 Jun 2024 09:25:45 GMT";

async fn with_picture() -> TestApp {
    let t = app();
    upload(&t, "image", "a").await;
    t
}

async fn upload(t: &TestApp, kind: &str, public_id: &str) {
    let stored = post_signed(
        t,
        &format!("/{kind}/upload"),
        &[("public_id", public_id)],
        Some(&noisy_png(30, 30)),
    )
    .await;
    assert_eq!(stored.status, StatusCode::OK, "{stored:?}");
}

async fn head(t: &TestApp, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(Method::HEAD).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    t.send(request.body(axum::body::Body::empty()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_are_evaluated_in_the_order_of_the_standard() {
    for path in [
        "/demo/image/upload/a",
        "/demo/image/upload/w_10/f_png/a",
        "/demo/image/upload/fl_getinfo,w_9/a",
    ] {
        let t = with_picture().await;
        // Not yet kept in memory: the first round is the router's, the others may be answered from memory.
        for round in 0..3 {
            let answer = t.get(path).await;
            let etag = answer.header("etag");
            let other = "\"other\"";
            for (lines, status) in [
                (vec![("if-modified-since", MODIFIED)], 304),
                (vec![("if-modified-since", AFTER)], 304),
                (vec![("if-modified-since", BEFORE)], 200),
                (vec![("if-modified-since", "yesterday")], 200),
                (vec![("if-none-match", other), ("if-modified-since", MODIFIED)], 200),
                (vec![("if-none-match", etag), ("if-modified-since", BEFORE)], 304),
                (vec![("if-match", other)], 412),
                (vec![("if-match", etag)], 200),
                (vec![("if-match", "*")], 200),
                (vec![("if-match", etag), ("if-none-match", etag)], 304),
                (vec![("if-match", other), ("if-none-match", etag)], 412),
                (vec![("if-unmodified-since", BEFORE)], 412),
                (vec![("if-unmodified-since", MODIFIED)], 200),
                (vec![("if-match", etag), ("if-unmodified-since", BEFORE)], 200),
            ] {
                let whole = t.get_with(path, &lines).await;
                assert_eq!(whole.status.as_u16(), status, "{path} {round} {lines:?}");
                assert_eq!(whole.body.is_empty(), status != 200, "{path} {lines:?}");
                let alone = head(&t, path, &lines).await;
                assert_eq!(alone.status.as_u16(), status, "HEAD {path} {lines:?}");
                if status == 304 {
                    let found = (whole.header("etag"), whole.header("last-modified"));
                    assert_eq!(found, (etag, MODIFIED), "{path}");
                    assert_eq!(whole.header("cache-control"), "public, max-age=60");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_count_only_for_the_answer_that_if_range_names() {
    let t = with_picture().await;
    let path = "/demo/image/upload/a";
    let answer = t.get(path).await;
    let etag = answer.header("etag");
    let weak = format!("W/{etag}");
    for (named, status) in [
        (etag, 206),
        (weak.as_str(), 200),
        ("\"other\"", 200),
        (MODIFIED, 206),
        (BEFORE, 200),
        (AFTER, 200),
        ("soon", 200),
    ] {
        let answer = t.get_with(path, &[("range", "bytes=0-9"), ("if-range", named)]).await;
        assert_eq!(answer.status.as_u16(), status, "{named}");
    }
    let lines = [("range", "bytes=0-9"), ("if-modified-since", MODIFIED)];
    assert_eq!(t.get_with(path, &lines).await.status, StatusCode::NOT_MODIFIED);
    let lines = [("range", "bytes=0-9"), ("if-match", "\"other\"")];
    assert_eq!(t.get_with(path, &lines).await.status, StatusCode::PRECONDITION_FAILED);
    let lines = [("range", "bytes=0-9"), ("if-unmodified-since", MODIFIED)];
    assert_eq!(t.get_with(path, &lines).await.status, StatusCode::PARTIAL_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_files_are_conditional_too() {
    let t = app();
    upload(&t, "raw", "a.bin").await;
    let path = "/demo/raw/upload/a.bin";
    assert_eq!(t.get(path).await.header("last-modified"), MODIFIED);
    assert_eq!(
        t.get_with(path, &[("if-modified-since", MODIFIED)]).await.status,
        StatusCode::NOT_MODIFIED
    );
    assert_eq!(
        t.get_with(path, &[("if-match", "\"x\"")]).await.status,
        StatusCode::PRECONDITION_FAILED
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_replaced_within_a_second_is_sent() {
    let t = with_picture().await;
    let path = "/demo/image/upload/a";
    let first = t.get(path).await;
    upload(&t, "image", "a").await;
    let since = [("if-modified-since", MODIFIED)];
    assert_eq!(t.get_with(path, &since).await.status, StatusCode::OK);
    // The second of the new version has come; the answer in memory is from before.
    t.advance(std::time::Duration::from_secs(1));
    let second = head(&t, path, &since).await;
    assert_eq!((second.status, second.header("last-modified")), (StatusCode::OK, AFTER));
    assert_ne!(second.header("etag"), first.header("etag"));
    let known = head(&t, path, &[("if-modified-since", AFTER)]).await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_more_than_the_upload_decides_has_no_date() {
    let t = with_picture().await;
    let named = json!({"name": "n", "transformation": "w_7"});
    admin(&t, Method::POST, "/transformations", &named).await;
    for path in [
        "/demo/image/upload/t_n/f_png/a",
        "/demo/image/upload/d_a.png/w_8/f_png/missing",
        "/demo/image/upload/l_a,w_3/f_png/a",
    ] {
        let answer = t.get(path).await;
        assert_eq!(
            (answer.status, answer.header("last-modified")),
            (StatusCode::OK, ""),
            "{path}"
        );
        let again = t.get_with(path, &[("if-modified-since", AFTER)]).await;
        assert_eq!(again.status, StatusCode::OK, "{path}");
        let known = t.get_with(path, &[("if-none-match", answer.header("etag"))]).await;
        assert_eq!(known.status, StatusCode::NOT_MODIFIED, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_on_a_missing_picture_are_ignored() {
    let t = app();
    for lines in [
        [("if-match", "*")],
        [("if-none-match", "*")],
        [("if-modified-since", AFTER)],
    ] {
        let answer = t.get_with("/demo/image/upload/none", &lines).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_files_are_conditional_too() {
    let t = app();
    for path in ["/", "/ui/page.js"] {
        let answer = t.get(path).await;
        let etag = answer.header("etag");
        for (lines, status) in [
            ([("if-none-match", etag)], 304),
            ([("if-none-match", "\"other\"")], 200),
            ([("if-match", "*")], 200),
            ([("if-match", "\"other\"")], 412),
            // It is weak, so nothing matches it strongly.
            ([("if-match", etag)], 412),
            ([("if-modified-since", AFTER)], 200),
        ] {
            assert_eq!(
                t.get_with(path, &lines).await.status.as_u16(),
                status,
                "{path} {lines:?}"
            );
        }
    }
}

async fn disposition(t: &TestApp, path: &str) -> String {
    let answer = t.get_with(path, &[("accept", "image/webp")]).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
    answer.header("content-disposition").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_have_the_extension_of_what_is_sent() {
    let t = app();
    for public_id in ["dl/pic", "dl/photo.v2"] {
        upload(&t, "image", public_id).await;
    }
    upload(&t, "raw", "dl/contract.pdf").await;
    upload(&t, "raw", "dl/notes").await;
    let film = crate::pictures::mp4("+0+0/");
    post_signed(&t, "/video/upload", &[("public_id", "dl/film")], Some(&film)).await;
    for (path, name) in [
        ("image/upload/fl_attachment/dl/pic.jpg", "pic.jpg"),
        ("image/upload/fl_attachment/dl/pic.png", "pic.png"),
        ("image/upload/fl_attachment/dl/pic", "pic.png"),
        ("image/upload/fl_attachment:my_pic/w_10/dl/pic.png", "my_pic.png"),
        ("image/upload/fl_attachment:my_pic/w_10/dl/pic.jpg", "my_pic.jpg"),
        ("image/upload/fl_attachment/f_auto,w_10/dl/pic", "pic.webp"),
        ("image/upload/fl_attachment/f_gif,w_10/dl/pic.png", "pic.gif"),
        ("image/upload/fl_attachment.getinfo/w_10/dl/pic.png", "pic.json"),
        ("image/upload/fl_attachment/dl/photo.v2", "photo.v2.png"),
        ("image/upload/fl_attachment/w_10/dl/photo.v2.jpg", "photo.v2.jpg"),
        ("raw/upload/fl_attachment/dl/contract.pdf", "contract.pdf"),
        ("raw/upload/fl_attachment:my/dl/contract.pdf", "my.pdf"),
        ("raw/upload/fl_attachment/dl/notes", "notes"),
        ("video/upload/fl_attachment/dl/film.mp4", "film.mp4"),
        ("video/upload/fl_attachment:my/dl/film", "my.mp4"),
    ] {
        let expected = format!("attachment; filename=\"{name}\"; ");
        let found = disposition(&t, &format!("/demo/{path}")).await;
        assert!(found.starts_with(&expected), "{path}: {found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_with_other_letters_have_an_encoded_name() {
    let t = app();
    upload(&t, "image", "dl/Ärger \"1\"").await;
    let found = disposition(&t, "/demo/image/upload/fl_attachment/dl/%C3%84rger%20%221%22.jpg").await;
    let expected = "attachment; filename=\"_rger _1_.jpg\"; filename*=UTF-8''%C3%84rger%20%221%22%2Ejpg";
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_are_named_as_attachments_are() {
    let t = app();
    upload(&t, "image", "dl/pic").await;
    upload(&t, "raw", "dl/contract.pdf").await;
    for (kind, fields, name) in [
        (
            "image",
            vec![("public_id", "dl/pic"), ("attachment", "true")],
            "pic.png",
        ),
        (
            "image",
            vec![("public_id", "dl/pic"), ("attachment", "my"), ("format", "jpg")],
            "my.jpg",
        ),
        (
            "image",
            vec![("public_id", "dl/pic"), ("target_filename", "my.PNG")],
            "my.PNG",
        ),
        (
            "raw",
            vec![("public_id", "dl/contract.pdf"), ("attachment", "true")],
            "contract.pdf",
        ),
        (
            "raw",
            vec![("public_id", "dl/contract.pdf"), ("target_filename", "mine")],
            "mine.pdf",
        ),
    ] {
        let answer = post_signed(&t, &format!("/{kind}/download"), &fields, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let found = answer.header("content-disposition").to_owned();
        assert!(
            found.starts_with(&format!("attachment; filename=\"{name}\"")),
            "{fields:?}: {found}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_name_other_files_with_their_extension() {
    let t = app();
    upload(&t, "raw", "dl/contract.pdf").await;
    for (original, name) in [("true", "photo.pdf"), ("false", "contract.pdf")] {
        let fields = [
            ("public_ids", "dl/contract.pdf"),
            ("mode", "download"),
            ("flatten_folders", "true"),
            ("use_original_filename", original),
        ];
        let answer = post_signed(&t, "/raw/generate_archive", &fields, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let entry = answer.body.windows(name.len()).any(|part| part == name.as_bytes());
        assert!(entry, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_kept_though_a_condition_fails_on_it() {
    // A refusal must not take the answer in memory away, nor be kept in its place.
    let t = with_picture().await;
    let path = "/demo/image/upload/w_10/f_png/a";
    for _ in 0..2 {
        assert_eq!(t.get(path).await.status, StatusCode::OK);
        let failed = t.get_with(path, &[("if-match", "\"other\"")]).await;
        assert_eq!(failed.status, StatusCode::PRECONDITION_FAILED);
        assert!(failed.body.is_empty(), "{failed:?}");
    }
}
