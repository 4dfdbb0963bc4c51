//! Reads every reference and every object and says whether they agree. It changes nothing.

use std::collections::HashSet;

use futures_util::TryStreamExt as _;
use serde::Serialize;
use visage_cloudinary::PublicId;
use visage_store::{
    AssetKey, BlobError, BlobKey, DerivedKey, ImageReference, StoreError, Stored, Upload, UploadId, UploadState,
};

use crate::app::App;

/// How many rows are read at once.
const PAGE: usize = 500;

/// What an audit counted.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Users with a picture.
    pub references: u64,
    /// References whose picture is not there: damage.
    pub dangling_references: u64,
    /// Assets in the embedded store.
    pub assets: u64,
    /// Originals whose bytes are missing: damage.
    pub missing_originals: u64,
    /// Originals whose bytes have another hash than was recorded: damage.
    pub damaged_originals: u64,
    /// Profile images that no user, no pending exchange and no retirement names.
    pub unreferenced_assets: u64,
    /// Exchanges that have not come to an end.
    pub pending_exchanges: u64,
    /// Pictures that wait for the reaper.
    pub expired_media: u64,
    /// Uploads under way.
    pub pending_uploads: u64,
    /// Uploads whose bytes wait for the reaper.
    pub doomed_uploads: u64,
    /// Derived images.
    pub derived_images: u64,
    /// Files in the blob folder that the catalog does not know.
    pub stray_blobs: u64,
    /// Files of uploads and writes that were interrupted.
    pub temporary_files: u64,
}

/// An audit that could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The blobs failed.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The temporary folder failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Audit {
    /// Whether anything is lost or wrong.
    pub fn is_damaged(&self) -> bool {
        self.dangling_references + self.missing_originals + self.damaged_originals > 0
    }

    /// Whether there is anything that nothing needs and nothing will remove.
    pub fn has_leaks(&self) -> bool {
        self.unreferenced_assets + self.stray_blobs > 0
    }
}

/// Reads everything and counts. Run beside a working server, what changes meanwhile may be counted as it was or as it is.
///
/// # Errors
/// When something cannot be read at all.
pub async fn audit(app: &App) -> Result<Audit, AuditError> {
    let mut audit = Audit::default();
    references(app, &mut audit).await?;
    let uploads = uploads(app, &mut audit).await?;
    assets(app, &mut audit).await?;
    strays(app, &uploads, &mut audit).await?;
    Ok(audit)
}

async fn references(app: &App, audit: &mut Audit) -> Result<(), AuditError> {
    let mut after = None;
    loop {
        let page = app.directory.all_references(after, PAGE).await?;
        for reference in &page {
            let Some(id) = &reference.public_id else { continue };
            audit.references += 1;
            let resolves = match PublicId::parse(id) {
                Ok(public_id) => app.media_host.exists(&public_id).await.unwrap_or(false),
                Err(_not_a_name) => false,
            };
            if !resolves && still_references(app, reference).await? {
                tracing::error!(user.id = %reference.user_id, asset.public_id = id, "the user's picture is not there");
                audit.dangling_references += 1;
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.user_id),
            _ => return Ok(()),
        }
    }
}

/// Whether the user still has the picture that was read: it may have been replaced since.
async fn still_references(app: &App, reference: &ImageReference) -> Result<bool, StoreError> {
    let user = app.directory.user(&reference.user_id).await?;
    Ok(user.is_some_and(|user| user.cloudinary_id == reference.public_id))
}

async fn uploads(app: &App, audit: &mut Audit) -> Result<HashSet<UploadId>, AuditError> {
    let mut ids = HashSet::new();
    let mut after = None;
    loop {
        let page = app.library.catalog.all_uploads(after, PAGE).await?;
        for upload in &page {
            ids.insert(upload.id);
            match upload.state {
                UploadState::Pending => audit.pending_uploads += 1,
                UploadState::Doomed { .. } => audit.doomed_uploads += 1,
                UploadState::Live => {}
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.id),
            _ => return Ok(ids),
        }
    }
}

async fn assets(app: &App, audit: &mut Audit) -> Result<(), AuditError> {
    let folder = format!("{}/", app.config.profile.folder);
    let on_their_way = on_their_way(app, audit).await?;
    let mut after = None;
    loop {
        let page = app.library.catalog.all_assets(after, PAGE).await?;
        for asset in &page {
            audit.assets += 1;
            check_original(app, &asset.upload, &asset.key, audit).await?;
            let id = asset.key.public_id.as_str();
            let needed =
                !id.starts_with(&folder) || on_their_way.contains(id) || app.directory.is_referenced(id).await?;
            if !needed {
                tracing::warn!(asset.public_id = id, "nothing names this profile image");
                audit.unreferenced_assets += 1;
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.id),
            _ => return Ok(()),
        }
    }
}

/// The public ids that an exchange or a retirement names.
async fn on_their_way(app: &App, audit: &mut Audit) -> Result<HashSet<String>, AuditError> {
    let mut ids = HashSet::new();
    let mut after = None;
    loop {
        let page = app.directory.all_pending(after, PAGE).await?;
        audit.pending_exchanges += page.len() as u64;
        ids.extend(
            page.iter()
                .flat_map(|p| p.replaces.clone().into_iter().chain([p.new.to_string()])),
        );
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.new.to_string()),
            _ => break,
        }
    }
    let mut after = None;
    loop {
        let page = app.directory.all_expired(after, PAGE).await?;
        audit.expired_media += page.len() as u64;
        ids.extend(page.iter().map(|media| media.public_id.clone()));
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.public_id.clone()),
            _ => return Ok(ids),
        }
    }
}

async fn check_original(app: &App, upload: &Upload, key: &AssetKey, audit: &mut Audit) -> Result<(), AuditError> {
    let result = app
        .library
        .blobs
        .get_original(&upload.id, &upload.facts.sha256, upload.facts.bytes)
        .await;
    let counter = match result {
        Ok(_) => return Ok(()),
        Err(BlobError::Missing(_)) => &mut audit.missing_originals,
        Err(BlobError::Damaged { .. }) => &mut audit.damaged_originals,
        Err(other) => return Err(other.into()),
    };
    let now = app.library.catalog.find_asset(key).await?;
    if now.is_some_and(|asset| asset.upload.id == upload.id) {
        tracing::error!(asset.public_id = %key.public_id, upload = %upload.id, "the original is missing or damaged");
        *counter += 1;
    }
    Ok(())
}

async fn strays(app: &App, uploads: &HashSet<UploadId>, audit: &mut Audit) -> Result<(), AuditError> {
    let mut stored = app.library.blobs.list();
    while let Some(found) = stored.try_next().await? {
        let known = match &found {
            Stored::Stranger { .. } => false,
            Stored::Blob {
                key: BlobKey::Original(upload),
                ..
            } => uploads.contains(upload),
            Stored::Blob {
                key: BlobKey::Derived(upload, recipe),
                ..
            } => {
                audit.derived_images += 1;
                let key = DerivedKey {
                    upload: *upload,
                    recipe: recipe.clone(),
                };
                app.library.catalog.find_derived(&key).await?.is_some()
            }
        };
        if !known {
            tracing::warn!(blob = ?found, "a file that the catalog does not know");
            audit.stray_blobs += 1;
        }
    }
    let folder = app.temporary_folder.clone();
    audit.temporary_files = app.library.blobs.count_staging().await? + std::fs::read_dir(folder)?.count() as u64;
    Ok(())
}
