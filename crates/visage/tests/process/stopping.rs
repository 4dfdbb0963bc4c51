//! A stop that is asked for, and a second server in the same folder.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpStream;

use crate::client::User;
use crate::pictures::picture;
use crate::raw::{connect, finish, upload_request};
use crate::server::Site;
use crate::wait::eventually;

#[test]
fn a_stop_lets_an_upload_under_way_finish_and_takes_no_new_ones() {
    let site = Site::new(&[]);
    let mut server = site.start();
    let user = User::new(&site, "user");
    let request = upload_request(&user, &picture(5));
    // The last bytes of the picture are missing.
    let (first, rest) = request.split_at(request.len() - 40);
    let mut stream = connect(&site);
    stream.write_all(first).unwrap();
    let holds_file = || {
        server
            .descriptors()
            .iter()
            .any(|file| file.contains("/tmp/#"))
            .then_some(())
    };
    eventually("the upload has begun", holds_file);

    server.terminate();
    server.wait_for_log("stopping: what is under way is finished");
    eventually("no connection is accepted", || TcpStream::connect(&site.address).err());
    let answer = finish(stream, rest);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(server.wait().code(), Some(0));

    let server = site.start();
    assert_eq!(user.shown(), 5);
    server.kill();
    site.assert_clean(1);
}

#[test]
fn a_stop_with_nothing_under_way_ends_at_once() {
    let site = Site::new(&[]);
    let mut server = site.start();
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_second_server_is_kept_out_of_the_data_folder_until_the_first_is_gone() {
    let site = Site::new(&[]);
    let server = site.start();
    let elsewhere = Site::new(&[]).address;
    let second = site.run(&["serve"], &[("VISAGE_LISTEN", &elsewhere)]);
    assert_eq!(second.code, Some(1));
    assert!(
        second.stderr.contains("another visage serves the data folder"),
        "{second:?}"
    );
    assert!(!second.stdout.contains("ready"), "{second:?}");
    server.kill();
    site.start();
}

#[test]
fn a_server_that_is_kept_out_has_opened_nothing() {
    let site = Site::new(&[]);
    fs::create_dir(&site.data).unwrap();
    let lock = File::create(site.data.join("lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(site.run(&["serve"], &[]).code, Some(1));
    for name in ["visage.db", "secrets.toml"] {
        assert!(!site.data.join(name).exists(), "{name} was made");
    }
    drop(lock);
    site.start();
}
