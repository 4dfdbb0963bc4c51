//! Reads originals again and compares them with their hashes; what is lost is repaired from the backup, if there is one.
//!
//! What is found is kept in the database: `/health` and `/metrics` tell it whoever found it, and it is looked at again until it is
//! good. Derived images are not looked at: each is checked when it is read, and made again when it is damaged.

use std::collections::HashSet;
use std::error::Error;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use visage_store::{
    BlobError, BlobKey, CopyError, Damage, Put, StoreError, UploadFacts, UploadId, UploadRecord, UploadState, Vault,
};

use crate::app::App;
use crate::crash;
use crate::progress::Progress;

/// How many rows are read at once, and how many originals are read at once where nobody asks for a pace.
const PAGE: usize = 500;
const AT_ONCE: usize = 4;

/// One original may be kept from us by a mode that somebody has set. So many in a row are an unplugged disk.
const MANY_IN_A_ROW: usize = 8;

/// What a scrub found and did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Scrubbed {
    /// Originals that were read.
    pub originals: u64,
    /// Their bytes.
    pub original_bytes: u64,
    /// Originals that were missing.
    pub missing_originals: u64,
    /// Originals that were not what was stored.
    pub damaged_originals: u64,
    /// Originals of the last two that are good again.
    pub repaired_originals: u64,
    /// Originals that could not be read, or repaired, for a reason that may pass; they are looked at in the next round.
    pub failed_originals: u64,
}

impl Scrubbed {
    /// Originals that are still lost.
    pub fn remaining(&self) -> u64 {
        (self.missing_originals + self.damaged_originals).saturating_sub(self.repaired_originals)
    }

    /// Whether all that was looked at is good now.
    pub fn is_good(&self) -> bool {
        self.remaining() + self.failed_originals == 0
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.originals += other.originals;
        self.original_bytes += other.original_bytes;
        self.missing_originals += other.missing_originals;
        self.damaged_originals += other.damaged_originals;
        self.repaired_originals += other.repaired_originals;
        self.failed_originals += other.failed_originals;
    }
}

/// How originals are looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Way<'a> {
    /// How fast they are read; `None` is as fast as it goes.
    pub bytes_per_second: Option<u64>,
    /// Where good copies are.
    pub vault: Option<&'a Vault>,
}

/// Why a scrub stopped.
#[derive(Debug, thiserror::Error)]
pub enum ScrubError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Originals failed otherwise than by damage, many in a row.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

/// Looks at every original.
///
/// # Errors
/// See [`ScrubError`]; what was found until then is kept.
pub async fn scrub(app: &App, way: Way<'_>, progress: &Progress) -> Result<Scrubbed, ScrubError> {
    let (mut scrubbed, mut after) = (Scrubbed::default(), None);
    loop {
        let (page, last) = scrub_page(app, way, after, progress).await?;
        scrubbed.add(page);
        match last {
            Some(last) => after = Some(last),
            None => return Ok(scrubbed),
        }
    }
}

/// Looks at the next originals. With what was found comes the upload to go on after; `None`: that was all.
///
/// # Errors
/// See [`ScrubError`].
pub async fn scrub_page(
    app: &App,
    way: Way<'_>,
    after: Option<UploadId>,
    progress: &Progress,
) -> Result<(Scrubbed, Option<UploadId>), ScrubError> {
    let page = app.library.catalog.all_uploads(after, PAGE).await?;
    let last = page.last().map(|upload| upload.id).filter(|_| page.len() == PAGE);
    // In the order of ids: these are all that are among the page.
    let known = app.upkeep.damaged_uploads(after, PAGE).await?;
    let known: HashSet<UploadId> = known.iter().map(|damaged| damaged.upload).collect();
    progress.expect(page.len() as u64);
    let at_once = if way.bytes_per_second.is_some() { 1 } else { AT_ONCE };
    let looks = futures_util::stream::iter(page).map(|upload| {
        let was_damaged = known.contains(&upload.id);
        async move {
            progress.step();
            look_or_say(app, way, &upload, was_damaged).await
        }
    });
    let mut looks = looks.buffer_unordered(at_once);
    let mut sums = Sums::default();
    while let Some(found) = looks.next().await {
        sums.add(found)?;
    }
    Ok((sums.scrubbed, last))
}

/// What was found so far, and how many could not be looked at since the last that could.
#[derive(Default)]
struct Sums {
    scrubbed: Scrubbed,
    failed_in_a_row: usize,
}

impl Sums {
    fn add(&mut self, found: Result<Scrubbed, ScrubError>) -> Result<(), ScrubError> {
        match found {
            Ok(found) => {
                if found.originals > 0 {
                    self.failed_in_a_row = 0;
                }
                self.scrubbed.add(found);
            }
            Err(ScrubError::Blobs(_)) if self.failed_in_a_row + 1 < MANY_IN_A_ROW => {
                self.failed_in_a_row += 1;
                self.scrubbed.failed_originals += 1;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Looks again at what was found damaged before: somebody may have put it right, or there may be a backup now.
///
/// # Errors
/// See [`ScrubError`].
pub async fn look_again(app: &App, way: Way<'_>) -> Result<Scrubbed, ScrubError> {
    let mut sums = Sums::default();
    for damaged in app.upkeep.damaged_uploads(None, PAGE).await? {
        if let Some(upload) = record_of(app, &damaged.upload).await? {
            sums.add(look_or_say(app, way, &upload, true).await)?;
        }
    }
    Ok(sums.scrubbed)
}

/// The one row: that after the id before it.
async fn record_of(app: &App, upload: &UploadId) -> Result<Option<UploadRecord>, StoreError> {
    let before = u128::from_be_bytes(*upload.as_bytes()).checked_sub(1);
    let before = before.map(|before| UploadId::from_bytes(before.to_be_bytes()));
    let found = app.library.catalog.all_uploads(before, 1).await?.pop();
    Ok(found.filter(|found| found.id == *upload))
}

/// [`look_at`]; which original it was that failed, the sums do not tell.
async fn look_or_say(
    app: &App,
    way: Way<'_>,
    upload: &UploadRecord,
    was_damaged: bool,
) -> Result<Scrubbed, ScrubError> {
    let found = look_at(app, way, upload, was_damaged).await;
    found.inspect_err(|error| {
        let error: &(dyn Error + 'static) = error;
        tracing::error!(upload = %upload.id, error, "an original could not be looked at");
    })
}

async fn look_at(app: &App, way: Way<'_>, upload: &UploadRecord, was_damaged: bool) -> Result<Scrubbed, ScrubError> {
    let is_needed = matches!(upload.state, UploadState::Live | UploadState::Backup);
    let Some(facts) = upload.facts.as_ref().filter(|_| is_needed) else {
        return Ok(Scrubbed::default());
    };
    let mut scrubbed = Scrubbed {
        originals: 1,
        original_bytes: facts.bytes,
        ..Scrubbed::default()
    };
    metrics::counter!("visage_scrubbed_originals").increment(1);
    metrics::counter!("visage_scrubbed_bytes").increment(facts.bytes);
    let loss = match read_through(app, way, &upload.id, facts).await {
        Ok(()) => {
            if was_damaged {
                app.upkeep.clear_damage(&upload.id).await?;
            }
            return Ok(scrubbed);
        }
        Err(error) if error.is_loss() => error,
        Err(error) => return Err(error.into()),
    };
    let damage = if matches!(loss, BlobError::Missing(_)) {
        Damage::Missing
    } else {
        Damage::Changed
    };
    if !app.upkeep.record_damage(&upload.id, damage, app.clock.now()).await? {
        // Purged, or about to be: nobody needs it.
        return Ok(Scrubbed::default());
    }
    tracing::error!(upload = %upload.id, error = %loss, "an original is lost");
    match damage {
        Damage::Missing => scrubbed.missing_originals = 1,
        Damage::Changed => scrubbed.damaged_originals = 1,
    }
    if let Some(vault) = way.vault {
        scrubbed.repaired_originals = u64::from(repair(app, vault, &upload.id, facts).await?);
    }
    Ok(scrubbed)
}

async fn read_through(app: &App, way: Way<'_>, upload: &UploadId, facts: &UploadFacts) -> Result<(), BlobError> {
    let blobs = &app.library.blobs;
    let mut pieces = blobs.stream_from_disk(upload, &facts.sha256, facts.bytes).await?;
    while let Some(piece) = pieces.try_next().await? {
        if let Some(bytes_per_second) = way.bytes_per_second {
            let nanos = (piece.len() as u64).saturating_mul(1_000_000_000) / bytes_per_second.max(1);
            tokio::time::sleep(Duration::from_nanos(nanos)).await;
        }
    }
    Ok(())
}

/// Puts the backup's copy in the place of a lost original. The copy is compared with the catalog's own hash on the way.
async fn repair(app: &App, vault: &Vault, upload: &UploadId, facts: &UploadFacts) -> Result<bool, ScrubError> {
    let blobs = &app.library.blobs;
    let copied = blobs.copy_original_from(vault.originals(), upload, &facts.sha256, facts.bytes, Put::Replace);
    match copied.await {
        Ok(()) => {}
        Err(CopyError::Source(error)) => {
            tracing::error!(upload = %upload, error = %error, "the backup has no good copy of the lost original");
            return Ok(false);
        }
        Err(CopyError::Target(error)) => return Err(error.into()),
    }
    crash::point("original-repaired").await;
    if app.upkeep.clear_damage(upload).await? {
        metrics::counter!("visage_repaired_originals").increment(1);
        tracing::warn!(upload = %upload, "the lost original was repaired from the backup");
        return Ok(true);
    }
    // Purged meanwhile: what was just put there, nothing would ever find again.
    blobs.delete(&BlobKey::Original(*upload)).await?;
    Ok(true)
}
