//! Reads every reference and every object and says whether they agree. It changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures_util::TryStreamExt as _;
use serde::Serialize;
use url::Url;
use visage_cloudinary::{DeliveryUrl, PublicId};
use visage_store::{
    AssetKey, BlobError, BlobKey, DerivedKey, MediaOwner, MediaReference, StoreError, Stored, Upload, UploadRecord,
    UploadState,
};

use crate::app::App;
use crate::library::extra::Extra;
use crate::media_host::MediaHostError;

/// How many rows are read at once.
const PAGE: usize = 500;

/// What an audit counted.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Users with a picture, and posts with a picture or video.
    pub references: u64,
    /// References whose picture is not there: damage.
    pub dangling_references: u64,
    /// Users and posts whose picture's URL is not one that this installation answers with that picture: its public URL or its cloud
    /// name is another now, or it is a path of an earlier installation.
    pub unserved_urls: u64,
    /// Users and posts whose picture lies on a host that is not configured here, such as a Cloudinary account; whether it is there
    /// was not asked. They are counted nowhere else.
    pub elsewhere: u64,
    /// Assets in the embedded store.
    pub assets: u64,
    /// Originals whose bytes are missing: damage.
    pub missing_originals: u64,
    /// Originals whose bytes have another hash than was recorded: damage.
    pub damaged_originals: u64,
    /// Assets whose attributes cannot be read: damage. Until they are restored only a token opens them.
    pub unreadable_attributes: u64,
    /// Profile images and media of posts that no user, no post, no pending exchange and no retirement names.
    pub unreferenced_assets: u64,
    /// Exchanges that have not come to an end.
    pub pending_exchanges: u64,
    /// Pictures that wait for the reaper. Those of posts that are there wait for their posts first, and are not counted.
    pub expired_media: u64,
    /// Pictures that the own store has taken in for an account, and that are still to be moved there.
    pub taken_in: u64,
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
    /// The media host failed.
    #[error(transparent)]
    MediaHost(#[from] MediaHostError),
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
        self.dangling_references + self.missing_originals + self.damaged_originals + self.unreadable_attributes > 0
    }

    /// Whether there is anything that no pass of the reaper will put right: what nothing needs, or a URL that leads elsewhere.
    pub fn has_leaks(&self) -> bool {
        self.unreferenced_assets + self.stray_blobs + self.unserved_urls + self.elsewhere > 0
    }
}

/// Reads everything and counts. Run beside a working server, what changes meanwhile may be counted as it was or as it is;
/// what is only on its way is never taken for lost or left over.
///
/// # Errors
/// When something cannot be read at all.
pub async fn audit(app: &App) -> Result<Audit, AuditError> {
    let mut audit = Audit::default();
    let shown = references(app, &mut audit).await?;
    assets(app, &shown, &mut audit).await?;
    strays(app, &mut audit).await?;
    Ok(audit)
}

/// Returns the public ids that posts refer to.
async fn references(app: &App, audit: &mut Audit) -> Result<HashSet<String>, AuditError> {
    let (mut after, mut shown) = (None, HashSet::new());
    loop {
        let page = app.directory.all_references(after, PAGE).await?;
        for reference in &page {
            check_reference(app, reference, audit).await?;
            if matches!(reference.owner, MediaOwner::Post(_)) {
                shown.extend(reference.public_id.clone());
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.owner),
            _ => return Ok(shown),
        }
    }
}

async fn check_reference(app: &App, reference: &MediaReference, audit: &mut Audit) -> Result<(), AuditError> {
    let (owner, kind) = (reference.owner, reference.resource_type);
    let public_id = reference.public_id.as_deref().and_then(|id| PublicId::parse(id).ok());
    let resolves = match &public_id {
        Some(public_id) => app.media_host.exists(public_id, kind).await?,
        None => false,
    };
    let url = reference.url.as_deref();
    if let Some(url) = url.filter(|url| !resolves && is_elsewhere(app, url)) {
        tracing::warn!(%owner, url, "the picture is on a host that is not configured");
        audit.elsewhere += 1;
        return Ok(());
    }
    let serves = |url: &str| {
        let public_id = public_id.as_ref();
        public_id.is_some_and(|id| app.media_host.serves(url, id, kind))
    };
    if let Some(url) = url.filter(|url| !serves(url)) {
        tracing::warn!(%owner, url, "the URL of the picture is not served here");
        audit.unserved_urls += 1;
    }
    let Some(id) = &reference.public_id else { return Ok(()) };
    audit.references += 1;
    if !resolves && still_refers(app, owner, id).await? {
        tracing::error!(%owner, asset.public_id = id, "the picture is not there");
        audit.dangling_references += 1;
    }
    Ok(())
}

/// Whether a URL names another host than those of the settings. One with this store's cloud name is its own, be it under an
/// address that it no longer has: a picture that is missing there is lost.
fn is_elsewhere(app: &App, url: &str) -> bool {
    let Ok(url_parts) = Url::parse(url) else { return false };
    let is_web = matches!(url_parts.scheme(), "http" | "https");
    let has_own_cloud = || {
        let delivery = DeliveryUrl::parse(url_parts.path());
        delivery.is_ok_and(|delivery| delivery.cloud == app.library.cloud_name)
    };
    is_web && app.media_host.transformation(url).is_none() && !has_own_cloud()
}

/// Whether the owner still has the picture that was read: it may have been replaced since, or the post may be gone.
async fn still_refers(app: &App, owner: MediaOwner, public_id: &str) -> Result<bool, StoreError> {
    let references = app.directory.references_to(public_id).await?;
    Ok(references.iter().any(|reference| reference.owner == owner))
}

async fn assets(app: &App, shown: &HashSet<String>, audit: &mut Audit) -> Result<(), AuditError> {
    let folders = [&app.config.profile.folder, &app.config.posts.folder].map(|folder| format!("{folder}/"));
    let mut on_their_way = pending(app).await?;
    audit.pending_exchanges = on_their_way.exchanges;
    let expired = expired(app).await?;
    audit.expired_media = expired.difference(shown).count() as u64;
    audit.taken_in = app.directory.media_counts().await?.taken_in;
    on_their_way.ids.extend(expired);
    let mut suspects = Vec::new();
    let mut after = None;
    loop {
        let page = app.library.catalog.all_assets(after, PAGE).await?;
        for asset in &page {
            audit.assets += 1;
            check_original(app, &asset.upload, &asset.key, audit).await?;
            if let Err(error) = Extra::read(&asset.details) {
                tracing::error!(asset.public_id = %asset.key.public_id, error = %error, "failed to read asset attributes");
                audit.unreadable_attributes += 1;
            }
            let id = asset.key.public_id.as_str();
            // What came through Cloudinary's API is for its callers to account for; more is said of it.
            let is_ours = folders.iter().any(|folder| id.starts_with(folder)) && Extra::is_plain(&asset.details);
            let needed = !is_ours || on_their_way.ids.contains(id) || app.directory.is_referenced(id).await?;
            if !needed {
                suspects.push(asset.key.clone());
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.id),
            _ => break,
        }
    }
    audit.unreferenced_assets = unreferenced(app, suspects).await?;
    Ok(())
}

/// How many of the suspects nothing names. They are looked for again in the order in which a picture goes its way (in an
/// exchange, on a user, retired, gone), so that one that moves on meanwhile is met.
async fn unreferenced(app: &App, suspects: Vec<AssetKey>) -> Result<u64, AuditError> {
    if suspects.is_empty() {
        return Ok(0);
    }
    let pending = pending(app).await?.ids;
    let mut left = Vec::new();
    for key in suspects {
        let id = key.public_id.as_str();
        if !pending.contains(id) && !app.directory.is_referenced(id).await? {
            left.push(key);
        }
    }
    let expired = expired(app).await?;
    let mut unreferenced = 0;
    for key in left {
        if !expired.contains(key.public_id.as_str()) && app.library.catalog.find_asset(&key).await?.is_some() {
            tracing::warn!(asset.public_id = %key.public_id, "nothing names this picture");
            unreferenced += 1;
        }
    }
    Ok(unreferenced)
}

/// Exchanges that have not come to an end, and the public ids they name.
struct Pending {
    exchanges: u64,
    ids: HashSet<String>,
}

async fn pending(app: &App) -> Result<Pending, AuditError> {
    let (mut exchanges, mut ids, mut after) = (0, HashSet::new(), None);
    loop {
        let page = app.directory.all_pending(after, PAGE).await?;
        exchanges += page.len() as u64;
        for pending in &page {
            ids.extend(pending.replaces.clone().into_iter().chain([pending.new.to_string()]));
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.new.to_string()),
            _ => return Ok(Pending { exchanges, ids }),
        }
    }
}

/// The public ids that wait for the reaper.
async fn expired(app: &App) -> Result<HashSet<String>, AuditError> {
    let (mut ids, mut after) = (HashSet::new(), None);
    loop {
        let page = app.directory.all_expired(after, PAGE).await?;
        ids.extend(page.iter().map(|media| media.public_id.clone()));
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.public_id.clone()),
            _ => return Ok(ids),
        }
    }
}

/// Reads an original as it is delivered: as a whole, or block by block when it may be too large for that.
async fn read_through(app: &App, upload: &Upload) -> Result<(), BlobError> {
    let (blobs, facts) = (&app.library.blobs, &upload.facts);
    if facts.blocks.is_empty() {
        return blobs
            .get_original(&upload.id, &facts.sha256, facts.bytes)
            .await
            .map(drop);
    }
    let whole = 0..facts.bytes;
    let mut blocks = blobs
        .read_original(&upload.id, facts.bytes, &facts.blocks, whole)
        .await?;
    while blocks.try_next().await?.is_some() {}
    Ok(())
}

async fn check_original(app: &App, upload: &Upload, key: &AssetKey, audit: &mut Audit) -> Result<(), AuditError> {
    let result = read_through(app, upload).await;
    let counter = match result {
        Ok(()) => return Ok(()),
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

async fn strays(app: &App, audit: &mut Audit) -> Result<(), AuditError> {
    let suspects = unknown(app, audit).await?;
    if !suspects.is_empty() {
        // A file goes before its row does: what was listed while it was being deleted is gone by now.
        let mut stored = app.library.blobs.list();
        while let Some(found) = stored.try_next().await? {
            if suspects.contains(&found) {
                tracing::warn!(blob = ?found, "a file that the catalog does not know");
                audit.stray_blobs += 1;
            }
        }
    }
    let folder = app.temporary_folder.clone();
    audit.temporary_files = app.library.blobs.count_staging().await? + std::fs::read_dir(folder)?.count() as u64;
    Ok(())
}

/// The files that have no row. A row comes before its file does, so rows are read after the files are listed.
async fn unknown(app: &App, audit: &mut Audit) -> Result<BTreeSet<Stored>, AuditError> {
    let mut unknown = BTreeSet::new();
    let mut originals = BTreeMap::new();
    let mut stored = app.library.blobs.list();
    while let Some(found) = stored.try_next().await? {
        match &found {
            Stored::Stranger { .. } => {
                unknown.insert(found);
            }
            Stored::Blob {
                key: BlobKey::Original(upload),
                ..
            } => {
                originals.insert(*upload, found);
            }
            Stored::Blob {
                key: BlobKey::Derived(upload, recipe),
                ..
            } => {
                audit.derived_images += 1;
                let key = DerivedKey {
                    upload: *upload,
                    recipe: recipe.clone(),
                };
                if app.library.catalog.find_derived(&key).await?.is_none() {
                    unknown.insert(found);
                }
            }
        }
    }
    each_upload(app, |upload| {
        originals.remove(&upload.id);
        match upload.state {
            UploadState::Pending => audit.pending_uploads += 1,
            UploadState::Doomed { .. } => audit.doomed_uploads += 1,
            UploadState::Live | UploadState::Backup => {}
        }
    })
    .await?;
    unknown.extend(originals.into_values());
    Ok(unknown)
}

async fn each_upload(app: &App, mut act: impl FnMut(&UploadRecord)) -> Result<(), AuditError> {
    let mut after = None;
    loop {
        let page = app.library.catalog.all_uploads(after, PAGE).await?;
        page.iter().for_each(&mut act);
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.id),
            _ => return Ok(()),
        }
    }
}
