//! `visage migrate-profiles` is killed again and again, and conserves everybody and everything.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::account::Pair;
use crate::client::get;
use crate::installation::{
    Moment, SETTINGS, SHAPES, identity, install, kill_at, migration, report, sources, summary, users_in,
};
use crate::server::Site;

const USERS: usize = 5000;
const KILLS: usize = 50;
/// After so many of them, everybody is in the directory.
const KILLS_WITH_EXPORT: usize = 12;
const SEED: u64 = 20_261_126;

/// Starts the migration and kills it: at any moment at first, later when it has moved a few pictures.
fn kill_one(site: &Site, number: usize, rng: &mut StdRng) {
    let reported = site.folder.path().join("report.ndjson");
    fs::remove_file(&reported).ok();
    let with_export = ["--report", "report.ndjson", "--users", "users.json"];
    let more = if number < KILLS_WITH_EXPORT {
        &with_export[..]
    } else {
        &with_export[..2]
    };
    let begun = site.begin(&migration(more), &[]);
    let moment = if number < KILLS_WITH_EXPORT / 2 {
        Moment::Any { max_ms: 400 }
    } else {
        Moment::Moved { max: 40, max_ms: 20 }
    };
    kill_at(begun, moment, &reported, rng);
}

/// Runs the migration to its end and checks that its report names everybody once, with the right end.
#[track_caller]
fn finish(site: &Site) {
    let ended = site.run(&migration(&["--report", "report.ndjson", "--users", "users.json"]), &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ends: BTreeMap<String, String> = report(site)
        .iter()
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            (text("user"), text("outcome").replace("already_there", "migrated"))
        })
        .collect();
    let expected = (0..USERS).map(|n| (format!("66500000{n:016x}"), SHAPES[n % SHAPES.len()].1.to_owned()));
    assert_eq!(ends, expected.collect());
    let summary = summary(&ended);
    assert_eq!(
        (report(site).len(), &summary["users"]),
        (USERS, &json!(USERS)),
        "{summary}"
    );
    let words = [
        "migrated",
        "already_there",
        "no_picture",
        "missing_file",
        "refused",
        "failed",
        "superseded",
    ];
    let sum: u64 = words.iter().map(|word| summary[word].as_u64().unwrap()).sum();
    assert_eq!(sum, USERS as u64, "{summary}");
    eprintln!("at the end {summary}");
}

/// Nothing is lost, and nothing is kept too much.
#[track_caller]
pub(crate) fn assert_settled(site: &Site, pictures: usize) {
    // A start clears away what writes of killed commands have left.
    site.start().kill();
    site.settle(&["--at-once"]);
    let (_, audit) = site.audit();
    for name in [
        "dangling_references",
        "missing_originals",
        "damaged_originals",
        "unreferenced_assets",
        "stray_blobs",
        "temporary_files",
    ] {
        assert_eq!(audit[name], 0, "{name} in {audit}");
    }
    assert_eq!(
        (&audit["assets"], &audit["references"]),
        (&json!(pictures), &json!(pictures))
    );
}

#[test]
fn through_fifty_kills_five_thousand_users_are_moved_in_and_an_undo_gives_all_back() {
    let mut rng = StdRng::seed_from_u64(SEED);
    let begun = Instant::now();
    let site = Site::new(SETTINGS);
    install(&site, USERS);
    let before = sources(site.folder.path());
    // The same users where nothing can be moved: as they are without a migration.
    let untouched = Site::new(SETTINGS);
    fs::create_dir(untouched.folder.path().join("uploads")).unwrap();
    fs::copy(
        site.folder.path().join("users.json"),
        untouched.folder.path().join("users.json"),
    )
    .unwrap();
    assert_eq!(untouched.run(&migration(&["--users", "users.json"]), &[]).code, Some(0));
    let users = users_in(&untouched);
    assert_eq!(users.len(), USERS);

    let mut half_way = 0;
    for number in 0..KILLS {
        kill_one(&site, number, &mut rng);
        half_way += usize::from(number >= KILLS_WITH_EXPORT / 2);
    }
    eprintln!("{half_way} kills while pictures moved: {:?}", begun.elapsed());
    finish(&site);
    let pictures = USERS / SHAPES.len() * SHAPES.iter().filter(|shape| shape.1 == "migrated").count();
    assert_settled(&site, pictures);
    check_shown(&site);
    eprintln!("moved in and settled: {:?}", begun.elapsed());

    let undone = site.run(&["migrate-profiles", "--undo", "report.ndjson", "--json"], &[]);
    assert_eq!(
        (undone.code, &summary(&undone)["restored"]),
        (Some(0), &json!(pictures)),
        "{undone:?}"
    );
    assert_eq!(users_in(&site), users);
    assert_settled(&site, 0);
    let mut after = sources(site.folder.path());
    after.retain(|path, _| before.contains_key(path));
    assert_eq!(after, before, "a source was touched");
    eprintln!("undone and settled: {:?}", begun.elapsed());
}

/// A few of the users have the picture that was theirs.
fn check_shown(site: &Site) {
    let _server = site.start();
    for n in (0..USERS).step_by(331) {
        let (_, outcome, file) = SHAPES[n % SHAPES.len()];
        let user = users_in_report(site, n);
        if outcome == "migrated" {
            let expected = file.map_or(0, |_| identity(n));
            assert_eq!(get(user["url"].as_str().unwrap()).unwrap().identity(), expected);
        }
    }
}

fn users_in_report(site: &Site, n: usize) -> Value {
    let id = format!("66500000{n:016x}");
    report(site).into_iter().find(|line| line["user"] == id).unwrap()
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
    let arguments = migration(&["--users", "users.json", "--remove-source", "--parallel", "1"]);
    let command = site.begin(&arguments, &[("VISAGE_CRASH_AT", point)]);
    command.wait_for_log(&format!("crash point reached: {point}"));
    command.kill();
    let after = sources(site.folder.path());
    let lost = before.keys().filter(|path| !after.contains_key(*path)).count();
    assert_eq!(lost, usize::from(point == "source-file-removed"));
    let ended = site.run(&arguments, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = summary(&ended);
    let there = ["migrated", "already_there"].map(|word| summary[word].as_u64().unwrap());
    assert_eq!(there.iter().sum::<u64>(), 10, "{summary}");
    let left = sources(&site.folder.path().join("uploads"));
    let left: Vec<_> = left.keys().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(
        left,
        ["large.png", "text.jpg"],
        "what is moved is removed, and nothing else"
    );
    assert_settled(&site, 10);
}

#[test]
fn a_crash_after_users_were_added_is_made_good_by_the_next_run() {
    crash_at("users-imported");
}

#[test]
fn a_crash_before_a_picture_is_stored_is_made_good_by_the_next_run() {
    crash_at("adoption-begun");
}

#[test]
fn a_crash_after_a_picture_was_stored_is_made_good_by_the_next_run() {
    crash_at("adoption-stored");
}

#[test]
fn a_crash_after_a_user_has_its_picture_is_made_good_by_the_next_run() {
    crash_at("adoption-committed");
}

#[test]
fn a_crash_after_a_file_was_removed_is_made_good_by_the_next_run() {
    crash_at("source-file-removed");
}

#[test]
fn a_crash_in_an_undo_is_made_good_by_the_next_one_and_a_removed_file_is_not_undone() {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a release build has no crash points");
        return;
    }
    let site = Site::new(SETTINGS);
    install(&site, SHAPES.len());
    let migrate = migration(&["--users", "users.json", "--report", "report.csv"]);
    assert_eq!(site.run(&migrate, &[]).code, Some(0));
    let undo = ["migrate-profiles", "--undo", "report.csv", "--json"];
    let command = site.begin(&undo, &[("VISAGE_CRASH_AT", "adoption-undone")]);
    command.wait_for_log("crash point reached: adoption-undone");
    command.kill();
    fs::remove_file(site.folder.path().join("uploads/shared.png")).unwrap();
    let ended = site.run(&undo, &[]);
    let figures = summary(&ended);
    // Two users shared the file that is gone; one user's picture was put back before the crash.
    assert_eq!(
        (ended.code, &figures["refused"], &figures["restored"]),
        (Some(1), &json!(2), &json!(7)),
        "{ended:?}"
    );
    assert_settled(&site, 2);
}

#[test]
fn an_account_that_cannot_be_reached_costs_no_file_and_the_command_fails() {
    let pair = Pair::new("take_in", SETTINGS);
    install(&pair.app, SHAPES.len());
    let before = sources(pair.app.folder.path());
    let arguments = migration(&["--users", "users.json", "--remove-source", "--report", "report.ndjson"]);
    let ended = pair.app.run(&arguments, &[]);
    let figures = summary(&ended);
    assert_eq!(
        (ended.code, &figures["failed"], &figures["users"]),
        (Some(1), &json!(10), &json!(20)),
        "{ended:?}"
    );
    assert_eq!(report(&pair.app).len(), 20);
    fs::remove_file(pair.app.folder.path().join("report.ndjson")).unwrap();
    let mut after = sources(pair.app.folder.path());
    after.retain(|path, _| !path.starts_with(&pair.app.data));
    assert_eq!(after, before);
    let account = pair.account.start();
    let ended = pair.app.run(&arguments, &[]);
    assert_eq!(
        (ended.code, &summary(&ended)["migrated"]),
        (Some(0), &json!(10)),
        "{ended:?}"
    );
    drop(account);
}

#[test]
fn a_dry_run_in_an_empty_place_leaves_it_empty() {
    let site = Site::new(SETTINGS);
    install(&site, SHAPES.len());
    let only_look = site.run(&migration(&["--users", "users.json", "--dry-run"]), &[]);
    assert_eq!(
        (only_look.code, &summary(&only_look)["would_migrate"]),
        (Some(0), &json!(10)),
        "{only_look:?}"
    );
    assert!(!site.data.exists());
    let done = site.run(&migration(&["--users", "users.json"]), &[]);
    assert_eq!(summary(&done)["migrated"], 10);
    assert_settled(&site, 10);
}

#[test]
fn a_migration_that_cannot_begin_says_why() {
    let site = Site::new(SETTINGS);
    install(&site, 1);
    for (arguments, code, expected) in [
        (vec!["migrate-profiles"], 2, "--uploads"),
        (
            vec!["migrate-profiles", "--uploads", "uploads"],
            1,
            "there is no visage data",
        ),
        (migration(&["--users", "none.json"]), 1, "none.json"),
        (migration(&["--own-host", "gym.example"]), 2, "https://api.example.com"),
        (
            migration(&["--report", "uploads/report.csv"]),
            1,
            "in the folder of the pictures",
        ),
        (migration(&["--undo", "report.csv", "--dry-run"]), 2, "--dry-run"),
        (
            vec!["migrate-profiles", "--undo", "users.json", "--report", "./users.json"],
            1,
            "would be overwritten",
        ),
    ] {
        let ended = site.run(&arguments, &[]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains(expected), "{expected}: {ended:?}");
    }
}
