//! What strangers may have made of images, and how much of it is stored.

use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use visage::config::Config;

use crate::cloudinary::{app_with, post_signed};
use crate::pictures::noisy_png;
use crate::shares::from;
use crate::test_app::{Answer, TestApp};

/// An app with the picture `a`, and a way to ask for it at a width from an address.
async fn with_picture(configure: impl FnOnce(&mut Config)) -> TestApp {
    let t = app_with(configure);
    let stored = post_signed(&t, "/image/upload", &[("public_id", "a")], Some(&noisy_png(60, 60))).await;
    assert_eq!(stored.status, StatusCode::OK, "{stored:?}");
    t
}

async fn show(t: &TestApp, address: u8, width: u32) -> Answer {
    let path = format!("/demo/image/upload/w_{width}/f_png/a");
    t.send(from(address, Request::get(path).body(Body::empty()).unwrap()))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn address_has_its_rate_of_new_images_and_stored_ones_are_free() {
    let t = with_picture(|config| {
        config.rate_limit.renders_burst = 2;
        config.rate_limit.renders_per_minute = 1;
    })
    .await;
    for width in [10, 11, 10, 11] {
        assert_eq!(show(&t, 1, width).await.status, StatusCode::OK);
    }
    let refused = show(&t, 1, 12).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_ne!(refused.header("retry-after"), "");
    assert_ne!(refused.header("x-cld-error"), "");
    assert_eq!(show(&t, 2, 12).await.status, StatusCode::OK);
    for width in [10, 11, 12] {
        assert_eq!(show(&t, 1, width).await.status, StatusCode::OK, "it is made");
    }
    let eager = [("public_id", "b"), ("eager", "w_13|w_14|w_15")];
    let stored = post_signed(&t, "/image/upload", &eager, Some(&noisy_png(60, 60))).await;
    assert_eq!(stored.json()["eager"][2]["width"], 15, "{stored:?}");
}

async fn stored_widths(t: &TestApp) -> Vec<u32> {
    t.idle().await;
    let stored = t.app.library.catalog.all_derived(None, 100).await.unwrap();
    let mut widths: Vec<u32> = stored.iter().map(|derived| derived.facts.width).collect();
    widths.sort_unstable();
    widths
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_fill_an_asset_up_to_its_share_of_images() {
    let t = with_picture(|config| config.cache.derived_per_asset = 4).await;
    for width in 10..17 {
        t.advance(Duration::from_secs(1));
        assert_eq!(show(&t, 1, width).await.status, StatusCode::OK, "{width} is delivered");
    }
    assert_eq!(stored_widths(&t).await, [10, 11, 12, 13]);
    let eager = [("public_id", "a"), ("type", "upload"), ("eager", "w_20|w_21")];
    let made = post_signed(&t, "/image/explicit", &eager, None).await;
    assert_eq!(made.status, StatusCode::OK, "{made:?}");
    assert_eq!(stored_widths(&t).await, [10, 11, 12, 13, 20, 21]);
    assert_eq!(t.reap().await.evicted_derived, 2);
    assert_eq!(stored_widths(&t).await, [12, 13, 20, 21], "the longest unused went");
    t.advance(Duration::from_secs(2 * 3600));
    assert_eq!(t.reap().await.evicted_derived, 1);
    assert_eq!(show(&t, 1, 30).await.status, StatusCode::OK);
    assert_eq!(stored_widths(&t).await, [13, 20, 21, 30], "there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn derived_images_have_a_number_in_all() {
    let t = with_picture(|config| config.cache.derived_images = 2).await;
    for width in [10, 11] {
        show(&t, 1, width).await;
        t.advance(Duration::from_secs(1));
    }
    assert_eq!((stored_widths(&t).await.len(), t.reap().await.evicted_derived), (2, 0));
    show(&t, 1, 12).await;
    assert_eq!(stored_widths(&t).await, [10, 11, 12]);
    assert_eq!(t.reap().await.evicted_derived, 1);
    assert_eq!(stored_widths(&t).await, [11, 12]);
}
