//! What holds for every parameter's text: nothing panics, and what was read prints as something that means the same.
#![cfg(test)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use visage_cloudinary::parameters::{
    ContentRange, DataUri, Eager, boolean, context, delivery_headers, eager, metadata, print_context, print_rectangles,
    rectangles, tags,
};

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "=|\\||\\\\|,|/|-|:|;|\n|\\[|\\]|\"|\\*",
        "bytes |0-9/20|-1|data:|image/png|base64,|aGVsbG8=|w_100|c_fill|png|jpg|Link: a|true|[0-9]{1,20}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

fn check(text: &str) {
    if let Ok(tags_read) = tags(text) {
        assert!(tags_read.is_sorted());
        assert_eq!(tags(&tags_read.join(",")), Ok(tags_read));
    }
    if let Ok(pairs) = context(text) {
        assert_eq!(metadata(text).map(|read| read.len()), Ok(pairs.len()));
        assert_eq!(context(&print_context(&pairs)), Ok(pairs));
    }
    if let Ok(read) = rectangles(text) {
        assert_eq!(rectangles(&print_rectangles(&read)), Ok(read));
    }
    if let Ok(range) = ContentRange::parse(text) {
        assert_eq!(ContentRange::parse(&range.to_string()), Ok(range));
    }
    for one in eager(text).unwrap_or_default() {
        assert_eq!(Eager::parse(&one.to_string()), Ok(one));
    }
    for uri in [text.to_owned(), format!("data:image/png;base64,{text}")] {
        if let Ok(file) = DataUri::parse(&uri).and_then(|uri| uri.decode(10)) {
            assert!(file.len() <= 10);
        }
    }
    for (_, value) in delivery_headers(text).unwrap_or_default() {
        assert!(!value.chars().any(char::is_control));
    }
    assert!(boolean(text).is_ok() || !["", "0", "1", "true", "false"].contains(&text));
}

proptest! {
    #[test]
    fn no_text_breaks_a_parameter(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn no_text_in_the_language_breaks_a_parameter(text in pieces()) {
        check(&text);
    }

    #[test]
    fn every_context_can_be_written(pairs in prop::collection::btree_map("\\S(.{0,5}\\S)?", any::<String>(), 0..5)) {
        let pairs: BTreeMap<String, String> = pairs;
        prop_assert_eq!(context(&print_context(&pairs)), Ok(pairs));
    }

    #[test]
    fn every_file_can_be_a_data_uri(file in prop::collection::vec(any::<u8>(), 0..9000)) {
        let uri = format!("data:;base64,{}", data_encoding::BASE64.encode(&file));
        prop_assert_eq!(DataUri::parse(&uri).and_then(|uri| uri.decode(9000)), Ok(file));
    }
}
