//! How each kind of reference ends.

use std::fs;
use std::os::unix::fs::symlink;

use http::StatusCode;
use serde_json::json;
use visage::audit::audit;
use visage::migrate::output::Output;
use visage::migrate::{Arguments, MigrateError, MigrationLock, migrate_profiles};
use visage_cloudinary::{PublicId, ResourceType};
use visage_store::Sha256;

use super::{Scene, end, line_of, when_done};
use crate::pictures::png;
use crate::test_app::TestApp;

/// References, how they end, and why.
const CASES: &[(Option<&str>, &str, &str)] = &[
    (Some("/uploads/x.png"), "migrated", ""),
    (Some("uploads/x.png"), "migrated", ""),
    (Some("http://localhost:5000/uploads/x.png"), "migrated", ""),
    (Some("https://api.gym.example/uploads/x.png?v=1"), "migrated", ""),
    (Some("http://images.example/uploads/x.png"), "migrated", ""),
    (Some("/uploads/a%20b.png#top"), "migrated", ""),
    (Some("/uploads/a b.png"), "migrated", ""),
    (Some("/uploads/\u{e9}.png"), "migrated", ""),
    (Some("/uploads/100%25.png"), "migrated", ""),
    (Some("\\uploads\\sub\\x.png"), "migrated", ""),
    (Some("//uploads//sub//x.png"), "migrated", ""),
    (Some("/uploads/sub/../x.png"), "migrated", ""),
    (Some(r"C:\app\backend\uploads\sub\x.png"), "migrated", ""),
    (
        Some(r"C:\app\images\x.png"),
        "refused",
        "it is an absolute path of the old machine, and not in the folder that was served",
    ),
    (None, "no_picture", ""),
    (Some(""), "no_picture", ""),
    (Some("null"), "no_picture", ""),
    (Some("/uploads/none.png"), "missing_file", ""),
    (Some("/uploads/x.png/x.png"), "missing_file", ""),
    (Some("/uploads/../secret.png"), "refused", "it leads out of the folder"),
    (
        Some("/uploads/%2e%2e/secret.png"),
        "refused",
        "it leads out of the folder",
    ),
    (Some("/uploads/way-out.png"), "refused", "it is a symbolic link"),
    (Some("/uploads/link.png"), "refused", "it is a symbolic link"),
    (Some("/uploads/pipe.png"), "refused", "it is a pipe and no file"),
    (Some("/uploads/sub"), "refused", "it is a folder and no file"),
    (
        Some("/uploads/large.png"),
        "refused",
        "the file has more than 5242880 bytes",
    ),
    (Some("/uploads/empty.png"), "refused", "The file is empty."),
    (
        Some("/images/x.png"),
        "refused",
        "it is not in the folder that was served",
    ),
    (
        Some("https://elsewhere.example/uploads/x.png"),
        "refused",
        "it is at another host",
    ),
    (
        Some("https://res.cloudinary.com/demo/image/upload/v1/profiles/x.png"),
        "refused",
        "it is at another host",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_user_ends_as_exactly_one_thing_and_no_source_is_touched() {
    let s = Scene::new();
    let picture = png(10, 10, [9; 3]);
    for file in ["x.png", "a b.png", "sub/x.png", "e\u{301}.png", "100%.png"] {
        s.write(file, &picture);
    }
    s.write("text.jpg", b"I am no picture.");
    s.write("empty.png", b"");
    let limit = usize::try_from(s.t.app.config.limits.profile_image_bytes).unwrap();
    s.write("large.png", &vec![0; limit + 1]);
    fs::write(s.outer.path().join("secret.png"), &picture).unwrap();
    symlink("x.png", s.path("link.png")).unwrap();
    symlink("../secret.png", s.path("way-out.png")).unwrap();
    let pipe = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, s.path("pipe.png"), pipe, rustix::fs::Mode::RUSR, 0).unwrap();
    let mut users = Vec::new();
    for (url, ..) in CASES {
        users.push(s.user(*url).await);
    }
    let text = s.user(Some("/uploads/text.jpg")).await;
    let member = s.t.member("Mira").await;
    s.t.upload_ok(&member, &picture).await;
    let (summary, lines) = s.migrate(&s.arguments()).await;
    for ((url, outcome, error), user) in CASES.iter().zip(&users) {
        let line = line_of(&lines, user);
        assert_eq!(end(line), (*outcome, *error), "{url:?}: {line}");
        if *outcome != "migrated" {
            assert_eq!(s.now(user).await, *user, "{url:?}");
        }
    }
    let (outcome, error) = end(line_of(&lines, &text));
    assert!(outcome == "refused" && error.contains("not supported"), "{error}");
    let figures = [
        summary.migrated,
        summary.already_there,
        summary.no_picture,
        summary.missing_file,
    ];
    assert_eq!(
        (figures, summary.refused, summary.failed),
        ([13, 1, 3, 2], 13, 0),
        "{summary:?}"
    );
    assert!(summary.is_complete());
    assert_eq!(fs::read(s.path("x.png")).unwrap(), picture);
    s.check_clean(14).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_picture_is_clean_and_shown_and_the_next_run_tells_the_same_of_it() {
    let s = Scene::new();
    // The comment is not the picture.
    let mut picture = png(10, 10, [9; 3]);
    let text = b"tEXtComment\0at home";
    let chunk = [
        &u32::try_from(text.len() - 4).unwrap().to_be_bytes(),
        text.as_slice(),
        &[0; 4],
    ]
    .concat();
    picture.splice(33..33, chunk);
    s.write("x.png", &picture);
    let user = s.user(Some("/uploads/x.png")).await;
    let (summary, lines) = s.migrate(&s.arguments()).await;
    assert_eq!(summary.migrated, 1, "{lines:?}");
    let line = line_of(&lines, &user);
    assert_eq!(line["source_sha256"], Sha256::of(&picture).to_string());
    let now = s.now(&user).await;
    let public_id = PublicId::parse(line["public_id"].as_str().unwrap()).unwrap();
    assert_eq!(now.cloudinary_id.as_deref(), Some(public_id.as_str()));
    assert_eq!(now.profile_image.as_deref(), line["url"].as_str());
    let url = now.profile_image.unwrap();
    assert_eq!(s.t.get(&url).await.status, StatusCode::OK);
    let stored =
        s.t.app
            .media_host
            .original(&url, &public_id, ResourceType::Image)
            .await
            .unwrap()
            .unwrap();
    assert_eq!(line["stored_sha256"], Sha256::of(&stored).to_string());
    assert!(!stored.windows(7).any(|bytes| bytes == b"at home"));
    assert_eq!(
        (&line["old_url"], &line["old_updated_at"], &line["source"]),
        (&json!("/uploads/x.png"), &json!("2020-01-03T00:00:00Z"), &json!("kept"))
    );
    let (summary, again) = s.migrate(&s.arguments()).await;
    assert_eq!((summary.migrated, summary.already_there), (0, 1));
    let mut expected = line.clone();
    expected["outcome"] = json!("already_there");
    assert_eq!(line_of(&again, &user), &expected);
    s.check_clean(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_exactly_the_limit_is_moved_and_one_more_byte_is_not() {
    let picture = png(10, 10, [9; 3]);
    let len = picture.len() as u64;
    for (limit, outcome) in [(len + 1, "migrated"), (len, "migrated"), (len - 1, "refused")] {
        let s = Scene::with(TestApp::with_config(|config| config.limits.profile_image_bytes = limit));
        s.write("x.png", &picture);
        let user = s.user(Some("/uploads/x.png")).await;
        let (_, lines) = s.migrate(&s.arguments()).await;
        assert_eq!(line_of(&lines, &user)["outcome"], outcome, "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_the_same_and_changes_nothing() {
    let s = Scene::new();
    s.write("x.png", &png(10, 10, [9; 3]));
    s.write("text.jpg", b"I am no picture.");
    let mut users = Vec::new();
    for url in ["/uploads/x.png", "/uploads/text.jpg", "/uploads/none.png"] {
        users.push(s.user(Some(url)).await);
    }
    let only_look = Arguments {
        dry_run: true,
        ..s.and_remove()
    };
    let (said, lines) = s.migrate(&only_look).await;
    for user in &users {
        assert_eq!(&s.now(user).await, user);
    }
    s.check_clean(0).await;
    assert_eq!(end(line_of(&lines, &users[0])), ("would_migrate", ""));
    let (done, _) = s.migrate(&s.arguments()).await;
    assert_eq!(when_done(&said), done, "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_migrations_do_not_get_into_each_others_way() {
    let s = Scene::new();
    let data = &s.t.app.config.data;
    let lock = MigrationLock::take(data).unwrap();
    assert!(matches!(MigrationLock::take(data), Err(MigrateError::UnderWay)));
    drop(lock);
    assert!(MigrationLock::take(data).is_ok());
    assert_eq!(audit(&s.t.app).await.unwrap().temporary_files, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_none_ends_the_migration_before_it_begins() {
    let s = Scene::new();
    for path in [s.path("none"), s.outer.path().join("report")] {
        fs::write(s.outer.path().join("report"), "").unwrap();
        let arguments = Arguments {
            uploads: Some(path.clone()),
            ..s.arguments()
        };
        let refused = migrate_profiles(&s.t.app, &arguments, &mut Output::quiet()).await;
        let Err(error @ MigrateError::File { .. }) = refused else {
            panic!("{refused:?}");
        };
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}
