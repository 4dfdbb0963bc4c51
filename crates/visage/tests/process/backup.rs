//! Backups of a site that works, and the way back from them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::client::User;
use crate::pictures::picture;
use crate::server::Site;
use crate::vault::{back_up, command, files_below, flip, restore, site_with_pictures, vault, verify, wipe};
use crate::wait::{Over, eventually};

const USERS: u16 = 4;
/// Backups that are made while pictures are replaced.
const BACKUPS: u16 = 4;
const SEED: u64 = 20_261_126;

#[allow(clippy::disallowed_methods, reason = "it is compared with the program's own clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// One user, whose pictures are numbered from 1 and come one after the other.
struct Story {
    user: User,
    base: u16,
    begun: AtomicU16,
    /// Each acknowledged picture: its number and when that was known.
    acknowledged: Mutex<Vec<(u16, Timestamp)>>,
}

impl Story {
    fn new(site: &Site, n: u16) -> Self {
        Self {
            user: User::new(site, &format!("user{n}")),
            base: n * 1024,
            begun: AtomicU16::new(0),
            acknowledged: Mutex::default(),
        }
    }

    fn put_next(&self) {
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        self.user.put(picture(self.base + number));
        self.acknowledged.lock().unwrap().push((number, now()));
    }

    /// The last picture that was acknowledged at a time.
    fn last_at(&self, time: Timestamp) -> u16 {
        let acknowledged = self.acknowledged.lock().unwrap();
        let before = acknowledged.iter().filter(|(_, at)| *at <= time);
        before.map(|(number, _)| *number).max().unwrap()
    }
}

/// While four people replace their pictures without a pause and old pictures are purged, backups are made. After each, what it
/// says is compared with what people were told; after the last, the data is wiped and restored.
#[test]
fn after_backup_wipe_and_restore_everybody_has_a_picture_that_was_theirs_at_the_time_of_the_snapshot() {
    let site = Site::new(&[("VISAGE_REAPER__INTERVAL", "1s"), ("VISAGE_REAPER__RETIRE_AFTER", "0s")]);
    let server = site.start();
    let stories: Vec<Story> = (0..USERS).map(|n| Story::new(&site, n)).collect();
    stories.iter().for_each(Story::put_next);
    let over = Over::default();
    let made = thread::scope(|threads| {
        let _guard = over.guard();
        for story in &stories {
            let over = &over;
            threads.spawn(move || {
                while !over.is_set() {
                    story.put_next();
                }
            });
        }
        let made = (1..=BACKUPS).map(|round| {
            eventually("pictures are replaced", || {
                let is_enough = |story: &Story| story.begun.load(Ordering::SeqCst) > round * 5;
                stories.iter().all(is_enough).then_some(())
            });
            let made = back_up(&site, &[]);
            let begun: Vec<u16> = stories.iter().map(|story| story.begun.load(Ordering::SeqCst)).collect();
            (made, begun)
        });
        made.collect::<Vec<_>>()
    });
    server.kill();
    assert_eq!(verify(&site).code, Some(0));
    let originals = contents(&site.data.join("blobs/originals"));
    for (made, begun) in made {
        wipe(&site);
        let restored = restore(&site, &["--snapshot", made["snapshot"].as_str().unwrap()]);
        assert_eq!(
            (&restored["lost_originals"], &made["lost_originals"]),
            (&0.into(), &0.into())
        );
        let taken_at: Timestamp = restored["taken_at"].as_str().unwrap().parse().unwrap();
        let (code, audit) = site.audit();
        assert_eq!((code, &audit["references"]), (Some(0), &USERS.into()), "{audit}");
        for (name, body) in contents(&site.data.join("blobs/originals")) {
            let before = originals.get(&name);
            assert!(before.is_none_or(|before| *before == body), "{name} has other bytes");
        }
        // The same secrets: everybody is still signed in.
        let server = site.start();
        for (story, begun) in stories.iter().zip(begun) {
            let shown = story.user.shown() - story.base;
            let oldest = story.last_at(taken_at);
            assert!(
                (oldest..=begun).contains(&shown),
                "{shown} where it should be {oldest} to {begun}: {made}"
            );
        }
        server.kill();
    }
    let server = site.start();
    stories[0].user.put(picture(7));
    assert_eq!(stories[0].user.shown(), 7, "the restored site works on");
    server.kill();
    site.settle(&["--at-once"]);
    site.assert_clean(u64::from(USERS));
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let named = |file: PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read(file).unwrap())
    };
    files_below(folder).into_iter().map(named).collect()
}

#[test]
fn one_flipped_bit_anywhere_is_found_by_verify_and_by_restore_before_anything_is_overwritten() {
    let (site, _) = site_with_pictures(2, &[]);
    back_up(&site, &[]);
    let before = contents(&site.data);
    let mut rng = StdRng::seed_from_u64(SEED);
    let folder = PathBuf::from(vault(&site));
    for kind in ["originals", "databases", "secrets", "manifests"] {
        for file in files_below(&folder.join(kind)) {
            let bits = usize::try_from(fs::metadata(&file).unwrap().len()).unwrap() * 8;
            for bit in [0, rng.random_range(0..bits), rng.random_range(0..bits), bits - 1] {
                flip(&file, bit);
                let found = verify(&site);
                assert_eq!(found.code, Some(1), "bit {bit} of {}: {found:?}", file.display());
                let refused = command(&site, "restore", &["--force"]);
                assert_eq!(refused.code, Some(1), "bit {bit} of {}: {refused:?}", file.display());
                assert!(refused.stderr.contains("nothing was changed"), "{refused:?}");
                flip(&file, bit);
            }
            let aside = file.with_extension("away");
            fs::rename(&file, &aside).unwrap();
            if kind != "manifests" {
                assert_eq!(verify(&site).code, Some(1), "{} is missing", file.display());
            }
            assert_eq!(command(&site, "restore", &["--force"]).code, Some(1));
            fs::rename(&aside, &file).unwrap();
        }
    }
    assert_eq!(contents(&site.data), before);
    assert_eq!(verify(&site).code, Some(0));
}

#[test]
fn a_folder_that_is_not_empty_is_restored_into_only_by_force_and_keeps_what_was_there() {
    let (site, users) = site_with_pictures(1, &[]);
    let snapshot = back_up(&site, &[])["snapshot"].clone();
    let server = site.start();
    users[0].put(picture(9));
    let busy = command(&site, "restore", &["--force"]);
    assert!(busy.stderr.contains("another visage serves"), "{busy:?}");
    server.kill();
    let refused = command(&site, "restore", &[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("--force"), "{refused:?}");
    let newer = fs::read(site.data.join("visage.db")).unwrap();
    let restored = restore(&site, &["--force"]);
    assert_eq!(restored["snapshot"], snapshot);
    let replaced = PathBuf::from(restored["replaced"].as_str().unwrap());
    assert_eq!(fs::read(replaced.join("visage.db")).unwrap(), newer);
    assert_eq!(files_below(&replaced.join("blobs/originals")).len(), 2);
    let rights = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(rights(&site.data.join("secrets.toml")), 0o600);
    assert_eq!(rights(Path::new(&vault(&site))), 0o700);
    let server = site.start();
    assert_eq!(users[0].shown(), 1);
    server.kill();
    site.assert_clean(1);
}

#[test]
fn where_there_is_no_backup_that_is_said() {
    let (site, _) = site_with_pictures(1, &[]);
    for (arguments, expected) in [
        (vec!["backup", "--verify"], "backup.url"),
        (vec!["restore"], "backup.url"),
        (vec!["restore", "nowhere"], "there is no backup in nowhere"),
        (vec!["backup", "nowhere", "--verify"], "there is no backup in nowhere"),
        (
            vec!["scrub", "--repair-from", "nowhere"],
            "there is no backup in nowhere",
        ),
        (vec!["backup", "gs://bucket/path"], "backups go to a folder"),
        (vec!["backup", "data/vault"], "lies in the data folder"),
        (vec!["restore", "vault", "--snapshot", "../../x"], "snapshot"),
    ] {
        let ended = site.run(&arguments, &[]);
        assert!(ended.code.is_some_and(|code| code > 0), "{ended:?}");
        assert!(ended.stderr.contains(expected), "{expected} is missing in {ended:?}");
    }
    let made = back_up(&site, &["--keep", "2"]);
    let listed = site.run(&["backup", &vault(&site), "--list"], &[]);
    assert_eq!(listed.stdout, made["snapshot"].as_str().unwrap());
}

/// Started again by its process manager after a loss, the server has begun anew in an empty folder.
#[test]
fn what_began_anew_after_a_loss_is_not_backed_up_over_it_and_makes_way_for_the_restored() {
    let (site, users) = site_with_pictures(1, &[]);
    let good = back_up(&site, &[])["snapshot"].clone();
    wipe(&site);
    site.start().kill();
    let refused = command(&site, "backup", &["--keep", "1"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("--adopt") && refused.stderr.contains(good.as_str().unwrap()),
        "{refused:?}"
    );
    assert_eq!(restore(&site, &["--force"])["snapshot"], good);
    back_up(&site, &[]);
    let server = site.start();
    assert_eq!(users[0].shown(), 1);
    server.kill();
    wipe(&site);
    site.start().kill();
    assert_eq!(back_up(&site, &["--keep", "1", "--adopt"])["removed_snapshots"], 2);
    back_up(&site, &[]);
}

#[test]
fn a_restore_waits_for_no_command_and_takes_nothing_away_from_one() {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a release build has no crash points");
        return;
    }
    let (site, users) = site_with_pictures(1, &[]);
    back_up(&site, &[]);
    let vault = vault(&site);
    let point = "database-copied";
    let at_work = site.begin(&["backup", &vault], &[("VISAGE_CRASH_AT", point)]);
    at_work.wait_for_log(&format!("crash point reached: {point}"));
    let refused = command(&site, "restore", &["--force"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("a command of visage works"), "{refused:?}");
    assert_eq!(
        site.run(&["reap"], &[]).code,
        Some(0),
        "commands and commands get along"
    );
    at_work.kill();
    restore(&site, &["--force"]);
    let server = site.start();
    assert_eq!(users[0].shown(), 1);
    server.kill();
}

#[test]
fn a_restore_that_is_finished_later_puts_no_database_beside_a_log_that_came_meanwhile() {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a release build has no crash points");
        return;
    }
    let (site, users) = site_with_pictures(1, &[]);
    back_up(&site, &[]);
    wipe(&site);
    let vault = vault(&site);
    let cut = site.begin(&["restore", &vault], &[("VISAGE_CRASH_AT", "restore-complete")]);
    cut.wait_for_log("crash point reached: restore-complete");
    cut.kill();
    let log = site.data.join("visage.db-wal");
    fs::write(&log, "of another database").unwrap();
    let refused = command(&site, "restore", &[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("visage.db-wal is in the way"), "{refused:?}");
    assert!(!site.data.join("visage.db").exists());
    fs::remove_file(log).unwrap();
    restore(&site, &[]);
    let server = site.start();
    assert_eq!(users[0].shown(), 1);
    server.kill();
}

/// The backup is ended at `point`, then made again; then the data is lost and restored.
fn crash_in_backup(point: &str) {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a release build has no crash points");
        return;
    }
    let (site, users) = site_with_pictures(2, &[]);
    back_up(&site, &["--keep", "1"]);
    let server = site.start();
    users[0].put(picture(9));
    let mut assets = 3;
    if point == "manifests-removed" {
        // The first snapshot alone names the picture that was replaced: what goes with it can be told.
        site.settle(&["--at-once"]);
        assets = 2;
    }
    let vault = vault(&site);
    let cut = site.begin(&["backup", &vault, "--keep", "1"], &[("VISAGE_CRASH_AT", point)]);
    cut.wait_for_log(&format!("crash point reached: {point}"));
    let refused = command(&site, "backup", &[]);
    assert!(refused.stderr.contains("another backup"), "{refused:?}");
    cut.kill();
    assert_eq!(verify(&site).code, Some(0), "what is there can be restored");
    back_up(&site, &["--keep", "1"]);
    let verified = verify(&site);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(verified.stdout.contains("\"snapshots\":1}"), "{verified:?}");
    let leftovers = files_below(Path::new(&vault));
    let leftovers = leftovers.iter().filter(|file| file.to_string_lossy().contains('#'));
    assert_eq!(leftovers.count(), 0);
    server.kill();
    site.start().kill();
    site.assert_clean(assets);
    wipe(&site);
    restore(&site, &[]);
    let server = site.start();
    assert_eq!((users[0].shown(), users[1].shown()), (9, 2));
    server.kill();
    site.assert_clean(assets);
}

#[test]
fn a_backup_that_is_cut_off_when_the_database_was_copied_is_made_good_by_the_next() {
    crash_in_backup("database-copied");
}

#[test]
fn a_backup_that_is_cut_off_among_the_originals_is_made_good_by_the_next() {
    crash_in_backup("original-copied");
}

#[test]
fn a_backup_that_is_cut_off_after_the_originals_is_made_good_by_the_next() {
    crash_in_backup("originals-copied");
}

#[test]
fn a_backup_that_is_cut_off_before_its_manifest_is_made_good_by_the_next() {
    crash_in_backup("snapshot-stored");
}

#[test]
fn a_backup_that_is_cut_off_after_its_manifest_is_made_good_by_the_next() {
    crash_in_backup("manifest-written");
}

#[test]
fn a_backup_that_is_cut_off_while_old_ones_are_removed_is_made_good_by_the_next() {
    crash_in_backup("manifests-removed");
}

/// The restore is ended at `point`, once into an empty folder and once over something newer, then run again.
fn crash_in_restore(point: &str, is_complete: bool) {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a release build has no crash points");
        return;
    }
    let (site, users) = site_with_pictures(2, &[]);
    back_up(&site, &[]);
    for force in [false, true] {
        if force {
            let server = site.start();
            users[0].put(picture(9));
            server.kill();
        } else if point == "restore-moved-aside" {
            // There is nothing to move.
            continue;
        } else {
            wipe(&site);
        }
        let vault = vault(&site);
        let arguments: &[&str] = if force {
            &["restore", &vault, "--force"]
        } else {
            &["restore", &vault]
        };
        let cut = site.begin(arguments, &[("VISAGE_CRASH_AT", point)]);
        cut.wait_for_log(&format!("crash point reached: {point}"));
        cut.kill();
        for command in [&["serve"][..], &["reap"], &["audit"]] {
            let refused = site.run(command, &[]);
            assert_eq!(refused.code, Some(1), "{refused:?}");
        }
        // What was complete is finished without being asked to overwrite something once more.
        let again = if is_complete { &arguments[..2] } else { arguments };
        let ended = site.run(again, &[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let server = site.start();
        assert_eq!((users[0].shown(), users[1].shown()), (1, 2));
        server.kill();
        assert!(!site.data.join("restoring").exists());
        site.assert_clean(2);
    }
}

#[test]
fn a_restore_that_is_cut_off_before_the_originals_is_run_again() {
    crash_in_restore("restore-database-staged", false);
}

#[test]
fn a_restore_that_is_cut_off_among_the_originals_is_run_again() {
    crash_in_restore("restore-original-staged", false);
}

#[test]
fn a_restore_that_is_cut_off_before_it_is_complete_is_run_again() {
    crash_in_restore("restore-staged", false);
}

#[test]
fn a_restore_that_is_cut_off_when_it_is_complete_is_finished() {
    crash_in_restore("restore-complete", true);
}

#[test]
fn a_restore_that_is_cut_off_with_the_old_state_half_aside_is_finished() {
    crash_in_restore("restore-moved-aside", true);
}

#[test]
fn a_restore_that_is_cut_off_with_the_new_state_half_in_place_is_finished() {
    crash_in_restore("restore-put-in-place", true);
}
