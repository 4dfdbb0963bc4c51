//! Starts that are cut short.

use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::client::User;
use crate::pictures::picture;
use crate::server::Site;

#[test]
fn a_server_that_is_killed_while_it_starts_starts_the_next_time() {
    let mut rng = StdRng::seed_from_u64(7);
    for _ in 0..8 {
        let site = Site::new(&[]);
        for _ in 0..4 {
            let server = site.begin_start(&[]);
            // Not synchronisation: the moment of the kill is to be any moment.
            thread::sleep(Duration::from_millis(rng.random_range(0..30)));
            server.kill();
        }
        let server = site.start();
        let user = User::new(&site, "user");
        user.put(picture(1));
        server.kill();
        site.begin_start(&[]).kill();
        let _server = site.start();
        assert_eq!(user.shown(), 1);
        site.assert_clean(1);
    }
}
