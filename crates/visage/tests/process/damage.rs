//! Files that change or vanish behind the program's back.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::client::{User, get, original_url};
use crate::pictures::picture;
use crate::server::Site;

/// A stopped site with one picture: its user, the URL of its original and the file that is stored.
fn one_picture() -> (Site, String, PathBuf) {
    let site = Site::new(&[]);
    let server = site.start();
    let user = User::new(&site, "user");
    let url = user.put(picture(9));
    let url = original_url(&url);
    assert_eq!(get(&url).unwrap().identity(), 9);
    server.kill();
    site.assert_clean(1);
    let [file] = site.originals().try_into().unwrap();
    (site, url, file)
}

#[test]
fn an_original_with_one_wrong_byte_is_an_error_and_not_a_wrong_picture() {
    let (site, url, file) = one_picture();
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let server = site.start();
    for path in ["/upload/", "/upload/w_50/", "/upload/c_fill,f_jpg,h_20,w_20/"] {
        let answer = get(&url.replace("/upload/", path)).unwrap();
        assert_eq!((answer.status, answer.body), (500, Vec::new()), "{path}");
    }
    server.kill();
    let (code, audit) = site.audit();
    assert_eq!((code, &audit["damaged_originals"]), (Some(1), &1.into()), "{audit}");
}

#[test]
fn an_original_that_is_gone_is_an_error_and_the_audit_misses_it() {
    let (site, url, file) = one_picture();
    fs::remove_file(file).unwrap();
    let server = site.start();
    assert_eq!(get(&url).unwrap().status, 500);
    server.kill();
    let (code, audit) = site.audit();
    assert_eq!((code, &audit["missing_originals"]), (Some(1), &1.into()), "{audit}");
}

/// Overwrites the page that the rows of a table hang on.
fn damage_table(database: &Path, table: &str) {
    let connection = Connection::open(database).unwrap();
    connection.pragma_update(None, "journal_mode", "DELETE").unwrap();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u64>(0)).unwrap();
    let root = number(&format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}'"));
    let page_bytes = number("PRAGMA page_size");
    drop(connection);
    let junk = vec![0xff; usize::try_from(page_bytes).unwrap()];
    let file = fs::File::options().write(true).open(database).unwrap();
    file.write_all_at(&junk, (root - 1) * page_bytes).unwrap();
}

#[test]
fn damaged_database_refuses_writes_and_serves_pictures() {
    let site = Site::new(&[]);
    let server = site.start();
    let user = User::new(&site, "user");
    let url = original_url(&user.put(picture(3)));
    server.kill();
    damage_table(&site.data.join("visage.db"), "posts");
    let _server = site.start();
    // The first request that meets the damage finds it; from then on nothing is written.
    let first = user.post(picture(4)).unwrap();
    assert_eq!(first.status, 503, "{first:?}");
    let refused = user.upload(picture(5)).unwrap();
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (503, &"database_damaged".into())
    );
    assert_eq!(get(&url).unwrap().identity(), 3);
    let health = get(&format!("{}/health", site.url())).unwrap();
    let body = health.json();
    assert_eq!((health.status, &body["status"]), (200, &"degraded".into()), "{body}");
    assert_eq!(body["database"]["ok"], false);
}
