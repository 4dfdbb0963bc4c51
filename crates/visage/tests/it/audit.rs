//! The auditor sees what is wrong.

use bytes::Bytes;
use visage::audit::audit;
use visage_store::{BlobKey, UploadId};

use crate::pictures::png;
use crate::test_app::TestApp;

async fn app_with_picture() -> TestApp {
    let mut t = TestApp::new();
    t.check_on_drop = false;
    let member = t.member("Asha").await;
    t.upload_ok(&member, &png(10, 10, [1; 3])).await;
    t
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_right_counts_no_damage() {
    let t = app_with_picture().await;
    let audit = audit(&t.app).await.unwrap();
    assert_eq!((audit.references, audit.assets), (1, 1));
    assert!(!audit.is_damaged() && !audit.has_leaks());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_original_is_damage() {
    let t = app_with_picture().await;
    let asset = t.app.library.catalog.all_assets(None, 1).await.unwrap().remove(0);
    t.app
        .library
        .blobs
        .delete(&BlobKey::Original(asset.upload.id))
        .await
        .unwrap();
    let audit = audit(&t.app).await.unwrap();
    assert_eq!(audit.missing_originals, 1);
    assert!(audit.is_damaged());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_to_nothing_is_damage() {
    let t = app_with_picture().await;
    let asset = t.app.library.catalog.all_assets(None, 1).await.unwrap().remove(0);
    let now = t.app.clock.now();
    t.app.library.catalog.destroy_asset(&asset.key, now, now).await.unwrap();
    let audit = audit(&t.app).await.unwrap();
    assert_eq!(audit.dangling_references, 1);
    assert!(audit.is_damaged());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_nobody_knows_is_a_leak() {
    let t = app_with_picture().await;
    t.app
        .library
        .blobs
        .put_original(&UploadId::random(), Bytes::from_static(b"x"))
        .await
        .unwrap();
    let audit = audit(&t.app).await.unwrap();
    assert_eq!(audit.stray_blobs, 1);
    assert!(!audit.is_damaged() && audit.has_leaks());
}
