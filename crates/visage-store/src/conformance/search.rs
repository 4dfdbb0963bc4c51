//! The contract of [`Catalog::search_assets`]: what an expression finds, in which order, in pages.

use std::collections::BTreeMap;

use visage_cloudinary::ImageFormat;
use visage_cloudinary::search::{Direction, Expression, SortBy, SortField};

use super::catalog::{commit_of, facts, store};
use super::details::store_with;
use super::{Outcome, at};
use crate::asset::{AssetDetails, ImageFacts, Media, Moderation, ModerationStatus, UploadFacts};
use crate::catalog::{Catalog, CommitUpload};
use crate::error::{BoxError, StoreError};
use crate::ids::UploadId;
use crate::listing::{Aggregate, Cursor, SearchQuery};

/// One `#[tokio::test]` per function of this module; `$fresh()` gives an empty catalog and a guard.
#[macro_export]
macro_rules! search_conformance {
    ($fresh:path) => {
        $crate::conformance_tests! { search, $fresh,
            text_is_found_whole_by_words_and_by_its_beginning
            a_folder_is_searched_alone_or_with_all_inside
            details_are_searched
            numbers_and_times_are_compared
            expressions_are_put_together
            hostile_texts_are_only_texts
            what_was_found_follows_edits_and_destroys
            results_are_sorted_with_ties_in_the_order_of_creation
            search_pages_neither_skip_nor_repeat_when_others_come_and_go
            a_search_cursor_from_elsewhere_is_refused
            aggregations_count_all_that_was_found
        }
    };
}

pub async fn text_is_found_whole_by_words_and_by_its_beginning(catalog: &dyn Catalog) -> Outcome {
    for (name, tag) in [
        ("pets/Black_Cat", "cat"),
        ("pets/cat", "big cat"),
        ("dogs/100_dog", "Dog"),
    ] {
        store_with(catalog, name, tagged(tag), at(0)).await?;
    }
    for (expression, expected) in [
        ("tags=cat", "pets/Black_Cat"),
        ("tags:cat", "pets/cat pets/Black_Cat"),
        ("tags:CAT", "pets/cat pets/Black_Cat"),
        ("tags=\"big cat\"", "pets/cat"),
        ("tags:big*", "pets/cat"),
        ("tags=dog", ""),
        ("public_id=pets/cat", "pets/cat"),
        ("public_id=pets/Cat", ""),
        ("public_id:pets/*", "pets/cat pets/Black_Cat"),
        ("public_id:pets", "pets/cat pets/Black_Cat"),
        ("filename=cat", "pets/cat"),
        ("filename:cat", "pets/cat pets/Black_Cat"),
        ("filename:Bl*", "pets/Black_Cat"),
        ("filename:100_*", "dogs/100_dog"),
        ("filename:_*", ""),
        ("display_name=cat", "pets/cat"),
        ("cat", "pets/cat pets/Black_Cat"),
        ("dog", "dogs/100_dog"),
        ("ca*", "pets/cat pets/Black_Cat"),
    ] {
        check(catalog, expression, expected).await?;
    }
    Ok(())
}

pub async fn a_folder_is_searched_alone_or_with_all_inside(catalog: &dyn Catalog) -> Outcome {
    for (name, folder) in [("p1", "x"), ("p2", "x/y"), ("p3", "xy"), ("p4", "Ünï/a")] {
        let details = AssetDetails {
            asset_folder: folder.to_owned(),
            ..AssetDetails::default()
        };
        store_with(catalog, name, details, at(0)).await?;
    }
    for (expression, expected) in [
        ("folder=x", "p1"),
        ("folder:x/*", "p2 p1"),
        ("asset_folder:x*", "p3 p2 p1"),
        ("folder=X/Y", "p2"),
        ("folder=Ünï/a", "p4"),
        ("folder:Ünï/*", "p4"),
        ("folder=none", ""),
    ] {
        check(catalog, expression, expected).await?;
    }
    Ok(())
}

pub async fn details_are_searched(catalog: &dyn Catalog) -> Outcome {
    let details = AssetDetails {
        context: BTreeMap::from([("alt".to_owned(), "A red car".to_owned())]),
        metadata: BTreeMap::from([
            ("size".to_owned(), 5.into()),
            ("set".to_owned(), vec!["a", "b"].into()),
            ("day".to_owned(), "2024-05-01".into()),
        ]),
        moderation: Some(Moderation {
            kind: "manual".to_owned(),
            status: ModerationStatus::Pending,
            updated_at: at(0),
        }),
        ..AssetDetails::default()
    };
    store_with(catalog, "p1", details, at(0)).await?;
    store(catalog, "p2", at(0)).await?;
    for (expression, expected) in [
        ("context.alt=\"A red car\"", "p1"),
        ("context.alt=\"a red car\"", ""),
        ("context.alt:red", "p1"),
        ("context.other:red", ""),
        ("context:car", "p1"),
        ("metadata.size=5", "p1"),
        ("metadata.size>4", "p1"),
        ("metadata.size>5", ""),
        ("metadata.set=b", "p1"),
        ("metadata.day>2024-04-30", "p1"),
        ("metadata.day<2024-04-30", ""),
        ("moderation_status:pending", "p1"),
        ("moderation_status=approved", ""),
        ("NOT moderation_kind=manual", "p2"),
        ("status=active", "p2 p1"),
        ("resource_type:IMAGE", "p2 p1"),
        ("type=upload", "p2 p1"),
    ] {
        check(catalog, expression, expected).await?;
    }
    Ok(())
}

pub async fn numbers_and_times_are_compared(catalog: &dyn Catalog) -> Outcome {
    let day = 24 * 3600;
    for (name, bytes, width, now) in [("p1", 500, 100, 0), ("p2", 1024, 200, day), ("p3", 2048, 300, 2 * day)] {
        store_file(catalog, name, (bytes, ImageFormat::Png, width), now).await?;
    }
    // The instant on which all tests agree is 2019-12-20, midnight.
    for (expression, expected) in [
        ("bytes>500", "p3 p2"),
        ("bytes>=500", "p3 p2 p1"),
        ("bytes:1kb", "p2"),
        ("bytes:[500 TO 2048]", "p3 p2 p1"),
        ("width<200", "p1"),
        ("width=200 OR height=1", "p2"),
        ("aspect_ratio>1", ""),
        ("created_at>=2019-12-21", "p3 p2"),
        ("created_at<2019-12-21", "p1"),
        ("uploaded_at>2019-12-21", "p3"),
        ("format:png", "p3 p2 p1"),
        ("format=jpg", ""),
    ] {
        let found = names(catalog, expression, &[]).await?;
        if expression == "bytes:[500 TO 2048]" {
            // Whether the upper end is found is the parser's business.
            assert!(found == expected || found == "p2 p1", "{expression}: {found}");
        } else {
            assert_eq!(found, expected, "{expression}");
        }
    }
    Ok(())
}

pub async fn expressions_are_put_together(catalog: &dyn Catalog) -> Outcome {
    for (name, tag) in [("a1", "x"), ("a2", "y"), ("b1", "x"), ("b2", "y")] {
        store_with(catalog, name, tagged(tag), at(0)).await?;
    }
    for (expression, expected) in [
        ("tags=x AND public_id:a*", "a1"),
        ("tags=x public_id:b*", "b1"),
        ("(tags=x OR tags=y) AND public_id:a*", "a2 a1"),
        ("tags=x OR tags=y AND public_id:a*", "b1 a2 a1"),
        ("NOT tags=x", "b2 a2"),
        ("-tags=x", "b2 a2"),
        ("NOT (tags=x OR public_id:b*)", "a2"),
        ("", "b2 b1 a2 a1"),
    ] {
        check(catalog, expression, expected).await?;
    }
    let many = vec!["tags=x"; 100].join(" OR ");
    check(catalog, &many, "b1 a1").await
}

pub async fn hostile_texts_are_only_texts(catalog: &dyn Catalog) -> Outcome {
    let hostile = "x' OR 1=1 --\" * NEAR(";
    store_with(catalog, "p1", tagged(hostile), at(0)).await?;
    store_with(catalog, "p2", tagged("x"), at(0)).await?;
    let quoted: String = hostile
        .chars()
        .flat_map(|c| [(!c.is_alphanumeric()).then_some('\\'), Some(c)])
        .flatten()
        .collect();
    for (expression, expected) in [
        (format!("tags={quoted}"), "p1"),
        (format!("tags:{quoted}"), "p1"),
        (format!("public_id:{quoted}"), ""),
        (format!("context.{quoted}=1"), ""),
        (quoted, "p1"),
        ("tags:\"public_id : p2\"".to_owned(), ""),
        ("tags:\"---\"".to_owned(), ""),
    ] {
        // What the parser refuses needs no answer.
        if Expression::<visage_cloudinary::search::SearchField>::parse(&expression, at(0)).is_ok() {
            check(catalog, &expression, expected).await?;
        }
    }
    Ok(())
}

pub async fn what_was_found_follows_edits_and_destroys(catalog: &dyn Catalog) -> Outcome {
    let asset = store_with(catalog, "a", tagged("old"), at(0)).await?;
    let edit = Box::new(|details: &mut AssetDetails| *details = tagged("new"));
    catalog.edit_asset(&asset.id, edit, at(9)).await?;
    for (expression, expected) in [("tags:old", ""), ("old", ""), ("tags:new", "a"), ("new", "a")] {
        check(catalog, expression, expected).await?;
    }
    catalog.destroy_asset(&asset.key, at(10), at(10)).await?;
    for expression in ["tags:new", "new", "tags=new", ""] {
        check(catalog, expression, "").await?;
    }
    Ok(())
}

pub async fn results_are_sorted_with_ties_in_the_order_of_creation(catalog: &dyn Catalog) -> Outcome {
    use Direction::{Ascending, Descending};
    use SortField::{AspectRatio, Bytes, CreatedAt, Filename, Format, PublicId, Score, Width};
    for (name, bytes, format, width) in [
        ("z/b", 1, ImageFormat::Png, 10),
        ("y/c", 2, ImageFormat::Jpg, 10),
        ("x/a", 1, ImageFormat::Png, 30),
        ("w/d", 2, ImageFormat::Png, 20),
    ] {
        store_file(catalog, name, (bytes, format, width), 0).await?;
    }
    for (sort_by, expected) in [
        (vec![], "w/d x/a y/c z/b"),
        (vec![(CreatedAt, Ascending)], "z/b y/c x/a w/d"),
        (vec![(PublicId, Ascending)], "w/d x/a y/c z/b"),
        (vec![(Filename, Descending)], "w/d y/c z/b x/a"),
        (vec![(Bytes, Ascending)], "z/b x/a y/c w/d"),
        (vec![(Bytes, Descending)], "w/d y/c x/a z/b"),
        (vec![(Bytes, Ascending), (Width, Descending)], "x/a z/b w/d y/c"),
        (
            vec![(Format, Descending), (Bytes, Ascending), (Bytes, Descending)],
            "x/a z/b w/d y/c",
        ),
        (
            vec![(AspectRatio, Ascending), (CreatedAt, Descending), (Bytes, Ascending)],
            "y/c z/b w/d x/a",
        ),
        (vec![(Score, Descending)], "w/d x/a y/c z/b"),
    ] {
        assert_eq!(names(catalog, "", &sort_by).await?, expected, "{sort_by:?}");
    }
    Ok(())
}

pub async fn search_pages_neither_skip_nor_repeat_when_others_come_and_go(catalog: &dyn Catalog) -> Outcome {
    for n in 0..6 {
        store_with(catalog, &format!("p{n}"), tagged("x"), at(0)).await?;
    }
    for field in [SortField::CreatedAt, SortField::Bytes, SortField::PublicId] {
        let first = catalog
            .search_assets(query("tags=x", &[(field, Direction::Ascending)], 3)?)
            .await?;
        let last = first.page.items.last().ok_or("three were found")?;
        catalog.destroy_asset(&last.key, at(1), at(1)).await?;
        let next = SearchQuery {
            after: first.page.next,
            ..query("tags=x", &[(field, Direction::Ascending)], 3)?
        };
        let rest = catalog.search_assets(next).await?;
        assert_eq!((first.total, rest.total, rest.page.items.len()), (6, 5, 3), "{field:?}");
        assert_eq!(rest.page.next, None);
        let ids: Vec<_> = rest.page.items.iter().map(|asset| asset.id).collect();
        assert!(
            first.page.items.iter().all(|asset| !ids.contains(&asset.id)),
            "{field:?}"
        );
        store_with(catalog, last.key.public_id.as_str(), tagged("x"), at(2)).await?;
    }
    Ok(())
}

pub async fn a_search_cursor_from_elsewhere_is_refused(catalog: &dyn Catalog) -> Outcome {
    for text in ["", "7", "[]", "[1,2]", "[null]", "[[1]]", "{}", "[\"a\",1,2]"] {
        let query = SearchQuery {
            after: Some(Cursor(text.to_owned())),
            ..query("", &[], 3)?
        };
        let page = catalog.search_assets(query).await;
        assert!(matches!(page, Err(StoreError::BadCursor)), "{text}: {page:?}");
    }
    Ok(())
}

pub async fn aggregations_count_all_that_was_found(catalog: &dyn Catalog) -> Outcome {
    for (name, bytes, format) in [
        ("a1", 10, ImageFormat::Png),
        ("a2", 100, ImageFormat::Jpg),
        ("a3", 99, ImageFormat::Jpg),
    ] {
        store_file(catalog, name, (bytes, format, 1), 0).await?;
    }
    store(catalog, "b", at(0)).await?;
    let ranges = vec![
        ("small".to_owned(), None, Some(100)),
        ("large".to_owned(), Some(100), None),
    ];
    let query = SearchQuery {
        aggregate: vec![
            Aggregate::Format,
            Aggregate::ResourceType,
            Aggregate::Type,
            Aggregate::Bytes(ranges),
        ],
        ..query("public_id:a*", &[], 1)?
    };
    let found = catalog.search_assets(query).await?;
    let counts = |pairs: &[(&str, u64)]| -> BTreeMap<String, u64> {
        pairs.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect()
    };
    let expected = BTreeMap::from([
        ("format".to_owned(), counts(&[("png", 1), ("jpg", 2)])),
        ("resource_type".to_owned(), counts(&[("image", 3)])),
        ("type".to_owned(), counts(&[("upload", 3)])),
        ("bytes".to_owned(), counts(&[("small", 2), ("large", 1)])),
    ]);
    assert_eq!(
        (found.total, found.page.items.len(), found.aggregations),
        (3, 1, expected)
    );
    Ok(())
}

async fn check(catalog: &dyn Catalog, expression: &str, expected: &str) -> Outcome {
    assert_eq!(names(catalog, expression, &[]).await?, expected, "{expression}");
    Ok(())
}

/// The names of all that is found, read in pages of one, of two and of all, which must agree.
async fn names(
    catalog: &dyn Catalog,
    expression: &str,
    sort_by: &[(SortField, Direction)],
) -> Result<String, BoxError> {
    let mut all = Vec::new();
    for limit in [1, 2, 100] {
        let mut query = query(expression, sort_by, limit)?;
        let mut names = Vec::new();
        loop {
            let found = catalog.search_assets(query.clone()).await?;
            names.extend(
                found
                    .page
                    .items
                    .into_iter()
                    .map(|asset| asset.key.public_id.to_string()),
            );
            query.after = found.page.next;
            if query.after.is_none() {
                assert_eq!(found.total, names.len() as u64, "{expression}");
                break;
            }
        }
        all.push(names.join(" "));
    }
    assert!(all.iter().all(|names| *names == all[0]), "{all:?}");
    Ok(all.swap_remove(0))
}

fn query(expression: &str, sort_by: &[(SortField, Direction)], limit: usize) -> Result<SearchQuery, BoxError> {
    let sort_by = sort_by.iter().map(|(field, direction)| SortBy {
        field: *field,
        direction: *direction,
    });
    Ok(SearchQuery {
        expression: Some(Expression::parse(expression, at(0))?),
        sort_by: sort_by.collect(),
        after: None,
        limit,
        aggregate: Vec::new(),
    })
}

fn tagged(tag: &str) -> AssetDetails {
    AssetDetails {
        tags: [tag.to_owned()].into(),
        ..AssetDetails::default()
    }
}

/// Stores a picture 400 pixels high.
async fn store_file(catalog: &dyn Catalog, name: &str, file: (u64, ImageFormat, u32), now: i64) -> Outcome {
    let (bytes, format, width) = file;
    let id = UploadId::random();
    catalog.begin_upload(&id, at(now)).await?;
    let media = Media::Image(ImageFacts {
        format,
        width,
        height: 400,
        orientation: 1,
        frames: 1,
        has_alpha: false,
        faces: None,
    });
    let facts = UploadFacts {
        bytes,
        media,
        ..facts()
    };
    catalog
        .commit_upload(
            CommitUpload {
                facts,
                ..commit_of(id, name)?
            },
            at(now),
        )
        .await?;
    Ok(())
}
