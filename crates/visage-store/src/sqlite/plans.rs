//! What the reaper and deliveries ask often must cost what it finds, not what there is.

use rusqlite::Connection;

use jiff::Timestamp;
use visage_cloudinary::search::{Direction, Expression, SortBy, SortField};
use visage_cloudinary::{DeliveryType, ResourceType};

use super::sorting::Sorting;
use super::{
    adopted_posts, derived, exchange, expired, folders, lists, moving_in, posts, references, relocation, schema,
    search, uploads,
};
use crate::asset::ModerationStatus;
use crate::listing::{AssetFilter, AssetOrder, Cursor, SearchQuery, Select};

#[test]
fn what_is_due_is_found_through_an_index() {
    check(uploads::DUE_UPLOADS, "uploads_doomed");
    check(exchange::STALE, "pending_media_begun_at");
    check(expired::DUE, "expired_media_due_at");
    check(relocation::DUE, "taken_in_due_at");
    check(posts::DUE, "posts_expires_at");
    check(uploads::DOOM_ABANDONED, "uploads_pending");
    check(uploads::FORGET_DESTROYED, "destroyed_assets_version");
}

#[test]
fn references_are_found_through_an_index() {
    check(references::EXIST, "users_cloudinary_id");
    check(references::EXIST, "posts_cloudinary_id");
    check(references::OF_USERS, "users_cloudinary_id");
    check(references::OF_POSTS, "posts_cloudinary_id");
}

#[test]
fn posts_are_read_in_the_order_of_an_index() {
    for (sql, index) in [
        (posts::PAGE, "posts_created_at"),
        (posts::PAGE_OF_AUTHOR, "posts_user_id (user_id=?)"),
        (posts::COMMENTS, "SEARCH c USING PRIMARY KEY (post_seq=?)"),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[test]
fn the_least_recently_used_are_read_in_the_order_of_an_index() {
    let plan = plan(derived::LEAST_RECENT);
    assert!(
        plan.contains("USING INDEX derived_used") && !plan.contains("TEMP B-TREE"),
        "{plan}"
    );
}

#[test]
fn sizes_are_added_up_in_an_index_alone() {
    let plan = plan(derived::TOTALS);
    assert!(plan.contains("USING COVERING INDEX derived_used"), "{plan}");
}

#[test]
fn derived_images_are_counted_in_an_index_alone() {
    for sql in [derived::COUNT, derived::CROWDED] {
        let plan = plan(sql);
        assert!(
            plan.contains("COVERING INDEX") && !plan.contains("TEMP B-TREE"),
            "{plan}"
        );
    }
}

#[test]
fn a_page_of_users_is_read_from_where_the_last_one_ended() {
    let plan = plan(moving_in::USER_PICTURES);
    assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
}

#[test]
fn a_post_is_found_with_where_it_came_from_without_a_scan() {
    let plan = plan(adopted_posts::HERE);
    assert!(!plan.contains("SCAN"), "{plan}");
}

#[test]
fn an_asset_is_found_without_a_scan() {
    let plan = plan(&uploads::find_sql());
    assert!(!plan.contains("SCAN"), "{plan}");
}

#[test]
fn lists_by_creation_are_read_in_the_order_of_an_index() {
    for after in [None, Some(Cursor("50000".to_owned()))] {
        for order in [AssetOrder::NewestFirst, AssetOrder::OldestFirst] {
            check_list(
                &filter(None, None),
                order,
                after.as_ref(),
                "a USING INTEGER PRIMARY KEY",
                "SCAN a",
            );
            check_list(&filter(None, Some(())), order, after.as_ref(), "assets_types_seq", "");
            check_list(&filter(Some(()), None), order, after.as_ref(), "assets_type_seq", "");
        }
    }
}

#[test]
fn lists_by_prefix_are_ranges_of_an_index() {
    let prefix = || Select::Prefix("profiles/a".to_owned());
    for after in [None, Some(Cursor("7 profiles/ab".to_owned()))] {
        for types in [filter(None, None), filter(Some(()), None), filter(None, Some(()))] {
            let filter = AssetFilter {
                select: prefix(),
                ..types
            };
            let plan = list_plan(&filter, AssetOrder::PublicId, after.as_ref());
            assert!(plan.contains("public_id>? AND public_id<?"), "{plan}");
            assert!(!plan.contains("TEMP B-TREE") && !plan.contains("SCAN"), "{plan}");
        }
    }
    let filter = AssetFilter {
        select: prefix(),
        ..filter(None, Some(()))
    };
    let plan = list_plan(&filter, AssetOrder::NewestFirst, Some(&Cursor("7".to_owned())));
    assert!(plan.contains("public_id>? AND public_id<?"), "{plan}");
}

#[test]
fn lists_of_few_begin_with_what_they_have_in_common() {
    let (key, value) = ("k".to_owned(), "v".to_owned());
    for (select, index) in [
        (Select::Tag(value.clone()), "asset_tags USING PRIMARY KEY (tag=?)"),
        (
            Select::Context {
                key: key.clone(),
                value: None,
            },
            "asset_context_key (key=?)",
        ),
        (
            Select::Context {
                key: key.clone(),
                value: Some(value),
            },
            "PRIMARY KEY (key=? AND value=?)",
        ),
        (Select::Folder(key.clone()), "assets_folder (<expr>=?"),
        (
            Select::Moderation {
                kind: key.clone(),
                status: ModerationStatus::Pending,
            },
            "assets_moderation",
        ),
        (Select::PublicIds(vec![key.clone(), key]), "public_id=?"),
    ] {
        for order in [AssetOrder::NewestFirst, AssetOrder::OldestFirst] {
            for after in [None, Some(Cursor("50000".to_owned()))] {
                let filter = AssetFilter {
                    select: select.clone(),
                    ..filter(None, Some(()))
                };
                let plan = list_plan(&filter, order, after.as_ref());
                assert!(plan.contains(index) && !plan.contains("SCAN"), "{select:?}: {plan}");
            }
        }
    }
}

#[test]
fn searches_for_few_begin_with_what_they_have_in_common() {
    for (expression, index) in [
        ("tags=a AND format:jpg", "asset_tags USING PRIMARY KEY (tag=?)"),
        ("tags:a AND resource_type:image", "asset_words VIRTUAL TABLE"),
        (
            "public_id:profiles/a*",
            "assets_public_id (public_id>? AND public_id<?)",
        ),
        (
            "created_at>2024-01-01 AND created_at<2024-01-02",
            "assets_created_at (created_at>? AND created_at<?)",
        ),
        ("filename=cat", "assets_filename (<expr>=?)"),
        ("filename:cat*", "assets_filename (<expr>>? AND <expr><?)"),
        ("filename:cat", "asset_words VIRTUAL TABLE"),
        ("display_name=cat", "assets_display_name (<expr>=?)"),
        ("asset_folder=a AND resource_type=image", "assets_folder (<expr>=?)"),
        ("folder:a/*", "assets_folder (<expr>>? AND <expr><?)"),
        ("context.k=v", "PRIMARY KEY (key=? AND value=?)"),
        ("metadata.m=v", "PRIMARY KEY (field=? AND value=?)"),
        ("moderation_status:pending", "assets_moderation (moderation_status=?)"),
        ("cat", "asset_words VIRTUAL TABLE"),
    ] {
        let (total, page) = search_plans(expression, SortField::CreatedAt, 10);
        for plan in [total, page] {
            assert!(plan.contains(index), "{expression}: {plan}");
            assert!(
                !plan.contains("SCAN a") || plan.contains("VIRTUAL"),
                "{expression}: {plan}"
            );
        }
    }
}

#[test]
fn counting_looks_at_uploads_only_when_the_search_does() {
    assert!(
        !search_plans("public_id:a*", SortField::CreatedAt, 10)
            .0
            .contains("SEARCH u")
    );
    assert!(
        search_plans("public_id:a* AND bytes>1", SortField::CreatedAt, 10)
            .0
            .contains("SEARCH u")
    );
    assert!(search_plans("", SortField::CreatedAt, 10).0.contains("COVERING INDEX"));
}

#[test]
fn a_page_of_many_is_read_in_the_order_of_an_index() {
    for (field, index) in [(SortField::CreatedAt, "a"), (SortField::PublicId, "assets_public_id")] {
        let (_, page) = search_plans("width>10", field, 50_000);
        assert!(page.contains(index), "{page}");
        assert_eq!(
            page.matches("TEMP B-TREE").count(),
            1,
            "only the page itself is sorted: {page}"
        );
    }
}

#[test]
fn derived_images_of_a_transformation_are_read_in_the_order_of_an_index() {
    check(derived::BY_TRANSFORMATION, "derived_transformation");
    check(
        derived::BY_TRANSFORMATION_AND_EXTENSION,
        "derived_transformation_extension",
    );
    check(lists::NEXT_TAG, "asset_tags_type");
    let plan = plan(derived::NEXT_TRANSFORMATION);
    assert!(
        plan.contains("USING INDEX derived_transformation") || plan.contains("COVERING INDEX derived_transformation"),
        "{plan}"
    );
    assert!(!plan.contains("TEMP B-TREE"), "{plan}");
}

#[test]
fn what_is_in_a_folder_is_found_through_an_index() {
    for sql in [folders::ASSETS_IN, folders::IS_USED] {
        let plan = plan(sql);
        assert!(plan.contains("assets_folder") && !plan.contains("SCAN"), "{plan}");
    }
}

/// With a resource type alone, or with both types.
fn filter(resource_type: Option<()>, both: Option<()>) -> AssetFilter {
    AssetFilter {
        resource_type: resource_type.or(both).map(|()| ResourceType::Image),
        delivery_type: both.map(|()| DeliveryType::Upload),
        ..AssetFilter::default()
    }
}

fn check_list(filter: &AssetFilter, order: AssetOrder, after: Option<&Cursor>, index: &str, or: &str) {
    let plan = list_plan(filter, order, after);
    assert!(plan.contains(index) || (!or.is_empty() && plan.contains(or)), "{plan}");
    assert!(!plan.contains("TEMP B-TREE"), "{plan}");
}

fn list_plan(filter: &AssetFilter, order: AssetOrder, after: Option<&Cursor>) -> String {
    plan(&lists::list_sql(filter, order, after, 10).unwrap().0)
}

/// The plans of the count and of the page.
fn search_plans(expression: &str, field: SortField, total: u64) -> (String, String) {
    let expression = Expression::parse(expression, Timestamp::from_second(1_700_000_000).unwrap()).unwrap();
    let condition = search::compile(&expression);
    let query = SearchQuery {
        expression: Some(expression),
        sort_by: vec![SortBy {
            field,
            direction: Direction::Descending,
        }],
        after: None,
        limit: 10,
        aggregate: Vec::new(),
    };
    let page = search::page_sql(&query, &condition, &Sorting::new(&query.sort_by), total).unwrap();
    (plan(&search::total_sql(&condition)), plan(&page.sql))
}

/// `sql` searches `index`, scans nothing and sorts nothing.
fn check(sql: &str, index: &str) {
    let plan = plan(sql);
    assert!(plan.contains("SEARCH") && plan.contains(index), "{plan}");
    assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
}

fn plan(sql: &str) -> String {
    let mut connection = Connection::open_in_memory().unwrap();
    schema::migrate(&mut connection).unwrap();
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
    let steps = statement
        .query_map(rusqlite::params_from_iter(nulls), |row| row.get::<_, String>("detail"))
        .unwrap();
    steps.map(Result::unwrap).collect::<Vec<_>>().join("\n")
}
