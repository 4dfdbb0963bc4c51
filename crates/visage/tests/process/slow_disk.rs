//! Writes that take so long that their purpose is gone when they are done, as on a machine that sleeps meanwhile.

use std::io::Write as _;
use std::thread;

use crate::client::{User, get, original_url};
use crate::pictures::picture;
use crate::preload::Preload;
use crate::raw::connect;
use crate::server::{Server, Site};

fn scene() -> Option<(Site, Preload, Server, User)> {
    let site = Site::new(&[("VISAGE_REAPER__RETIRE_AFTER", "0s")]);
    let preload = Preload::build(&site)?;
    // However long the rest takes meanwhile, what is held up is not given up for its time.
    let patient = [
        ("VISAGE_HTTP__REQUEST_TIMEOUT", "10m"),
        ("VISAGE_REAPER__PURGE_DELAY", "11m"),
        ("VISAGE_REAPER__PENDING_GRACE", "1h"),
    ];
    let server = site.start_with(&[&patient[..], &preload.settings()].concat());
    let user = User::new(&site, "user");
    Some((site, preload, server, user))
}

#[test]
fn an_upload_that_was_given_up_while_its_bytes_were_written_leaves_none_of_them() {
    let Some((site, preload, _server, user)) = scene() else {
        return;
    };
    user.put(picture(1));
    preload.hold("link");
    let late = thread::spawn({
        let user = user.clone();
        move || user.upload(picture(2)).unwrap()
    });
    preload.wait_for_held("link");
    site.settle(&["--at-once"]);
    preload.let_go("link");
    let answer = late.join().unwrap();
    assert!(answer.status >= 500, "{answer:?}");
    assert_eq!(user.shown(), 1);
    site.settle(&["--at-once"]);
    site.assert_clean(1);
    assert_eq!(site.originals().len(), 1);
}

#[test]
fn an_image_that_is_derived_while_its_original_is_deleted_is_not_kept() {
    let Some((site, preload, mut server, user)) = scene() else {
        return;
    };
    let url = original_url(&user.put(picture(1))).replace("/upload/", "/upload/w_50/");
    preload.hold("rename");
    let late = thread::spawn(move || get(&url).unwrap());
    preload.wait_for_held("rename");
    user.remove();
    site.settle(&["--at-once"]);
    preload.let_go("rename");
    assert_eq!(late.join().unwrap().identity(), 1);
    // A stop waits for what is under way.
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    site.assert_clean(0);
}

#[test]
fn image_whose_client_has_gone_is_not_kept_either() {
    let Some((site, preload, mut server, user)) = scene() else {
        return;
    };
    let url = original_url(&user.put(picture(1))).replace("/upload/", "/upload/w_50/");
    let path = url.strip_prefix(&site.url()).unwrap();
    preload.hold("rename");
    let mut stream = connect(&site);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: visage\r\n\r\n").unwrap();
    preload.wait_for_held("rename");
    // A client may close its side and wait, so the server learns that this one has gone when it answers.
    drop(stream);
    user.remove();
    site.settle(&["--at-once"]);
    preload.let_go("rename");
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    site.assert_clean(0);
}

#[test]
fn a_file_that_was_half_written_at_a_crash_is_cleared_away() {
    let Some((site, preload, server, user)) = scene() else {
        return;
    };
    user.put(picture(1));
    preload.hold("link");
    let unanswered = thread::spawn({
        let user = user.clone();
        move || user.upload(picture(2))
    });
    preload.wait_for_held("link");
    server.kill();
    unanswered.join().unwrap().unwrap_err();
    let (_, audit) = site.audit();
    assert_eq!(audit["temporary_files"], 1, "{audit}");
    let _server = site.start();
    assert_eq!(user.shown(), 1);
    site.settle(&[]);
    site.assert_clean(1);
}
