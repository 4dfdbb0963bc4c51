//! What the front keeps in memory is never older than the last change.

use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderValue;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use visage::http::Front;

use crate::cloudinary::{admin, app, post_signed};
use crate::pictures::noisy_png;
use crate::test_app::{Answer, TestApp};

/// An app whose front keeps answers for as long as nothing changes, with the pictures `a` and `b`.
async fn with_pictures() -> TestApp {
    let mut t = app();
    t.front = Front::new(Arc::clone(&t.app)).with_max_age(Duration::from_secs(3600));
    for (public_id, side) in [("a", 40), ("b", 45)] {
        let fields = [("public_id", public_id), ("moderation", "manual"), ("backup", "true")];
        let stored = post_signed(&t, "/image/upload", &fields, Some(&noisy_png(side, side))).await;
        assert_eq!(stored.status, StatusCode::OK, "{stored:?}");
    }
    let named = json!({ "name": "n", "transformation": "w_7" });
    admin(&t, Method::POST, "/transformations", &named).await;
    t
}

fn keeps(t: &TestApp, path: &str, headers: &HeaderMap) -> bool {
    t.front
        .hot(&Method::GET, &path.parse().unwrap(), headers, None)
        .is_some()
}

/// Asks for a path, after which the front must have it.
async fn warm(t: &TestApp, path: &str) -> Answer {
    let answer = t.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
    assert!(keeps(t, path, &HeaderMap::new()), "{path} is not kept");
    answer
}

/// A call that changes something, and what `path` is answered with afterwards.
struct Change {
    path: &'static str,
    call: (Method, &'static str),
    parameters: Value,
    expected: u16,
}

fn change(path: &'static str, call: (Method, &'static str), parameters: Value, expected: u16) -> Change {
    Change {
        path,
        call,
        parameters,
        expected,
    }
}

async fn carry_out(t: &TestApp, change: &Change) {
    let (method, path) = change.call.clone();
    let answer = if path.starts_with("/image/") {
        let fields: Vec<(&str, &str)> = change
            .parameters
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let file = noisy_png(50, 50);
        post_signed(t, path, &fields, path.ends_with("upload").then_some(&file[..])).await
    } else {
        admin(t, method, path, &change.parameters).await
    };
    assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
}

fn changes() -> Vec<Change> {
    let image = "/demo/image/upload/w_10/f_png/a";
    let original = "/demo/image/upload/a";
    let named = "/demo/image/upload/t_n/f_png/a";
    let default = "/demo/image/upload/d_b.png/w_10/f_png/missing";
    let post = |path| (Method::POST, path);
    let token = r#"[{"access_type":"token"}]"#;
    let renamed = json!({"from_public_id": "b", "to_public_id": "a", "overwrite": "true"});
    let away = json!({"from_public_id": "a", "to_public_id": "c"});
    let resource = "/resources/image/upload/a";
    vec![
        change(image, post("/image/upload"), json!({"public_id": "a"}), 200),
        change(original, post("/image/upload"), json!({"public_id": "a"}), 200),
        change(image, post("/image/destroy"), json!({"public_id": "a"}), 404),
        change(image, post("/image/rename"), away, 404),
        change(image, post("/image/rename"), renamed, 200),
        change(
            image,
            post("/image/explicit"),
            json!({"public_id": "a", "type": "upload", "access_control": token}),
            401,
        ),
        change(
            image,
            (Method::PUT, resource),
            json!({"moderation_status": "rejected"}),
            404,
        ),
        change(
            image,
            (Method::DELETE, "/resources/image/upload"),
            json!({"public_ids": ["a"]}),
            404,
        ),
        change(
            image,
            (Method::DELETE, "/resources/image/upload"),
            json!({"all": true}),
            404,
        ),
        change(
            named,
            (Method::PUT, "/transformations"),
            json!({"transformation": "n", "unsafe_update": "w_9"}),
            200,
        ),
        change(
            named,
            (Method::DELETE, "/transformations"),
            json!({"transformation": "n"}),
            400,
        ),
        // What was missing is there now, and the default image is another one.
        change(default, post("/image/upload"), json!({"public_id": "missing"}), 200),
        change(default, post("/image/upload"), json!({"public_id": "b"}), 200),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_seen_by_the_next_request() {
    for change in changes() {
        let t = with_pictures().await;
        let before = warm(&t, change.path).await;
        carry_out(&t, &change).await;
        assert!(
            !keeps(&t, change.path, &HeaderMap::new()),
            "{:?} left {} in memory",
            change.call,
            change.path
        );
        let after = t.get(change.path).await;
        let what = format!("{:?} {}", change.call, change.parameters);
        assert_eq!(after.status, change.expected, "{what}: {after:?}");
        assert_ne!(before.body, after.body, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_answer_is_the_one_that_was_made() {
    let t = with_pictures().await;
    let path = "/demo/image/upload/w_10/f_png/a";
    let made = t.get(path).await;
    let kept = t.get(path).await;
    let without_id = |answer: &Answer| {
        let mut headers = answer.headers.clone();
        headers.remove("x-request-id").unwrap();
        headers
    };
    assert_eq!(kept.body, made.body);
    assert_eq!(without_id(&kept), without_id(&made));
    let etag = made.header("etag").to_owned();
    let id = [("if-none-match", etag.as_str()), ("x-request-id", "mine")];
    let known = t.get_with(path, &id).await;
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(
        (known.header("etag"), known.header("x-request-id")),
        (etag.as_str(), "mine")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_depends_on_more_than_path_and_accept_is_not_answered_from_memory() {
    let t = with_pictures().await;
    let path = "/demo/image/upload/w_10,f_auto/a";
    warm(&t, path).await;
    for (name, value) in [
        ("accept", "image/avif"),
        ("cookie", "__cld_token__=x"),
        ("content-length", "1"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        assert!(!keeps(&t, path, &headers), "{name}");
    }
    assert!(!keeps(&t, &format!("{path}?__cld_token__=x"), &HeaderMap::new()));
    assert!(keeps(&t, &format!("{path}?_a=1"), &HeaderMap::new()));
    warm(&t, "/demo/image/upload/a").await;
    let part = t.get_with("/demo/image/upload/a", &[("range", "bytes=0-9")]).await;
    assert_eq!((part.status, part.body.len()), (StatusCode::PARTIAL_CONTENT, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_for_a_time_is_not_kept() {
    let t = with_pictures().await;
    let window = r#"[{"access_type":"anonymous","end":"2024-06-25T09:25:50Z"}]"#;
    let fields = [("public_id", "a"), ("type", "upload"), ("access_control", window)];
    post_signed(&t, "/image/explicit", &fields, None).await;
    let path = "/demo/image/upload/w_10/f_png/a";
    assert_eq!(t.get(path).await.status, StatusCode::OK);
    t.advance(Duration::from_secs(6));
    assert_eq!(t.get(path).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_made_anew_when_its_time_is_over() {
    let mut t = with_pictures().await;
    t.front = Front::new(Arc::clone(&t.app)).with_max_age(Duration::ZERO);
    let path = "/demo/image/upload/w_10/f_png/a";
    assert_eq!(t.get(path).await.status, StatusCode::OK);
    assert!(!keeps(&t, path, &HeaderMap::new()));
}

fn if_none_match(etag: &str) -> HeaderMap {
    HeaderMap::from_iter([(http::header::IF_NONE_MATCH, etag.parse().unwrap())])
}

/// The status of the kept answer to a request with these headers.
fn hot_status(t: &TestApp, path: &str, headers: &HeaderMap) -> Option<StatusCode> {
    let hot = t.front.hot(&Method::GET, &path.parse().unwrap(), headers, None);
    hot.map(|response| response.status())
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_answer_is_renewed_by_a_304_of_the_same_image() {
    let t = with_pictures().await;
    for path in ["/demo/image/upload/w_10/f_png/a", "/demo/image/upload/a"] {
        let made = warm(&t, path).await;
        // What is said of the asset changes, and its bytes do not.
        let tags = json!({"public_id": "a", "type": "upload", "tags": "x"});
        carry_out(&t, &change(path, (Method::POST, "/image/explicit"), tags, 200)).await;
        assert!(!keeps(&t, path, &HeaderMap::new()));
        let known = t.get_with(path, &[("if-none-match", made.header("etag"))]).await;
        assert_eq!(known.status, StatusCode::NOT_MODIFIED);
        let has_it = if_none_match(made.header("etag"));
        assert_eq!(hot_status(&t, path, &has_it), Some(StatusCode::NOT_MODIFIED));
        assert_eq!(hot_status(&t, path, &HeaderMap::new()), Some(StatusCode::OK));
        let kept = t.get(path).await;
        let headers = |answer: &Answer| {
            let mut headers = answer.headers.clone();
            headers.remove("x-request-id");
            headers
        };
        assert_eq!((&kept.body, headers(&kept)), (&made.body, headers(&made)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn image_that_is_not_kept_is_known_after_one_304() {
    let mut t = with_pictures().await;
    let path = "/demo/image/upload/w_10/f_png/a";
    let etag = t.get(path).await.header("etag").to_owned();
    t.front = Front::new(Arc::clone(&t.app)).with_max_age(Duration::from_secs(3600));
    let has_it = if_none_match(&etag);
    assert_eq!(hot_status(&t, path, &has_it), None);
    let known = t.get_with(path, &[("if-none-match", &etag)]).await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);
    assert_eq!(hot_status(&t, path, &has_it), Some(StatusCode::NOT_MODIFIED));
    // There are no bytes for who has another image, or none.
    assert_eq!(hot_status(&t, path, &if_none_match("\"other\"")), None);
    assert_eq!(hot_status(&t, path, &HeaderMap::new()), None);
    assert_eq!(t.get(path).await.status, StatusCode::OK);
    assert_eq!(hot_status(&t, path, &HeaderMap::new()), Some(StatusCode::OK));
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_image_is_answered_anew_to_who_has_the_old_one() {
    let t = with_pictures().await;
    let path = "/demo/image/upload/w_10/f_png/a";
    let etag = warm(&t, path).await.header("etag").to_owned();
    let known = t.get_with(path, &[("if-none-match", &etag)]).await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);
    let replaced = change(path, (Method::POST, "/image/upload"), json!({"public_id": "a"}), 200);
    carry_out(&t, &replaced).await;
    let anew = t.get_with(path, &[("if-none-match", &etag)]).await;
    assert_eq!(anew.status, StatusCode::OK);
    assert_ne!(anew.header("etag"), etag);
}
