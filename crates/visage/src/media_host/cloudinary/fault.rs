//! What went wrong with a request, and whether it may be made again.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;

/// How much of what the other side says is kept.
const MAX_TEXT_CHARACTERS: usize = 300;

/// A request that did not do what it was meant to do.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    /// How long the other side asks to be left alone.
    pub(super) retry_after: Option<Duration>,
    text: String,
}

/// What is certain about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// Nothing was done, and nothing will be: the other side was not reached, or asks for patience.
    NotDone,
    /// It may have been done, or may still be.
    Unknown,
    /// The other side has decided against it; asking again would not help.
    Refused(StatusCode),
}

impl Fault {
    pub(super) fn new(kind: FaultKind, text: impl fmt::Display) -> Self {
        Self {
            kind,
            retry_after: None,
            text: text.to_string().chars().take(MAX_TEXT_CHARACTERS).collect(),
        }
    }

    /// A request that failed on its way.
    pub(super) fn of_transport(error: &reqwest::Error) -> Self {
        let kind = if error.is_connect() || error.is_builder() {
            FaultKind::NotDone
        } else {
            FaultKind::Unknown
        };
        // The causes alone: the text of the error itself has the URL in it.
        let mut text = if error.is_timeout() { "timed out" } else { "no answer" }.to_owned();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        Self::new(kind, text)
    }

    /// An answer that is not the one that was wanted.
    pub(super) fn of_answer(status: StatusCode, headers: &HeaderMap, message: &str, now: Timestamp) -> Self {
        let kind = match status.as_u16() {
            420 | 423 | 429 => FaultKind::NotDone,
            408 | 500..=599 => FaultKind::Unknown,
            _ => FaultKind::Refused(status),
        };
        Self {
            retry_after: retry_after(headers, now),
            ..Self::new(kind, format_args!("{}: {message}", status.as_u16()))
        }
    }

    /// Whether the other side works and was understood.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self.kind, FaultKind::Refused(_))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What `Retry-After` says (RFC 9110, 10.2.3), or when a rate that is used up begins anew.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let until = |date: &str| {
        let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
        Duration::try_from(date.duration_since(now)).ok()
    };
    if let Some(after) = text(header::RETRY_AFTER.as_str()) {
        let seconds = after.trim().parse().map(Duration::from_secs).ok();
        return seconds.or_else(|| until(after));
    }
    let is_used_up = text("x-featureratelimit-remaining")? == "0";
    is_used_up
        .then(|| text("x-featureratelimit-reset"))
        .flatten()
        .and_then(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(status: u16, headers: &[(&'static str, &str)]) -> Fault {
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let now = "2012-10-03T07:59:00Z".parse().unwrap();
        Fault::of_answer(StatusCode::from_u16(status).unwrap(), &headers, "because", now)
    }

    #[test]
    fn a_status_says_what_is_certain() {
        for status in [420, 429] {
            assert_eq!(fault(status, &[]).kind, FaultKind::NotDone, "{status}");
        }
        for status in [408, 500, 502, 503, 504] {
            assert_eq!(fault(status, &[]).kind, FaultKind::Unknown, "{status}");
        }
        for status in [301, 400, 401, 403, 404, 409, 413] {
            assert!(fault(status, &[]).is_refusal(), "{status}");
        }
    }

    #[test]
    fn the_other_side_says_when_to_come_again() {
        let check = |headers: &[(&'static str, &str)], expected| {
            assert_eq!(fault(420, headers).retry_after, expected, "{headers:?}");
        };
        let minute = Some(Duration::from_secs(60));
        let date = "Wed, 03 Oct 2012 08:00:00 GMT";
        check(&[], None);
        check(&[("retry-after", "60")], minute);
        check(&[("retry-after", date)], minute);
        check(&[("retry-after", "soon")], None);
        let used_up = ("x-featureratelimit-remaining", "0");
        check(&[used_up, ("x-featureratelimit-reset", date)], minute);
        check(
            &[
                ("x-featureratelimit-remaining", "3"),
                ("x-featureratelimit-reset", date),
            ],
            None,
        );
        let past = "Wed, 03 Oct 2012 07:00:00 GMT";
        check(&[used_up, ("x-featureratelimit-reset", past)], None);
    }
}
