//! `visage migrate-posts` is killed again and again, and takes every post in once.

use std::collections::BTreeMap;
use std::fs;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::client::{User, get};
use crate::installation::{Moment, identity, kill_at, report, sources, summary};
use crate::migrate::assert_settled;
use crate::pictures::picture;
use crate::server::Site;

const POSTS: usize = 300;
const KILLS: usize = 10;
const SEED: u64 = 20_261_127;

/// Small files are quickly too large, and nothing is rendered.
const SETTINGS: &[(&str, &str)] = &[
    ("VISAGE_POSTS__TRANSFORMATION", ""),
    ("VISAGE_LIMITS__POST_MEDIA_BYTES", "4096"),
    ("VISAGE_REAPER__RETIRE_AFTER", "0s"),
    ("VISAGE_LOG__FILTER", "error"),
];

/// What posts show, how that ends, and the file that each has for itself. `N` is the number of the post.
const SHAPES: [(Option<&str>, &str, Option<&str>); 10] = [
    (Some("/uploads/fN.png"), "migrated", Some("fN.png")),
    (Some("uploads/fN.png?v=1"), "migrated", Some("fN.png")),
    (Some("http://localhost:5000/uploads/fN.png"), "migrated", Some("fN.png")),
    (Some("/uploads/f%20N.png"), "migrated", Some("f N.png")),
    (Some("/uploads/shared.png"), "migrated", None),
    (Some("/uploads/shared.png"), "migrated", None),
    (None, "migrated", None),
    (Some("/uploads/oldN.png"), "expired", Some("oldN.png")),
    (Some("/uploads/none.png"), "missing_file", None),
    (Some("/uploads/large.png"), "refused", None),
];

/// How many of the shapes come with something to show.
const SHOWN: usize = 6;

fn id(n: usize) -> String {
    format!("66700000{n:016x}")
}

fn document(n: usize) -> Value {
    let (shape, outcome, _) = SHAPES[n % SHAPES.len()];
    let media = shape.map(|shape| shape.replace('N', &n.to_string()));
    let expires_at = if outcome == "expired" {
        "2020-01-01T00:00:00Z"
    } else {
        "2099-01-01T00:00:00Z"
    };
    json!({
        "_id": {"$oid": id(n)},
        "user": {"$oid": "66500000aaaaaaaaaaaaaaaa"},
        "content": n.to_string(),
        "media": media,
        "likes": [{"$oid": "66500000bbbbbbbbbbbbbbbb"}],
        "createdAt": {"$date": {"$numberLong": (1_600_000_000_000 + n).to_string()}},
        "expiresAt": {"$date": expires_at},
        "__v": 1,
    })
}

/// An export of posts in the folder of `site`, and the files.
fn install(site: &Site, posts: usize) {
    let uploads = site.folder.path().join("uploads");
    fs::create_dir(&uploads).unwrap();
    for n in 0..posts {
        if let (_, _, Some(file)) = SHAPES[n % SHAPES.len()] {
            fs::write(uploads.join(file.replace('N', &n.to_string())), picture(identity(n))).unwrap();
        }
    }
    fs::write(uploads.join("shared.png"), picture(0)).unwrap();
    fs::write(uploads.join("large.png"), [0; 4097]).unwrap();
    let export: Vec<String> = (0..posts).map(|n| document(n).to_string()).collect();
    fs::write(site.folder.path().join("posts.json"), export.join("\n")).unwrap();
}

fn migration<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let all = [
        "migrate-posts",
        "--uploads",
        "uploads",
        "--posts",
        "posts.json",
        "--json",
    ];
    [&all, more].concat()
}

/// Starts the migration and kills it: at any moment at first, later when it has moved a few posts.
fn kill_one(site: &Site, number: usize, rng: &mut StdRng) {
    let reported = site.folder.path().join("report.ndjson");
    fs::remove_file(&reported).ok();
    let begun = site.begin(&migration(&["--report", "report.ndjson"]), &[]);
    let moment = if number < KILLS / 3 {
        Moment::Any { max_ms: 300 }
    } else {
        Moment::Moved { max: 25, max_ms: 10 }
    };
    kill_at(begun, moment, &reported, rng);
}

#[test]
fn through_ten_kills_three_hundred_posts_are_moved_in_once() {
    let mut rng = StdRng::seed_from_u64(SEED);
    let site = Site::new(SETTINGS);
    install(&site, POSTS);
    let before = sources(site.folder.path());
    for number in 0..KILLS {
        kill_one(&site, number, &mut rng);
    }
    let ended = site.run(&migration(&["--report", "report.ndjson"]), &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ends: BTreeMap<String, String> = report(&site)
        .iter()
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            (text("post"), text("outcome").replace("already_there", "migrated"))
        })
        .collect();
    let expected = (0..POSTS).map(|n| (id(n), SHAPES[n % SHAPES.len()].1.to_owned()));
    assert_eq!(ends, expected.collect());
    let summary = summary(&ended);
    let words = [
        "migrated",
        "already_there",
        "expired",
        "missing_file",
        "refused",
        "failed",
        "superseded",
    ];
    let sum: u64 = words.iter().map(|word| summary[word].as_u64().unwrap()).sum();
    assert_eq!((sum, &summary["posts"]), (POSTS as u64, &json!(POSTS)), "{summary}");
    assert!(
        summary["already_there"] != 0,
        "a kill left nothing to go on from: {summary}"
    );
    eprintln!("at the end {summary}");
    assert_settled(&site, POSTS / SHAPES.len() * SHOWN);
    let mut after = sources(site.folder.path());
    after.retain(|path, _| before.contains_key(path));
    assert_eq!(after, before, "a source was touched");
    check_feed(&site);
}

/// The newest posts are there, each once, with the pictures that were theirs.
fn check_feed(site: &Site) {
    let _server = site.start();
    let feed = User::new(site, "reader").feed();
    let newest = (0..POSTS).rev().filter(|n| SHAPES[n % SHAPES.len()].1 == "migrated");
    for (post, n) in feed.iter().zip(newest) {
        assert_eq!((&post["_id"], &post["content"]), (&json!(id(n)), &json!(n.to_string())));
        assert_eq!(post["likes"].as_array().unwrap().len(), 1);
        let (shape, _, own) = SHAPES[n % SHAPES.len()];
        assert_eq!(post["mediaType"].as_str(), shape.map(|_| "image"));
        if let Some(url) = post["media"].as_str() {
            assert_eq!(get(url).unwrap().identity(), own.map_or(0, |_| identity(n)));
        }
    }
    assert_eq!(feed.len(), 10);
}

/// The command is ended at `point`, then run again.
fn crash_at(point: &str) {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a release build has no crash points");
        return;
    }
    let site = Site::new(SETTINGS);
    install(&site, SHAPES.len());
    let before = sources(site.folder.path());
    let arguments = migration(&["--remove-source", "--parallel", "1"]);
    let command = site.begin(&arguments, &[("VISAGE_CRASH_AT", point)]);
    command.wait_for_log(&format!("crash point reached: {point}"));
    command.kill();
    let after = sources(site.folder.path());
    let lost = before.keys().filter(|path| !after.contains_key(*path)).count();
    let expected = match point {
        "source-file-removed" => 1,
        // By then the posts before it have come.
        "post-added" => 5,
        _ => 0,
    };
    assert_eq!(lost, expected);
    let ended = site.run(&arguments, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = summary(&ended);
    let there = ["migrated", "already_there"].map(|word| summary[word].as_u64().unwrap());
    assert_eq!(there.iter().sum::<u64>(), 7, "{summary}");
    let left = sources(&site.folder.path().join("uploads"));
    let left: Vec<_> = left.keys().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(
        left,
        ["large.png", "old7.png"],
        "what is moved is removed, and nothing else"
    );
    assert_settled(&site, SHOWN);
}

#[test]
fn a_crash_before_what_a_post_shows_is_stored_is_made_good_by_the_next_run() {
    crash_at("adoption-begun");
}

#[test]
fn a_crash_before_a_post_is_added_is_made_good_by_the_next_run() {
    crash_at("adoption-stored");
}

#[test]
fn a_crash_after_a_post_was_added_is_made_good_by_the_next_run() {
    crash_at("adoption-committed");
}

#[test]
fn a_crash_after_the_file_of_a_post_was_removed_is_made_good_by_the_next_run() {
    crash_at("source-file-removed");
}

#[test]
fn a_crash_after_a_post_without_a_file_was_added_is_made_good_by_the_next_run() {
    crash_at("post-added");
}

#[test]
fn a_migration_of_posts_that_cannot_begin_says_why() {
    let site = Site::new(SETTINGS);
    install(&site, 1);
    let only_look = site.run(&migration(&["--dry-run"]), &[]);
    assert_eq!(
        (only_look.code, &summary(&only_look)["would_migrate"]),
        (Some(0), &json!(1))
    );
    assert!(!site.data.exists());
    for (arguments, code, expected) in [
        (vec!["migrate-posts", "--uploads", "uploads"], 2, "--posts"),
        (vec!["migrate-posts", "--posts", "posts.json"], 2, "--uploads"),
        (migration(&["--undo", "report.csv"]), 2, "--undo"),
        (
            migration(&["--report", "uploads/report.csv"]),
            1,
            "in the folder of the pictures",
        ),
        (migration(&["--report", "./posts.json"]), 1, "would be overwritten"),
        (
            vec!["migrate-posts", "--uploads", "uploads", "--posts", "none.json"],
            1,
            "none.json",
        ),
        (
            vec!["migrate-profiles", "--uploads", "uploads", "--posts", "posts.json"],
            2,
            "--remove-source",
        ),
    ] {
        let ended = site.run(&arguments, &[]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains(expected), "{expected}: {ended:?}");
    }
}
