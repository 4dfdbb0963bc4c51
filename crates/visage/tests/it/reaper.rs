//! What the reaper takes and what it leaves.

use std::time::Duration;

use bytes::Bytes;
use visage::jobs::reaper;
use visage_cloudinary::{DeliveryType, PublicId, ResourceType};
use visage_store::{AssetKey, PendingMedia, UploadId, UserId};

use crate::pictures::png;
use crate::test_app::TestApp;

fn key(id: &str) -> AssetKey {
    let public_id = PublicId::parse(id).unwrap();
    AssetKey {
        resource_type: ResourceType::Image,
        delivery_type: DeliveryType::Upload,
        public_id,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_never_ended_is_settled_after_its_grace_and_the_picture_in_use_stays() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    t.upload_ok(&member, &png(10, 10, [1; 3])).await;
    let user = t
        .app
        .directory
        .user(&UserId::parse(&member.id).unwrap())
        .await
        .unwrap()
        .unwrap();
    let in_use = user.cloudinary_id.unwrap();
    // A server that died after its upload left this behind: `replaces` is still the user's picture.
    let new = PublicId::parse("profiles/left-behind").unwrap();
    let pending = PendingMedia {
        new: new.clone(),
        replaces: Some(in_use.clone()),
        resource_type: ResourceType::Image,
        begun_at: t.app.clock.now(),
    };
    t.app.directory.begin_exchange(pending).await.unwrap();
    let picture = visage::media_host::Picture {
        bytes: Bytes::from(png(10, 10, [2; 3])),
        facts: visage_image::probe(&png(10, 10, [2; 3]), &t.app.library.limits)
            .unwrap()
            .into(),
        part: None,
    };
    t.app
        .media_host
        .upload(&new, picture, &t.app.display_transformation)
        .await
        .unwrap();
    t.advance(Duration::from_secs(3600));
    t.reap().await;
    let exists = async |id: &str| t.app.library.catalog.find_asset(&key(id)).await.unwrap().is_some();
    assert!(
        exists("profiles/left-behind").await,
        "its grace is not over: it may still be under way"
    );
    t.advance(Duration::from_secs(1));
    let reaped = t.reap().await;
    assert_eq!(
        (
            reaped.settled_exchanges,
            reaped.destroyed_pictures,
            reaped.kept_pictures
        ),
        (1, 1, 1)
    );
    assert!(!exists("profiles/left-behind").await);
    assert!(exists(&in_use).await, "the reference check kept it");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_an_upload_that_was_never_committed_go() {
    let t = TestApp::new();
    let id = UploadId::random();
    t.app
        .library
        .catalog
        .begin_upload(&id, t.app.clock.now())
        .await
        .unwrap();
    t.app
        .library
        .blobs
        .put_original(&id, Bytes::from_static(b"half a picture"))
        .await
        .unwrap();
    t.reap().await;
    assert_eq!(t.app.library.catalog.all_uploads(None, 10).await.unwrap().len(), 1);
    let audit = t.settle().await;
    assert_eq!(
        (audit.pending_uploads, audit.doomed_uploads, audit.stray_blobs),
        (0, 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_bytes_stay_for_readers_that_have_begun() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    t.upload_ok(&member, &png(10, 10, [1; 3])).await;
    let first = t
        .app
        .library
        .catalog
        .all_assets(None, 1)
        .await
        .unwrap()
        .remove(0)
        .upload;
    t.upload_ok(&member, &png(10, 10, [2; 3])).await;
    t.advance(Duration::from_secs(600));
    t.reap().await;
    let read = async || {
        t.app
            .library
            .blobs
            .get_original(&first.id, &first.facts.sha256, first.facts.bytes)
            .await
    };
    assert!(read().await.is_ok(), "the asset is destroyed, its bytes are not yet");
    t.advance(Duration::from_secs(120));
    assert_eq!(t.reap().await.purged_uploads, 1);
    assert!(read().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn at_once_does_not_wait_but_still_keeps_what_is_in_use() {
    let t = TestApp::new();
    let member = t.member("Asha").await;
    for n in 0..5 {
        t.upload_ok(&member, &png(10, 10, [n; 3])).await;
    }
    let reaped = reaper::reap(&t.app, true).await.unwrap();
    assert_eq!((reaped.destroyed_pictures, reaped.purged_uploads), (4, 4));
    let audit = visage::audit::audit(&t.app).await.unwrap();
    assert_eq!((audit.references, audit.assets, audit.doomed_uploads), (1, 1, 0));
}
