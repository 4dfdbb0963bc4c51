//! A server on this machine that gives prepared answers, and a network in which names and addresses lead to it.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use visage::fetch::{Network, SystemNetwork};

/// What the server answers to a request's head and body; nothing at all leaves the client waiting.
pub(crate) type Answerer = dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync;

pub(crate) struct CannedServer {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl CannedServer {
    pub(crate) async fn start(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let answer: Arc<Answerer> = Arc::new(answer);
        tokio::spawn(serve(listener, Arc::clone(&requests), answer));
        Self { address, requests }
    }

    /// The requests so far, head and body, as text.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(listener: TcpListener, requests: Arc<Mutex<Vec<String>>>, answer: Arc<Answerer>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (requests, answer) = (Arc::clone(&requests), Arc::clone(&answer));
        tokio::spawn(async move {
            let request = read_request(&mut stream).await;
            requests.lock().unwrap().push(request.clone());
            match answer(&request) {
                Some(answer) => drop(stream.write_all(&answer).await),
                None => std::future::pending().await,
            }
        });
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    loop {
        let come = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = come.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return come;
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return come,
            Ok(read) => text.extend_from_slice(&piece[..read]),
        }
    }
}

/// A whole answer with a length.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Names that change their addresses, and public addresses that lead to a server of the test. Everything else is real.
#[derive(Debug, Default)]
pub(crate) struct TestNetwork {
    names: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    servers: Mutex<HashMap<IpAddr, SocketAddr>>,
    connected: Mutex<Vec<SocketAddr>>,
}

impl TestNetwork {
    /// Every look-up of `name` gives the next of `answers`; the last one stays.
    pub(crate) fn name(&self, name: &str, answers: &[&[&str]]) {
        let answers = answers.iter().map(|a| a.iter().map(|ip| ip.parse().unwrap()).collect());
        self.names.lock().unwrap().insert(name.to_owned(), answers.collect());
    }

    pub(crate) fn lead(&self, public: &str, to: SocketAddr) {
        self.servers.lock().unwrap().insert(public.parse().unwrap(), to);
    }

    pub(crate) fn connected(&self) -> Vec<SocketAddr> {
        self.connected.lock().unwrap().clone()
    }
}

#[async_trait]
impl Network for TestNetwork {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        if let Some(answers) = self.names.lock().unwrap().get_mut(host) {
            let next = answers.front().unwrap().clone();
            if answers.len() > 1 {
                answers.pop_front();
            }
            return Ok(next);
        }
        if host.trim_end_matches('.').eq_ignore_ascii_case("localhost") {
            return SystemNetwork.resolve(host).await;
        }
        Err(io::Error::other("no such name"))
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.connected.lock().unwrap().push(address);
        let led = self.servers.lock().unwrap().get(&address.ip()).copied();
        SystemNetwork.connect(led.unwrap_or(address)).await
    }
}
