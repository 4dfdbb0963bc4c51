//! The file `.env`.

use std::path::Path;

use super::{ConfigError, Environment};

/// The variables of a `.env` file; none when there is no such file.
///
/// # Errors
/// When it cannot be read, or one of its lines cannot. The line is named by its number: it may hold a secret.
pub fn read_dotenv(path: &Path) -> Result<Environment, ConfigError> {
    let mistake = |what: String| ConfigError {
        mistakes: vec![format!("{}: {what}", path.display())],
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Environment::new()),
        Err(cause) => return Err(mistake(cause.to_string())),
    };
    let text = text.trim_start_matches('\u{feff}');
    dotenvy::from_read_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| {
            let line = match &error {
                dotenvy::Error::LineParse(broken, _) => text.split_once(broken.trim_end()).map(|(before, _)| before),
                _ => None,
            };
            let place = line.map_or_else(
                || "a line".to_owned(),
                |before| format!("line {}", before.matches('\n').count() + 1),
            );
            mistake(format!(
                "{place} is not NAME=value; put a value with blanks, quotes or `$` into single quotes"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Environment, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, text).unwrap();
        read_dotenv(&path)
    }

    #[test]
    fn variables_are_read_and_a_missing_file_has_none() {
        let read = read("# comment\nPORT=8080\n\nJWT_SECRET='pa$$word of a good length'\n").unwrap();
        assert_eq!(read["PORT"], "8080");
        assert_eq!(read["JWT_SECRET"], "pa$$word of a good length");
        let folder = tempfile::tempdir().unwrap();
        assert!(read_dotenv(&folder.path().join(".env")).unwrap().is_empty());
    }

    #[test]
    fn a_broken_line_is_named_by_its_number_and_not_shown() {
        for text in [
            "PORT=8080\nJWT_SECRET=hush hush\n",
            "PORT=8080\nhush\n",
            "PORT=8080\nJWT_SECRET='hush\n",
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(".env: line 2 is not NAME=value"), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
