//! A disk that is full, and then is not.
//!
//! The disk is a small one in memory, mounted where only the program sees it, so that nothing can stay mounted.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::client::{self, User};
use crate::pictures::{noise, picture};
use crate::server::{Server, Site};

const KIB: usize = 1024;
const DISK: &str = "24m";
/// Room that is left on the disk: for nothing, for a part of the temporary file, for that and a part of the original, and
/// so on until it is enough.
const ROOM_KIB: &[usize] = &[0, 4, 16, 48, 96, 112, 128, 160, 192, 224, 240, 288, 352, 512, 1024];

/// A tenth of the disk.
const RESERVE_KIB: usize = 24 * KIB / 10;

/// A server on a small disk, and a user whose picture is 1.
struct Scene {
    site: Site,
    disk: SmallDisk,
    server: Server,
    user: User,
}

impl Scene {
    fn new(settings: &[(&str, &str)]) -> Option<Self> {
        let mut site = Site::new(settings);
        let Some(disk) = SmallDisk::mount(&site.data) else {
            eprintln!("skipped: this machine does not allow mounting");
            return None;
        };
        site.wrapper = disk.enter();
        let server = site.start();
        let user = User::new(&site, "user");
        user.put(picture(1));
        Some(Self {
            site,
            disk,
            server,
            user,
        })
    }
}

#[test]
fn a_full_disk_is_said_to_be_full_and_takes_uploads_again_when_it_has_room() {
    let Some(scene) = Scene::new(&[]) else { return };
    let (site, disk, user) = (&scene.site, &scene.disk, &scene.user);
    let mut current = 1;
    let file = noise(200);
    let (mut refused, mut taken) = (0, 0);
    for room_kib in ROOM_KIB {
        disk.leave_room(room_kib * KIB);
        let answer = user.upload(file.clone()).unwrap();
        if answer.status == 507 {
            let message = answer.json()["message"].as_str().unwrap().to_owned();
            assert!(message.contains("no space"), "{message}");
            assert_eq!(user.shown(), current, "the old picture is still delivered");
            refused += 1;
        } else {
            answer.stored_url();
            taken += 1;
        }
        disk.clear();
        current += 1;
        user.put(picture(current));
        assert_eq!(user.shown(), current);
    }
    assert!(
        refused > 3 && taken > 0,
        "{refused} refused and {taken} taken do not show enough"
    );
    site.settle(&["--at-once"]);
    assert_eq!(user.shown(), current);
    site.assert_clean(1);
    eprintln!("{refused} uploads were refused and {taken} taken");
}

#[test]
fn a_server_that_is_restarted_on_a_full_disk_delivers() {
    let Some(scene) = Scene::new(&[]) else { return };
    scene.disk.leave_room(0);
    scene.server.kill();
    let mut server = scene.site.start();
    assert_eq!(scene.user.shown(), 1);
    assert_eq!(scene.user.upload(picture(2)).unwrap().status, 507);
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    let (code, audit) = scene.site.audit();
    assert_eq!(code, Some(0), "{audit}");
}

#[test]
fn a_full_disk_is_relieved_by_the_reaper() {
    // Derived images make room, so they must be of some size.
    let settings = [
        ("VISAGE_REAPER__RETIRE_AFTER", "0s"),
        (
            "VISAGE_PROFILE__TRANSFORMATION",
            "c_thumb,g_face,h_400,w_400/f_auto,q_auto",
        ),
    ];
    let Some(scene) = Scene::new(&settings) else {
        return;
    };
    for _ in 0..4 {
        scene.user.put(noise(400));
    }
    scene.user.put(picture(1));
    scene.disk.leave_room(0);
    assert_eq!(scene.user.upload(noise(400)).unwrap().status, 507);
    scene.site.reap(&["--at-once"]);
    scene.user.put(noise(400));
    scene.disk.clear();
    scene.site.settle(&["--at-once"]);
    scene.site.assert_clean(1);
}

#[test]
fn uploads_and_derived_images_leave_a_tenth_of_the_disk_free() {
    let Some(scene) = Scene::new(&[("VISAGE_LIMITS__DISK_RESERVE_PERCENT", "10")]) else {
        return;
    };
    let (disk, user) = (&scene.disk, &scene.user);
    let derived = scene.site.data.join("blobs/derived");
    let health = || client::get(&format!("{}/health", scene.site.url())).unwrap().json();
    assert_eq!(health()["status"], "ok");
    disk.leave_room((RESERVE_KIB + 2 * KIB) * KIB);
    let soon = health();
    assert_eq!(
        (&soon["status"], &soon["disk"]["ok"]),
        (&"degraded".into(), &false.into())
    );
    user.put(picture(1));
    disk.clear();
    disk.leave_room((RESERVE_KIB - 64) * KIB);
    let full = health();
    assert_eq!(full["status"], "degraded");
    assert!(
        full["disk"]["message"]
            .as_str()
            .unwrap()
            .contains("uploads are refused"),
        "{full}"
    );
    let refused = user.upload(picture(2)).unwrap();
    assert_eq!(refused.status, 507, "{:?}", refused.json());
    assert_eq!(
        user.upload(noise(900)).unwrap().status,
        507,
        "it is cut while it arrives"
    );
    assert_eq!(user.shown(), 1);
    let before = disk.files_in(&derived);
    let url = user.image_url().unwrap().unwrap().replace("w_40", "w_41");
    assert_eq!(client::get(&url).unwrap().status, 200, "it is delivered");
    assert_eq!(disk.files_in(&derived), before, "and not stored");
    disk.clear();
    disk.leave_room((RESERVE_KIB + 2 * KIB) * KIB);
    user.put(picture(2));
    assert_eq!(user.shown(), 2);
    disk.clear();
    assert_eq!(health()["status"], "ok");
}

/// A file system in memory in a mount namespace of its own. It ends when this, and every program in it, has ended.
struct SmallDisk {
    keeper: Child,
    folder: PathBuf,
}

impl SmallDisk {
    fn mount(folder: &Path) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let script = format!(
            "mount -t tmpfs -o size={DISK} tmpfs '{}' && echo mounted && exec cat",
            folder.display()
        );
        let mut keeper = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        let folder = PathBuf::from(format!("/proc/{}/root{}", keeper.id(), folder.display()));
        (said == "mounted\n").then_some(Self { keeper, folder })
    }

    /// The command that runs another one where the disk is.
    fn enter(&self) -> Vec<String> {
        let target = self.keeper.id().to_string();
        let line = [
            "nsenter",
            "--user",
            "--preserve-credentials",
            "--mount",
            "--target",
            &target,
            "--",
        ];
        line.map(str::to_owned).to_vec()
    }

    /// Fills the disk up to the last `bytes`.
    fn leave_room(&self, bytes: usize) {
        let reserve = self.folder.join("reserve");
        fs::write(&reserve, vec![1; bytes]).unwrap();
        let mut filler = fs::File::create(self.folder.join("filler")).unwrap();
        let full = loop {
            if let Err(error) = filler.write_all(&[1; 4 * KIB]) {
                break error;
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        fs::remove_file(reserve).unwrap();
    }

    /// How many files there are below a folder, as the program sees it.
    fn files_in(&self, folder: &Path) -> usize {
        let seen = format!("/proc/{}/root{}", self.keeper.id(), folder.display());
        let Ok(shards) = fs::read_dir(seen) else { return 0 };
        let count = |shard: io::Result<fs::DirEntry>| fs::read_dir(shard.unwrap().path()).map_or(1, Iterator::count);
        shards.map(count).sum()
    }

    fn clear(&self) {
        fs::remove_file(self.folder.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        self.keeper.kill().ok();
        self.keeper.wait().ok();
    }
}
