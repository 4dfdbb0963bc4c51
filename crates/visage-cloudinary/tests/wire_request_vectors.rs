//! Requests that the official client libraries sent (`vectors/wire_requests.json`): the signed ones are verified over
//! their fields as they were sent. What a server answers is tested elsewhere.
#![cfg(test)]

use serde_json::Value;
use visage_cloudinary::Secret;
use visage_cloudinary::signature::{AcceptedSignatures, RequestKind, verify_request};

const STRICT: AcceptedSignatures = AcceptedSignatures {
    sha256: false,
    version_1: false,
};

#[test]
fn every_signed_request_verifies_and_no_altered_one_does() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/wire_requests.json")).unwrap();
    let secret = Secret::new(vectors["config"]["api_secret"].as_str().unwrap());
    let (mut total, mut signed) = (0, 0);
    for case in vectors["cases"].as_array().unwrap() {
        for request in case["requests"].as_array().unwrap() {
            total += 1;
            let Some(expected) = request["string_to_sign"].as_str() else {
                continue;
            };
            signed += 1;
            let fields = fields(&request["body"]);
            let signature = fields.iter().find(|(name, _)| *name == "signature").unwrap().1;
            let kind = kind(request["path"].as_str().unwrap());
            let id = &case["id"];
            assert_eq!(
                verify_request(&fields, signature, kind, STRICT, &secret).map(drop),
                Ok(()),
                "{id}"
            );
            let refusal = verify_request(&fields, "0", kind, STRICT, &secret).unwrap_err();
            assert!(
                refusal.to_string().contains(&format!("'{expected}'")),
                "{id}: {refusal}"
            );
            let mut altered = fields.clone();
            altered.push(("overwrite_more", "1"));
            assert!(
                verify_request(&altered, signature, kind, STRICT, &secret).is_err(),
                "{id}"
            );
        }
    }
    assert_eq!((total, signed), (156, 56));
}

fn kind(path: &str) -> RequestKind {
    match path.rsplit('/').next() {
        Some("tags" | "context" | "metadata") => RequestKind::Tagging,
        _ => RequestKind::Ordinary,
    }
}

/// The text fields of a form.
fn fields(body: &Value) -> Vec<(&str, &str)> {
    let parts = body["multipart"].as_array().unwrap().iter();
    parts
        .filter_map(|part| Some((part["name"].as_str()?, part["value"].as_str()?)))
        .collect()
}
