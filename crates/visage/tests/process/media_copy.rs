//! `visage media copy` is killed again and again, and loses nothing there or back.

use std::fs;
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

use crate::account::{Pair, copy_arguments};
use crate::client::{User, get, original_url};
use crate::pictures::picture;
use crate::server::Server;
use crate::wait::eventually;

const USERS: u16 = 120;
const KILLS: usize = 12;
const SEED: u64 = 20_261_125;

/// Members with a picture in the own store, both programs running.
fn scene(users: u16) -> (Pair, Vec<User>, [Server; 2]) {
    let pair = Pair::new(
        "refuse",
        &[
            ("VISAGE_MEDIA_HOST", "embedded"),
            ("VISAGE_RATE_LIMIT__ADDRESS_BURST", "1000"),
        ],
    );
    let servers = [pair.account.start(), pair.app.start()];
    let user = |n| {
        let user = User::new(&pair.app, &format!("user{n}"));
        user.put(picture(n));
        user
    };
    let users = (0..users).map(user).collect();
    (pair, users, servers)
}

/// The originals that users refer to, and how many of the URLs are the account's.
fn originals(pair: &Pair, users: &[User]) -> (Vec<Vec<u8>>, usize) {
    let urls: Vec<String> = users.iter().map(|user| user.image_url().unwrap().unwrap()).collect();
    let files = urls.iter().map(|url| {
        assert_eq!(get(url).unwrap().status, 200, "{url}");
        let original = get(&original_url(url)).unwrap();
        assert_eq!(original.status, 200, "{url}");
        original.body
    });
    let files = files.collect();
    (files, urls.iter().filter(|url| pair.is_in_account(url)).count())
}

/// Runs the command to its end and checks that its report has a line for each user.
#[track_caller]
fn finish(pair: &Pair, arguments: &[&str], users: usize) -> Value {
    let ended = pair.app.run(arguments, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary: Value = serde_json::from_str(&ended.stdout).unwrap();
    let report = fs::read_to_string(pair.app.folder.path().join("report.ndjson")).unwrap();
    let lines = report.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut named: Vec<String> = lines
        .map(|line| {
            assert!(
                line["outcome"] == "copied" || line["outcome"] == "already_there",
                "{line}"
            );
            line["user"].as_str().unwrap().to_owned()
        })
        .collect();
    named.sort_unstable();
    named.dedup();
    assert_eq!(
        (named.len(), &summary["references"]),
        (users, &Value::from(users)),
        "{summary}"
    );
    summary
}

fn copy_through_kills(pair: &Pair, users: &[User], arguments: &[&str], rng: &mut StdRng) {
    let report = pair.app.folder.path().join("report.ndjson");
    let (before, _) = originals(pair, users);
    let mut half_way = 0;
    for _ in 0..KILLS {
        fs::remove_file(&report).ok();
        let command = pair.app.begin(arguments, &[]);
        let enough = rng.random_range(1..4);
        eventually("some pictures are copied", || {
            let lines = fs::read_to_string(&report).unwrap_or_default();
            let is_over = lines.lines().count() == users.len();
            (is_over || lines.matches("\"copied\"").count() >= enough).then_some(())
        });
        // Not synchronisation: the moment of the kill is to be any moment.
        thread::sleep(Duration::from_millis(rng.random_range(0..20)));
        command.kill();
        let (after, in_account) = originals(pair, users);
        assert_eq!(after, before, "a kill changed what users see");
        half_way += usize::from((1..users.len()).contains(&in_account));
    }
    let summary = finish(pair, arguments, users.len());
    assert_eq!(originals(pair, users).0, before);
    assert!(half_way >= 3, "kills in the middle: {half_way} of {KILLS}");
    eprintln!("{half_way} of {KILLS} kills half-way, then {summary}");
}

#[test]
fn there_and_back_through_kills_every_picture_keeps_its_bytes_and_its_user() {
    let mut rng = StdRng::seed_from_u64(SEED);
    let (pair, users, [account, app]) = scene(USERS);
    let there = copy_arguments("embedded", "cloudinary", &[]);
    copy_through_kills(&pair, &users, &there, &mut rng);
    assert_eq!(originals(&pair, &users).1, users.len(), "all are in the account");
    let (_, audit) = pair.app.audit();
    assert_eq!(audit["assets"], users.len(), "the source is left alone");
    let back = copy_arguments("cloudinary", "embedded", &["--remove-source"]);
    copy_through_kills(&pair, &users, &back, &mut rng);
    assert_eq!(originals(&pair, &users).1, 0, "all are in the own store");
    app.kill();
    // A start clears away what writes of killed commands have left.
    pair.app.start().kill();
    pair.app.settle(&["--at-once"]);
    account.kill();
    pair.account.settle(&["--at-once"]);
    pair.account.assert_clean(0);
    let _account = pair.account.start();
    pair.app.assert_clean(u64::from(USERS));
}

/// The command is ended at `point`, then run again.
fn crash_at(point: &str) {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a release build has no crash points");
        return;
    }
    let (pair, users, [account, app]) = scene(2);
    let (before, _) = originals(&pair, &users);
    let arguments = copy_arguments("embedded", "cloudinary", &["--remove-source"]);
    let command = pair.app.begin(&arguments, &[("VISAGE_CRASH_AT", point)]);
    command.wait_for_log(&format!("crash point reached: {point}"));
    command.kill();
    assert_eq!(originals(&pair, &users).0, before);
    finish(&pair, &arguments, users.len());
    assert_eq!(originals(&pair, &users), (before, users.len()));
    app.kill();
    pair.check_settled(account, &users);
}

#[test]
fn a_crash_before_a_picture_is_copied_is_made_good_by_the_next_run() {
    crash_at("relocation-begun");
}

#[test]
fn a_crash_after_a_picture_was_copied_is_made_good_by_the_next_run() {
    crash_at("picture-copied");
}

#[test]
fn a_crash_after_a_reference_was_changed_is_made_good_by_the_next_run() {
    crash_at("relocation-committed");
}

#[test]
fn a_crash_after_a_source_was_removed_is_made_good_by_the_next_run() {
    crash_at("source-removed");
}
