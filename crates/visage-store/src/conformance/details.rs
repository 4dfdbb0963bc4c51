//! The contract of [`Catalog`]: what is said of assets, new names, backups, derived images by other names than their own.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use visage_cloudinary::{DeliveryType, ResourceType};

use super::catalog::{commit_of, derived_facts, derived_key, due, facts, key, store};
use super::{Outcome, at};
use crate::asset::{Asset, AssetDetails, AssetKey, Media, Moderation, ModerationStatus, UploadFacts, VideoFacts};
use crate::catalog::{
    Catalog, Commit, CommitUpload, DerivedFacts, EditDetails, RenameAsset, Renamed, UploadState, Usage,
};
use crate::error::BoxError;
use crate::ids::{AssetId, DerivedId, Sha256, UploadId};
use crate::listing::Cursor;

/// One `#[tokio::test]` per function of this module; `$fresh()` gives an empty catalog and a guard.
#[macro_export]
macro_rules! details_conformance {
    ($fresh:path) => {
        $crate::conformance_tests! { details, $fresh,
            everything_said_of_an_asset_reads_as_it_was_written
            every_kind_of_file_reads_as_it_was_written
            a_new_upload_forgets_what_was_said_of_the_old_one
            an_edit_changes_what_it_changes_and_tells_when
            a_renamed_asset_keeps_its_identity
            a_rename_takes_a_name_only_when_it_may
            a_name_that_was_renamed_away_never_gives_a_version_twice
            a_replaced_upload_is_kept_when_its_asset_says_so
            a_destroyed_asset_with_a_backup_is_found
            a_kept_upload_is_neither_purged_nor_current_until_it_is_dropped
            derived_images_are_found_by_id_upload_and_transformation
            transformations_in_use_are_told_once_each
            usage_counts_everything
        }
    };
}

pub async fn everything_said_of_an_asset_reads_as_it_was_written(catalog: &dyn Catalog) -> Outcome {
    let details = all_details();
    let asset = store_with(catalog, "a", details.clone(), at(0)).await?;
    assert_eq!(asset.details, details);
    assert_eq!(catalog.find_asset(&asset.key).await?.as_ref(), Some(&asset));
    assert_eq!(catalog.find_asset_by_id(&asset.id).await?, Some(asset));
    assert_eq!(catalog.find_asset_by_id(&AssetId::random()).await?, None);
    Ok(())
}

pub async fn every_kind_of_file_reads_as_it_was_written(catalog: &dyn Catalog) -> Outcome {
    let video = VideoFacts {
        format: "mp4".to_owned(),
        width: Some(1920),
        duration: Some(12.5),
        rotation: Some(90),
        ..VideoFacts::default()
    };
    let blocks = vec![Sha256::of(b"first"), Sha256::of(b"second")];
    for (name, resource_type, media) in [
        ("film", ResourceType::Video, Media::Video(video)),
        ("text.txt", ResourceType::Raw, Media::Raw),
    ] {
        let facts = UploadFacts {
            media,
            md5: None,
            blocks: blocks.clone(),
            ..facts()
        };
        let id = UploadId::random();
        catalog.begin_upload(&id, at(0)).await?;
        let key = AssetKey {
            resource_type,
            ..key(name)?
        };
        let commit = CommitUpload {
            facts: facts.clone(),
            key: key.clone(),
            ..commit_of(id, name)?
        };
        catalog.commit_upload(commit, at(0)).await?;
        let found = catalog.find_asset(&key).await?.ok_or("it was stored")?;
        assert_eq!(found.upload.facts, facts);
    }
    Ok(())
}

pub async fn a_new_upload_forgets_what_was_said_of_the_old_one(catalog: &dyn Catalog) -> Outcome {
    let first = store_with(catalog, "a", all_details(), at(0)).await?;
    let second = store(catalog, "a", at(1)).await?;
    assert_eq!((second.id, &second.details), (first.id, &AssetDetails::default()));
    assert_eq!(
        catalog.list_tags(ResourceType::Image, "", None, 10).await?.items,
        [""; 0]
    );
    Ok(())
}

pub async fn an_edit_changes_what_it_changes_and_tells_when(catalog: &dyn Catalog) -> Outcome {
    let asset = store_with(catalog, "a", all_details(), at(0)).await?;
    let edited = catalog
        .edit_asset(&asset.id, tag("new"), at(9))
        .await?
        .ok_or("it is there")?;
    assert_eq!(edited.before, asset.details);
    let mut expected = asset.details.clone();
    expected.tags.insert("new".to_owned());
    expected.updated_at = Some(at(9));
    assert_eq!(edited.asset.details, expected);
    assert_eq!(
        (edited.asset.version, &edited.asset.upload),
        (asset.version, &asset.upload)
    );
    assert_eq!(catalog.find_asset(&asset.key).await?, Some(edited.asset));
    let nothing: EditDetails = Box::new(|_| ());
    let same = catalog
        .edit_asset(&asset.id, nothing, at(10))
        .await?
        .ok_or("it is there")?;
    assert_eq!(same.asset.details, expected, "what changes nothing is no change");
    assert_eq!(catalog.edit_asset(&AssetId::random(), tag("x"), at(9)).await?, None);
    Ok(())
}

pub async fn a_renamed_asset_keeps_its_identity(catalog: &dyn Catalog) -> Outcome {
    let asset = store_with(catalog, "a", all_details(), at(0)).await?;
    let to = AssetKey {
        delivery_type: DeliveryType::Private,
        ..key("b/c")?
    };
    let Renamed::Done(renamed) = rename(catalog, &asset.key, &to, false).await? else {
        return Err("the name was free".into());
    };
    assert_eq!(
        renamed,
        Asset {
            key: to,
            ..asset.clone()
        }
    );
    assert_eq!(catalog.find_asset(&asset.key).await?, None);
    assert_eq!(catalog.find_asset(&renamed.key).await?, Some(renamed));
    assert_eq!(rename(catalog, &asset.key, &asset.key, false).await?, Renamed::NotFound);
    Ok(())
}

pub async fn a_rename_takes_a_name_only_when_it_may(catalog: &dyn Catalog) -> Outcome {
    let (a, b) = (store(catalog, "a", at(0)).await?, store(catalog, "b", at(1)).await?);
    assert_eq!(rename(catalog, &a.key, &b.key, false).await?, Renamed::Taken);
    assert_eq!(catalog.find_asset(&b.key).await?, Some(b.clone()));
    let Renamed::Done(renamed) = rename(catalog, &a.key, &b.key, true).await? else {
        return Err("it may overwrite".into());
    };
    assert_eq!((renamed.id, renamed.upload.id), (a.id, a.upload.id));
    assert!(
        renamed.version > b.version,
        "the URL of the other one's bytes names other bytes now"
    );
    assert_eq!(due(catalog, at(600)).await?, [b.upload.id]);
    Ok(())
}

pub async fn a_name_that_was_renamed_away_never_gives_a_version_twice(catalog: &dyn Catalog) -> Outcome {
    let a = store(catalog, "a", at(100)).await?;
    rename(catalog, &a.key, &key("b")?, false).await?;
    assert_eq!(store(catalog, "a", at(100)).await?.version, a.version + 1);
    Ok(())
}

pub async fn a_replaced_upload_is_kept_when_its_asset_says_so(catalog: &dyn Catalog) -> Outcome {
    let first = store_with(catalog, "a", with_backup("one"), at(0)).await?;
    let second = store_with(catalog, "a", with_backup("two"), at(5)).await?;
    let third = store(catalog, "a", at(9)).await?;
    let kept = catalog.backups(&first.id).await?;
    let told: Vec<_> = kept
        .iter()
        .map(|b| (b.upload.id, b.version, b.kept_at, b.details.clone()))
        .collect();
    assert_eq!(
        told,
        [
            (second.upload.id, second.version, at(9), second.details),
            (first.upload.id, first.version, at(5), first.details)
        ]
    );
    assert_eq!(
        (&kept[0].key, kept[0].asset_id, kept[0].created_at),
        (&first.key, first.id, first.created_at)
    );
    assert_eq!(due(catalog, at(10_000)).await?, []);
    assert_eq!(catalog.find_destroyed(&first.key).await?, None, "it is still there");
    store(catalog, "a", at(20)).await?;
    assert_eq!(
        due(catalog, at(10_000)).await?,
        [third.upload.id],
        "its details said nothing of backups"
    );
    Ok(())
}

pub async fn a_destroyed_asset_with_a_backup_is_found(catalog: &dyn Catalog) -> Outcome {
    let asset = store_with(catalog, "a", with_backup("one"), at(0)).await?;
    let destroyed = catalog.destroy_asset(&asset.key, at(5), at(5)).await?;
    assert_eq!(destroyed.as_ref(), Some(&asset));
    let kept = catalog.find_destroyed(&asset.key).await?.ok_or("it was kept")?;
    assert_eq!(
        (kept.upload, kept.details, kept.kept_at),
        (asset.upload, asset.details, at(5))
    );
    assert_eq!(catalog.find_destroyed(&key("b")?).await?, None);
    let plain = store(catalog, "b", at(0)).await?;
    catalog.destroy_asset(&plain.key, at(5), at(5)).await?;
    assert_eq!(catalog.find_destroyed(&plain.key).await?, None);
    Ok(())
}

pub async fn a_kept_upload_is_neither_purged_nor_current_until_it_is_dropped(catalog: &dyn Catalog) -> Outcome {
    let asset = store_with(catalog, "a", with_backup("one"), at(0)).await?;
    catalog.destroy_asset(&asset.key, at(5), at(5)).await?;
    catalog.forget_upload(&asset.upload.id).await?;
    catalog.abandon_upload(&asset.upload.id, at(6)).await?;
    catalog.doom_abandoned_uploads(at(1_000), at(1_000)).await?;
    let states = catalog.all_uploads(None, 10).await?;
    assert_eq!(
        states.iter().map(|u| u.state).collect::<Vec<_>>(),
        [UploadState::Backup]
    );
    assert_eq!(due(catalog, at(10_000)).await?, []);
    assert_eq!(catalog.usage().await?.backup_bytes, 9);
    assert!(catalog.drop_backup(&asset.upload.id, at(7)).await?);
    assert!(!catalog.drop_backup(&asset.upload.id, at(8)).await?);
    assert_eq!(catalog.backups(&asset.id).await?, []);
    assert_eq!(
        (due(catalog, at(6)).await?, due(catalog, at(7)).await?),
        (vec![], vec![asset.upload.id])
    );
    let live = store(catalog, "b", at(0)).await?;
    assert!(
        !catalog.drop_backup(&live.upload.id, at(8)).await?,
        "a current upload is no backup"
    );
    assert_eq!(catalog.find_asset(&live.key).await?, Some(live));
    Ok(())
}

pub async fn derived_images_are_found_by_id_upload_and_transformation(catalog: &dyn Catalog) -> Outcome {
    let asset = store(catalog, "a", at(0)).await?;
    for n in 0..5 {
        derive(catalog, &asset, &format!("r{n}"), "c_fill,w_1", ["jpg", "png"][n % 2]).await?;
    }
    derive(catalog, &asset, "other", "c_fill,w_2", "jpg").await?;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = catalog.derived_of(&asset.upload.id, after, 4).await?;
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(all.len() == 6 && all.is_sorted_by(|a, b| a.id < b.id));
    let found = catalog.find_derived_by_id(&all[0].id).await?;
    assert_eq!(found, Some((asset.clone(), all[0].clone())));
    assert_eq!(catalog.find_derived_by_id(&DerivedId::from_bytes([0; 16])).await?, None);
    for (extension, expected) in [(None, 5), (Some("jpg"), 3), (Some("png"), 2), (Some("gif"), 0)] {
        let first = catalog
            .derived_by_transformation("c_fill,w_1", extension, None, 2)
            .await?;
        let rest = match first.next {
            Some(next) => {
                catalog
                    .derived_by_transformation("c_fill,w_1", extension, Some(next), 9)
                    .await?
                    .items
            }
            None => Vec::new(),
        };
        assert_eq!(first.items.len() + rest.len(), expected, "{extension:?}");
        assert!(first.items.iter().chain(&rest).all(|(of, _)| *of == asset));
    }
    assert!(
        catalog
            .derived_of(&asset.upload.id, Some(Cursor("../".to_owned())), 4)
            .await
            .is_err()
    );
    Ok(())
}

pub async fn transformations_in_use_are_told_once_each(catalog: &dyn Catalog) -> Outcome {
    for name in ["a", "b"] {
        let asset = store(catalog, name, at(0)).await?;
        derive(catalog, &asset, "r1", "c_fill,w_1", "jpg").await?;
        derive(catalog, &asset, "r2", "c_fill,w_1", "png").await?;
        derive(catalog, &asset, "r3", "c_fill,w_2", "jpg").await?;
    }
    let (mut used, mut after) = (Vec::new(), None);
    loop {
        let page = catalog.used_transformations(after, 2).await?;
        used.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected = [("c_fill,w_1", "jpg"), ("c_fill,w_1", "png"), ("c_fill,w_2", "jpg")];
    assert_eq!(
        used,
        expected.map(|(text, extension)| (text.to_owned(), Some(extension.to_owned())))
    );
    Ok(())
}

pub async fn usage_counts_everything(catalog: &dyn Catalog) -> Outcome {
    assert_eq!(catalog.usage().await?, Usage::default());
    let asset = store(catalog, "a", at(0)).await?;
    store(catalog, "b", at(0)).await?;
    derive(catalog, &asset, "r1", "c_fill,w_1", "jpg").await?;
    let expected = Usage {
        assets: 2,
        original_bytes: 18,
        derived: 1,
        derived_bytes: 7,
        backup_bytes: 0,
    };
    assert_eq!(catalog.usage().await?, expected);
    Ok(())
}

/// Stores a fresh upload of which something is said, replacing.
pub(super) async fn store_with(
    catalog: &dyn Catalog,
    name: &str,
    details: AssetDetails,
    now: Timestamp,
) -> Result<Asset, BoxError> {
    let id = UploadId::random();
    catalog.begin_upload(&id, now).await?;
    let commit = CommitUpload {
        details,
        ..commit_of(id, name)?
    };
    match catalog.commit_upload(commit, now).await? {
        Commit::Stored { asset, .. } => Ok(asset),
        Commit::Existing(_) => Err("an overwrite was not stored".into()),
    }
}

async fn derive(catalog: &dyn Catalog, asset: &Asset, recipe: &str, transformation: &str, extension: &str) -> Outcome {
    let facts = DerivedFacts {
        transformation: transformation.to_owned(),
        extension: Some(extension.to_owned()),
        ..derived_facts(7)
    };
    catalog
        .record_derived(&derived_key(asset.upload.id, recipe)?, &facts, at(1))
        .await?;
    Ok(())
}

async fn rename(catalog: &dyn Catalog, from: &AssetKey, to: &AssetKey, overwrite: bool) -> Result<Renamed, BoxError> {
    let rename = RenameAsset {
        from: from.clone(),
        to: to.clone(),
        overwrite,
        purge_at: at(600),
    };
    Ok(catalog.rename_asset(rename, at(50)).await?)
}

fn tag(tag: &'static str) -> EditDetails {
    Box::new(move |details| {
        details.tags.insert(tag.to_owned());
    })
}

fn with_backup(display_name: &str) -> AssetDetails {
    AssetDetails {
        backup: true,
        display_name: display_name.to_owned(),
        ..AssetDetails::default()
    }
}

fn all_details() -> AssetDetails {
    let text = |text: &str| text.to_owned();
    AssetDetails {
        asset_folder: text("x/y"),
        display_name: text("A cat"),
        tags: BTreeSet::from([text("cat"), text("Ünï tag")]),
        context: BTreeMap::from([(text("alt"), text("a = b | \"c\""))]),
        metadata: BTreeMap::from([(text("size"), 5.into()), (text("set"), vec!["a", "b"].into())]),
        moderation: Some(Moderation {
            kind: text("manual"),
            status: ModerationStatus::Pending,
            updated_at: at(3),
        }),
        backup: true,
        updated_at: None,
        extra: serde_json::Map::from_iter([(text("faces"), vec![1, 2].into())]),
    }
}
