//! Context (`alt=A cat|caption=…`) and structured metadata (`colour=red|sizes=["s","m"]`).
//!
//! A backslash makes the `=`, the `|` or the backslash behind it ordinary; before anything else it is itself ordinary.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ParameterError;

/// The most pairs of one text.
pub const MAX_PAIRS: usize = 1000;
/// The most characters a key has.
pub const MAX_KEY_CHARS: usize = 1024;

/// A value of structured metadata, as it was sent; the field's definition decides what it means.
#[derive(Debug, Clone, PartialEq)]
pub enum MetadataValue {
    /// Text.
    Text(String),
    /// A list: `["a","b"]`, also with numbers in it.
    List(Vec<Value>),
}

/// Reads context. A key given twice keeps the last value; empty pairs are skipped.
///
/// # Errors
///
/// A pair without `=` or without a key, a key that is too long, too many pairs.
pub fn context(text: &str) -> Result<BTreeMap<String, String>, ParameterError> {
    let mut pairs = BTreeMap::new();
    for (key, value) in Pairs(text) {
        let key = key.trim();
        let value = value.filter(|_| !key.is_empty());
        let value = value.ok_or_else(|| ParameterError::Pair(key.to_owned()))?;
        if key.chars().nth(MAX_KEY_CHARS).is_some() {
            return Err(ParameterError::KeyTooLong);
        }
        pairs.insert(key.to_owned(), value);
        if pairs.len() > MAX_PAIRS {
            return Err(ParameterError::TooManyPairs);
        }
    }
    Ok(pairs)
}

/// Reads structured metadata by external id. What reads as a JSON list is one; every other value is text.
///
/// # Errors
///
/// As [`context`].
pub fn metadata(text: &str) -> Result<BTreeMap<String, MetadataValue>, ParameterError> {
    let value = |text: String| match text.starts_with('[').then(|| serde_json::from_str(&text)) {
        Some(Ok(Value::Array(list))) => MetadataValue::List(list),
        _ => MetadataValue::Text(text),
    };
    let pairs = context(text)?.into_iter();
    Ok(pairs.map(|(key, text)| (key, value(text))).collect())
}

/// Prints what [`context`] reads.
pub fn print_context(pairs: &BTreeMap<String, String>) -> String {
    let escape = |text: &str| text.replace('\\', "\\\\").replace('=', "\\=").replace('|', "\\|");
    let pairs = pairs
        .iter()
        .map(|(key, value)| format!("{}={}", escape(key), escape(value)));
    pairs.collect::<Vec<_>>().join("|")
}

/// The pairs of a text, unescaped; the value is `None` where there is no `=`.
struct Pairs<'a>(&'a str);

impl Iterator for Pairs<'_> {
    type Item = (String, Option<String>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0 = self.0.trim_start_matches('|');
        let mut chars = self.0.chars().peekable();
        chars.peek()?;
        let (mut key, mut value) = (String::new(), None::<String>);
        let mut bytes = 0;
        while let Some(mut c) = chars.next() {
            bytes += c.len_utf8();
            match c {
                '|' => break,
                '=' if value.is_none() => {
                    value = Some(String::new());
                    continue;
                }
                '\\' => {
                    if let Some(escaped) = chars.next_if(|next| ['=', '|', '\\'].contains(next)) {
                        bytes += escaped.len_utf8();
                        c = escaped;
                    }
                }
                _ => {}
            }
            value.as_mut().unwrap_or(&mut key).push(c);
        }
        self.0 = self.0.get(bytes..).unwrap_or_default();
        Some((key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let read = context(text).unwrap();
        let expected: BTreeMap<String, String> = expected
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(read, expected, "{text}");
        assert_eq!(context(&print_context(&read)), Ok(read), "{text}");
    }

    #[test]
    fn pairs_are_unescaped() {
        check("alt=A cat|caption=é", &[("alt", "A cat"), ("caption", "é")]);
        check("a=b\\=c\\|d|e\\=f=g=h", &[("a", "b=c|d"), ("e=f", "g=h")]);
        check("a=C:\\temp\\\\|b=", &[("a", "C:\\temp\\"), ("b", "")]);
        check("|a=1||a=2|", &[("a", "2")]);
        check("a=\\", &[("a", "\\")]);
        check("", &[]);
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        assert_eq!(context("a=1|b"), Err(ParameterError::Pair("b".to_owned())));
        assert_eq!(context("=1"), Err(ParameterError::Pair(String::new())));
    }

    #[test]
    fn lists_of_metadata_are_json() {
        let read = metadata("a=[\"x\",2]|b=[x|c=7").unwrap();
        assert_eq!(read["a"], MetadataValue::List(vec![json!("x"), json!(2)]));
        assert_eq!(read["b"], MetadataValue::Text("[x".to_owned()));
        assert_eq!(read["c"], MetadataValue::Text("7".to_owned()));
        let deep = format!("a={}", "[".repeat(100_000));
        assert!(matches!(metadata(&deep).unwrap()["a"], MetadataValue::Text(_)));
    }

    #[test]
    fn keys_and_pairs_are_bounded() {
        let key = |chars: usize| format!("{}=1", "k".repeat(chars));
        assert!(context(&key(1024)).is_ok());
        assert_eq!(context(&key(1025)), Err(ParameterError::KeyTooLong));
        let many = |count: usize| (0..count).map(|n| format!("{n}=1")).collect::<Vec<_>>().join("|");
        assert!(context(&many(1000)).is_ok());
        assert_eq!(context(&many(1001)), Err(ParameterError::TooManyPairs));
    }
}
