//! The contract of [`Catalog`].

use futures_util::future::try_join_all;
use jiff::Timestamp;
use visage_cloudinary::{DeliveryType, ImageFormat, PublicId, Recipe, ResourceType};

use super::{Outcome, at};
use crate::asset::{Asset, AssetDetails, AssetKey, ImageFacts, Media, UploadFacts};
use crate::catalog::{Catalog, Commit, CommitError, CommitUpload, DerivedFacts, DerivedKey, DoomedUpload, UploadState};
use crate::error::BoxError;
use crate::ids::{Md5, Sha256, UploadId};

/// One `#[tokio::test]` per function of this module; `$fresh()` gives an empty catalog and a guard.
#[macro_export]
macro_rules! catalog_conformance {
    ($fresh:path) => {
        $crate::conformance_tests! { catalog, $fresh,
            a_committed_upload_is_its_assets_current_one
            an_upload_is_committed_only_while_it_is_pending
            an_upload_is_begun_only_once
            assets_of_different_types_do_not_meet
            versions_strictly_grow_whatever_the_clock_does
            versions_grow_across_a_destroy
            remembered_versions_are_forgotten_once_the_clock_has_passed_them
            a_replaced_upload_is_due_at_its_time_and_not_before
            an_asset_keeps_its_identity_when_it_is_replaced
            an_asset_that_is_to_be_kept_dooms_the_new_upload
            a_destroyed_asset_is_gone_and_its_upload_due_at_its_time
            only_uploads_pending_for_too_long_are_abandoned
            an_abandoned_upload_cannot_be_committed
            a_live_upload_is_neither_abandoned_nor_forgotten
            due_uploads_come_longest_due_first_and_no_more_than_asked
            of_many_uploads_at_once_one_stays_and_the_others_are_doomed
            derived_blobs_are_recorded_for_live_uploads_only
            derived_blobs_are_recorded_again_in_place
            the_least_recently_used_derived_blobs_come_first
            crowded_uploads_are_found_with_their_oldest_blobs
            a_derived_blob_made_or_used_since_it_was_listed_is_not_forgotten
            a_forgotten_upload_takes_its_derived_blobs_along
            audits_page_through_everything
        }
    };
}

pub async fn a_committed_upload_is_its_assets_current_one(catalog: &dyn Catalog) -> Outcome {
    assert_eq!(catalog.find_asset(&key("a")?).await?, None);
    let asset = store(catalog, "a", at(5)).await?;
    assert_eq!(asset.version, at(5).as_second());
    assert_eq!((asset.created_at, asset.upload.created_at), (at(5), at(5)));
    assert_eq!(asset.upload.facts, facts());
    assert_eq!(catalog.find_asset(&key("a")?).await?, Some(asset));
    Ok(())
}

pub async fn an_upload_is_committed_only_while_it_is_pending(catalog: &dyn Catalog) -> Outcome {
    let id = UploadId::random();
    expect_not_pending(catalog, id).await?;
    catalog.begin_upload(&id, at(0)).await?;
    catalog.commit_upload(commit_of(id, "a")?, at(0)).await?;
    expect_not_pending(catalog, id).await?;
    Ok(())
}

pub async fn an_upload_is_begun_only_once(catalog: &dyn Catalog) -> Outcome {
    let id = UploadId::random();
    catalog.begin_upload(&id, at(0)).await?;
    assert!(catalog.begin_upload(&id, at(1)).await.is_err());
    Ok(())
}

pub async fn assets_of_different_types_do_not_meet(catalog: &dyn Catalog) -> Outcome {
    let private = AssetKey {
        delivery_type: DeliveryType::Private,
        ..key("a")?
    };
    let video = AssetKey {
        resource_type: ResourceType::Video,
        ..key("a")?
    };
    let asset = store(catalog, "a", at(0)).await?;
    for other in [private, video] {
        let id = UploadId::random();
        catalog.begin_upload(&id, at(0)).await?;
        catalog
            .commit_upload(
                CommitUpload {
                    key: other.clone(),
                    ..commit_of(id, "a")?
                },
                at(0),
            )
            .await?;
        assert!(catalog.destroy_asset(&other, at(0), at(0)).await?.is_some());
    }
    assert_eq!(catalog.find_asset(&key("a")?).await?, Some(asset));
    Ok(())
}

pub async fn versions_strictly_grow_whatever_the_clock_does(catalog: &dyn Catalog) -> Outcome {
    let mut version = store(catalog, "a", at(100)).await?.version;
    for seconds in [100, 100, 50, 101, 300] {
        let next = store(catalog, "a", at(seconds)).await?.version;
        assert!(next > version, "{next} after {version}");
        assert!(next >= at(seconds).as_second());
        version = next;
    }
    assert_eq!(version, at(300).as_second());
    Ok(())
}

pub async fn versions_grow_across_a_destroy(catalog: &dyn Catalog) -> Outcome {
    let first = store(catalog, "a", at(100)).await?;
    catalog.destroy_asset(&first.key, at(100), at(100)).await?;
    let second = store(catalog, "a", at(100)).await?;
    assert_eq!(second.version, first.version + 1);
    assert_ne!(second.id, first.id);
    catalog.destroy_asset(&first.key, at(100), at(100)).await?;
    assert_eq!(store(catalog, "a", at(100)).await?.version, first.version + 2);
    Ok(())
}

pub async fn remembered_versions_are_forgotten_once_the_clock_has_passed_them(catalog: &dyn Catalog) -> Outcome {
    let asset = store(catalog, "a", at(100)).await?;
    catalog.destroy_asset(&asset.key, at(100), at(100)).await?;
    assert_eq!(catalog.forget_destroyed_assets(at(100)).await?, 0);
    assert_eq!(catalog.forget_destroyed_assets(at(101)).await?, 1);
    assert_eq!(catalog.forget_destroyed_assets(at(101)).await?, 0);
    Ok(())
}

pub async fn a_replaced_upload_is_due_at_its_time_and_not_before(catalog: &dyn Catalog) -> Outcome {
    let first = store(catalog, "a", at(0)).await?;
    replace(catalog, "a", at(10), at(130)).await?;
    assert_eq!(due(catalog, at(129)).await?, []);
    assert_eq!(due(catalog, at(130)).await?, [first.upload.id]);
    catalog.forget_upload(&first.upload.id).await?;
    assert_eq!(due(catalog, at(1_000)).await?, []);
    Ok(())
}

pub async fn an_asset_keeps_its_identity_when_it_is_replaced(catalog: &dyn Catalog) -> Outcome {
    let first = store(catalog, "a", at(0)).await?;
    let second = replace(catalog, "a", at(10), at(10)).await?;
    assert_eq!((second.id, second.created_at), (first.id, first.created_at));
    assert_ne!(second.upload.id, first.upload.id);
    Ok(())
}

pub async fn an_asset_that_is_to_be_kept_dooms_the_new_upload(catalog: &dyn Catalog) -> Outcome {
    let first = store(catalog, "a", at(0)).await?;
    let id = UploadId::random();
    catalog.begin_upload(&id, at(1)).await?;
    let commit = CommitUpload {
        overwrite: false,
        ..commit_of(id, "a")?
    };
    assert_eq!(
        catalog.commit_upload(commit.clone(), at(2)).await?,
        Commit::Existing(first.clone())
    );
    assert_eq!(catalog.find_asset(&first.key).await?, Some(first));
    assert_eq!(due(catalog, at(2)).await?, [id]);
    assert!(matches!(
        catalog.commit_upload(commit, at(3)).await,
        Err(CommitError::NotPending)
    ));
    Ok(())
}

pub async fn a_destroyed_asset_is_gone_and_its_upload_due_at_its_time(catalog: &dyn Catalog) -> Outcome {
    let asset = store(catalog, "a", at(0)).await?;
    assert!(catalog.destroy_asset(&asset.key, at(120), at(0)).await?.is_some());
    assert!(catalog.destroy_asset(&asset.key, at(500), at(0)).await?.is_none());
    assert_eq!(catalog.find_asset(&asset.key).await?, None);
    assert_eq!(due(catalog, at(119)).await?, []);
    assert_eq!(due(catalog, at(120)).await?, [asset.upload.id]);
    Ok(())
}

pub async fn only_uploads_pending_for_too_long_are_abandoned(catalog: &dyn Catalog) -> Outcome {
    let (old, young) = (UploadId::random(), UploadId::random());
    catalog.begin_upload(&old, at(0)).await?;
    catalog.begin_upload(&young, at(1)).await?;
    store(catalog, "a", at(0)).await?;
    assert_eq!(catalog.doom_abandoned_uploads(at(0), at(60)).await?, 0);
    assert_eq!(catalog.doom_abandoned_uploads(at(1), at(60)).await?, 1);
    assert_eq!(due(catalog, at(60)).await?, [old]);
    Ok(())
}

pub async fn an_abandoned_upload_cannot_be_committed(catalog: &dyn Catalog) -> Outcome {
    let id = UploadId::random();
    catalog.begin_upload(&id, at(0)).await?;
    catalog.abandon_upload(&id, at(1)).await?;
    assert_eq!(due(catalog, at(1)).await?, [id]);
    expect_not_pending(catalog, id).await?;
    assert_eq!(catalog.find_asset(&key("a")?).await?, None);
    Ok(())
}

pub async fn a_live_upload_is_neither_abandoned_nor_forgotten(catalog: &dyn Catalog) -> Outcome {
    let asset = store(catalog, "a", at(0)).await?;
    catalog.abandon_upload(&asset.upload.id, at(1)).await?;
    catalog.forget_upload(&asset.upload.id).await?;
    catalog.doom_abandoned_uploads(at(1_000), at(1_000)).await?;
    assert_eq!(due(catalog, at(2_000)).await?, []);
    assert_eq!(catalog.find_asset(&asset.key).await?, Some(asset));
    let pending = UploadId::random();
    catalog.begin_upload(&pending, at(0)).await?;
    catalog.forget_upload(&pending).await?;
    catalog.commit_upload(commit_of(pending, "b")?, at(1)).await?;
    Ok(())
}

pub async fn due_uploads_come_longest_due_first_and_no_more_than_asked(catalog: &dyn Catalog) -> Outcome {
    let mut doomed = Vec::new();
    for (name, purge_at) in [("a", 30), ("b", 10), ("c", 20)] {
        let asset = store(catalog, name, at(0)).await?;
        catalog.destroy_asset(&asset.key, at(purge_at), at(0)).await?;
        doomed.push(asset.upload.id);
    }
    assert_eq!(due(catalog, at(30)).await?, [doomed[1], doomed[2], doomed[0]]);
    let two = catalog.due_uploads(at(30), 2).await?;
    assert_eq!(
        two.iter().map(|upload| upload.id).collect::<Vec<_>>(),
        [doomed[1], doomed[2]]
    );
    assert_eq!(catalog.due_uploads(at(30), 0).await?, []);
    Ok(())
}

pub async fn of_many_uploads_at_once_one_stays_and_the_others_are_doomed(catalog: &dyn Catalog) -> Outcome {
    let mut versions: Vec<i64> = try_join_all((0..20).map(|_| replace(catalog, "a", at(0), at(0))))
        .await?
        .iter()
        .map(|a| a.version)
        .collect();
    versions.sort_unstable();
    assert_eq!(versions, (0..20).map(|n| at(n).as_second()).collect::<Vec<_>>());
    let uploads = catalog.all_uploads(None, 100).await?;
    let live: Vec<_> = uploads
        .iter()
        .filter(|upload| upload.state == UploadState::Live)
        .map(|u| u.id)
        .collect();
    let current = catalog.find_asset(&key("a")?).await?.map(|asset| asset.upload.id);
    assert_eq!((uploads.len(), live), (20, Vec::from_iter(current)));
    Ok(())
}

pub async fn derived_blobs_are_recorded_for_live_uploads_only(catalog: &dyn Catalog) -> Outcome {
    let asset = store(catalog, "a", at(0)).await?;
    let thumb = derived_key(asset.upload.id, "thumb")?;
    assert_eq!(catalog.find_derived(&thumb).await?, None);
    assert!(catalog.record_derived(&thumb, &derived_facts(7), at(1)).await?);
    catalog.destroy_asset(&asset.key, at(9), at(2)).await?;
    assert!(!catalog.record_derived(&thumb, &derived_facts(8), at(3)).await?);
    let late = derived_key(asset.upload.id, "late")?;
    assert!(!catalog.record_derived(&late, &derived_facts(8), at(3)).await?);
    assert_eq!(catalog.find_derived(&late).await?, None);
    let unknown = derived_key(UploadId::random(), "thumb")?;
    assert!(!catalog.record_derived(&unknown, &derived_facts(8), at(3)).await?);
    let doomed = DoomedUpload {
        id: asset.upload.id,
        recipes: vec![thumb.recipe],
    };
    assert_eq!(catalog.due_uploads(at(9), 10).await?, [doomed]);
    Ok(())
}

pub async fn derived_blobs_are_recorded_again_in_place(catalog: &dyn Catalog) -> Outcome {
    let asset = store(catalog, "a", at(0)).await?;
    let thumb = derived_key(asset.upload.id, "thumb")?;
    catalog.record_derived(&thumb, &derived_facts(7), at(1)).await?;
    catalog.record_derived(&thumb, &derived_facts(9), at(2)).await?;
    let derived = catalog.find_derived(&thumb).await?.ok_or("it was recorded")?;
    assert_eq!((derived.facts, derived.used_at), (derived_facts(9), at(2)));
    assert_eq!(catalog.derived_bytes().await?, 9);
    Ok(())
}

pub async fn the_least_recently_used_derived_blobs_come_first(catalog: &dyn Catalog) -> Outcome {
    assert_eq!(catalog.derived_bytes().await?, 0);
    let upload = store(catalog, "a", at(0)).await?.upload.id;
    let [first, second, third] = ["r1", "r2", "r3"].map(|recipe| derived_key(upload, recipe));
    let (first, second, third) = (first?, second?, third?);
    for (key, used_at) in [(&first, 1), (&second, 2), (&third, 3)] {
        catalog.record_derived(key, &derived_facts(10), at(used_at)).await?;
    }
    catalog.touch_derived(&first, at(9)).await?;
    catalog.touch_derived(&derived_key(upload, "none")?, at(9)).await?;
    let oldest = catalog.least_recent_derived(2).await?;
    assert_eq!(
        oldest.iter().map(|derived| &derived.key).collect::<Vec<_>>(),
        [&second, &third]
    );
    assert!(catalog.forget_derived(&second, at(2)).await?);
    assert!(!catalog.forget_derived(&second, at(2)).await?);
    assert_eq!(catalog.derived_bytes().await?, 20);
    Ok(())
}

pub async fn crowded_uploads_are_found_with_their_oldest_blobs(catalog: &dyn Catalog) -> Outcome {
    let [few, many] = [
        store(catalog, "few", at(0)).await?,
        store(catalog, "many", at(0)).await?,
    ];
    let (few, many) = (few.upload.id, many.upload.id);
    for (upload, count) in [(few, 2), (many, 4)] {
        for n in 0..count {
            let key = derived_key(upload, &format!("r{n}"))?;
            catalog.record_derived(&key, &derived_facts(10), at(10 - n)).await?;
        }
    }
    assert_eq!(catalog.crowded_uploads(5, None, 9).await?, []);
    assert_eq!(catalog.crowded_uploads(4, None, 9).await?, [(many, 4)]);
    let mut both = [(few, 2), (many, 4)];
    both.sort_unstable_by_key(|(upload, _)| *upload);
    assert_eq!(catalog.crowded_uploads(2, None, 9).await?, both);
    assert_eq!(catalog.crowded_uploads(2, None, 1).await?, both[..1]);
    assert_eq!(catalog.crowded_uploads(2, Some(both[0].0), 9).await?, both[1..]);
    for (at_most, expected) in [(3, 3), (4, 4), (5, 4)] {
        assert_eq!(catalog.count_derived(&many, at_most).await?, expected);
    }
    let oldest = catalog.least_recent_derived_of(&many, 2).await?;
    let used: Vec<_> = oldest.iter().map(|derived| derived.used_at).collect();
    assert_eq!(used, [at(7), at(8)]);
    let totals = catalog.derived_totals().await?;
    assert_eq!((totals.images, totals.bytes), (6, 60));
    Ok(())
}

pub async fn a_derived_blob_made_or_used_since_it_was_listed_is_not_forgotten(catalog: &dyn Catalog) -> Outcome {
    let upload = store(catalog, "a", at(0)).await?.upload.id;
    let (made, used) = (derived_key(upload, "made")?, derived_key(upload, "used")?);
    for key in [&made, &used] {
        catalog.record_derived(key, &derived_facts(10), at(5)).await?;
    }
    let listed = catalog.least_recent_derived(2).await?;
    // In the same instant, and by a clock that was set back.
    for now in [at(5), at(1)] {
        catalog.record_derived(&made, &derived_facts(10), now).await?;
    }
    catalog.touch_derived(&used, at(6)).await?;
    for derived in listed {
        assert!(!catalog.forget_derived(&derived.key, derived.used_at).await?);
        let now = catalog.find_derived(&derived.key).await?.ok_or("it stays")?;
        assert!(now.used_at > derived.used_at);
        assert!(catalog.forget_derived(&now.key, now.used_at).await?);
    }
    assert_eq!(catalog.derived_bytes().await?, 0);
    Ok(())
}

pub async fn a_forgotten_upload_takes_its_derived_blobs_along(catalog: &dyn Catalog) -> Outcome {
    let asset = store(catalog, "a", at(0)).await?;
    let thumb = derived_key(asset.upload.id, "thumb")?;
    catalog.record_derived(&thumb, &derived_facts(7), at(1)).await?;
    catalog.destroy_asset(&asset.key, at(2), at(2)).await?;
    catalog.forget_upload(&asset.upload.id).await?;
    assert_eq!(catalog.find_derived(&thumb).await?, None);
    assert_eq!(catalog.derived_bytes().await?, 0);
    assert_eq!(catalog.all_uploads(None, 10).await?, []);
    Ok(())
}

pub async fn audits_page_through_everything(catalog: &dyn Catalog) -> Outcome {
    for name in ["a", "b", "c", "d", "e"] {
        let upload = store(catalog, name, at(0)).await?.upload.id;
        catalog
            .record_derived(&derived_key(upload, "r1")?, &derived_facts(1), at(0))
            .await?;
        catalog
            .record_derived(&derived_key(upload, "r2")?, &derived_facts(1), at(0))
            .await?;
    }
    let (mut assets, mut uploads, mut derived) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..6 {
        assets.extend(
            catalog
                .all_assets(assets.last().map(|asset: &Asset| asset.id), 2)
                .await?,
        );
        uploads.extend(
            catalog
                .all_uploads(uploads.last().copied(), 2)
                .await?
                .into_iter()
                .map(|upload| upload.id),
        );
        derived.extend(
            catalog
                .all_derived(derived.last().cloned(), 2)
                .await?
                .into_iter()
                .map(|derived| derived.key),
        );
    }
    assert_eq!((assets.len(), uploads.len(), derived.len()), (5, 5, 10));
    assert!(assets.is_sorted_by(|a, b| a.id < b.id) && uploads.is_sorted_by(|a, b| a < b));
    assert!(derived.is_sorted_by(|a, b| a < b));
    Ok(())
}

async fn expect_not_pending(catalog: &dyn Catalog, id: UploadId) -> Outcome {
    let refused = catalog.commit_upload(commit_of(id, "a")?, at(9)).await;
    assert!(matches!(refused, Err(CommitError::NotPending)), "{refused:?}");
    Ok(())
}

/// Stores a fresh upload, replacing; a replaced one may be purged at once.
pub(super) async fn store(catalog: &dyn Catalog, name: &str, now: Timestamp) -> Result<Asset, BoxError> {
    replace(catalog, name, now, now).await
}

pub(super) async fn replace(
    catalog: &dyn Catalog,
    name: &str,
    now: Timestamp,
    purge_at: Timestamp,
) -> Result<Asset, BoxError> {
    let id = UploadId::random();
    catalog.begin_upload(&id, now).await?;
    match catalog
        .commit_upload(
            CommitUpload {
                purge_at,
                ..commit_of(id, name)?
            },
            now,
        )
        .await?
    {
        Commit::Stored { asset, .. } => Ok(asset),
        Commit::Existing(_) => Err("an overwrite was not stored".into()),
    }
}

pub(super) async fn due(catalog: &dyn Catalog, now: Timestamp) -> Result<Vec<UploadId>, BoxError> {
    Ok(catalog
        .due_uploads(now, 100)
        .await?
        .into_iter()
        .map(|upload| upload.id)
        .collect())
}

pub(super) fn commit_of(id: UploadId, name: &str) -> Result<CommitUpload, BoxError> {
    Ok(CommitUpload {
        id,
        key: key(name)?,
        facts: facts(),
        overwrite: true,
        purge_at: at(0),
        details: AssetDetails::default(),
        asset_id: None,
    })
}

pub(super) fn key(name: &str) -> Result<AssetKey, BoxError> {
    let public_id = PublicId::parse(name)?;
    Ok(AssetKey {
        resource_type: ResourceType::Image,
        delivery_type: DeliveryType::Upload,
        public_id,
    })
}

pub(super) fn facts() -> UploadFacts {
    let sha256 = Sha256::of(b"a picture");
    let (width, height) = (640, 480);
    UploadFacts {
        bytes: 9,
        sha256,
        md5: Some(Md5::of(b"a picture")),
        blocks: Vec::new(),
        media: Media::Image(ImageFacts {
            format: ImageFormat::Jpg,
            width,
            height,
            orientation: 6,
            frames: 1,
            has_alpha: false,
            faces: Some(vec![[1, 2, 30, 40]]),
        }),
    }
}

pub(super) fn derived_key(upload: UploadId, recipe: &str) -> Result<DerivedKey, BoxError> {
    Ok(DerivedKey {
        upload,
        recipe: Recipe::parse(&format!("{recipe:0>32}"))?,
    })
}

pub(super) fn derived_facts(bytes: u64) -> DerivedFacts {
    DerivedFacts {
        bytes,
        sha256: Sha256::of(b"a thumbnail"),
        format: ImageFormat::Webp,
        width: 200,
        height: 200,
        transformation: "c_fill,w_200".to_owned(),
        extension: Some("webp".to_owned()),
    }
}
