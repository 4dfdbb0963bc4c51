//! `--undo`: everybody has again what they had.

use std::fs;

use http::StatusCode;
use visage::migrate::MigrateError;
use visage::migrate::output::{Output, ReportFormat};
use visage::migrate::undo::undo;
use visage_store::Exchange;

use super::{Scene, end, line_of, migrate};
use crate::pictures::png;

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_gives_everybody_back_what_they_had_and_removes_the_pictures_later() {
    for format in [ReportFormat::Json, ReportFormat::Csv] {
        let s = Scene::new();
        let mut users = Vec::new();
        for n in 0..3 {
            s.write(&format!("={n},\".png"), &png(10, 10, [n; 3]));
            users.push(s.user(Some(&format!("/uploads/={n},\".png"))).await);
        }
        users.push(s.user(None).await);
        migrate(&s.t.app, &s.arguments(), ReportFormat::Json).await;
        // Of a later run, in which all is there already.
        let (_, report) = migrate(&s.t.app, &s.arguments(), format).await;
        let shown = s.now(&users[0]).await.profile_image.unwrap();
        let (summary, lines) = s.undo(&report).await;
        assert_eq!(
            (summary.lines, summary.restored, summary.not_moved),
            (4, 3, 1),
            "{lines:?}"
        );
        assert!(summary.is_complete());
        for user in &users {
            assert_eq!(&s.now(user).await, user);
        }
        assert_eq!(s.t.get(&shown).await.status, StatusCode::OK, "pages may still show it");
        s.check_clean(0).await;
        assert_eq!(s.t.get(&shown).await.status, StatusCode::NOT_FOUND);
        let (summary, _) = s.undo(&report).await;
        assert_eq!((summary.not_moved, summary.is_complete()), (4, true));
        assert_eq!(s.migrate(&s.arguments()).await.0.migrated, 3);
        s.check_clean(3).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_leaves_alone_what_it_cannot_or_must_not_put_back() {
    let s = Scene::new();
    let mut users = Vec::new();
    for n in 0..5 {
        s.write(&format!("{n}.png"), &png(10, 10, [n; 3]));
        users.push(s.user(Some(&format!("/uploads/{n}.png"))).await);
    }
    let (_, report) = migrate(&s.t.app, &s.arguments(), ReportFormat::Json).await;
    let [gone, changed, forged, replaced, good] = [0, 1, 2, 3, 4].map(|n: usize| &users[n]);
    fs::remove_file(s.path("0.png")).unwrap();
    s.write("1.png", b"something else");
    let report = report.replace(
        "\"old_url\":\"/uploads/2.png\"",
        "\"old_url\":\"https://evil.example/x.png\"",
    );
    let now = s.t.app.clock.now();
    let exchange = Exchange {
        user_id: replaced.id,
        new: None,
        retire_at: now,
        now,
    };
    s.t.app.directory.exchange_profile_image(exchange).await.unwrap();
    let (summary, lines) = s.undo(&report).await;
    assert_eq!(
        (summary.refused, summary.superseded, summary.restored),
        (3, 1, 1),
        "{lines:?}"
    );
    assert!(!summary.is_complete());
    for (user, expected) in [
        (gone, ("refused", "its source is gone")),
        (changed, ("refused", "its source has other bytes by now")),
        (forged, ("refused", "the report and the database do not agree")),
        (replaced, ("superseded", "")),
        (good, ("restored", "")),
    ] {
        assert_eq!(end(line_of(&lines, user)), expected);
    }
    for user in [gone, changed, forged] {
        let url = s.now(user).await.profile_image.unwrap();
        assert_eq!(s.t.get(&url).await.status, StatusCode::OK);
    }
    s.check_clean(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_a_run_that_was_ended_can_be_undone_and_nonsense_cannot() {
    let s = Scene::new();
    s.write("x.png", &png(10, 10, [9; 3]));
    let user = s.user(Some("/uploads/x.png")).await;
    let (_, report) = migrate(&s.t.app, &s.arguments(), ReportFormat::Json).await;
    let (summary, _) = s.undo(&format!("{report}{{\"user\":\"6650")).await;
    assert_eq!((summary.lines, summary.restored), (1, 1));
    assert_eq!(s.now(&user).await, user);
    let path = s.outer.path().join("nonsense");
    fs::write(&path, "{\"user\":7}\n").unwrap();
    let refused = undo(&s.t.app, &path, &s.arguments(), &mut Output::quiet()).await;
    assert!(matches!(refused, Err(MigrateError::BadReport(_))), "{refused:?}");
}
