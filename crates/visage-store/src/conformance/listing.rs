//! The contract of [`Catalog`]: lists of assets and of tags.

use std::collections::{BTreeMap, BTreeSet};

use visage_cloudinary::{DeliveryType, ResourceType};

use super::catalog::{commit_of, key, replace, store};
use super::details::store_with;
use super::{Outcome, at};
use crate::asset::{AssetDetails, AssetKey, Moderation, ModerationStatus};
use crate::catalog::{Catalog, CommitUpload};
use crate::error::{BoxError, StoreError};
use crate::ids::UploadId;
use crate::listing::{AssetFilter, AssetOrder, Cursor, Select};

/// One `#[tokio::test]` per function of this module; `$fresh()` gives an empty catalog and a guard.
#[macro_export]
macro_rules! listing_conformance {
    ($fresh:path) => {
        $crate::conformance_tests! { listing, $fresh,
            newest_come_first_however_alike_their_times_are
            oldest_first_is_the_exact_reverse
            a_replaced_asset_keeps_its_place
            pages_neither_skip_nor_repeat_when_others_come_and_go
            a_list_may_start_at_a_time
            lists_are_of_the_types_that_were_asked_for
            a_prefix_is_compared_letter_for_letter
            assets_are_listed_by_ids
            assets_are_listed_by_what_is_said_of_them
            assets_are_listed_by_folder_without_those_inside
            an_edited_asset_moves_to_other_lists
            tags_are_listed_in_order_and_once
            a_cursor_from_elsewhere_is_refused
        }
    };
}

pub async fn newest_come_first_however_alike_their_times_are(catalog: &dyn Catalog) -> Outcome {
    for name in ["b", "c", "a"] {
        store(catalog, name, at(0)).await?;
    }
    assert_eq!(
        names(catalog, &AssetFilter::default(), AssetOrder::NewestFirst).await?,
        "a c b"
    );
    assert_eq!(
        names(catalog, &AssetFilter::default(), AssetOrder::PublicId).await?,
        "a b c"
    );
    Ok(())
}

pub async fn oldest_first_is_the_exact_reverse(catalog: &dyn Catalog) -> Outcome {
    for n in 0..7 {
        store(catalog, &format!("p{n}"), at(n % 3)).await?;
    }
    assert_eq!(
        names(catalog, &AssetFilter::default(), AssetOrder::OldestFirst).await?,
        "p0 p1 p2 p3 p4 p5 p6"
    );
    assert_eq!(
        names(catalog, &AssetFilter::default(), AssetOrder::NewestFirst).await?,
        "p6 p5 p4 p3 p2 p1 p0"
    );
    Ok(())
}

pub async fn a_replaced_asset_keeps_its_place(catalog: &dyn Catalog) -> Outcome {
    for name in ["a", "b"] {
        store(catalog, name, at(0)).await?;
    }
    replace(catalog, "a", at(9), at(9)).await?;
    assert_eq!(
        names(catalog, &AssetFilter::default(), AssetOrder::NewestFirst).await?,
        "b a"
    );
    Ok(())
}

pub async fn pages_neither_skip_nor_repeat_when_others_come_and_go(catalog: &dyn Catalog) -> Outcome {
    for n in 0..6 {
        store(catalog, &format!("p{n}"), at(0)).await?;
    }
    for order in [AssetOrder::NewestFirst, AssetOrder::OldestFirst, AssetOrder::PublicId] {
        let first = catalog.list_assets(AssetFilter::default(), order, None, 3).await?;
        let last = first.items.last().ok_or("three were stored")?;
        catalog.destroy_asset(&last.key, at(1), at(1)).await?;
        let rest = catalog
            .list_assets(AssetFilter::default(), order, first.next, 3)
            .await?;
        assert_eq!(
            (first.items.len(), rest.items.len(), rest.next),
            (3, 3, None),
            "{order:?}"
        );
        assert!(
            first
                .items
                .iter()
                .all(|one| rest.items.iter().all(|other| one.id != other.id))
        );
        store(catalog, last.key.public_id.as_str(), at(2)).await?;
    }
    Ok(())
}

pub async fn a_list_may_start_at_a_time(catalog: &dyn Catalog) -> Outcome {
    for n in 0..4 {
        store(catalog, &format!("p{n}"), at(n * 10)).await?;
    }
    let from = |seconds| AssetFilter {
        start_at: Some(at(seconds)),
        ..AssetFilter::default()
    };
    assert_eq!(names(catalog, &from(20), AssetOrder::OldestFirst).await?, "p2 p3");
    assert_eq!(names(catalog, &from(20), AssetOrder::NewestFirst).await?, "p2 p1 p0");
    assert_eq!(names(catalog, &from(19), AssetOrder::NewestFirst).await?, "p1 p0");
    assert_eq!(names(catalog, &from(31), AssetOrder::OldestFirst).await?, "");
    Ok(())
}

pub async fn lists_are_of_the_types_that_were_asked_for(catalog: &dyn Catalog) -> Outcome {
    store(catalog, "picture", at(0)).await?;
    let private = AssetKey {
        delivery_type: DeliveryType::Private,
        ..key("private")?
    };
    let raw = AssetKey {
        resource_type: ResourceType::Raw,
        ..key("raw")?
    };
    for key in [private, raw] {
        let id = UploadId::random();
        catalog.begin_upload(&id, at(0)).await?;
        catalog
            .commit_upload(
                CommitUpload {
                    key,
                    ..commit_of(id, "a")?
                },
                at(0),
            )
            .await?;
    }
    for (resource_type, delivery_type, expected) in [
        (None, None, "raw private picture"),
        (Some(ResourceType::Image), None, "private picture"),
        (Some(ResourceType::Image), Some(DeliveryType::Upload), "picture"),
        (None, Some(DeliveryType::Upload), "raw picture"),
        (Some(ResourceType::Video), None, ""),
    ] {
        let filter = AssetFilter {
            resource_type,
            delivery_type,
            ..AssetFilter::default()
        };
        assert_eq!(names(catalog, &filter, AssetOrder::NewestFirst).await?, expected);
    }
    Ok(())
}

pub async fn a_prefix_is_compared_letter_for_letter(catalog: &dyn Catalog) -> Outcome {
    for name in ["a", "a/b", "a/c", "A/d", "a_", "a0", "b", "a/\u{10ffff}x"] {
        store(catalog, name, at(0)).await?;
    }
    for (prefix, expected) in [
        ("a/", "a/b a/c a/\u{10ffff}x"),
        ("a_", "a_"),
        ("a/\u{10ffff}", "a/\u{10ffff}x"),
        ("A", "A/d"),
        ("%", ""),
        ("b", "b"),
        ("", "A/d a a/b a/c a/\u{10ffff}x a0 a_ b"),
    ] {
        let prefix = select(Select::Prefix(prefix.to_owned()));
        assert_eq!(names(catalog, &prefix, AssetOrder::PublicId).await?, expected);
    }
    Ok(())
}

pub async fn assets_are_listed_by_ids(catalog: &dyn Catalog) -> Outcome {
    let (a, b) = (store(catalog, "a", at(0)).await?, store(catalog, "b", at(0)).await?);
    let ids = select(Select::PublicIds(vec![
        "b".to_owned(),
        "none".to_owned(),
        "b".to_owned(),
    ]));
    assert_eq!(names(catalog, &ids, AssetOrder::NewestFirst).await?, "b");
    let ids = select(Select::AssetIds(vec![a.id, b.id]));
    assert_eq!(names(catalog, &ids, AssetOrder::NewestFirst).await?, "b a");
    for nothing in [Select::PublicIds(Vec::new()), Select::AssetIds(Vec::new())] {
        assert_eq!(names(catalog, &select(nothing), AssetOrder::NewestFirst).await?, "");
    }
    Ok(())
}

pub async fn assets_are_listed_by_what_is_said_of_them(catalog: &dyn Catalog) -> Outcome {
    let moderation = |status| Moderation {
        kind: "manual".to_owned(),
        status,
        updated_at: at(0),
    };
    for (name, tags, color, status) in [
        ("p1", vec!["cat"], "red", ModerationStatus::Pending),
        ("p2", vec!["cat", "cat dog"], "blue", ModerationStatus::Approved),
        ("p3", vec!["Cat"], "red", ModerationStatus::Pending),
    ] {
        let details = AssetDetails {
            tags: tags.into_iter().map(str::to_owned).collect(),
            context: BTreeMap::from([("color".to_owned(), color.to_owned())]),
            moderation: Some(moderation(status)),
            ..AssetDetails::default()
        };
        store_with(catalog, name, details, at(0)).await?;
    }
    store(catalog, "p4", at(0)).await?;
    let context = |key: &str, value: Option<&str>| Select::Context {
        key: key.to_owned(),
        value: value.map(str::to_owned),
    };
    let moderated = |kind: &str, status| Select::Moderation {
        kind: kind.to_owned(),
        status,
    };
    for (what, expected) in [
        (Select::Tag("cat".to_owned()), "p2 p1"),
        (Select::Tag("dog".to_owned()), ""),
        (context("color", None), "p3 p2 p1"),
        (context("color", Some("red")), "p3 p1"),
        (context("red", None), ""),
        (moderated("manual", ModerationStatus::Pending), "p3 p1"),
        (moderated("other", ModerationStatus::Pending), ""),
        (moderated("manual", ModerationStatus::Rejected), ""),
    ] {
        assert_eq!(names(catalog, &select(what), AssetOrder::NewestFirst).await?, expected);
    }
    Ok(())
}

pub async fn assets_are_listed_by_folder_without_those_inside(catalog: &dyn Catalog) -> Outcome {
    for (name, folder) in [("p1", "x"), ("p2", "x/y"), ("p3", "X"), ("p4", ""), ("p5", "Ü")] {
        store_with(catalog, name, in_folder(folder), at(0)).await?;
    }
    for (folder, expected) in [("x", "p3 p1"), ("X/Y", "p2"), ("", "p4"), ("z", ""), ("Ü", "p5")] {
        let folder = select(Select::Folder(folder.to_owned()));
        assert_eq!(names(catalog, &folder, AssetOrder::NewestFirst).await?, expected);
    }
    Ok(())
}

pub async fn an_edited_asset_moves_to_other_lists(catalog: &dyn Catalog) -> Outcome {
    let tagged = |tag: &str| AssetDetails {
        tags: BTreeSet::from([tag.to_owned()]),
        ..AssetDetails::default()
    };
    let asset = store_with(catalog, "a", tagged("old"), at(0)).await?;
    let new = tagged("new");
    catalog
        .edit_asset(&asset.id, Box::new(move |details| *details = new.clone()), at(1))
        .await?;
    for (tag, expected) in [("old", ""), ("new", "a")] {
        let tag = select(Select::Tag(tag.to_owned()));
        assert_eq!(names(catalog, &tag, AssetOrder::NewestFirst).await?, expected);
    }
    catalog.destroy_asset(&asset.key, at(2), at(2)).await?;
    assert_eq!(
        catalog.list_tags(ResourceType::Image, "", None, 9).await?.items,
        [""; 0]
    );
    Ok(())
}

pub async fn tags_are_listed_in_order_and_once(catalog: &dyn Catalog) -> Outcome {
    for (name, tags) in [("a", ["cat", "dog"]), ("b", ["cat", "cow"]), ("c", ["ape", "dog"])] {
        let details = AssetDetails {
            tags: tags.into_iter().map(str::to_owned).collect(),
            ..AssetDetails::default()
        };
        store_with(catalog, name, details, at(0)).await?;
    }
    let first = catalog.list_tags(ResourceType::Image, "", None, 2).await?;
    assert_eq!(first.items, ["ape", "cat"]);
    let rest = catalog.list_tags(ResourceType::Image, "", first.next, 2).await?;
    assert_eq!(
        (rest.items, rest.next),
        (vec!["cow".to_owned(), "dog".to_owned()], None)
    );
    assert_eq!(
        catalog.list_tags(ResourceType::Image, "c", None, 9).await?.items,
        ["cat", "cow"]
    );
    assert_eq!(
        catalog.list_tags(ResourceType::Video, "", None, 9).await?.items,
        [""; 0]
    );
    Ok(())
}

pub async fn a_cursor_from_elsewhere_is_refused(catalog: &dyn Catalog) -> Outcome {
    for order in [AssetOrder::NewestFirst, AssetOrder::PublicId] {
        for text in ["", "x", "1; DROP TABLE assets", "99999999999999999999"] {
            let page = catalog
                .list_assets(AssetFilter::default(), order, Some(Cursor(text.to_owned())), 3)
                .await;
            assert!(matches!(page, Err(StoreError::BadCursor)), "{text}: {page:?}");
        }
    }
    for text in ["!", "/w", "YQ=", &"A".repeat(4_000)] {
        assert!(Cursor::parse(text).is_err(), "{text}");
    }
    let cursor = Cursor("7 profiles/ä".to_owned());
    assert_eq!(Cursor::parse(&cursor.to_string())?, cursor);
    Ok(())
}

/// The names of a whole list, read in pages of one, of two and of all, which must agree.
async fn names(catalog: &dyn Catalog, filter: &AssetFilter, order: AssetOrder) -> Result<String, BoxError> {
    let mut all = Vec::new();
    for limit in [1, 2, 100] {
        let (mut names, mut after) = (Vec::new(), None);
        loop {
            let page = catalog.list_assets(filter.clone(), order, after, limit).await?;
            assert!(page.items.len() <= limit && (page.next.is_none() || page.items.len() == limit));
            names.extend(page.items.into_iter().map(|asset| asset.key.public_id.to_string()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        all.push(names.join(" "));
    }
    assert!(all.iter().all(|names| *names == all[0]), "{all:?}");
    Ok(all.swap_remove(0))
}

fn select(select: Select) -> AssetFilter {
    AssetFilter {
        select,
        ..AssetFilter::default()
    }
}

fn in_folder(folder: &str) -> AssetDetails {
    AssetDetails {
        asset_folder: folder.to_owned(),
        ..AssetDetails::default()
    }
}
