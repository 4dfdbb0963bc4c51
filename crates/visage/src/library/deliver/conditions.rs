//! Conditional requests: `If-Match` and its kin (RFC 9110, 13). Everything that carries validators asks here.

use http::{HeaderMap, HeaderName, header};
use jiff::Timestamp;

/// What a request makes its answer depend on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditions<'a> {
    /// The request's headers; `None` where there is no request.
    headers: Option<&'a HeaderMap>,
}

/// What an answer is recognised by (RFC 9110, 8.8).
#[derive(Debug, Clone, Copy)]
pub struct Validators<'a> {
    /// The entity tag, with its quotes; a weak one begins with `W/`.
    pub etag: &'a str,
    /// When it last changed, in whole seconds; `None` where that is not known.
    pub last_modified: Option<Timestamp>,
}

/// What the conditions of a request come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Answer as if there were none.
    Send,
    /// The client has it: 304.
    NotModified,
    /// The client wants another one than there is: 412.
    Failed,
}

impl<'a> Conditions<'a> {
    /// The conditions of a `GET` or `HEAD` with these headers.
    pub fn of(headers: &'a HeaderMap) -> Self {
        Self { headers: Some(headers) }
    }

    /// Evaluates the conditions in the order of RFC 9110, 13.2.2. Dates that cannot be read count as absent.
    pub fn verdict(self, validators: Validators<'_>) -> Verdict {
        let Some(headers) = self.headers else {
            return Verdict::Send;
        };
        if fails(headers, validators) {
            Verdict::Failed
        } else if is_known(headers, validators) {
            Verdict::NotModified
        } else {
            Verdict::Send
        }
    }

    /// Whether `Range` counts: `If-Range` is absent or names exactly this answer (RFC 9110, 13.1.5).
    pub fn allow_range(self, validators: Validators<'_>) -> bool {
        let Some(headers) = self.headers.filter(|headers| headers.contains_key(header::IF_RANGE)) else {
            return true;
        };
        let names = |tag: &str| tag == validators.etag && !is_weak(tag);
        let text = headers.get(header::IF_RANGE).and_then(|value| value.to_str().ok());
        text.is_some_and(|text| names(text.trim()))
            || date(headers, &header::IF_RANGE).is_some_and(|date| Some(date) == seconds(validators))
    }
}

fn fails(headers: &HeaderMap, validators: Validators<'_>) -> bool {
    if headers.contains_key(header::IF_MATCH) {
        return !tags(headers, &header::IF_MATCH).any(|tag| tag == "*" || (tag == validators.etag && !is_weak(tag)));
    }
    let unmodified_since = date(headers, &header::IF_UNMODIFIED_SINCE).zip(seconds(validators));
    unmodified_since.is_some_and(|(since, modified)| modified > since)
}

fn is_known(headers: &HeaderMap, validators: Validators<'_>) -> bool {
    if headers.contains_key(header::IF_NONE_MATCH) {
        let etag = opaque(validators.etag);
        return tags(headers, &header::IF_NONE_MATCH).any(|tag| tag == "*" || opaque(tag) == etag);
    }
    let modified_since = date(headers, &header::IF_MODIFIED_SINCE).zip(seconds(validators));
    modified_since.is_some_and(|(since, modified)| modified <= since)
}

/// The members of all lines of a list of entity tags. None of ours has a comma in it.
fn tags<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

fn is_weak(tag: &str) -> bool {
    tag.starts_with("W/")
}

/// What the weak comparison compares.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The seconds of a date in any form that HTTP has had; a header that comes twice is none.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<i64> {
    let mut lines = headers.get_all(name).into_iter();
    let line = lines.next().filter(|_| lines.next().is_none())?;
    let time = httpdate::parse_http_date(line.to_str().ok()?.trim()).ok()?;
    Some(Timestamp::try_from(time).ok()?.as_second())
}

fn seconds(validators: Validators<'_>) -> Option<i64> {
    validators.last_modified.map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn validators(etag: &str) -> Validators<'_> {
        Validators {
            etag,
            last_modified: Some(Timestamp::from_second(784_111_777).unwrap()),
        }
    }

    fn check(lines: &[(&'static str, &str)], expected: Verdict) {
        let headers = headers(lines);
        let verdict = Conditions::of(&headers).verdict(validators("\"a\""));
        assert_eq!(verdict, expected, "{lines:?}");
    }

    #[test]
    fn if_none_match_compares_weakly_and_beats_the_date() {
        for (have, expected) in [
            ("\"a\"", Verdict::NotModified),
            ("W/\"a\"", Verdict::NotModified),
            ("\"b\", \"a\"", Verdict::NotModified),
            ("*", Verdict::NotModified),
            ("\"b\"", Verdict::Send),
            ("a", Verdict::Send),
            ("", Verdict::Send),
        ] {
            check(&[("if-none-match", have)], expected);
            check(&[("if-none-match", have), ("if-modified-since", MODIFIED)], expected);
        }
        check(
            &[("if-none-match", "\"b\""), ("if-none-match", "\"a\"")],
            Verdict::NotModified,
        );
    }

    #[test]
    fn if_modified_since_compares_seconds() {
        check(&[("if-modified-since", BEFORE)], Verdict::Send);
        check(&[("if-modified-since", MODIFIED)], Verdict::NotModified);
        check(&[("if-modified-since", AFTER)], Verdict::NotModified);
        for form in ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            check(&[("if-modified-since", form)], Verdict::NotModified);
        }
        for unreadable in ["yesterday", "784111777", "", "Sun, 06 Nov 1994 08:49:37 +0100"] {
            check(&[("if-modified-since", unreadable)], Verdict::Send);
            check(&[("if-unmodified-since", unreadable)], Verdict::Send);
        }
        check(
            &[("if-modified-since", MODIFIED), ("if-modified-since", MODIFIED)],
            Verdict::Send,
        );
    }

    #[test]
    fn if_match_compares_strongly_and_comes_first() {
        for (wanted, expected) in [
            ("\"a\"", Verdict::Send),
            ("\"b\", \"a\"", Verdict::Send),
            ("*", Verdict::Send),
            ("\"b\"", Verdict::Failed),
            ("W/\"a\"", Verdict::Failed),
            ("a", Verdict::Failed),
            ("", Verdict::Failed),
        ] {
            check(&[("if-match", wanted)], expected);
            check(&[("if-match", wanted), ("if-unmodified-since", BEFORE)], expected);
        }
        check(&[("if-match", "\"b\""), ("if-none-match", "\"a\"")], Verdict::Failed);
        check(
            &[("if-match", "\"a\""), ("if-none-match", "\"a\"")],
            Verdict::NotModified,
        );
    }

    #[test]
    fn if_unmodified_since_fails_when_it_changed_later() {
        check(&[("if-unmodified-since", BEFORE)], Verdict::Failed);
        check(&[("if-unmodified-since", MODIFIED)], Verdict::Send);
        check(&[("if-unmodified-since", AFTER)], Verdict::Send);
    }

    #[test]
    fn dates_do_not_count_without_a_date_of_the_answer() {
        for name in ["if-modified-since", "if-unmodified-since"] {
            let headers = headers(&[(name, BEFORE)]);
            let validators = Validators {
                etag: "\"a\"",
                last_modified: None,
            };
            assert_eq!(Conditions::of(&headers).verdict(validators), Verdict::Send);
        }
        assert_eq!(Conditions::default().verdict(validators("\"a\"")), Verdict::Send);
    }

    #[test]
    fn weak_tags_match_weakly_alone() {
        let verdict = |lines| Conditions::of(&headers(lines)).verdict(validators("W/\"a\""));
        assert_eq!(verdict(&[("if-none-match", "\"a\"")]), Verdict::NotModified);
        assert_eq!(verdict(&[("if-match", "W/\"a\"")]), Verdict::Failed);
        assert_eq!(verdict(&[("if-match", "*")]), Verdict::Send);
    }

    #[test]
    fn if_range_names_exactly_one_answer() {
        for (given, expected) in [
            ("\"a\"", true),
            ("\"b\"", false),
            ("W/\"a\"", false),
            (MODIFIED, true),
            (BEFORE, false),
            (AFTER, false),
            ("soon", false),
        ] {
            let headers = headers(&[("if-range", given)]);
            let allowed = Conditions::of(&headers).allow_range(validators("\"a\""));
            assert_eq!(allowed, expected, "{given}");
        }
        assert!(Conditions::default().allow_range(validators("\"a\"")));
    }
}
