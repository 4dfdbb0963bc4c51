//! What happens around every request.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tracing::Instrument as _;

use super::error::Cause;
use crate::app::App;

/// How long an unread body is read on in all, and how long its sender may pause.
const DRAIN_TIME: Duration = Duration::from_secs(20);
const DRAIN_PAUSE: Duration = Duration::from_secs(1);

/// What a page may do, by `Access-Control-Allow-Methods`.
const ANY_METHOD: &str = "GET,POST,PUT,DELETE,OPTIONS";
const READING: &str = "GET,HEAD,OPTIONS";

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request an id and a span, times it, and logs its end: the one place that does.
pub(super) async fn trace(request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("-", MatchedPath::as_str)
        .to_owned();
    let span = tracing::info_span!("request", id, %method, path);
    let begun = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    let duration = begun.elapsed();
    metrics::histogram!("visage_http_request_seconds", "route" => route.clone()).record(duration.as_secs_f64());
    metrics::counter!("visage_http_requests", "route" => route, "status" => status.as_str().to_owned()).increment(1);
    let _entered = span.entered();
    #[allow(clippy::cast_possible_truncation, reason = "no request takes that long")]
    let duration_ms = duration.as_millis() as u64;
    let status = status.as_u16();
    if let Some(cause) = response.extensions_mut().remove::<Cause>() {
        tracing::error!(status, duration_ms, cause = &*cause.0, "request failed");
    } else {
        tracing::info!(status, duration_ms, "request");
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The id that the request came with, when it is harmless, or a new one.
pub(super) fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let harmless = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    given
        .filter(harmless)
        .map_or_else(|| format!("{:016x}", rand::random::<u64>()), str::to_owned)
}

/// The same response, which holds `guard` until it is sent or given up.
pub(super) fn guarded(response: Response, guard: impl Send + Unpin + 'static) -> Response {
    response.map(|body| guarded_body(body, guard))
}

/// The same body, which holds `guard` until it is sent or given up.
pub(super) fn guarded_body(body: Body, guard: impl Send + Unpin + 'static) -> Body {
    Body::new(GuardedBody { body, _guard: guard })
}

/// When a request is answered before its body was read, reads on for a while: a browser that is still sending would
/// otherwise see a reset connection and not the answer. Whoever sends nothing more gets the answer at once.
pub(super) async fn drain(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let shared = SharedBody::new(body);
    let rest = shared.clone();
    let response = next.run(Request::from_parts(parts, Body::new(shared))).await;
    read_on(rest, app.config.limits.drain_bytes).await;
    response
}

/// Reads the rest of a body for a while, `max_bytes` of it at most.
pub(super) async fn read_on(mut rest: SharedBody, max_bytes: u64) {
    let mut room = max_bytes;
    let end = Instant::now() + DRAIN_TIME;
    while Instant::now() < end {
        let Ok(Some(Ok(frame))) = tokio::time::timeout(DRAIN_PAUSE, rest.frame()).await else {
            break;
        };
        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
        if length > room {
            break;
        }
        room -= length;
    }
}

/// A body that holds something until it is sent.
struct GuardedBody<G> {
    body: Body,
    _guard: G,
}

impl<G: Unpin> HttpBody for GuardedBody<G> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request's body, which the handler reads first and [`read_on`] reads on.
#[derive(Clone)]
pub(super) struct SharedBody(Arc<Mutex<Body>>);

impl SharedBody {
    pub(super) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }
}

impl HttpBody for SharedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}

/// Headers that every answer carries.
pub(super) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'; sandbox",
        ));
    headers
        .entry(header::REFERRER_POLICY)
        .or_insert(HeaderValue::from_static("no-referrer"));
    // Pages of other origins show the images: `same-origin` would blank every avatar.
    headers
        .entry(HeaderName::from_static("cross-origin-resource-policy"))
        .or_insert(HeaderValue::from_static("cross-origin"));
    // An answer to one user must not be shown to another, and a changed profile must be seen at once.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Routes outside of Cloudinary's API and of delivery that every page may read: what they answer is public.
const PUBLIC_ROUTES: [&str; 3] = ["/health", "/api/docs/openapi.json", "/api/users/{id}/profile-image"];

/// Lets the configured pages call the API, as the contract has it. It is outside of everything that may refuse a request,
/// so that a page can read refusals.
pub(super) async fn cors(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/v1_1/") {
        return open_cors(request, next, ANY_METHOD).await;
    }
    let route = request.extensions().get::<MatchedPath>();
    if route.is_some_and(|route| PUBLIC_ROUTES.contains(&route.as_str())) {
        return open_cors(request, next, READING).await;
    }
    if !path.starts_with("/api/") {
        return next.run(request).await;
    }
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = origin.filter(|origin| {
        app.config
            .cors
            .origins
            .iter()
            .any(|o| o == "*" || o.as_bytes() == origin.as_bytes())
    });
    let preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if preflight {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        if preflight {
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static(ANY_METHOD),
            );
            let allowed_headers = HeaderValue::from_static("Content-Type,Authorization");
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed_headers);
        }
    }
    response
}

/// Lets every page call Cloudinary's API, as Cloudinary does, and read what is public: what a caller may do is decided by the
/// signature or the preset, and no cookie counts there.
async fn open_cors(request: Request, next: Next, methods: &'static str) -> Response {
    let preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if preflight {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if preflight {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        let allowed = "Authorization,Content-Range,Content-Type,X-Requested-With,X-Unique-Upload-Id";
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
    }
    response
}
