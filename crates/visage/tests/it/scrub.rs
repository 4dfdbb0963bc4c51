//! The scrub finds what is lost, and repairs it from a backup.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use visage::app::App;
use visage::audit::audit;
use visage::jobs::scrubber;
use visage::library::{destroy, purge};
use visage::progress::Progress;
use visage::scrub::{Scrubbed, Way, scrub};
use visage_store::{BlobKey, ScrubProgress, Sqlite, Vault};

use crate::pictures::png;
use crate::test_app::{TestApp, has_account};
use crate::vaults::{Disturbed, KEEP, Moment, backup, damage, only_upload, vault};

/// An app with a picture of one user, if pictures are in its own store, and the picture's URL.
async fn app_with_picture() -> Option<(TestApp, String)> {
    if has_account() {
        return None;
    }
    let t = TestApp::new();
    let member = t.member("Asha").await;
    let url = t.upload_ok(&member, &png(10, 10, [1; 3])).await;
    Some((t, url))
}

async fn scrub_with(t: &TestApp, vault: Option<&Vault>) -> Scrubbed {
    let way = Way {
        vault,
        ..Way::default()
    };
    scrub(&t.app, way, &Progress::hidden()).await.unwrap()
}

async fn status(t: &TestApp) -> String {
    t.get("/health").await.json()["status"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_good_is_found_good() {
    let Some((t, _)) = app_with_picture().await else { return };
    let scrubbed = scrub_with(&t, None).await;
    let bytes = only_upload(&t).await.facts.bytes;
    let expected = Scrubbed {
        originals: 1,
        original_bytes: bytes,
        ..Scrubbed::default()
    };
    assert_eq!(scrubbed, expected);
    assert_eq!(status(&t).await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_found_told_and_repaired() {
    let Some((t, url)) = app_with_picture().await else {
        return;
    };
    let (vault, _folder) = vault();
    backup(&t, &vault, KEEP).await;
    let original = url.replace("c_thumb,g_face,h_400,w_400/f_auto,q_auto/", "");
    let good = t.get(&original).await.body;
    damage(&t.app.library.blobs, &only_upload(&t).await).await;
    let t = {
        let mut again = t.restarted();
        // Nothing of the good picture is in its memory.
        again.check_on_drop = false;
        (again, t)
    };
    let (t, _first) = t;
    assert_eq!(t.get(&original).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    let found = scrub_with(&t, None).await;
    assert_eq!((found.damaged_originals, found.remaining()), (1, 1));
    assert_eq!(status(&t).await, "degraded");
    visage::metrics::record();
    let metrics = String::from_utf8_lossy(&t.get("/metrics").await.body).into_owned();
    assert!(metrics.contains("visage_damaged_originals 1"), "{metrics}");
    let repaired = scrub_with(&t, Some(&vault)).await;
    assert_eq!((repaired.damaged_originals, repaired.repaired_originals), (1, 1));
    assert_eq!(status(&t).await, "ok");
    let answer = t.get(&original).await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, good));
    assert!(!audit(&t.app).await.unwrap().is_damaged());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_original_is_damage_and_comes_back() {
    let Some((t, _)) = app_with_picture().await else { return };
    let (vault, _folder) = vault();
    backup(&t, &vault, KEEP).await;
    let blob = BlobKey::Original(only_upload(&t).await.id);
    t.app.library.blobs.delete(&blob).await.unwrap();
    let found = scrub_with(&t, Some(&vault)).await;
    assert_eq!((found.missing_originals, found.repaired_originals), (1, 1));
    assert_eq!(scrub_with(&t, None).await.remaining(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_repairs_nothing() {
    let Some((mut t, _)) = app_with_picture().await else {
        return;
    };
    t.check_on_drop = false;
    let (vault, _folder) = vault();
    backup(&t, &vault, KEEP).await;
    let upload = only_upload(&t).await;
    for blobs in [&t.app.library.blobs, vault.originals()] {
        damage(blobs, &upload).await;
    }
    let found = scrub_with(&t, Some(&vault)).await;
    assert_eq!((found.repaired_originals, found.remaining()), (0, 1));
    assert_eq!(audit(&t.app).await.unwrap().damaged_originals, 1);
    assert_eq!(status(&t).await, "degraded");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_put_right_is_good_again() {
    let Some((t, _)) = app_with_picture().await else { return };
    let upload = only_upload(&t).await;
    damage(&t.app.library.blobs, &upload).await;
    assert_eq!(scrub_with(&t, None).await.remaining(), 1);
    // The same bit again.
    let facts = &upload.facts;
    let file = png(10, 10, [1; 3]);
    assert_eq!(file.len() as u64, facts.bytes, "the picture is stored as it came");
    t.app.library.blobs.delete(&BlobKey::Original(upload.id)).await.unwrap();
    t.app.library.blobs.put_original(&upload.id, file.into()).await.unwrap();
    assert_eq!(scrub_with(&t, None).await.remaining(), 0);
    assert_eq!(status(&t).await, "ok");
}

/// After the good bytes were put in place, and before that is noted, the picture is destroyed and purged.
#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_purged_while_it_is_repaired_leaves_nothing() {
    let Some((mut t, _)) = app_with_picture().await else {
        return;
    };
    let (vault, _folder) = vault();
    backup(&t, &vault, KEEP).await;
    damage(&t.app.library.blobs, &only_upload(&t).await).await;
    let asset = t.app.library.catalog.all_assets(None, 1).await.unwrap().remove(0);
    let (library, key) = (Arc::clone(&t.app.library), asset.key);
    let store = Arc::new(Sqlite::open(&t.folder.path().join("visage.db")).unwrap());
    let blobs = library.blobs.clone();
    let mut app = App::assemble(t.app.config.clone(), t.clock.clone(), store, blobs).unwrap();
    let put_back = vault.clone();
    app.upkeep = Arc::new(Disturbed {
        inner: Arc::clone(&app.upkeep),
        moment: Moment::Repaired,
        incident: Box::new(move || {
            let (library, key, vault) = (Arc::clone(&library), key.clone(), put_back.clone());
            Box::pin(async move {
                let asset = destroy::destroy(&library, &key).await.unwrap();
                assert_eq!(purge::purge_uploads(&library, true).await.unwrap(), 1);
                // As if the repair had been the last to write.
                let upload = asset.unwrap().upload;
                let (id, facts) = (&upload.id, &upload.facts);
                let copied = library.blobs.copy_original_from(
                    vault.originals(),
                    id,
                    &facts.sha256,
                    facts.bytes,
                    visage_store::Put::Create,
                );
                copied.await.unwrap();
            })
        }),
        happened: false.into(),
    });
    let way = Way {
        vault: Some(&vault),
        ..Way::default()
    };
    scrub(&app, way, &Progress::hidden()).await.unwrap();
    let audit = audit(&t.app).await.unwrap();
    assert_eq!((audit.assets, audit.stray_blobs), (0, 0), "{audit:?}");
    // A user refers to what this test has destroyed.
    t.check_on_drop = false;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_background_scrub_goes_on_where_it_was_and_rests_between_rounds() {
    let Some((t, _)) = app_with_picture().await else { return };
    for name in ["Ben", "Cleo"] {
        let member = t.member(name).await;
        t.upload_ok(&member, &png(10, 10, [2; 3])).await;
    }
    let uploads = t.app.library.catalog.all_uploads(None, 10).await.unwrap();
    let begun = ScrubProgress {
        begun_at: Some(t.app.clock.now()),
        after: Some(uploads[0].id),
        ended_at: None,
    };
    t.app.upkeep.save_scrub_progress(begun).await.unwrap();
    let t = (t.restarted(), t);
    let (t, _first) = t;
    assert_eq!(
        scrubber::pass(&t.app).await.unwrap().originals,
        2,
        "the first was read before"
    );
    let progress = t.app.upkeep.scrub_progress().await.unwrap();
    assert_eq!((progress.begun_at, progress.after), (None, None));
    assert_eq!(
        scrubber::pass(&t.app).await.unwrap().originals,
        0,
        "the next round is not due"
    );
    t.advance(Duration::from_secs(7 * 24 * 3600 - 1));
    assert_eq!(scrubber::pass(&t.app).await.unwrap().originals, 0);
    t.advance(Duration::from_secs(1));
    assert_eq!(scrubber::pass(&t.app).await.unwrap().originals, 3);
    // The clock was ahead.
    t.clock.set(begun.begun_at.unwrap());
    assert_eq!(scrubber::pass(&t.app).await.unwrap().originals, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn known_damage_is_repaired_between_rounds_as_soon_as_there_is_a_backup() {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("vault").display().to_string();
    if has_account() {
        return;
    }
    let t = TestApp::with_config(|config| config.backup.url.clone_from(&url));
    let member = t.member("Asha").await;
    t.upload_ok(&member, &png(10, 10, [1; 3])).await;
    let vault = Vault::open_or_create(url.as_ref()).unwrap();
    backup(&t, &vault, KEEP).await;
    let away = folder.path().join("away");
    std::fs::rename(folder.path().join("vault"), &away).unwrap();
    damage(&t.app.library.blobs, &only_upload(&t).await).await;
    scrubber::pass(&t.app).await.unwrap();
    assert_eq!(status(&t).await, "degraded");
    std::fs::rename(&away, folder.path().join("vault")).unwrap();
    scrubber::pass(&t.app).await.unwrap();
    assert_eq!(t.app.upkeep.condition().await.unwrap().damaged_originals, 0);
    assert!(!audit(&t.app).await.unwrap().is_damaged());
}
