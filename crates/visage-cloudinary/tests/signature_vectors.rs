//! Signatures that the official client libraries made (`vectors/`), made again and checked.
#![cfg(test)]

use serde_json::Value;
use visage_cloudinary::Secret;
use visage_cloudinary::delivery_url::UrlParts;
use visage_cloudinary::signature::{
    AcceptedSignatures, DeliverySignature, RequestKind, SignatureAlgorithm, SignatureVersion, sign_request,
    sign_response, verify_request,
};

#[test]
fn api_signatures_are_the_published_ones() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/api_signatures.json")).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    let mut checked = 0;
    // Four cases sign `cloud_name`, which no request carries.
    for case in cases.iter().filter(|case| case["params"]["cloud_name"].is_null()) {
        checked += 1;
        let secret = Secret::new(text(&case["secret"]));
        let version = if case["signature_version"] == 1 {
            SignatureVersion::V1
        } else {
            SignatureVersion::V2
        };
        let algorithm = algorithm(&case["algorithm"]);
        let fields = fields(&case["params"]);
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let expected = text(&case["expected"]);
        assert_eq!(
            sign_request(&fields, version, algorithm, &secret),
            expected,
            "{}",
            case["id"]
        );
        let accepted = AcceptedSignatures {
            sha256: true,
            version_1: version == SignatureVersion::V1,
        };
        assert_eq!(
            verify_request(&fields, expected, RequestKind::Ordinary, accepted, &secret),
            Ok(()),
            "{}",
            case["id"]
        );
        if case["kind"] == "response" {
            let (id, version) = (text(&case["params"]["public_id"]), case["params"]["version"].as_i64());
            if let Some(version) = version {
                assert_eq!(
                    sign_response(id, version, algorithm, &secret),
                    expected,
                    "{}",
                    case["id"]
                );
            }
        }
    }
    assert_eq!((checked, cases.len()), (141, 145));
}

#[test]
fn delivery_signatures_are_the_published_ones() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/delivery_urls.json")).unwrap();
    let (mut checked, mut fetched) = (0, 0);
    for case in vectors["cases"].as_array().unwrap() {
        let secret = Secret::new(text(&case["config"]["api_secret"]));
        for expected in case["expected"].as_array().unwrap() {
            let parts = &expected["parts"];
            if !parts["signature_length"].is_u64() {
                continue;
            }
            if parts["type"] == "fetch" {
                fetched += 1;
                continue;
            }
            checked += 1;
            check(text(&expected["url"]), parts, &secret);
        }
    }
    assert_eq!((checked, fetched), (58, 3));
}

fn check(url: &str, expected: &Value, secret: &Secret) {
    let path = url.split('?').next().unwrap().splitn(4, '/').nth(3).unwrap();
    let path = if expected["cloud_name"].is_null() {
        format!("/demo/{path}")
    } else {
        format!("/{path}")
    };
    let parts = UrlParts::split(&path).unwrap();
    let signature = parts.signature.unwrap();
    assert!(parts.signed_text().is_signed(signature, secret), "{url}");
    let kind = match expected["signature_length"].as_u64() {
        Some(32) => DeliverySignature::Long,
        _ => DeliverySignature::Short(algorithm(&expected["signature_algorithm"])),
    };
    // The Node library hashes a blank and writes it as `%20`.
    if !url.contains("hello%20world") {
        assert_eq!(parts.signed_text().sign(kind, secret), signature, "{url}");
    }
}

fn algorithm(name: &Value) -> SignatureAlgorithm {
    if name == "sha256" {
        SignatureAlgorithm::Sha256
    } else {
        SignatureAlgorithm::Sha1
    }
}

/// The fields as a client sends them.
fn fields(params: &Value) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for (name, value) in params.as_object().unwrap() {
        match value {
            Value::Null => {}
            Value::Array(values) => fields.extend(values.iter().map(|value| (format!("{name}[]"), sent(value)))),
            value => fields.push((name.clone(), sent(value))),
        }
    }
    fields
}

fn sent(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
