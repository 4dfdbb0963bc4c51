//! The name of an asset.

use std::fmt;
use std::str::FromStr;

/// The most characters (not bytes) a public id has.
pub const MAX_PUBLIC_ID_CHARS: usize = 255;

/// The most characters that [`PublicId::clean_file_name`] leaves.
const MAX_FILE_NAME_CHARS: usize = 200;

/// The name of an asset, unique per resource type and delivery type, such as `profiles/k3v9…`.
///
/// At most 255 characters; no space or slash at either end; none of `? & # \ % < > +`; no control character; no segment
/// that is empty, `.` or `..`, or reads like a version (`v12`). Case matters, and Unicode is kept as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicId(String);

/// Why a text is no public id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("public_id ({text}) is invalid: {reason}")]
pub struct PublicIdError {
    text: String,
    reason: &'static str,
}

impl PublicId {
    /// Checks a public id that someone wrote down. Nothing is repaired: a name that was asked for is kept or refused.
    ///
    /// # Errors
    ///
    /// A text that breaks one of the rules above, with the rule.
    pub fn parse(text: &str) -> Result<Self, PublicIdError> {
        match broken_rule(text) {
            None => Ok(Self(text.to_owned())),
            Some(reason) => {
                let text = text.chars().take(MAX_PUBLIC_ID_CHARS).collect();
                Err(PublicIdError { text, reason })
            }
        }
    }

    /// What is left of an uploaded file's name to make a public id of: the last part of a path, with `_` for forbidden
    /// characters, none of them at either end, at most 200 characters (room for a folder and a random ending). The
    /// extension stays. The result may be empty or still no public id (`v12`), so it goes through [`PublicId::parse`].
    pub fn clean_file_name(name: &str) -> String {
        let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let cleaned: String = last.chars().map(|c| if is_forbidden(c) { '_' } else { c }).collect();
        let is_padding = |c: char| c == '_' || c == '.' || c.is_whitespace();
        let short: String = cleaned
            .trim_start_matches(is_padding)
            .chars()
            .take(MAX_FILE_NAME_CHARS)
            .collect();
        short.trim_end_matches(is_padding).to_owned()
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PublicId {
    type Err = PublicIdError;

    fn from_str(text: &str) -> Result<Self, PublicIdError> {
        Self::parse(text)
    }
}

fn broken_rule(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.chars().count() > MAX_PUBLIC_ID_CHARS {
        return Some("public_id is too long");
    }
    if text.trim() != text {
        return Some("it begins or ends with a space");
    }
    if text.starts_with('/') || text.ends_with('/') {
        return Some("it begins or ends with a slash");
    }
    if text.chars().any(is_forbidden) {
        return Some("it contains one of ? & # \\ % < > + or a control character");
    }
    text.split('/').find_map(broken_segment_rule)
}

fn is_forbidden(c: char) -> bool {
    matches!(c, '?' | '&' | '#' | '\\' | '%' | '<' | '>' | '+') || c.is_control()
}

fn broken_segment_rule(segment: &str) -> Option<&'static str> {
    match segment {
        "" => Some("it contains an empty segment"),
        "." | ".." => Some("a segment is . or .."),
        _ if is_version(segment) => Some("a segment looks like a version"),
        _ => None,
    }
}

/// Whether a path segment is `v` followed by digits only.
pub(crate) fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_kept_as_they_are() {
        for text in [
            "sample",
            "profiles/k3v9",
            "a b",
            "a.b-c_d",
            "日本語/ファイル",
            "v12a",
            "V12",
            "v",
            "a:b,c=d",
            ".hidden",
            "a..b",
        ] {
            assert_eq!(PublicId::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn bad_names_are_refused_with_the_rule() {
        let cases = [
            ("", "it is empty"),
            (" a", "it begins or ends with a space"),
            ("a\u{a0}", "it begins or ends with a space"),
            ("/a", "it begins or ends with a slash"),
            ("a/", "it begins or ends with a slash"),
            ("a//b", "it contains an empty segment"),
            ("../a", "a segment is . or .."),
            ("a/./b", "a segment is . or .."),
            ("a/v12/b", "a segment looks like a version"),
            ("v1", "a segment looks like a version"),
        ];
        for (text, reason) in cases {
            assert_eq!(PublicId::parse(text).unwrap_err().reason, reason, "{text:?}");
        }
        for c in "?&#\\%<>+\0\n\u{7f}".chars() {
            assert!(PublicId::parse(&format!("a{c}b")).is_err(), "{c:?}");
        }
    }

    #[test]
    fn file_names_are_cleaned() {
        let check = |name: &str, cleaned: &str| assert_eq!(PublicId::clean_file_name(name), cleaned, "{name:?}");
        check("photo.jpg", "photo.jpg");
        check("C:\\My Photos\\100% me & you?.png", "100_ me _ you_.png");
        check("../../etc/passwd", "passwd");
        check("..", "");
        check(" ?#.hidden.#? ", "hidden");
        check("日本\0語", "日本_語");
        check(&"é".repeat(300), &"é".repeat(200));
        check("", "");
    }

    #[test]
    fn the_limit_counts_characters() {
        assert!(PublicId::parse(&"é".repeat(254)).is_ok());
        assert!(PublicId::parse(&"é".repeat(255)).is_ok());
        let error = PublicId::parse(&"é".repeat(256)).unwrap_err();
        assert_eq!(error.reason, "public_id is too long");
    }
}
