//! The command line.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use crate::client::User;
use crate::pictures::{IDENTITIES, picture};
use crate::server::Site;
use crate::wait::Over;

/// How often the data is reaped and audited while it changes.
const PASSES: u32 = 20;

#[test]
fn help_names_every_command() {
    let help = Site::new(&[]).run(&["--help"], &[]);
    assert_eq!(help.code, Some(0));
    for command in ["serve", "reap", "audit", "check-config"] {
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
        &[("VISAGE_LIMITS__FRAMES", "0"), ("VISAGE_NO__SUCH", "1")],
    );
    assert_eq!(wrong.code, Some(1));
    for key in ["limits.frames", "VISAGE_NO__SUCH"] {
        assert!(wrong.stderr.contains(key), "{key} is missing in {}", wrong.stderr);
    }
    assert!(!site.data.exists(), "checking settings makes nothing");
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
            site.reap(&[]);
            let (code, audit) = site.audit();
            assert_eq!(code, Some(0), "{audit}");
        }
    });
    server.kill();
    let _server = site.start();
    site.settle(&[]);
    site.assert_clean(3);
}
