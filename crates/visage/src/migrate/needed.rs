//! Which files somebody still needs, and the removal of those that nobody does.
//!
//! A file goes when its picture is committed and was read back, when it is still the file that was copied, and when no user and
//! no post of an export refers to it any more. Files are counted by what they are and not by what they are called: one file has many names.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use visage_cloudinary::ResourceType;
use visage_store::MigratedPicture;

use super::adopt::MoveError;
use super::document::post;
use super::export::Export;
use super::posts::Shown;
use super::uploads::{FileKey, SourceError};
use super::{Found, MigrateError, PAGE, Run, reference};
use crate::media_host::{self, TransferError};

/// How many users and posts refer to each file, and have nothing on the media host yet.
#[derive(Debug, Default)]
pub(super) struct Needed(Mutex<HashMap<FileKey, usize>>);

impl Needed {
    fn add(&self, key: FileKey) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(key).or_default() += 1;
    }

    /// One less. `true`: nobody is left.
    fn release(&self, key: FileKey) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = counts.get_mut(&key) else {
            return false;
        };
        *count = count.saturating_sub(1);
        *count == 0
    }

    fn is_needed(&self, key: FileKey) -> bool {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&key).is_some_and(|count| *count > 0)
    }
}

/// Counts the references to each file before anything is moved: those of users, and those of the posts of an export. `None`: a
/// document of it cannot be read, and may name any file.
pub(super) async fn count(run: &Run<'_>, posts: Option<&Export>) -> Result<Option<Needed>, MigrateError> {
    let needed = Needed::default();
    if let Some(posts) = posts
        && !count_posts(run, posts, &needed).await?
    {
        return Ok(None);
    }
    count_users(run, &needed).await?;
    Ok(Some(needed))
}

async fn count_users(run: &Run<'_>, needed: &Needed) -> Result<(), MigrateError> {
    let mut after = None;
    loop {
        let page = run.app.directory.all_user_pictures(after, PAGE).await?;
        let last = page.last().filter(|_| page.len() == PAGE).map(|last| last.user_id);
        let files = page.iter().filter_map(|picture| match run.read(picture) {
            Found::Local(files) => Some(files),
            // Whoever forgot to name an address of the installation loses no file by it.
            Found::Refused(_) => picture.url.as_deref().map(reference::possible_files),
            Found::Nothing | Found::Moved => None,
        });
        count_files(run, files.collect(), needed).await?;
        match last {
            Some(_) => after = last,
            None => return Ok(()),
        }
    }
}

/// `false`: not every document could be read.
async fn count_posts(run: &Run<'_>, posts: &Export, needed: &Needed) -> Result<bool, MigrateError> {
    let (lifetime, mut files) = (run.app.config.posts.lifetime.as_duration(), Vec::new());
    for document in posts.documents()? {
        let (_number, document) = document?;
        let read = document.ok().and_then(|document| post::read(&document, lifetime).ok());
        let Some(document) = read else {
            return Ok(false);
        };
        let files_of_post = match run.shown(&document) {
            Shown::Local(files) => files,
            Shown::Refused(_) => document
                .url
                .as_deref()
                .map(reference::possible_files)
                .unwrap_or_default(),
            Shown::Nothing | Shown::Kept(_) => continue,
        };
        // One that is expired, or of which there are two, never comes: its file stays.
        if run.app.posts.post_here(&document.post.id).await?.is_none() {
            files.push(files_of_post);
        }
        if files.len() == PAGE {
            count_files(run, std::mem::take(&mut files), needed).await?;
        }
    }
    count_files(run, files, needed).await?;
    Ok(true)
}

/// Counts the first file of each that is there.
async fn count_files(run: &Run<'_>, files: Vec<Vec<PathBuf>>, needed: &Needed) -> Result<(), MigrateError> {
    let uploads = Arc::clone(&run.uploads);
    let find = move || files.iter().filter_map(|files| uploads.key_of_first(files)).collect();
    let keys: Vec<FileKey> = tokio::task::spawn_blocking(find).await.map_err(std::io::Error::other)?;
    for key in keys {
        needed.add(key);
    }
    Ok(())
}

/// Removes the file of a picture that was committed just now. `false`: it stays.
pub(super) async fn remove_of_this_run(
    run: &Run<'_>,
    migrated: &MigratedPicture,
    key: FileKey,
) -> Result<bool, MoveError> {
    match &run.needed {
        Some(needed) if needed.release(key) => remove(run, migrated).await,
        _ => Ok(false),
    }
}

/// Removes the file of a picture that an earlier run has committed, once the media host is seen to have it still.
pub(super) async fn remove_of_earlier_run(
    run: &Run<'_>,
    migrated: &MigratedPicture,
    resource_type: ResourceType,
) -> Result<bool, MoveError> {
    let Some(needed) = &run.needed else {
        return Ok(false);
    };
    // It may have been another folder.
    if migrated.source.folder != run.uploads.path() {
        return Ok(false);
    }
    let (uploads, file) = (Arc::clone(&run.uploads), migrated.source.file.clone());
    let key = tokio::task::spawn_blocking(move || uploads.key_of_first(&[file])).await;
    match key.map_err(|stopping| SourceError::Io(std::io::Error::other(stopping)))? {
        Some(key) if !needed.is_needed(key) => {}
        _ => return Ok(false),
    }
    let stored = run
        .app
        .media_host
        .original(&migrated.url, &migrated.public_id, resource_type)
        .await?;
    if !media_host::has_hash(stored, migrated.stored_sha256).await? {
        return Err(TransferError::Different.into());
    }
    remove(run, migrated).await
}

async fn remove(run: &Run<'_>, migrated: &MigratedPicture) -> Result<bool, MoveError> {
    let (uploads, source) = (Arc::clone(&run.uploads), migrated.source.clone());
    let max_bytes = run.max_bytes();
    let removed = tokio::task::spawn_blocking(move || uploads.remove(&source.file, &source.sha256, max_bytes)).await;
    let removed = removed.map_err(|stopping| SourceError::Io(std::io::Error::other(stopping)))?;
    Ok(removed?)
}
