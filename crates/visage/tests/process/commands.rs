//! The command line.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use crate::client::User;
use crate::pictures::{IDENTITIES, picture};
use crate::raw::{connect, upload_request};
use crate::server::Site;
use crate::wait::{Over, eventually};

/// How often the data is reaped and audited while it changes.
const PASSES: u32 = 20;

#[test]
fn help_names_every_command() {
    let help = Site::new(&[]).run(&["--help"], &[]);
    assert_eq!(help.code, Some(0));
    for command in [
        "serve",
        "reap",
        "audit",
        "backup",
        "restore",
        "scrub",
        "explain",
        "check-config",
    ] {
        assert!(help.stdout.contains(command), "{command} is missing in {}", help.stdout);
    }
}

#[test]
fn good_settings_are_said_to_be_good_and_wrong_ones_are_told_with_their_keys() {
    let site = Site::new(&[]);
    let good = site.run(&["check-config"], &[]);
    assert_eq!((good.code, good.stdout.as_str()), (Some(0), "the settings are good"));
    let wrong = site.run(
        &["check-config"],
        &[("VISAGE_LIMITS__FRAMES", "0"), ("VISAGE_POSTS__FOLDER", "a/b")],
    );
    assert_eq!(wrong.code, Some(1));
    for key in ["limits.frames", "posts.folder"] {
        assert!(wrong.stderr.contains(key), "{key} is missing in {}", wrong.stderr);
    }
    assert!(!site.data.exists(), "checking settings makes nothing");
}

#[test]
fn unknown_variable_is_a_warning_that_names_the_nearest() {
    let site = Site::new(&[]);
    let server = site.start_with(&[
        ("VISAGE_SERVICE_HOST", "10.0.0.7"),
        ("VISAGE_PORT_5000_TCP", "tcp://10.0.0.7:5000"),
        ("VISAGE_API_KEYS", "1"),
    ]);
    for name in ["VISAGE_SERVICE_HOST", "VISAGE_PORT_5000_TCP"] {
        server.wait_for_log(&format!("variable=\"{name}\" nearest="));
    }
    server.wait_for_log("variable=\"VISAGE_API_KEYS\" nearest=\"VISAGE_API_KEY\"");
}

#[test]
fn healthy_start_logs_no_warning() {
    let site = Site::new(&[]);
    for _ in 0..2 {
        let mut server = site.start();
        server.terminate();
        assert!(server.wait().success());
        server.wait_for_log("stopped");
        for level in ["WARN", "ERROR"] {
            assert!(!server.has_logged(level), "{level}");
        }
    }
}

#[test]
fn explain_without_data_says_what_to_do() {
    let site = Site::new(&[]);
    let ended = site.run(
        &["explain", "http://127.0.0.1:5000/visage/image/upload/w_100/x.jpg"],
        &[],
    );
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("run `visage serve` first"), "{}", ended.stderr);
    assert!(!site.data.exists());
}

#[test]
fn path_argument_with_a_tilde_is_refused() {
    let site = Site::new(&[]);
    for arguments in [
        ["migrate-profiles", "--uploads", "~/uploads"].as_slice(),
        &["audit", "--data", "~/data"],
        &["check-config", "--config", "~/visage.toml"],
        &["backup", "~/backups"],
    ] {
        let ended = site.run(arguments, &[]);
        assert_ne!(ended.code, Some(0));
        assert!(ended.stderr.contains("`~` is not expanded here"), "{}", ended.stderr);
    }
}

#[test]
fn the_published_fallback_secret_is_refused() {
    let site = Site::new(&[]);
    let refused = site.run(&["serve"], &[("JWT_SECRET", "fallback-secret-key")]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("this secret is published"), "{refused:?}");
}

#[test]
fn generated_secrets_are_private_and_stay_the_same() {
    let site = Site::new(&[]);
    let server = site.start();
    let user = User::new(&site, "user");
    let file = site.data.join("secrets.toml");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let secrets = fs::read(&file).unwrap();
    server.kill();
    let _server = site.start();
    assert_eq!(fs::read(&file).unwrap(), secrets);
    assert_eq!(user.image_url().unwrap(), None, "the user is still signed in");
}

#[test]
fn commands_without_data_say_where_they_looked() {
    let site = Site::new(&[]);
    for command in ["reap", "audit"] {
        let ended = site.run(&[command], &[]);
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains(site.data.to_str().unwrap()), "{ended:?}");
    }
}

#[test]
fn a_broken_line_of_the_env_file_is_told_and_a_parents_file_is_not_read() {
    let site = Site::new(&[]);
    let file = site.folder.path().join(".env");
    fs::write(&file, "VISAGE_LIMITS__FRAMES=0\n").unwrap();
    let read = site.run(&["check-config"], &[]);
    assert!(read.stderr.contains("limits.frames"), "{read:?}");
    fs::write(&file, "NAME=x\nJWT_SECRET=hush hush\n").unwrap();
    let broken = site.run(&["check-config"], &[]);
    assert_eq!(broken.code, Some(1));
    assert!(broken.stderr.contains(".env: line 2"), "{broken:?}");
    assert!(!broken.stderr.contains("hush"), "{broken:?}");
    let mut inside = Site::new(&[]);
    fs::create_dir(site.folder.path().join("inside")).unwrap();
    inside.wrapper = ["env", "-C"].map(str::to_owned).to_vec();
    inside
        .wrapper
        .push(site.folder.path().join("inside").display().to_string());
    assert_eq!(inside.run(&["check-config"], &[]).code, Some(0));
}

#[test]
fn a_new_data_folder_is_private_and_one_that_was_there_keeps_its_mode() {
    let mode = |site: &Site| fs::metadata(&site.data).unwrap().permissions().mode() & 0o777;
    let site = Site::new(&[]);
    let _server = site.start();
    assert_eq!(mode(&site), 0o700);
    let site = Site::new(&[]);
    fs::create_dir(&site.data).unwrap();
    fs::set_permissions(&site.data, fs::Permissions::from_mode(0o775)).unwrap();
    let server = site.start();
    server.wait_for_log("others on this machine can read the data folder");
    assert_eq!(mode(&site), 0o775);
}

#[test]
fn a_data_folder_that_is_none_is_told_in_one_sentence() {
    let site = Site::new(&[]);
    fs::write(&site.data, "").unwrap();
    let refused = site.run(&["serve"], &[]);
    assert_eq!(refused.code, Some(1));
    let sentence = format!("visage: the data folder {} is not a folder", site.data.display());
    assert_eq!(refused.stderr, sentence);
}

#[test]
fn a_second_server_is_refused_before_it_touches_the_database() {
    let site = Site::new(&[]);
    fs::create_dir(&site.data).unwrap();
    let lock = fs::File::create(site.data.join("lock")).unwrap();
    lock.lock().unwrap();
    let refused = site.run(&["serve"], &[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("another visage serves"), "{refused:?}");
    for name in ["visage.db", "secrets.toml"] {
        assert!(!site.data.join(name).exists(), "{name} was made");
    }
}

#[test]
fn an_audit_makes_neither_secrets_nor_folders() {
    let site = Site::new(&[]);
    site.start().kill();
    fs::remove_file(site.data.join("secrets.toml")).unwrap();
    assert_eq!(site.run(&["audit"], &[]).code, Some(0));
    assert!(!site.data.join("secrets.toml").exists());
    fs::remove_dir_all(site.data.join("blobs")).unwrap();
    let refused = site.run(&["audit"], &[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("blobs is missing"), "{refused:?}");
    assert!(!site.data.join("blobs").exists());
}

#[test]
fn a_quiet_server_keeps_the_secret_to_itself() {
    let site = Site::new(&[]);
    for (arguments, is_told) in [(&["serve", "--quiet"][..], false), (&["serve"], true)] {
        let (mut server, said) = site.started(site.begin(arguments, &[]));
        server.terminate();
        assert_eq!(server.wait().code(), Some(0));
        let is_said = || said.lock().unwrap().iter().any(|line| line.contains("cloudinary://"));
        if is_told {
            eventually("the secret is told", || is_said().then_some(()));
        }
        assert_eq!(is_said(), is_told);
        assert!(!server.has_logged("cloudinary://"));
    }
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let site = Site::new(&[("VISAGE_HTTP__DRAIN_TIMEOUT", "1h")]);
    let mut server = site.start();
    // A request whose end never comes holds the stop up.
    let request = upload_request(&User::new(&site, "user"), &picture(5));
    let mut open = connect(&site);
    open.write_all(&request[..request.len() - 40]).unwrap();
    eventually("the upload has begun", || {
        let files = server.descriptors();
        files.iter().any(|file| file.contains("/tmp/#")).then_some(())
    });
    server.terminate();
    server.wait_for_log("a second signal ends it at once");
    server.terminate();
    assert_eq!(server.wait().code(), Some(143));
}

#[test]
fn connections_are_fewer_when_the_system_allows_few_files() {
    let mut site = Site::new(&[]);
    site.wrapper = ["sh", "-c", "ulimit -n 300; exec \"$@\"", "sh"]
        .map(str::to_owned)
        .to_vec();
    let server = site.start();
    server.wait_for_log("connections=36 bodies=8");
}

#[test]
fn reaping_and_auditing_beside_a_working_server_disturb_nothing_and_find_nothing_wrong() {
    let site = Site::new(&[("VISAGE_REAPER__RETIRE_AFTER", "0s")]);
    let server = site.start();
    let users: Vec<User> = (0..3).map(|n| User::new(&site, &format!("user{n}"))).collect();
    let over = Over::default();
    thread::scope(|threads| {
        let _guard = over.guard();
        for user in &users {
            threads.spawn(|| {
                for identity in (0..IDENTITIES).cycle().take_while(|_| !over.is_set()) {
                    user.put(picture(identity));
                    assert_eq!(user.shown(), identity);
                }
            });
        }
        for _ in 0..PASSES {
            // With graces that a working server keeps.
            let reaped = site.run(
                &["reap", "--json"],
                &[
                    ("VISAGE_REAPER__PENDING_GRACE", "60s"),
                    ("VISAGE_REAPER__PURGE_DELAY", "31s"),
                ],
            );
            assert_eq!(reaped.code, Some(0), "{reaped:?}");
            let (code, audit) = site.audit();
            assert_eq!(code, Some(0), "{audit}");
        }
    });
    server.kill();
    let _server = site.start();
    site.settle(&[]);
    site.assert_clean(3);
}
