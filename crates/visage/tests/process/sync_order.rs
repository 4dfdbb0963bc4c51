//! What is on the disk when an upload is acknowledged, seen in the order of the program's own calls.

use std::path::PathBuf;

use crate::client::User;
use crate::pictures::picture;
use crate::preload::Preload;
use crate::server::Site;

#[test]
fn a_picture_and_its_folder_and_the_database_are_synced_in_this_order_before_the_answer() {
    let site = Site::new(&[]);
    let Some(preload) = Preload::build(&site) else { return };
    let server = site.start_with(&preload.settings());
    let user = User::new(&site, "user");
    let calls_before = preload.calls().len();
    user.put(picture(1));
    let calls = preload.calls().split_off(calls_before);
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
