//! The program is ended at each point where a crash is most telling: between two steps of an exchange or of the reaper.

use std::thread;

use crate::client::{User, get};
use crate::pictures::picture;
use crate::server::{Server, Site};

const OLD: u16 = 0x1a2;
const NEW: u16 = 0xe4b;
const OTHER: u16 = 0x7f7;

/// With these the server's own reaper comes to its points within seconds.
const EAGER: &[(&str, &str)] = &[
    ("VISAGE_HTTP__REQUEST_TIMEOUT", "3s"),
    ("VISAGE_REAPER__INTERVAL", "1s"),
    ("VISAGE_REAPER__PENDING_GRACE", "6s"),
    ("VISAGE_REAPER__PURGE_DELAY", "4s"),
];

/// Two users, each with a picture.
struct Scene {
    site: Site,
    user: User,
    other: User,
}

impl Scene {
    fn new() -> (Self, Server) {
        let site = Site::new(&[("VISAGE_REAPER__RETIRE_AFTER", "0s")]);
        let server = site.start();
        let [user, other] = ["user", "other"].map(|name| User::new(&site, name));
        user.put(picture(OLD));
        other.put(picture(OTHER));
        (Self { site, user, other }, server)
    }

    /// Restarts after the crash; from now on `expected` is the user's picture, and everything else goes away.
    fn check_after_crash(&self, expected: u16) {
        let server = self.site.start();
        self.check_shown(expected);
        self.site.settle(&[]);
        self.check_shown(expected);
        server.kill();
        self.site.assert_clean(2);
        let server = self.site.start();
        self.check_shown(expected);
        self.user.put(picture(expected + 1));
        self.check_shown(expected + 1);
        server.kill();
    }

    fn check_shown(&self, expected: u16) {
        assert_eq!(self.user.shown(), expected);
        assert_eq!(self.other.shown(), OTHER);
    }
}

/// Ends the program when an exchange has come to `point`, where `expected` is the user's picture.
fn crash_in_exchange(point: &str, expected: u16) {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a release build has no crash points");
        return;
    }
    let (scene, server) = Scene::new();
    server.kill();
    let server = scene.site.start_with(&[("VISAGE_CRASH_AT", point)]);
    let user = scene.user.clone();
    let unanswered = thread::spawn(move || user.upload(picture(NEW)));
    server.wait_for_log(&format!("crash point reached: {point}"));
    scene.check_shown(expected);
    server.kill();
    unanswered.join().unwrap().unwrap_err();
    scene.check_after_crash(expected);
}

/// Ends the program when its reaper has come to `point` while it removes a replaced picture.
fn crash_in_reaper(point: &str) {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a release build has no crash points");
        return;
    }
    let (scene, server) = Scene::new();
    let replaced = scene.user.image_url().unwrap().unwrap();
    scene.user.put(picture(NEW));
    server.kill();
    let settings = [EAGER, &[("VISAGE_CRASH_AT", point)]].concat();
    let server = scene.site.start_with(&settings);
    server.wait_for_log(&format!("crash point reached: {point}"));
    assert_eq!(get(&replaced).unwrap().status, 404);
    scene.check_shown(NEW);
    server.kill();
    scene.check_after_crash(NEW);
}

#[test]
fn a_crash_after_an_exchange_was_announced_leaves_the_old_picture() {
    crash_in_exchange("exchange-begun", OLD);
}

#[test]
fn a_crash_before_the_first_byte_is_stored_leaves_the_old_picture() {
    crash_in_exchange("upload-begun", OLD);
}

#[test]
fn a_crash_after_the_last_byte_is_stored_leaves_the_old_picture() {
    crash_in_exchange("blob-written", OLD);
}

#[test]
fn a_crash_after_the_upload_is_committed_leaves_the_old_picture() {
    crash_in_exchange("upload-committed", OLD);
}

#[test]
fn a_crash_before_the_exchange_is_committed_leaves_the_old_picture() {
    crash_in_exchange("picture-uploaded", OLD);
}

#[test]
fn a_crash_after_the_exchange_is_committed_leaves_the_new_picture() {
    crash_in_exchange("exchange-committed", NEW);
}

#[test]
fn a_crash_before_another_part_is_shown_leaves_what_was_shown() {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a release build has no crash points");
        return;
    }
    let (scene, server) = Scene::new();
    server.kill();
    let server = scene.site.start_with(&[("VISAGE_CRASH_AT", "crop-shown")]);
    let user = scene.user.clone();
    let part = serde_json::json!({ "x": 1, "y": 1, "width": 4, "height": 4 });
    let unanswered = thread::spawn(move || user.crop(&part));
    server.wait_for_log("crash point reached: crop-shown");
    scene.check_shown(OLD);
    server.kill();
    unanswered.join().unwrap().unwrap_err();
    scene.check_after_crash(OLD);
}

#[test]
fn a_crash_between_destroying_a_picture_and_forgetting_it_loses_nothing_else() {
    crash_in_reaper("picture-destroyed");
}

#[test]
fn a_crash_between_deleting_bytes_and_forgetting_them_loses_nothing_else() {
    crash_in_reaper("blobs-deleted");
}
