//! Notifications: signed, sent, sent again, given up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use visage::clock::FixedClock;
use visage::fetch::Outgoing;
use visage::jobs::notifier;
use visage::webhooks::Webhooks;
use visage_cloudinary::Secret;
use visage_cloudinary::signature::{SignatureAlgorithm, Webhook};
use visage_store::{NewNotification, Notification, Outbox, Result};

use crate::canned_server::{CannedServer, TestNetwork, answer};

const PUBLIC: &str = "93.184.215.14";
const MINUTE: Duration = Duration::from_secs(60);

/// An outbox in memory.
#[derive(Debug, Default)]
struct TestOutbox(Mutex<Vec<(Timestamp, Notification)>>);

#[async_trait]
impl Outbox for TestOutbox {
    async fn push_notifications(&self, new: Vec<NewNotification>, now: Timestamp) -> Result<()> {
        let mut rows = self.0.lock().unwrap();
        for NewNotification { url, body } in new {
            let id = i64::try_from(rows.len()).unwrap();
            let (attempts, created_at) = (0, now);
            rows.push((
                now,
                Notification {
                    id,
                    url,
                    body,
                    attempts,
                    created_at,
                },
            ));
        }
        Ok(())
    }

    async fn due_notifications(&self, now: Timestamp, limit: usize) -> Result<Vec<Notification>> {
        let mut due = self.0.lock().unwrap().clone();
        due.retain(|(at, _)| *at <= now);
        due.sort_by_key(|(at, row)| (*at, row.id));
        Ok(due.into_iter().map(|(_, row)| row).take(limit).collect())
    }

    async fn next_notification_at(&self) -> Result<Option<Timestamp>> {
        Ok(self.0.lock().unwrap().iter().map(|(at, _)| *at).min())
    }

    async fn postpone_notification(&self, id: i64, due_at: Timestamp) -> Result<()> {
        for (at, row) in self.0.lock().unwrap().iter_mut().filter(|(_, row)| row.id == id) {
            *at = due_at;
            row.attempts += 1;
        }
        Ok(())
    }

    async fn drop_notification(&self, id: i64) -> Result<()> {
        self.0.lock().unwrap().retain(|(_, row)| row.id != id);
        Ok(())
    }
}

struct Sender {
    outbox: Arc<TestOutbox>,
    clock: Arc<FixedClock>,
    network: Arc<TestNetwork>,
    webhooks: Webhooks,
    outgoing: Outgoing,
}

impl Sender {
    fn to(server: &CannedServer) -> Self {
        let network = Arc::new(TestNetwork::default());
        network.name("hooks.example", &[&[PUBLIC]]);
        network.lead(PUBLIC, server.address);
        let outbox = Arc::new(TestOutbox::default());
        let clock = Arc::new(FixedClock::new("2024-06-25T09:25:44Z".parse().unwrap()));
        let secret = Secret::new("abcd");
        let webhooks = Webhooks::new(outbox.clone(), clock.clone(), SignatureAlgorithm::Sha1, secret);
        let outgoing = Outgoing::new([].into(), network.clone());
        Self {
            outbox,
            clock,
            network,
            webhooks,
            outgoing,
        }
    }

    async fn notify(&self, url: &str) {
        let body = json!({"notification_type": "upload", "public_id": "été & co"});
        self.webhooks.notify(&[url.to_owned()], &body).await.unwrap();
    }

    async fn pass(&self) -> usize {
        let stop = CancellationToken::new();
        notifier::send_due(&self.webhooks, &self.outgoing, &stop).await.unwrap()
    }

    fn waiting(&self) -> usize {
        self.outbox.0.lock().unwrap().len()
    }
}

#[tokio::test]
async fn a_notification_is_sent_once_and_signed_over_its_exact_bytes() {
    let server = CannedServer::start(|_| Some(answer("204 No Content", "", b""))).await;
    let sender = Sender::to(&server);
    sender.notify("http://hooks.example/in?id=1").await;
    assert_eq!(sender.pass().await, 1);
    assert_eq!(sender.pass().await, 0);
    let [request] = &server.requests()[..] else {
        panic!("{:?}", server.requests());
    };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /in?id=1 http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
    assert!(head.contains("\r\nx-cld-timestamp: 1719307544\r\n"), "{head}");
    let webhook = Webhook {
        body: body.as_bytes(),
        timestamp: 1_719_307_544,
    };
    let signature = webhook.sign(SignatureAlgorithm::Sha1, &Secret::new("abcd"));
    assert!(head.contains(&format!("x-cld-signature: {signature}")), "{head}");
    assert_eq!(sender.waiting(), 0);
}

#[tokio::test]
async fn a_failed_notification_is_sent_again_after_three_six_and_nine_minutes_and_then_given_up() {
    let server = CannedServer::start(|_| Some(answer("500 Internal Server Error", "", b""))).await;
    let sender = Sender::to(&server);
    sender.notify("http://hooks.example/").await;
    assert_eq!(sender.pass().await, 1);
    for minutes in [3_u64, 6, 9] {
        assert_eq!(sender.waiting(), 1);
        sender.clock.advance(Duration::from_secs(minutes * 60 - 1));
        assert_eq!(sender.pass().await, 0, "too soon");
        sender.clock.advance(Duration::from_secs(1));
        assert_eq!(sender.pass().await, 1);
    }
    assert_eq!((sender.waiting(), server.requests().len()), (0, 4));
}

#[tokio::test]
async fn a_notification_that_is_taken_the_second_time_is_not_sent_again() {
    let well = Arc::new(AtomicBool::new(false));
    let server = CannedServer::start({
        let well = Arc::clone(&well);
        move |_| {
            Some(answer(
                if well.load(Ordering::SeqCst) {
                    "200 OK"
                } else {
                    "503 Busy"
                },
                "",
                b"",
            ))
        }
    })
    .await;
    let sender = Sender::to(&server);
    sender.notify("http://hooks.example/").await;
    sender.pass().await;
    well.store(true, Ordering::SeqCst);
    sender.clock.advance(3 * MINUTE);
    assert_eq!((sender.pass().await, sender.waiting()), (1, 0));
}

#[tokio::test]
async fn no_notification_goes_into_our_own_network_and_no_redirect_is_followed() {
    let server = CannedServer::start(|_| Some(answer("302 Found", "Location: /other\r\n", b""))).await;
    let sender = Sender::to(&server);
    sender
        .notify(&format!("http://127.0.0.1:{}/", server.address.port()))
        .await;
    sender.notify("ftp://hooks.example/").await;
    sender.notify("no url").await;
    sender.pass().await;
    assert_eq!(
        (sender.waiting(), sender.network.connected().len()),
        (0, 0),
        "given up at once"
    );
    sender.notify("http://hooks.example/").await;
    sender.pass().await;
    assert_eq!((sender.waiting(), server.requests().len()), (1, 1));
}

#[tokio::test]
async fn many_notifications_of_one_host_do_not_keep_another_waiting() {
    let server = CannedServer::start(|_| Some(answer("200 OK", "", b""))).await;
    let sender = Sender::to(&server);
    sender.network.name("other.example", &[&[PUBLIC]]);
    for _ in 0..20 {
        sender.notify("http://hooks.example/").await;
    }
    sender.notify("http://other.example/").await;
    assert_eq!(sender.pass().await, 5);
    let reached = server.requests().iter().any(|r| r.contains("other.example"));
    assert!(reached);
}

#[tokio::test]
async fn a_host_that_is_silent_is_tried_once_and_its_wrong_addresses_harm_no_right_ones() {
    let server = CannedServer::start(|_| Some(answer("200 OK", "", b""))).await;
    let sender = Sender::to(&server);
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    sender.network.name("gone.example", &[&["93.184.215.15"]]);
    sender.network.lead("93.184.215.15", gone);
    for url in [
        "http://gone.example/",
        "http://gone.example/",
        "ftp://hooks.example/",
        "http://hooks.example/",
    ] {
        sender.notify(url).await;
    }
    assert_eq!(sender.pass().await, 4);
    assert_eq!(sender.network.connected().len(), 2, "each host once");
    assert_eq!((sender.waiting(), server.requests().len()), (2, 1));
}

#[tokio::test]
async fn what_is_pushed_is_sent_at_once_until_the_job_is_stopped() {
    let server = CannedServer::start(|_| Some(answer("200 OK", "", b""))).await;
    let sender = Sender::to(&server);
    let stop = CancellationToken::new();
    let job = notifier::run(&sender.webhooks, &sender.outgoing, stop.clone());
    let client = async {
        for sent in 1..=2 {
            sender.notify("http://hooks.example/").await;
            while server.requests().len() < sent || sender.waiting() > 0 {
                tokio::task::yield_now().await;
            }
        }
        stop.cancel();
    };
    let both = async { tokio::join!(job, client) };
    tokio::time::timeout(MINUTE, both).await.expect("it wakes and it stops");
}
