//! How the application's routes are found, and which pages may read what they answer.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::pictures::png;
use crate::test_app::{Answer, PASSWORD, TestApp, form};

async fn send(t: &TestApp, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    t.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_are_found_in_any_case_and_with_a_slash() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let credentials = json!({"email": member.email, "password": PASSWORD});
    for path in [
        "/api/auth/login/",
        "/API/auth/login",
        "/api/Auth/LOGIN/",
        "/api/auth/login/?next=A",
    ] {
        let answer = t.post(path, credentials.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
    }
    let post = t
        .call(Method::POST, "/api/posts/", &member.token, &json!({"content": "hello"}))
        .await;
    assert_eq!(post.status, StatusCode::CREATED, "{post:?}");
    let id = post.json()["_id"].as_str().unwrap().to_owned();
    for (method, path, status) in [
        (Method::GET, "/api/posts/".to_owned(), StatusCode::OK),
        (Method::HEAD, "/API/POSTS/?page=1".to_owned(), StatusCode::OK),
        (Method::GET, "/api/posts/USER/".to_owned(), StatusCode::OK),
        (Method::GET, format!("/api/Posts/User/{}/", member.id), StatusCode::OK),
        (Method::POST, format!("/api/posts/{id}/Like/"), StatusCode::OK),
        (Method::PUT, "/api/posts/".to_owned(), StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/api/users/Profile/".to_owned(), StatusCode::OK),
        (Method::GET, "/api/users/profile-image/".to_owned(), StatusCode::OK),
        (
            Method::GET,
            format!("/api/users/{}/Profile-Image/", member.id),
            StatusCode::OK,
        ),
        (Method::DELETE, format!("/api/posts/{id}/"), StatusCode::OK),
        (Method::GET, "/health/".to_owned(), StatusCode::OK),
        (Method::HEAD, "/Health".to_owned(), StatusCode::OK),
        (Method::GET, "/metrics/".to_owned(), StatusCode::OK),
        (Method::GET, "/api/docs/".to_owned(), StatusCode::OK),
        // As Express: one slash at the end, and none that is escaped or doubled.
        (Method::GET, "/api/posts//".to_owned(), StatusCode::NOT_FOUND),
        (Method::GET, "/api//posts".to_owned(), StatusCode::NOT_FOUND),
        (Method::GET, "/api/posts%2F".to_owned(), StatusCode::NOT_FOUND),
        (Method::GET, "/health//".to_owned(), StatusCode::NOT_FOUND),
    ] {
        let answer = t.call(method.clone(), &path, &member.token, &Value::Null).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    }
    let unknown = t.get("/API/nothing/").await;
    assert_eq!(unknown.refusal(), (404, "Not found".to_owned()));
    let headers = [
        ("origin", "http://localhost:3000"),
        ("access-control-request-method", "POST"),
    ];
    let preflight = send(&t, Method::OPTIONS, "/API/posts/", &headers).await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(preflight.header("access-control-allow-origin"), "http://localhost:3000");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_name_the_route_however_it_was_written() {
    visage::metrics::record();
    let t = TestApp::new();
    for path in ["/API/Docs/openapi.JSON/", "/HEALTH/"] {
        assert_eq!(t.get(path).await.status, StatusCode::OK, "{path}");
    }
    let metrics = t.get("/metrics").await;
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(text.contains("route=\"/api/docs/openapi.json\""), "{text}");
    assert!(!text.contains("/HEALTH") && !text.contains("openapi.JSON"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn delivery_and_cloudinary_api_keep_their_case() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let url = t.upload_ok(&member, &png(10, 10, [200, 0, 0])).await;
    assert_eq!(t.get(&url).await.status, StatusCode::OK);
    for other in [
        url.replace("/visage/", "/Visage/"),
        url.replace("/image/", "/Image/"),
        url.replace("/profiles/", "/Profiles/"),
    ] {
        assert_ne!(other, url);
        assert_eq!(t.get(&other).await.status, StatusCode::NOT_FOUND, "{other}");
    }
    for path in ["/V1_1/visage/ping", "/v1_1/visage/PING", "/v1_1/VISAGE/ping"] {
        assert!(t.get(path).await.status.is_client_error(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_page_may_read_what_is_public() {
    let t = TestApp::new();
    let (with, without) = (t.member("Asha").await, t.member("Ben").await);
    t.upload_ok(&with, &png(10, 10, [200, 0, 0])).await;
    let nobody = "0".repeat(with.id.len());
    for origin in ["https://any.example", "http://localhost:3000", ""] {
        for (path, status) in [
            (
                format!("/api/users/{}/profile-image?size=96", with.id),
                StatusCode::FOUND,
            ),
            (
                format!("/api/users/{}/profile-image?size=96", without.id),
                StatusCode::OK,
            ),
            (format!("/api/users/{nobody}/profile-image"), StatusCode::NOT_FOUND),
            ("/api/users/x/Profile-Image/".to_owned(), StatusCode::NOT_FOUND),
            ("/api/docs/openapi.json".to_owned(), StatusCode::OK),
            ("/health".to_owned(), StatusCode::OK),
        ] {
            for method in [Method::GET, Method::HEAD] {
                let answer = send(&t, method, &path, &[("origin", origin)]).await;
                assert_eq!(answer.status, status, "{path}");
                assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
                assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
            }
            let preflight = [("origin", origin), ("access-control-request-method", "GET")];
            let answer = send(&t, Method::OPTIONS, &path, &preflight).await;
            assert_eq!(answer.status, StatusCode::NO_CONTENT, "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
            assert_eq!(
                answer.header("access-control-allow-methods"),
                "GET,HEAD,OPTIONS",
                "{path}"
            );
        }
    }
    let private = t
        .get_with("/api/users/profile", &[("origin", "https://any.example")])
        .await;
    assert_eq!(private.header("access-control-allow-origin"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn form_without_a_chosen_file_has_no_file() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let (kind, nothing) = ("application/octet-stream", &b""[..]);
    for parts in [
        &[("profileImage", Some(""), kind, nothing)][..],
        &[("profileImage", None, kind, nothing)],
        &[("profileImage", Some(""), kind, &b"bytes"[..])],
        &[
            ("avatar", Some(""), kind, nothing),
            ("crop", None, "text/plain", nothing),
        ],
        &[],
    ] {
        let answer = t.upload_form(&member, form(parts)).await;
        assert_eq!(answer.refusal(), (400, "No file uploaded".to_owned()), "{parts:?}");
    }
    // One empty part beside the file is what a form with two inputs sends.
    let picture = png(10, 10, [200, 0, 0]);
    let parts = [
        ("profileImage", Some(""), kind, nothing),
        ("profileImage", Some("me.png"), "image/png", &picture[..]),
    ];
    assert_eq!(t.upload_form(&member, form(&parts)).await.status, StatusCode::OK);
    let empty = [("profileImage", Some("me.png"), "image/png", nothing)];
    let answer = t.upload_form(&member, form(&empty)).await;
    assert_eq!(
        answer.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "an empty file is a file"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn post_without_a_chosen_file_is_a_text() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let send = async |parts: &[(&str, Option<&str>, &str, &[u8])]| {
        let request = Request::post("/api/posts")
            .header("authorization", format!("Bearer {}", member.token))
            .header(
                "content-type",
                format!("multipart/form-data; boundary={}", crate::test_app::BOUNDARY),
            )
            .body(Body::from(form(parts)))
            .unwrap();
        t.send(request).await
    };
    let kind = "application/octet-stream";
    let text = ("content", None, "text/plain", &b"hello"[..]);
    for file in [("media", Some(""), kind, &b""[..]), ("image", Some(""), kind, &b""[..])] {
        let answer = send(&[text, file]).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        assert_eq!(
            (&answer.json()["content"], &answer.json()["media"]),
            (&json!("hello"), &Value::Null)
        );
        assert_eq!(send(&[file]).await.status, StatusCode::BAD_REQUEST);
    }
}
