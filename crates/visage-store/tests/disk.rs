//! What is particular to blobs on disk: leftovers of interrupted writes, failing writes, files that were tampered with.
#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use tempfile::TempDir;
use visage_cloudinary::Recipe;
use visage_store::{BlobError, BlobKey, Blobs, Sha256, Stored, UploadId};

const BODY: Bytes = Bytes::from_static(b"a picture");

#[tokio::test]
async fn leftovers_of_interrupted_writes_are_counted_and_swept_and_nothing_else() {
    let (blobs, folder) = blobs();
    let (upload, recipe) = (UploadId::random(), Recipe::parse(&format!("{:032}", 1)).unwrap());
    blobs.put_original(&upload, BODY).await.unwrap();
    blobs.put_derived(&upload, &recipe, BODY).await.unwrap();
    let original = path_of(&folder, &upload);
    let never_finished = path_of(&folder, &UploadId::random());
    let derived = original.to_string_lossy().replace("originals", "derived") + "-r1";
    for path in [
        format!("{}#1", original.display()),
        format!("{}#12", never_finished.display()),
        format!("{derived}#2"),
    ] {
        fs::write(path, "half").unwrap();
    }
    assert_eq!(blobs.count_staging().await.unwrap(), 3);
    assert_eq!(listed(&blobs).await.len(), 2);
    assert_eq!(blobs.sweep_staging().await.unwrap(), 3);
    assert_eq!(
        (blobs.count_staging().await.unwrap(), listed(&blobs).await.len()),
        (0, 2)
    );
    assert!(blobs.get_original(&upload, &Sha256::of(&BODY), 9).await.is_ok());
}

#[tokio::test]
async fn a_leftover_does_not_get_in_the_way_of_a_second_try() {
    let (blobs, folder) = blobs();
    let upload = UploadId::random();
    fs::write(format!("{}#1", path_of(&folder, &upload).display()), "half").unwrap();
    blobs.put_original(&upload, BODY).await.unwrap();
    assert_eq!(blobs.get_original(&upload, &Sha256::of(&BODY), 9).await.unwrap(), BODY);
}

#[tokio::test]
async fn a_refused_put_leaves_nothing_behind() {
    let (blobs, folder) = blobs();
    let upload = UploadId::random();
    blobs.put_original(&upload, BODY).await.unwrap();
    let refused = blobs.put_original(&upload, Bytes::from_static(b"other")).await;
    assert!(matches!(refused, Err(BlobError::Exists(_))));
    assert_eq!(files_beside(&path_of(&folder, &upload)), 1);
}

#[tokio::test]
async fn a_put_that_fails_leaves_nothing_behind() {
    let (blobs, folder) = blobs();
    let upload = UploadId::random();
    // A folder where the file should be: the bytes are written, giving them their name fails.
    fs::create_dir(path_of(&folder, &upload)).unwrap();
    assert!(blobs.put_original(&upload, BODY).await.is_err());
    assert_eq!(blobs.count_staging().await.unwrap(), 0);
    assert_eq!(files_beside(&path_of(&folder, &upload)), 0);
}

/// `VISAGE_TEST_FULL_DISK` is a folder on a small file system that may be filled (`mount -t tmpfs -o size=4m none <folder>`).
#[tokio::test]
async fn a_full_disk_says_so_and_leaves_nothing_behind() {
    let Some(small) = option_env!("VISAGE_TEST_FULL_DISK") else {
        return;
    };
    let folder = tempfile::tempdir_in(small).unwrap();
    let blobs = Blobs::on_disk(folder.path()).unwrap();
    let upload = UploadId::random();
    let failed = blobs
        .put_original(&upload, Bytes::from(vec![7; 8 << 20]))
        .await
        .unwrap_err();
    assert!(matches!(failed, BlobError::NoSpace(_)), "{failed:?}");
    assert_eq!(files_beside(&path_of(&folder, &upload)), 0);
    blobs.put_original(&upload, BODY).await.unwrap();
}

#[tokio::test]
async fn a_file_that_was_cut_or_changed_is_never_served() {
    let (blobs, folder) = blobs();
    let upload = UploadId::random();
    blobs.put_original(&upload, BODY).await.unwrap();
    for tampered in ["a pictur", "a picturf", "a picture and more", ""] {
        fs::write(path_of(&folder, &upload), tampered).unwrap();
        let read = blobs.get_original(&upload, &Sha256::of(&BODY), 9).await;
        assert!(matches!(read, Err(BlobError::Damaged { .. })), "{tampered:?}: {read:?}");
    }
}

#[tokio::test]
async fn strangers_are_listed_as_such() {
    let (blobs, folder) = blobs();
    fs::write(folder.path().join("originals/ab/notes.txt"), "mine").unwrap();
    assert_eq!(
        listed(&blobs).await,
        [Stored::Stranger {
            path: "originals/ab/notes.txt".into()
        }]
    );
}

#[tokio::test]
async fn what_was_stored_is_there_when_the_folder_is_opened_again() {
    let (blobs, folder) = blobs();
    let upload = UploadId::random();
    blobs.put_original(&upload, BODY).await.unwrap();
    drop(blobs);
    let again = Blobs::on_disk(folder.path()).unwrap();
    assert_eq!(again.get_original(&upload, &Sha256::of(&BODY), 9).await.unwrap(), BODY);
    again.delete(&BlobKey::Original(upload)).await.unwrap();
    assert!(!path_of(&folder, &upload).exists());
}

#[tokio::test]
async fn of_two_puts_of_one_original_exactly_one_wins() {
    let (blobs, folder) = blobs();
    for _ in 0..20 {
        let upload = UploadId::random();
        let (one, other) = tokio::join!(blobs.put_original(&upload, BODY), blobs.put_original(&upload, BODY));
        assert!(one.is_ok() != other.is_ok());
        assert_eq!(files_beside(&path_of(&folder, &upload)), 1);
    }
}

/// A runtime that is dropped waits for what runs on its blocking threads.
#[test]
fn a_stream_that_nobody_waits_for_any_more_leaves_nothing() {
    let (blobs, folder) = blobs();
    let upload = UploadId::random();
    let path = path_of(&folder, &upload);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let endless = futures_util::stream::iter([Ok(BODY)]).chain(futures_util::stream::pending());
        let begun = async {
            while files_beside(&path) == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = blobs.put_original_stream(&upload, endless.boxed()) => panic!("the stream has no end"),
            () = begun => {}
        }
    });
    drop(runtime);
    assert_eq!(files_beside(&path), 0);
}

fn blobs() -> (Blobs, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Blobs::on_disk(folder.path()).unwrap(), folder)
}

fn path_of(folder: &TempDir, upload: &UploadId) -> PathBuf {
    let name = upload.to_string();
    folder.path().join("originals").join(name.get(..2).unwrap()).join(name)
}

/// How many files have a name that begins like this one's.
fn files_beside(path: &Path) -> usize {
    let name = path.file_name().unwrap().to_string_lossy();
    let files = fs::read_dir(path.parent().unwrap()).unwrap().map(Result::unwrap);
    files
        .filter(|file| file.file_type().unwrap().is_file() && file.file_name().to_string_lossy().starts_with(&*name))
        .count()
}

async fn listed(blobs: &Blobs) -> Vec<Stored> {
    blobs.list().try_collect().await.unwrap()
}
