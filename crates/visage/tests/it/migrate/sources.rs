//! When a file goes, and when it stays.

use std::fs;

use visage::migrate::Arguments;

use super::{Scene, line_of};
use crate::pictures::png;

#[tokio::test(flavor = "multi_thread")]
async fn a_source_goes_when_nobody_needs_it_any_more_and_only_when_that_is_asked_for() {
    let s = Scene::new();
    let files = ["earlier.png", "late.png", "own.png", "shared.png", "abroad.png"];
    for file in files {
        s.write(file, &png(10, 10, [9; 3]));
    }
    let earlier = s.user(Some("/uploads/earlier.png")).await;
    s.user(Some("/uploads/late.png")).await;
    s.migrate(&s.arguments()).await;
    assert!(files.iter().all(|file| s.path(file).exists()));
    for url in [
        "/uploads/late.png",
        "/uploads/own.png",
        "/uploads/shared.png",
        "uploads/%73hared.png?v=2",
        "/uploads/abroad.png",
        // An address of the installation that nobody has named.
        "https://old.example/uploads/abroad.png",
    ] {
        s.user(Some(url)).await;
    }
    let (summary, lines) = s.migrate(&s.and_remove()).await;
    assert_eq!(
        (summary.already_there, summary.migrated, summary.refused),
        (2, 5, 1),
        "{lines:?}"
    );
    assert_eq!((summary.removed_sources, summary.is_complete()), (4, true), "{lines:?}");
    let left: Vec<_> = files.iter().filter(|file| s.path(file).exists()).collect();
    assert_eq!(left, [&"abroad.png"]);
    assert_eq!(line_of(&lines, &earlier)["source"], "removed");
    let (summary, lines) = s.migrate(&s.and_remove()).await;
    assert_eq!(
        (summary.removed_sources, summary.unremoved_sources),
        (0, 0),
        "{lines:?}"
    );
    s.check_clean(7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_stays_that_has_changed_or_that_a_document_may_need() {
    let s = Scene::new();
    for file in ["changed.png", "x.png"] {
        s.write(file, &png(10, 10, [9; 3]));
    }
    s.user(Some("/uploads/changed.png")).await;
    s.migrate(&s.arguments()).await;
    s.write("changed.png", &png(10, 10, [7; 3]));
    s.user(Some("/uploads/x.png")).await;
    let export = s.outer.path().join("users.json");
    fs::write(&export, "{\"_id\": damaged}\n").unwrap();
    let with_export = Arguments {
        users: Some(export),
        ..s.and_remove()
    };
    let (summary, lines) = s.migrate(&with_export).await;
    assert_eq!(
        (summary.failed, summary.migrated, summary.removed_sources),
        (1, 1, 0),
        "{lines:?}"
    );
    assert!(s.path("x.png").exists());
    let (summary, _) = s.migrate(&s.and_remove()).await;
    assert_eq!(summary.removed_sources, 1);
    assert!(!s.path("x.png").exists() && s.path("changed.png").exists());
}
