//! Zip files of assets.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use futures_util::StreamExt as _;
use visage_cloudinary::Transformation;
use visage_store::{Asset, BlobError};
use zip::write::SimpleFileOptions;

use super::access::{ReadOf, Reader, may_read};
use super::deliver::{self, DeliverError};
use super::options::Eager;
use super::{Library, extra::Extra, naming, urls};
use crate::app::App;
use crate::spool::SpooledFile;

/// Most assets in one file.
pub const MAX_ASSETS: usize = 1_000;

/// What goes into a zip file, and how it is called there.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "they are Cloudinary's switches")]
pub struct ArchiveOptions {
    /// What is made of each image; none means the originals.
    pub transformations: Vec<Transformation>,
    /// Whether files lie side by side instead of in folders.
    pub flatten_folders: bool,
    /// Whether the files of one asset lie beside it instead of in a folder of their own.
    pub flatten_transformations: bool,
    /// Whether the transformation is left out of names.
    pub skip_transformation_name: bool,
    /// Whether files are called as they were when they were uploaded.
    pub use_original_filename: bool,
}

/// A zip file.
#[derive(Debug)]
pub struct Archive {
    /// The file.
    pub file: SpooledFile,
    /// How many assets are in it.
    pub resource_count: usize,
    /// How many files are in it.
    pub file_count: usize,
}

/// Why there is no zip file.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// An image could not be made.
    #[error(transparent)]
    Deliver(#[from] DeliverError),
    /// An original could not be read.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The temporary file failed.
    #[error("the temporary file failed: {0}")]
    TemporaryFile(#[from] std::io::Error),
    /// The zip file could not be written.
    #[error("the zip file could not be written: {0}")]
    Zip(#[from] zip::result::ZipError),
}

/// Puts `assets` into a zip file. Nothing is compressed: pictures and films are already.
///
/// # Errors
/// See [`ArchiveError`].
pub async fn make(app: &Arc<App>, assets: Vec<Asset>, options: ArchiveOptions) -> Result<Archive, ArchiveError> {
    let app = Arc::clone(app);
    let runtime = tokio::runtime::Handle::current();
    let job = tokio::task::spawn_blocking(move || runtime.block_on(write(&app, &assets, &options)));
    job.await.map_err(std::io::Error::other)?
}

/// Runs on a blocking thread: the zip writer blocks.
async fn write(app: &Arc<App>, assets: &[Asset], options: &ArchiveOptions) -> Result<Archive, ArchiveError> {
    let file = tempfile::tempfile_in(&app.temporary_folder)?;
    let mut zip = zip::ZipWriter::new(file);
    let mut names = BTreeSet::new();
    for asset in assets {
        if options.transformations.is_empty() || asset.upload.facts.image().is_none() {
            zip.start_file(free_name(&mut names, &entry_name(asset, None, options)), plain())?;
            copy_original(&app.library, asset, &mut zip).await?;
            continue;
        }
        for transformation in &options.transformations {
            let asked = Eager {
                transformation: transformation.clone(),
                extension: None,
            };
            let image = deliver::render_ahead(&app.library, asset, &asked).await?;
            let name = entry_name(asset, Some((transformation, image.format.extension())), options);
            zip.start_file(free_name(&mut names, &name), plain())?;
            zip.write_all(&image.bytes)?;
        }
    }
    let file = zip.finish()?;
    Ok(Archive {
        file: SpooledFile::from_file(file)?,
        resource_count: assets.len(),
        file_count: names.len(),
    })
}

fn plain() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .large_file(true)
}

async fn copy_original(library: &Library, asset: &Asset, to: &mut impl std::io::Write) -> Result<(), ArchiveError> {
    // Only calls with credentials make archives.
    may_read(asset, &Reader::Operator, ReadOf::Original).map_err(|_refused| DeliverError::Denied)?;
    let upload = &asset.upload;
    if upload.facts.blocks.is_empty() {
        let bytes = library
            .blobs
            .get_original(&upload.id, &upload.facts.sha256, upload.facts.bytes)
            .await?;
        to.write_all(&bytes)?;
        return Ok(());
    }
    let whole = 0..upload.facts.bytes;
    let blobs = &library.blobs;
    let mut blocks = blobs
        .read_original(&upload.id, upload.facts.bytes, &upload.facts.blocks, whole)
        .await?;
    while let Some(block) = blocks.next().await {
        to.write_all(&block?)?;
    }
    Ok(())
}

/// `folder/name.jpg`; with transformations `folder/name/c_fill,w_100.jpg`.
fn entry_name(asset: &Asset, made: Option<(&Transformation, &str)>, options: &ArchiveOptions) -> String {
    let public_id = asset.key.public_id.as_str();
    let (folder, name) = public_id.rsplit_once('/').unwrap_or(("", public_id));
    let original = Extra::of(&asset.details)
        .original_filename
        .filter(|_| options.use_original_filename);
    let name = original.unwrap_or_else(|| name.to_owned());
    let format = urls::format_of(asset);
    let extension = made.map(|(_, extension)| extension).or(format.as_deref());
    let text = made.map(|(transformation, _)| transformation.to_string().replace('/', "_"));
    let text = text.filter(|text| !options.skip_transformation_name && !text.is_empty());
    let path = match (text, options.flatten_transformations) {
        (None, _) => name,
        (Some(text), true) => format!("{name}_{text}"),
        (Some(text), false) => format!("{name}/{text}"),
    };
    let path = match extension {
        Some(extension) => format!("{path}.{extension}"),
        // The name of any other file has its extension, unless it is the uploaded file's.
        None => naming::with_extension(&path, urls::extension_of(asset).as_deref()),
    };
    if options.flatten_folders || folder.is_empty() {
        path
    } else {
        format!("{folder}/{path}")
    }
}

/// The name, with a number in it when it is taken.
fn free_name(taken: &mut BTreeSet<String>, name: &str) -> String {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) => (stem, format!(".{extension}")),
        None => (name, String::new()),
    };
    let mut free = name.to_owned();
    let mut number = 1;
    while !taken.insert(free.clone()) {
        free = format!("{stem}({number}){extension}");
        number += 1;
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_there_twice() {
        let mut taken = BTreeSet::new();
        let names: Vec<String> = ["a.jpg", "a.jpg", "b", "b"]
            .iter()
            .map(|name| free_name(&mut taken, name))
            .collect();
        assert_eq!(names, ["a.jpg", "a(1).jpg", "b", "b(1)"]);
    }
}
