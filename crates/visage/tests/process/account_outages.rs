//! The account is killed and restarted every few seconds while people replace their pictures; or the app is, between two
//! steps of taking a picture in and moving it.

use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::account::{HASTY, Pair};
use crate::client::User;
use crate::pictures::picture;
use crate::server::Server;
use crate::wait::Over;

const EXCHANGES: u16 = 1000;
const USERS: u16 = 4;
const SEED: u64 = 20_261_124;

const OLD: u16 = 0x1a2;
const NEW: u16 = 0xe4b;
const OTHER: u16 = 0x7f7;

struct Tally {
    exchanged: AtomicU16,
    refused: AtomicUsize,
    taken_in: AtomicUsize,
    outages: AtomicUsize,
}

/// A user's uploads, one after the other, until all users together have exchanged so many.
fn replace_pictures(pair: &Pair, user: &User, base: u16, tally: &Tally, refuses: bool) {
    let mut shown = None;
    for number in 0.. {
        if tally.exchanged.load(Ordering::SeqCst) >= EXCHANGES {
            return;
        }
        let answer = user.upload(picture(base + number % 1024)).unwrap();
        if answer.status == 200 {
            let url = answer.stored_url();
            if !pair.is_in_account(&url) {
                assert!(!refuses, "{url}");
                tally.taken_in.fetch_add(1, Ordering::SeqCst);
            }
            shown = Some(base + number % 1024);
            tally.exchanged.fetch_add(1, Ordering::SeqCst);
        } else {
            assert!(refuses && answer.status == 503, "{answer:?}");
            tally.refused.fetch_add(1, Ordering::SeqCst);
        }
    }
    assert!(shown.is_some());
}

/// Kills the account and leaves it down for a while, again and again. Returns the one that runs at the end.
fn kill_and_restart(pair: &Pair, mut account: Server, over: &Over, tally: &Tally) -> Server {
    let mut rng = StdRng::seed_from_u64(SEED);
    while !over.is_set() {
        // Not synchronisation: the moments are to be any.
        thread::sleep(Duration::from_millis(rng.random_range(500..2500)));
        account.kill();
        thread::sleep(Duration::from_millis(rng.random_range(0..1500)));
        account = pair.account.start();
        tally.outages.fetch_add(1, Ordering::SeqCst);
    }
    account
}

fn a_thousand_exchanges(outage: &str) {
    let begun = Instant::now();
    let pair = Pair::new(outage, &[("VISAGE_REAPER__INTERVAL", "1s")]);
    let account = pair.account.start();
    let app = pair.app.start_with(HASTY);
    let users: Vec<User> = (0..USERS).map(|n| User::new(&pair.app, &format!("user{n}"))).collect();
    let tally = Tally {
        exchanged: AtomicU16::new(0),
        refused: AtomicUsize::new(0),
        taken_in: AtomicUsize::new(0),
        outages: AtomicUsize::new(0),
    };
    let over = Over::default();
    let account = thread::scope(|threads| {
        let killer = threads.spawn(|| kill_and_restart(&pair, account, &over, &tally));
        let guard = over.guard();
        thread::scope(|threads| {
            for (user, base) in users.iter().zip((0..).step_by(1024)) {
                let (pair, tally) = (&pair, &tally);
                threads.spawn(move || replace_pictures(pair, user, base, tally, outage == "refuse"));
            }
        });
        drop(guard);
        killer.join().unwrap()
    });
    let last: Vec<u16> = users.iter().map(User::shown).collect();
    app.kill();
    eprintln!(
        "{outage}: {} exchanges, {} outages, {} refused, {} taken in, {:?}",
        tally.exchanged.into_inner(),
        tally.outages.into_inner(),
        tally.refused.into_inner(),
        tally.taken_in.into_inner(),
        begun.elapsed()
    );
    pair.check_settled(account, &users);
    let (_account, _app) = (pair.account.start(), pair.app.start());
    assert_eq!(users.iter().map(User::shown).collect::<Vec<_>>(), last);
}

#[test]
fn through_a_thousand_exchanges_an_account_that_comes_and_goes_loses_nothing_and_keeps_nothing_too_much() {
    a_thousand_exchanges("refuse");
}

#[test]
fn through_a_thousand_exchanges_all_pictures_are_taken_and_end_in_the_account() {
    a_thousand_exchanges("take_in");
}

/// Two users, each with a picture in the account.
fn scene() -> (Pair, Vec<User>, Server, Server) {
    let pair = Pair::new("take_in", &[]);
    let account = pair.account.start();
    let app = pair.app.start();
    let users = ["user", "other"].map(|name| User::new(&pair.app, name)).to_vec();
    users[0].put(picture(OLD));
    users[1].put(picture(OTHER));
    (pair, users, account, app)
}

#[track_caller]
fn check_after_crash(pair: &Pair, users: &[User], account: Server, expected: u16) {
    let app = pair.app.start();
    assert_eq!((users[0].shown(), users[1].shown()), (expected, OTHER));
    app.kill();
    pair.check_settled(account, users);
    let (_account, _app) = (pair.account.start(), pair.app.start());
    assert_eq!((users[0].shown(), users[1].shown()), (expected, OTHER));
}

/// Ends the app when an upload, with the account down, has come to `point`, where `expected` is the user's picture.
fn crash_in_exchange(point: &str, expected: u16) {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a release build has no crash points");
        return;
    }
    let (pair, users, account, app) = scene();
    account.kill();
    app.kill();
    let app = pair.app.start_with(&[("VISAGE_CRASH_AT", point)]);
    let user = users[0].clone();
    let unanswered = thread::spawn(move || user.upload(picture(NEW)));
    app.wait_for_log(&format!("crash point reached: {point}"));
    app.kill();
    unanswered.join().unwrap().unwrap_err();
    check_after_crash(&pair, &users, pair.account.start(), expected);
}

/// Ends the app when it moves a picture that was taken in and has come to `point`.
fn crash_in_mover(point: &str) {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a release build has no crash points");
        return;
    }
    let (pair, users, account, app) = scene();
    account.kill();
    assert!(!pair.is_in_account(&users[0].put(picture(NEW))));
    app.kill();
    let account = pair.account.start();
    let settings = [("VISAGE_REAPER__INTERVAL", "1s"), ("VISAGE_CRASH_AT", point)];
    let app = pair.app.start_with(&settings);
    app.wait_for_log(&format!("crash point reached: {point}"));
    assert_eq!((users[0].shown(), users[1].shown()), (NEW, OTHER));
    app.kill();
    check_after_crash(&pair, &users, account, NEW);
}

#[test]
fn a_crash_after_taking_in_was_noted_leaves_the_old_picture() {
    crash_in_exchange("taking-in-noted", OLD);
}

#[test]
fn a_crash_after_a_picture_was_taken_in_leaves_the_old_picture() {
    crash_in_exchange("picture-uploaded", OLD);
}

#[test]
fn a_crash_after_the_exchange_for_a_picture_that_was_taken_in_leaves_the_new_picture() {
    crash_in_exchange("exchange-committed", NEW);
}

#[test]
fn a_crash_before_a_picture_is_copied_leaves_it_where_it_is() {
    crash_in_mover("relocation-begun");
}

#[test]
fn a_crash_after_a_picture_was_copied_leaves_it_where_it_is() {
    crash_in_mover("picture-copied");
}

#[test]
fn a_crash_after_a_picture_has_moved_leaves_it_in_the_account() {
    crash_in_mover("relocation-committed");
}

#[test]
fn a_crash_after_the_own_copy_was_removed_leaves_the_picture_in_the_account() {
    crash_in_mover("source-removed");
}
