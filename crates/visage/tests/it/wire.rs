//! Requests that the official client libraries sent to a recorder (`vectors/wire_requests.json`), sent to visage: each gets the
//! documented kind of answer. The recording has no bytes of files; a drawn picture stands in, which no signature covers.

use std::collections::BTreeMap;

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};
use visage_cloudinary::Secret;

use crate::pictures::noisy_png;
use crate::test_app::{Answer, TestApp};

/// Calls that are answered otherwise than with 200, and how.
const OTHERWISE: &[(&str, u16)] = &[
    // There is no such address: nothing of the recording is fetched.
    ("upload(remote url)", 400),
    // visage gives out no OAuth tokens.
    ("upload(oauth_token)", 401),
    // Not planned.
    ("explode", 404),
    // What is in the URI is the beginning of a picture.
    ("upload(data uri)", 400),
    // The recorder's cursors and ids are none.
    ("resources(type,prefix,...)", 400),
    ("resource", 400),
    ("delete_all_resources", 400),
    ("resource_by_asset_id", 404),
];

fn app() -> TestApp {
    let mut t = TestApp::with_config(|config| {
        config.embedded.cloud_name = "demo".to_owned();
        config.embedded.api_key = "1234567890".to_owned();
        config.embedded.api_secret = Secret::new("abcd");
    });
    t.check_on_drop = false;
    t
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_request_gets_a_documented_answer() {
    let vectors: Value = serde_json::from_str(include_str!(
        "../../../visage-cloudinary/tests/vectors/wire_requests.json"
    ))
    .unwrap();
    let mut statuses: BTreeMap<u16, u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in vectors["cases"].as_array().unwrap() {
        // Each on a store of its own: one call deletes what another names.
        let t = app();
        let call = case["call"].as_str().unwrap();
        prepare(&t, !call.starts_with("create_")).await;
        let expected = OTHERWISE
            .iter()
            .find(|(name, _)| *name == call)
            .map_or(200, |(_, status)| *status);
        for recorded in case["requests"].as_array().unwrap() {
            let answer = t.send(request(recorded)).await;
            let status = answer.status.as_u16();
            *statuses.entry(status).or_default() += 1;
            if status != expected || !is_documented(recorded, &answer) {
                wrong.push(format!(
                    "{} {call}: {status} {}",
                    case["sdk"],
                    String::from_utf8_lossy(&answer.body)
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {statuses:?}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// JSON always; no `error` in a success and a message in a refusal; what the Admin API counts, it tells.
fn is_documented(recorded: &Value, answer: &Answer) -> bool {
    let body = answer.json();
    let is_admin = recorded["headers"]["Authorization"]
        .as_str()
        .is_some_and(|value| value.starts_with("Basic"));
    let good = if answer.status.is_success() {
        body["error"].is_null()
    } else {
        body["error"]["message"].is_string()
    };
    good && answer.header("content-type").starts_with("application/json")
        && (!is_admin || !answer.header("x-featureratelimit-remaining").is_empty())
}

/// Makes what the recorded requests name; with `all`, also what some of them make.
async fn prepare(t: &TestApp, all: bool) {
    let picture = format!(
        "data:image/png;base64,{}",
        data_encoding::BASE64.encode(&noisy_png(20, 20))
    );
    for (kind, public_id) in [
        ("upload", "a"),
        ("upload", "b"),
        ("upload", "sample"),
        ("upload", "profiles/a"),
        ("upload", "profiles/usér 1"),
        ("private", "profiles/user_42"),
    ] {
        let asset = json!({
            "public_id": public_id, "type": kind, "file": picture, "tags": "t,t1", "backup": true, "eager": "c_scale,w_100",
        });
        admin(t, Method::POST, "/image/upload", &asset).await;
    }
    for (path, body) in [
        ("/upload_presets", json!({ "name": "my_preset", "unsigned": true })),
        ("/upload_presets", json!({ "name": "p q", "unsigned": true })),
        ("/transformations", json!({ "name": "named", "transformation": "w_5" })),
        (
            "/metadata_fields",
            json!({ "external_id": "dept", "type": "string", "label": "D" }),
        ),
        (
            "/metadata_fields",
            json!({ "external_id": "id1", "type": "string", "label": "I" }),
        ),
        (
            "/metadata_fields",
            json!({
                "external_id": "arr", "type": "set", "label": "A",
                "datasource": { "values": [{ "external_id": "1", "value": "a" }, { "external_id": "2", "value": "b" }] },
            }),
        ),
        ("/folders/a/b", json!({})),
    ] {
        admin(t, Method::POST, path, &body).await;
    }
    let made_by_some = [
        ("/upload_presets", json!({ "name": "p" })),
        ("/transformations", json!({ "name": "avatar", "transformation": "w_5" })),
        (
            "/upload_mappings",
            json!({ "folder": "wiki", "template": "https://w.example/" }),
        ),
    ];
    for (path, body) in made_by_some.iter().filter(|_| all) {
        admin(t, Method::POST, path, body).await;
    }
}

async fn admin(t: &TestApp, method: Method, path: &str, body: &Value) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/v1_1/demo{path}"))
        .header("authorization", "Basic MTIzNDU2Nzg5MDphYmNk")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let answer = t.send(request).await;
    assert!(answer.status.is_success(), "{path}: {answer:?}");
}

fn request(recorded: &Value) -> Request<Body> {
    let mut request = Request::builder()
        .method(recorded["method"].as_str().unwrap())
        .uri(recorded["target"].as_str().unwrap());
    for (name, value) in recorded["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    let body = &recorded["body"];
    let bytes = if let Some(parts) = body["multipart"].as_array() {
        multipart(parts)
    } else if let Some(text) = body["urlencoded_raw"].as_str() {
        text.as_bytes().to_vec()
    } else if body["json"].is_null() {
        Vec::new()
    } else {
        body["json"].to_string().into_bytes()
    };
    request.body(Body::from(bytes)).unwrap()
}

/// The parts in their order, between the boundary that the recorder wrote into the header.
fn multipart(parts: &[Value]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        let name = part["name"].as_str().unwrap();
        let (file_name, bytes) = match part["filename"].as_str() {
            Some(file) => (
                format!("; filename=\"{file}\""),
                file_of(part["size"].as_u64().unwrap()),
            ),
            None => (String::new(), part["value"].as_str().unwrap().as_bytes().to_vec()),
        };
        body.extend_from_slice(
            format!("--BOUNDARY\r\nContent-Disposition: form-data; name=\"{name}\"{file_name}\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(&bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--BOUNDARY--\r\n");
    body
}

/// A picture; with so many bytes where it is a part of a larger file.
fn file_of(size: u64) -> Vec<u8> {
    let mut bytes = noisy_png(20, 20);
    if size > 1_000 {
        bytes.resize(usize::try_from(size).unwrap(), 0);
    }
    bytes
}
