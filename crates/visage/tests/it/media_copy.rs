//! `visage media copy`: how each kind of reference ends.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use visage::library::destroy::destroy;
use visage::media_copy::{CopyArguments, CopyError, HostName, Summary, copy};
use visage_cloudinary::{DeliveryType, PublicId, ResourceType};
use visage_store::{AssetKey, Exchange, PendingMedia, ProfileImage};

use crate::fault_proxy::{Fault, FaultProxy};
use crate::pictures::{mp4, png};
use crate::test_app::{Member, TestApp};

const THERE: CopyArguments = CopyArguments {
    from: HostName::Embedded,
    to: HostName::Cloudinary,
    remove_source: false,
};

const AND_REMOVE: CopyArguments = CopyArguments {
    remove_source: true,
    ..THERE
};

/// New pictures go to the own store.
async fn app() -> (TestApp, FaultProxy) {
    TestApp::behind_faults(|config| {
        config.public_url = "http://own.example".to_owned();
        config.media_host = visage::config::MediaHostKind::Embedded;
        config.cloudinary.breaker_failures = 1000;
    })
    .await
}

/// The sums and the lines of the report, by user.
async fn run(t: &TestApp, arguments: CopyArguments) -> (Summary, Vec<Value>) {
    let mut report = Vec::new();
    let summary = copy(&t.app, arguments, &mut report).await.unwrap();
    let lines = String::from_utf8(report).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len() as u64, summary.references);
    (summary, lines)
}

async fn public_id(t: &TestApp, member: &Member) -> String {
    let user = t.app.directory.user(&member.id.parse().unwrap()).await.unwrap();
    user.unwrap().cloudinary_id.unwrap()
}

/// Gives the member a picture that is not ours.
async fn set_url(t: &TestApp, member: &Member, url: &str) {
    let public_id = PublicId::parse("profiles/elsewhere").unwrap();
    let now = t.app.clock.now();
    let pending = PendingMedia {
        new: public_id.clone(),
        replaces: None,
        resource_type: ResourceType::Image,
        begun_at: now,
    };
    t.app.directory.begin_exchange(pending).await.unwrap();
    let exchange = Exchange {
        user_id: member.id.parse().unwrap(),
        new: Some(ProfileImage {
            url: url.to_owned(),
            public_id,
        }),
        retire_at: now,
        now,
    };
    t.app.directory.exchange_profile_image(exchange).await.unwrap();
}

fn figures(summary: &Summary) -> [u64; 3] {
    [summary.references, summary.copied, summary.already_there]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_copied_once_and_its_source_goes_when_that_is_asked_for() {
    let (t, _proxy) = app().await;
    let member = t.member("Asha").await;
    t.member("No Picture").await;
    let old = t.upload_ok(&member, &png(10, 10, [9; 3])).await;
    let id = public_id(&t, &member).await;
    let (summary, lines) = run(&t, THERE).await;
    assert_eq!(figures(&summary), [1, 1, 0], "{lines:?}");
    let expected = json!({"user": member.id, "public_id": id, "outcome": "copied", "source": "kept"});
    assert_eq!(lines, [expected]);
    let new = t.profile(&member).await["profileImage"].as_str().unwrap().to_owned();
    assert!(new.starts_with("http://images.example/"), "{new}");
    assert_eq!(t.has(&id).await, [true, true]);
    for url in [&old, &new] {
        assert_eq!(t.get(url).await.status, StatusCode::OK);
    }
    assert_eq!(figures(&run(&t, THERE).await.0), [1, 0, 1]);
    for removed in [1, 0] {
        let (summary, lines) = run(&t, AND_REMOVE).await;
        assert_eq!(
            (summary.already_there, summary.removed_sources),
            (1, removed),
            "{lines:?}"
        );
        assert!(summary.is_complete());
        assert_eq!(t.has(&id).await, [false, true]);
    }
    assert_eq!(t.get(&new).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_at_both_hosts_is_destroyed_at_both_when_it_is_replaced() {
    let (t, _proxy) = app().await;
    let member = t.member("Asha").await;
    t.upload_ok(&member, &png(10, 10, [9; 3])).await;
    let id = public_id(&t, &member).await;
    run(&t, THERE).await;
    let answer = t
        .call(Method::DELETE, "/api/users/profile-image", &member.token, &Value::Null)
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    t.settle().await;
    assert_eq!(t.has(&id).await, [false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_elsewhere_is_said_and_left_alone() {
    let (mut t, _proxy) = app().await;
    t.check_on_drop = false;
    let [missing, elsewhere] = [t.member("Asha").await, t.member("Mira").await];
    for member in [&missing, &elsewhere] {
        t.upload_ok(member, &png(10, 10, [9; 3])).await;
    }
    let key = AssetKey {
        resource_type: ResourceType::Image,
        delivery_type: DeliveryType::Upload,
        public_id: public_id(&t, &missing).await.parse().unwrap(),
    };
    destroy(&t.app.library, &key).await.unwrap();
    set_url(&t, &elsewhere, "/uploads/profiles/old.jpg").await;
    let before = [t.profile(&missing).await, t.profile(&elsewhere).await];
    let (summary, lines) = run(&t, THERE).await;
    assert_eq!(
        (summary.references, summary.missing, summary.elsewhere),
        (2, 1, 1),
        "{lines:?}"
    );
    assert!(!summary.is_complete());
    assert_eq!([t.profile(&missing).await, t.profile(&elsewhere).await], before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_fails_is_told_for_each_picture_and_the_next_run_goes_on() {
    let (t, proxy) = app().await;
    let member = t.member("Asha").await;
    let url = t.upload_ok(&member, &png(10, 10, [9; 3])).await;
    for fault in [
        Fault::Status(401),
        Fault::Status(503),
        Fault::AnswerLost,
        Fault::NotStored,
    ] {
        proxy.inject(fault, "/image/upload HTTP/1.1", usize::MAX);
        let (summary, lines) = run(&t, THERE).await;
        proxy.relent().await;
        assert_eq!((summary.references, summary.failed), (1, 1), "{fault:?}: {lines:?}");
        assert_ne!(lines[0]["error"], Value::Null);
        assert_eq!(t.profile(&member).await["profileImage"], url, "{fault:?}");
    }
    // What arrived without an answer is found again.
    assert_eq!(figures(&run(&t, AND_REMOVE).await.0), [1, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_differ_when_they_are_read_back_change_nothing() {
    let (t, proxy) = app().await;
    let member = t.member("Asha").await;
    let url = t.upload_ok(&member, &png(10, 10, [9; 3])).await;
    let id = public_id(&t, &member).await;
    // A 200 with something else in it.
    proxy.inject(Fault::Garbage, "/image/upload/v", usize::MAX);
    let (summary, lines) = run(&t, THERE).await;
    assert!(proxy.relent().await > 0);
    assert_eq!(summary.failed, 1, "{lines:?}");
    assert_eq!(t.profile(&member).await["profileImage"], url);
    assert_eq!(t.has(&id).await, [true, true], "the copy waits for the next run");
    assert_eq!(figures(&run(&t, AND_REMOVE).await.0), [1, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_host_is_not_copied_to_itself_or_to_none() {
    let (t, _proxy) = app().await;
    let same = CopyArguments {
        to: HostName::Embedded,
        ..THERE
    };
    let refused = copy(&t.app, same, &mut Vec::new()).await;
    assert!(matches!(refused, Err(CopyError::SameHost)), "{refused:?}");
    if crate::test_app::has_account() {
        return;
    }
    let t = TestApp::new();
    let refused = copy(&t.app, THERE, &mut Vec::new()).await;
    assert!(matches!(refused, Err(CopyError::NoAccount)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_posts_show_is_copied_as_well() {
    let (t, _proxy) = app().await;
    let member = t.member("Asha").await;
    t.upload_ok(&member, &png(10, 10, [9; 3])).await;
    let mut shown = Vec::new();
    for file in [png(10, 10, [9; 3]), mp4("")] {
        let post = t.show(&member, "hello", &file).await;
        let kind: ResourceType = post["mediaType"].as_str().unwrap().parse().unwrap();
        shown.push((post, kind));
    }
    let (summary, lines) = run(&t, AND_REMOVE).await;
    assert_eq!(figures(&summary), [3, 3, 0], "{lines:?}");
    assert_eq!(summary.removed_sources, 3);
    let feed = t.feed(&member).await;
    for (post, kind) in &shown {
        let line = lines.iter().find(|line| line["post"] == post["_id"]).unwrap();
        let expected = json!({
            "post": post["_id"], "public_id": post["cloudinaryId"], "outcome": "copied", "source": "removed",
        });
        assert_eq!(line, &expected);
        assert_eq!(
            t.has_kind(post["cloudinaryId"].as_str().unwrap(), *kind).await,
            [false, true]
        );
        let posts = feed["posts"].as_array().unwrap();
        let moved = posts.iter().find(|moved| moved["_id"] == post["_id"]).unwrap();
        let url = moved["media"].as_str().unwrap();
        assert!(url.starts_with("http://images.example/"), "{url}");
        let tail = |url: &str| {
            url.split_once(&format!("/{}/upload/", kind.as_str()))
                .unwrap()
                .1
                .to_owned()
        };
        assert_eq!(
            tail(url),
            tail(post["media"].as_str().unwrap()),
            "it is shown as before"
        );
        assert_eq!(t.get(url).await.status, StatusCode::OK);
    }
    assert_eq!(figures(&run(&t, THERE).await.0), [3, 0, 3]);
}
