//! Delivery URLs that the official client libraries wrote (`vectors/delivery_urls.json`), read back into their parts.
#![cfg(test)]

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;
use visage_cloudinary::delivery_url::{DeliveryUrl, DeliveryUrlError, UrlParts};
use visage_cloudinary::{ImageFormat, RequestedUrl, TransformationError};

/// What the Node library writes by mistake: a real slash inside a layer's name.
const SLASH_IN_LAYER: &str = "_private:folder:sub/logo.png/";

/// Ids that begin like a version: the client cannot write them so that they read back, and visage refuses such ids.
const IDS_LIKE_VERSIONS: [&str; 2] = ["basic-009", "public_id_chars-023"];

#[derive(Default, Debug, PartialEq, Eq)]
struct Count {
    /// All URLs of the group.
    total: u32,
    /// URLs that visage can be asked for: their parts are compared.
    in_scope: u32,
    /// Of these, URLs whose transformation visage carries out; the others are recognised and refused by name.
    served: u32,
}

#[test]
fn every_url_in_scope_has_the_published_parts() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/delivery_urls.json")).unwrap();
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    for case in vectors["cases"].as_array().unwrap() {
        let count = counts.entry(text(&case["group"])).or_default();
        for expected in case["expected"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|expected| !expected["url"].is_null())
        {
            count.total += 1;
            if let Some(path) = path_in_scope(case, expected) {
                count.in_scope += 1;
                count.served += u32::from(check(&path, &expected["parts"]));
            }
        }
    }
    for (group, count) in &counts {
        println!("{group}: {count:?}");
    }
    let sum = |field: fn(&Count) -> u32| counts.values().map(field).sum::<u32>();
    assert_eq!(
        (sum(|c| c.total), sum(|c| c.in_scope), sum(|c| c.served)),
        (846, 810, 722)
    );
}

#[test]
fn every_url_of_a_remote_image_has_the_published_parts() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/delivery_urls.json")).unwrap();
    let (mut total, mut read) = (0, 0);
    for case in vectors["cases"].as_array().unwrap() {
        for expected in case["expected"].as_array().unwrap() {
            let parts = &expected["parts"];
            if parts["type"] != "fetch" {
                continue;
            }
            total += 1;
            // Remote films are out of scope.
            if parts["resource_type"] != "image" {
                continue;
            }
            read += 1;
            let path = format!("/{}", text(&expected["url"]).splitn(4, '/').nth(3).unwrap());
            let Ok(RequestedUrl::Remote(url)) = RequestedUrl::parse(&path) else {
                panic!("{path}");
            };
            assert_eq!(url.cloud, text(&parts["cloud_name"]), "{path}");
            assert_eq!(url.signature.as_deref(), parts["signature"].as_str(), "{path}");
            assert_eq!(url.transformation_text, text(&parts["transformation"]), "{path}");
            assert_eq!(
                url.version.map(|version| version.to_string()).as_deref(),
                parts["version"].as_str(),
                "{path}"
            );
            assert_eq!(url.remote_text, text(&parts["source"]), "{path}");
            assert_eq!(url.remote, decoded(&parts["source"]), "{path}");
            assert_eq!(url.to_string(), path);
        }
    }
    assert_eq!((total, read), (21, 20));
}

/// The path of a URL, with the cloud's name in it; `None` when visage does not serve such URLs at all.
fn path_in_scope(case: &Value, expected: &Value) -> Option<String> {
    let parts = &expected["parts"];
    let remote = [
        "fetch",
        "facebook",
        "twitter_name",
        "gravatar",
        "youtube",
        "list",
        "asset",
    ];
    let stored = !parts["source"].is_null() && !remote.contains(&parts["type"].as_str().unwrap_or("upload"));
    if !stored || IDS_LIKE_VERSIONS.contains(&text(&case["id"])) || text(&expected["url"]).contains(SLASH_IN_LAYER) {
        return None;
    }
    let url = text(&expected["url"]).split('?').next()?;
    let path = url.splitn(4, '/').nth(3)?;
    // A private host stands for the cloud; visage wants its name in the path.
    Some(if parts["cloud_name"].is_null() {
        format!("/demo/{path}")
    } else {
        format!("/{path}")
    })
}

/// Compares the parts; true when the transformation is carried out.
fn check(path: &str, expected: &Value) -> bool {
    let parts = UrlParts::split(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(parts.cloud, expected["cloud_name"].as_str().unwrap_or("demo"), "{path}");
    assert_eq!(parts.signature, expected["signature"].as_str(), "{path}");
    assert_eq!(
        parts.transformation.join("/"),
        text(&expected["transformation"]),
        "{path}"
    );
    assert_eq!(
        parts.version.map(|version| version.to_string()).as_deref(),
        expected["version"].as_str(),
        "{path}"
    );
    assert_eq!(
        parts.source.join("/"),
        text(&expected["source"]).replace("//", "/"),
        "{path}"
    );
    let (resource_type, delivery_type) = types(expected);
    assert_eq!(
        (parts.resource_type.as_str(), parts.delivery_type.as_str()),
        (resource_type, delivery_type),
        "{path}"
    );
    match DeliveryUrl::parse(path) {
        Ok(url) => {
            check_url(path, &url, expected);
            true
        }
        Err(DeliveryUrlError::Transformation(error)) => {
            assert!(!matches!(error, TransformationError::Unknown(_)), "{path}: {error}");
            false
        }
        Err(error) => panic!("{path}: {error}"),
    }
}

fn check_url(path: &str, url: &DeliveryUrl, expected: &Value) {
    assert_eq!(DeliveryUrl::parse(&url.path()).as_ref(), Ok(url), "{path}");
    assert_eq!(
        url.transformation.to_string().parse(),
        Ok(url.transformation.clone()),
        "{path}"
    );
    assert_eq!(url.source, decoded(&expected["source"]).replace("//", "/"), "{path}");
    let lookup = &expected["lookup"];
    let Some(public_id) = lookup["public_id"].as_str().map(|id| id.replace("//", "/")) else {
        return;
    };
    let format = lookup["format"].as_str().and_then(ImageFormat::from_extension);
    let found = url
        .candidates()
        .iter()
        .any(|c| c.public_id.as_str() == public_id && c.format == format);
    let nameable = visage_cloudinary::PublicId::parse(&public_id).is_ok();
    assert_eq!(found, nameable, "{path}: {:?}", url.candidates());
}

/// The resource and delivery type that a URL's literal segments stand for.
fn types(expected: &Value) -> (&str, &str) {
    match expected["resource_type"].as_str() {
        None | Some("iu" | "images") => ("image", "upload"),
        Some("private_images") => ("image", "private"),
        Some("authenticated_images") => ("image", "authenticated"),
        Some("files") => ("raw", "upload"),
        Some("videos") => ("video", "upload"),
        Some(other) => (other, text(&expected["type"])),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn decoded(value: &Value) -> Cow<'_, str> {
    percent_decode_str(text(value)).decode_utf8().unwrap()
}
