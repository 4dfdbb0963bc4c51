//! Paths as they are written on the command line, in the environment and in the settings file.

use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};

/// A path is not one that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Only a shell expands it, and not where it stands in quotes, in `.env` or in a unit of systemd.
    #[error("`~` is not expanded here; write the whole path, or ./~ for a folder of that name")]
    Tilde,
}

/// Refuses a path that begins with `~`: it would quietly become a folder of that name in the current one.
///
/// # Errors
/// [`PathError::Tilde`]
pub fn check_path(path: &Path) -> Result<(), PathError> {
    if path.as_os_str().as_encoded_bytes().starts_with(b"~") {
        return Err(PathError::Tilde);
    }
    Ok(())
}

/// Reads an argument of the command line that is a path.
pub fn path_argument() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| check_path(&path).map(|()| path))
}
