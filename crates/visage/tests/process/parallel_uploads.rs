//! Many uploads at once by one user.

use std::thread;

use crate::client::{User, get};
use crate::pictures::picture;
use crate::server::Site;

#[test]
fn of_twenty_uploads_at_once_all_are_acknowledged_and_one_stays() {
    let site = Site::new(&[]);
    let _server = site.start();
    let user = User::new(&site, "user");
    let uploads: Vec<_> = (0..20)
        .map(|identity| {
            let user = user.clone();
            thread::spawn(move || (identity, user.put(picture(identity))))
        })
        .collect();
    let stored: Vec<_> = uploads.into_iter().map(|upload| upload.join().unwrap()).collect();
    for (identity, url) in &stored {
        assert_eq!(get(url).unwrap().identity(), *identity);
    }
    let current = user.image_url().unwrap().unwrap();
    site.reap(&["--at-once"]);
    site.assert_clean(1);
    for (identity, url) in &stored {
        let answer = get(url).unwrap();
        if *url == current {
            assert_eq!(answer.identity(), *identity);
        } else {
            assert_eq!(answer.status, 404);
        }
    }
    assert_eq!(site.originals().len(), 1);
}
