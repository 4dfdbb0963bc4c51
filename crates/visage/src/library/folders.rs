//! Folder paths.

/// Most characters of a path.
const MAX_CHARS: usize = 255;
/// Most folders inside each other.
const MAX_DEPTH: usize = 20;

/// The path without slashes at its ends; the root is the empty text.
///
/// # Errors
/// Why it is no path, as the end of a sentence.
pub fn clean_path(text: &str) -> Result<String, &'static str> {
    let path = text.trim_matches('/');
    if path.is_empty() {
        return Ok(String::new());
    }
    if path.chars().count() > MAX_CHARS {
        return Err("it is too long");
    }
    if path.split('/').count() > MAX_DEPTH {
        return Err("it has too many folders inside each other");
    }
    let bad_name = |name: &str| name.trim() != name || matches!(name, "" | "." | "..");
    if path.split('/').any(bad_name) {
        return Err("a folder's name is empty, . or .., or begins or ends with a space");
    }
    let is_forbidden = |c: char| matches!(c, '?' | '&' | '#' | '\\' | '%' | '<' | '>') || c.is_control();
    if path.chars().any(is_forbidden) {
        return Err("it contains one of ? & # \\ % < > or a control character");
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::clean_path;

    #[test]
    fn paths_lose_their_outer_slashes_and_keep_the_rest() {
        for (text, path) in [("a", "a"), ("/a/b c/", "a/b c"), ("", ""), ("/", ""), ("é/語", "é/語")] {
            assert_eq!(clean_path(text).as_deref(), Ok(path), "{text}");
        }
        for text in [
            "a//b",
            "../a",
            "a/./b",
            "a/ b",
            "a?b",
            "a\nb",
            &"a/".repeat(21),
            &"é".repeat(256),
        ] {
            assert!(clean_path(text).is_err(), "{text}");
        }
        assert!(clean_path(&"é".repeat(255)).is_ok());
    }
}
