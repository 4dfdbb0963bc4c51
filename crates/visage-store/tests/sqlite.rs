//! What is particular to SQLite: schema, durability settings, two processes, a caller that goes away.
#![cfg(test)]

use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;
use visage_cloudinary::search::Expression;
use visage_cloudinary::{PublicId, ResourceType};
use visage_store::{
    AssetDetails, AssetFilter, AssetOrder, Catalog as _, DatabaseCopy, Directory, Exchange, MediaCounts, NewUser,
    PendingMedia, ProfileImage, Role, SearchQuery, Secret, Sqlite, StoreError, Upkeep as _, UploadId, User, UserId,
};

#[tokio::test]
async fn an_empty_file_and_a_migrated_one_both_open() {
    let (path, _folder) = file();
    let user = create_user(&Sqlite::open(&path).unwrap()).await;
    assert_eq!(Sqlite::open(&path).unwrap().user(&user.id).await.unwrap(), Some(user));
}

#[tokio::test]
async fn every_database_is_an_installation_of_its_own_and_a_copy_of_it_is_the_same() {
    let ((one, _first), (other, _second)) = (file(), file());
    let store = Sqlite::open(&one).unwrap();
    let name = store.installation().await.unwrap();
    assert_ne!(Sqlite::open(&other).unwrap().installation().await.unwrap(), name);
    let copy = one.with_extension("copy");
    store.copy_database_to(&copy).await.unwrap();
    assert_eq!(Sqlite::open(&copy).unwrap().installation().await.unwrap(), name);
}

#[tokio::test]
async fn commits_that_nobody_here_was_told_of_are_counted() {
    let (path, _folder) = file();
    let (here, other) = (Sqlite::open(&path).unwrap(), Sqlite::open(&path).unwrap());
    create_user(&here).await;
    assert_eq!(
        (here.known_unannounced_commits(), here.unannounced_commits()),
        (0, Some(0))
    );
    other
        .begin_upload(&UploadId::random(), Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    assert_eq!(
        (here.known_unannounced_commits(), here.unannounced_commits()),
        (0, Some(1))
    );
    here.begin_upload(&UploadId::random(), Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    assert_eq!(here.unannounced_commits(), Some(1));
}

/// Overwrites the page that the rows of a table hang on.
fn damage_table(path: &Path, table: &str) {
    let database = Connection::open(path).unwrap();
    database.pragma_update(None, "journal_mode", "DELETE").unwrap();
    let number = |sql: &str| database.query_row(sql, [], |row| row.get::<_, u64>(0)).unwrap();
    let root = number(&format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}'"));
    let page_bytes = number("PRAGMA page_size");
    drop(database);
    let file = std::fs::File::options().write(true).open(path).unwrap();
    let junk = vec![0xff; usize::try_from(page_bytes).unwrap()];
    file.write_all_at(&junk, (root - 1) * page_bytes).unwrap();
}

#[tokio::test]
async fn damaged_database_is_not_written_once_damage_was_seen() {
    let (path, _folder) = file();
    let user = create_user(&Sqlite::open(&path).unwrap()).await;
    damage_table(&path, "users");
    let store = Sqlite::open(&path).unwrap();
    let upload = async || store.begin_upload(&UploadId::random(), Timestamp::UNIX_EPOCH).await;
    upload().await.unwrap();
    assert!(!store.condition().await.unwrap().database_is_damaged);
    let read = store.user(&user.id).await;
    assert!(matches!(read, Err(StoreError::Corrupt(_))), "{read:?}");
    let written = upload().await;
    assert!(matches!(written, Err(StoreError::Corrupt(_))), "{written:?}");
    assert!(store.condition().await.unwrap().database_is_damaged);
}

#[tokio::test]
async fn database_and_its_log_are_for_their_owner_alone() {
    let (path, _folder) = file();
    let store = Sqlite::open(&path).unwrap();
    create_user(&store).await;
    let copy = path.with_extension("copy");
    store.copy_database_to(&copy).await.unwrap();
    for file in [
        path.clone(),
        path.with_extension("db-wal"),
        path.with_extension("db-shm"),
        copy,
    ] {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
    }
}

/// The rows are as the release with migration 0001 alone wrote them.
#[tokio::test]
async fn a_database_of_the_first_release_keeps_what_it_has() {
    let (path, _folder) = file();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../migrations/0001_initial.sql"))
        .unwrap();
    old.execute_batch(FIRST_RELEASE).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);
    let store = Sqlite::open(&path).unwrap();
    let page = store
        .list_assets(AssetFilter::default(), AssetOrder::OldestFirst, None, 10)
        .await
        .unwrap();
    let told: Vec<_> = page
        .items
        .iter()
        .map(|a| {
            (
                a.key.public_id.as_str(),
                a.version,
                a.created_at.as_second(),
                a.upload.facts.bytes,
            )
        })
        .collect();
    assert_eq!(told, [("profiles/old", 7, 5, 100), ("profiles/new", 9, 6, 200)]);
    let asset = store.find_asset(&page.items[0].key).await.unwrap().unwrap();
    assert_eq!(
        (&asset.details, asset.upload.facts.md5),
        (&AssetDetails::default(), None)
    );
    let image = asset.upload.facts.image().unwrap();
    assert_eq!((image.width, image.height, image.orientation), (640, 480, 6));
    let derived = store.derived_of(&asset.upload.id, None, 10).await.unwrap().items;
    assert_eq!(derived.len(), 1);
    assert_eq!(
        (derived[0].facts.bytes, derived[0].used_at.as_millisecond()),
        (50, 8_000)
    );
    let user = store.user_by_email("asha@example.com").await.unwrap().unwrap();
    assert_eq!(user.cloudinary_id.as_deref(), Some("profiles/old"));
    assert!(store.is_in_use("profiles/old").await.unwrap());
    assert_eq!(
        store
            .forget_destroyed_assets(Timestamp::from_second(100).unwrap())
            .await
            .unwrap(),
        1
    );
    for expression in ["filename=old", "filename:old", "profiles", "created_at<1970-01-02"] {
        let query = SearchQuery {
            expression: Some(Expression::parse(expression, Timestamp::UNIX_EPOCH).unwrap()),
            sort_by: Vec::new(),
            after: None,
            limit: 10,
            aggregate: Vec::new(),
        };
        let found = store.search_assets(query).await.unwrap();
        assert!(found.page.items.contains(&asset), "{expression}");
    }
}

const FIRST_RELEASE: &str = "
    INSERT INTO uploads (id, state, begun_at, purge_at, bytes, sha256, format, width, height, orientation, frames, has_alpha)
    VALUES (zeroblob(16), 'live', 7000, NULL, 100, zeroblob(32), 'jpg', 640, 480, 6, 1, 0),
           (x'01010101010101010101010101010101', 'live', 9000, NULL, 200, zeroblob(32), 'png', 10, 10, 1, 1, 1);
    INSERT INTO uploads (id, state, begun_at) VALUES (x'02020202020202020202020202020202', 'pending', 9000);
    INSERT INTO assets (id, resource_type, delivery_type, public_id, version, created_at, upload_id)
    VALUES (x'ff010101010101010101010101010101', 'image', 'upload', 'profiles/old', 7, 5000, zeroblob(16)),
           (x'01010101010101010101010101010101', 'image', 'upload', 'profiles/new', 9, 6000,
            x'01010101010101010101010101010101');
    INSERT INTO destroyed_assets VALUES ('image', 'upload', 'profiles/gone', 3);
    INSERT INTO derived VALUES (zeroblob(16), '0000000000000000000000000000000k', 50, zeroblob(32), 'webp', 20, 20, 8000);
    INSERT INTO users (id, name, email, password_hash, role, is_verified, suspended, cloudinary_id, trainer_preference,
                       joining_date, created_at, updated_at)
    VALUES (zeroblob(12), 'Asha Rao', 'asha@example.com', 'hash', 'user', 1, 0, 'profiles/old', 'any', 0, 0, 0);
";

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let (path, _folder) = file();
    drop(Sqlite::open(&path).unwrap());
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 999)
        .unwrap();
    let refused = Sqlite::open(&path).unwrap_err();
    assert!(
        matches!(refused, StoreError::SchemaTooNew { found: 999, .. }),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("use a newer release"));
    assert_eq!(pragma(&path, "user_version"), "999");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let (path, _folder) = file();
    std::fs::write(
        &path,
        "this is a text, and long enough to be taken for a header of 100 bytes".repeat(20),
    )
    .unwrap();
    assert!(matches!(Sqlite::open(&path).unwrap_err(), StoreError::Corrupt(_)));
}

#[test]
fn many_processes_may_open_an_empty_file_at_once() {
    let (path, _folder) = file();
    std::thread::scope(|scope| {
        let opened: Vec<_> = (0..8).map(|_| scope.spawn(|| Sqlite::open(&path).map(drop))).collect();
        for open in opened {
            open.join().unwrap().unwrap();
        }
    });
}

#[test]
fn the_file_is_a_write_ahead_log_of_strict_tables() {
    let (path, _folder) = file();
    let _store = Sqlite::open(&path).unwrap();
    assert_eq!(pragma(&path, "journal_mode"), "wal");
    let lax = "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table' \
               AND name NOT LIKE 'sqlite%' AND NOT strict";
    let lax: i64 = Connection::open(&path)
        .unwrap()
        .query_row(lax, [], |row| row.get(0))
        .unwrap();
    assert_eq!(lax, 0);
}

#[tokio::test]
async fn what_is_committed_is_seen_by_another_process_at_once() {
    let (path, _folder) = file();
    let (one, other) = (Sqlite::open(&path).unwrap(), Sqlite::open(&path).unwrap());
    for _ in 0..20 {
        let user = create_user(&one).await;
        assert_eq!(other.user(&user.id).await.unwrap().map(|user| user.id), Some(user.id));
        other
            .delete_user(&user.id, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)
            .await
            .unwrap();
        assert_eq!(one.user(&user.id).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_exchange_for_one_user_and_lose_nothing() {
    let (path, _folder) = file();
    let stores = [Sqlite::open(&path).unwrap(), Sqlite::open(&path).unwrap()];
    let user = create_user(&stores[0]).await;
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let (store, user) = (stores[n % 2].clone(), user.clone());
            tokio::spawn(async move { exchange(&store, &user, &format!("p{n}")).await })
        })
        .collect();
    let mut retired = Vec::new();
    for task in tasks {
        retired.extend(task.await.unwrap());
    }
    retired.sort_unstable();
    let expired = stores[0].all_expired(None, 100).await.unwrap();
    assert_eq!(
        retired,
        expired.into_iter().map(|expired| expired.public_id).collect::<Vec<_>>()
    );
    assert_eq!(retired.len(), 19);
}

#[tokio::test]
async fn an_act_whose_caller_goes_away_is_done_whole_or_not_at_all() {
    let (path, _folder) = file();
    let store = Sqlite::open(&path).unwrap();
    let user = create_user(&store).await;
    for n in 0..50 {
        begin(&store, &format!("p{n}")).await;
        let commit = store.exchange_profile_image(commit_of(&user, &format!("p{n}")));
        match n % 3 {
            // Left alone before it has begun; left alone while it runs; waited for.
            0 => drop(commit),
            1 => assert!(commit.now_or_never().is_none()),
            _ => drop(commit.await),
        }
    }
    // There is one writer: when this one has had its turn, no act that was left alone is still running.
    store
        .release_pending(&PublicId::parse("none").unwrap(), Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    let counts = store.media_counts().await.unwrap();
    let MediaCounts { pending, expired, .. } = counts;
    let pictures = u64::from(store.user(&user.id).await.unwrap().unwrap().cloudinary_id.is_some());
    assert_eq!(
        pending + expired + pictures,
        50,
        "each picture is pending, expired or in use"
    );
    assert!(
        pending >= 17 && expired >= 15,
        "some were left alone and some were not: {pending}, {expired}"
    );
    let unannounced = store.known_unannounced_commits();
    assert!(
        (1..=17).contains(&unannounced),
        "done, and nobody was told: {unannounced}"
    );
    let reopened = Sqlite::open(&path).unwrap();
    assert_eq!(reopened.media_counts().await.unwrap(), counts);
}

#[tokio::test]
async fn more_readers_than_connections_all_get_their_turn() {
    let (path, _folder) = file();
    let store = Sqlite::open(&path).unwrap();
    let user = create_user(&store).await;
    let reads = futures_util::future::join_all((0..200).map(|_| store.user(&user.id))).await;
    assert!(reads.into_iter().all(|read| read.unwrap().is_some()));
}

#[tokio::test]
async fn a_copy_is_a_whole_database_of_its_own() {
    let (path, folder) = file();
    let store = Sqlite::open(&path).unwrap();
    let user = create_user(&store).await;
    let copy = folder.path().join("copy.db");
    store.copy_database_to(&copy).await.unwrap();
    store
        .delete_user(&user.id, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    let ready = DatabaseCopy::open(&copy).await.unwrap();
    ready.prepare().await.unwrap();
    ready.check().await.unwrap();
    assert_eq!(ready.originals(None, 10).await.unwrap(), []);
    drop(ready);
    let beside = ["copy.db-wal", "copy.db-shm", "copy.db-journal"].map(|name| folder.path().join(name).exists());
    assert_eq!(beside, [false; 3], "all of it is in one file");
    assert_eq!(Sqlite::open(&copy).unwrap().user(&user.id).await.unwrap(), Some(user));
}

#[tokio::test]
async fn a_copy_that_is_damaged_or_too_new_is_not_taken() {
    let (path, folder) = file();
    let store = Sqlite::open(&path).unwrap();
    for number in 0..200 {
        store
            .begin_upload(&UploadId::from_bytes([number; 16]), Timestamp::UNIX_EPOCH)
            .await
            .unwrap();
    }
    let copy = folder.path().join("copy.db");
    store.copy_database_to(&copy).await.unwrap();
    DatabaseCopy::open(&copy).await.unwrap().prepare().await.unwrap();
    let whole = std::fs::read(&copy).unwrap();
    Connection::open(&copy)
        .unwrap()
        .pragma_update(None, "user_version", 999)
        .unwrap();
    let refused = DatabaseCopy::open(&copy).await.unwrap().check().await;
    assert!(
        matches!(refused, Err(StoreError::SchemaTooNew { found: 999, .. })),
        "{refused:?}"
    );
    let mut cut = whole.clone();
    let page = cut.windows(16).position(|bytes| bytes == [7; 16]).unwrap() / 4096 * 4096;
    cut[page..page + 200].fill(0xff);
    std::fs::write(&copy, cut).unwrap();
    let refused = DatabaseCopy::open(&copy).await.unwrap().check().await;
    assert!(matches!(refused, Err(StoreError::Damaged(_))), "{refused:?}");
}

#[tokio::test]
async fn a_damaged_row_is_reported_as_such() {
    let (path, _folder) = file();
    let store = Sqlite::open(&path).unwrap();
    let user = create_user(&store).await;
    Connection::open(&path)
        .unwrap()
        .execute("UPDATE users SET role = 'emperor'", [])
        .unwrap();
    let read = store.user(&user.id).await;
    assert!(
        matches!(&read, Err(StoreError::Damaged(what)) if what.contains("emperor")),
        "{read:?}"
    );
}

#[tokio::test]
async fn an_upload_begun_before_a_crash_is_found_after_it() {
    let (path, _folder) = file();
    let id = UploadId::random();
    Sqlite::open(&path)
        .unwrap()
        .begin_upload(&id, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    let store = Sqlite::open(&path).unwrap();
    let now = Timestamp::from_second(3_600).unwrap();
    assert_eq!(store.doom_abandoned_uploads(now, now).await.unwrap(), 1);
    assert_eq!(store.due_uploads(now, 10).await.unwrap()[0].id, id);
}

/// As in `disk.rs`: `VISAGE_TEST_FULL_DISK` is a folder on a small file system that may be filled.
#[tokio::test]
async fn a_full_disk_says_so_and_the_database_goes_on_when_there_is_room() {
    let Some(small) = option_env!("VISAGE_TEST_FULL_DISK") else {
        return;
    };
    let folder = tempfile::tempdir_in(small).unwrap();
    let store = Sqlite::open(&folder.path().join("visage.db")).unwrap();
    let user = create_user(&store).await;
    let filler = folder.path().join("filler");
    std::io::copy(&mut std::io::repeat(7), &mut std::fs::File::create(&filler).unwrap()).unwrap_err();
    let long = "x".repeat(1 << 20);
    let refused = store
        .set_password(&user.id, Secret::new(&*long), Timestamp::UNIX_EPOCH)
        .await;
    assert!(matches!(refused, Err(StoreError::NoSpace(_))), "{refused:?}");
    assert_eq!(store.user(&user.id).await.unwrap().as_ref(), Some(&user));
    std::fs::remove_file(filler).unwrap();
    assert!(
        store
            .set_password(&user.id, Secret::new(&*long), Timestamp::UNIX_EPOCH)
            .await
            .unwrap()
    );
}

fn file() -> (PathBuf, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (folder.path().join("visage.db"), folder)
}

fn pragma(path: &Path, name: &str) -> String {
    let connection = Connection::open(path).unwrap();
    connection
        .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
        .map(text)
        .unwrap()
}

fn text(value: rusqlite::types::Value) -> String {
    match value {
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

async fn create_user(store: &Sqlite) -> User {
    let user = NewUser {
        name: "Asha Rao".into(),
        email: "asha@example.com".into(),
        password_hash: Secret::new("hash"),
        role: Role::User,
        is_verified: true,
        otp: None,
    };
    store.create_user(user, Timestamp::UNIX_EPOCH).await.unwrap()
}

/// Returns the public id that was retired.
async fn exchange(store: &Sqlite, user: &User, new: &str) -> Option<String> {
    begin(store, new).await;
    store
        .exchange_profile_image(commit_of(user, new))
        .await
        .unwrap()
        .old_public_id
}

async fn begin(store: &Sqlite, new: &str) {
    let begun_at = Timestamp::UNIX_EPOCH;
    let new = PublicId::parse(new).unwrap();
    let pending = PendingMedia {
        new,
        replaces: None,
        resource_type: ResourceType::Image,
        begun_at,
    };
    store.begin_exchange(pending).await.unwrap();
}

fn commit_of(user: &User, new: &str) -> Exchange {
    let new = ProfileImage {
        url: format!("https://host/{new}"),
        public_id: PublicId::parse(new).unwrap(),
    };
    Exchange {
        user_id: user.id,
        new: Some(new),
        retire_at: Timestamp::UNIX_EPOCH,
        now: Timestamp::UNIX_EPOCH,
    }
}

#[tokio::test]
async fn sessions_end_whoever_writes_the_row() {
    let (path, _folder) = file();
    let store = Sqlite::open(&path).unwrap();
    let connection = Connection::open(&path).unwrap();
    let (_, user) = FIRST_RELEASE.split_once("INSERT INTO users").unwrap();
    connection.execute_batch(&format!("INSERT INTO users{user}")).unwrap();
    let read = async || {
        let user = store.user_by_email("asha@example.com").await.unwrap().unwrap();
        (user.sessions.epoch, user.sessions.ended_at.is_some())
    };
    assert_eq!(read().await, (0, false), "a database of before has ended none");
    let mut epochs = vec![0];
    for (change, ends) in [
        ("name = 'A'", false),
        ("password_hash = 'hash'", false),
        ("password_hash = 'another'", true),
        ("suspended = TRUE", true),
        ("suspended = TRUE", false),
        ("suspended = FALSE", false),
        ("suspended = TRUE, password_hash = 'a third'", true),
    ] {
        let before = read().await;
        // As the previous release and an operator write it: without a word of sessions.
        connection.execute(&format!("UPDATE users SET {change}"), []).unwrap();
        let after = read().await;
        assert_eq!(after != before, ends, "{change}");
        if ends {
            assert!(after.1 && !epochs.contains(&after.0), "{change}");
            epochs.push(after.0);
        }
    }
}

/// A store with `count` assets, and a search that looks at each of them many times and finds none.
fn with_assets(path: &Path, count: u32) -> (Sqlite, SearchQuery) {
    let store = Sqlite::open(path).unwrap();
    let insert = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO uploads (id, state, begun_at, purge_at, bytes, sha256, format, width, height, orientation, frames, has_alpha)
         SELECT CAST(printf('%016d', i) AS BLOB), 'live', 1, NULL, 1, zeroblob(32), 'jpg', 1, 1, 1, 1, 0 FROM n;
         INSERT INTO assets (id, resource_type, delivery_type, public_id, version, created_at, updated_at, upload_id)
         SELECT id, 'image', 'upload', hex(id), 1, 1, 1, id FROM uploads;"
    );
    Connection::open(path).unwrap().execute_batch(&insert).unwrap();
    let terms: Vec<String> = (2..40).map(|n| format!("pixels>{n}")).collect();
    let query = SearchQuery {
        expression: Some(Expression::parse(&terms.join(" OR "), Timestamp::UNIX_EPOCH).unwrap()),
        sort_by: Vec::new(),
        after: None,
        limit: 10,
        aggregate: Vec::new(),
    };
    (store, query)
}

#[tokio::test(flavor = "multi_thread")]
async fn point_read_waits_for_no_search() {
    let (path, _folder) = file();
    let (store, query) = with_assets(&path, 30_000);
    let finished = Arc::new(AtomicUsize::new(0));
    let searches: Vec<_> = (0..8)
        .map(|_| {
            let (store, query, finished) = (store.clone(), query.clone(), Arc::clone(&finished));
            tokio::spawn(async move {
                let found = store.search_assets(query).await;
                finished.fetch_add(1, Ordering::SeqCst);
                found.unwrap().total
            })
        })
        .collect();
    tokio::task::yield_now().await;
    let user = UserId::parse("6b03a0b1c2d3e4f5a6b7c8d9").unwrap();
    for _ in 0..8 {
        assert!(store.user(&user).await.unwrap().is_none());
    }
    assert_eq!(
        finished.load(Ordering::SeqCst),
        0,
        "it was answered while all were under way"
    );
    for search in searches {
        assert_eq!(search.await.unwrap(), 0);
    }
}

#[tokio::test]
async fn search_is_given_up_at_its_deadline() {
    let (path, _folder) = file();
    let (store, query) = with_assets(&path, 30_000);
    let impatient = store.clone().with_search_timeout(Duration::from_millis(1));
    let refused = impatient.search_assets(query.clone()).await;
    assert!(matches!(refused, Err(StoreError::TimedOut)), "{refused:?}");
    // Its connection is good for the next one.
    assert_eq!(store.search_assets(query).await.unwrap().total, 0);
    let patient = impatient.with_search_timeout(Duration::from_secs(600));
    assert_eq!(patient.usage().await.unwrap().assets, 30_000);
}
