//! One request to an address that somebody else chose: nobody is sent into our own network.
//!
//! The name is resolved once, every address it has is checked, and the connection is made to one of those, by us: there
//! is no second look-up that could answer differently, no pool, no proxy, and redirects are the caller's business.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyStream, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;
use url::{Host, Url};

use super::address::is_public;
use super::network::Network;
use super::tls;

/// For finding an address, for connecting to one, and for agreeing on its encryption: each.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the other side may stay silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// How many of a name's addresses are tried.
const MAX_TRIES: usize = 4;

/// The largest head of an answer.
const MAX_HEAD_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 100;

/// Makes requests to hosts of the public internet, and to those that the settings allow.
#[derive(Debug)]
pub struct Outgoing {
    allowed: HashSet<(String, u16)>,
    network: Arc<dyn Network>,
    tls: OnceCell<Tls>,
}

/// Why there is no answer; the text goes behind `Error in loading <url> - `.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a URL.
    #[error("not a valid URL")]
    NotAUrl,
    /// Neither http nor https.
    #[error("only http and https URLs are supported")]
    Scheme,
    /// Not of the public internet.
    #[error("address is not allowed")]
    Address,
    /// The host's name has no address.
    #[error("ERR_DNS_FAIL 0")]
    Dns,
    /// Nothing listens there.
    #[error("ERR_CONNECT_FAIL 0")]
    Connect,
    /// No encryption that can be trusted.
    #[error("ERR_SECURE_CONNECT_FAIL 0")]
    Tls,
    /// It took too long.
    #[error("ERR_READ_TIMEOUT 0")]
    Timeout,
    /// The answer breaks HTTP's rules or our limits, or broke off.
    #[error("ERR_INVALID_RESP 0")]
    Answer,
    /// Compressed, but not as gzip or deflate.
    #[error("the answer is compressed in a way that is not supported; send it as it is, or as gzip")]
    Encoding,
    /// The answer is not the file.
    #[error("{0}")]
    Status(StatusCode),
    /// Too many redirects.
    #[error("too many redirects")]
    Redirects,
}

/// An answer whose body is still to come.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    body: Incoming,
    connection: AbortOnDropHandle<()>,
}

impl Outgoing {
    /// `allowed` hosts and ports, as [`parse_allowed`] gives them, may have any address.
    pub fn new(allowed: HashSet<(String, u16)>, network: Arc<dyn Network>) -> Self {
        Self {
            allowed,
            network,
            tls: OnceCell::new(),
        }
    }

    /// Sends one request. `head` has a method, headers and a body; where it goes is said by `url` alone.
    ///
    /// # Errors
    /// See [`Refusal`]
    pub async fn send(&self, url: &Url, request: Request<Full<Bytes>>) -> Result<Answer, Refusal> {
        let stream = self.connect(url).await?;
        let request = addressed(request, url)?;
        if url.scheme() == "http" {
            return exchange(stream, request).await;
        }
        let name = server_name(url)?;
        let Tls(tls) = self.tls.get_or_try_init(load_tls).await?;
        match timeout(CONNECT_TIMEOUT, tls.connect(name, stream)).await {
            Ok(Ok(stream)) => exchange(stream, request).await,
            Ok(Err(cause)) => {
                tracing::debug!(error = %cause, "no encryption");
                Err(Refusal::Tls)
            }
            Err(_elapsed) => Err(Refusal::Timeout),
        }
    }

    async fn connect(&self, url: &Url) -> Result<TcpStream, Refusal> {
        let addresses = self.addresses(url).await?;
        let mut last = Refusal::Dns;
        for address in addresses.into_iter().take(MAX_TRIES) {
            match timeout(CONNECT_TIMEOUT, self.network.connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(_refused)) => last = Refusal::Connect,
                Err(_elapsed) => last = Refusal::Timeout,
            }
        }
        Err(last)
    }

    /// The addresses of the URL's host: all of them are allowed, or none is used.
    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, Refusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme);
        }
        let port = url.port_or_known_default().ok_or(Refusal::NotAUrl)?;
        let addresses: Vec<IpAddr> = match url.host().ok_or(Refusal::NotAUrl)? {
            Host::Ipv4(address) => vec![address.into()],
            Host::Ipv6(address) => vec![address.into()],
            Host::Domain(name) => match timeout(CONNECT_TIMEOUT, self.network.resolve(name)).await {
                Ok(Ok(addresses)) => addresses,
                Ok(Err(_)) | Err(_) => return Err(Refusal::Dns),
            },
        };
        let allowed = url
            .host_str()
            .is_some_and(|host| self.allowed.contains(&(host.to_owned(), port)));
        if !allowed && !addresses.iter().copied().all(is_public) {
            return Err(Refusal::Address);
        }
        Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }
}

impl Answer {
    /// What the answer says about its size, in bytes.
    pub fn content_length(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH.as_str())?.parse().ok()
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body. It ends with an error when the other side is silent for too long.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, Refusal>> + Send + Unpin {
        let frames = Box::pin(BodyStream::new(self.body));
        let state = (frames, self.connection);
        Box::pin(futures_util::stream::try_unfold(
            state,
            async |(mut frames, connection)| {
                loop {
                    let Ok(frame) = timeout(IDLE_TIMEOUT, frames.try_next()).await else {
                        return Err(Refusal::Timeout);
                    };
                    let Some(frame) = frame.map_err(|_broke_off| Refusal::Answer)? else {
                        return Ok(None);
                    };
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some((data, (frames, connection))));
                    }
                }
            },
        ))
    }
}

/// Reads `host:port` of the setting; the host is written as URLs have it after parsing.
pub fn parse_allowed(entry: &str) -> Option<(String, u16)> {
    let (host, port) = entry.trim().rsplit_once(':')?;
    let host = Host::parse(host).ok()?;
    Some((host.to_string(), port.parse().ok()?))
}

/// The request with the target and the host that the URL names.
fn addressed(mut request: Request<Full<Bytes>>, url: &Url) -> Result<Request<Full<Bytes>>, Refusal> {
    let mut target = url.path().to_owned();
    if let Some(query) = url.query() {
        target.push('?');
        target.push_str(query);
    }
    *request.uri_mut() = target.parse().map_err(|_no_target| Refusal::NotAUrl)?;
    let host = url.host_str().unwrap_or_default();
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let host = HeaderValue::from_str(&host).map_err(|_no_header| Refusal::NotAUrl)?;
    request.headers_mut().insert(header::HOST, host);
    request
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, Refusal>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let broken = |cause: hyper::Error| {
        tracing::debug!(error = %cause, "no answer");
        Refusal::Answer
    };
    let builder = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .to_owned();
    let (mut sender, connection): (SendRequest<_>, _) =
        builder.handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let connection = AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(cause) = connection.await {
            tracing::debug!(error = %cause, "an outgoing connection failed");
        }
    }));
    let answer = timeout(IDLE_TIMEOUT, sender.send_request(request)).await;
    let answer = answer.map_err(|_elapsed| Refusal::Timeout)?.map_err(broken)?;
    let (head, body) = answer.into_parts();
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body,
        connection,
    })
}

/// The host as its certificate must name it.
fn server_name(url: &Url) -> Result<ServerName<'static>, Refusal> {
    match url.host().ok_or(Refusal::NotAUrl)? {
        Host::Ipv4(address) => Ok(ServerName::from(IpAddr::from(address))),
        Host::Ipv6(address) => Ok(ServerName::from(IpAddr::from(address))),
        Host::Domain(name) => ServerName::try_from(name.to_owned()).map_err(|_no_certificate_can_name_it| Refusal::Tls),
    }
}

struct Tls(TlsConnector);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

async fn load_tls() -> Result<Tls, Refusal> {
    let config = tls::client_config().await.ok_or(Refusal::Tls)?;
    Ok(Tls(TlsConnector::from(Arc::new(config))))
}
