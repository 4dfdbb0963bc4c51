//! No client takes the places of the others.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::{Request, StatusCode};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use visage::config::Config;

use crate::pictures::png;
use crate::test_app::{Answer, Member, TestApp, form, upload_request};

/// A request as it comes from an address that ends so.
pub(crate) fn from(address: u8, mut request: Request<Body>) -> Request<Body> {
    let peer = SocketAddr::from(([192, 0, 2, address], 1));
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

fn metrics_of(address: u8) -> Request<Body> {
    from(address, Request::get("/metrics").body(Body::empty()).unwrap())
}

fn avatar() -> Vec<u8> {
    form(&[("profileImage", Some("a.png"), "image/png", &png(9, 9, [1; 3]))])
}

/// A body that begins and does not end, and what is told when the rest of it is waited for.
fn unfinished() -> (Body, oneshot::Receiver<()>) {
    use futures_util::{StreamExt as _, stream};
    let begun = Bytes::copy_from_slice(&avatar()[..50]);
    let (sender, receiver) = oneshot::channel();
    let rest = async move {
        sender.send(()).unwrap();
        std::future::pending::<std::io::Result<Bytes>>().await
    };
    let stream = stream::once(async { Ok(begun) }).chain(stream::once(rest));
    (Body::from_stream(stream), receiver)
}

/// An upload that is begun, once the server waits for the rest of it.
async fn begin_upload(t: &Arc<TestApp>, member: &Member, address: u8) -> JoinHandle<Answer> {
    begin(t, |body| from(address, upload_request(&member.token, body))).await
}

async fn begin(t: &Arc<TestApp>, request: impl FnOnce(Body) -> Request<Body>) -> JoinHandle<Answer> {
    let (body, is_waited_for) = unfinished();
    let (t, request) = (Arc::clone(t), request(body));
    let upload = tokio::spawn(async move { t.send(request).await });
    is_waited_for.await.unwrap();
    upload
}

async fn with_member(configure: impl FnOnce(&mut Config)) -> (Arc<TestApp>, Member) {
    let t = Arc::new(TestApp::with_config(configure));
    let member = t.member("Asha").await;
    (t, member)
}

async fn upload_from(t: &TestApp, member: &Member, address: u8) -> Answer {
    t.send(from(address, upload_request(&member.token, avatar()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_upload_takes_no_place_among_the_requests() {
    let (t, member) = with_member(|config| config.http.requests = 1).await;
    let uploads = [begin_upload(&t, &member, 1).await, begin_upload(&t, &member, 1).await];
    assert_eq!(t.send(metrics_of(2)).await.status, StatusCode::OK);
    assert_eq!(upload_from(&t, &member, 2).await.status, StatusCode::OK);
    uploads.iter().for_each(JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread")]
async fn request_takes_its_place_when_its_body_has_arrived() {
    let (t, member) = with_member(|config| config.http.requests = 1).await;
    let unread = t.respond(metrics_of(1)).await;
    let refused = upload_from(&t, &member, 2).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), "2");
    drop(unread);
    assert_eq!(upload_from(&t, &member, 2).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn address_has_its_share_of_requests() {
    let (t, _member) = with_member(|config| config.http.requests_per_address = 2).await;
    let first = t.respond(metrics_of(1)).await;
    let second = t.respond(metrics_of(1)).await;
    assert_eq!(second.status(), StatusCode::OK, "at its share");
    let refused = t.send(metrics_of(1)).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.header("retry-after"), "2");
    assert_eq!(t.send(metrics_of(2)).await.status, StatusCode::OK);
    drop(first);
    assert_eq!(t.send(metrics_of(1)).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn address_has_its_share_of_arriving_bodies() {
    let (t, member) = with_member(|config| config.http.bodies_per_address = 2).await;
    let first = begin_upload(&t, &member, 1).await;
    let second = begin_upload(&t, &member, 1).await;
    let refused = upload_from(&t, &member, 1).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!first.is_finished() && !second.is_finished(), "at its share");
    assert_eq!(upload_from(&t, &member, 2).await.status, StatusCode::OK);
    first.abort();
    assert!(first.await.is_err());
    assert_eq!(upload_from(&t, &member, 1).await.status, StatusCode::OK);
    second.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn proxy_of_our_own_is_counted_by_the_addresses_it_names() {
    let (t, member) = with_member(|config| {
        config.http.bodies_per_address = 1;
        config.http.trust_forwarded_for = true;
    })
    .await;
    let with_body = |client: &str, body: Body| {
        let mut request = from(1, upload_request(&member.token, body));
        request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
        request
    };
    let forwarded = |client: &str| with_body(client, avatar().into());
    let held = begin(&t, |body| with_body("198.51.100.1", body)).await;
    let refused = t.send(forwarded("203.0.113.9, 198.51.100.1")).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(t.send(forwarded("198.51.100.2")).await.status, StatusCode::OK);
    held.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn longest_unfinished_upload_of_the_heaviest_gives_way() {
    let (t, member) = with_member(|config| config.http.bodies = 3).await;
    let other = begin_upload(&t, &member, 1).await;
    let heavy = [begin_upload(&t, &member, 2).await, begin_upload(&t, &member, 2).await];
    assert_eq!(upload_from(&t, &member, 3).await.status, StatusCode::OK);
    let [longest, next] = heavy;
    assert_eq!(longest.await.unwrap().status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!other.is_finished() && !next.is_finished());
    other.abort();
    next.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_forms_of_one_member_keep_out_no_other() {
    let (t, member) = with_member(|config| config.http.bodies_per_address = 100).await;
    let mut uploads = Vec::new();
    for _ in 0..70 {
        uploads.push(begin_upload(&t, &member, 1).await);
    }
    let other = t.member("Mira").await;
    assert_eq!(upload_from(&t, &other, 2).await.status, StatusCode::OK);
    uploads.iter().for_each(JoinHandle::abort);
}
