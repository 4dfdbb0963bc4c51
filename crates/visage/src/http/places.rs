//! Places among the requests that are worked on, and among those that are still arriving.
//!
//! A request takes a place when it has arrived whole. Until then it has a connection, perhaps a temporary file, and a place
//! among the bodies that arrive, which it gives up to others when these run out: a crowd that sends slowly, or not at all,
//! keeps out no sender.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;

use super::error::ApiError;
use super::middleware::{SharedBody, guarded, read_on};
use crate::app::App;
use crate::disk::DiskReserve;
use crate::shares::{Bounds, Client, Counted, Counter, Refusal, Share, Shares};

/// The places of a server's requests.
#[derive(Debug)]
pub(super) struct Places {
    requests: Counter,
    bodies: Shares,
    trust_forwarded_for: bool,
    disk: DiskReserve,
    drain_bytes: u64,
}

/// What arrives between two looks at the disk. Smaller bodies are texts, mostly, and are taken on a full disk, too; a small file
/// is refused when it is stored.
const BYTES_BETWEEN_LOOKS: u64 = 256 * 1024;

impl Places {
    pub(super) fn new(app: &App) -> Self {
        let config = &app.config.http;
        let bounds = |total, per_client| Bounds {
            total,
            per_client,
            waiting_per_client: per_client,
        };
        Self {
            requests: Counter::new(bounds(config.requests, config.requests_per_address)),
            // Half of the connections at most: while a body arrives, its connection cannot be pushed out.
            bodies: Shares::new(bounds(
                config.bodies.min(config.connections / 2).max(1),
                config.bodies_per_address,
            )),
            trust_forwarded_for: config.trust_forwarded_for,
            disk: app.library.disk_reserve.clone(),
            drain_bytes: app.config.limits.drain_bytes,
        }
    }

    /// A place among the requests that are worked on; `None` when the client, or the server, has no more.
    pub(super) fn take(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<Counted> {
        self.requests.take(self.client(headers, peer)).ok()
    }

    fn client(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Client {
        Client::at(address(headers, peer, self.trust_forwarded_for))
    }
}

/// Where a request comes from: what our own proxy says, or the other end of the connection.
pub(super) fn address(headers: &HeaderMap, peer: Option<IpAddr>, trust_forwarded_for: bool) -> IpAddr {
    let forwarded = trust_forwarded_for.then(|| forwarded_for(headers)).flatten();
    forwarded.or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// The last address of `X-Forwarded-For`: the one that our own proxy saw and wrote.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

/// The other end of the connection; `None` for requests that came over none.
pub(super) fn peer(extensions: &http::Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip())
}

/// Answers 429 or 503 at once when the client, or all together, have too many requests under way. An answer counts until its
/// last byte is sent.
pub(super) async fn bound(State(places): State<Arc<Places>>, request: Request, next: Next) -> Response {
    let client = places.client(request.headers(), peer(request.extensions()));
    let is_cloudinary = request.uri().path().starts_with("/v1_1/");
    let answered = if request.body().is_end_stream() {
        without_body(&places, client, request, next).await
    } else {
        with_body(&places, client, request, next).await
    };
    answered.unwrap_or_else(|refusal| {
        if is_cloudinary {
            refusal.into_cloudinary_response(true)
        } else {
            refusal.into_response()
        }
    })
}

async fn without_body(places: &Places, client: Client, request: Request, next: Next) -> Result<Response, ApiError> {
    let place = places.requests.take(client).map_err(refusal)?;
    Ok(guarded(next.run(request).await, place))
}

async fn with_body(places: &Places, client: Client, request: Request, next: Next) -> Result<Response, ApiError> {
    let body_place = places.bodies.take_waiting(client).map_err(refusal)?;
    let pushed_out = body_place.pushed_out();
    let arrival = Arc::new(Arrival {
        requests: places.requests.clone(),
        disk: places.disk.clone(),
        client,
        stage: Mutex::new(Stage::Arriving(body_place)),
        refused: Notify::new(),
    });
    let (parts, body) = request.into_parts();
    let body = SharedBody::new(body);
    let rest = body.clone();
    let body = AwaitedBody {
        body,
        unlooked_bytes: 0,
        arrival: Arc::clone(&arrival),
    };
    let request = Request::from_parts(parts, Body::new(body));
    let answered = tokio::select! {
        biased;
        () = arrival.is_pushed_out(pushed_out) => Err(ApiError::overloaded()),
        () = arrival.refused.notified() => Err(arrival.refusal()),
        response = next.run(request) => {
            arrival.keep();
            Ok(guarded(response, Arc::clone(&arrival)))
        }
    };
    if arrival.has_no_space() {
        // Who is still sending a large file would see a reset connection and not the answer.
        read_on(rest, places.drain_bytes).await;
    }
    answered
}

fn refusal(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::ClientHasItsShare => ApiError::too_many_at_once(),
        Refusal::Full => ApiError::overloaded(),
    }
}

/// A request with a body, and the place that it has.
struct Arrival {
    requests: Counter,
    disk: DiskReserve,
    client: Client,
    stage: Mutex<Stage>,
    refused: Notify,
}

enum Stage {
    /// The body is not complete, and others may need its place.
    Arriving(Share),
    /// It is, and the request has its place.
    Worked { _place: Counted },
    /// It is, and there was no place for the request.
    Refused(Refusal),
    /// It is not, and the disk has no room for more of it.
    NoSpace,
}

impl Arrival {
    /// The body is complete: from here on the request counts among those that are worked on.
    fn complete(&self) {
        let mut stage = self.stage();
        if !matches!(*stage, Stage::Arriving(_)) {
            return;
        }
        *stage = match self.requests.take(self.client) {
            Ok(place) => Stage::Worked { _place: place },
            Err(refusal) => {
                self.refused.notify_one();
                Stage::Refused(refusal)
            }
        };
    }

    /// More of the body has come: it may be on its way into a file.
    fn look_at_disk(&self) {
        if !self.disk.has_room_for_upload(0) {
            *self.stage() = Stage::NoSpace;
            self.refused.notify_one();
        }
    }

    /// Ends when the place was given to another client while the body was still arriving.
    async fn is_pushed_out(&self, pushed_out: impl Future<Output = ()>) {
        pushed_out.await;
        if !matches!(*self.stage(), Stage::Arriving(_)) {
            std::future::pending::<()>().await;
        }
    }

    /// The request is answered; if its body is not complete, its place remains that of a body until the answer is sent.
    fn keep(&self) {
        match &*self.stage() {
            Stage::Arriving(place) => place.keep(),
            Stage::Worked { .. } | Stage::Refused(_) | Stage::NoSpace => {}
        }
    }

    fn refusal(&self) -> ApiError {
        match *self.stage() {
            Stage::Refused(why) => refusal(why),
            Stage::NoSpace => ApiError::no_space(),
            Stage::Arriving(_) | Stage::Worked { .. } => ApiError::overloaded(),
        }
    }

    fn is_refused(&self) -> bool {
        matches!(*self.stage(), Stage::Refused(_) | Stage::NoSpace)
    }

    fn has_no_space(&self) -> bool {
        matches!(*self.stage(), Stage::NoSpace)
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that takes the request's place when it is complete. Without one it does not end: its reader is dropped.
struct AwaitedBody {
    body: SharedBody,
    unlooked_bytes: u64,
    arrival: Arc<Arrival>,
}

impl HttpBody for AwaitedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        self.unlooked_bytes += data.map_or(0, Bytes::len) as u64;
        if self.unlooked_bytes >= BYTES_BETWEEN_LOOKS {
            self.unlooked_bytes = 0;
            self.arrival.look_at_disk();
        }
        if frame.is_none() || self.body.is_end_stream() {
            self.arrival.complete();
        }
        if self.arrival.is_refused() {
            return Poll::Pending;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
