//! Fonts that the operator adds for the characters that the built-in one lacks.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use visage_image::Fonts;

/// Bytes of all added fonts together: they stay in memory.
pub const MAX_FONT_BYTES: u64 = 128 * 1024 * 1024;

/// How the names of fonts end.
const EXTENSIONS: [&str; 4] = ["otc", "otf", "ttc", "ttf"];

/// The folder of added fonts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FontsError {
    /// It is not there, or may not be read.
    #[error("render.fonts: the folder {folder} cannot be read: {cause}")]
    Folder {
        /// The folder.
        folder: String,
        /// What the system said.
        cause: io::Error,
    },
    /// More than can stay in memory.
    #[error(
        "render.fonts: the fonts in {folder} have more than {MAX_FONT_BYTES} bytes; leave only those that you need"
    )]
    TooLarge {
        /// The folder.
        folder: String,
    },
}

/// The built-in fonts and those in `folder`, in the order of their names; an empty path names no folder. A file that
/// is no font is reported and left out.
///
/// # Errors
/// When the folder cannot be read, or holds too much.
pub fn load(folder: &Path) -> Result<Fonts, FontsError> {
    let mut fonts = Fonts::default();
    if folder.as_os_str().is_empty() {
        return Ok(fonts);
    }
    let name = || folder.display().to_string();
    let paths = font_files(folder).map_err(|cause| FontsError::Folder { folder: name(), cause })?;
    let mut left = MAX_FONT_BYTES;
    for path in paths {
        let file = match read_up_to(&path, left) {
            Ok(Some(file)) => file,
            Ok(None) => return Err(FontsError::TooLarge { folder: name() }),
            Err(error) => {
                report(&path, &error);
                continue;
            }
        };
        let length = file.len() as u64;
        match fonts.add(file) {
            Ok(()) => left -= length,
            Err(error) => report(&path, &error),
        }
    }
    tracing::info!(fonts.folder = %folder.display(), fonts.faces = fonts.len(), "loaded fonts");
    Ok(fonts)
}

fn font_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let is_font = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()))
    };
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
    paths.retain(is_font);
    paths.sort();
    Ok(paths)
}

/// The whole file; `None` when it is longer than `limit`.
fn read_up_to(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

fn report(path: &Path, error: &dyn std::fmt::Display) {
    tracing::warn!(font.path = %path.display(), error = %error, "failed to load font; it is left out");
}
