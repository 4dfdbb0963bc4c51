//! What concerns every route.

use std::time::Duration;

use futures_util::StreamExt as _;
use http::{Method, Request, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use visage::http::Front;

use crate::pictures::png;
use crate::test_app::{BOUNDARY, TestApp, form};

#[tokio::test(flavor = "multi_thread")]
async fn health_says_ok_and_the_environment() {
    let t = TestApp::with_config(|config| config.environment = "production".to_owned());
    let health = t.get("/health").await;
    assert_eq!(health.status, StatusCode::OK);
    assert_eq!(health.json(), json!({"status": "ok", "environment": "production"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_text_for_prometheus() {
    visage::metrics::record();
    let t = TestApp::new();
    t.get("/health").await;
    let metrics = t.get("/metrics").await;
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    for name in [
        "visage_http_requests",
        "visage_http_request_seconds",
        "visage_pending_media",
    ] {
        assert!(text.contains(name), "{name} is missing in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_routes_are_json_too() {
    let t = TestApp::new();
    for path in [
        "/api/nothing",
        "/nothing",
        "/api/notifications/unread-count",
        "/ui/nothing.js",
    ] {
        let answer = t.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.message(), "Not found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_allowed_origins_may_call_and_others_may_not() {
    let t = TestApp::new();
    let preflight = async |origin: &str| {
        let request = Request::builder()
            .method(Method::OPTIONS)
            .uri("/api/users/profile-image")
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        t.send(request.body(axum::body::Body::empty()).unwrap()).await
    };
    let allowed = preflight("http://localhost:3000").await;
    assert_eq!(allowed.status, StatusCode::NO_CONTENT);
    assert_eq!(allowed.header("access-control-allow-origin"), "http://localhost:3000");
    assert_eq!(allowed.header("access-control-allow-credentials"), "true");
    assert_eq!(
        allowed.header("access-control-allow-methods"),
        "GET,POST,PUT,DELETE,OPTIONS"
    );
    assert_eq!(
        allowed.header("access-control-allow-headers"),
        "Content-Type,Authorization"
    );
    assert_eq!(allowed.header("vary"), "Origin");
    assert_eq!(
        preflight("https://evil.example")
            .await
            .header("access-control-allow-origin"),
        ""
    );
    let refused = t
        .get_with("/api/users/profile", &[("origin", "http://localhost:3000")])
        .await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        refused.header("access-control-allow-origin"),
        "http://localhost:3000",
        "the page can read refusals"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_harmless_request_id_is_kept_and_any_other_replaced() {
    let t = TestApp::new();
    let id = async |given: &str| {
        t.get_with("/health", &[("x-request-id", given)])
            .await
            .header("x-request-id")
            .to_owned()
    };
    assert_eq!(id("abc-123_X").await, "abc-123_X");
    for bad in ["a b", "<x>", &"x".repeat(65)] {
        assert_eq!(id(bad).await.len(), 16, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_too_many_is_answered_at_once() {
    let t = TestApp::with_config(|config| config.http.requests = 0);
    let answer = t
        .get_with("/api/users/profile", &[("origin", "http://localhost:3000")])
        .await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "2");
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "http://localhost:3000",
        "the page can read it"
    );
    assert_eq!(t.get("/health").await.status, StatusCode::OK, "busy is not ill");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_counts_until_its_answer_is_sent() {
    let t = TestApp::with_config(|config| config.http.requests = 1);
    let unread = t
        .respond(Request::get("/metrics").body(axum::body::Body::empty()).unwrap())
        .await;
    assert_eq!(t.get("/metrics").await.status, StatusCode::SERVICE_UNAVAILABLE);
    drop(unread);
    assert_eq!(t.get("/metrics").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_method_is_json_too() {
    let t = TestApp::new();
    for (method, path) in [
        (Method::GET, "/api/auth/login"),
        (Method::PATCH, "/api/users/profile"),
        (Method::POST, "/health"),
        (Method::POST, "/visage/image/upload/a.jpg"),
    ] {
        let answer = t.call(method, path, "", &serde_json::Value::Null).await;
        assert_eq!(answer.refusal(), (405, "Method not allowed".to_owned()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_and_sends_nothing_more_is_told_so_soon() {
    let t = TestApp::new();
    let silent = futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
    let request = crate::test_app::upload_request("no token", axum::body::Body::from_stream(silent));
    let answer = t.send(request).await;
    assert_eq!(
        answer.refusal(),
        (401, "Token is not valid".to_owned()),
        "and not: the request took too long"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_ends_is_given_up() {
    let t = TestApp::with_config(|config| config.http.request_timeout = visage::config::Period::seconds(1));
    let member = t.member("Asha").await;
    let endless = futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
    let request = crate::test_app::upload_request(&member.token, axum::body::Body::from_stream(endless));
    let answer = t.send(request).await;
    assert_eq!(answer.refusal(), (408, "The request took too long.".to_owned()));
}

/// A file that comes in pieces, one every so often.
fn in_pieces(file: &[u8], piece_bytes: usize, pause: Duration) -> axum::body::Body {
    let pieces: Vec<_> = file.chunks(piece_bytes).map(bytes::Bytes::copy_from_slice).collect();
    let slow = futures_util::stream::iter(pieces).then(move |piece| async move {
        // The sender is as slow as that: nothing is waited for.
        tokio::time::sleep(pause).await;
        Ok::<_, std::io::Error>(piece)
    });
    axum::body::Body::from_stream(slow)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_comes_in_over_a_slow_line_and_a_trickle_does_not() {
    let t = TestApp::with_config(|config| config.http.request_timeout = visage::config::Period::seconds(2));
    let member = t.member("Asha").await;
    let file = crate::pictures::noisy_png(300, 300);
    let form = crate::test_app::form(&[("profileImage", Some("photo.png"), "image/png", &file)]);
    assert!(form.len() > 250_000, "{}", form.len());
    let send = async |piece_bytes, pause| {
        let body = in_pieces(&form, piece_bytes, Duration::from_millis(pause));
        t.send(crate::test_app::upload_request(&member.token, body)).await
    };
    // Eight pieces in over three seconds: more than the two that a request has, and a bearable pace.
    assert_eq!(send(form.len() / 8 + 1, 400).await.status, StatusCode::OK);
    assert_eq!(
        send(1, 100).await.refusal(),
        (408, "The request took too long.".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_senders_without_a_token_keep_no_member_out() {
    let t = std::sync::Arc::new(TestApp::new());
    let member = t.member("Asha").await;
    let strangers: Vec<_> = (0..70)
        .map(|_| {
            let t = std::sync::Arc::clone(&t);
            tokio::spawn(async move {
                let body = in_pieces(&[b'-'; 8], 1, Duration::from_millis(500));
                t.send(crate::test_app::upload_request("no token", body)).await.status
            })
        })
        .collect();
    // They have been refused, and are still sending.
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(strangers.iter().all(|stranger| !stranger.is_finished()));
    let form = crate::test_app::form(&[(
        "profileImage",
        Some("a.png"),
        "image/png",
        &crate::pictures::png(9, 9, [1; 3]),
    )]);
    assert_eq!(t.upload_form(&member, form).await.status, StatusCode::OK);
    for stranger in strangers {
        assert_eq!(stranger.await.unwrap(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_too_much_is_told_when_to_come_again() {
    let t = TestApp::with_config(|config| {
        config.rate_limit.changes_burst = 2;
        config.rate_limit.changes_per_minute = 1;
    });
    let [member, other] = [t.member("Asha").await, t.member("Mira").await];
    let picture = crate::pictures::png(9, 9, [1; 3]);
    t.upload_ok(&member, &picture).await;
    let posted = t
        .call(
            Method::POST,
            "/api/posts",
            &member.token,
            &serde_json::json!({"content": "hello"}),
        )
        .await;
    assert_eq!(posted.status, StatusCode::CREATED);
    let refused = t.upload(&member, &picture).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_ne!(refused.header("retry-after"), "");
    t.upload_ok(&other, &picture).await;
}

/// Sends all of a request, closes the sending side, and reads until the server closes its own.
async fn half_closed(address: std::net::SocketAddr, request: &[u8]) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_closes_its_side_gets_its_answer() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let (front, http) = (Front::new(std::sync::Arc::clone(&t.app)), t.app.config.http.clone());
    let served = {
        let stop = stop.clone();
        tokio::spawn(async move { visage::http::server::serve(listener, front, &http, stop).await })
    };
    let login = json!({"email": member.email, "password": crate::test_app::PASSWORD}).to_string();
    let form = form(&[("profileImage", Some("me.png"), "image/png", &png(200, 200, [1, 2, 3]))]);
    let requests = [
        ("GET /health", String::new(), Vec::new()),
        (
            "POST /api/auth/login",
            "Content-Type: application/json\r\n".to_owned(),
            login.into_bytes(),
        ),
        (
            "POST /api/users/profile-image",
            format!(
                "Authorization: Bearer {}\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n",
                member.token
            ),
            form,
        ),
    ];
    for (line, headers, body) in requests {
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nHost: own.example\r\n{headers}Content-Length: {length}\r\n\r\n");
        for _ in 0..5 {
            let answer = half_closed(address, &[head.as_bytes(), &body].concat()).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{line}: {answer:?}");
        }
    }
    // A request that breaks off is not carried out.
    let cut = half_closed(
        address,
        b"POST /api/auth/login HTTP/1.1\r\nContent-Length: 100\r\n\r\n{",
    )
    .await;
    assert!(!cut.starts_with("HTTP/1.1 200"), "{cut:?}");
    stop.cancel();
    served.await.unwrap();
}
