//! The contract of [`Folders`], which stand beside a [`Catalog`].

use visage_cloudinary::search::{Direction, Expression, FolderField, SortBy};

use super::details::store_with;
use super::{Outcome, at};
use crate::asset::AssetDetails;
use crate::catalog::Catalog;
use crate::error::BoxError;
use crate::folders::{DeletedFolder, FolderQuery, Folders, RenamedFolder};
use crate::listing::{AssetFilter, AssetOrder, Select};

/// What has folders and the assets in them.
pub trait Shelves: Folders + Catalog {}

impl<T: Folders + Catalog> Shelves for T {}

/// One `#[tokio::test]` per function of this module; `$fresh()` gives an empty store and a guard.
#[macro_export]
macro_rules! folders_conformance {
    ($fresh:path) => {
        $crate::conformance_tests! { folders, $fresh,
            a_folder_is_made_with_those_above_it
            the_root_always_exists
            a_folder_appears_with_its_first_asset_and_stays
            folders_are_listed_by_name_in_pages
            a_renamed_folder_takes_everything_along
            a_folder_takes_no_path_that_is_taken
            only_folders_without_assets_are_deleted
            folders_are_searched
        }
    };
}

pub async fn a_folder_is_made_with_those_above_it(store: &dyn Shelves) -> Outcome {
    assert!(store.create_folder("a/b/c", at(3)).await?);
    for path in ["a", "a/b", "a/b/c"] {
        assert!(!store.create_folder(path, at(4)).await?, "{path}");
    }
    let (page, total) = store.list_folders("a/b", None, 9).await?.ok_or("it was made")?;
    let found = &page.items[0];
    assert_eq!(
        (found.path.as_str(), found.name(), found.created_at, total),
        ("a/b/c", "c", at(3), 1)
    );
    assert!(!found.external_id.is_empty());
    Ok(())
}

pub async fn the_root_always_exists(store: &dyn Shelves) -> Outcome {
    assert!(!store.create_folder("", at(0)).await?);
    assert_eq!(listed(store, "").await?, Some(String::new()));
    assert_eq!(listed(store, "none").await?, None);
    assert_eq!(store.delete_folder("").await?, DeletedFolder::NotFound);
    assert_eq!(store.rename_folder("", "x", at(0)).await?, RenamedFolder::NotFound);
    Ok(())
}

pub async fn a_folder_appears_with_its_first_asset_and_stays(store: &dyn Shelves) -> Outcome {
    let asset = store_with(store, "p", in_folder("a/b"), at(0)).await?;
    assert_eq!(listed(store, "a").await?, Some("a/b".to_owned()));
    let moved = Box::new(|details: &mut AssetDetails| "c".clone_into(&mut details.asset_folder));
    store.edit_asset(&asset.id, moved, at(1)).await?;
    assert_eq!(listed(store, "").await?, Some("a c".to_owned()));
    store.destroy_asset(&asset.key, at(2), at(2)).await?;
    assert_eq!(listed(store, "").await?, Some("a c".to_owned()));
    Ok(())
}

pub async fn folders_are_listed_by_name_in_pages(store: &dyn Shelves) -> Outcome {
    for path in ["c", "a", "b", "a/inside"] {
        store.create_folder(path, at(0)).await?;
    }
    let (first, total) = store.list_folders("", None, 2).await?.ok_or("the root")?;
    let (rest, _) = store.list_folders("", first.next, 2).await?.ok_or("the root")?;
    let paths: Vec<_> = first
        .items
        .into_iter()
        .chain(rest.items)
        .map(|folder| folder.path)
        .collect();
    assert_eq!((paths.join(" "), total, rest.next), ("a b c".to_owned(), 3, None));
    Ok(())
}

pub async fn a_renamed_folder_takes_everything_along(store: &dyn Shelves) -> Outcome {
    for (name, folder) in [("p1", "ä"), ("p2", "ä/x/y"), ("p3", "äx"), ("p4", "Ä")] {
        store_with(store, name, in_folder(folder), at(0)).await?;
    }
    assert_eq!(store.rename_folder("ä", "n/m", at(9)).await?, RenamedFolder::Done);
    for (folder, expected) in [
        ("", Some("n Ä äx")),
        ("n", Some("n/m")),
        ("n/m", Some("n/m/x")),
        ("n/m/x", Some("n/m/x/y")),
        ("ä", None),
    ] {
        assert_eq!(listed(store, folder).await?.as_deref(), expected, "{folder}");
    }
    for (folder, expected) in [("n/m", "p1"), ("n/m/x/y", "p2"), ("äx", "p3"), ("Ä", "p4"), ("ä", "")] {
        assert_eq!(assets_in(store, folder).await?, expected, "{folder}");
    }
    Ok(())
}

pub async fn a_folder_takes_no_path_that_is_taken(store: &dyn Shelves) -> Outcome {
    for path in ["a/b", "c"] {
        store.create_folder(path, at(0)).await?;
    }
    for to in ["c", "a", "a/b", "a/d"] {
        assert_eq!(store.rename_folder("a", to, at(1)).await?, RenamedFolder::Taken, "{to}");
    }
    assert_eq!(store.rename_folder("none", "d", at(1)).await?, RenamedFolder::NotFound);
    assert_eq!(listed(store, "a").await?, Some("a/b".to_owned()));
    Ok(())
}

pub async fn only_folders_without_assets_are_deleted(store: &dyn Shelves) -> Outcome {
    store.create_folder("a/empty", at(0)).await?;
    let asset = store_with(store, "p", in_folder("a/Ü"), at(0)).await?;
    for path in ["a", "a/Ü"] {
        assert_eq!(store.delete_folder(path).await?, DeletedFolder::NotEmpty, "{path}");
    }
    store.create_folder("ab", at(0)).await?;
    store.destroy_asset(&asset.key, at(1), at(1)).await?;
    let gone = ["a", "a/empty", "a/Ü"].map(str::to_owned).to_vec();
    assert_eq!(store.delete_folder("a").await?, DeletedFolder::Done(gone));
    assert_eq!(store.delete_folder("a").await?, DeletedFolder::NotFound);
    assert_eq!(listed(store, "").await?, Some("ab".to_owned()));
    Ok(())
}

pub async fn folders_are_searched(store: &dyn Shelves) -> Outcome {
    for (path, now) in [("x/cats", 0), ("x/dogs", 10), ("y/cats", 20)] {
        store.create_folder(path, at(now)).await?;
    }
    for (expression, expected) in [
        ("name=cats", "x/cats y/cats"),
        ("path=x/dogs", "x/dogs"),
        ("path:x*", "x x/cats x/dogs"),
        ("name:cats AND NOT path:y*", "x/cats"),
        ("name:DOGS", "x/dogs"),
        ("name=Cats", ""),
        ("", "x x/cats x/dogs y y/cats"),
    ] {
        let (page, total) = store.search_folders(query(expression, Direction::Ascending)?).await?;
        let paths: Vec<_> = page.items.iter().map(|folder| folder.path.as_str()).collect();
        assert_eq!(
            (paths.join(" "), total),
            (expected.to_owned(), paths.len() as u64),
            "{expression}"
        );
    }
    let mut all = Vec::new();
    let mut query = query("", Direction::Descending)?;
    query.limit = 2;
    loop {
        let (page, total) = store.search_folders(query.clone()).await?;
        assert_eq!(total, 5);
        all.extend(page.items.into_iter().map(|folder| folder.path));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(all.join(" "), "y/cats y x/dogs x/cats x");
    Ok(())
}

fn query(expression: &str, direction: Direction) -> Result<FolderQuery, BoxError> {
    Ok(FolderQuery {
        expression: Some(Expression::parse(expression, at(0))?),
        after: None,
        limit: 100,
        sort_by: vec![SortBy {
            field: FolderField::Path,
            direction,
        }],
    })
}

async fn listed(store: &dyn Shelves, parent: &str) -> Result<Option<String>, BoxError> {
    let found = store.list_folders(parent, None, 100).await?;
    Ok(found.map(|(page, _)| {
        page.items
            .into_iter()
            .map(|folder| folder.path)
            .collect::<Vec<_>>()
            .join(" ")
    }))
}

async fn assets_in(store: &dyn Shelves, folder: &str) -> Result<String, BoxError> {
    let filter = AssetFilter {
        select: Select::Folder(folder.to_owned()),
        ..AssetFilter::default()
    };
    let page = store.list_assets(filter, AssetOrder::PublicId, None, 100).await?;
    let names: Vec<_> = page
        .items
        .into_iter()
        .map(|asset| asset.key.public_id.to_string())
        .collect();
    Ok(names.join(" "))
}

fn in_folder(folder: &str) -> AssetDetails {
    AssetDetails {
        asset_folder: folder.to_owned(),
        ..AssetDetails::default()
    }
}
