//! Whatever is done to a signed request on its way, its signature breaks or nothing else is stored or answered.

use axum::body::Body;
use data_encoding::BASE64;
use http::{Request, StatusCode};
use serde_json::{Map, Value, json};
use visage::library::destroy::destroy;
use visage_cloudinary::Secret;
use visage_cloudinary::signature::{SignatureAlgorithm, SignatureVersion, sign_request};
use visage_store::{AssetDetails, AssetKey};

use crate::cloudinary::{admin, app};
use crate::pictures::noisy_png;
use crate::test_app::{Answer, BOUNDARY, TestApp, form};

pub(crate) const NOW: &str = "1719307544";

/// Alterations of each of the [`CALLS`].
const CASES_PER_CALL: u64 = 400;

/// An honest request: its path and what is signed, besides the time. An upload has a file, too.
pub(crate) struct Call {
    pub(crate) path: &'static str,
    pub(crate) fields: &'static [(&'static str, &'static str)],
}

const CALLS: &[Call] = &[
    Call {
        path: "/image/upload",
        fields: &[
            ("public_id", "new"),
            ("tags[]", "x"),
            ("tags[]", "y"),
            ("context", "k=v|m=a&b"),
            ("type", "private"),
        ],
    },
    Call {
        path: "/image/explicit",
        fields: &[
            ("public_id", "a"),
            ("type", "upload"),
            ("tags", "p,q"),
            ("custom_coordinates", "1,2,3,4"),
            ("asset_folder", "people"),
        ],
    },
    Call {
        path: "/image/tags",
        fields: &[
            ("command", "add"),
            ("tag", "z"),
            ("public_ids[]", "a"),
            ("public_ids[]", "b"),
        ],
    },
    Call {
        path: "/image/context",
        fields: &[("command", "add"), ("context", "k=1|m=2"), ("public_ids[0]", "a")],
    },
    Call {
        path: "/image/rename",
        fields: &[
            ("from_public_id", "a"),
            ("to_public_id", "c"),
            ("to_type", "authenticated"),
        ],
    },
    Call {
        path: "/image/destroy",
        fields: &[("public_id", "b"), ("type", "upload"), ("invalidate", "true")],
    },
    Call {
        path: "/image/generate_archive",
        fields: &[
            ("mode", "create"),
            ("target_public_id", "zip"),
            ("public_ids[]", "a"),
            ("public_ids[]", "b"),
        ],
    },
];

/// What is added, and what others are renamed to. Capitals, and words that are known in another place, among them.
const NAMES: &[&str] = &[
    "public_id",
    "public_ids",
    "public_ids[]",
    "type",
    "to_type",
    "tags",
    "tags[]",
    "tags[0]",
    "tag",
    "context",
    "metadata",
    "asset_folder",
    "folder",
    "display_name",
    "face_coordinates",
    "custom_coordinates",
    "access_control",
    "access_mode",
    "moderation",
    "overwrite",
    "upload_preset",
    "use_filename",
    "filename_override",
    "transformation",
    "eager",
    "backup",
    "timestamp",
    "timestamp[]",
    "api_key",
    "api_key[]",
    "signature",
    "resource_type",
    "cloud_name",
    "asset_id",
    "expires_at",
    "Public_Id",
    "TAGS",
    "tags[a]",
    "tags[][]",
    "[tags]",
    "tags[",
    "unknown",
    "tags\n",
    "tags\0",
    "tags\"",
    "tags;",
    "tags.a",
    " tags",
    "",
];

const VALUES: &[&str] = &[
    "",
    " ",
    "a",
    "b",
    "a,b",
    "private",
    "upload",
    "1",
    "true",
    "0",
    "k=v",
    "{\"k\":\"v\"}",
    "[]",
    "1,2,3,4",
    "+1719307544",
    " 1719307544",
    "1719307544.0",
    "01719307544",
    "1.719307544e9",
    NOW,
    "123",
    "weak",
];

pub(crate) type Fields = Vec<(String, String)>;
pub(crate) type State = Vec<(AssetKey, AssetDetails)>;

/// A small generator, so that a failure can be had again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        // splitmix64 (Steele, Lea, Flood 2014)
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

pub(crate) fn signed(call: &Call) -> Fields {
    let mut fields = call.fields.to_vec();
    fields.push(("timestamp", NOW));
    let secret = Secret::new("a secret of the tests");
    let signature = sign_request(&fields, SignatureVersion::V2, SignatureAlgorithm::Sha1, &secret);
    fields.extend([("signature", signature.as_str()), ("api_key", "123")]);
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// One alteration of the fields.
fn alter(fields: &mut Fields, chance: &mut Chance) {
    let at = chance.below(fields.len());
    let (name, value) = fields[at].clone();
    let base = name.split('[').next().unwrap().to_owned();
    match chance.below(13) {
        0 => fields.insert(at, (chance.of(NAMES).to_owned(), chance.of(VALUES).to_owned())),
        1 => fields.push((chance.of(NAMES).to_owned(), String::new())),
        2 => drop(fields.remove(at)),
        3 => fields.insert(chance.below(fields.len()), (name, value)),
        4 => {
            let other = chance.below(fields.len());
            fields.swap(at, other);
        }
        5 => fields[at].0 = format!("{base}{}", chance.of(&["", "[]", "[0]", "[1]", "[x]", "[][]"])),
        6 => fields[at].0 = chance.of(NAMES).to_owned(),
        7 => fields[at].1 = chance.of(VALUES).to_owned(),
        8 => {
            fields[at].1 = format!(
                "{}{value}{}",
                chance.of(&["", " ", "+", "0"]),
                chance.of(&["", " ", ".0", ","])
            );
        }
        9 => {
            let items: Vec<&str> = value.split(',').collect();
            let items = items.into_iter().map(|item| (format!("{base}[]"), item.to_owned()));
            fields.splice(at..=at, items);
        }
        10 => {
            let all: Vec<String> = values_of(fields, &base);
            fields.retain(|(name, _)| name.split('[').next() != Some(base.as_str()));
            fields.insert(0, (base, all.join(",")));
        }
        11 => hide_in_name(fields, chance),
        _ => hide_in_value(fields, chance),
    }
}

fn values_of(fields: &[(String, String)], base: &str) -> Vec<String> {
    let those = fields.iter().filter(|(name, _)| name.split('[').next() == Some(base));
    those.map(|(_, value)| value.clone()).collect()
}

/// Neighbours in the text that is signed become one field, in its name.
fn hide_in_name(fields: &mut Fields, chance: &mut Chance) {
    fields.sort();
    let at = chance.below(fields.len());
    let (name, value) = fields.remove(at);
    if let Some((next, _)) = fields.get_mut(at) {
        *next = format!("{name}={value}{}{next}", chance.of(&["&", "%26"]));
    }
}

/// The same, in its value.
fn hide_in_value(fields: &mut Fields, chance: &mut Chance) {
    fields.sort();
    let at = chance.below(fields.len());
    let (name, value) = fields.remove(at);
    if let Some((_, before)) = at.checked_sub(1).and_then(|before| fields.get_mut(before)) {
        *before = format!("{before}{}{name}={value}", chance.of(&["&", "%26", ","]));
    }
}

/// How fields travel.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    Multipart,
    Urlencoded,
    /// Every byte escaped.
    Escaped,
    Json,
    /// Half of them in the query.
    Split,
    /// All of them in the query, and a body of JSON that is no object's member.
    Query,
}

pub(crate) const FORMS: [Form; 6] = [
    Form::Multipart,
    Form::Urlencoded,
    Form::Escaped,
    Form::Json,
    Form::Split,
    Form::Query,
];

fn escape(text: &str, is_all: bool) -> String {
    let is_kept = |b: u8| !is_all && b.is_ascii_alphanumeric();
    text.bytes()
        .map(|b| {
            if is_kept(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02x}")
            }
        })
        .collect()
}

pub(crate) fn urlencoded(fields: &[(String, String)], is_all: bool) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name, is_all), escape(value, is_all)))
        .collect();
    pairs.join("&")
}

/// An object; names that come again are lists.
fn json_object(fields: &[(String, String)]) -> Value {
    let mut members = Map::new();
    for (name, value) in fields {
        let value = match value.parse::<i64>() {
            Ok(number) if number.to_string() == *value => json!(number),
            _ => json!(value),
        };
        match members.get_mut(name) {
            Some(Value::Array(items)) => items.push(value),
            Some(other) => *other = json!([other.clone(), value]),
            None => drop(members.insert(name.clone(), value)),
        }
    }
    Value::Object(members)
}

pub(crate) fn request(path: &str, fields: &[(String, String)], how: Form, picture: &[u8]) -> Request<Body> {
    let has_file = path.ends_with("/upload");
    let mut fields = fields.to_vec();
    let address = format!("/v1_1/demo{path}");
    if matches!(how, Form::Multipart) {
        let mut parts: Vec<(&str, Option<&str>, &str, &[u8])> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), None, "text/plain", value.as_bytes()))
            .collect();
        if has_file {
            parts.push(("file", Some("photo.png"), "image/png", picture));
        }
        return Request::post(address)
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .body(Body::from(form(&parts)))
            .unwrap();
    }
    if has_file {
        let uri = format!("data:image/png;base64,{}", BASE64.encode(picture));
        fields.push(("file".to_owned(), uri));
    }
    let half = fields.len() / 2;
    let (query, body, kind) = match how {
        Form::Multipart | Form::Urlencoded => (String::new(), urlencoded(&fields, false), "x-www-form-urlencoded"),
        Form::Escaped => (String::new(), urlencoded(&fields, true), "x-www-form-urlencoded"),
        Form::Json => (String::new(), json_object(&fields).to_string(), "json"),
        Form::Split => (
            urlencoded(&fields[..half], false),
            urlencoded(&fields[half..], false),
            "x-www-form-urlencoded",
        ),
        Form::Query => (urlencoded(&fields, false), "{\"tags\":null}".to_owned(), "json"),
    };
    Request::post(format!("{address}?{query}"))
        .header("content-type", format!("application/{kind}"))
        .body(Body::from(body))
        .unwrap()
}

pub(crate) async fn state(t: &TestApp) -> State {
    let all = t.app.library.catalog.all_assets(None, 500).await.unwrap();
    let mut state: State = all.into_iter().map(|asset| (asset.key, asset.details)).collect();
    state.sort_by_key(|(key, _)| format!("{key:?}"));
    state
}

/// Two pictures, `a` and `b`, and nothing else.
pub(crate) async fn reset(t: &TestApp, picture: &[u8]) {
    for (key, _) in state(t).await {
        destroy(&t.app.library, &key).await.unwrap();
    }
    for public_id in ["a", "b"] {
        let uri = format!("data:image/png;base64,{}", BASE64.encode(picture));
        let asset = json!({ "public_id": public_id, "tags": "t", "context": "c=d", "file": uri });
        let answer = admin(t, http::Method::POST, "/image/upload", &asset).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
}

/// The answer without what every call has anew.
fn steady(answer: &Answer) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                for name in [
                    "version",
                    "version_id",
                    "asset_id",
                    "signature",
                    "url",
                    "secure_url",
                    "etag",
                    "bytes",
                ] {
                    members.remove(name);
                }
                // A file without a name of its own, as a data URI is, has none to keep.
                members.remove("original_filename");
                members.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut body = answer.json();
    strip(&mut body);
    body
}

/// The name of the file that came is a matter of the file's, which no signature covers.
fn without_file_name(mut state: State) -> State {
    for (_, details) in &mut state {
        details.extra.remove("original_filename");
    }
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn altered_request_breaks_its_signature_or_changes_nothing() {
    let (t, picture) = (app(), noisy_png(8, 8));
    let (mut cases, mut accepted) = (0, 0);
    for (number, call) in CALLS.iter().enumerate() {
        let honest = signed(call);
        reset(&t, &picture).await;
        let before = without_file_name(state(&t).await);
        let answer = t.send(request(call.path, &honest, Form::Multipart, &picture)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}: {answer:?}", call.path);
        let (expected, after) = (steady(&answer), without_file_name(state(&t).await));
        assert_ne!(before, after, "{} does something", call.path);
        reset(&t, &picture).await;
        for case in 0..CASES_PER_CALL {
            let mut chance = Chance(case * 1_000 + number as u64);
            let mut fields = honest.clone();
            // The first cases travel otherwise and are not altered.
            let alterations = usize::from(case >= FORMS.len() as u64) * (1 + chance.below(2));
            for _ in 0..alterations {
                if !fields.is_empty() {
                    alter(&mut fields, &mut chance);
                }
            }
            let how = FORMS[usize::try_from(case).unwrap() % FORMS.len()];
            let answer = t.send(request(call.path, &fields, how, &picture)).await;
            let now = without_file_name(state(&t).await);
            cases += 1;
            if answer.status == StatusCode::OK {
                accepted += 1;
                assert_eq!(steady(&answer), expected, "{} {how:?} {fields:?}", call.path);
                assert_eq!(now, after, "{} {how:?} {fields:?}", call.path);
            } else {
                assert!(answer.status.is_client_error(), "{fields:?}: {answer:?}");
                assert_eq!(now, before, "{} {how:?} {fields:?}: {answer:?}", call.path);
                assert!(alterations > 0, "{} {how:?}: {answer:?}", call.path);
            }
            if now != before {
                reset(&t, &picture).await;
            }
        }
    }
    assert_eq!(cases, CALLS.len() as u64 * CASES_PER_CALL);
    eprintln!("{cases} cases, of which {accepted} changed nothing");
    assert!(accepted > cases / 20, "some alterations are harmless: {accepted}");
}
