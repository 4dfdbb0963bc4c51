//! Uploads that are broken off.

use std::io::Write as _;
use std::thread;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::client::User;
use crate::pictures::{noise, picture};
use crate::raw::{connect, reset, upload_request};
use crate::server::{Server, Site, files_in};
use crate::wait::eventually;

const UPLOADS: u64 = 1000;
const THREADS: u64 = 8;

#[test]
fn a_thousand_uploads_cut_off_at_random_bytes_leave_nothing_behind() {
    let site = Site::new(&[]);
    let server = site.start();
    let before = open_files(&server);
    let user = User::new(&site, "user");
    user.put(picture(1));
    let request = upload_request(&user, &noise(150));
    thread::scope(|threads| {
        for seed in 0..THREADS {
            let (site, request) = (&site, &request);
            threads.spawn(move || {
                let mut rng = StdRng::seed_from_u64(seed);
                for _ in 0..UPLOADS / THREADS {
                    cut_off(site, &request[..rng.random_range(0..request.len())], rng.random());
                }
            });
        }
    });
    eventually("every descriptor is given back", || {
        (open_files(&server).len() <= before.len()).then_some(())
    });
    assert_eq!(files_in(&site.data.join("tmp")).len(), 0);
    user.put(picture(2));
    assert_eq!(user.shown(), 2);
    site.reap(&["--at-once"]);
    site.assert_clean(1);
}

fn cut_off(site: &Site, part: &[u8], by_reset: bool) {
    let mut stream = connect(site);
    stream.write_all(part).unwrap();
    if by_reset {
        reset(stream);
    }
}

/// What the server has open, but for the database, whose connections are opened when they are first needed, and kept.
fn open_files(server: &Server) -> Vec<String> {
    let mut files = server.descriptors();
    files.retain(|file| !file.contains("visage.db"));
    files
}
