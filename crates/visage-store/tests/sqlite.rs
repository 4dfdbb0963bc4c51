//! What is particular to SQLite: schema, durability settings, two processes, a caller that goes away.
#![cfg(test)]

use std::path::{Path, PathBuf};

use futures_util::FutureExt as _;
use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;
use visage_cloudinary::{PublicId, ResourceType};
use visage_store::{
    Catalog as _, Directory, Exchange, MediaCounts, NewUser, PendingMedia, ProfileImage, Role, Secret, Sqlite,
    StoreError, UploadId, User,
};

#[tokio::test]
async fn an_empty_file_and_a_migrated_one_both_open() {
    let (path, _folder) = file();
    let user = create_user(&Sqlite::open(&path).unwrap()).await;
    assert_eq!(Sqlite::open(&path).unwrap().user(&user.id).await.unwrap(), Some(user));
}

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
    assert!(matches!(Sqlite::open(&path).unwrap_err(), StoreError::Damaged(_)));
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
    let lax = "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%' AND NOT strict";
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
    let MediaCounts { pending, expired } = store.media_counts().await.unwrap();
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
    let reopened = Sqlite::open(&path).unwrap();
    assert_eq!(reopened.media_counts().await.unwrap(), MediaCounts { pending, expired });
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
async fn a_backup_is_a_whole_database_of_its_own() {
    let (path, folder) = file();
    let store = Sqlite::open(&path).unwrap();
    let user = create_user(&store).await;
    let copy = folder.path().join("copy.db");
    store.back_up_to(&copy).await.unwrap();
    store
        .delete_user(&user.id, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    assert_eq!(Sqlite::open(&copy).unwrap().user(&user.id).await.unwrap(), Some(user));
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
