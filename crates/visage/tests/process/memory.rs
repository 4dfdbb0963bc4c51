//! What renders of a photograph of twelve megapixels take, as the system counts it (Linux).

use std::fs;
use std::path::Path;
use std::thread;

use crate::client::{User, get};
use crate::server::{Server, Site};
use crate::wait::eventually;

const MIB: u64 = 1024 * 1024;

/// The photo lies beside the repository, not in it; without it the test says so and passes.
fn photo() -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/photos/cam-12mp-420.jpg");
    let photo = fs::read(&path).ok();
    if photo.is_none() {
        eprintln!("{} is not there: memory was not measured", path.display());
    }
    photo
}

/// A fresh server that has the photo, and the beginning and the end of its URLs around a transformation.
fn with_photo(photo: Vec<u8>) -> (Site, Server, String, String) {
    let site = Site::new(&[]);
    let server = site.start();
    let url = User::new(&site, "user").put(photo);
    // What the upload took is not to hide what renders take.
    server.kill();
    let server = site.start();
    assert_eq!(get(&format!("{}/health", site.url())).unwrap().status, 200);
    let (start, rest) = url.split_once("/upload/").unwrap();
    let (_, version) = rest.split_once("/v").unwrap();
    (site, server, format!("{start}/upload/"), format!("/v{version}"))
}

#[test]
fn one_render_takes_less_than_24_mebibytes() {
    let Some(photo) = photo() else { return };
    let (_site, server, start, end) = with_photo(photo);
    let idle = server.memory_bytes("VmRSS");
    server.forget_peak_memory();
    let answer = get(&format!("{start}c_fill,h_256,w_256/f_jpg,q_80{end}")).unwrap();
    assert_eq!(answer.status, 200);
    let taken = server.memory_bytes("VmHWM").saturating_sub(idle);
    assert!(taken < 24 * MIB, "{} KiB", taken / 1024);
}

#[test]
fn sixty_four_renders_at_once_stay_below_80_mebibytes() {
    let Some(photo) = photo() else { return };
    let (_site, server, start, end) = with_photo(photo);
    server.forget_peak_memory();
    thread::scope(|scope| {
        for number in 0..64 {
            let (start, end) = (&start, &end);
            scope.spawn(move || {
                let url = format!("{start}c_fill,h_{0},w_{0}/f_jpg,q_80{end}", 200 + number);
                // On a slow machine some have waited for too long, and come again.
                let answer = eventually("a render", || {
                    let answer = get(&url).unwrap();
                    (answer.status != 503).then_some(answer)
                });
                let text = String::from_utf8_lossy(&answer.body);
                assert_eq!(answer.status, 200, "{number}: {text}");
            });
        }
    });
    let peak = server.memory_bytes("VmHWM");
    assert!(peak < 80 * MIB, "{} KiB", peak / 1024);
}
