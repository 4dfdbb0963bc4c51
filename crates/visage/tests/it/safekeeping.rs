//! Backups and restores in the hands of tired people: what was started again too soon, done twice, or done at the wrong time.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use visage::app::StartError;
use visage::backup::{BackupError, BackupOptions, RestoreDataError, Restored, back_up, latest, restore};
use visage::jobs::{backups, scrubber};
use visage::presence::Presence;
use visage::progress::Progress;
use visage::scrub::{ScrubError, Way, scrub};
use visage_store::{Damage, Vault};

use crate::pictures::png;
use crate::test_app::{TestApp, has_account};
use crate::vaults::{KEEP, backup, opened, options, restore_into, vault};

/// An app with pictures of so many users, that backs up there every hour; none where pictures are in an account.
async fn app_with_pictures(count: u8, url: &Path) -> Option<TestApp> {
    if has_account() {
        return None;
    }
    let t = TestApp::with_config(|config| {
        config.backup.url = url.display().to_string();
        config.backup.interval = "1h".parse().unwrap();
    });
    for number in 0..count {
        let member = t.member(&format!("User {number}")).await;
        t.upload_ok(&member, &png(10, 10, [number; 3])).await;
    }
    Some(t)
}

async fn restore_by_force(data: &Path, vault: &Vault, t: &TestApp) -> Result<Restored, RestoreDataError> {
    restore(data, vault, None, true, t.app.clock.now(), &Progress::hidden()).await
}

async fn try_to_back_up(t: &TestApp, vault: &Vault) -> Result<(), BackupError> {
    let done = back_up(&t.app, vault, options(KEEP), &Progress::hidden()).await;
    done.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_began_anew_after_a_loss_leaves_the_backups_of_the_lost_one_alone() {
    let (vault, folder) = vault();
    let Some(lost) = app_with_pictures(1, folder.path()).await else {
        return;
    };
    backups::pass(&lost.app).await;
    let good = vault.snapshots().await.unwrap();
    assert_eq!(good.len(), 1);
    let Some(anew) = app_with_pictures(0, folder.path()).await else {
        return;
    };
    backups::pass(&anew.app).await;
    assert_eq!(vault.snapshots().await.unwrap(), good);
    let health = anew.get("/health").await.json();
    assert_eq!(
        (&health["status"], &health["backup"]["ok"]),
        (&"degraded".into(), &false.into())
    );
    let message = health["backup"]["message"].as_str().unwrap();
    assert!(
        message.contains("visage restore") && message.contains("--adopt"),
        "{message}"
    );
    let refused = try_to_back_up(&anew, &vault).await;
    assert!(
        matches!(&refused, Err(BackupError::Foreign(of)) if *of == good[0]),
        "{refused:?}"
    );
    assert!(refused.unwrap_err().to_string().contains("--adopt"));
    // The lost one is brought back, and goes on.
    let data = folder.path().join("restored");
    restore_into(&data, &vault, &lost).await;
    let back = opened(&data, &lost).unwrap();
    lost.advance(Duration::from_secs(3600));
    backups::pass(&back).await;
    assert_eq!(vault.snapshots().await.unwrap().len(), 2);
    assert!(lost.get("/health").await.json()["backup"].get("message").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_a_vault_over_knowingly_goes_on_there_and_the_other_does_not() {
    let (vault, folder) = vault();
    let Some(one) = app_with_pictures(1, folder.path()).await else {
        return;
    };
    backup(&one, &vault, KEEP).await;
    let Some(other) = app_with_pictures(1, folder.path()).await else {
        return;
    };
    other.advance(Duration::from_secs(60));
    one.advance(Duration::from_secs(60));
    assert!(try_to_back_up(&other, &vault).await.is_err());
    let adopting = BackupOptions {
        adopt: true,
        ..options(KEEP)
    };
    back_up(&other.app, &vault, adopting, &Progress::hidden())
        .await
        .unwrap();
    other.advance(Duration::from_secs(60));
    one.advance(Duration::from_secs(60));
    try_to_back_up(&other, &vault).await.unwrap();
    let refused = try_to_back_up(&one, &vault).await;
    assert!(matches!(refused, Err(BackupError::Foreign(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_does_not_say_whose_it_is_is_anybodys_and_one_that_cannot_be_read_says_nothing() {
    let (vault, folder) = vault();
    let Some(one) = app_with_pictures(1, folder.path()).await else {
        return;
    };
    let made = backup(&one, &vault, KEEP).await.snapshot.parse().unwrap();
    let Some(other) = app_with_pictures(1, folder.path()).await else {
        return;
    };
    // A damaged one is the newest, and the older one is of the other installation.
    let unreadable = folder.path().join("manifests/20240625T092544.999Z-00000000.ndjson");
    fs::write(&unreadable, "damaged").unwrap();
    other.advance(Duration::from_secs(60));
    let refused = try_to_back_up(&other, &vault).await;
    assert!(matches!(refused, Err(BackupError::Foreign(_))), "{refused:?}");
    fs::remove_file(unreadable).unwrap();
    let mut manifest = vault.manifest(&made).await.unwrap();
    manifest.installation = None;
    vault.put_manifest(manifest).await.unwrap();
    try_to_back_up(&other, &vault).await.unwrap();
}

/// An app with a picture, its vault with a backup of it, and the folder of both.
async fn backed_up() -> Option<(TestApp, Vault, TempDir)> {
    let (vault, folder) = vault();
    let t = app_with_pictures(1, folder.path()).await?;
    backup(&t, &vault, KEEP).await;
    Some((t, vault, folder))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_snapshot_is_restored_by_force_again_and_again_and_nothing_is_lost() {
    let Some((t, vault, folder)) = backed_up().await else {
        return;
    };
    let data = folder.path().join("restored");
    restore_into(&data, &vault, &t).await;
    let mut asides: Vec<PathBuf> = Vec::new();
    for _ in 0..3 {
        let restored = restore_by_force(&data, &vault, &t).await.unwrap();
        let aside = restored.replaced.unwrap();
        assert!(!asides.contains(&aside));
        assert!(aside.join("visage.db").exists() && aside.join("blobs/originals").exists());
        assert!(
            !visage::audit::audit(&opened(&data, &t).unwrap())
                .await
                .unwrap()
                .is_damaged()
        );
        // Somebody makes room.
        fs::remove_dir_all(aside.join("blobs")).unwrap();
        asides.push(aside);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_a_database_that_was_taken_away_is_not_applied_to_the_restored_one() {
    let Some((t, vault, folder)) = backed_up().await else {
        return;
    };
    for log in ["visage.db-wal", "visage.db-shm", "visage.db-journal"] {
        let data = folder.path().join(format!("beside-{log}"));
        fs::create_dir(&data).unwrap();
        fs::write(data.join(log), "of another database").unwrap();
        let refused = restore(&data, &vault, None, false, t.app.clock.now(), &Progress::hidden()).await;
        assert!(
            matches!(refused, Err(RestoreDataError::NotEmpty { .. })),
            "{log}: {refused:?}"
        );
        let aside = restore_by_force(&data, &vault, &t).await.unwrap().replaced.unwrap();
        assert_eq!(fs::read(aside.join(log)).unwrap(), b"of another database");
        assert!(!data.join(log).exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_and_work_in_the_same_folder_keep_each_other_out() {
    let Some((t, vault, folder)) = backed_up().await else {
        return;
    };
    let data = folder.path().join("restored");
    restore_into(&data, &vault, &t).await;
    let (one, other) = (opened(&data, &t).unwrap(), opened(&data, &t).unwrap());
    drop(one);
    let refused = restore_by_force(&data, &vault, &t).await;
    assert!(matches!(refused, Err(RestoreDataError::InUse { .. })), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains("a command of visage works"));
    drop(other);
    let alone = Presence::alone(&data).unwrap().unwrap();
    let refused = opened(&data, &t).map(drop);
    assert!(matches!(refused, Err(StartError::BeingRestored { .. })), "{refused:?}");
    drop(alone);
    restore_by_force(&data, &vault, &t).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_ahead_once_stops_no_backup_and_is_restored_from_only_when_asked() {
    let (vault, folder) = vault();
    let Some(t) = app_with_pictures(1, folder.path()).await else {
        return;
    };
    let now = t.app.clock.now();
    t.advance(Duration::from_secs(300 * 24 * 3600));
    backups::pass(&t.app).await;
    let [ahead] = vault.snapshots().await.unwrap().try_into().unwrap();
    t.clock.set(now);
    assert_eq!(t.get("/health").await.json()["status"], "degraded");
    backups::pass(&t.app).await;
    assert_eq!(t.get("/health").await.json()["status"], "ok");
    backups::pass(&t.app).await;
    let [made, newest_by_name] = vault.snapshots().await.unwrap().try_into().unwrap();
    assert_eq!(newest_by_name, ahead);
    assert_eq!(latest(&vault, now).await.unwrap(), made);
    let restored = restore_into(&folder.path().join("restored"), &vault, &t).await;
    assert_eq!(restored.snapshot, made.to_string());
    vault.remove(&[visage_store::VaultFile::Manifest(made)]).await.unwrap();
    assert_eq!(latest(&vault, now).await.unwrap(), ahead, "it is better than none");
}

/// In the place of an original, what the system refuses to open, whoever asks.
fn shut(data: &Path, upload: &str) {
    let path = data.join("blobs/originals").join(upload.get(..2).unwrap()).join(upload);
    fs::remove_file(&path).unwrap();
    symlink(&path, &path).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_that_cannot_be_opened_is_counted_and_many_in_a_row_end_the_scrub() {
    let (vault, folder) = vault();
    let Some(t) = app_with_pictures(8, folder.path()).await else {
        return;
    };
    backup(&t, &vault, KEEP).await;
    let data = folder.path().join("restored");
    restore_into(&data, &vault, &t).await;
    let app = opened(&data, &t).unwrap();
    let uploads = app.library.catalog.all_uploads(None, 10).await.unwrap();
    shut(&data, &uploads[3].id.to_string());
    // Also where it is known to be damaged.
    let now = app.clock.now();
    assert!(
        app.upkeep
            .record_damage(&uploads[3].id, Damage::Changed, now)
            .await
            .unwrap()
    );
    let scrubbed = scrubber::pass(&app).await.unwrap();
    assert_eq!((scrubbed.originals, scrubbed.failed_originals), (7, 1));
    assert!(!scrubbed.is_good());
    assert_eq!(
        app.upkeep.scrub_progress().await.unwrap().ended_at,
        Some(now),
        "the round is over"
    );
    let all = scrub(&app, Way::default(), &Progress::hidden()).await.unwrap();
    assert_eq!(all, scrubbed);
    for upload in uploads.iter().filter(|upload| upload.id != uploads[3].id) {
        shut(&data, &upload.id.to_string());
    }
    let stopped = scrub(&app, Way::default(), &Progress::hidden()).await;
    assert!(matches!(stopped, Err(ScrubError::Blobs(_))), "{stopped:?}");
}
