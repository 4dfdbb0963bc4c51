//! Backups in a bucket of S3, made and read by the real program.

use std::fs;

use serde_json::Value;

use crate::client::User;
use crate::pictures::picture;
use crate::s3_server::{S3Server, SECRET};
use crate::server::{Ended, Site};
use crate::vault::{files_below, flip, wipe};

const ADDRESS: &str = "s3://bucket/back/ups";

/// A command about the backups in the bucket. Whatever it says, it does not tell the secret.
fn run(site: &Site, s3: &S3Server, arguments: &[&str]) -> Ended {
    let mut settings = s3.settings();
    settings.push(("VISAGE_LOG__FILTER", "debug"));
    let ended = site.run(arguments, &settings);
    assert!(
        !ended.stderr.contains(SECRET) && !ended.stdout.contains(SECRET),
        "{ended:?}"
    );
    ended
}

#[track_caller]
fn good(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

fn site_with_pictures(count: u16) -> (Site, Vec<User>) {
    crate::vault::site_with_pictures(count, &[])
}

#[test]
fn what_was_backed_up_to_a_bucket_is_verified_repaired_from_and_restored() {
    let s3 = S3Server::start();
    let (site, users) = site_with_pictures(3);
    let backup = ["backup", ADDRESS, "--json", "--keep", "2"];
    let first = good(&run(&site, &s3, &backup));
    assert_eq!(
        (&first["originals"], &first["copied_originals"]),
        (&3.into(), &3.into())
    );
    let server = site.start();
    users[0].put(picture(4));
    server.kill();
    site.settle(&["--at-once"]);
    let second = good(&run(&site, &s3, &backup));
    assert_eq!(
        (&second["originals"], &second["copied_originals"]),
        (&3.into(), &1.into())
    );
    let third = good(&run(&site, &s3, &backup));
    assert_eq!(
        (&third["removed_snapshots"], &third["removed_originals"]),
        (&1.into(), &1.into())
    );
    let names = s3.names();
    assert!(names.iter().all(|name| name.starts_with("back/ups/")), "{names:?}");
    // Three originals; two snapshots of a database, the secrets and a manifest; and the lock has been given back.
    assert_eq!(names.len(), 9, "{names:?}");
    let verified = good(&run(&site, &s3, &["backup", ADDRESS, "--verify", "--json"]));
    assert_eq!((&verified["snapshots"], &verified["originals"]), (&2.into(), &3.into()));

    // What is lost here is repaired from there.
    let lost = &site.originals()[0];
    flip(lost, 1000);
    let scrubbed = good(&run(&site, &s3, &["scrub", "--repair-from", ADDRESS, "--json"]));
    assert_eq!(scrubbed["repaired_originals"], 1, "{scrubbed}");

    // One bit there, and the backup is not good; put right, it is.
    for name in &names {
        let bytes = s3.get(name);
        let mut damaged = bytes.clone();
        damaged[bytes.len() / 2] ^= 1;
        s3.put(name, damaged);
        let verified = run(&site, &s3, &["backup", ADDRESS, "--verify"]);
        assert_eq!(verified.code, Some(1), "{name}: {verified:?}");
        s3.put(name, bytes);
    }
    let listed = run(&site, &s3, &["backup", ADDRESS, "--list"]);
    let snapshots = [&second, &third].map(|made| made["snapshot"].as_str().unwrap().to_owned());
    assert_eq!(listed.stdout.lines().collect::<Vec<_>>(), snapshots);

    let contents = |site: &Site| {
        let files = files_below(&site.data.join("blobs/originals"));
        files
            .into_iter()
            .map(|file| (fs::read(&file).unwrap(), file))
            .collect::<Vec<_>>()
    };
    let before = contents(&site);
    wipe(&site);
    let restored = good(&run(&site, &s3, &["restore", ADDRESS, "--json"]));
    assert_eq!(
        (&restored["originals"], &restored["lost_originals"]),
        (&3.into(), &0.into())
    );
    assert_eq!(contents(&site), before);
    site.assert_clean(3);
    let server = site.start();
    assert_eq!(users.iter().map(User::shown).collect::<Vec<_>>(), [4, 2, 3]);
    server.kill();
}

#[test]
fn a_backup_that_was_cut_off_is_gone_on_with_at_once_and_another_data_folder_waits() {
    let s3 = S3Server::start();
    let (site, _users) = site_with_pictures(3);
    let backup = ["backup", ADDRESS, "--json"];
    for point in [
        "original-copied",
        "originals-copied",
        "snapshot-stored",
        "manifest-written",
    ] {
        let mut settings = s3.settings();
        settings.push(("VISAGE_CRASH_AT", point));
        let cut = site.begin(&backup, &settings);
        cut.wait_for_log(&format!("crash point reached: {point}"));
        cut.kill();
        assert!(s3.names().contains(&"back/ups/lock".to_owned()), "{point}");
        // A copy of the site, as a redeployment makes one, is not the site itself.
        let copy = Site::new(&[]);
        good(&copy_of(&site, &copy));
        let refused = run(&copy, &s3, &backup);
        assert_eq!(refused.code, Some(1), "{point}: {refused:?}");
        assert!(refused.stderr.contains("less than an hour ago"), "{point}: {refused:?}");
        good(&run(&site, &s3, &backup));
        good(&run(&site, &s3, &["backup", ADDRESS, "--verify", "--json"]));
        good(&run(&copy, &s3, &backup));
    }
}

/// Restores a backup of one site, made in a folder, into another.
fn copy_of(site: &Site, copy: &Site) -> Ended {
    let folder = copy.folder.path().join("vault").display().to_string();
    assert_eq!(site.run(&["backup", &folder], &[]).code, Some(0));
    copy.run(&["restore", &folder, "--json"], &[])
}

/// Started again in an empty folder after a loss, a server must not keep the place from the one it stands in for.
#[test]
fn who_is_refused_holds_nobody_up() {
    let s3 = S3Server::start();
    let (site, _users) = site_with_pictures(1);
    let backup = ["backup", ADDRESS, "--json"];
    good(&run(&site, &s3, &backup));
    let (other, _users) = site_with_pictures(1);
    let refused = run(&other, &s3, &backup);
    assert!(refused.stderr.contains("--adopt"), "{refused:?}");
    good(&run(&site, &s3, &backup));
}

#[test]
fn what_is_wrong_with_a_bucket_is_told_in_a_sentence() {
    let s3 = S3Server::start();
    let (site, _) = site_with_pictures(1);
    for arguments in [
        &["backup", "s3://nobody/x"][..],
        &["backup", "s3://nobody/x", "--verify"],
        &["restore", "s3://nobody/x", "--force"],
    ] {
        let ended = run(&site, &s3, arguments);
        let told = "the store of the backup refuses: NoSuchBucket: The specified bucket does not exist";
        assert_told(&ended, told);
    }
    let empty = run(&site, &s3, &["restore", ADDRESS, "--force"]);
    assert_told(&empty, &format!("there is no backup in {ADDRESS}"));
    let mut settings = s3.settings();
    settings.push(("AWS_ENDPOINT_URL", "http://127.0.0.1:1/"));
    let told = "the store of the backup cannot be reached: ";
    assert_told(&site.run(&["backup", ADDRESS], &settings), told);
    let endpoint = [settings[0]];
    assert_told(&site.run(&["backup", ADDRESS], &endpoint), "set AWS_ACCESS_KEY_ID");
}

#[track_caller]
fn assert_told(ended: &Ended, expected: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stderr.matches(expected).count(), 1, "{expected}: {ended:?}");
    assert!(!ended.stderr.contains("<Error>"), "{ended:?}");
}
