//! Bits that flip on the disk are found, told, and put right from the backup.

use std::fs;
use std::path::PathBuf;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

use crate::client::{get, original_url};
use crate::pictures::picture;
use crate::server::{Ended, Site};
use crate::vault::{back_up, flip, site_with_pictures, vault};
use crate::wait::eventually;

const PICTURES: u16 = 100;
const SEED: u64 = 1126;

fn scrub(site: &Site, arguments: &[&str]) -> (Ended, Value) {
    let arguments: Vec<&str> = ["scrub", "--json"].iter().chain(arguments).copied().collect();
    let ended = site.run(&arguments, &[]);
    let counts = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    (ended, counts)
}

fn health(site: &Site) -> Value {
    get(&format!("{}/health", site.url())).unwrap().json()
}

/// A bit in every hundredth original, at random; one more is gone altogether.
fn damage_some(site: &Site) -> Vec<(PathBuf, Vec<u8>)> {
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut files = site.originals();
    files.sort_unstable();
    let mut pick = || files.remove(rng.random_range(0..files.len()));
    let damaged: Vec<PathBuf> = (0..PICTURES / 100).map(|_| pick()).collect();
    let gone = pick();
    let before = damaged
        .iter()
        .chain([&gone])
        .map(|file| (file.clone(), fs::read(file).unwrap()));
    let before: Vec<_> = before.collect();
    for file in damaged {
        let bits = usize::try_from(fs::metadata(&file).unwrap().len()).unwrap() * 8;
        flip(&file, rng.random_range(0..bits));
    }
    fs::remove_file(gone).unwrap();
    before
}

#[test]
fn every_flipped_bit_in_a_hundredth_of_the_originals_is_found_never_shown_and_repaired() {
    let (site, users) = site_with_pictures(PICTURES, &[("VISAGE_RATE_LIMIT__ADDRESS_BURST", "1000")]);
    back_up(&site, &[]);
    let before = damage_some(&site);
    let lost = u64::from(PICTURES / 100) + 1;
    let server = site.start();
    let urls: Vec<String> = users
        .iter()
        .map(|user| original_url(&user.image_url().unwrap().unwrap()))
        .collect();
    let look = || {
        let mut errors = 0;
        for (number, url) in (1..).zip(&urls) {
            let answer = get(url).unwrap();
            if answer.status == 200 {
                assert_eq!(answer.identity(), number, "another picture is shown");
            } else {
                assert_eq!((answer.status, answer.body.len()), (500, 0));
                errors += 1;
            }
        }
        errors
    };
    assert_eq!(look(), lost);
    let (ended, counts) = scrub(&site, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(
        (
            &counts["originals"],
            &counts["missing_originals"],
            &counts["damaged_originals"]
        ),
        (&PICTURES.into(), &1.into(), &(PICTURES / 100).into())
    );
    let told = health(&site);
    assert_eq!(
        (&told["status"], &told["damagedOriginals"]),
        (&"degraded".into(), &lost.into())
    );
    let (ended, counts) = scrub(&site, &["--repair-from", &vault(&site)]);
    assert_eq!(
        (ended.code, &counts["repaired_originals"]),
        (Some(0), &lost.into()),
        "{ended:?}"
    );
    for (file, bytes) in before {
        assert_eq!(fs::read(file).unwrap(), bytes);
    }
    assert_eq!(health(&site)["status"], "ok");
    assert_eq!(look(), 0);
    server.kill();
    site.assert_clean(u64::from(PICTURES));
}

#[test]
fn a_server_backs_up_by_itself_and_repairs_what_is_lost_by_itself() {
    let (site, users) = site_with_pictures(1, &[]);
    let vault = vault(&site);
    let settings = [
        ("VISAGE_BACKUP__URL", vault.as_str()),
        ("VISAGE_BACKUP__INTERVAL", "1s"),
        ("VISAGE_BACKUP__KEEP", "2"),
        ("VISAGE_SCRUB__INTERVAL", "1s"),
    ];
    let server = site.start_with(&settings);
    eventually("a backup was made", || {
        health(&site)["backup"]["lastSuccess"].as_str().map(drop)
    });
    let [file] = site.originals().try_into().unwrap();
    let good = fs::read(&file).unwrap();
    flip(&file, 99);
    server.wait_for_log("was repaired from the backup");
    assert_eq!(fs::read(&file).unwrap(), good);
    eventually("it is well again", || (health(&site)["status"] == "ok").then_some(()));
    assert_eq!(users[0].shown(), 1);
    users[0].put(picture(5));
    server.terminate();
    let mut server = server;
    assert_eq!(server.wait().code(), Some(0));
    site.start().kill();
    site.assert_clean(2);
}

#[test]
fn a_crash_after_a_repair_is_made_good_by_the_next_scrub() {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a release build has no crash points");
        return;
    }
    let (site, _) = site_with_pictures(1, &[]);
    back_up(&site, &[]);
    let [file] = site.originals().try_into().unwrap();
    flip(&file, 99);
    let vault = vault(&site);
    let cut = site.begin(
        &["scrub", "--repair-from", &vault],
        &[("VISAGE_CRASH_AT", "original-repaired")],
    );
    cut.wait_for_log("crash point reached: original-repaired");
    cut.kill();
    let server = site.start();
    assert_eq!(health(&site)["status"], "degraded", "it is not looked at yet");
    let (ended, counts) = scrub(&site, &["--no-repair"]);
    assert_eq!((ended.code, &counts["damaged_originals"]), (Some(0), &0.into()));
    assert_eq!(health(&site)["status"], "ok");
    server.kill();
    site.assert_clean(1);
}
