//! Times as clients write them: ISO 8601, JavaScript's `Date`, HTTP, seconds since the Unix epoch.

use jiff::fmt::{rfc2822, temporal::Pieces};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

/// The longest text that is a time; a zone's name in parentheses is part of it.
const MAX_TIME_CHARS: usize = 128;

/// Reads a time in any form that clients of the API send. It keeps the offset that was written, so that its day is the
/// writer's; without an offset it is in UTC, and a day alone is its beginning.
///
/// ```
/// # use visage_cloudinary::read_time;
/// let text = "Fri Mar 22 2019 00:00:00 GMT+0200 (Eastern European Standard Time)";
/// assert_eq!(read_time(text), read_time("2019-03-22 00:00 +0200"));
/// assert_eq!(read_time("2019-03-22").unwrap().timestamp().as_second(), 1_553_212_800);
/// ```
pub fn read_time(text: &str) -> Option<Zoned> {
    let text = text.trim();
    if text.len() > MAX_TIME_CHARS {
        return None;
    }
    iso(text)
        .or_else(|| javascript(text))
        .or_else(|| rfc2822::parse(text).ok())
        .or_else(|| {
            // Fewer digits are a year, a month, a mistake.
            let digits = text.split('.').next().unwrap_or_default();
            let time = read_unix_time(text).filter(|_| (9..=11).contains(&digits.len()))?;
            Some(time.to_zoned(TimeZone::UTC))
        })
}

/// Reads seconds since the Unix epoch, perhaps with a fraction.
pub fn read_unix_time(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(seconds) || !is_number(fraction) {
        return None;
    }
    let nanoseconds = format!("{fraction:0<9.9}").parse().ok()?;
    Timestamp::new(seconds.parse().ok()?, nanoseconds).ok()
}

/// `2019-03-22`, `2019-03-22T00:00:00.5+02:00`, `2019-03-22 00:00 +0200`, `2019-03-22 00:00:00 UTC`.
fn iso(text: &str) -> Option<Zoned> {
    let joined = match text.rsplit_once(' ') {
        Some((time, "UTC" | "GMT" | "Z")) => time.to_owned(),
        Some((time, offset)) if offset.starts_with(['+', '-']) => format!("{time}{offset}"),
        _ => text.to_owned(),
    };
    let pieces = Pieces::parse(&joined).ok()?;
    if pieces.time_zone_annotation().is_some() {
        return None;
    }
    let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    let time = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    time.to_zoned(TimeZone::fixed(offset)).ok()
}

/// `Fri Mar 22 2019 00:00:00 GMT+0200 (Eastern European Standard Time)`; the name in parentheses says nothing more.
fn javascript(text: &str) -> Option<Zoned> {
    let time = text.split('(').next().unwrap_or_default().trim_end();
    Zoned::strptime("%a %b %d %Y %H:%M:%S GMT%z", time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let read = read_time(text).map(|time| time.timestamp().to_string());
        assert_eq!(read.as_deref(), expected, "{text}");
    }

    #[test]
    fn one_moment_is_read_in_every_form() {
        for text in [
            "2019-03-21T22:00:00Z",
            "2019-03-21T22:00:00.000Z",
            "2019-03-21T22:00:00",
            "2019-03-21T22:00",
            "2019-03-22T00:00:00+02:00",
            "2019-03-22 00:00:00+0200",
            "2019-03-22 00:00 +0200",
            "2019-03-22 00:00:00 +0200",
            "2019-03-21 22:00:00 UTC",
            "2019-03-21 22:00 GMT",
            "2019-03-21 17:00 -0500",
            "Fri Mar 22 2019 00:00:00 GMT+0200 (Eastern European Standard Time)",
            "Fri Mar 22 2019 00:00:00 GMT+0200",
            "Thu Mar 21 2019 22:00:00 GMT+0000 (Coordinated Universal Time)",
            "Thu Mar 21 2019 17:00:00 GMT-0500 (EST)",
            "Thu, 21 Mar 2019 22:00:00 GMT",
            "1553205600",
            " 1553205600 ",
        ] {
            check(text, Some("2019-03-21T22:00:00Z"));
        }
        check("1553205600.25", Some("2019-03-21T22:00:00.25Z"));
        check("2019-03-22", Some("2019-03-22T00:00:00Z"));
        check("2019-03-22 UTC", Some("2019-03-22T00:00:00Z"));
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "",
            "soon",
            "2019",
            "12345678",
            "123456789012",
            "2019-13-01",
            "2019-02-30 00:00 +0200",
            "2019-03-22 25:00",
            "Thu Mar 22 2019 00:00:00 GMT+0200",
            "Fri Mar 22 2019 00:00:00",
            "2019-03-22T00:00:00[Europe/Athens]",
            "1553205600.",
            "-1553205600",
        ] {
            check(text, None);
        }
        check(&format!("2019-03-22{}", " ".repeat(500)), Some("2019-03-22T00:00:00Z"));
        check(
            &format!("Fri Mar 22 2019 00:00:00 GMT+0200 ({})", "x".repeat(100)),
            None,
        );
    }

    #[test]
    fn the_day_is_that_of_the_writer() {
        let day = |text: &str| read_time(text).unwrap().date().to_string();
        assert_eq!(day("Fri Mar 22 2019 00:00:00 GMT+0200 (EET)"), "2019-03-22");
        assert_eq!(day("2019-03-22 23:30 -0500"), "2019-03-22");
    }

    #[test]
    fn unix_times_may_have_a_fraction() {
        let read = |text: &str| read_unix_time(text).map(Timestamp::as_nanosecond);
        assert_eq!(read("0"), Some(0));
        assert_eq!(read("1.5"), Some(1_500_000_000));
        assert_eq!(read("1.0000000019"), Some(1_000_000_001));
        for text in ["", ".", "1.", ".5", "1e3", "-1", "+1", " 1", "99999999999999999999"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
