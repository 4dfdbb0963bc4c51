//! The auditor sees what is wrong.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use visage::audit::{AuditError, audit};
use visage::config::Config;
use visage::media_host::{MediaHostError, Picture};
use visage_cloudinary::{PublicId, ResourceType, Transformation};
use visage_store::{BlobKey, Exchange, PendingMedia, ProfileImage, UploadId, UserId};

use crate::hooked_host::{Hooked, Hooks};
use crate::pictures::{mp4, png};
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

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_leads_elsewhere_is_told_and_is_no_damage() {
    let t = app_with_picture().await;
    // Restarted with other settings, on the same users and pictures.
    let unserved = async |configure: fn(&mut Config)| {
        let mut config = t.app.config.clone();
        configure(&mut config);
        let store = visage_store::Sqlite::open(&t.folder.path().join("visage.db")).unwrap();
        let blobs = t.app.library.blobs.clone();
        let app = visage::app::App::assemble(config, t.clock.clone(), Arc::new(store), blobs).unwrap();
        let audit = audit(&app).await.unwrap();
        assert_eq!((audit.references, audit.is_damaged()), (1, false));
        assert_eq!(audit.has_leaks(), audit.unserved_urls > 0);
        audit.unserved_urls
    };
    assert_eq!(unserved(|_| {}).await, 0);
    let changes: [fn(&mut Config); 3] = [
        |config| config.public_url = "https://pictures.example".to_owned(),
        |config| config.public_url = "http://images.exampl".to_owned(),
        |config| config.embedded.cloud_name = "another".to_owned(),
    ];
    for change in changes {
        assert_eq!(unserved(change).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn picture_on_an_unconfigured_host_is_elsewhere_and_no_damage() {
    let mut t = TestApp::new();
    t.check_on_drop = false;
    let public_id = PublicId::parse("profiles/abc").unwrap();
    for (url, elsewhere, unserved, dangling) in [
        (
            "https://res.cloudinary.com/gym/image/upload/v1/profiles/abc.jpg",
            1,
            0,
            0,
        ),
        (
            "http://res.cloudinary.com/gym/image/upload/v1/profiles/abc.jpg",
            1,
            0,
            0,
        ),
        ("https://pictures.gym.example/image/upload/v1/profiles/abc.jpg", 1, 0, 0),
        // Its own cloud name, under an address that it no longer has: that picture is lost.
        ("https://old.example/visage/image/upload/v1/profiles/abc.jpg", 0, 1, 1),
        ("/uploads/abc.jpg", 0, 1, 1),
    ] {
        let member = t.member(&format!("Member of {url}")).await;
        let now = t.app.clock.now();
        let pending = PendingMedia {
            new: public_id.clone(),
            replaces: None,
            resource_type: ResourceType::Image,
            begun_at: now,
        };
        t.app.directory.begin_exchange(pending).await.unwrap();
        let user_id = UserId::parse(&member.id).unwrap();
        let exchange = |new| Exchange {
            user_id,
            new,
            retire_at: now,
            now,
        };
        let new = ProfileImage {
            url: url.to_owned(),
            public_id: public_id.clone(),
        };
        t.app
            .directory
            .exchange_profile_image(exchange(Some(new)))
            .await
            .unwrap();
        let audit = audit(&t.app).await.unwrap();
        let counted = (audit.elsewhere, audit.unserved_urls, audit.dangling_references);
        assert_eq!(counted, (elsewhere, unserved, dangling), "{url}");
        assert_eq!(audit.is_damaged(), dangling > 0, "{url}");
        assert!(audit.has_leaks(), "{url}");
        t.app.directory.exchange_profile_image(exchange(None)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_of_another_picture_is_told() {
    let mut t = TestApp::new();
    t.check_on_drop = false;
    let (member, other) = (t.member("Asha").await, t.member("Bo").await);
    let url = t.upload_ok(&member, &png(10, 10, [1; 3])).await;
    t.upload_ok(&other, &png(10, 10, [2; 3])).await;
    let public_id = PublicId::parse("profiles/another").unwrap();
    let now = t.app.clock.now();
    let pending = PendingMedia {
        new: public_id.clone(),
        replaces: None,
        resource_type: ResourceType::Image,
        begun_at: now,
    };
    t.app.directory.begin_exchange(pending).await.unwrap();
    let exchange = Exchange {
        user_id: UserId::parse(&other.id).unwrap(),
        new: Some(ProfileImage { url, public_id }),
        retire_at: now,
        now,
    };
    t.app.directory.exchange_profile_image(exchange).await.unwrap();
    let audit = audit(&t.app).await.unwrap();
    assert_eq!((audit.unserved_urls, audit.dangling_references), (1, 1));
}

/// A media host that cannot say what it has.
#[derive(Debug)]
struct Speechless;

#[async_trait]
impl Hooks for Speechless {
    async fn before_exists(&self) -> Result<(), MediaHostError> {
        Err(MediaHostError::Failed("injected".into()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_fails_is_an_error_and_not_damage() {
    let mut t = TestApp::with(
        |_| {},
        |app| app.media_host = Hooked::around(&app.media_host, Speechless),
    );
    t.check_on_drop = false;
    let member = t.member("Asha").await;
    t.upload_ok(&member, &png(10, 10, [1; 3])).await;
    let audit = audit(&t.app).await;
    assert!(matches!(audit, Err(AuditError::MediaHost(_))), "{audit:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_posts_show_is_accounted_for() {
    let mut t = TestApp::new();
    t.check_on_drop = false;
    let member = t.member("Asha").await;
    for file in [png(10, 10, [1; 3]), mp4("")] {
        t.show(&member, "hello", &file).await;
    }
    let good = audit(&t.app).await.unwrap();
    assert_eq!((good.references, good.assets, good.expired_media), (2, 2, 0));
    assert!(!good.is_damaged() && !good.has_leaks(), "{good:?}");
    let assets = t.app.library.catalog.all_assets(None, 2).await.unwrap();
    let original = BlobKey::Original(assets[0].upload.id);
    t.app.library.blobs.delete(&original).await.unwrap();
    let now = t.app.clock.now();
    t.app
        .library
        .catalog
        .destroy_asset(&assets[1].key, now, now)
        .await
        .unwrap();
    let bad = audit(&t.app).await.unwrap();
    assert_eq!((bad.missing_originals, bad.dangling_references), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_in_one_of_our_folders_that_nothing_names_is_a_leak() {
    let mut t = TestApp::new();
    t.check_on_drop = false;
    let bytes = png(10, 10, [1; 3]);
    let facts = visage_image::probe(&bytes, &t.app.library.limits).unwrap();
    let picture = Picture {
        bytes: bytes.into(),
        facts: facts.into(),
        part: None,
    };
    let cropped = Picture {
        part: Some([0, 0, 5, 5]),
        ..picture.clone()
    };
    for (id, picture) in [("posts/nobodys", picture), ("profiles/nobodys", cropped)] {
        let id = PublicId::parse(id).unwrap();
        let display = Transformation::default();
        t.app.media_host.upload(&id, picture, &display).await.unwrap();
    }
    let audit = audit(&t.app).await.unwrap();
    assert_eq!(audit.unreferenced_assets, 2);
    assert!(audit.has_leaks());
}
