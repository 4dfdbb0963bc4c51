use super::*;

/// 2024-06-25T09:25:44Z
const NOW: i64 = 1_719_307_544;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn parse(text: &str) -> Expression {
    let expression = Expression::parse(text, now()).unwrap_or_else(|error| panic!("{text}: {error}"));
    let printed = expression.to_string();
    assert_eq!(
        Expression::parse(&printed, now()).as_ref(),
        Ok(&expression),
        "{text} printed {printed}"
    );
    expression
}

/// What an expression means, printed.
fn check(text: &str, canonical: &str) {
    assert_eq!(parse(text).to_string(), canonical, "{text}");
}

fn check_error(text: &str, message: &str) {
    assert_eq!(
        Expression::<SearchField>::parse(text, now()).unwrap_err().to_string(),
        format!("Query Error {message}"),
        "{text}"
    );
}

#[test]
fn the_documented_example_is_read() {
    check(
        "resource_type:image AND tags=kitten AND uploaded_at>1d AND bytes>1m",
        "resource_type:\"image\" AND tags=\"kitten\" AND uploaded_at>\"2024-06-24T09:25:44Z\" AND bytes>1048576",
    );
}

#[test]
fn not_binds_tighter_than_and_and_that_than_or() {
    check("a OR b AND NOT c", "\"a\" OR (\"b\" AND NOT \"c\")");
    check("a b OR c", "(\"a\" AND \"b\") OR \"c\"");
    check("(a OR b) c", "(\"a\" OR \"b\") AND \"c\"");
    check("-tags:x -(a OR b)", "NOT tags:\"x\" AND NOT (\"a\" OR \"b\")");
    check("NOT -a", "NOT NOT \"a\"");
    check("((a))", "\"a\"");
    check("and or not", "\"and\" AND \"or\" AND \"not\"");
    check("ANDROID ORB NOTE", "\"ANDROID\" AND \"ORB\" AND \"NOTE\"");
    check("\"AND\" \\OR", "\"AND\" AND \"OR\"");
    assert_eq!(parse("  "), Expression::everything());
}

#[test]
fn text_is_matched_whole_by_words_or_by_prefix() {
    check("tags=a b", "tags=\"a\" AND \"b\"");
    check("folder:x/*", "folder:\"x/*\"");
    check("folder=\"a b/*\"", "folder:\"a b/*\"");
    check("public_id:\"star\\*\"", "public_id:\"star\\*\"");
    check("tags:citizen:john", "tags:\"citizen:john\"");
    check(
        "display_name = \"a \\\"b\\\" \\\\c\"",
        "display_name=\"a \\\"b\\\" \\\\c\"",
    );
    check("cat*", "\"cat*\"");
    check("tags=\"\"", "tags=\"\"");
    assert_eq!(
        parse("context.al\\ t\\:x:y"),
        Expression::Term(Term {
            field: SearchField::Context(Some("al t:x".to_owned())),
            test: SearchTest::Matches("y".to_owned())
        })
    );
    check("context:x metadata.m=7", "context:\"x\" AND metadata.m=\"7\"");
}

#[test]
fn numbers_sizes_and_ratios_are_compared() {
    check("width=100 height:200", "width=100 AND height=200");
    check("bytes>10kb bytes<=1.5MB", "bytes>10240 AND bytes<=1572864");
    check("bytes:>=5", "bytes>=5");
    check("bytes:[1mb TO 2mb]", "bytes:[1048576 TO 2097152]");
    check("width:{1 TO 2} width:[1 TO 2}", "width:{1 TO 2} AND width:[1 TO 2]");
    check(
        "width:[* TO 2] width:{2 TO *} width:[2 TO *] width:[* TO *]",
        "width<2 AND width>2 AND width>=2 AND width:[* TO *]",
    );
    check("aspect_ratio>\"16:9\"", "aspect_ratio>1.7777777777777777");
    check("transparent:true", "transparent=true");
    check("metadata.year>=2000", "metadata.year>=2000");
}

#[test]
fn a_date_is_a_whole_day_and_a_time_a_moment() {
    check(
        "created_at:2024-02-29",
        "created_at:[\"2024-02-29T00:00:00Z\" TO \"2024-03-01T00:00:00Z\"]",
    );
    check("created_at>2024-01-01", "created_at>=\"2024-01-02T00:00:00Z\"");
    check("created_at>=2024-01-01", "created_at>=\"2024-01-01T00:00:00Z\"");
    check("created_at<2024-01-01", "created_at<\"2024-01-01T00:00:00Z\"");
    check("created_at<=2024-01-01", "created_at<\"2024-01-02T00:00:00Z\"");
    check(
        "created_at>2024-01-01T10:00:00+02:00",
        "created_at>\"2024-01-01T08:00:00Z\"",
    );
    check("created_at>\"2024-01-01T10:00\"", "created_at>\"2024-01-01T10:00:00Z\"");
    check(
        "created_at>=\"Fri Mar 22 2019 00:00:00 GMT+0200 (Eastern European Standard Time)\"",
        "created_at>=\"2019-03-21T22:00:00Z\"",
    );
    check(
        "created_at<\"2019-03-22 00:00 +0200\"",
        "created_at<\"2019-03-21T22:00:00Z\"",
    );
    check("created_at=1719307544", "created_at=\"2024-06-25T09:25:44Z\"");
}

#[test]
fn relative_dates_count_back_from_now() {
    check("uploaded_at>2h", "uploaded_at>\"2024-06-25T07:25:44Z\"");
    check(
        "uploaded_at:[4w TO 1w]",
        "uploaded_at:[\"2024-05-28T09:25:44Z\" TO \"2024-06-18T09:25:44Z\"]",
    );
    check("uploaded_at>1m", "uploaded_at>\"2024-05-25T09:25:44Z\"");
    check("uploaded_at>1y", "uploaded_at>\"2023-06-25T09:25:44Z\"");
    check_error(
        "uploaded_at:1d",
        "(at position 13): uploaded_at must be compared: write uploaded_at>1d or uploaded_at<1d",
    );
    check_error("uploaded_at>9999y", "(at position 13): uploaded_at cannot be 9999y");
    check_error("uploaded_at>1x", "(at position 13): uploaded_at cannot be 1x");
}

#[test]
fn mistakes_are_named_with_their_place() {
    check_error("tags:*x", "(at position 6): '*' may only stand at the end of a value");
    check_error("tags:x*y", "(at position 7): '*' may only stand at the end of a value");
    check_error("*", "(at position 1): '*' may only stand at the end of a value");
    check_error(
        "tags:\"*\"",
        "(at position 7): '*' may only stand at the end of a value",
    );
    check_error("password:x", "(at position 1): unknown field password");
    check_error("context.:x", "(at position 1): unknown field context.");
    check_error("width:abc", "(at position 7): width cannot be abc");
    check_error("width:1*", "(at position 7): width cannot be searched by prefix");
    check_error(
        "tags>a",
        "(at position 6): tags is text and cannot be compared or searched by range",
    );
    check_error(
        "tags:[a TO b]",
        "(at position 7): tags is text and cannot be compared or searched by range",
    );
    check_error(
        "width:[1 2]",
        "(at position 7): a range is written [from TO to] or {from TO to}",
    );
    check_error("(a", "(at position 3): a closing parenthesis is missing");
    check_error("a)", "(at position 2): ')' must be escaped with a backslash or quoted");
    check_error("()", "(at position 2): a term is missing");
    check_error("a AND", "(at position 6): a term is missing");
    check_error("a OR OR b", "(at position 6): a term is missing");
    check_error("tags:", "(at position 6): a value is missing");
    check_error("tags:\"a", "(at position 6): a closing quotation mark is missing");
    check_error("a\\", "(at position 2): a backslash escapes nothing");
    check_error(
        "a && b",
        "(at position 3): '&' must be escaped with a backslash or quoted",
    );
}

#[test]
fn length_depth_and_terms_are_bounded() {
    let ok = |text: &str| Expression::<SearchField>::parse(text, now()).is_ok();
    assert!(ok(&"x".repeat(4000)));
    check_error(
        &"x".repeat(4001),
        "(at position 4001): expression is longer than 4000 characters",
    );
    let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(ok(&nested(32)));
    check_error(
        &nested(33),
        "(at position 34): expression is nested deeper than 32 levels",
    );
    assert!(ok(&format!("{}a", "-".repeat(32))));
    assert!(!ok(&format!("{}a", "-".repeat(33))));
    assert!(ok(&"a ".repeat(200)));
    check_error(
        &"a ".repeat(201),
        "(at position 401): expression has more than 200 terms",
    );
}

#[test]
fn folders_have_fields_of_their_own() {
    let folders = |text: &str| Expression::<FolderField>::parse(text, now());
    assert_eq!(
        folders("name:x AND path=\"a/b*\" AND created_at>1d")
            .unwrap()
            .to_string(),
        "name:\"x\" AND path:\"a/b*\" AND created_at>\"2024-06-24T09:25:44Z\""
    );
    assert_eq!(
        folders("tags:x").unwrap_err().mistake,
        QueryMistake::UnknownField("tags".to_owned())
    );
}

#[test]
fn every_field_reads_its_own_name() {
    for name in [
        "access_mode",
        "aspect_ratio",
        "asset_folder",
        "asset_id",
        "bytes",
        "colors",
        "context",
        "context.alt",
        "created_at",
        "display_name",
        "duration",
        "etag",
        "face_count",
        "filename",
        "folder",
        "format",
        "grayscale",
        "height",
        "illustration_score",
        "last_updated.updated_at",
        "metadata.id",
        "moderation_kind",
        "moderation_status",
        "pages",
        "pixels",
        "public_id",
        "resource_type",
        "status",
        "tags",
        "transparent",
        "type",
        "uploaded_at",
        "version",
        "width",
    ] {
        assert_eq!(SearchField::from_name(name).unwrap().name(), name);
    }
}
