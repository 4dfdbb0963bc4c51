//! A Cloudinary account as the media host, on good days and on bad ones. The account is another visage on this machine.

use std::time::Duration;

use http::StatusCode;
use visage::audit::audit;
use visage::jobs::reaper::Reaped;

use crate::fault_proxy::{Fault, FaultProxy};
use crate::pictures::{noisy_png, png};
use crate::test_app::TestApp;

const RED: [u8; 3] = [200, 0, 0];
const GREEN: [u8; 3] = [0, 200, 0];

/// What is aimed at.
pub(crate) const UPLOADS: &str = "/image/upload HTTP/1.1";
const DESTROYS: &str = "/image/destroy HTTP/1.1";

/// Answers to a request that was not carried out.
const DESTROYED: Fault = Fault::Lie("{\"result\":\"ok\"}");
const NOT_FOUND: Fault = Fault::Lie("{\"result\":\"not found\"}");

pub(crate) const FAULTS: &[Fault] = &[
    Fault::Delay(Duration::from_secs(9)),
    Fault::ResetBeforeBody,
    Fault::ResetInBody,
    Fault::ResetAfterBody,
    Fault::HalfClose,
    Fault::Truncated,
    Fault::Garbage,
    Fault::Noise,
    Fault::Status(401),
    Fault::Status(403),
    Fault::Status(404),
    Fault::Status(409),
    Fault::Status(420),
    Fault::Status(429),
    Fault::Status(500),
    Fault::Status(503),
    Fault::AnswerLost,
    Fault::NotStored,
    Fault::SlowDrip,
];

/// Whether the account has decided: then there is no second try.
fn is_final(fault: Fault) -> bool {
    matches!(fault, Fault::Status(401 | 403 | 404 | 409))
}

/// Whether nothing but a clock ends it. All other faults are known at once, and nobody waits between tries here: the
/// limits can be the real ones, which a busy machine keeps.
pub(crate) fn is_slow(fault: Fault) -> bool {
    matches!(fault, Fault::Delay(_) | Fault::SlowDrip)
}

async fn app(breaker_failures: u32) -> (TestApp, FaultProxy) {
    TestApp::behind_faults(|config| config.cloudinary.breaker_failures = breaker_failures).await
}

/// Gives up a request soon, and an act after two of them, if it meets the fault for ever.
async fn impatient_app(times: usize) -> (TestApp, FaultProxy) {
    TestApp::behind_faults(|config| {
        let cloudinary = &mut config.cloudinary;
        cloudinary.request_timeout = "6s".parse().unwrap();
        if times > 1 {
            cloudinary.deadline = "12s".parse().unwrap();
        }
        cloudinary.breaker_failures = 1000;
    })
    .await
}

/// One upload over another picture meets the fault `times` times. Returns the line of the table.
async fn upload_through(fault: Fault, times: usize) -> String {
    let (t, proxy) = if is_slow(fault) {
        impatient_app(times).await
    } else {
        app(1000).await
    };
    let member = t.member("Asha").await;
    let before = t.upload_ok(&member, &png(10, 10, RED)).await;
    proxy.inject(fault, UPLOADS, times);
    let answer = t.upload(&member, &png(20, 20, GREEN)).await;
    let met = proxy.relent().await;
    let url = t.profile(&member).await["profileImage"].as_str().unwrap().to_owned();
    let is_recovered = times == 1 && !is_final(fault);
    let expected = match () {
        () if is_recovered => StatusCode::OK,
        () if is_final(fault) => StatusCode::BAD_GATEWAY,
        () => StatusCode::SERVICE_UNAVAILABLE,
    };
    assert_eq!(answer.status, expected, "{fault:?}, {times} times: {answer:?}");
    assert_eq!(url != before, is_recovered, "{fault:?}, {times} times");
    assert_eq!(t.get(&url).await.status, StatusCode::OK, "{fault:?}, {times} times");
    if answer.status == StatusCode::SERVICE_UNAVAILABLE {
        assert_ne!(answer.header("retry-after"), "");
    }
    let audit = t.settle().await;
    assert_eq!(
        (audit.references, audit.assets),
        (1, 1),
        "{fault:?}, {times} times: {audit:?}"
    );
    assert_eq!(t.get(&url).await.status, StatusCode::OK, "{fault:?}, {times} times");
    let shown = if is_recovered { "new" } else { "old" };
    format!(
        "{fault:?}: met {met}, {} for the client, the {shown} picture",
        answer.status.as_u16()
    )
}

async fn table(times: usize) {
    let rows = FAULTS.iter().map(|fault| tokio::spawn(upload_through(*fault, times)));
    for row in futures_util::future::join_all(rows).await {
        eprintln!("{}", row.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_passes_is_not_noticed_and_one_that_is_final_is_told() {
    table(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_stays_leaves_the_old_picture_and_nothing_else() {
    table(usize::MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_cannot_be_destroyed_now_is_destroyed_later() {
    for fault in [
        Fault::Status(500),
        Fault::Status(401),
        Fault::AnswerLost,
        Fault::Garbage,
        DESTROYED,
        NOT_FOUND,
    ] {
        let (t, proxy) = app(1000).await;
        let member = t.member("Asha").await;
        let first = t.upload_ok(&member, &png(10, 10, RED)).await;
        t.upload_ok(&member, &png(20, 20, GREEN)).await;
        t.advance(Duration::from_secs(600));
        proxy.inject(fault, DESTROYS, usize::MAX);
        assert_eq!(t.reap().await.failed_pictures, 1, "{fault:?}");
        assert!(proxy.relent().await > 0);
        t.advance(Duration::from_secs(30));
        assert_eq!(t.reap().await.destroyed_pictures, 1, "{fault:?}");
        assert_eq!(t.get(&first).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn picture_that_is_still_there_stays_due() {
    for (fault, confirm) in [(DESTROYED, true), (NOT_FOUND, true), (DESTROYED, false)] {
        let (t, proxy) = TestApp::behind_faults(|config| {
            config.cloudinary.breaker_failures = 2;
            config.cloudinary.confirm = confirm;
        })
        .await;
        let member = t.member("Asha").await;
        let first = t.upload_ok(&member, &png(10, 10, RED)).await;
        t.upload_ok(&member, &png(20, 20, GREEN)).await;
        t.advance(Duration::from_secs(600));
        proxy.inject(fault, DESTROYS, usize::MAX);
        // 30 seconds, a minute, two minutes: each pass that comes too early does nothing.
        for pause in [30, 60, 120] {
            assert_eq!(t.reap().await.failed_pictures, 1, "{fault:?}");
            assert_eq!(t.reap().await, Reaped::default(), "{fault:?}");
            assert_eq!(audit(&t.app).await.unwrap().expired_media, 1, "{fault:?}");
            t.advance(Duration::from_secs(pause - 1));
            assert_eq!(t.reap().await, Reaped::default(), "{fault:?}");
            t.advance(Duration::from_secs(1));
        }
        assert_eq!(proxy.met(), 3, "one request for each pass that was due");
        assert_eq!(t.get("/health").await.json()["mediaHost"]["breaker"], "closed");
        proxy.relent().await;
        assert_eq!(t.reap().await.destroyed_pictures, 1, "{fault:?}");
        assert_eq!(t.get(&first).await.status, StatusCode::NOT_FOUND);
        assert_eq!(audit(&t.app).await.unwrap().expired_media, 0, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_api_decides_where_the_delivery_url_does_not() {
    let (t, proxy) = app(1000).await;
    let member = t.member("Asha").await;
    t.upload_ok(&member, &png(10, 10, RED)).await;
    t.upload_ok(&member, &png(20, 20, GREEN)).await;
    t.advance(Duration::from_secs(600));
    proxy.inject(Fault::Status(403), "HEAD ", usize::MAX);
    assert_eq!(t.reap().await.destroyed_pictures, 1);
    assert_eq!(proxy.relent().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_does_not_answer_is_left_alone_and_then_asked_again() {
    let (t, proxy) = app(3).await;
    let member = t.member("Asha").await;
    let health = async || t.get("/health").await.json()["mediaHost"]["breaker"].clone();
    assert_eq!(health().await, "closed");
    proxy.inject(Fault::Status(500), UPLOADS, usize::MAX);
    assert_eq!(
        t.upload(&member, &png(10, 10, RED)).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(health().await, "open");
    assert_eq!(t.upload(&member, &png(10, 10, RED)).await.header("retry-after"), "10");
    assert_eq!(proxy.relent().await, 3, "it is not asked while the breaker is open");
    t.advance(Duration::from_secs(10));
    assert_eq!(health().await, "half-open");
    t.upload_ok(&member, &png(10, 10, RED)).await;
    assert_eq!(health().await, "closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_that_is_used_up_is_not_asked_for_more() {
    let (t, proxy) = app(1000).await;
    let member = t.member("Asha").await;
    proxy.inject(Fault::BusyFor(60), UPLOADS, usize::MAX);
    let answer = t.upload(&member, &png(10, 10, RED)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "60");
    assert_eq!(
        proxy.relent().await,
        1,
        "a second try within the deadline would be in vain"
    );
    proxy.inject(Fault::BusyFor(1), UPLOADS, 1);
    t.upload_ok(&member, &png(10, 10, RED)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_picture_goes_in_parts_and_one_that_breaks_off_begins_again() {
    let (t, proxy) = TestApp::behind_faults(|config| {
        config.limits.profile_image_bytes = 30_000_000;
        // It goes twice, through two debug builds.
        config.cloudinary.request_timeout = "60s".parse().unwrap();
        config.cloudinary.deadline = "60s".parse().unwrap();
    })
    .await;
    let member = t.member("Asha").await;
    let large = noisy_png(2590, 2590);
    assert!((20_000_000..20_900_000).contains(&large.len()), "{}", large.len());
    proxy.inject(Fault::AnswerLost, "bytes 20000000-", 1);
    let url = t.upload_ok(&member, &large).await;
    assert_eq!(proxy.relent().await, 1);
    assert_eq!(t.get(&url).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_signed_with_sha256_when_that_is_asked_for() {
    let (t, _proxy) =
        TestApp::behind_faults(|config| config.cloudinary.signature_algorithm = "sha256".to_owned()).await;
    let member = t.member("Asha").await;
    t.upload_ok(&member, &png(10, 10, RED)).await;
}
