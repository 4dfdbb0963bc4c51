//! Files from URLs that somebody else chose: what comes, what is refused, and that nobody is sent into our own network.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use tokio::net::TcpListener;
use visage::config::{FetchConfig, Period};
use visage::fetch::{FetchError, Fetched, Fetcher};

use crate::canned_server::{CannedServer, TestNetwork, answer};

const PUBLIC: &str = "93.184.215.14";
const UNKNOWN_ENCODING: &str = "the answer is compressed in a way that is not supported; send it as it is, or as gzip";

fn fetcher(configure: impl FnOnce(&mut FetchConfig), network: &Arc<TestNetwork>) -> Fetcher {
    let mut config = FetchConfig::default();
    configure(&mut config);
    Fetcher::new(&config, network.clone())
}

async fn fetch(fetcher: &Fetcher, url: &str, max_bytes: u64) -> Result<Fetched, FetchError> {
    let folder = tempfile::tempdir().unwrap();
    let result = fetcher.fetch(url, folder.path(), max_bytes).await;
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing stays behind"
    );
    result
}

/// A public host `files.example` that is in truth a server of the test.
async fn public_server(
    answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> (CannedServer, Arc<TestNetwork>) {
    let server = CannedServer::start(answer).await;
    let network = Arc::new(TestNetwork::default());
    network.name("files.example", &[&[PUBLIC]]);
    network.lead(PUBLIC, server.address);
    (server, network)
}

async fn refusal(fetcher: &Fetcher, url: &str) -> String {
    fetch(fetcher, url, 1000).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_file_comes_with_its_name_and_its_type() {
    let (server, network) = public_server(|_| Some(answer("200 OK", "Content-Type: image/png\r\n", b"picture"))).await;
    let fetcher = fetcher(|_| {}, &network);
    let got = fetch(&fetcher, "http://files.example/a/my%20cat.png?size=2#top", 7)
        .await
        .unwrap();
    assert_eq!(got.file.read_all().unwrap(), b"picture");
    assert_eq!(got.file_name.as_deref(), Some("my cat.png"));
    assert_eq!(got.content_type.as_deref(), Some("image/png"));
    assert_eq!(network.connected(), [format!("{PUBLIC}:80").parse().unwrap()]);
    let request = server.requests().concat().to_ascii_lowercase();
    assert!(
        request.starts_with("get /a/my%20cat.png?size=2 http/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("\r\nhost: files.example\r\n"), "{request}");
    assert!(request.contains("\r\naccept-encoding: identity\r\n"), "{request}");
}

#[tokio::test]
async fn a_file_of_the_largest_size_comes_and_one_more_byte_does_not() {
    let (_server, network) = public_server(|request| {
        Some(if request.contains("/length") {
            answer("200 OK", "", &[7; 1000])
        } else {
            [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_slice(), &[7; 1000]].concat()
        })
    })
    .await;
    let fetcher = fetcher(|_| {}, &network);
    for path in ["length", "no-length"] {
        let url = format!("http://files.example/{path}");
        for max_bytes in [1001, 1000] {
            assert_eq!(fetch(&fetcher, &url, max_bytes).await.unwrap().file.len_bytes(), 1000);
        }
        let error = fetch(&fetcher, &url, 999).await.unwrap_err();
        assert_eq!(error.to_string(), "File size too large. Got 1000. Maximum is 999.");
    }
}

#[tokio::test]
async fn failures_have_cloudinarys_words_and_tell_nothing_of_the_answer() {
    let (_server, network) = public_server(|request| {
        let path = request.split(' ').nth(1).unwrap();
        Some(match path {
            "/gone" => answer("404 Not Found", "X: hush\r\n", b"hush"),
            "/broken" => b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhush".to_vec(),
            "/zip" => answer("200 OK", "Content-Encoding: gzip\r\n", b"hush"),
            "/brotli" => answer("200 OK", "Content-Encoding: br\r\n", b"hush"),
            "/twice" => answer("200 OK", "Content-Encoding: gzip, gzip\r\n", b"hush"),
            "/heads" => [b"HTTP/1.1 200 OK\r\nA: ".as_slice(), &vec![b'a'; 100_000]].concat(),
            "/loop" => answer("302 Found", "Location: /loop\r\n", b"hush"),
            _ => b"hush".to_vec(),
        })
    })
    .await;
    let fetcher = fetcher(|_| {}, &network);
    for (url, reason) in [
        ("http://files.example/gone", "404 Not Found"),
        ("http://files.example/broken", "ERR_INVALID_RESP 0"),
        ("http://files.example/zip", "ERR_INVALID_RESP 0"),
        ("http://files.example/brotli", UNKNOWN_ENCODING),
        ("http://files.example/twice", UNKNOWN_ENCODING),
        ("http://files.example/heads", "ERR_INVALID_RESP 0"),
        ("http://files.example/loop", "too many redirects"),
        ("http://files.example/no-http", "ERR_INVALID_RESP 0"),
        ("http://nowhere.example/", "ERR_DNS_FAIL 0"),
        ("http://10.0.0.1/", "address is not allowed"),
        ("ftp://files.example/a.png", "only http and https URLs are supported"),
        ("file:///etc/passwd", "only http and https URLs are supported"),
        ("http://", "not a valid URL"),
    ] {
        assert_eq!(
            refusal(&fetcher, url).await,
            format!("Error in loading {url} - {reason}")
        );
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A host that answers every path with these bytes under this `Content-Encoding`.
async fn encoding_server(encoding: &str, body: Vec<u8>) -> (CannedServer, Arc<TestNetwork>) {
    let headers = format!("Content-Encoding: {encoding}\r\n");
    public_server(move |_| Some(answer("200 OK", &headers, &body))).await
}

#[tokio::test]
async fn compressed_answers_are_decoded_within_the_limit() {
    let file: Vec<u8> = (0..100_000_u32).flat_map(|i| (i % 251).to_le_bytes()).collect();
    let size = file.len() as u64;
    let forms = [
        ("gzip", gzip(&file)),
        ("X-GZIP, identity", gzip(&file)),
        ("gzip", [gzip(&file[..1000]), gzip(&file[1000..])].concat()),
        ("deflate", zlib(&file)),
        ("deflate", deflate(&file)),
    ];
    for (encoding, body) in forms {
        let (_server, network) = encoding_server(encoding, body).await;
        let fetcher = fetcher(|_| {}, &network);
        let url = "http://files.example/a.png";
        for max_bytes in [size + 1, size] {
            let got = fetch(&fetcher, url, max_bytes).await.unwrap();
            assert_eq!(got.file.read_all().unwrap(), file, "{encoding}");
        }
        let error = fetch(&fetcher, url, size - 1).await.unwrap_err();
        assert!(matches!(error, FetchError::TooLarge { .. }), "{encoding}: {error}");
    }
}

#[tokio::test]
async fn what_grows_when_compressed_is_measured_decoded() {
    // Nothing in it repeats, so that gzip makes it longer than the limit.
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    let file: Vec<u8> = noise.take(1000).collect();
    let body = gzip(&file);
    assert!(body.len() > file.len());
    let (_server, network) = encoding_server("gzip", body).await;
    let got = fetch(&fetcher(|_| {}, &network), "http://files.example/a", 1000)
        .await
        .unwrap();
    assert_eq!(got.file.read_all().unwrap(), file);
}

#[tokio::test]
async fn a_bomb_is_given_up_at_the_limit() {
    for (encoding, body) in [("gzip", gzip(&vec![0; 8 << 20])), ("deflate", zlib(&vec![0; 8 << 20]))] {
        assert!(body.len() < 100_000);
        let (_server, network) = encoding_server(encoding, body).await;
        let fetcher = fetcher(|_| {}, &network);
        let error = fetch(&fetcher, "http://files.example/bomb", 1_000_000)
            .await
            .unwrap_err();
        let FetchError::TooLarge { actual_bytes, .. } = error else {
            panic!("{error}")
        };
        // One step more than the limit, not the whole.
        assert!(actual_bytes < 2_000_000, "{actual_bytes}");
    }
}

#[tokio::test]
async fn a_compressed_answer_that_is_cut_off_is_no_file() {
    let file = b"a picture that is longer than nothing".repeat(20);
    for (encoding, body) in [
        ("gzip", gzip(&file)),
        ("deflate", zlib(&file)),
        ("deflate", deflate(&file)),
    ] {
        let (_server, network) = encoding_server(encoding, body[..body.len() - 5].to_vec()).await;
        let error = refusal(&fetcher(|_| {}, &network), "http://files.example/a").await;
        assert!(error.ends_with("ERR_INVALID_RESP 0"), "{encoding}: {error}");
    }
}

#[tokio::test]
async fn nobody_who_is_slow_is_waited_for() {
    let (_server, network) = public_server(|request| {
        assert!(request.starts_with("GET"));
        None
    })
    .await;
    let fetcher = fetcher(|config| config.timeout = "200ms".parse::<Period>().unwrap(), &network);
    let error = refusal(&fetcher, "http://files.example/").await;
    assert_eq!(error, "Error in loading http://files.example/ - ERR_READ_TIMEOUT 0");
}

#[tokio::test]
async fn fetching_can_be_switched_off() {
    let (server, network) = public_server(|_| Some(answer("200 OK", "", b"picture"))).await;
    let fetcher = fetcher(|config| config.enabled = false, &network);
    assert!(matches!(
        fetch(&fetcher, "http://files.example/", 1000).await,
        Err(FetchError::Disabled)
    ));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn five_redirects_are_followed_and_a_sixth_is_not() {
    let (_server, network) = public_server(|request| {
        let left: u32 = request.split(['/', ' ']).nth(2).unwrap().parse().unwrap();
        Some(match left {
            0 => answer("200 OK", "", b"picture"),
            _ => answer("301 Moved Permanently", &format!("Location: {}\r\n", left - 1), b""),
        })
    })
    .await;
    let fetcher = fetcher(|_| {}, &network);
    let got = fetch(&fetcher, "http://files.example/5", 1000).await.unwrap();
    assert_eq!(got.final_url, "http://files.example/0");
    assert_eq!(got.file_name.as_deref(), Some("5"));
    assert!(
        refusal(&fetcher, "http://files.example/6")
            .await
            .ends_with("too many redirects")
    );
}

#[tokio::test]
async fn a_password_goes_to_its_own_host_alone_and_into_no_error() {
    let (server, network) = public_server(|request| {
        Some(if request.contains("other.example") {
            answer("403 Forbidden", "", b"")
        } else if request.contains("GET /first") {
            answer("302 Found", "Location: /second\r\n", b"")
        } else {
            answer("302 Found", "Location: http://me:mine@other.example/\r\n", b"")
        })
    })
    .await;
    network.name("other.example", &[&[PUBLIC]]);
    let fetcher = fetcher(|_| {}, &network);
    let error = refusal(&fetcher, "http://user:hush@files.example/first").await;
    assert_eq!(error, "Error in loading http://files.example/first - 403 Forbidden");
    let carries: Vec<bool> = server
        .requests()
        .iter()
        .map(|r| r.contains("Basic dXNlcjpodXNo"))
        .collect();
    assert_eq!(carries, [true, true, false]);
    assert!(
        !server
            .requests()
            .last()
            .unwrap()
            .to_ascii_lowercase()
            .contains("authorization")
    );
}

/// A server on this machine that must not be reached; it counts who does.
struct Canary {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Canary {
    async fn start() -> Self {
        let v4 = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = v4.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let v6 = TcpListener::bind(("::1", port)).await.ok();
        for listener in [Some(v4), v6].into_iter().flatten() {
            let connections = Arc::clone(&connections);
            tokio::spawn(async move {
                while listener.accept().await.is_ok() {
                    connections.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self { port, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Ways to write this machine's own address, and what leads to it.
fn ways_home(port: u16) -> BTreeSet<String> {
    let mut hosts: Vec<String> = Vec::new();
    for first in ["127", "0x7f", "0X7F", "0177", "000177"] {
        for last in ["1", "0x1", "01", "1."] {
            for between in [".", ".0.", ".0.0.", ".0x0.00."] {
                hosts.push(format!("{first}{between}{last}"));
            }
        }
    }
    let others = "2130706433 0x7f000001 017700000001 2130706433. 0 0x0 00 0.0.0.0 0.0 127.0.0.2 127.255.255.254 localhost \
                  LOCALHOST LocalHost localhost. l%6Fcalhost ｌocalhost [::1] [::] [0:0:0:0:0:0:0:1] [0000::0001] \
                  [::ffff:127.0.0.1] [::FFFF:7f00:1] [::127.0.0.1] [::7f00:1] [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] \
                  [64:ff9b:1::7f00:1] [2002:7f00:1::] [fe80::1] [fc00::1] 127。0。0。1 127．0．0．1 １２７.０.０.１ ①②⑦.⓪.⓪.① \
                  %31%32%37.0.0.1 127.0.0.%31 %30 127%2e0%2e0%2e1 user@127.0.0.1 user:pass@127.0.0.1 8.8.8.8@127.0.0.1 \
                  files.example@127.0.0.1 files.example:80@127.0.0.1 files.example%2f@127.0.0.1 @127.0.0.1 @[::1] \
                  home.example mixed.example mapped.example";
    hosts.extend(others.split_whitespace().map(ToOwned::to_owned));
    let mut urls: BTreeSet<String> = hosts.iter().map(|host| format!("http://{host}:{port}/a.png")).collect();
    for odd in [
        "http:127.0.0.1",
        "http:/127.0.0.1",
        "http:///127.0.0.1",
        "http:\\\\127.0.0.1",
        "HTTP://127.0.0.1",
    ] {
        urls.insert(format!("{odd}:{port}/"));
    }
    for odd in [
        "http://127.0.0.1\t",
        "ht\ntp://127.0.0.1",
        " http://127.0.0.1",
        "https://127.0.0.1",
        "ftp://127.0.0.1",
    ] {
        urls.insert(format!("{odd}:{port}/"));
    }
    urls.insert(format!("http://127.0.0.1:{port}#@files.example/"));
    urls.insert(format!("http://127.0.0.1:{port}?@files.example/"));
    urls.insert(format!("http://127.0.0.1:{port}\\@files.example/"));
    urls.insert(format!("http://home.example:{port}#@files.example/"));
    urls
}

fn with_ways_home(network: &TestNetwork) {
    network.name("home.example", &[&["127.0.0.1"]]);
    network.name("mixed.example", &[&[PUBLIC, "127.0.0.1"]]);
    network.name("mapped.example", &[&["::ffff:127.0.0.1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_url_leads_into_our_own_network() {
    let canary = Canary::start().await;
    let network = Arc::new(TestNetwork::default());
    with_ways_home(&network);
    let fetcher = fetcher(|_| {}, &network);
    let ways = ways_home(canary.port);
    assert!(ways.len() >= 100, "{}", ways.len());
    for url in ways {
        assert!(fetch(&fetcher, &url, 1000).await.is_err(), "{url}");
    }
    assert_eq!(network.connected(), [], "no connection was even begun");
    assert_eq!(canary.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_redirect_leads_into_our_own_network() {
    let canary = Canary::start().await;
    let to = Arc::new(Mutex::new(String::new()));
    let (server, network) = public_server({
        let to = Arc::clone(&to);
        move |_| {
            Some(answer(
                "302 Found",
                &format!("Location: {}\r\n", to.lock().unwrap()),
                b"",
            ))
        }
    })
    .await;
    with_ways_home(&network);
    let fetcher = fetcher(|_| {}, &network);
    let ways = ways_home(canary.port);
    for way in &ways {
        way.clone_into(&mut to.lock().unwrap());
        let error = refusal(&fetcher, "http://files.example/").await;
        assert!(
            error.starts_with("Error in loading http://files.example/ - "),
            "{way}: {error}"
        );
    }
    let public = format!("{PUBLIC}:80").parse().unwrap();
    assert!(network.connected().iter().all(|address| *address == public));
    assert!(server.requests().len() >= 100);
    assert_eq!(canary.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_changes_its_address_is_asked_once_and_stays_where_it_was() {
    let canary = Canary::start().await;
    let (_server, network) = public_server(|_| Some(answer("200 OK", "", b"public"))).await;
    network.name("rebind.example", &[&[PUBLIC], &["127.0.0.1"]]);
    let fetcher = fetcher(|_| {}, &network);
    let url = format!("http://rebind.example:{}/", canary.port);
    let got = fetch(&fetcher, &url, 1000).await.unwrap();
    assert_eq!(got.file.read_all().unwrap(), b"public");
    assert!(refusal(&fetcher, &url).await.ends_with("address is not allowed"));
    assert_eq!(canary.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_host_may_be_private_at_its_own_port_only() {
    let server = CannedServer::start(|_| Some(answer("200 OK", "", b"private"))).await;
    let canary = Canary::start().await;
    let network = Arc::new(TestNetwork::default());
    network.name("inside.example", &[&["127.0.0.1"]]);
    let allow = vec![
        server.address.to_string(),
        format!("inside.example:{}", server.address.port()),
    ];
    let fetcher = fetcher(|config| config.allow = allow, &network);
    for host in ["127.0.0.1", "127.1", "INSIDE.example"] {
        let url = format!("http://{host}:{}/", server.address.port());
        assert_eq!(fetch(&fetcher, &url, 1000).await.unwrap().file.len_bytes(), 7, "{url}");
        let other_port = format!("http://{host}:{}/", canary.port);
        assert!(refusal(&fetcher, &other_port).await.ends_with("address is not allowed"));
    }
    let by_another_name = format!("http://localhost:{}/", server.address.port());
    assert!(
        refusal(&fetcher, &by_another_name)
            .await
            .ends_with("address is not allowed")
    );
    assert_eq!(canary.connections(), 0);
}
