//! The front of the server: answers again what was just answered, and hands everything else to the router.
//!
//! What is kept here are whole answers to `GET`s of public images, under the exact path and what `Accept` says. An answer is used
//! until something it depends on changes ([`crate::library::changes`]), and for [`MAX_AGE`] at most: after that it is made anew
//! from the catalog, should an act of another process (`visage reap`) have been overlooked.
//!
//! The router's answer to a client that has the image already (304) makes a kept answer of the same bytes as good as new. Where
//! none is kept, what it says is kept without the bytes, for other clients that have the image.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use metrics::{Counter, Histogram};
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};
use visage_cloudinary::RequestFacts;

use super::delivery::{TOKEN_NAME, is_explanation};
use super::middleware::{REQUEST_ID, guarded_body, request_id};
use super::places::{Places, peer};
use super::router::router;
use super::routes::LenientRouter;
use crate::app::App;
use crate::library::changes::{Changes, Seen};
use crate::library::deliver::{Conditions, Validators, Verdict};

/// Larger answers are not kept: with them, writing the bytes is the work.
pub(super) const MAX_KEPT_BYTES: usize = 256 * 1024;

/// How long an answer may be unaware of what another process did in the same moment as this one.
const MAX_AGE: Duration = Duration::from_secs(1);

/// What a kept answer takes beside its body and its path: its headers, mostly.
const OVERHEAD_BYTES: usize = 2048;

/// The route that these requests have in the metrics.
const ROUTE: &str = "/{cloud}/{*path}";

/// The server, from a request's head to its answer.
#[derive(Debug)]
pub struct Front {
    app: Arc<App>,
    router: LenientRouter,
    places: Arc<Places>,
    kept: Cache<Asked, Arc<Kept>, ByBytes>,
    max_age: Duration,
    metrics: Metrics,
}

/// What a handler allows the front to keep; it travels in the response's extensions.
#[derive(Debug, Clone)]
pub(super) struct Keepable {
    pub(super) path: Box<str>,
    pub(super) facts: RequestFacts,
    pub(super) etag: Box<str>,
    pub(super) last_modified: Option<jiff::Timestamp>,
    /// `None` when the client has the image already.
    pub(super) body: Option<KeepableBody>,
    pub(super) seen: Seen,
}

impl Keepable {
    fn validators(&self) -> Validators<'_> {
        Validators {
            etag: &self.etag,
            last_modified: self.last_modified,
        }
    }
}

/// The bytes of a [`Keepable`] answer.
#[derive(Debug, Clone)]
pub(super) struct KeepableBody {
    pub(super) bytes: Bytes,
    /// Whether parts of them can be asked for; then a request with `Range` is not for the front.
    pub(super) has_parts: bool,
}

/// What an answer is kept under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked {
    facts: RequestFacts,
    path: Box<str>,
}

/// The same, borrowed from a request.
#[derive(Debug, Hash)]
struct AskedRef<'a> {
    facts: RequestFacts,
    path: &'a str,
}

impl Equivalent<Asked> for AskedRef<'_> {
    fn equivalent(&self, asked: &Asked) -> bool {
        self.facts == asked.facts && *self.path == *asked.path
    }
}

#[derive(Debug)]
struct Kept {
    headers: HeaderMap,
    /// Those of the answer to a client that has the image.
    headers_without_body: HeaderMap,
    answer: Keepable,
    made_at: Instant,
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<Asked, Arc<Kept>> for ByBytes {
    fn weight(&self, asked: &Asked, kept: &Arc<Kept>) -> u64 {
        let body_bytes = kept.answer.body.as_ref().map_or(0, |body| body.bytes.len());
        (body_bytes + 2 * asked.path.len() + OVERHEAD_BYTES) as u64
    }
}

/// Looked up once: doing it for each request would cost more than the answer.
struct Metrics {
    seconds: Histogram,
    whole: Counter,
    not_modified: Counter,
    from_memory: Counter,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Front {
    /// The front of `app`. Metrics must be recorded already, if they are to be.
    pub fn new(app: Arc<App>) -> Self {
        let places = Arc::new(Places::new(&app));
        let status =
            |status: &'static str| metrics::counter!("visage_http_requests", "route" => ROUTE, "status" => status);
        Self {
            router: router(Arc::clone(&app), Arc::clone(&places)),
            places,
            // The images themselves have the other half.
            kept: Cache::with_weighter(10_000, app.config.cache.hot_bytes / 2, ByBytes),
            max_age: MAX_AGE,
            metrics: Metrics {
                seconds: metrics::histogram!("visage_http_request_seconds", "route" => ROUTE),
                whole: status("200"),
                not_modified: status("304"),
                from_memory: metrics::counter!("visage_delivered_from", "source" => "memory"),
            },
            app,
        }
    }

    /// The same, with another time that answers are kept for.
    #[must_use]
    pub fn with_max_age(self, max_age: Duration) -> Self {
        Self { max_age, ..self }
    }

    /// Answers a request.
    pub async fn answer(&self, request: Request) -> Response {
        let peer = peer(request.extensions());
        match self.hot(request.method(), request.uri(), request.headers(), peer) {
            Some(response) => response,
            None => self.routed(request).await,
        }
    }

    /// The kept answer, when there is one that is good for this request of `peer`.
    pub fn hot(&self, method: &Method, uri: &Uri, request: &HeaderMap, peer: Option<IpAddr>) -> Option<Response> {
        let begun = Instant::now();
        if method != Method::GET || is_particular(uri, request) {
            return None;
        }
        let text = |name| request.get(name).and_then(|value| value.to_str().ok());
        let asked = AskedRef {
            facts: RequestFacts::from_accept(text(header::ACCEPT)),
            path: uri.path(),
        };
        let kept = self.kept.get(&asked)?;
        let has_parts = kept.answer.body.as_ref().is_none_or(|body| body.has_parts);
        if has_parts && request.contains_key(header::RANGE) {
            return None;
        }
        if !kept.is_good(&self.app.library.changes, begun, self.max_age) {
            // Not `remove`: a better one may have come meanwhile. What is made next takes its place.
            return None;
        }
        let mut response = match Conditions::of(request).verdict(kept.answer.validators()) {
            Verdict::NotModified => kept.not_modified(),
            Verdict::Send => {
                let body = kept.answer.body.as_ref()?;
                // An answer counts until its last byte is sent, as all others do; a full server says so as for all others.
                let place = self.places.take(request, peer)?;
                self.metrics.from_memory.increment(1);
                kept.whole(body, place)
            }
            // Refusals are the router's.
            Verdict::Failed => return None,
        };
        self.note(&begun, method, uri, request, &mut response);
        Some(response)
    }

    /// The router's answer; it is kept where its handler allows that.
    pub(super) async fn routed(&self, request: Request) -> Response {
        let mut response = self.router.answer(request).await;
        if let Some(answer) = response.extensions_mut().remove::<Keepable>() {
            self.keep(answer, response.headers());
        }
        response
    }

    /// Keeps an answer; one without bytes with those of the same image that are kept already.
    fn keep(&self, mut answer: Keepable, headers: &HeaderMap) {
        let asked = Asked {
            facts: answer.facts,
            path: answer.path.clone(),
        };
        if answer.body.is_none() {
            let before = self.kept.get(&asked).filter(|kept| kept.answer.etag == answer.etag);
            answer.body = before.and_then(|kept| kept.answer.body.clone());
        }
        self.kept.insert(asked, Arc::new(Kept::new(answer, headers)));
    }

    /// What [`super::middleware::trace`] does for all other requests.
    fn note(&self, begun: &Instant, method: &Method, uri: &Uri, request: &HeaderMap, response: &mut Response) {
        let id = request_id(request);
        let duration = begun.elapsed();
        let is_whole = response.status() == StatusCode::OK;
        let counter = if is_whole {
            &self.metrics.whole
        } else {
            &self.metrics.not_modified
        };
        counter.increment(1);
        self.metrics.seconds.record(duration.as_secs_f64());
        if tracing::enabled!(tracing::Level::INFO) {
            let _span = tracing::info_span!("request", id, %method, path = uri.path()).entered();
            #[allow(clippy::cast_possible_truncation, reason = "no request takes that long")]
            let duration_ms = duration.as_millis() as u64;
            tracing::info!(status = response.status().as_u16(), duration_ms, "request");
        }
        if let Ok(id) = HeaderValue::try_from(id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
    }
}

/// Whether the answer may depend on more than the path and `Accept`, or more than an answer is to be done.
fn is_particular(uri: &Uri, request: &HeaderMap) -> bool {
    let names_token = |bytes: &[u8]| {
        bytes
            .windows(TOKEN_NAME.len())
            .any(|part| part == TOKEN_NAME.as_bytes())
    };
    uri.query().is_some_and(|query| names_token(query.as_bytes()))
        || is_explanation(uri)
        || request
            .get_all(header::COOKIE)
            .iter()
            .any(|cookies| names_token(cookies.as_bytes()))
        // A body has to be read before the connection can be used again.
        || request.contains_key(header::CONTENT_LENGTH)
        || request.contains_key(header::TRANSFER_ENCODING)
}

impl Kept {
    fn new(answer: Keepable, headers: &HeaderMap) -> Self {
        let mut headers_without_body = headers.clone();
        headers_without_body.remove(REQUEST_ID);
        headers_without_body.remove(header::CONTENT_LENGTH);
        headers_without_body.remove(header::ACCEPT_RANGES);
        let mut headers = headers_without_body.clone();
        if let Some(body) = &answer.body {
            headers.insert(header::CONTENT_LENGTH, body.bytes.len().into());
            if body.has_parts {
                headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            }
        }
        Self {
            headers,
            headers_without_body,
            answer,
            made_at: Instant::now(),
        }
    }

    fn is_good(&self, changes: &Changes, now: Instant, max_age: Duration) -> bool {
        now.duration_since(self.made_at) < max_age && changes.are_current(&self.answer.seen)
    }

    fn whole(&self, body: &KeepableBody, guard: impl Send + Unpin + 'static) -> Response {
        let mut response = Response::new(guarded_body(Body::from(body.bytes.clone()), guard));
        response.headers_mut().clone_from(&self.headers);
        response
    }

    fn not_modified(&self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().clone_from(&self.headers_without_body);
        response
    }
}
