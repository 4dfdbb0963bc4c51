//! Tags: a list with commas.

use std::collections::BTreeSet;

use super::ParameterError;

/// The most characters a tag has.
pub const MAX_TAG_CHARS: usize = 255;
/// The most tags an asset has.
pub const MAX_TAGS: usize = 1000;

/// Reads tags, trimmed, each once, sorted. A list that came as several fields is joined with commas first.
///
/// # Errors
///
/// A tag that is too long, or too many of them.
pub fn tags(text: &str) -> Result<Vec<String>, ParameterError> {
    let mut tags = BTreeSet::new();
    for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
        if tag.chars().nth(MAX_TAG_CHARS).is_some() {
            return Err(ParameterError::TagTooLong);
        }
        tags.insert(tag);
        if tags.len() > MAX_TAGS {
            return Err(ParameterError::TooManyTags);
        }
    }
    Ok(tags.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_trimmed_sorted_and_there_once() {
        assert_eq!(tags(" b,a ,, b,é d"), Ok(vec!["a".into(), "b".into(), "é d".into()]));
        assert_eq!(tags(""), Ok(Vec::new()));
    }

    #[test]
    fn length_and_number_are_bounded() {
        assert!(tags(&"é".repeat(255)).is_ok());
        assert_eq!(tags(&"é".repeat(256)), Err(ParameterError::TagTooLong));
        let many = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(tags(&many(1000)).map(|tags| tags.len()), Ok(1000));
        assert_eq!(tags(&many(1001)), Err(ParameterError::TooManyTags));
    }
}
