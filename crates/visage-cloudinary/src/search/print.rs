//! Expressions as text that reads back as the same value.

use std::fmt;

use super::text::{escape, quote};
use super::{Bound, Expression, Field, SearchTest, SearchValue, Term};

impl<F: Field> fmt::Display for Expression<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => join(f, parts, " AND "),
            Self::Or(parts) => join(f, parts, " OR "),
            Self::Not(inner) => {
                f.write_str("NOT ")?;
                inner.fmt_part(f)
            }
            Self::Term(term) => write!(f, "{term}"),
        }
    }
}

impl<F: Field> Expression<F> {
    /// As a part of another expression.
    fn fmt_part(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(_) | Self::Or(_) => write!(f, "({self})"),
            Self::Not(_) | Self::Term(_) => write!(f, "{self}"),
        }
    }
}

fn join<F: Field>(f: &mut fmt::Formatter<'_>, parts: &[Expression<F>], word: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        part.fmt_part(f)?;
    }
    Ok(())
}

impl<F: Field> fmt::Display for Term<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = escape(&self.field.name());
        let colon = if name.is_empty() { "" } else { ":" };
        match &self.test {
            SearchTest::Equals(value) => write!(f, "{name}={value}"),
            SearchTest::Matches(text) => write!(f, "{name}{colon}{}", quote(text, false)),
            SearchTest::StartsWith(text) => write!(f, "{name}{colon}{}", quote(text, true)),
            SearchTest::Within { lower, upper } => match (lower, upper) {
                (Some(lower), None) => write!(f, "{name}>{}", compared(lower)),
                (None, Some(upper)) => write!(f, "{name}<{}", compared(upper)),
                (None, None) => write!(f, "{name}:[* TO *]"),
                (Some(Bound { value, inclusive }), Some(upper)) if !upper.inclusive => {
                    let (open, close) = if *inclusive { ('[', ']') } else { ('{', '}') };
                    write!(f, "{name}:{open}{value} TO {}{close}", upper.value)
                }
                (Some(lower), Some(upper)) => {
                    write!(f, "({name}>{} {name}<{})", compared(lower), compared(upper))
                }
            },
        }
    }
}

fn compared(bound: &Bound) -> String {
    let sign = if bound.inclusive { "=" } else { "" };
    format!("{sign}{}", bound.value)
}

impl fmt::Display for SearchValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&quote(text, false)),
            Self::Number(number) => write!(f, "{number}"),
            Self::Moment(moment) => write!(f, "\"{moment}\""),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}
