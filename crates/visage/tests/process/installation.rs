//! An earlier installation: users who refer to files in every way that was ever seen, and the files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use visage_store::{Directory as _, Sha256, Sqlite, User};

use crate::pictures::{IDENTITIES, picture};
use crate::server::{Ended, Server, Site};
use crate::wait::eventually;

/// Small pictures are quickly made, and small files quickly too large.
pub(crate) const SETTINGS: &[(&str, &str)] = &[
    ("VISAGE_PROFILE__TRANSFORMATION", ""),
    ("VISAGE_LIMITS__PROFILE_IMAGE_BYTES", "4096"),
    ("VISAGE_REAPER__RETIRE_AFTER", "0s"),
    ("VISAGE_LOG__FILTER", "error"),
];

/// How users refer to their picture, how that ends, and the file that each has for itself. `N` is the number of the user.
pub(crate) const SHAPES: [(Option<&str>, &str, Option<&str>); 20] = [
    (Some("/uploads/fN.png"), "migrated", Some("fN.png")),
    (Some("uploads/fN.png"), "migrated", Some("fN.png")),
    (Some("http://localhost:5000/uploads/fN.png"), "migrated", Some("fN.png")),
    (
        Some("https://api.gym.example/uploads/fN.png?v=1"),
        "migrated",
        Some("fN.png"),
    ),
    (Some("/uploads/f%20N.png#top"), "migrated", Some("f N.png")),
    (Some("/uploads/\u{e9}N.png"), "migrated", Some("e\u{301}N.png")),
    (Some("\\uploads\\sub\\fN.png"), "migrated", Some("sub/fN.png")),
    (Some("//uploads//sub//fN.png"), "migrated", Some("sub/fN.png")),
    (Some("/uploads/sub/../shared.png"), "migrated", None),
    (Some("/uploads/shared.png"), "migrated", None),
    (None, "no_picture", None),
    (Some(""), "no_picture", None),
    (Some("/uploads/none.png"), "missing_file", None),
    (Some("/uploads/large.png"), "refused", None),
    (Some("/uploads/text.jpg"), "refused", None),
    (Some("/uploads/link.png"), "refused", None),
    (Some("/uploads/pipe.png"), "refused", None),
    (Some("/uploads/sub"), "refused", None),
    (Some("/uploads/%2e%2e/secret.png"), "refused", None),
    (Some("https://elsewhere.example/uploads/x.png"), "refused", None),
];

const FOR_EVERYBODY: [&str; 5] = [
    "--uploads",
    "uploads",
    "--own-host",
    "https://api.gym.example",
    "--json",
];

/// An earlier installation in the folder of `site`: its files, and an export of its users.
pub(crate) fn install(site: &Site, users: usize) {
    let folder = site.folder.path();
    let uploads = folder.join("uploads");
    fs::create_dir_all(uploads.join("sub")).unwrap();
    let mut export = String::new();
    for n in 0..users {
        let (shape, _, file) = SHAPES[n % SHAPES.len()];
        let named = |text: &str| text.replace('N', &n.to_string());
        if let Some(file) = file {
            fs::write(uploads.join(named(file)), picture(identity(n))).unwrap();
        }
        writeln!(export, "{}", document(n, shape.map(named).as_deref())).unwrap();
    }
    fs::write(folder.join("users.json"), export).unwrap();
    fs::write(uploads.join("shared.png"), picture(0)).unwrap();
    fs::write(folder.join("secret.png"), picture(1)).unwrap();
    fs::write(uploads.join("large.png"), [0; 4097]).unwrap();
    fs::write(uploads.join("text.jpg"), "I am no picture.").unwrap();
    symlink("../secret.png", uploads.join("link.png")).unwrap();
    mknodat(CWD, uploads.join("pipe.png"), FileType::Fifo, Mode::RUSR, 0).unwrap();
}

pub(crate) fn identity(n: usize) -> u16 {
    u16::try_from(n).unwrap() % IDENTITIES
}

fn document(n: usize, profile_image: Option<&str>) -> Value {
    json!({
        "_id": {"$oid": format!("66500000{n:016x}")},
        "name": format!("User {n}"),
        "email": format!("user{n}@example.com"),
        "password": "$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "isVerified": true,
        "weight": {"$numberDouble": "70.5"},
        "createdAt": {"$date": "2020-01-01T00:00:00Z"},
        "updatedAt": {"$date": {"$numberLong": "1600000000000"}},
        "profileImage": profile_image,
        "cloudinaryId": null,
    })
}

/// Every file below a folder, and its hash.
pub(crate) fn sources(folder: &Path) -> BTreeMap<PathBuf, Sha256> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(sources(&entry.path()));
        } else if kind.is_file() {
            found.insert(entry.path(), Sha256::of(&fs::read(entry.path()).unwrap()));
        }
    }
    found
}

/// Every user as the database has it.
pub(crate) fn users_in(site: &Site) -> Vec<User> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let directory = Sqlite::open(&site.data.join("visage.db")).unwrap();
        let mut users = Vec::new();
        for picture in directory.all_user_pictures(None, usize::MAX).await.unwrap() {
            users.push(directory.user(&picture.user_id).await.unwrap().unwrap());
        }
        users
    })
}

pub(crate) fn migration<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["migrate-profiles"], FOR_EVERYBODY.as_slice(), more].concat()
}

pub(crate) fn report(site: &Site) -> Vec<Value> {
    let text = fs::read_to_string(site.folder.path().join("report.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn summary(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
}

/// When a migration is killed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    /// At any time up to so many milliseconds after it was begun.
    Any { max_ms: u64 },
    /// Up to so many milliseconds after fewer than `max` documents were moved, or the end.
    Moved { max: usize, max_ms: u64 },
}

/// Kills a migration whose report is being written. Nothing is synchronised with: the moments are to be any.
pub(crate) fn kill_at(mut begun: Server, moment: Moment, report: &Path, rng: &mut StdRng) {
    let max_ms = match moment {
        Moment::Any { max_ms } => max_ms,
        Moment::Moved { max, max_ms } => {
            let enough = rng.random_range(1..max);
            eventually("some are moved", || {
                let lines = fs::read_to_string(report).unwrap_or_default();
                let is_enough = lines.matches("\"migrated\"").count() >= enough;
                (is_enough || begun.has_ended()).then_some(())
            });
            max_ms
        }
    };
    thread::sleep(Duration::from_millis(rng.random_range(0..max_ms)));
    begun.kill();
}
