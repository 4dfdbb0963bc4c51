//! Which connections are served, how long they may be silent, and which give way to others.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1::Builder;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpStream;

use crate::config::HttpConfig;
use crate::shares::{Bounds, Client, Refusal, Share, Shares};

/// Largest head of a request; also what one connection may hold in memory before it is a request.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Connections that are kept back for when all others are busy: a sixteenth, at most so many.
const MAX_RESERVE: usize = 64;

/// How long a connection of the reserve may take to send its only request's head.
const BRIEF_HEADER_TIMEOUT: Duration = Duration::from_secs(2);

const CLIENT_HAS_ITS_SHARE: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nConnection: close\r\n\
    Content-Type: application/json\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 92\r\n\r\n\
    {\"message\":\"Too many connections from your address are open.\",\"code\":\"too_many_connections\"}";

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: close\r\n\
    Content-Type: application/json\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 71\r\n\r\n\
    {\"message\":\"The server is busy. Please try again.\",\"code\":\"overloaded\"}";

/// The places of a server's connections.
#[derive(Debug)]
pub(super) struct Connections {
    usual: Shares,
    reserve: Shares,
    trust_forwarded_for: bool,
    usual_builder: Builder,
    brief_builder: Builder,
}

/// A connection that is served.
#[derive(Debug, Clone)]
pub(super) struct Admitted {
    pub(super) place: Arc<Share>,
    /// Whether it is one of the reserve, for one request without a body.
    pub(super) is_brief: bool,
}

impl Connections {
    pub(super) fn new(config: &HttpConfig) -> Self {
        let reserve = (config.connections / 16).min(MAX_RESERVE);
        let usual = Bounds {
            total: config.connections - reserve,
            per_client: config.connections_per_address,
            waiting_per_client: config.heads_per_address,
        };
        // A quarter for one client.
        let per_client = reserve.div_ceil(4);
        let reserve = Bounds {
            total: reserve,
            per_client,
            waiting_per_client: per_client,
        };
        let header_timeout = config.header_timeout.as_duration();
        let mut brief_builder = builder(header_timeout.min(BRIEF_HEADER_TIMEOUT));
        brief_builder.keep_alive(false);
        Self {
            usual: Shares::new(usual),
            reserve: Shares::new(reserve),
            trust_forwarded_for: config.trust_forwarded_for,
            usual_builder: builder(header_timeout),
            brief_builder,
        }
    }

    /// A place for a connection of `peer`.
    ///
    /// # Errors
    /// See [`Refusal`]
    pub(super) fn admit(&self, peer: SocketAddr) -> Result<Admitted, Refusal> {
        let client = if self.trust_forwarded_for {
            Client::proxy(peer.ip())
        } else {
            Client::at(peer.ip())
        };
        let (place, is_brief) = match self.usual.take_waiting_or_own(client) {
            Err(Refusal::Full) => (self.reserve.take_waiting_or_own(client)?, true),
            place => (place?, false),
        };
        Ok(Admitted {
            place: Arc::new(place),
            is_brief,
        })
    }

    pub(super) fn builder(&self, admitted: &Admitted) -> &Builder {
        if admitted.is_brief {
            &self.brief_builder
        } else {
            &self.usual_builder
        }
    }
}

fn builder(header_timeout: Duration) -> Builder {
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        // A client that has said all may close its side and wait (RFC 9112, 9.6); one that is gone is noticed by the answer.
        .half_close(true)
        .max_buf_size(MAX_HEAD_BYTES);
    builder
}

/// Answers a connection that has no place. It is not waited for: what does not fit into the system's buffer is not sent.
pub(super) fn refuse(stream: TcpStream, refusal: Refusal) {
    let answer = match refusal {
        Refusal::ClientHasItsShare => CLIENT_HAS_ITS_SHARE,
        Refusal::Full => FULL,
    };
    let sent = stream.into_std().and_then(|mut stream| stream.write_all(answer));
    if let Err(error) = sent {
        tracing::debug!(error = %error, "failed to refuse a connection");
    }
}

/// A connection that has a request to answer, until this is dropped.
pub(super) struct Busy(Arc<Share>);

impl Busy {
    pub(super) fn new(place: &Arc<Share>) -> Self {
        place.keep();
        Self(Arc::clone(place))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(total: usize) -> Connections {
        Connections::new(&HttpConfig {
            connections: total,
            connections_per_address: 4,
            heads_per_address: 2,
            ..HttpConfig::default()
        })
    }

    fn peer(n: u8) -> SocketAddr {
        ([192, 0, 2, n], 1).into()
    }

    #[test]
    fn refusals_are_as_long_as_they_say() {
        for answer in [CLIENT_HAS_ITS_SHARE, FULL] {
            let (head, body) = std::str::from_utf8(answer).unwrap().split_once("\r\n\r\n").unwrap();
            assert!(
                head.ends_with(&format!("Content-Length: {}", body.len())),
                "{} {head}",
                body.len()
            );
            serde_json::from_str::<serde_json::Value>(body).unwrap();
        }
    }

    #[test]
    fn connection_of_the_reserve_is_served_when_all_others_are_busy() {
        let connections = connections(16);
        let busy: Vec<_> = (0..15)
            .map(|n| {
                let admitted = connections.admit(peer(n)).unwrap();
                admitted.place.keep();
                admitted
            })
            .collect();
        assert!(busy.iter().all(|admitted| !admitted.is_brief));
        let brief = connections.admit(peer(100)).unwrap();
        assert!(brief.is_brief);
        brief.place.keep();
        assert_eq!(connections.admit(peer(101)).unwrap_err(), Refusal::Full);
        busy[0].place.wait();
        assert!(!connections.admit(peer(102)).unwrap().is_brief);
    }

    #[test]
    fn address_with_its_share_of_busy_connections_is_refused() {
        let connections = connections(64);
        let held: Vec<_> = (0..4)
            .map(|_| {
                let admitted = connections.admit(peer(1)).unwrap();
                admitted.place.keep();
                admitted
            })
            .collect();
        assert_eq!(connections.admit(peer(1)).unwrap_err(), Refusal::ClientHasItsShare);
        assert!(connections.admit(peer(2)).is_ok());
        drop(held);
        assert!(connections.admit(peer(1)).is_ok());
    }
}
