//! What parameters of Cloudinary's API may look like, signed and unsigned.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::json;
use visage_cloudinary::Secret;
use visage_cloudinary::signature::{SignatureAlgorithm, SignatureVersion, sign_request};

use crate::cloudinary::{admin, app};
use crate::pictures::noisy_png;
use crate::signed_requests::{Call, FORMS, Fields, Form, NOW, request, reset, signed, state, urlencoded};

#[tokio::test(flavor = "multi_thread")]
async fn parameter_hidden_in_a_name_is_refused() {
    let (t, picture) = (app(), noisy_png(8, 8));
    let call = Call {
        path: "/image/upload",
        fields: &[
            ("public_id", "hidden"),
            ("type", "authenticated"),
            ("upload_preset", "zz"),
            ("use_filename", "1"),
        ],
    };
    let mut fields = signed(&call);
    fields.retain(|(name, _)| !matches!(name.as_str(), "type" | "upload_preset"));
    for (name, _) in &mut fields {
        if name == "use_filename" {
            *name = "type=authenticated&upload_preset=zz&use_filename".to_owned();
        }
    }
    for how in FORMS {
        let answer = t.send(request(call.path, &fields, how, &picture)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{how:?}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("Invalid parameter name"), "{message}");
    }
    assert!(state(&t).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_upload_takes_its_own_parameters_alone() {
    let (t, picture) = (app(), noisy_png(8, 8));
    let preset = json!({ "name": "open", "unsigned": true });
    admin(&t, http::Method::POST, "/upload_presets", &preset).await;
    let table = include_str!("../../../../docs/cloudinary-compatibility.md");
    let rows = table
        .lines()
        .skip_while(|line| !line.starts_with("| Parameter | Unsigned |"));
    let rows = rows.skip(2).map_while(|line| line.strip_prefix("| `"));
    let (mut refused, mut taken) = (0, 0);
    for row in rows {
        let (name, rest) = row.split_once("` |").unwrap();
        let is_unsigned = rest.trim_start().starts_with("yes");
        if matches!(name, "file" | "upload_preset" | "api_key" | "signature") {
            continue;
        }
        for names in [&[name][..], &["api_key", name], &[name, "api_key"]] {
            let mut fields: Fields = names.iter().map(|name| ((*name).to_owned(), "1".to_owned())).collect();
            fields.push(("upload_preset".to_owned(), "open".to_owned()));
            let answer = t
                .send(request("/image/upload", &fields, Form::Multipart, &picture))
                .await;
            let is_not_allowed = String::from_utf8_lossy(&answer.body).contains("is not allowed when using unsigned");
            assert_eq!(is_not_allowed, !is_unsigned, "{fields:?}: {answer:?}");
            *(if is_unsigned { &mut taken } else { &mut refused }) += 1;
            if !is_unsigned {
                assert_eq!(answer.status, StatusCode::BAD_REQUEST);
            }
        }
    }
    assert!(refused >= 40 * 3 && taken >= 15 * 3, "{refused} {taken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn blank_field_of_a_signed_request_clears_nothing() {
    let (t, picture) = (app(), noisy_png(8, 8));
    reset(&t, &picture).await;
    let before = state(&t).await;
    let call = Call {
        path: "/image/explicit",
        fields: &[("public_id", "a"), ("type", "upload")],
    };
    let mut fields = signed(&call);
    for name in [
        "tags",
        "context[]",
        "asset_folder",
        "face_coordinates",
        "custom_coordinates",
        "regions",
    ] {
        fields.push((name.to_owned(), String::new()));
    }
    let answer = t.send(request(call.path, &fields, Form::Urlencoded, &picture)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(state(&t).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn end_of_a_link_may_have_a_fraction() {
    let (t, picture) = (app(), noisy_png(8, 8));
    reset(&t, &picture).await;
    for (path, target) in [
        ("/image/download", ("public_id", "a")),
        ("/image/generate_archive", ("public_ids", "a")),
        ("/image/download_tag.zip", ("tag", "t")),
    ] {
        for (end, expected) in [
            ("1719307545.25", StatusCode::OK),
            ("1719307544.000001", StatusCode::OK),
            ("1719307544.0", StatusCode::UNAUTHORIZED),
            ("1719307543.999", StatusCode::UNAUTHORIZED),
            ("1e10", StatusCode::BAD_REQUEST),
            ("+1719307599", StatusCode::BAD_REQUEST),
            ("1719307599.", StatusCode::BAD_REQUEST),
        ] {
            let mut fields = vec![
                target,
                ("mode", "download"),
                ("expires_at", end),
                ("timestamp", "1719307544.5"),
            ];
            let secret = Secret::new("a secret of the tests");
            let signature = sign_request(&fields, SignatureVersion::V2, SignatureAlgorithm::Sha1, &secret);
            fields.extend([("signature", signature.as_str()), ("api_key", "123")]);
            let fields: Fields = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let answer = t.get(&format!("/v1_1/demo{path}?{}", urlencoded(&fields, false))).await;
            assert_eq!(answer.status, expected, "{path} {end}: {answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_json_is_acted_on_as_signed() {
    let (t, picture) = (app(), noisy_png(8, 8));
    reset(&t, &picture).await;
    let text = r#"{"k":"v"}"#;
    let fields = [
        ("context", text),
        ("public_id", "a"),
        ("timestamp", NOW),
        ("type", "upload"),
    ];
    let secret = Secret::new("a secret of the tests");
    let signature = sign_request(&fields, SignatureVersion::V2, SignatureAlgorithm::Sha1, &secret);
    for context in [json!({"k": "v"}), json!(text)] {
        let body = json!({
            "context": context, "public_id": "a", "timestamp": 1_719_307_544, "type": "upload",
            "signature": signature, "api_key": "123",
        });
        let request = Request::post("/v1_1/demo/image/explicit")
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let answer = t.send(request).await;
        assert_eq!(answer.json()["context"]["custom"], json!({"k": "v"}), "{answer:?}");
    }
    let items = json!({
        "tags": ["x,y"], "public_id": "a", "timestamp": NOW, "signature": signature, "api_key": "123",
    });
    let request = Request::post("/v1_1/demo/image/explicit")
        .header("content-type", "application/json")
        .body(Body::from(items.to_string()))
        .unwrap();
    let answer = t.send(request).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("comma in an item"), "{message}");
}
