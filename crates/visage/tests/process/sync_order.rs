//! What is on the disk when an upload is acknowledged, seen in the order of the program's own calls.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::client::User;
use crate::pictures::picture;
use crate::server::Site;

#[test]
fn a_picture_and_its_folder_and_the_database_are_synced_in_this_order_before_the_answer() {
    let site = Site::new(&[]);
    let Some(library) = build_library(site.folder.path()) else {
        eprintln!("skipped: calls can be listened to on Linux with a C compiler only");
        return;
    };
    let log = site.folder.path().join("sync.log");
    let server = site.start_with(&[
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("SYNC_LOG", log.to_str().unwrap()),
    ]);
    let user = User::new(&site, "user");
    let calls_before = read(&log).len();
    user.put(picture(1));
    let calls = read(&log).split_off(calls_before);
    drop(server);

    let [original]: [PathBuf; 1] = site.originals().try_into().unwrap();
    let name = original.to_str().unwrap();
    let folder = original.parent().unwrap().to_str().unwrap();
    let position = |what: &str, from: usize, fits: &dyn Fn(&str) -> bool| {
        let found = calls[from..].iter().position(|call| fits(call));
        from + found.unwrap_or_else(|| panic!("no {what} from call {from} on in {calls:#?}"))
    };
    let wal = |call: &str| call.starts_with("sync ") && call.ends_with("visage.db-wal");
    let staged = format!("{name}#");
    let create = format!("create {staged}");
    let sync = format!("sync {staged}");

    let announced = position("sync of the announcement", 0, &wal);
    let created = position("creation of the original", announced, &|call| call.starts_with(&create));
    let written = position("sync of the original", created, &|call| call.starts_with(&sync));
    let named = position("naming of the original", written, &|call| {
        (call.starts_with("link ") || call.starts_with("rename ")) && call.ends_with(&format!(" {name}"))
    });
    let kept = position("sync of the original's folder", named, &|call| {
        call == format!("sync {folder}")
    });
    let uploaded = position("sync of the upload's commit", kept, &wal);
    position("sync of the exchange's commit", uploaded + 1, &wal);

    let first_named = calls.iter().position(|call| call.ends_with(&format!(" {name}")));
    assert_eq!(
        first_named,
        Some(named),
        "it had its name before it was on the disk: {calls:#?}"
    );
}

/// Builds the library that listens; `None` when this machine cannot.
fn build_library(folder: &Path) -> Option<PathBuf> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let library = folder.join("sync_log.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/sync_log.c");
    let compiler = Command::new("cc")
        .args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"])
        .arg(&library)
        .arg(source)
        .arg("-ldl")
        .status()
        .ok()?;
    assert!(compiler.success(), "the library was not built");
    Some(library)
}

fn read(log: &Path) -> Vec<String> {
    fs::read_to_string(log).unwrap().lines().map(str::to_owned).collect()
}
