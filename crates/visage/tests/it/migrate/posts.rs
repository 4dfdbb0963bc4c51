//! `visage migrate-posts`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use visage::migrate::output::{Output, PostSummary, ReportFormat};
use visage::migrate::posts::{PostArguments, migrate_posts};
use visage::migrate::{Arguments, MigrateError};
use visage_store::UserId;

use super::meddling::{Meddle, meddled};
use super::{Scene, Shared, end};
use crate::pictures::{mp4, png, png_with_text};
use crate::test_app::TestApp;

const RED: [u8; 3] = [200, 0, 0];
const NOBODY: &str = "66501234bbbbbbbbbbbbbbbb";

fn id(n: usize) -> String {
    format!("66501234{n:016x}")
}

/// A post as the original application keeps it, an hour and a half old.
fn post(n: usize, more: &Value) -> Value {
    let mut document = json!({
        "_id": {"$oid": id(n)}, "user": {"$oid": NOBODY}, "content": "hello", "likes": [], "comments": [], "featured": false,
        "createdAt": {"$date": "2024-06-25T08:00:00Z"}, "expiresAt": {"$date": "2024-06-26T20:00:00Z"}, "__v": 0,
    });
    let fields = document.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    document
}

fn showing(n: usize, url: &str) -> Value {
    post(n, &json!({ "media": url }))
}

impl Scene {
    fn export(&self, documents: &[Value]) -> PathBuf {
        let lines: Vec<String> = documents.iter().map(Value::to_string).collect();
        let path = self.outer.path().join("posts.json");
        fs::write(&path, lines.join("\n")).unwrap();
        path
    }

    fn post_arguments(&self) -> PostArguments {
        PostArguments {
            uploads: self.path(""),
            posts: self.outer.path().join("posts.json"),
            own_hosts: vec!["https://api.gym.example".parse().unwrap()],
            remove_source: false,
            dry_run: false,
            parallel: 4,
        }
    }

    /// One after the other, so that a file that goes too soon is missed.
    fn posts_and_remove(&self) -> PostArguments {
        PostArguments {
            remove_source: true,
            parallel: 1,
            ..self.post_arguments()
        }
    }

    async fn migrate_posts(&self, arguments: &PostArguments) -> (PostSummary, Vec<Value>) {
        let report = Shared::default();
        let mut output = Output::quiet()
            .with_report(Box::new(report.clone()), ReportFormat::Json)
            .unwrap();
        migrate_posts(&self.t.app, arguments, &mut output).await.unwrap();
        let summary = PostSummary::from(output.finish());
        let report = report.text();
        let lines: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len() as u64, summary.posts, "{lines:?}");
        let ends = [
            summary.migrated,
            summary.would_migrate,
            summary.already_there,
            summary.expired,
            summary.missing_file,
            summary.refused,
            summary.failed,
            summary.superseded,
        ];
        assert_eq!(ends.iter().sum::<u64>(), summary.posts, "{summary:?}");
        (summary, lines)
    }
}

fn line_of(lines: &[Value], n: usize) -> &Value {
    let mut of_post = lines
        .iter()
        .filter(|line| line["post"] == id(n) && line["document"].is_null());
    of_post.next().unwrap_or_else(|| panic!("{n} is not in {lines:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_come_as_they_were_and_are_answered_in_the_contracts_shape() {
    let s = Scene::new();
    let asha = s.t.member("Asha").await;
    let face = s.t.upload_ok(&asha, &png(10, 10, RED)).await;
    s.write("a.png", &png_with_text(1200, 600, RED, "GPS 52.5163"));
    s.write("b.mp4", &mp4("+52.5163+013.3777/"));
    let documents = [
        post(
            1,
            &json!({"user": {"$oid": asha.id}, "content": "", "media": "/uploads/a.png", "likes": [
            {"$oid": NOBODY}, {"$oid": asha.id}, {"$oid": NOBODY},
        ], "comments": [
            {"_id": {"$oid": id(7)}, "user": {"$oid": asha.id}, "text": "mine", "createdAt": {"$date": "2024-06-25T08:30:00.5Z"}},
            {"_id": {"$oid": id(6)}, "user": {"$oid": NOBODY}, "text": "hey", "createdAt": {"$date": {"$numberLong": "1719304200000"}}},
        ], "featured": true, "__v": {"$numberInt": "3"}}),
        ),
        // The old server said `image` of everything, or nothing at all.
        post(
            2,
            &json!({"media": "https://api.gym.example/uploads/b.mp4", "mediaType": "image", "createdAt": {"$date": "2024-06-25T08:00:01Z"}}),
        ),
        post(3, &json!({"createdAt": {"$date": "2024-06-25T08:00:02Z"}})),
    ];
    // As an array, for once.
    fs::write(
        s.outer.path().join("posts.json"),
        Value::from(documents.to_vec()).to_string(),
    )
    .unwrap();
    let (summary, lines) = s.migrate_posts(&s.post_arguments()).await;
    assert_eq!(summary.migrated, 3, "{lines:?}");
    let author = json!({"_id": asha.id, "name": "Asha", "profileImage": face});
    let (image, video) = (line_of(&lines, 1), line_of(&lines, 2));
    let times = |document: &mut Value, created_at: &str| {
        document["createdAt"] = created_at.into();
        document["expiresAt"] = "2024-06-26T20:00:00.000Z".into();
    };
    let mut expected = json!([
        {"_id": id(3), "user": null, "content": "hello", "likes": [], "comments": [], "featured": false, "__v": 0},
        {"_id": id(2), "user": null, "content": "hello", "likes": [], "comments": [], "featured": false, "__v": 0,
         "media": video["url"], "cloudinaryId": video["public_id"], "mediaType": "video"},
        {"_id": id(1), "user": author, "content": "", "likes": [NOBODY, asha.id], "featured": true, "__v": 3,
         "media": image["url"], "cloudinaryId": image["public_id"], "mediaType": "image", "comments": [
            {"_id": id(7), "user": author, "text": "mine", "createdAt": "2024-06-25T08:30:00.500Z"},
            {"_id": id(6), "user": null, "text": "hey", "createdAt": "2024-06-25T08:30:00.000Z"},
        ]},
    ]);
    for (n, second) in [2, 1, 0].into_iter().enumerate() {
        times(&mut expected[n], &format!("2024-06-25T08:00:0{second}.000Z"));
    }
    assert_eq!(s.t.feed(&asha).await["posts"], expected);
    let url = image["url"].as_str().unwrap();
    assert!(url.contains("/c_limit,w_1080/f_auto,q_auto/"), "{url}");
    for line in [image, video] {
        let shown = s.t.get(line["url"].as_str().unwrap()).await;
        assert_eq!(shown.status, StatusCode::OK);
        assert!(line["public_id"].as_str().unwrap().starts_with("posts/"));
        let kind = if line == image { "image" } else { "video" };
        let original = format!("/visage/{kind}/upload/{}", line["public_id"].as_str().unwrap());
        if !crate::test_app::has_account() {
            let original = s.t.get(&original).await;
            assert!(!original.body.windows(7).any(|part| part == b"52.5163"), "{kind}");
        }
    }
    let (again, lines) = s.migrate_posts(&s.post_arguments()).await;
    assert_eq!(again.already_there, 3, "{lines:?}");
    assert_eq!(line_of(&lines, 1)["source_sha256"], image["source_sha256"]);
    assert_eq!(s.t.feed(&asha).await["posts"], expected);
}

/// Documents, how they end, and why.
fn cases() -> Vec<(Value, &'static str, &'static str)> {
    let now = json!({"$date": "2024-06-25T09:25:44Z"});
    let soon = json!({"$date": "2024-06-25T09:25:44.001Z"});
    let elsewhere = "it is at another host";
    vec![
        (post(0, &json!({})), "migrated", ""),
        (post(1, &json!({"media": "", "cloudinaryId": null})), "migrated", ""),
        (showing(2, "/uploads/x.png"), "migrated", ""),
        (showing(3, "uploads/%78.png?v=1"), "migrated", ""),
        (post(4, &json!({"expiresAt": soon})), "migrated", ""),
        (
            post(5, &json!({"expiresAt": now, "media": "/uploads/x.png"})),
            "expired",
            "",
        ),
        // Of a day and a half ago, and it does not say until when.
        (
            post(
                6,
                &json!({"expiresAt": null, "createdAt": {"$date": "2024-06-23T21:25:44Z"}}),
            ),
            "expired",
            "",
        ),
        (showing(7, "/uploads/none.png"), "missing_file", ""),
        (showing(8, "/uploads/link.png"), "refused", "it is a symbolic link"),
        (showing(9, "/uploads/../x.png"), "refused", "it leads out of the folder"),
        (
            showing(10, "https://elsewhere.example/uploads/x.png"),
            "refused",
            elsewhere,
        ),
        (
            showing(11, "https://res.cloudinary.com/demo/image/upload/v1/posts/x.png"),
            "refused",
            elsewhere,
        ),
        (
            showing(12, "/uploads/large.png"),
            "refused",
            "the file has more than 10485760 bytes",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_document_ends_as_exactly_one_thing_and_a_dry_run_says_the_same() {
    let s = Scene::new();
    s.write("x.png", &png(10, 10, RED));
    s.write("text.png", b"I am no picture.");
    symlink("x.png", s.path("link.png")).unwrap();
    let limit = usize::try_from(s.t.app.config.limits.post_media_bytes).unwrap();
    s.write("large.png", &vec![0; limit + 1]);
    let cases = cases();
    let mut documents: Vec<Value> = cases.iter().map(|(document, ..)| document.clone()).collect();
    documents.extend([
        showing(13, "/uploads/text.png"),
        post(0, &json!({"content": "again"})),
        post(14, &json!({"user": "admin-id"})),
    ]);
    s.export(&documents);
    let only_look = PostArguments {
        dry_run: true,
        ..s.posts_and_remove()
    };
    let (said, _) = s.migrate_posts(&only_look).await;
    let member = s.t.member("Mira").await;
    assert_eq!(s.t.feed(&member).await["posts"], json!([]));
    s.check_clean(0).await;
    let s = Scene { t: TestApp::new(), ..s };
    let (done, lines) = s.migrate_posts(&s.post_arguments()).await;
    assert_eq!((said.migrated, said.would_migrate), (0, done.migrated), "{lines:?}");
    let said = PostSummary {
        migrated: said.would_migrate,
        would_migrate: 0,
        ..said
    };
    assert_eq!(said, done, "{lines:?}");
    for (n, (document, outcome, why)) in cases.iter().enumerate() {
        assert_eq!(end(line_of(&lines, n)), (*outcome, *why), "{document}");
    }
    assert_eq!(line_of(&lines, 13)["outcome"], "refused");
    let of_documents: Vec<_> = lines
        .iter()
        .filter(|line| line["document"].is_number())
        .map(|line| (line["post"].as_str(), end(line)))
        .collect();
    let twice = format!("an earlier document has the same _id, {}", id(0));
    let (first, last) = (id(0), id(14));
    let expected = [
        (Some(first.as_str()), ("refused", twice.as_str())),
        (Some(last.as_str()), ("failed", "its user cannot be read")),
    ];
    assert_eq!(of_documents, expected);
    assert_eq!((done.posts, done.migrated, done.expired, done.refused), (16, 5, 2, 7));
    let member = s.t.member("Mira").await;
    assert_eq!(s.t.feed(&member).await["posts"].as_array().unwrap().len(), 5);
    assert!(
        ["x.png", "text.png", "large.png"]
            .iter()
            .all(|file| s.path(file).exists())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_post_shows_goes_when_its_time_is_up_and_not_before() {
    let s = Scene::new();
    s.write("a.png", &png(10, 10, RED));
    s.write("b.mp4", &mp4(""));
    s.export(&[
        showing(1, "/uploads/a.png"),
        showing(2, "/uploads/b.mp4"),
        post(3, &json!({})),
    ]);
    let (_, lines) = s.migrate_posts(&s.post_arguments()).await;
    let until = "2024-06-26T20:00:00Z".parse::<jiff::Timestamp>().unwrap();
    s.t.clock.set(until - jiff::SignedDuration::from_millis(1));
    assert_eq!(s.t.reap().await, visage::jobs::reaper::Reaped::default());
    let urls = [1, 2].map(|n| line_of(&lines, n)["url"].as_str().unwrap());
    for url in urls {
        assert_eq!(s.t.get(url).await.status, StatusCode::OK);
    }
    s.t.clock.set(until);
    let reaped = s.t.reap().await;
    assert_eq!((reaped.removed_posts, reaped.destroyed_pictures), (3, 2));
    for url in urls {
        assert_eq!(s.t.get(url).await.status, StatusCode::NOT_FOUND);
    }
    let (again, _) = s.migrate_posts(&s.post_arguments()).await;
    assert_eq!((again.expired, again.posts), (3, 3));
    s.check_clean(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_keeps_what_the_media_host_has_and_that_is_tracked() {
    let s = Scene::new();
    let member = s.t.member("Asha").await;
    let picture = s.t.show(&member, "picture", &png(10, 10, RED)).await;
    let video = s.t.show(&member, "video", &mp4("")).await;
    let kept = |n: usize, shown: &Value| {
        post(
            n,
            &json!({"media": shown["media"], "cloudinaryId": shown["cloudinaryId"]}),
        )
    };
    let gone = json!({
        "media": picture["media"].as_str().unwrap().replace(picture["cloudinaryId"].as_str().unwrap(), "posts/gone"),
        "cloudinaryId": "posts/gone",
    });
    s.export(&[
        kept(1, &picture),
        kept(2, &video),
        kept(3, &gone),
        kept(
            4,
            &json!({"media": picture["media"], "cloudinaryId": video["cloudinaryId"]}),
        ),
        kept(5, &json!({"media": picture["media"], "cloudinaryId": null})),
    ]);
    let (_, lines) = s.migrate_posts(&s.post_arguments()).await;
    let why = "its cloudinaryId is not the picture or video of its media";
    for (n, expected) in [
        (1, ("migrated", "")),
        (2, ("migrated", "")),
        (3, ("missing_file", "the media host does not have it")),
        (4, ("refused", why)),
        (5, ("refused", why)),
    ] {
        assert_eq!(end(line_of(&lines, n)), expected, "{n}");
    }
    let feed = s.t.feed(&member).await;
    let moved = feed["posts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|post| post["_id"] == id(2));
    assert_eq!(
        (&moved.unwrap()["media"], &moved.unwrap()["mediaType"]),
        (&video["media"], &json!("video"))
    );
    // The posts of the member, who posted later, go first: that leaves what the others show.
    for shown in [&picture, &video] {
        let path = format!("/api/posts/{}", shown["_id"].as_str().unwrap());
        assert_eq!(s.t.delete(&member, &path).await.0, 200);
    }
    s.t.reap().await;
    assert_eq!(s.t.get(video["media"].as_str().unwrap()).await.status, StatusCode::OK);
    s.t.advance(Duration::from_secs(36 * 3600));
    s.check_clean(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_goes_when_no_post_and_no_user_needs_it_any_more() {
    let s = Scene::new();
    let files = ["earlier", "own", "shared", "users", "abroad", "old"];
    for file in files {
        s.write(&format!("{file}.png"), &png(10, 10, RED));
    }
    s.user(Some("/uploads/users.png")).await;
    s.export(&[showing(1, "/uploads/earlier.png")]);
    s.migrate_posts(&s.post_arguments()).await;
    let gone = json!({"media": "/uploads/old.png", "expiresAt": {"$date": "2024-06-25T09:00:00Z"}});
    s.export(&[
        showing(1, "/uploads/earlier.png"),
        showing(2, "/uploads/own.png"),
        showing(3, "/uploads/shared.png"),
        showing(4, "uploads/%73hared.png"),
        showing(5, "/uploads/users.png"),
        showing(6, "/uploads/abroad.png"),
        // An address of the installation that nobody has named.
        showing(7, "https://old.example/uploads/abroad.png"),
        showing(8, "/uploads/old.png"),
        post(9, &gone),
    ]);
    let (summary, lines) = s.migrate_posts(&s.posts_and_remove()).await;
    assert_eq!((summary.migrated, summary.already_there), (6, 1), "{lines:?}");
    assert_eq!(
        (summary.removed_sources, summary.unremoved_sources),
        (3, 0),
        "{lines:?}"
    );
    let left: Vec<_> = files
        .iter()
        .filter(|file| s.path(&format!("{file}.png")).exists())
        .collect();
    assert_eq!(left, [&"users", &"abroad", &"old"]);
    assert_eq!(line_of(&lines, 1)["source"], "removed");
    // When the user has moved as well, the next run finds that nobody needs its file.
    let (profiles, _) = s.migrate(&s.arguments()).await;
    assert_eq!(profiles.migrated, 1);
    let (summary, _) = s.migrate_posts(&s.posts_and_remove()).await;
    assert_eq!((summary.already_there, summary.removed_sources), (7, 1));
    assert!(!s.path("users.png").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_stays_that_a_post_may_need_when_users_are_moved() {
    let s = Scene::new();
    for file in ["shared.png", "own.png"] {
        s.write(file, &png(10, 10, RED));
    }
    for url in ["/uploads/shared.png", "/uploads/own.png"] {
        s.user(Some(url)).await;
    }
    let with_posts = Arguments {
        posts: Some(s.export(&[showing(1, "/uploads/shared.png"), json!({"_id": 7})])),
        ..s.and_remove()
    };
    // A document that cannot be read may name any file.
    let (summary, _) = s.migrate(&with_posts).await;
    assert_eq!((summary.migrated, summary.removed_sources), (2, 0));
    s.export(&[showing(1, "/uploads/shared.png")]);
    let (summary, _) = s.migrate(&with_posts).await;
    assert_eq!((summary.already_there, summary.removed_sources), (2, 1));
    assert!(s.path("shared.png").exists() && !s.path("own.png").exists());
    let (summary, _) = s.migrate_posts(&s.posts_and_remove()).await;
    assert_eq!((summary.migrated, summary.removed_sources), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_exactly_the_limit_is_moved_and_one_more_byte_is_not() {
    let picture = png(10, 10, RED);
    let len = picture.len() as u64;
    for (limit, outcome) in [(len + 1, "migrated"), (len, "migrated"), (len - 1, "refused")] {
        let s = Scene::with(TestApp::with_config(|config| config.limits.post_media_bytes = limit));
        s.write("x.png", &picture);
        s.export(&[showing(1, "/uploads/x.png")]);
        let (_, lines) = s.migrate_posts(&s.post_arguments()).await;
        assert_eq!(line_of(&lines, 1)["outcome"], outcome, "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_or_reads_back_differently_adds_no_post() {
    for how in [Meddle::Settle, Meddle::Corrupt] {
        let s = meddled(how);
        s.write("x.png", &png(10, 10, RED));
        s.export(&[showing(1, "/uploads/x.png"), post(2, &json!({}))]);
        let (summary, lines) = s.migrate_posts(&s.posts_and_remove()).await;
        assert_eq!((summary.failed, summary.migrated), (1, 1), "{how:?}: {lines:?}");
        let here = s.t.app.posts.post_here(&id(1).parse().unwrap()).await.unwrap();
        assert_eq!(here, None);
        assert!(s.path("x.png").exists());
        s.check_clean(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn likes_and_comments_go_on_where_they_were() {
    let s = Scene::new();
    let member = s.t.member("Asha").await;
    let other = UserId::new(s.t.app.clock.now());
    s.export(&[post(1, &json!({"likes": [{"$oid": other.to_string()}], "__v": 1}))]);
    s.migrate_posts(&s.post_arguments()).await;
    let path = format!("/api/posts/{}/like", id(1));
    let liked = s.t.call(http::Method::POST, &path, &member.token, &Value::Null).await;
    let expected = json!({"likes": [other.to_string(), member.id], "liked": true});
    assert_eq!(liked.json(), expected);
    s.t.comment(&member, &json!({"_id": id(1)}), "hey").await;
    // What is here already is left as it is.
    s.migrate_posts(&s.post_arguments()).await;
    let feed = s.t.feed(&member).await;
    assert_eq!(feed["posts"][0]["__v"], 3);
    assert_eq!(feed["posts"][0]["comments"][0]["text"], "hey");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_a_pipe_or_a_folder_is_refused() {
    let s = Scene::new();
    let pipe = s.outer.path().join("posts.json");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    // Somebody has to hold the other end, or nobody could open it.
    let _other_end = fs::File::options().read(true).write(true).open(&pipe).unwrap();
    let refused = migrate_posts(&s.t.app, &s.post_arguments(), &mut Output::quiet()).await;
    assert!(matches!(refused, Err(MigrateError::File { .. })), "{refused:?}");
    let folder = PostArguments {
        posts: s.path(""),
        ..s.post_arguments()
    };
    let refused = migrate_posts(&s.t.app, &folder, &mut Output::quiet()).await;
    assert!(matches!(refused, Err(MigrateError::File { .. })), "{refused:?}");
}
