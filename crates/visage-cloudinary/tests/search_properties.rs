//! What holds for every search expression: nothing panics, and what was read prints as something that means the same.
#![cfg(test)]

use jiff::Timestamp;
use proptest::prelude::*;
use visage_cloudinary::search::{Expression, Field, FolderField, SearchField};

/// Text made of pieces that mean something to the parser.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "(tags|bytes|width|created_at|public_id|context\\.a|metadata\\.x|aspect_ratio|transparent|name|path)(:|=|>|<|>=|<=|:>)",
        4 => "cat|10kb|5|-5|16:9|true|2024-01-01|2024-01-01T10:00:00Z|1d|4w|1700000000|a\\\\ b|x\\*|\"a b\"|\"a\\*\"",
        3 => " | AND | OR | NOT | TO |-|\\(|\\)|\\[|\\]|\\{|\\}|\\*|\"|\\\\|\\[1 TO 5\\]|\\{\\* TO 1d\\}",
        1 => "\\PC{0,3}",
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Expressions without mistakes.
fn valid() -> impl Strategy<Value = String> {
    let term = prop_oneof![
        "(tags|public_id|context\\.a|metadata\\.x)(:|=)(\"[a-z \\(\\):]{1,8}\\*?\"|[a-z]{1,5}\\*?)",
        "(bytes|width|pixels|metadata\\.n)(>|<|>=|<=)[0-9]{1,6}",
        "(bytes|width):[\\[\\{]([0-9]{1,4}|\\*) TO ([0-9]{1,4}|\\*)[\\]\\}]",
        "(created_at|uploaded_at)(>|<|>=|<=)([1-9][hdwmy]|20[0-9]{2}-0[1-9]-1[0-9])",
        "[a-z]{1,6}\\*?",
    ];
    term.prop_recursive(4, 32, 4, |inner| {
        let part =
            (prop_oneof![Just("NOT "), Just("-"), Just("")], inner).prop_map(|(not, part)| format!("{not}({part})"));
        (
            prop::collection::vec(part, 1..4),
            prop_oneof![Just(" AND "), Just(" OR "), Just(" ")],
        )
            .prop_map(|(parts, word)| parts.join(word))
    })
}

fn check<F: Field + PartialEq + std::fmt::Debug>(text: &str) -> bool {
    let now = Timestamp::from_second(1_719_307_544).unwrap();
    match Expression::<F>::parse(text, now) {
        Ok(expression) => {
            let printed = expression.to_string();
            // Quotes and escapes make a text longer, so a very long one need not fit any more.
            if printed.chars().count() <= 4000 {
                assert_eq!(
                    Expression::parse(&printed, now),
                    Ok(expression),
                    "{text} printed {printed}"
                );
            }
            true
        }
        Err(error) => {
            assert!(
                (1..=text.chars().count() + 1).contains(&error.position),
                "{text}: {error}"
            );
            false
        }
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser(text in any::<String>()) {
        check::<SearchField>(&text);
        check::<FolderField>(&text);
    }

    #[test]
    fn no_text_in_the_language_breaks_the_parser(text in pieces()) {
        check::<SearchField>(&text);
        check::<FolderField>(&text);
    }

    #[test]
    fn an_expression_without_mistakes_is_read_and_reads_back(text in valid()) {
        prop_assume!(text.len() <= 4000);
        prop_assert!(check::<SearchField>(&text), "{}", text);
    }
}
