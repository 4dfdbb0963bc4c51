//! A place of backups that is a folder.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use jiff::Timestamp;
use tempfile::TempDir;
use visage_store::{SnapshotId, Vault, VaultError, VaultFile};

use crate::{complete, facts_of};

#[tokio::test]
async fn a_vault_is_made_for_its_owner_alone_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/vault");
    let none = Vault::open(&path).unwrap_err();
    assert!(matches!(none, VaultError::None(_)), "{none:?}");
    assert!(!folder.path().join("a").exists(), "looking makes nothing");
    let vault = Vault::open_or_create(&path).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let snapshot = complete(&vault, 1).await;
    let again = Vault::open(&path).unwrap();
    assert_eq!(again.snapshots().await.unwrap(), [snapshot]);
}

#[tokio::test]
async fn a_folder_that_was_open_to_others_shows_them_nothing_of_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let mode = |name: &str| {
        let found = fs::metadata(folder.path().join(name)).unwrap();
        found.permissions().mode() & 0o777
    };
    let open = |name: &str| fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    open("");
    // As a release made them that did not close them.
    fs::create_dir(folder.path().join("secrets")).unwrap();
    open("secrets");
    Vault::open_or_create(folder.path()).unwrap();
    let closed = ["databases", "secrets", "manifests", "originals"];
    assert_eq!(closed.map(mode), [0o700; 4]);
    assert_eq!(mode(""), 0o755, "it keeps the mode that somebody gave it");
}

#[tokio::test]
async fn one_at_a_time_writes_and_takes_the_leftovers_away() {
    let (vault, folder) = vault();
    let leftover = folder.path().join("databases/20260701T120000.123Z-0123abcd.db#1");
    fs::write(&leftover, "half").unwrap();
    let now = Timestamp::UNIX_EPOCH;
    let lock = vault.lock("me", now).await.unwrap();
    assert!(!leftover.exists());
    let other = Vault::open(folder.path()).unwrap();
    assert!(matches!(other.lock("me", now).await, Err(VaultError::Busy)));
    drop(lock);
    other.lock("you", now).await.unwrap();
}

#[tokio::test]
async fn a_file_reads_as_it_was_stored_or_not_at_all() {
    let (vault, folder) = vault();
    let snapshot = SnapshotId::new(Timestamp::UNIX_EPOCH);
    let file = VaultFile::Database(snapshot.clone());
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    for size in [0, 5, 1024 * 1024, 2 * 1024 * 1024 + 7] {
        let body: Vec<u8> = (0..=250).cycle().take(size).collect();
        fs::write(&from, &body).unwrap();
        let facts = vault.put_file(&file, &from).await.unwrap();
        assert_eq!(facts, facts_of(&body));
        vault.check_file(&file, &facts).await.unwrap();
        vault.get_file(&file, &facts, &to).await.unwrap();
        assert_eq!(fs::read(&to).unwrap(), body);
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_file(&to).unwrap();
        let stored = folder.path().join(format!("databases/{snapshot}.db"));
        let mut damaged = body.clone();
        damaged.push(0);
        fs::write(&stored, &damaged).unwrap();
        assert!(matches!(
            vault.check_file(&file, &facts).await,
            Err(VaultError::Damaged(_))
        ));
        if size > 0 {
            damaged.pop();
            damaged[size / 2] ^= 1;
            fs::write(&stored, damaged).unwrap();
            assert!(matches!(
                vault.check_file(&file, &facts).await,
                Err(VaultError::Damaged(_))
            ));
        }
    }
    let (secrets, facts) = (VaultFile::Secrets(snapshot), facts_of(b""));
    let missing = vault.check_file(&secrets, &facts).await;
    assert!(matches!(missing, Err(VaultError::Missing(_))), "{missing:?}");
}

#[tokio::test]
async fn snapshots_are_told_oldest_first_and_only_when_they_are_complete() {
    let (vault, folder) = vault();
    let [second, first] = [complete(&vault, 20).await, complete(&vault, 10).await];
    fs::write(folder.path().join("manifests/notes.txt"), "mine").unwrap();
    let incomplete = VaultFile::Database(SnapshotId::new(Timestamp::UNIX_EPOCH));
    vault
        .put_file(&incomplete, &folder.path().join("manifests/notes.txt"))
        .await
        .unwrap();
    assert_eq!(vault.snapshots().await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(vault.files().await.unwrap().len(), 3);
    // A manifest under another name is none.
    let [from, to] = [&first, &second].map(|id| folder.path().join(format!("manifests/{id}.ndjson")));
    fs::copy(from, to).unwrap();
    assert!(vault.manifest(&first).await.is_ok());
    assert!(matches!(vault.manifest(&second).await, Err(VaultError::Damaged(_))));
    let files = [VaultFile::Manifest(second.clone()), VaultFile::Manifest(second.clone())];
    vault.remove(&files).await.unwrap();
    assert!(matches!(vault.manifest(&second).await, Err(VaultError::NoSnapshot(_))));
}

fn vault() -> (Vault, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Vault::open_or_create(folder.path()).unwrap(), folder)
}
