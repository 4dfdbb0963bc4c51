//! The contract of [`Upkeep`], beside a [`Catalog`].

use super::catalog::{replace, store};
use super::{Outcome, at};
use crate::catalog::Catalog;
use crate::ids::UploadId;
use crate::upkeep::{BackupFailure, BackupTimes, Condition, Damage, DamagedUpload, ScrubProgress, Upkeep};

/// What has uploads and notes about them.
pub trait Kept: Catalog + Upkeep {}

impl<T: Catalog + Upkeep> Kept for T {}

/// One `#[tokio::test]` per function of this module; `$fresh()` gives an empty store and a guard.
#[macro_export]
macro_rules! upkeep_conformance {
    ($fresh:path) => {
        $crate::conformance_tests! { upkeep, $fresh,
            damage_is_counted_until_it_is_cleared
            what_nothing_needs_any_more_is_no_damage
            damaged_originals_are_paged_through
            the_scrub_goes_on_where_it_was
            the_last_backup_counts
            an_installation_has_one_name
        }
    };
}

pub async fn damage_is_counted_until_it_is_cleared(kept: &dyn Kept) -> Outcome {
    let upload = store(kept, "a", at(0)).await?.upload.id;
    assert!(kept.record_damage(&upload, Damage::Changed, at(1)).await?);
    // Seen again, and worse.
    assert!(kept.record_damage(&upload, Damage::Missing, at(2)).await?);
    let found = DamagedUpload {
        upload,
        damage: Damage::Missing,
        found_at: at(1),
    };
    assert_eq!(kept.damaged_uploads(None, 10).await?, [found]);
    assert_eq!(kept.condition().await?.damaged_originals, 1);
    assert!(kept.clear_damage(&upload).await?);
    assert!(kept.clear_damage(&upload).await?, "what is good already stays good");
    assert_eq!(kept.condition().await?, Condition::default());
    Ok(())
}

pub async fn what_nothing_needs_any_more_is_no_damage(kept: &dyn Kept) -> Outcome {
    let unknown = UploadId::random();
    let old = store(kept, "a", at(0)).await?.upload.id;
    assert!(kept.record_damage(&old, Damage::Changed, at(1)).await?);
    replace(kept, "a", at(2), at(60)).await?;
    assert_eq!(kept.condition().await?, Condition::default());
    assert_eq!(kept.damaged_uploads(None, 10).await?, []);
    for upload in [unknown, old] {
        assert!(!kept.record_damage(&upload, Damage::Missing, at(3)).await?);
        assert!(!kept.clear_damage(&upload).await?);
    }
    assert!(
        kept.record_damage(&store(kept, "b", at(0)).await?.upload.id, Damage::Missing, at(4))
            .await?
    );
    kept.forget_upload(&old).await?;
    assert_eq!(kept.condition().await?.damaged_originals, 1);
    Ok(())
}

pub async fn damaged_originals_are_paged_through(kept: &dyn Kept) -> Outcome {
    let mut uploads = Vec::new();
    for name in ["a", "b", "c"] {
        let upload = store(kept, name, at(0)).await?.upload.id;
        assert!(kept.record_damage(&upload, Damage::Changed, at(1)).await?);
        uploads.push(upload);
    }
    uploads.sort_unstable();
    let ids = |page: Vec<DamagedUpload>| page.into_iter().map(|damaged| damaged.upload).collect::<Vec<_>>();
    assert_eq!(ids(kept.damaged_uploads(None, 2).await?), uploads[..2]);
    assert_eq!(ids(kept.damaged_uploads(Some(uploads[1]), 2).await?), uploads[2..]);
    Ok(())
}

pub async fn the_scrub_goes_on_where_it_was(kept: &dyn Kept) -> Outcome {
    assert_eq!(kept.scrub_progress().await?, ScrubProgress::default());
    let progress = ScrubProgress {
        begun_at: Some(at(1)),
        after: Some(UploadId::random()),
        ended_at: Some(at(0)),
    };
    for progress in [progress, ScrubProgress::default()] {
        kept.save_scrub_progress(progress).await?;
        assert_eq!(kept.scrub_progress().await?, progress);
    }
    Ok(())
}

pub async fn the_last_backup_counts(kept: &dyn Kept) -> Outcome {
    let times = |succeeded, failed, failure| BackupTimes {
        succeeded_at: succeeded,
        failed_at: failed,
        failure,
    };
    let (foreign, other) = (BackupFailure::Foreign, BackupFailure::Other);
    assert!(!kept.condition().await?.backup.has_failed());
    kept.record_failed_backup(at(1), foreign).await?;
    assert_eq!(kept.condition().await?.backup, times(None, Some(at(1)), foreign));
    kept.record_backup(at(2)).await?;
    assert_eq!(kept.condition().await?.backup, times(Some(at(2)), None, other));
    kept.record_failed_backup(at(3), other).await?;
    let backup = kept.condition().await?.backup;
    assert_eq!(backup, times(Some(at(2)), Some(at(3)), other));
    assert!(backup.has_failed());
    // The clock was put back: what came last counts all the same.
    kept.record_failed_backup(at(1), other).await?;
    assert!(kept.condition().await?.backup.has_failed());
    kept.record_backup(at(0)).await?;
    assert_eq!(kept.condition().await?.backup, times(Some(at(0)), None, other));
    Ok(())
}

pub async fn an_installation_has_one_name(kept: &dyn Kept) -> Outcome {
    let name = kept.installation().await?;
    store(kept, "a", at(0)).await?;
    kept.record_backup(at(1)).await?;
    assert_eq!(kept.installation().await?, name);
    Ok(())
}
