//! Backups of a working app.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use object_store::memory::InMemory;
use visage::app::App;
use visage::backup::{BackupError, BackupOptions, Workspace, back_up, verify};
use visage::clock;
use visage::jobs::backups;
use visage::library::{destroy, purge};
use visage::progress::Progress;
use visage_store::{Blobs, Manifest, SnapshotId, Sqlite, StoreError, Vault, VaultError, VaultFile};

use crate::pictures::png;
use crate::test_app::{TestApp, has_account};
use crate::vaults::{
    Disturbed, DisturbedBucket, KEEP, Moment, backup, damage, only_upload, opened, options, restore_into, vault,
};

const HOUR: Duration = Duration::from_secs(3600);

/// An app with a picture of one user, if pictures are in its own store.
async fn app_with_picture(t: TestApp) -> Option<TestApp> {
    if has_account() {
        return None;
    }
    let member = t.member("Asha").await;
    t.upload_ok(&member, &png(10, 10, [1; 3])).await;
    Some(t)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_new_travels() {
    let Some(t) = app_with_picture(TestApp::new()).await else {
        return;
    };
    let (vault, _folder) = vault();
    let first = backup(&t, &vault, KEEP).await;
    assert_eq!((first.originals, first.copied_originals), (1, 1));
    assert_eq!(first.copied_bytes, first.original_bytes);
    let member = t.member("Ben").await;
    t.upload_ok(&member, &png(10, 10, [2; 3])).await;
    let second = backup(&t, &vault, KEEP).await;
    assert_eq!((second.originals, second.copied_originals), (2, 1));
    let third = backup(&t, &vault, KEEP).await;
    assert_eq!((third.originals, third.copied_originals, third.copied_bytes), (2, 0, 0));
    let verified = verify(&vault, None, &Progress::hidden()).await.unwrap();
    assert!(verified.is_good());
    assert_eq!((verified.snapshots, verified.originals), (3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_app_has_the_same_users_and_pictures() {
    let Some(t) = app_with_picture(TestApp::new()).await else {
        return;
    };
    let (vault, folder) = vault();
    let before = only_upload(&t).await;
    backup(&t, &vault, KEEP).await;
    let data = folder.path().join("restored");
    let restored = restore_into(&data, &vault, &t).await;
    assert_eq!(
        (restored.originals, restored.lost_originals, restored.replaced),
        (1, 0, None)
    );
    let app = opened(&data, &t).unwrap();
    let audit = visage::audit::audit(&app).await.unwrap();
    assert!(!audit.is_damaged() && !audit.has_leaks(), "{audit:?}");
    // Derived images are made again.
    assert_eq!((audit.references, audit.assets, audit.derived_images), (1, 1, 0));
    let asset = app.library.catalog.all_assets(None, 1).await.unwrap().remove(0);
    assert_eq!(asset.upload, before);
    assert_eq!(app.library.catalog.derived_bytes().await.unwrap(), 0);
}

/// Between the copy of the database and that of its originals, a picture that the copy names is destroyed and purged.
#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_purged_while_it_is_backed_up_is_not_in_the_backup() {
    let Some(t) = app_with_picture(TestApp::new()).await else {
        return;
    };
    let asset = t.app.library.catalog.all_assets(None, 1).await.unwrap().remove(0);
    let member = t.member("Ben").await;
    t.upload_ok(&member, &png(10, 10, [2; 3])).await;
    let library = Arc::clone(&t.app.library);
    let key = asset.key.clone();
    let mut config = t.app.config.clone();
    config.data = t.folder.path().to_owned();
    let store = Arc::new(Sqlite::open(&t.folder.path().join("visage.db")).unwrap());
    let mut app = App::assemble(config, t.clock.clone(), store, library.blobs.clone()).unwrap();
    app.upkeep = Arc::new(Disturbed {
        inner: Arc::clone(&app.upkeep),
        moment: Moment::DatabaseCopied,
        incident: Box::new(move || {
            let (library, key) = (Arc::clone(&library), key.clone());
            Box::pin(async move {
                destroy::destroy(&library, &key).await.unwrap();
                assert_eq!(purge::purge_uploads(&library, true).await.unwrap(), 1);
            })
        }),
        happened: false.into(),
    });
    let (vault, folder) = vault();
    let options = options(KEEP);
    let done = back_up(&app, &vault, options, &Progress::hidden()).await.unwrap();
    assert_eq!((done.originals, done.lost_originals), (1, 0));
    let manifest = vault.manifest(&done.snapshot.parse().unwrap()).await.unwrap();
    assert!(
        manifest
            .originals
            .iter()
            .all(|original| original.upload != asset.upload.id)
    );
    assert!(verify(&vault, None, &Progress::hidden()).await.unwrap().is_good());
    assert_eq!(app.upkeep.condition().await.unwrap().damaged_originals, 0);
    // Nor does the copy of the database name it.
    let data = folder.path().join("restored");
    let restored = restore_into(&data, &vault, &t).await;
    assert_eq!((restored.originals, restored.lost_originals), (1, 0));
    let mut t = t;
    // A user refers to what this test has destroyed.
    t.check_on_drop = false;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_original_is_told_and_everything_else_is_backed_up() {
    let Some(mut t) = app_with_picture(TestApp::new()).await else {
        return;
    };
    t.check_on_drop = false;
    let lost = only_upload(&t).await;
    damage(&t.app.library.blobs, &lost).await;
    let member = t.member("Ben").await;
    t.upload_ok(&member, &png(10, 10, [2; 3])).await;
    let (vault, folder) = vault();
    let done = backup(&t, &vault, KEEP).await;
    assert_eq!((done.originals, done.copied_originals, done.lost_originals), (2, 1, 1));
    let health = t.get("/health").await.json();
    assert_eq!(
        (&health["status"], &health["damagedOriginals"]),
        (&"degraded".into(), &1.into())
    );
    let verified = verify(&vault, None, &Progress::hidden()).await.unwrap();
    assert!(verified.is_good());
    assert_eq!((verified.originals, verified.lost_originals), (1, 1));
    let data = folder.path().join("restored");
    let restored = restore_into(&data, &vault, &t).await;
    assert_eq!((restored.originals, restored.lost_originals), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_backed_up_stays_good_when_the_original_is_lost_later() {
    let Some(mut t) = app_with_picture(TestApp::new()).await else {
        return;
    };
    t.check_on_drop = false;
    let (vault, _folder) = vault();
    backup(&t, &vault, KEEP).await;
    damage(&t.app.library.blobs, &only_upload(&t).await).await;
    let done = backup(&t, &vault, 1).await;
    assert_eq!((done.lost_originals, done.removed_snapshots), (0, 1));
    assert!(verify(&vault, None, &Progress::hidden()).await.unwrap().is_good());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_is_made_good_when_it_is_rechecked() {
    let Some(t) = app_with_picture(TestApp::new()).await else {
        return;
    };
    let (vault, _folder) = vault();
    backup(&t, &vault, KEEP).await;
    damage(vault.originals(), &only_upload(&t).await).await;
    assert_eq!(backup(&t, &vault, KEEP).await.copied_originals, 0);
    assert_eq!(
        verify(&vault, None, &Progress::hidden()).await.unwrap().damaged_objects,
        1
    );
    let options = BackupOptions {
        keep: KEEP,
        recheck: true,
        adopt: false,
    };
    let done = back_up(&t.app, &vault, options, &Progress::hidden()).await.unwrap();
    assert_eq!(done.copied_originals, 1);
    assert!(verify(&vault, None, &Progress::hidden()).await.unwrap().is_good());
}

#[tokio::test(flavor = "multi_thread")]
async fn old_snapshots_go_and_with_them_the_pictures_that_only_they_name() {
    // Time passes quickly here.
    let t = TestApp::with_config(|config| config.auth.token_lifetime = "240h".parse().unwrap());
    let Some(t) = app_with_picture(t).await else {
        return;
    };
    let (vault, _folder) = vault();
    let member = t.member("Ben").await;
    let mut removed = Vec::new();
    for colour in 2..6 {
        t.upload_ok(&member, &png(10, 10, [colour; 3])).await;
        // What was replaced is gone.
        t.settle().await;
        let done = backup(&t, &vault, 2).await;
        removed.push((done.removed_snapshots, done.removed_originals));
    }
    assert_eq!(removed, [(0, 0), (0, 0), (1, 1), (1, 1)]);
    assert_eq!(vault.snapshots().await.unwrap().len(), 2);
    // Asha's picture, which all of them name, and one of Ben's for each snapshot.
    assert_eq!(vault.originals().original_sizes().await.unwrap().len(), 3);
    assert!(verify(&vault, None, &Progress::hidden()).await.unwrap().is_good());
    assert_eq!(vault.files().await.unwrap().len(), 4, "two databases and two manifests");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_snapshot_just_made_stays_when_the_clock_was_put_back() {
    let Some(t) = app_with_picture(TestApp::new()).await else {
        return;
    };
    let (vault, _folder) = vault();
    let made = backup(&t, &vault, KEEP).await.snapshot;
    let [from, to] = [made.clone(), made.replace("20240625", "29990625")];
    let mut manifest = vault.manifest(&from.parse().unwrap()).await.unwrap();
    manifest.snapshot = to.parse().unwrap();
    vault.put_manifest(manifest).await.unwrap();
    let done = backup(&t, &vault, 1).await;
    assert_eq!(done.removed_snapshots, 2);
    let left = vault.snapshots().await.unwrap();
    assert_eq!(
        left.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [done.snapshot]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_an_unreadable_snapshot_may_name_is_removed() {
    let t = TestApp::with_config(|config| config.auth.token_lifetime = "240h".parse().unwrap());
    let Some(t) = app_with_picture(t).await else {
        return;
    };
    let (vault, folder) = vault();
    let member = t.member("Ben").await;
    for colour in 2..5 {
        t.upload_ok(&member, &png(10, 10, [colour; 3])).await;
        t.settle().await;
        if colour < 4 {
            backup(&t, &vault, KEEP).await;
        }
    }
    let [_, newest] = vault.snapshots().await.unwrap().try_into().unwrap();
    let manifest = folder.path().join(format!("manifests/{newest}.ndjson"));
    let mut text = fs::read(&manifest).unwrap();
    text[10] ^= 1;
    fs::write(&manifest, &text).unwrap();
    // The unreadable one does not count as one of the two that are kept.
    let done = backup(&t, &vault, 2).await;
    assert_eq!((done.removed_snapshots, done.removed_originals), (0, 0));
    assert_eq!(vault.originals().original_sizes().await.unwrap().len(), 4);
    text[10] ^= 1;
    fs::write(&manifest, &text).unwrap();
    let verified = verify(&vault, None, &Progress::hidden()).await.unwrap();
    assert!(verified.is_good() && verified.snapshots == 3, "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_backup_at_the_same_time_is_refused_and_harms_nothing() {
    let Some(t) = app_with_picture(TestApp::new()).await else {
        return;
    };
    let (vault, _folder) = vault();
    let options = options(KEEP);
    let workspace = Workspace::take(&t.app.config.data).unwrap();
    let refused = back_up(&t.app, &vault, options, &Progress::hidden()).await;
    assert!(matches!(&refused, Err(error) if error.is_under_way()), "{refused:?}");
    drop(workspace);
    let lock = vault.lock("me", t.app.clock.now()).await.unwrap();
    let refused = back_up(&t.app, &vault, options, &Progress::hidden()).await;
    assert!(matches!(&refused, Err(error) if error.is_under_way()), "{refused:?}");
    drop(lock);
    backup(&t, &vault, KEEP).await;
}

/// In a bucket nobody but the other one's clock says that it is gone: it has been slow, or asleep.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_lost_the_bucket_to_another_completes_nothing_and_takes_nothing_away() {
    let Some(t) = app_with_picture(TestApp::new()).await else {
        return;
    };
    let vault = Vault::in_bucket(Arc::new(InMemory::new()), "backups".into());
    let good = backup(&t, &vault, 1).await.snapshot;
    let mut config = t.app.config.clone();
    config.data = t.folder.path().to_owned();
    let store = Arc::new(Sqlite::open(&t.folder.path().join("visage.db")).unwrap());
    let mut app = App::assemble(config, t.clock.clone(), store, t.app.library.blobs.clone()).unwrap();
    let (bucket, later) = (vault.clone(), clock::later(t.app.clock.now(), HOUR));
    app.upkeep = Arc::new(Disturbed {
        inner: Arc::clone(&app.upkeep),
        moment: Moment::DatabaseCopied,
        incident: Box::new(move || {
            let bucket = bucket.clone();
            Box::pin(async move { drop(bucket.lock("another", later).await.unwrap()) })
        }),
        happened: false.into(),
    });
    let refused = back_up(&app, &vault, options(1), &Progress::hidden()).await;
    assert!(
        matches!(refused, Err(BackupError::Vault(VaultError::Leased))),
        "{refused:?}"
    );
    let snapshots = vault.snapshots().await.unwrap();
    assert_eq!(snapshots.iter().map(ToString::to_string).collect::<Vec<_>>(), [good]);
    assert!(verify(&vault, None, &Progress::hidden()).await.unwrap().is_good());
}

/// A prune that has taken longer than its lease: another has made a snapshot that it knows nothing of.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_came_while_older_ones_are_removed_stays() {
    let Some(t) = app_with_picture(TestApp::new()).await else {
        return;
    };
    let inner = Arc::new(InMemory::new());
    let prefix = || object_store::path::Path::from("backups");
    let others = Vault::in_bucket(Arc::<InMemory>::clone(&inner), prefix());
    backup(&t, &others, 1).await;
    let (app, place) = (Arc::clone(&t.app), others.clone());
    let happened = Arc::new(AtomicBool::new(true));
    let bucket = DisturbedBucket {
        inner,
        incident: Arc::new(Box::new(move || {
            let (app, place) = (Arc::clone(&app), place.clone());
            Box::pin(async move {
                let copy = tempfile::tempdir().unwrap();
                let database = copy.path().join("visage.db");
                app.upkeep.copy_database_to(&database).await.unwrap();
                let snapshot = SnapshotId::new(app.clock.now());
                let file = VaultFile::Database(snapshot.clone());
                let manifest = Manifest {
                    snapshot,
                    taken_at: app.clock.now(),
                    release: "0.1.0".to_owned(),
                    installation: None,
                    database: place.put_file(&file, &database).await.unwrap(),
                    secrets: None,
                    originals: Vec::new(),
                };
                place.put_manifest(manifest).await.unwrap();
            })
        })),
        happened: Arc::clone(&happened),
    };
    let vault = Vault::in_bucket(Arc::new(bucket), prefix());
    happened.store(false, Ordering::SeqCst);
    let made = backup(&t, &vault, 1).await;
    assert!(happened.load(Ordering::SeqCst) && made.pruned);
    assert_eq!(made.removed_snapshots, 1);
    assert_eq!(vault.snapshots().await.unwrap().len(), 2, "its own, and the other's");
    assert!(verify(&vault, None, &Progress::hidden()).await.unwrap().is_good());
}

/// An app that makes backups every hour.
async fn scheduled() -> Option<(TestApp, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("vault").display().to_string();
    let t = TestApp::with_config(|config| {
        config.backup.url = url;
        config.backup.interval = "1h".parse().unwrap();
    });
    Some((app_with_picture(t).await?, folder))
}

async fn snapshots(t: &TestApp) -> usize {
    let vault = Vault::open(t.app.config.backup.url.as_ref()).unwrap();
    vault.snapshots().await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_makes_backups_and_tells_when_they_are_missing() {
    let Some((t, _folder)) = scheduled().await else { return };
    let health = async || t.get("/health").await.json();
    assert_eq!(health().await["status"], "ok", "it has just begun");
    backups::pass(&t.app).await;
    backups::pass(&t.app).await;
    assert_eq!(snapshots(&t).await, 1, "the second was not due");
    assert_eq!(health().await["backup"]["lastSuccess"], "2024-06-25T09:25:44Z");
    t.advance(2 * HOUR);
    assert_eq!(health().await["status"], "ok");
    t.advance(Duration::from_secs(1));
    let late = health().await;
    assert_eq!(
        (&late["status"], &late["backup"]["ok"]),
        (&"degraded".into(), &false.into())
    );
    backups::pass(&t.app).await;
    assert_eq!(snapshots(&t).await, 2);
    assert_eq!(health().await["status"], "ok");
    visage::metrics::record();
    let metrics = t.get("/metrics").await;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    let seconds = "2024-06-25T11:25:45Z".parse::<jiff::Timestamp>().unwrap().as_second();
    let expected = format!("visage_backup_last_success_timestamp_seconds {seconds}");
    assert!(metrics.contains(&expected), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_backup_is_told_until_one_succeeds() {
    let Some((mut t, folder)) = scheduled().await else {
        return;
    };
    backups::pass(&t.app).await;
    t.advance(HOUR);
    // A file where the folder should be.
    fs::rename(folder.path().join("vault"), folder.path().join("away")).unwrap();
    fs::write(folder.path().join("vault"), "").unwrap();
    backups::pass(&t.app).await;
    let health = t.get("/health").await.json();
    assert_eq!(
        (&health["status"], &health["backup"]["ok"]),
        (&"degraded".into(), &false.into())
    );
    assert_eq!(health["backup"]["lastSuccess"], "2024-06-25T09:25:44Z");
    fs::remove_file(folder.path().join("vault")).unwrap();
    fs::rename(folder.path().join("away"), folder.path().join("vault")).unwrap();
    backups::pass(&t.app).await;
    assert_eq!(snapshots(&t).await, 1, "it is not tried again at once");
    t.advance(Duration::from_secs(600));
    backups::pass(&t.app).await;
    assert_eq!(snapshots(&t).await, 2);
    assert_eq!(t.get("/health").await.json()["status"], "ok");
    t.check_on_drop = true;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_fails_leaves_the_older_ones_as_they_were() {
    let Some(t) = app_with_picture(TestApp::new()).await else {
        return;
    };
    let (vault, _folder) = vault();
    backup(&t, &vault, 1).await;
    let mut config = t.app.config.clone();
    config.data = t.folder.path().to_owned();
    let store = Arc::new(Sqlite::open(&t.folder.path().join("visage.db")).unwrap());
    let mut app = App::assemble(config, t.clock.clone(), store, Blobs::in_memory()).unwrap();
    app.upkeep = Arc::new(Disturbed {
        inner: Arc::clone(&app.upkeep),
        moment: Moment::NoCopy,
        incident: Box::new(|| Box::pin(async {})),
        happened: false.into(),
    });
    let options = options(1);
    let failed = back_up(&app, &vault, options, &Progress::hidden()).await;
    assert!(
        matches!(failed, Err(BackupError::Store(StoreError::Backend(_)))),
        "{failed:?}"
    );
    let verified = verify(&vault, None, &Progress::hidden()).await.unwrap();
    assert!(verified.is_good() && verified.snapshots == 1, "{verified:?}");
}
