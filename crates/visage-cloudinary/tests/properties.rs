//! What holds for every text: nothing panics, and what was read prints as something that reads back as the same value.
#![cfg(test)]

use proptest::prelude::*;
use visage_cloudinary::signature::{AuthToken, AuthTokenKey, SearchUrl, verify_auth_token};
use visage_cloudinary::{
    ClientUrl, DeliveryType, DeliveryUrl, FetchUrl, ImageFormat, PublicId, Recipe, RequestFacts, ResourceType, Secret,
    SourceFacts, Transformation,
};

/// A parameter that visage carries out.
fn parameter() -> impl Strategy<Value = String> {
    prop_oneof![
        "c_(scale|fit|limit|mfit|fill|lfill|pad|lpad|mpad|thumb|crop|auto)",
        "g_(north_west|center|south|face|faces|face:auto|xy_center|custom|auto|auto:subject:no_faces)",
        "[wh]_(0\\.[0-9]{0,8}[1-9]|[1-9][0-9]{0,4})",
        "[xy]_-?[0-9]{1,4}(\\.[0-9]{1,8})?",
        "ar_[1-9][0-9]{0,2}(:[1-9][0-9]{0,2}|\\.[0-9]{1,9})?",
        "(z|dpr)_[1-9](\\.[0-9]{1,4})?",
        "r_(max|[0-9]{1,3}(:[0-9]{1,3}){0,3})",
        "b_(red|LightBlue|none|rgb:([0-9a-fA-F]{3}){1,2}|rgb:([0-9a-f]{4}){1,2})",
        "q_(auto(:best|:good|:eco|:low)?|[1-9][0-9]?|100)",
        "q_[1-9][0-9]:4(44|20)",
        "a_(-?[0-9]{1,3}(\\.[0-9])?|hflip\\.[0-9]{1,2}|ignore|auto_left)",
        "bo_[0-9]{1,3}(px)?_solid_(red|rgb:[0-9a-f]{6,6})",
        "o_[0-9]{1,2}",
        "b_auto(:(border|predominant)(_gradient(_contrast)?(:[24])?(:(vertical|diagonal_asc))?)?(:palette_red_0f0)?)?",
        "[whxy]_(iw|ih|w|h|\\$[a-z]{1,3})(_(add|sub|mul|div|mod|pow)_[0-9]{1,2}(\\.[0-9]{1,2})?){0,3}",
        "\\$[a-z]{1,3}_([0-9]{1,3}|![a-z:]{0,5}!|iw_div_[1-9]|ctx:!k!_to_i)",
        "if_(w|h|ar|fc|iw_mul_2)_(eq|ne|lt|gt|lte|gte)_[0-9]{1,3}(_(and|or)_!a:b!_n?in_tags)?",
        "[lu]_(logo|folder:logo(\\.png)?|private:a|text:Arial_[1-9][0-9](_bold)?(_letter_spacing_-?[0-9])?:[a-zé ]{1,4}(%2C|%|%2F)?[g-z]{2,2})",
        "co_(red|0f0|rgb:00ff0080)",
        "pg_[1-9]",
        "fl_(layer_apply|no_overflow|tiled|cutter|progressive(:steep)?|lossy|relative)(\\.attachment:[a-z]{1,5})?",
        "f_(auto|jpg|jpeg|png|webp|avif|gif)",
    ]
}

/// A chain of such parameters, not in canonical form.
fn chain() -> impl Strategy<Value = String> {
    let component = prop::collection::vec(parameter(), 1..6).prop_map(|parts| parts.join(","));
    prop::collection::vec(component, 0..5).prop_map(|components| components.join("/"))
}

/// Text made of pieces that mean something to the parsers.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        parameter(),
        "/|,|_|:|\\.|%|%2F|%2e|%00|%FF|s--|--|\\$|-|\\?|&",
        "demo|image|upload|private|raw|iu|images|files|v[0-9]{1,20}|s--[a-zA-Z0-9_-]{8}--|cat|if|auto|rgb:|q=0|image/avif|k:s@demo|upload_prefix=http://",
        "\\PC{0,3}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn check_every_parser(text: &str) {
    if let Ok(id) = PublicId::parse(text) {
        assert_eq!(id.as_str(), text);
    }
    let cleaned = PublicId::clean_file_name(text);
    assert!(
        cleaned.is_empty() || PublicId::parse(&format!("{cleaned}_")).is_ok(),
        "{cleaned:?}"
    );
    if let Ok(transformation) = Transformation::parse(text) {
        assert_eq!(Transformation::parse(&transformation.to_string()), Ok(transformation));
    }
    for path in [
        text.to_owned(),
        format!("/demo/image/upload/{text}"),
        format!("/demo/{text}"),
    ] {
        if let Ok(url) = DeliveryUrl::parse(&path) {
            assert!(url.candidates().len() <= 4);
            assert_eq!(DeliveryUrl::parse(&url.path()), Ok(url));
        }
    }
    for client_url in [
        text.to_owned(),
        format!("cloudinary://{text}"),
        format!("cloudinary://k:s@demo?{text}"),
    ] {
        if let Ok(url) = ClientUrl::parse(&client_url) {
            assert_eq!(ClientUrl::parse(&url.expose()), Ok(url));
        }
    }
    if let Ok(recipe) = Recipe::parse(text) {
        assert_eq!(recipe.as_str(), text);
    }
    for path in [
        text.to_owned(),
        format!("/demo/image/fetch/{text}"),
        format!("/demo/image/fetch/http://{text}"),
    ] {
        if let Ok(url) = FetchUrl::parse(&path) {
            assert_eq!(FetchUrl::parse(&url.to_string()), Ok(url));
        }
    }
    if let Ok(url) = SearchUrl::parse(text) {
        assert_eq!(SearchUrl::parse(&url.to_string()), Ok(url));
    }
    let key = AuthTokenKey::new(Secret::new("00ff")).unwrap();
    assert!(verify_auth_token(text, "/demo/a", 0, None, &key).is_err());
    RequestFacts::from_accept(Some(text));
    assert!(ImageFormat::from_extension(text).is_none_or(|format| format.extension().len() <= text.len() + 1));
}

proptest! {
    #[test]
    fn no_text_breaks_a_parser(text in any::<String>()) {
        check_every_parser(&text);
    }

    #[test]
    fn no_text_in_the_language_breaks_a_parser(text in pieces()) {
        check_every_parser(&text);
    }

    #[test]
    fn a_transformation_reads_back(text in chain()) {
        let transformation = Transformation::parse(&text).unwrap();
        let canonical = transformation.to_string();
        prop_assert_eq!(Transformation::parse(&canonical).unwrap().to_string(), canonical.clone());
        prop_assert_eq!(Transformation::parse(&canonical), Ok(transformation));
    }

    #[test]
    fn the_order_of_parameters_means_nothing(parts in prop::collection::btree_map("[whxy]|ar", "[1-9][0-9]{0,3}", 1..5)) {
        let parts: Vec<String> = parts.iter().map(|(key, value)| format!("{key}_{value}")).collect();
        let backwards: Vec<String> = parts.iter().rev().cloned().collect();
        prop_assert_eq!(Transformation::parse(&parts.join(",")), Transformation::parse(&backwards.join(",")));
    }

    #[test]
    fn a_built_url_reads_back(id in "\\PC{1,20}(/\\PC{1,20}){0,2}", text in chain(), version in prop::option::of(0..i64::MAX)) {
        let Ok(id) = PublicId::parse(&id) else { return Ok(()) };
        let mut url = DeliveryUrl::new("demo", ResourceType::Image, DeliveryType::Private, &id)
            .with_transformation(Transformation::parse(&text).unwrap());
        if let Some(version) = version {
            url = url.with_version(version);
        }
        let read = DeliveryUrl::parse(&url.path());
        prop_assert_eq!(read.as_ref(), Ok(&url));
        prop_assert_eq!(url.candidates().first().map(|c| c.public_id.clone()), Some(id));
    }

    #[test]
    fn a_token_opens_what_it_was_made_for(path in "/\\PC{0,20}", ip in prop::option::of("[0-9.]{7,15}"), acl in any::<bool>()) {
        let key = AuthTokenKey::new(Secret::new("00ff")).unwrap();
        let mut token = AuthToken { expiration: Some(9), ip: ip.clone(), ..AuthToken::default() };
        // A `!` separates patterns and cannot be part of one.
        if acl && !path.contains('!') {
            token.acl = vec![path.clone()];
        } else {
            token.url = Some(path.clone());
        }
        let text = token.sign(0, &key).unwrap();
        prop_assert_eq!(verify_auth_token(&text, &path, 9, ip.as_deref(), &key), Ok(()));
        prop_assert!(verify_auth_token(&text, &path, 10, ip.as_deref(), &key).is_err());
    }

    #[test]
    fn a_search_url_reads_back(expression in any::<String>(), ttl in any::<u32>(), cursor in prop::option::of("\\PC{1,20}")) {
        let secret = Secret::new("abcd");
        let query = serde_json::json!({ "expression": expression });
        let mut url = SearchUrl::new("demo", &query, ttl, &secret);
        url.next_cursor = cursor;
        let read = SearchUrl::parse(&url.to_string()).unwrap();
        prop_assert!(read.is_signed(&secret));
        prop_assert_eq!(read.query(), Ok(query));
        prop_assert_eq!(read, url);
    }

    #[test]
    fn a_resolved_transformation_decides_everything(text in chain(), avif in any::<bool>(), webp in any::<bool>()) {
        let request = RequestFacts { accepts_avif: avif, accepts_webp: webp };
        let source = SourceFacts { format: ImageFormat::Tiff, has_alpha: false, is_animated: false };
        let resolved = Transformation::parse(&text).unwrap().resolve(request, source, None);
        let again = Transformation::parse(&resolved.to_string()).map(|t| t.resolve(RequestFacts::default(), source, None));
        prop_assert!(resolved.is_original() || again.unwrap().recipe(1, "") == resolved.recipe(1, ""));
        prop_assert_eq!(Recipe::parse(resolved.recipe(1, "").as_str()), Ok(resolved.recipe(1, "")));
    }
}
