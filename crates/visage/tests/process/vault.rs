//! Backups of a site, made and read by the real program.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::client::User;
use crate::pictures::picture;
use crate::server::{Ended, Site, files_in};

/// Where a site's backups lie.
pub(crate) fn vault(site: &Site) -> String {
    site.folder.path().join("vault").display().to_string()
}

/// Makes a backup that must succeed, and tells what it did.
#[track_caller]
pub(crate) fn back_up(site: &Site, arguments: &[&str]) -> Value {
    let ended = command(site, "backup", arguments);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Restores what must be good, and tells what was done.
#[track_caller]
pub(crate) fn restore(site: &Site, arguments: &[&str]) -> Value {
    let ended = command(site, "restore", arguments);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Reads the whole backup.
pub(crate) fn verify(site: &Site) -> Ended {
    command(site, "backup", &["--verify"])
}

/// A command about the site's backups.
pub(crate) fn command(site: &Site, command: &str, arguments: &[&str]) -> Ended {
    let vault = vault(site);
    let all: Vec<&str> = [command, &vault, "--json"].iter().chain(arguments).copied().collect();
    site.run(&all, &[])
}

/// What was kept before is lost.
pub(crate) fn wipe(site: &Site) {
    fs::remove_dir_all(&site.data).unwrap();
}

/// A site with users who each have a picture: number 1, 2, …
pub(crate) fn site_with_pictures(count: u16, settings: &[(&str, &str)]) -> (Site, Vec<User>) {
    let site = Site::new(settings);
    let server = site.start();
    let users: Vec<User> = (1..=count).map(|n| User::new(&site, &format!("user{n}"))).collect();
    for (number, user) in (1..).zip(&users) {
        user.put(picture(number));
    }
    server.kill();
    (site, users)
}

/// All files below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in files_in(folder) {
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort_unstable();
    files
}

/// Flips one bit; again puts it right.
pub(crate) fn flip(file: &Path, bit: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    fs::write(file, bytes).unwrap();
}
