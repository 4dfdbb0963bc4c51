//! Tokens, webhooks and search URLs that the official client libraries signed (`vectors/`), made again and checked.
#![cfg(test)]

use serde_json::Value;
use visage_cloudinary::Secret;
use visage_cloudinary::signature::{
    AUTH_TOKEN_NAME, AuthToken, AuthTokenKey, SearchUrl, SignatureAlgorithm, Webhook, verify_auth_token,
};

#[test]
fn webhooks_are_signed_as_published() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/webhook_signatures.json")).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    for case in cases {
        let signature = webhook(case).sign(algorithm(&case["algorithm"]), &secret(case));
        assert_eq!(signature, text(&case["expected"]), "{}", case["id"]);
    }
    assert_eq!(cases.len(), 22);
}

#[test]
fn webhooks_are_accepted_as_the_libraries_accept_them() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/webhook_signatures.json")).unwrap();
    let cases = vectors["verifications"].as_array().unwrap();
    for case in cases {
        let window = (case["now"].as_i64().unwrap(), case["valid_for"].as_i64().unwrap());
        let algorithm = algorithm(&case["algorithm"]);
        let accepted = webhook(case).is_signed(text(&case["signature"]), window, algorithm, &secret(case));
        assert_eq!(Some(accepted), case["accepted"].as_bool(), "{}", case["id"]);
    }
    assert_eq!(cases.len(), 16);
}

#[test]
fn tokens_are_the_published_ones_and_open_their_paths() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/auth_tokens.json")).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    let (mut made, mut refused) = (0, 0);
    for case in cases {
        let options = &case["options"];
        let (token, key) = token(options);
        let signed = token.sign(0, &key);
        let Some(expected) = case["expected"].as_str() else {
            refused += 1;
            assert!(signed.is_err(), "{}", case["id"]);
            continue;
        };
        made += 1;
        let name = options["token_name"].as_str().unwrap_or(AUTH_TOKEN_NAME);
        let signed = signed.unwrap();
        assert_eq!(format!("{name}={signed}"), expected, "{}", case["id"]);
        let path = token.url.filter(|_| token.acl.is_empty());
        let path = path.unwrap_or_else(|| token.acl[0].split('!').next().unwrap().replace('*', "x"));
        let now = token.start.unwrap_or(0);
        assert_eq!(
            verify_auth_token(&signed, &path, now, token.ip.as_deref(), &key),
            Ok(()),
            "{}",
            case["id"]
        );
    }
    assert_eq!((made, refused, cases.len()), (20, 2, 22));
}

#[test]
fn tokens_in_delivery_urls_open_those_urls() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/delivery_urls.json")).unwrap();
    let (mut opened, mut elsewhere) = (0, 0);
    for case in vectors["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["group"] == "auth_token_urls")
    {
        let url = text(&case["expected"][0]["url"]);
        let Some((url, query)) = url.split_once('?') else {
            continue;
        };
        let path = format!("/{}", url.splitn(4, '/').nth(3).unwrap());
        let (options, key) = token(&case["options"]["auth_token"]);
        let token = query.strip_prefix("__cld_token__=").unwrap();
        let verdict = verify_auth_token(token, &path, 1_111_111_200, options.ip.as_deref(), &key);
        // Two patterns leave the cloud's name out: such tokens are for private hosts.
        if options.acl.is_empty() {
            opened += 1;
            assert_eq!(verdict, Ok(()), "{}", case["id"]);
        } else {
            elsewhere += 1;
            assert_eq!(verdict.unwrap_err().to_string(), "ACL deny", "{}", case["id"]);
        }
    }
    assert_eq!((opened, elsewhere), (5, 2));
}

#[test]
fn search_urls_are_the_published_ones() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/delivery_urls.json")).unwrap();
    let mut checked = 0;
    for case in vectors["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["group"] == "signed_search_url")
    {
        checked += 1;
        let expected = &case["expected"][0];
        let path = format!("/{}", text(&expected["url"]).splitn(4, '/').nth(3).unwrap());
        let secret = Secret::new(text(&case["config"]["api_secret"]));
        let read = SearchUrl::parse(&path).unwrap();
        assert!(read.is_signed(&secret), "{path}");
        assert!(!read.is_signed(&Secret::new("abce")), "{path}");
        assert_eq!(read.query().as_ref(), Ok(&case["query"]));
        let ttl = case["options"]["ttl"].as_u64().and_then(|ttl| u32::try_from(ttl).ok());
        let mut built = SearchUrl::new(
            "demo",
            &case["query"],
            ttl.unwrap_or(SearchUrl::DEFAULT_TTL_SECONDS),
            &secret,
        );
        built.next_cursor = case["options"]["next_cursor"].as_str().map(str::to_owned);
        assert_eq!((built.to_string(), built), (path, read));
    }
    assert_eq!(checked, 4);
}

fn token(options: &Value) -> (AuthToken, AuthTokenKey) {
    let number = |name: &str| match &options[name] {
        Value::String(text) => text.parse().ok(),
        value => value.as_i64(),
    };
    let words = |name: &str| match &options[name] {
        Value::Array(list) => list.iter().map(|value| text(value).to_owned()).collect(),
        value => value.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
    };
    let token = AuthToken {
        start: number("start_time"),
        expiration: number("expiration"),
        duration_seconds: number("duration"),
        ip: words("ip").pop(),
        acl: words("acl"),
        url: words("url").pop(),
    };
    (token, AuthTokenKey::new(Secret::new(text(&options["key"]))).unwrap())
}

fn webhook(case: &Value) -> Webhook<'_> {
    Webhook {
        body: text(&case["body"]).as_bytes(),
        timestamp: case["timestamp"].as_i64().unwrap(),
    }
}

fn algorithm(name: &Value) -> SignatureAlgorithm {
    if name == "sha256" {
        SignatureAlgorithm::Sha256
    } else {
        SignatureAlgorithm::Sha1
    }
}

fn secret(case: &Value) -> Secret {
    Secret::new(text(&case["secret"]))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
