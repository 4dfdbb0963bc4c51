//! How long posts live, and what they show: as long as was said, whatever the clock, the reaper and the media host do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::{join, join_all};
use http::StatusCode;
use serde_json::Value;
use visage::app::App;
use visage::config::Config;
use visage::jobs::reaper;
use visage::media_host::{MediaHostError, Picture};
use visage_cloudinary::{PublicId, ResourceType, Transformation};
use visage_store::{Claim, NewPost, PendingMedia, PostId, PostMedia, UserId};

use crate::fault_proxy::Fault;
use crate::hooked_host::{Hooked, Hooks};
use crate::pictures::{mp4, png};
use crate::posts::id;
use crate::test_app::{Member, TestApp, form, has_account};

const RED: [u8; 3] = [200, 0, 0];
const HOUR: Duration = Duration::from_secs(3600);
const LIFETIME: Duration = Duration::from_secs(36 * 3600);
/// A second less.
const ALMOST: Duration = Duration::from_secs(36 * 3600 - 1);

/// Longer than posts live.
fn stay_signed_in(config: &mut Config) {
    config.auth.token_lifetime = "1000h".parse().unwrap();
}

fn url(post: &Value) -> &str {
    post["media"].as_str().unwrap()
}

async fn status(t: &TestApp, post: &Value) -> u16 {
    t.get(url(post)).await.status.as_u16()
}

async fn count(t: &TestApp, member: &Member) -> usize {
    t.feed(member).await["posts"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_and_what_it_shows_live_36_hours_to_the_second() {
    let t = TestApp::with_config(stay_signed_in);
    let member = t.member("Asha").await;
    let face = t.upload_ok(&member, &png(10, 10, RED)).await;
    let posts = [
        t.show(&member, "picture", &png(10, 10, RED)).await,
        t.show(&member, "video", &mp4("")).await,
    ];
    t.say(&member, "text").await;
    t.advance(ALMOST);
    assert_eq!(t.reap().await, reaper::Reaped::default());
    assert_eq!(count(&t, &member).await, 3);
    for post in &posts {
        assert_eq!(status(&t, post).await, 200);
    }
    t.advance(Duration::from_secs(1));
    assert_eq!(count(&t, &member).await, 0, "before any pass");
    let reaped = t.reap().await;
    assert_eq!((reaped.removed_posts, reaped.destroyed_pictures), (3, 2));
    assert_eq!((reaped.kept_pictures, reaped.failed_pictures), (0, 0));
    for post in &posts {
        assert_eq!(status(&t, post).await, 404);
    }
    assert_eq!(
        t.get(&face).await.status,
        StatusCode::OK,
        "a profile image does not expire"
    );
    assert_eq!(t.settle().await.assets, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lifetime_is_a_setting() {
    let t = TestApp::with_config(|config| config.posts.lifetime = "24h".parse().unwrap());
    let member = t.member("Asha").await;
    let post = t.show(&member, "picture", &png(10, 10, RED)).await;
    assert_eq!(post["expiresAt"], "2024-06-26T09:25:44.000Z");
    t.advance(24 * HOUR);
    assert_eq!(t.reap().await.destroyed_pictures, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_expires_at_another_time_takes_its_picture_along() {
    let t = TestApp::with_config(stay_signed_in);
    let member = t.member("Asha").await;
    let [longer, shorter] = [
        t.show(&member, "longer", &png(10, 10, RED)).await,
        t.show(&member, "shorter", &png(10, 10, RED)).await,
    ];
    let now = t.app.clock.now();
    let set = async |post: &Value, hours: u32| {
        let expires_at = visage::clock::later(now, HOUR * hours);
        let id: PostId = id(post).parse().unwrap();
        assert!(t.app.posts.set_post_expiry(&id, expires_at).await.unwrap());
    };
    set(&longer, 48).await;
    set(&shorter, 2).await;
    t.advance(2 * HOUR);
    assert_eq!(t.reap().await.destroyed_pictures, 1);
    assert_eq!((status(&t, &longer).await, status(&t, &shorter).await), (200, 404));
    t.advance(45 * HOUR);
    assert_eq!(
        t.reap().await,
        reaper::Reaped {
            purged_uploads: 1,
            ..reaper::Reaped::default()
        }
    );
    assert_eq!((status(&t, &longer).await, count(&t, &member).await), (200, 1));
    t.advance(HOUR);
    assert_eq!(t.reap().await.destroyed_pictures, 1);
    assert_eq!(status(&t, &longer).await, 404);
}

/// Posts again what `post` shows.
async fn show_again(t: &TestApp, member: &Member, post: &Value) {
    let public_id: PublicId = post["cloudinaryId"].as_str().unwrap().parse().unwrap();
    let now = t.app.clock.now();
    let pending = PendingMedia {
        new: public_id.clone(),
        replaces: None,
        resource_type: ResourceType::Image,
        begun_at: now,
    };
    t.app.directory.begin_exchange(pending).await.unwrap();
    let media = PostMedia {
        url: url(post).to_owned(),
        public_id,
        resource_type: ResourceType::Image,
    };
    let again = NewPost {
        author: member.id.parse().unwrap(),
        content: "again".to_owned(),
        media: Some(media),
        expires_at: visage::clock::later(now, LIFETIME),
        now,
    };
    t.app.posts.publish_post(again).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_another_post_still_shows_stays() {
    let t = TestApp::with_config(stay_signed_in);
    let member = t.member("Asha").await;
    let post = t.show(&member, "first", &png(10, 10, RED)).await;
    t.advance(HOUR);
    show_again(&t, &member, &post).await;
    let deleted = t
        .call(
            http::Method::DELETE,
            &format!("/api/posts/{}", id(&post)),
            &member.token,
            &Value::Null,
        )
        .await;
    assert_eq!(deleted.status, StatusCode::OK);
    let reaped = t.reap().await;
    assert_eq!((reaped.kept_pictures, reaped.destroyed_pictures), (1, 0));
    assert_eq!(status(&t, &post).await, 200);
    t.advance(LIFETIME);
    assert_eq!(t.reap().await.destroyed_pictures, 1);
    assert_eq!(status(&t, &post).await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_forward_and_back_takes_nothing_from_a_post_that_is_there() {
    let t = TestApp::with_config(stay_signed_in);
    let member = t.member("Asha").await;
    let begun = t.app.clock.now();
    let post = t.show(&member, "picture", &png(10, 10, RED)).await;
    let public_id = post["cloudinaryId"].as_str().unwrap().to_owned();
    let ahead = visage::clock::later(begun, 40 * HOUR);
    // Another server, whose clock is ahead, comes upon the picture, and the post is there.
    assert_eq!(
        t.app.directory.claim_expired(&public_id, ahead).await.unwrap(),
        Claim::Referenced
    );
    t.reap().await;
    assert_eq!((status(&t, &post).await, count(&t, &member).await), (200, 1));
    // It removes the post and dies.
    assert_eq!(t.app.posts.remove_expired_posts(ahead, 10).await.unwrap(), 1);
    assert_eq!(count(&t, &member).await, 0, "the post goes first");
    t.reap().await;
    assert_eq!(status(&t, &post).await, 200, "pages still show it");
    // A whole pass in a wrong future: what expired by its clock is gone, and nothing else.
    let lasting = t.show(&member, "later", &png(10, 10, RED)).await;
    let id: PostId = id(&lasting).parse().unwrap();
    t.app
        .posts
        .set_post_expiry(&id, visage::clock::later(begun, 100 * HOUR))
        .await
        .unwrap();
    t.clock.set(ahead);
    assert_eq!(t.reap().await.destroyed_pictures, 1);
    t.clock.set(begun);
    assert_eq!(t.reap().await, reaper::Reaped::default());
    assert_eq!((status(&t, &post).await, status(&t, &lasting).await), (404, 200));
    assert_eq!(count(&t, &member).await, 1);
    t.clock.set(visage::clock::later(begun, 100 * HOUR));
    t.reap().await;
    let left = t.settle().await;
    assert_eq!((left.assets, left.expired_media), (0, 0));
}

/// Stores one tiny picture for each of `count` posts, without what is done to pictures of members.
async fn fill(t: &TestApp, member: &Member, count: usize) {
    let bytes = Bytes::from(png(2, 2, RED));
    let facts = visage_image::probe(&bytes, &t.app.library.limits).unwrap();
    let author: UserId = member.id.parse().unwrap();
    let numbers = futures_util::stream::iter(0..count);
    let posts = numbers.map(|number| {
        let picture = Picture {
            bytes: bytes.clone(),
            facts: facts.into(),
            part: None,
        };
        async move {
            let app = &t.app;
            let public_id: PublicId = format!("posts/{number}").parse().unwrap();
            let now = app.clock.now();
            let pending = PendingMedia {
                new: public_id.clone(),
                replaces: None,
                resource_type: ResourceType::Image,
                begun_at: now,
            };
            app.directory.begin_exchange(pending).await.unwrap();
            let hosted = app
                .media_host
                .upload(&public_id, picture, &Transformation::default())
                .await
                .unwrap();
            let post = NewPost {
                author,
                content: String::new(),
                media: Some(PostMedia {
                    url: hosted.url,
                    public_id,
                    resource_type: ResourceType::Image,
                }),
                expires_at: visage::clock::later(now, LIFETIME),
                now,
            };
            app.posts.publish_post(post).await.unwrap();
        }
    });
    posts.buffer_unordered(16).collect::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_reapers_at_once_take_what_is_due_and_nothing_else() {
    let t = TestApp::with_config(stay_signed_in);
    let member = t.member("Asha").await;
    fill(&t, &member, 150).await;
    t.advance(LIFETIME);
    let live = t.show(&member, "live", &png(10, 10, RED)).await;
    let face = t.upload_ok(&member, &png(10, 10, RED)).await;
    let other = t.restarted();
    let (one, two) = join(t.reap(), other.reap()).await;
    assert_eq!(one.removed_posts + two.removed_posts, 150);
    assert!(one.destroyed_pictures + two.destroyed_pictures >= 150);
    assert_eq!((one.failed_pictures, two.failed_pictures), (0, 0));
    assert_eq!(status(&t, &live).await, 200);
    assert_eq!(t.get(&face).await.status, StatusCode::OK);
    let left = t.settle().await;
    assert_eq!((left.assets, left.references), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_posts_that_expire_at_once_go_while_members_change_their_pictures() {
    if has_account() {
        eprintln!("skipped with an account: it would only be slower");
        return;
    }
    let t = TestApp::with_config(stay_signed_in);
    let members = join_all((0..1).map(|n| {
        let t = &t;
        async move { t.member(&format!("Member {n}")).await }
    }))
    .await;
    fill(&t, &members[0], 2_000).await;
    t.advance(LIFETIME);
    let is_over = AtomicBool::new(false);
    let upload = async |member: &Member| {
        let mut uploads = 0;
        // Not without end: other tests want the processors, too.
        while uploads < 20 && !is_over.load(Ordering::SeqCst) {
            t.upload_ok(member, &png(10, 10, RED)).await;
            uploads += 1;
        }
        uploads
    };
    let reap = async {
        let reaped = t.reap().await;
        is_over.store(true, Ordering::SeqCst);
        reaped
    };
    let (reaped, uploads) = join(reap, join_all(members.iter().map(upload))).await;
    assert_eq!((reaped.removed_posts, reaped.destroyed_pictures), (2_000, 2_000));
    assert_eq!((reaped.kept_pictures, reaped.failed_pictures), (0, 0));
    let uploads: u32 = uploads.iter().sum();
    assert!(
        uploads >= 4,
        "members waited for the reaper: {uploads} uploads while it worked"
    );
    eprintln!("{uploads} uploads while 2000 posts were reaped");
    assert_eq!(t.settle().await.assets, 1);
}

/// A media host that cannot be reached while `is_down`.
#[derive(Debug)]
struct Distant {
    is_down: Arc<AtomicBool>,
}

impl Distant {
    fn check(&self) -> Result<(), MediaHostError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(MediaHostError::Unavailable {
                cause: "injected".to_owned(),
                retry_after: Duration::from_secs(1),
                may_be_done: false,
            });
        }
        Ok(())
    }
}

#[async_trait]
impl Hooks for Distant {
    async fn before_upload(&self) -> Result<(), MediaHostError> {
        self.check()
    }

    async fn before_destroy(&self, _id: &PublicId) -> Result<(), MediaHostError> {
        self.check()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_host_that_is_down_for_two_days_loses_nothing_and_keeps_nothing() {
    let is_down = Arc::new(AtomicBool::new(false));
    let make_distant = |app: &mut App| {
        let is_down = Arc::clone(&is_down);
        app.media_host = Hooked::around(&app.media_host, Distant { is_down });
    };
    let t = TestApp::with(stay_signed_in, make_distant);
    let member = t.member("Asha").await;
    fill(&t, &member, 250).await;
    t.show(&member, "video", &mp4("")).await;
    t.advance(35 * HOUR);
    let live = t.show(&member, "live", &png(10, 10, RED)).await;
    let lasting: PostId = id(&live).parse().unwrap();
    let far = visage::clock::later(t.app.clock.now(), 100 * HOUR);
    t.app.posts.set_post_expiry(&lasting, far).await.unwrap();
    is_down.store(true, Ordering::SeqCst);
    for pass in 0..96 {
        t.advance(HOUR / 2);
        let reaped = t.reap().await;
        assert_eq!(reaped.destroyed_pictures, 0);
        assert!(reaped.failed_pictures <= 251, "each is tried once in a pass: {pass}");
        assert_eq!(count(&t, &member).await, if pass == 0 { 10 } else { 1 });
        assert_eq!(status(&t, &live).await, 200);
    }
    let refused = t
        .post_form(
            &member.token,
            form(&[("media", Some("a.png"), "image/png", &png(10, 10, RED))]),
        )
        .await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    t.say(&member, "a text needs no media host").await;
    is_down.store(false, Ordering::SeqCst);
    // The longest pause between two tries.
    t.advance(HOUR);
    assert_eq!(t.reap().await.destroyed_pictures, 252, "with what was refused");
    assert_eq!(status(&t, &live).await, 200);
    let left = t.settle().await;
    assert_eq!((left.assets, left.references, left.expired_media), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_and_videos_of_posts_live_in_an_account_and_go_from_there() {
    let (t, proxy) = TestApp::behind_faults(|config| config.public_url = "http://own.example".to_owned()).await;
    let member = t.member("Asha").await;
    let [picture, video] = [
        t.show(&member, "picture", &png(10, 10, RED)).await,
        t.show(&member, "video", &mp4("")).await,
    ];
    let kinds = [(&picture, ResourceType::Image), (&video, ResourceType::Video)];
    for (post, kind) in kinds {
        assert_eq!(
            t.has_kind(post["cloudinaryId"].as_str().unwrap(), kind).await,
            [false, true]
        );
        assert!(url(post).starts_with("http://images.example/"), "{post}");
        assert_eq!(status(&t, post).await, 200);
    }
    assert!(url(&video).contains("/video/upload/v"), "{video}");
    let part = t.get_with(url(&video), &[("range", "bytes=0-1")]).await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    t.advance(LIFETIME);
    proxy.inject(Fault::Status(503), "/video/destroy HTTP/1.1", 1);
    let reaped = t.reap().await;
    assert_eq!(
        (reaped.removed_posts, reaped.destroyed_pictures),
        (2, 2),
        "it was tried again"
    );
    assert_eq!(proxy.relent().await, 1);
    for (post, kind) in kinds {
        assert_eq!(
            t.has_kind(post["cloudinaryId"].as_str().unwrap(), kind).await,
            [false, false]
        );
        assert_eq!(status(&t, post).await, 404);
    }
}
