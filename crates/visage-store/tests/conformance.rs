//! Every implementation passes the contracts.
#![cfg(test)]

use tempfile::TempDir;
use visage_store::{Blobs, Sqlite};

mod sqlite {
    visage_store::catalog_conformance!(super::sqlite_in_a_folder);
    visage_store::details_conformance!(super::sqlite_in_a_folder);
    visage_store::directory_conformance!(super::sqlite_in_a_folder);
    visage_store::documents_conformance!(super::sqlite_in_a_folder);
    visage_store::folders_conformance!(super::sqlite_in_a_folder);
    visage_store::listing_conformance!(super::sqlite_in_a_folder);
    visage_store::outbox_conformance!(super::sqlite_in_a_folder);
    visage_store::posts_conformance!(super::sqlite_in_a_folder);
    visage_store::search_conformance!(super::sqlite_in_a_folder);
    visage_store::upkeep_conformance!(super::sqlite_in_a_folder);
}

mod disk {
    visage_store::blobs_conformance!(super::blobs_in_a_folder);
}

mod memory {
    visage_store::blobs_conformance!(super::blobs_in_memory);
}

fn sqlite_in_a_folder() -> (Sqlite, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Sqlite::open(&folder.path().join("visage.db")).unwrap(), folder)
}

fn blobs_in_a_folder() -> (Blobs, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Blobs::on_disk(&folder.path().join("blobs")).unwrap(), folder)
}

fn blobs_in_memory() -> (Blobs, ()) {
    (Blobs::in_memory(), ())
}
