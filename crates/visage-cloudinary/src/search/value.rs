//! What stands after an operator: numbers, sizes, ratios, dates, words.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

use super::{FieldKind, SearchValue};

/// A value as far as it can be understood alone.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    /// One value.
    Exact(SearchValue),
    /// A day: from its first moment to the first of the next day.
    Day(Timestamp, Timestamp),
    /// So long ago; a moment that can only be compared with.
    Ago(Timestamp),
}

/// What a text means for a kind of field; `None` when it can mean nothing. A custom field takes whatever the text
/// looks like.
pub(super) fn meaning(text: &str, kind: FieldKind, now: Timestamp) -> Option<Meaning> {
    let number = |value: Option<f64>| value.map(|value| Meaning::Exact(SearchValue::Number(value)));
    match kind {
        FieldKind::Text => Some(Meaning::Exact(SearchValue::Text(text.to_owned()))),
        FieldKind::Number => number(plain_number(text)),
        FieldKind::Size => number(size(text)),
        FieldKind::Ratio => number(ratio(text)),
        FieldKind::Moment => moment(text, now),
        FieldKind::Flag => match text {
            "true" => Some(Meaning::Exact(SearchValue::Flag(true))),
            "false" => Some(Meaning::Exact(SearchValue::Flag(false))),
            _ => None,
        },
        FieldKind::Custom => number(plain_number(text)).or_else(|| calendar(text)),
    }
}

/// A number with an optional sign and an optional decimal point, nothing else.
fn plain_number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let edges = digits.starts_with(|c: char| c.is_ascii_digit()) && digits.ends_with(|c: char| c.is_ascii_digit());
    if !edges || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Bytes, or with a unit of 1,024 and its powers: `k`, `kb`, `m`, `mb`, `g`, `gb`, in any letter case.
fn size(text: &str) -> Option<f64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1024.0,
        "m" | "mb" => 1024.0 * 1024.0,
        "g" | "gb" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some(plain_number(number)? * factor).filter(|bytes| bytes.is_finite())
}

fn ratio(text: &str) -> Option<f64> {
    let ratio = match text.split_once(':') {
        Some((width, height)) => plain_number(width)? / plain_number(height)?,
        None => plain_number(text)?,
    };
    Some(ratio).filter(|ratio| ratio.is_finite())
}

fn moment(text: &str, now: Timestamp) -> Option<Meaning> {
    calendar(text).or_else(|| relative(text, now).map(Meaning::Ago))
}

/// A date (a whole day in UTC), or a time in any form that [`crate::read_time`] knows.
fn calendar(text: &str) -> Option<Meaning> {
    if let Some(day) = whole_day(text) {
        let first = |day: Date| day.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp());
        return Some(Meaning::Day(first(day)?, first(day.tomorrow().ok()?)?));
    }
    let time = crate::read_time(text)?;
    Some(Meaning::Exact(SearchValue::Moment(time.timestamp())))
}

/// `2024-01-01` and nothing more.
fn whole_day(text: &str) -> Option<Date> {
    text.parse().ok().filter(|_| text.len() == "2024-01-01".len())
}

/// So long before now: `3h` hours, `1d` days, `4w` weeks, `6m` calendar months, `1y` calendar years. That `m` means
/// months and not minutes follows from the units around it.
fn relative(text: &str, now: Timestamp) -> Option<Timestamp> {
    let unit = text.chars().last()?;
    let digits = text.strip_suffix(unit)?;
    if digits.len() > 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: i64 = digits.parse().ok()?;
    let span: Span = match unit {
        'h' => count.hours(),
        'd' => count.days(),
        'w' => count.weeks(),
        'm' => count.months(),
        'y' => count.years(),
        _ => return None,
    };
    let then = now.to_zoned(TimeZone::UTC).checked_sub(span).ok()?;
    // Nothing is older than the epoch: such a number is a mistake.
    Some(then.timestamp()).filter(|then| *then >= Timestamp::UNIX_EPOCH)
}
