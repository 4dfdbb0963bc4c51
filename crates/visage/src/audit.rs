//! Reads every reference and every object and says whether they agree. It changes nothing.

use serde::Serialize;
use visage_cloudinary::PublicId;
use visage_store::{AssetKey, BlobError, StoreError, Upload, UploadState};

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
    uploads(app, &mut audit).await?;
    assets(app, &mut audit).await?;
    strays(app, &mut audit).await?;
    audit.pending_exchanges = app.directory.counts().await?.pending_media;
    audit.expired_media = app.directory.counts().await?.expired_media;
    Ok(audit)
}

async fn references(app: &App, audit: &mut Audit) -> Result<(), AuditError> {
    let mut after = None;
    loop {
        let page = app.directory.all_references(after.as_ref(), PAGE).await?;
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
            Some(last) if page.len() == PAGE => after = Some(last.user_id.clone()),
            _ => return Ok(()),
        }
    }
}

/// Whether the user still has the picture that was read: it may have been replaced since.
async fn still_references(app: &App, reference: &visage_store::Reference) -> Result<bool, StoreError> {
    let user = app.directory.user(&reference.user_id).await?;
    Ok(user.is_some_and(|user| user.cloudinary_id == reference.public_id))
}

async fn uploads(app: &App, audit: &mut Audit) -> Result<(), AuditError> {
    let mut after = None;
    loop {
        let page = app.library.catalog.all_uploads(after.as_ref(), PAGE).await?;
        for entry in &page {
            match entry.state {
                UploadState::Pending => audit.pending_uploads += 1,
                UploadState::Doomed => audit.doomed_uploads += 1,
                UploadState::Live => {}
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.id.clone()),
            _ => return Ok(()),
        }
    }
}

async fn assets(app: &App, audit: &mut Audit) -> Result<(), AuditError> {
    let folder = format!("{}/", app.config.profile.folder);
    let mut after = None;
    loop {
        let page = app.library.catalog.all_assets(after.as_ref(), PAGE).await?;
        for asset in &page {
            audit.assets += 1;
            check_original(app, &asset.upload, &asset.key, audit).await?;
            let id = asset.key.public_id.as_str();
            if id.starts_with(&folder) && !app.directory.is_known(id).await? {
                audit.unreferenced_assets += 1;
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.key.clone()),
            _ => return Ok(()),
        }
    }
}

async fn check_original(app: &App, upload: &Upload, key: &AssetKey, audit: &mut Audit) -> Result<(), AuditError> {
    let result = app.library.blobs.get_original(&upload.id, &upload.facts.sha256, upload.facts.bytes).await;
    let counter = match result {
        Ok(_) => return Ok(()),
        Err(BlobError::Missing) => &mut audit.missing_originals,
        Err(BlobError::Damaged) => &mut audit.damaged_originals,
        Err(other) => return Err(other.into()),
    };
    let now = app.library.catalog.find_asset(key).await?;
    if now.is_some_and(|asset| asset.upload.id == upload.id) {
        tracing::error!(asset.public_id = %key.public_id, upload = %upload.id, "the original is missing or damaged");
        *counter += 1;
    }
    Ok(())
}

async fn strays(app: &App, audit: &mut Audit) -> Result<(), AuditError> {
    let listing = app.library.blobs.list().await?;
    audit.temporary_files += listing.staging_files;
    for blob in listing.blobs {
        let known = match &blob.key {
            visage_store::BlobKey::Original(upload) => app.library.catalog.knows_upload(upload).await?,
            visage_store::BlobKey::Derived(upload, recipe) => {
                audit.derived_images += 1;
                app.library.catalog.find_derived(upload, recipe).await?.is_some()
            }
        };
        if !known {
            tracing::warn!(blob = %blob.key, "a blob that the catalog does not know");
            audit.stray_blobs += 1;
        }
    }
    audit.stray_blobs += listing.unknown_files;
    let folder = app.temporary_folder.clone();
    audit.temporary_files += std::fs::read_dir(folder)?.count() as u64;
    Ok(())
}

