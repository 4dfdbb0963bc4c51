//! The program is ended between any two steps of a post's coming and going.

use std::thread;

use crate::client::{User, get};
use crate::pictures::picture;
use crate::server::Site;
use crate::wait::eventually;

const DUE: u16 = 0x1a2;
const NEW: u16 = 0xe4b;
const LIVE: u16 = 0x7f7;

/// The picture that each post of the feed shows.
#[track_caller]
fn shown(user: &User) -> Vec<u16> {
    let feed = user.feed();
    let urls = feed.iter().map(|post| post["media"].as_str().unwrap());
    urls.map(|url| get(url).unwrap().identity()).collect()
}

/// Posts a picture and returns its URL.
#[track_caller]
fn post(user: &User, file: Vec<u8>) -> String {
    let answer = user.post(file).unwrap();
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["media"].as_str().unwrap().to_owned()
}

/// Ends the program when a new post has come to `point`; after that it is there, or nothing of it is.
fn crash_in_posting(point: &str, is_published: bool) {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a release build has no crash points");
        return;
    }
    let site = Site::new(&[]);
    let server = site.start_with(&[("VISAGE_CRASH_AT", point)]);
    let user = User::new(&site, "user");
    let author = user.clone();
    let unanswered = thread::spawn(move || author.post(picture(NEW)));
    server.wait_for_log(&format!("crash point reached: {point}"));
    let expected = if is_published { vec![NEW] } else { Vec::new() };
    assert_eq!(shown(&user), expected);
    server.kill();
    unanswered.join().unwrap().unwrap_err();
    let server = site.start();
    assert_eq!(shown(&user), expected);
    site.settle(&[]);
    assert_eq!(shown(&user), expected);
    server.kill();
    site.assert_clean(expected.len() as u64);
}

/// Ends the program when its reaper has come to `point` while it removes a post whose time is up, and its picture.
fn crash_in_reaper(point: &str) {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a release build has no crash points");
        return;
    }
    let site = Site::new(&[]);
    let server = site.start_with(&[("VISAGE_POSTS__LIFETIME", "1s")]);
    let user = User::new(&site, "user");
    let due = post(&user, picture(DUE));
    server.kill();
    let server = site.start();
    post(&user, picture(LIVE));
    eventually("the post expires", || (shown(&user) == [LIVE]).then_some(()));
    server.kill();
    let server = site.start_with(&[
        ("VISAGE_REAPER__INTERVAL", "1s"),
        ("VISAGE_REAPER__PURGE_DELAY", "4s"),
        ("VISAGE_HTTP__REQUEST_TIMEOUT", "3s"),
        ("VISAGE_CRASH_AT", point),
    ]);
    server.wait_for_log(&format!("crash point reached: {point}"));
    assert_eq!(shown(&user), [LIVE]);
    server.kill();
    let server = site.start();
    assert_eq!(shown(&user), [LIVE]);
    site.settle(&[]);
    assert_eq!(shown(&user), [LIVE]);
    assert_eq!(get(&due).unwrap().status, 404);
    server.kill();
    site.assert_clean(1);
}

#[test]
fn a_crash_after_a_posts_picture_was_announced_leaves_nothing() {
    crash_in_posting("exchange-begun", false);
}

#[test]
fn a_crash_before_a_post_is_published_leaves_nothing() {
    crash_in_posting("picture-uploaded", false);
}

#[test]
fn a_crash_after_a_post_is_published_leaves_the_post() {
    crash_in_posting("post-published", true);
}

#[test]
fn a_crash_after_a_post_was_removed_leaves_its_picture_to_the_next_pass() {
    crash_in_reaper("posts-removed");
}

#[test]
fn a_crash_before_a_posts_picture_is_destroyed_leaves_it_to_the_next_pass() {
    crash_in_reaper("picture-claimed");
}

#[test]
fn a_crash_after_a_posts_picture_was_destroyed_forgets_it_in_the_next_pass() {
    crash_in_reaper("picture-destroyed");
}
