//! What the reaper and deliveries ask often must cost what it finds, not what there is.

use rusqlite::Connection;

use super::{derived, exchange, expired, schema, uploads};

#[test]
fn what_is_due_is_found_through_an_index() {
    check(uploads::DUE_UPLOADS, "uploads_doomed");
    check(exchange::STALE, "pending_media_begun_at");
    check(expired::DUE, "expired_media_due_at");
    check(uploads::DOOM_ABANDONED, "uploads_pending");
    check(uploads::FORGET_DESTROYED, "destroyed_assets_version");
}

#[test]
fn references_are_found_through_an_index() {
    check(expired::REFERENCES, "users_cloudinary_id");
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
    let plan = plan(derived::TOTAL_BYTES);
    assert!(plan.contains("USING COVERING INDEX derived_used"), "{plan}");
}

#[test]
fn an_asset_is_found_without_a_scan() {
    let plan = plan(&uploads::find_sql());
    assert!(!plan.contains("SCAN"), "{plan}");
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
