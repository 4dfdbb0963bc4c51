//! Thousands of requests that are never finished, from one address, while others work.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::client::User;
use crate::pictures::picture;
use crate::server::Site;

/// Settings under which the attacker has more than there is of everything.
const SETTINGS: &[(&str, &str)] = &[
    ("VISAGE_HTTP__CONNECTIONS", "256"),
    ("VISAGE_HTTP__CONNECTIONS_PER_ADDRESS", "128"),
    ("VISAGE_HTTP__HEADS_PER_ADDRESS", "64"),
    ("VISAGE_HTTP__REQUESTS", "32"),
    ("VISAGE_HTTP__HEADER_TIMEOUT", "10m"),
    ("VISAGE_HTTP__REQUEST_TIMEOUT", "90s"),
];
const UNFINISHED: usize = 400;
const HEAD: &str = "GET /health HTTP/1.1\r\nHost: a\r\nX-Unfinished: ";
const BODY: &str = "POST /v1_1/visage/image/upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\
    Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n";

/// A connection from a loopback address that ends so.
async fn connect(site: &Site, from: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, from));
    socket.bind(SocketAddr::new(address, 0)).unwrap();
    socket.connect(site.address.parse().unwrap()).await.unwrap()
}

/// The status of an answer, or none when the connection is closed without one.
async fn ask(site: &Site, from: u8, request: &str) -> Option<u16> {
    let mut stream = connect(site, from).await;
    stream.write_all(request.as_bytes()).await.ok()?;
    read_status(&mut stream).await
}

async fn read_status(stream: &mut TcpStream) -> Option<u16> {
    let mut answer = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_exact(&mut answer));
    read.await.expect("an answer in time").ok()?;
    std::str::from_utf8(&answer[9..]).ok()?.parse().ok()
}

/// Requests that are begun and not ended, half of them heads and half bodies.
async fn attack(site: &Site, from: u8) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for n in 0..UNFINISHED {
        let mut stream = connect(site, from).await;
        let begun = if n % 2 == 0 { HEAD } else { BODY };
        // What was closed at once cannot be written to.
        stream.write_all(begun.as_bytes()).await.ok();
        open.push(stream);
    }
    open
}

async fn check_others(site: &Site, path: &str, from: u8) {
    for _ in 0..10 {
        for path in ["/health", path] {
            let begun = Instant::now();
            let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            assert_eq!(ask(site, from, &request).await, Some(200), "{path}");
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "{path}: {:?}",
                begun.elapsed()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_requests_of_one_address_stop_no_other() {
    let site = Site::new(SETTINGS);
    let _server = site.start();
    let user = tokio::task::block_in_place(|| {
        let user = User::new(&site, "user");
        user.put(picture(1));
        user
    });
    let url = tokio::task::block_in_place(|| user.image_url().unwrap().unwrap());
    let path = url.strip_prefix(&site.url()).unwrap();
    // From an address with a share, and from this machine's own, which has none.
    for attacker in [2, 1] {
        let unfinished = attack(&site, attacker).await;
        check_others(&site, path, 3).await;
        tokio::task::block_in_place(|| user.put(picture(2)));
        check_others(&site, path, 1).await;
        drop(unfinished);
    }
    assert_eq!(tokio::task::block_in_place(|| user.shown()), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn address_with_its_share_of_unfinished_uploads_is_answered_429() {
    let site = Site::new(&[("VISAGE_HTTP__BODIES_PER_ADDRESS", "2")]);
    let _server = site.start();
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&site, 2).await;
        stream.write_all(BODY.as_bytes()).await.unwrap();
        open.push(Box::pin(async move { read_status(&mut stream).await }));
    }
    let (first, _, others) = futures_util::future::select_all(open).await;
    assert_eq!(first, Some(429));
    let health = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(ask(&site, 2, health).await, Some(200));
    for other in others {
        assert_eq!(futures_util::FutureExt::now_or_never(other), None, "at its share");
    }
}
