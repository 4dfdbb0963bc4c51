//! A proxy that does to requests, and to their answers, what networks and busy servers do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::RwLock;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The answer comes after so long.
    Delay(Duration),
    /// The connection is reset when the head has come.
    ResetBeforeBody,
    /// The connection is reset when half of the body has come.
    ResetInBody,
    /// The connection is reset when the whole request has come; nobody else hears of it.
    ResetAfterBody,
    /// No answer: the proxy has closed its side when the request has come.
    HalfClose,
    /// The answer breaks off in its middle.
    Truncated,
    /// A 200 that is no JSON.
    Garbage,
    /// A 200 with this JSON, which is a lie: the request is not forwarded.
    Lie(&'static str),
    /// Bytes that are no HTTP.
    Noise,
    /// This status instead of an answer; nobody else hears of the request.
    Status(u16),
    /// A 420 that asks for patience, in seconds.
    BusyFor(u64),
    /// Everything is done, and the connection is reset instead of an answer.
    AnswerLost,
    /// An answer of success, but what it says is done is undone (by [`FaultProxy`]'s `undo`) before it comes.
    NotStored,
    /// The answer comes byte by byte.
    SlowDrip,
}

const REFUSAL: &str = "{\"error\":{\"message\":\"injected\"}}";

/// Undoes what an answer says was done.
pub(crate) type Undo = Arc<dyn Fn(String) -> futures_util::future::BoxFuture<'static, ()> + Send + Sync>;

/// Stands before `upstream`. A fault meets requests whose head contains `aim`, so often.
pub(crate) struct FaultProxy {
    pub(crate) port: u16,
    plan: Arc<Mutex<Plan>>,
    /// Read by every request that may undo something.
    undoing: Arc<RwLock<()>>,
}

#[derive(Debug, Default)]
struct Plan {
    fault: Option<Fault>,
    aim: &'static str,
    times: usize,
    met: usize,
}

impl FaultProxy {
    pub(crate) async fn start(upstream: SocketAddr, undo: Undo) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let undoing = Arc::new(RwLock::new(()));
        let shared = (Arc::clone(&plan), Arc::clone(&undoing));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let ((plan, undoing), undo) = (shared.clone(), Arc::clone(&undo));
                tokio::spawn(async move { serve(stream, upstream, &plan, &undoing, &undo).await });
            }
        });
        Self { port, plan, undoing }
    }

    /// From now on the next `times` requests whose head contains `aim` meet `fault`.
    pub(crate) fn inject(&self, fault: Fault, aim: &'static str, times: usize) {
        *self.plan.lock().unwrap() = Plan {
            fault: Some(fault),
            aim,
            times,
            met: 0,
        };
    }

    /// How many requests have met the fault so far.
    pub(crate) fn met(&self) -> usize {
        self.plan.lock().unwrap().met
    }

    /// From now on everything passes, and nothing is undone any more: a request that nobody waits for would undo what comes later.
    /// Returns how many requests met the fault.
    pub(crate) async fn relent(&self) -> usize {
        let met = std::mem::take(&mut *self.plan.lock().unwrap()).met;
        let _nothing_is_undone = self.undoing.write().await;
        met
    }
}

/// Requests of one connection. An error of either side ends it.
async fn serve(
    mut client: TcpStream,
    upstream: SocketAddr,
    plan: &Mutex<Plan>,
    undoing: &RwLock<()>,
    undo: &Undo,
) -> Option<()> {
    let mut ahead = Vec::new();
    loop {
        let head = read_head(&mut client, &mut ahead).await?;
        let may_undo = undoing.read().await;
        let fault = {
            let mut plan = plan.lock().unwrap();
            let meets = plan.times > 0 && head.contains(plan.aim);
            let fault = plan.fault.filter(|_| meets);
            if fault.is_some() {
                plan.times -= 1;
                plan.met += 1;
            }
            fault
        };
        let _until_it_is_undone = (fault == Some(Fault::NotStored)).then_some(may_undo);
        let length = content_length(&head);
        let request = match fault {
            Some(Fault::ResetBeforeBody) => return reset(&client),
            Some(Fault::ResetInBody) => {
                read_body(&mut client, &mut ahead, length / 2).await?;
                return reset(&client);
            }
            _ => [head.as_bytes(), &read_body(&mut client, &mut ahead, length).await?].concat(),
        };
        match fault {
            Some(Fault::ResetAfterBody) => return reset(&client),
            Some(Fault::HalfClose) => {
                client.shutdown().await.ok()?;
                client.read_to_end(&mut Vec::new()).await.ok()?;
                return None;
            }
            Some(Fault::Garbage) => client.write_all(&answer(200, "", "<html>hello")).await.ok()?,
            Some(Fault::Lie(body)) => client.write_all(&answer(200, "", body)).await.ok()?,
            Some(Fault::Noise) => return client.write_all(b"\0\x01\x02 no HTTP at all\r\n\r\n").await.ok(),
            Some(Fault::Status(status)) => {
                client.write_all(&answer(status, "", REFUSAL)).await.ok()?;
            }
            Some(Fault::BusyFor(seconds)) => {
                let header = format!("Retry-After: {seconds}\r\n");
                client.write_all(&answer(420, &header, REFUSAL)).await.ok()?;
            }
            _ => {
                let answer = forward(upstream, &request).await?;
                pass_on(&mut client, &answer, fault, undo).await?;
            }
        }
    }
}

/// Gives the answer of the other side to the client, or what the fault leaves of it.
async fn pass_on(client: &mut TcpStream, answer: &[u8], fault: Option<Fault>, undo: &Undo) -> Option<()> {
    match fault {
        Some(Fault::AnswerLost) => return reset(client),
        Some(Fault::Truncated) => {
            client.write_all(&answer[..answer.len() - 30]).await.ok()?;
            return None;
        }
        Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
        Some(Fault::NotStored) => undo(String::from_utf8_lossy(answer).into_owned()).await,
        Some(Fault::SlowDrip) => {
            for byte in answer {
                client.write_all(&[*byte]).await.ok()?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            return None;
        }
        _ => {}
    }
    client.write_all(answer).await.ok()
}

fn reset(client: &TcpStream) -> Option<()> {
    client.set_zero_linger().unwrap();
    None
}

async fn read_head(client: &mut TcpStream, ahead: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = ahead.windows(4).position(|four| four == b"\r\n\r\n") {
            let head: Vec<u8> = ahead.drain(..end + 4).collect();
            return Some(String::from_utf8(head).unwrap());
        }
        if client.read_buf(ahead).await.ok()? == 0 {
            return None;
        }
    }
}

async fn read_body(client: &mut TcpStream, ahead: &mut Vec<u8>, length: usize) -> Option<Vec<u8>> {
    while ahead.len() < length {
        if client.read_buf(ahead).await.ok()? == 0 {
            return None;
        }
    }
    Some(ahead.drain(..length).collect())
}

fn content_length(head: &str) -> usize {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().map_or(0, |(_, value)| value.parse().unwrap())
}

/// The whole answer of the other side; the connection is used once.
async fn forward(upstream: SocketAddr, request: &[u8]) -> Option<Vec<u8>> {
    let mut other = TcpStream::connect(upstream).await.ok()?;
    other.write_all(request).await.ok()?;
    let is_head = request.starts_with(b"HEAD");
    let mut ahead = Vec::new();
    let head = read_head(&mut other, &mut ahead).await?;
    let length = if is_head { 0 } else { content_length(&head) };
    let body = read_body(&mut other, &mut ahead, length).await?;
    Some([head.as_bytes(), &body].concat())
}

fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Injected\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n");
    format!("{head}{headers}\r\n{body}").into_bytes()
}
