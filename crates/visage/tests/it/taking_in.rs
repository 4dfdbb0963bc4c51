//! `outage = "take_in"`: while the account cannot be reached, the own store keeps new pictures, and they move when it is back.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use visage::jobs::mover::Moves;
use visage::media_host::Picture;
use visage_cloudinary::ResourceType;

use crate::cloudinary_account::{FAULTS, UPLOADS, is_slow};
use crate::fault_proxy::{Fault, FaultProxy};
use crate::pictures::{decode, mp4, png, quarters};
use crate::test_app::{Member, TestApp};

const RED: [u8; 3] = [200, 0, 0];
const GREEN: [u8; 3] = [0, 200, 0];
const BLUE: [u8; 3] = [0, 0, 200];

const OWN: &str = "http://own.example/";
const ACCOUNT: &str = "http://images.example/";

async fn app() -> (TestApp, FaultProxy) {
    patient_app("5s").await
}

/// How long it waits for the account before it takes a picture in.
async fn patient_app(take_in_after: &str) -> (TestApp, FaultProxy) {
    TestApp::behind_faults(|config| {
        config.public_url = "http://own.example".to_owned();
        let cloudinary = &mut config.cloudinary;
        cloudinary.outage = visage::config::Outage::TakeIn;
        cloudinary.take_in_after = take_in_after.parse().unwrap();
        cloudinary.breaker_failures = 1000;
    })
    .await
}

/// The URL and the public id that the member has.
async fn picture(t: &TestApp, member: &Member) -> (String, String) {
    let profile = t.profile(member).await;
    let id = t
        .app
        .directory
        .user(&member.id.parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let url = profile["profileImage"].as_str().unwrap().to_owned();
    (url, id.cloudinary_id.unwrap())
}

async fn colour(t: &TestApp, url: &str) -> [u8; 3] {
    let answer = t.get(url).await;
    assert_eq!(answer.status, StatusCode::OK, "{url}: {answer:?}");
    let (_, _, colour) = decode(&answer.body);
    colour.map(|value| if value > 100 { 200 } else { 0 })
}

/// One upload over another picture meets a fault that stays; then the account is back. Returns the line of the table.
async fn upload_through(fault: Fault) -> String {
    // A name that is taken is no outage, however long a busy machine takes to say so.
    let is_refused = fault == Fault::Status(409);
    let (t, proxy) = match () {
        () if is_refused => patient_app("20s").await,
        () if is_slow(fault) => patient_app("2s").await,
        () => app().await,
    };
    let member = t.member("Asha").await;
    t.upload_ok(&member, &png(10, 10, RED)).await;
    proxy.inject(fault, UPLOADS, usize::MAX);
    let answer = t.upload(&member, &png(20, 20, GREEN)).await;
    let expected = if is_refused {
        StatusCode::BAD_GATEWAY
    } else {
        StatusCode::OK
    };
    assert_eq!(answer.status, expected, "{fault:?}: {answer:?}");
    let (url, _) = picture(&t, &member).await;
    assert_eq!(url.starts_with(OWN), !is_refused, "{fault:?}: {url}");
    assert_eq!(
        colour(&t, &url).await,
        if is_refused { RED } else { GREEN },
        "{fault:?}"
    );
    let met = proxy.relent().await;
    let audit = t.settle().await;
    assert_eq!(
        (audit.references, audit.assets, audit.taken_in),
        (1, 1, 0),
        "{fault:?}: {audit:?}"
    );
    let (settled, id) = picture(&t, &member).await;
    assert!(settled.starts_with(ACCOUNT), "{fault:?}: {settled}");
    assert_eq!(
        colour(&t, &settled).await,
        if is_refused { RED } else { GREEN },
        "{fault:?}"
    );
    assert_eq!(t.has(&id).await, [false, true], "{fault:?}");
    let status = answer.status.as_u16();
    format!("{fault:?}: met {met}, {status} for the client, in the account in the end")
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_keeps_the_account_from_answering_the_picture_is_taken_in_and_moved_later() {
    let rows = FAULTS.iter().map(|fault| tokio::spawn(upload_through(*fault)));
    for row in futures_util::future::join_all(rows).await {
        eprintln!("{}", row.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_picture_answers_at_its_old_url_until_pages_have_the_new_one() {
    let (t, proxy) = app().await;
    let member = t.member("Asha").await;
    proxy.inject(Fault::Status(503), UPLOADS, usize::MAX);
    let url = t.upload_ok(&member, &png(10, 10, RED)).await;
    let (_, id) = picture(&t, &member).await;
    // While the account is away, a pass moves nothing and loses nothing.
    assert_eq!(t.move_taken_in().await, Moves::default());
    assert_eq!(t.has(&id).await, [true, false]);
    proxy.relent().await;
    let moves = t.move_taken_in().await;
    assert_eq!((moves.moved_pictures, moves.removed_copies), (1, 0));
    let (new_url, same) = picture(&t, &member).await;
    assert!(new_url.starts_with(ACCOUNT) && same == id, "{new_url}");
    assert_eq!((colour(&t, &url).await, colour(&t, &new_url).await), (RED, RED));
    t.advance(Duration::from_secs(599));
    assert_eq!(t.move_taken_in().await.removed_copies, 0);
    assert_eq!(t.has(&id).await, [true, true]);
    t.advance(Duration::from_secs(1));
    assert_eq!(t.move_taken_in().await.removed_copies, 1);
    assert_eq!(t.has(&id).await, [false, true]);
    assert_eq!(t.get(&url).await.status, StatusCode::NOT_FOUND);
    assert_eq!(colour(&t, &new_url).await, RED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_was_taken_in_and_replaced_leaves_nothing_on_either_side() {
    let (t, proxy) = app().await;
    let member = t.member("Asha").await;
    // It arrives, and nobody is told: both sides have it.
    proxy.inject(Fault::AnswerLost, UPLOADS, usize::MAX);
    t.upload_ok(&member, &png(10, 10, RED)).await;
    let (_, first) = picture(&t, &member).await;
    assert_eq!(t.has(&first).await, [true, true]);
    t.upload_ok(&member, &png(10, 10, GREEN)).await;
    let (_, second) = picture(&t, &member).await;
    let removed = t.call(
        http::Method::DELETE,
        "/api/users/profile-image",
        &member.token,
        &Value::Null,
    );
    assert_eq!(removed.await.status, StatusCode::OK);
    proxy.relent().await;
    let audit = t.settle().await;
    assert_eq!((audit.references, audit.assets, audit.taken_in), (0, 0, 0), "{audit:?}");
    for id in [first, second] {
        assert_eq!(t.has(&id).await, [false, false]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_arrives_in_the_account_after_it_was_destroyed_does_not_stay() {
    let (t, proxy) = app().await;
    let member = t.member("Asha").await;
    proxy.inject(Fault::Status(503), UPLOADS, usize::MAX);
    t.upload_ok(&member, &png(10, 10, RED)).await;
    let (_, id) = picture(&t, &member).await;
    let removed = t.call(
        http::Method::DELETE,
        "/api/users/profile-image",
        &member.token,
        &Value::Null,
    );
    assert_eq!(removed.await.status, StatusCode::OK);
    proxy.relent().await;
    t.advance(Duration::from_secs(600));
    assert_eq!(t.reap().await.destroyed_pictures, 1);
    // What was sent in vain comes only now.
    let bytes = png(10, 10, RED);
    let facts = visage_image::probe(&bytes, &t.app.library.limits).unwrap();
    let late = Picture {
        bytes: bytes.into(),
        facts: facts.into(),
        part: None,
    };
    let (account, public_id) = (t.app.hosts.account.as_ref().unwrap(), id.parse().unwrap());
    account
        .upload(&public_id, late, &t.app.display_transformation)
        .await
        .unwrap();
    assert_eq!(t.move_taken_in().await, Moves::default(), "more may come");
    assert_eq!(t.has(&id).await, [false, true]);
    t.advance(Duration::from_secs(3000));
    assert_eq!(t.move_taken_in().await.forgotten_pictures, 1);
    assert_eq!(t.has(&id).await, [false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_the_user_sets_while_the_old_one_is_moved_wins() {
    let (t, proxy) = app().await;
    let member = t.member("Asha").await;
    proxy.inject(Fault::Status(503), UPLOADS, usize::MAX);
    t.upload_ok(&member, &png(10, 10, RED)).await;
    proxy.relent().await;
    // The copy is on its way for half a second, in which the user is faster.
    proxy.inject(Fault::Delay(Duration::from_millis(500)), UPLOADS, 1);
    let replace = async {
        while proxy.met() == 0 {
            tokio::task::yield_now().await;
        }
        t.upload_ok(&member, &png(10, 10, BLUE)).await
    };
    let (_, url) = tokio::join!(t.move_taken_in(), replace);
    proxy.relent().await;
    assert_eq!(picture(&t, &member).await.0, url);
    let audit = t.settle().await;
    assert_eq!((audit.references, audit.assets, audit.taken_in), (1, 1, 0), "{audit:?}");
    assert_eq!(colour(&t, &picture(&t, &member).await.0).await, BLUE);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_do_not_wait_for_an_account_that_has_not_answered_for_a_while() {
    let (t, proxy) = TestApp::behind_faults(|config| {
        config.public_url = "http://own.example".to_owned();
        let cloudinary = &mut config.cloudinary;
        cloudinary.outage = visage::config::Outage::TakeIn;
        cloudinary.take_in_after = "5s".parse().unwrap();
        cloudinary.breaker_failures = 2;
    })
    .await;
    let member = t.member("Asha").await;
    // No answer within the patience: what is given up counts as a failure.
    proxy.inject(Fault::Delay(Duration::from_secs(15)), UPLOADS, usize::MAX);
    for _ in 0..3 {
        t.upload_ok(&member, &png(10, 10, RED)).await;
    }
    assert_eq!(proxy.relent().await, 2, "the third is not sent");
    assert_eq!(t.get("/health").await.json()["mediaHost"]["breaker"], "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_posts_show_is_taken_in_and_moved_as_well() {
    let (t, proxy) = app().await;
    let member = t.member("Asha").await;
    proxy.inject(Fault::Status(503), "/upload HTTP/1.1", usize::MAX);
    let mut shown = Vec::new();
    for file in [png(10, 10, RED), mp4("")] {
        let post = t.show(&member, "hello", &file).await;
        assert!(
            post["media"].as_str().unwrap().starts_with("http://own.example/"),
            "{post}"
        );
        let kind: ResourceType = post["mediaType"].as_str().unwrap().parse().unwrap();
        shown.push((post["cloudinaryId"].as_str().unwrap().to_owned(), kind));
    }
    proxy.relent().await;
    assert_eq!(t.move_taken_in().await.moved_pictures, 2);
    t.advance(Duration::from_secs(600));
    assert_eq!(t.move_taken_in().await.removed_copies, 2);
    for (id, kind) in &shown {
        assert_eq!(t.has_kind(id, *kind).await, [false, true]);
    }
    for post in t.feed(&member).await["posts"].as_array().unwrap() {
        let url = post["media"].as_str().unwrap();
        assert!(url.starts_with(ACCOUNT), "{url}");
        assert_eq!(t.get(url).await.status, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_was_taken_in_and_expires_before_it_is_moved_leaves_nothing() {
    let (t, proxy) = app().await;
    let member = t.member("Asha").await;
    // It arrives, and nobody is told: both sides have it.
    proxy.inject(Fault::AnswerLost, "/video/upload HTTP/1.1", usize::MAX);
    let post = t.show(&member, "hello", &mp4("")).await;
    let id = post["cloudinaryId"].as_str().unwrap();
    assert_eq!(t.has_kind(id, ResourceType::Video).await, [true, true]);
    t.advance(Duration::from_secs(36 * 3600));
    assert_eq!(t.reap().await.destroyed_pictures, 1);
    assert_eq!(t.has_kind(id, ResourceType::Video).await, [false, false]);
    proxy.relent().await;
    assert_eq!(t.move_taken_in().await.forgotten_pictures, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_of_a_picture_moves_with_it() {
    let (t, proxy) = app().await;
    let member = t.member("Asha").await;
    proxy.inject(Fault::Status(503), UPLOADS, usize::MAX);
    t.upload_ok(&member, &quarters(40, 40)).await;
    let crop = json!({"x": 20, "y": 0, "width": 20, "height": 20, "turn": 180});
    let path = "/api/users/profile-image/crop";
    let cropped = t.call(Method::PUT, path, &member.token, &crop).await;
    assert_eq!(cropped.status, StatusCode::OK, "{cropped:?}");
    proxy.relent().await;
    assert_eq!(t.move_taken_in().await.moved_pictures, 1);
    let (url, _) = picture(&t, &member).await;
    assert!(url.starts_with(ACCOUNT), "{url}");
    assert!(
        url.contains("/c_crop,h_20,w_20,x_20,y_0/a_180/c_fill,h_400,w_400/"),
        "{url}"
    );
    assert_eq!(colour(&t, &url).await, GREEN);
}
