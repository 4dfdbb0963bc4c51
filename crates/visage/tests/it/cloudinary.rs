//! Cloudinary's API: who may call, what is refused, and what no caller may do.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::Value;
use visage::config::{Config, Period};
use visage_cloudinary::Secret;
use visage_cloudinary::signature::{SignatureAlgorithm, SignatureVersion, sign_request};

use crate::pictures::noisy_png as photo;
use crate::test_app::{Answer, BOUNDARY, TestApp, form};

const SECRET: &str = "a secret of the tests";
/// The tests' clock stands here.
const NOW: &str = "1719307544";

pub(crate) fn app() -> TestApp {
    app_with(|_| {})
}

/// The same, with other settings.
pub(crate) fn app_with(configure: impl FnOnce(&mut Config)) -> TestApp {
    let mut t = TestApp::with_config(|config| {
        config.embedded.cloud_name = "demo".to_owned();
        config.embedded.api_key = "123".to_owned();
        config.embedded.api_secret = Secret::new(SECRET);
        configure(config);
    });
    // These assets are nobody's profile images.
    t.check_on_drop = false;
    t
}

fn signed(fields: &[(&str, &str)]) -> String {
    sign_request(
        fields,
        SignatureVersion::V2,
        SignatureAlgorithm::Sha1,
        &Secret::new(SECRET),
    )
}

async fn post(t: &TestApp, path: &str, fields: &[(&str, &str)], file: Option<&[u8]>) -> Answer {
    let mut parts: Vec<(&str, Option<&str>, &str, &[u8])> = fields
        .iter()
        .map(|(name, value)| (*name, None, "text/plain", value.as_bytes()))
        .collect();
    parts.extend(file.map(|file| ("file", Some("photo.jpg"), "application/octet-stream", file)));
    let request = Request::post(format!("/v1_1/demo{path}"))
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(Body::from(form(&parts)))
        .unwrap();
    t.send(request).await
}

/// A request with a signature over its fields.
pub(crate) async fn post_signed(t: &TestApp, path: &str, fields: &[(&str, &str)], file: Option<&[u8]>) -> Answer {
    let mut fields = fields.to_vec();
    fields.push(("timestamp", NOW));
    let signature = signed(&fields);
    fields.push(("signature", &signature));
    fields.push(("api_key", "123"));
    post(t, path, &fields, file).await
}

/// Stores a file that must be taken.
pub(crate) async fn store(t: &TestApp, public_id: &str, file: &[u8], more: &[(&str, &str)]) -> Answer {
    let mut fields = vec![("public_id", public_id)];
    fields.extend(more);
    let answer = post_signed(t, "/image/upload", &fields, Some(file)).await;
    assert_eq!(answer.status, StatusCode::OK, "{public_id}: {answer:?}");
    answer
}

pub(crate) async fn admin(t: &TestApp, method: Method, path: &str, body: &Value) -> Answer {
    let basic = data_encoding::BASE64.encode(format!("123:{SECRET}").as_bytes());
    let request = Request::builder()
        .method(method)
        .uri(format!("/v1_1/demo{path}"))
        .header("authorization", format!("Basic {basic}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    t.send(request).await
}

fn refusal(answer: &Answer) -> (u16, String) {
    let message = answer.json()["error"]["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    (answer.status.as_u16(), message)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_signature_is_refused_and_the_right_one_is_not() {
    let t = app();
    let fields = [("public_id", "a"), ("timestamp", NOW)];
    let right = signed(&fields);
    for position in 0..right.len() {
        let mut altered = right.clone().into_bytes();
        altered[position] = if altered[position] == b'0' { b'1' } else { b'0' };
        let altered = String::from_utf8(altered).unwrap();
        let sent = [
            fields[0],
            fields[1],
            ("signature", altered.as_str()),
            ("api_key", "123"),
        ];
        let (status, message) = refusal(&post(&t, "/image/destroy", &sent, None).await);
        assert_eq!(status, 401);
        assert_eq!(
            message,
            format!("Invalid Signature {altered}. String to sign - 'public_id=a&timestamp={NOW}'.")
        );
    }
    assert_eq!(
        post_signed(&t, "/image/destroy", &fields[..1], None).await.json()["result"],
        "not found"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_good_for_an_hour() {
    let t = app();
    let now: i64 = NOW.parse().unwrap();
    for (age, good) in [(0, true), (3600, true), (3601, false), (-3600, true), (-3601, false)] {
        let time = (now - age).to_string();
        let fields = [("public_id", "a"), ("timestamp", time.as_str())];
        let signature = signed(&fields);
        let sent = [fields[0], fields[1], ("signature", &signature), ("api_key", "123")];
        let answer = post(&t, "/image/destroy", &sent, None).await;
        assert_eq!(answer.status.is_success(), good, "{age} seconds: {answer:?}");
        assert!(good || answer.status == StatusCode::BAD_REQUEST);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_signed_is_not_done() {
    let t = app();
    let signature = signed(&[("public_id", "a"), ("tags", "x"), ("timestamp", NOW)]);
    let injected: [&[(&str, &str)]; 5] = [
        &[("public_id", "a&tags=x")],
        &[("public_id", "a"), ("tags", "x"), ("overwrite", "1")],
        &[("public_id", "a"), ("tags", "x"), ("public_id", "b")],
        &[("public_id", "a"), ("tags", "y")],
        &[("public_id", "a")],
    ];
    for fields in injected {
        let mut sent = fields.to_vec();
        sent.extend([
            ("timestamp", NOW),
            ("signature", signature.as_str()),
            ("api_key", "123"),
        ]);
        let answer = post(&t, "/image/upload", &sent, Some(&photo(20, 20))).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{fields:?}");
    }
    assert!(
        admin(&t, Method::GET, "/resources/image", &Value::Null).await.json()["resources"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_hides_a_parameter_does_not_pass_as_version_1() {
    let t = app();
    // Signed by an old SDK as two parameters, sent as one.
    let fields = [("public_id", "a"), ("tags", "x"), ("timestamp", NOW)];
    let signature = sign_request(
        &fields,
        SignatureVersion::V1,
        SignatureAlgorithm::Sha1,
        &Secret::new(SECRET),
    );
    let sent = [
        ("public_id", "a&tags=x"),
        ("timestamp", NOW),
        ("signature", &signature),
        ("api_key", "123"),
    ];
    let answer = post(&t, "/image/upload", &sent, Some(&photo(20, 20))).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    // What an old SDK signs about a URL with a query is still taken.
    let fields = [
        ("notification_url", "https://x.example/?a=1&b=2"),
        ("public_id", "a"),
        ("timestamp", NOW),
    ];
    let signature = sign_request(
        &fields,
        SignatureVersion::V1,
        SignatureAlgorithm::Sha1,
        &Secret::new(SECRET),
    );
    let sent = [
        fields[0],
        fields[1],
        fields[2],
        ("signature", &signature),
        ("api_key", "123"),
    ];
    assert!(post(&t, "/image/destroy", &sent, None).await.status.is_success());
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_are_told_what_is_missing_or_wrong() {
    let t = app();
    let check = async |path: &str, fields: &[(&str, &str)], status: u16, begins: &str| {
        let file = photo(20, 20);
        let file = path.ends_with("upload").then_some(file.as_slice());
        let (got, message) = refusal(&post(&t, path, fields, file).await);
        assert!(
            got == status && message.starts_with(begins),
            "{path} {fields:?}: {got} {message}"
        );
    };
    check("/image/upload", &[], 400, "Upload preset must be specified").await;
    check(
        "/image/upload",
        &[("upload_preset", "no")],
        400,
        "Upload preset not found",
    )
    .await;
    check(
        "/image/upload",
        &[("upload_preset", "no"), ("overwrite", "1")],
        400,
        "Overwrite parameter is not allowed",
    )
    .await;
    check(
        "/image/destroy",
        &[("public_id", "a")],
        400,
        "Missing required parameter - api_key",
    )
    .await;
    check(
        "/image/upload",
        &[("api_key", "9"), ("timestamp", NOW), ("signature", "0")],
        401,
        "Invalid api_key 9",
    )
    .await;
    check(
        "/image/upload",
        &[("api_key", "123"), ("signature", "0")],
        400,
        "Missing required parameter - timestamp",
    )
    .await;
    let t = &t;
    let get = async |path: &str, header: &str| {
        let request = Request::get(path)
            .header("authorization", header)
            .body(Body::empty())
            .unwrap();
        refusal(&t.send(request).await)
    };
    assert_eq!(
        get("/v1_1/other/ping", "Basic x").await,
        (401, "Invalid cloud_name other".to_owned())
    );
    assert_eq!(
        get("/v1_1/demo/ping", "Bearer x").await,
        (401, "Invalid token".to_owned())
    );
    assert_eq!(
        get("/v1_1/demo/ping", "Basic MTIzOng=").await,
        (401, "api_secret mismatch".to_owned())
    );
    assert_eq!(get("/v1_1/demo/nothing", "Basic MTIzOng=").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_picture_passes_and_one_byte_more_does_not() {
    let picture = photo(40, 40);
    for (room, good) in [(1, true), (0, true), (-1_i64, false)] {
        let mut t = TestApp::with_config(|config| {
            config.embedded.cloud_name = "demo".to_owned();
            config.embedded.api_key = "123".to_owned();
            config.embedded.api_secret = Secret::new(SECRET);
            config.limits.image_bytes = (picture.len() as u64).checked_add_signed(room).unwrap();
        });
        t.check_on_drop = false;
        let answer = post_signed(&t, "/image/upload", &[("public_id", "a")], Some(&picture)).await;
        assert_eq!(answer.status.is_success(), good, "{answer:?}");
        if !good {
            assert!(refusal(&answer).1.starts_with("File size too large. Got "));
        }
        let left = std::fs::read_dir(t.folder.path().join("tmp")).unwrap().count();
        assert_eq!(left, 0, "no temporary file stays");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_members_picture_is_not_for_the_api_to_take() {
    let t = app();
    let member = t.member("Asha Rao").await;
    let url = t.upload_ok(&member, &photo(60, 60)).await;
    let id = t.profile(&member).await["cloudinaryId"].as_str().unwrap().to_owned();
    let id = id.as_str();
    let in_use = |answer: &Answer| {
        let (status, message) = refusal(answer);
        assert!(status == 400 && message.contains("in use"), "{status} {message}");
    };
    in_use(&post_signed(&t, "/image/destroy", &[("public_id", id)], None).await);
    in_use(&post_signed(&t, "/image/upload", &[("public_id", id)], Some(&photo(20, 20))).await);
    in_use(
        &post_signed(
            &t,
            "/image/rename",
            &[("from_public_id", id), ("to_public_id", "b")],
            None,
        )
        .await,
    );
    post_signed(&t, "/image/upload", &[("public_id", "mine")], Some(&photo(20, 20))).await;
    let onto = [("from_public_id", "mine"), ("overwrite", "1"), ("to_public_id", id)];
    in_use(&post_signed(&t, "/image/rename", &onto, None).await);
    in_use(
        &admin(
            &t,
            Method::POST,
            &format!("/resources/image/upload/{id}"),
            &serde_json::json!({"moderation_status": "rejected"}),
        )
        .await,
    );
    for body in [
        serde_json::json!({ "public_ids": [id] }),
        serde_json::json!({ "prefix": "profiles/" }),
        serde_json::json!({ "all": true }),
    ] {
        let answer = admin(&t, Method::DELETE, "/resources/image/upload", &body).await;
        assert_eq!(answer.json()["deleted"][id], "in_use", "{body}");
    }
    t.settle().await;
    assert_eq!(t.get(&url).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_does_not_take_the_callers_assets_for_leaks() {
    let t = app();
    let answer = post_signed(&t, "/image/upload", &[("folder", "profiles")], Some(&photo(20, 20))).await;
    assert!(answer.json()["public_id"].as_str().unwrap().starts_with("profiles/"));
    let large = vec![7; 3 * 1024 * 1024 + 5];
    post_signed(&t, "/raw/upload", &[("public_id", "large")], Some(&large)).await;
    let audit = t.settle().await;
    assert_eq!(
        (audit.assets, audit.unreferenced_assets, audit.damaged_originals),
        (2, 0, 0)
    );
    let part = t
        .get_with("/demo/raw/upload/large", &[("range", "bytes=1048570-2097155")])
        .await;
    assert_eq!((part.status, part.body.len()), (StatusCode::PARTIAL_CONTENT, 1_048_586));
}

#[tokio::test(flavor = "multi_thread")]
async fn protected_originals_need_a_signature_and_leave_nothing_in_shared_caches_without() {
    let t = app();
    for kind in ["private", "authenticated"] {
        let answer = post_signed(
            &t,
            "/image/upload",
            &[("public_id", "p"), ("type", kind)],
            Some(&photo(20, 20)),
        )
        .await;
        let url = answer.json()["secure_url"].as_str().unwrap().to_owned();
        assert_eq!(t.get(&url).await.status, StatusCode::OK, "{url}");
        let (head, rest) = url.split_once("s--").unwrap();
        let bare = format!("{head}{}", rest.split_once('/').unwrap().1);
        let refused = t.get(&bare).await;
        assert_eq!(
            (refused.status, refused.header("cache-control")),
            (StatusCode::UNAUTHORIZED, "no-store")
        );
        assert_eq!(refused.header("x-cld-error"), "deny or ACL failure");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_allowed_transformations_are_made_where_that_is_set() {
    let mut t = TestApp::with_config(|config| {
        config.embedded.cloud_name = "demo".to_owned();
        config.embedded.api_key = "123".to_owned();
        config.embedded.api_secret = Secret::new(SECRET);
        config.embedded.strict_transformations = true;
    });
    t.check_on_drop = false;
    let member = t.member("Asha Rao").await;
    let own = t.upload_ok(&member, &photo(60, 60)).await;
    assert_eq!(t.get(&own).await.status, StatusCode::OK, "visage's own URLs are signed");
    post_signed(
        &t,
        "/image/upload",
        &[("eager", "w_9"), ("public_id", "a")],
        Some(&photo(20, 20)),
    )
    .await;
    let status = async |path: &str| t.get(&format!("/demo/image/upload/{path}")).await.status.as_u16();
    assert_eq!(status("w_9/a.png").await, 200);
    assert_eq!(status("w_8/a.png").await, 401);
    assert_eq!(status("a.png").await, 200);
    let named = serde_json::json!({ "name": "n", "transformation": "w_7" });
    assert_eq!(
        admin(&t, Method::POST, "/transformations", &named).await.status,
        StatusCode::OK
    );
    assert_eq!(status("t_n/a.png").await, 200);
    assert_eq!(status("t_n,w_6/a.png").await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_pictures_get_a_json_refusal() {
    let Ok(folder) = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/hostile")) else {
        eprintln!("../shared/hostile is not there: nothing is tried");
        return;
    };
    let t = app();
    for entry in folder {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let answer = post_signed(&t, "/image/upload", &[("colors", "1"), ("faces", "1")], Some(&bytes)).await;
        let status = answer.status.as_u16();
        assert!(status == 200 || status == 400, "{}: {answer:?}", path.display());
        assert!(answer.json().is_object());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn search_over_its_time_is_answered_503() {
    let query = serde_json::json!({"expression": "width>1"});
    let t = app_with(|config| config.embedded.search_timeout = Period::seconds(0));
    let refused = admin(&t, Method::POST, "/resources/search", &query).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), "2");
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("The search took too long."), "{message}");
    let t = app_with(|config| config.embedded.search_timeout = Period::seconds(60));
    let found = admin(&t, Method::POST, "/resources/search", &query).await;
    assert_eq!(found.status, StatusCode::OK, "{found:?}");
}
