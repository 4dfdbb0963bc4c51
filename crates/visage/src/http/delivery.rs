//! `GET /{cloud}/image/upload/…`: delivers assets in Cloudinary's URL language.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use visage_cloudinary::{DeliveryUrl, DeliveryUrlError, RequestFacts};

use super::error::ApiError;
use super::extract::ClientAddress;
use super::front::{Keepable, KeepableBody, MAX_KEPT_BYTES};
use super::middleware::guarded_body;
use crate::app::App;
use crate::library::changes::Seen;
use crate::library::deliver::{self, Audience, Conditions, Content, Delivery, Visitor};

/// What the query or the cookie with a token for protected assets is called.
pub(super) const TOKEN_NAME: &str = "__cld_token__";

/// How long an answer may be kept whose URL names it for ever.
const YEAR_SECONDS: u64 = 31_536_000;

/// Answers up to this size are bounded by the number of requests alone.
const UNCOUNTED_BYTES: u64 = 1024 * 1024;

/// Answers one asset.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
) -> Response {
    if method == Method::HEAD {
        // Parts are for GET alone (RFC 9110, 14.2).
        headers.remove(header::RANGE);
    }
    let mut response = match delivered(&app, &uri, &headers, address).await {
        Ok(response) => response,
        Err(error) => error.into_delivery_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("X-Cld-Error"),
    );
    response
}

async fn delivered(app: &Arc<App>, uri: &Uri, headers: &HeaderMap, address: IpAddr) -> Result<Response, ApiError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let url = DeliveryUrl::parse(uri.path()).map_err(|error| url_error(&error))?;
    let cookies = text(header::COOKIE);
    let visitor = Visitor {
        facts: RequestFacts::from_accept(text(header::ACCEPT)),
        conditions: Conditions::of(headers),
        token: token_in(uri.query().unwrap_or_default(), '&').or_else(|| token_in(cookies?, ';')),
        path: uri.path(),
        address: Some(address),
        is_operator: false,
    };
    if is_explanation(uri) {
        let told = deliver::explain(&app.library, &url, visitor)
            .await
            .map_err(|error| ApiError::from(&error))?;
        return Ok(([(header::CACHE_CONTROL, "no-store")], Json(told)).into_response());
    }
    // Before anything is looked up: what is kept must be older than every change that it may have missed.
    let seen = app.library.changes.seen(&deliver::keys(&url));
    let delivery = deliver::deliver(&app.library, &url, visitor)
        .await
        .map_err(|error| ApiError::from(&error))?;
    let keepable = keepable(&delivery, uri, visitor, seen);
    let mut response = respond(app, delivery, headers).await?;
    let is_whole = matches!(response.status(), StatusCode::OK | StatusCode::NOT_MODIFIED);
    if let Some(keepable) = keepable.filter(|_| is_whole) {
        response.extensions_mut().insert(keepable);
    }
    Ok(response)
}

/// What the front may keep of this answer: one from memory that everybody gets who asks the same.
fn keepable(delivery: &Delivery, uri: &Uri, visitor: Visitor<'_>, seen: Seen) -> Option<Keepable> {
    let body = match &delivery.content {
        None => None,
        Some(Content::Derived(bytes)) => Some((bytes, false)),
        Some(Content::Original(bytes)) => Some((bytes, true)),
        Some(Content::Info(_) | Content::File { .. }) => return None,
    };
    let body = body.map(|(bytes, has_parts)| KeepableBody {
        bytes: bytes.clone(),
        has_parts,
    });
    let is_small = body.as_ref().is_none_or(|body| body.bytes.len() <= MAX_KEPT_BYTES);
    (delivery.audience == Audience::Everybody && visitor.token.is_none() && is_small).then(|| Keepable {
        path: uri.path().into(),
        facts: visitor.facts,
        etag: delivery.etag.as_str().into(),
        last_modified: delivery.last_modified,
        body,
        seen,
    })
}

/// Whether the query asks how the URL is understood instead of what it leads to: `?explain=1`.
pub(super) fn is_explanation(uri: &Uri) -> bool {
    uri.query()
        .is_some_and(|query| query.split('&').any(|pair| pair == "explain=1"))
}

/// The value of the token for protected assets, in a query or in a list of cookies. It is taken as it is: its escapes are
/// part of what is signed.
fn token_in(list: &str, separator: char) -> Option<&str> {
    let pairs = list.split(separator).map(str::trim);
    pairs
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(name, value)| (name == TOKEN_NAME).then_some(value))
}

fn url_error(error: &DeliveryUrlError) -> ApiError {
    match error {
        DeliveryUrlError::Transformation(_) => ApiError::bad_request(error),
        _ => ApiError::new(StatusCode::NOT_FOUND, "not_found", error),
    }
}

async fn respond(app: &App, delivery: Delivery, request: &HeaderMap) -> Result<Response, ApiError> {
    let mut headers = HeaderMap::new();
    describe(app, &delivery, &mut headers);
    let takes_parts = Conditions::of(request).allow_range(delivery.validators());
    let Some(content) = delivery.content else {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    };
    let (length, has_parts) = match &content {
        Content::Derived(bytes) | Content::Info(bytes) => (bytes.len() as u64, false),
        Content::Original(bytes) => (bytes.len() as u64, true),
        Content::File { facts, .. } => (facts.bytes, true),
    };
    if has_parts {
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    let (status, range) = match asked_range(has_parts && takes_parts, request, length) {
        Asked::Whole => (StatusCode::OK, 0..length),
        Asked::Part { first, last } => {
            let range = format!("bytes {first}-{last}/{length}");
            insert(&mut headers, header::CONTENT_RANGE, &range);
            (StatusCode::PARTIAL_CONTENT, first..last + 1)
        }
        Asked::Nothing => return Ok(not_satisfiable(length)),
    };
    // A stream does not tell its length; players want to know it.
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    let body = body(app, content, range).await?;
    Ok((status, headers, body).into_response())
}

/// All headers but those about parts.
fn describe(app: &App, delivery: &Delivery, headers: &mut HeaderMap) {
    for line in delivery.headers.iter().flat_map(|lines| lines.lines()) {
        add_own_header(headers, line);
    }
    insert(headers, header::ETAG, &delivery.etag);
    let caching = cache_control(delivery, app.config.cache.unversioned_max_age.as_duration().as_secs());
    insert(headers, header::CACHE_CONTROL, &caching);
    if delivery.varies_by_accept {
        insert(headers, header::VARY, "Accept");
    }
    if let Some(time) = delivery.last_modified {
        insert(headers, header::LAST_MODIFIED, &http_date(time));
    }
    insert(headers, header::CONTENT_TYPE, delivery.media_type);
    if let Some(name) = &delivery.attachment {
        insert(headers, header::CONTENT_DISPOSITION, &attachment(name));
    }
    if let Some(missing) = &delivery.in_place_of {
        insert(headers, HeaderName::from_static("x-cld-error"), missing);
    }
}

/// How long an answer may be kept: never beyond the moment at which the same request is answered otherwise.
fn cache_control(delivery: &Delivery, unversioned_seconds: u64) -> String {
    let scope = match delivery.audience {
        Audience::Visitor => "private",
        Audience::Everybody | Audience::EverybodyNow => "public",
    };
    let is_lasting = delivery.is_current_version && scope == "public";
    let seconds = if is_lasting { YEAR_SECONDS } else { unversioned_seconds };
    match delivery.ends_in_seconds {
        Some(end) => format!("{scope}, max-age={}", seconds.min(end)),
        None if is_lasting => format!("{scope}, max-age={seconds}, immutable"),
        None => format!("{scope}, max-age={seconds}"),
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        headers.insert(name, value);
    }
}

/// A header that an asset was uploaded with; only harmless ones are sent.
fn add_own_header(headers: &mut HeaderMap, line: &str) {
    let Some((name, value)) = line.split_once(':') else {
        return;
    };
    let name = match name.trim().to_ascii_lowercase().as_str() {
        "link" => header::LINK,
        "x-robots-tag" => HeaderName::from_static("x-robots-tag"),
        _ => return,
    };
    insert(headers, name, value.trim());
}

/// `attachment; filename="…"`, with other than ASCII characters as RFC 8187 has them.
pub(super) fn attachment(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii() && !c.is_ascii_control() && !matches!(c, '"' | '\\' | '/' | '%') {
                c
            } else {
                '_'
            }
        })
        .collect();
    let encoded = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

fn not_satisfiable(length: u64) -> Response {
    let mut response =
        ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", "Range not satisfiable").into_delivery_response();
    insert(
        response.headers_mut(),
        header::CONTENT_RANGE,
        &format!("bytes */{length}"),
    );
    response
}

/// The bytes of `range`.
async fn body(app: &App, content: Content, range: Range<u64>) -> Result<Body, ApiError> {
    let (bytes, upload) = match content {
        Content::Derived(bytes) | Content::Original(bytes) | Content::Info(bytes) => (bytes, None),
        Content::File { upload, facts } => (Bytes::new(), Some((upload, facts))),
    };
    if let Some((upload, facts)) = upload {
        let stream = app
            .library
            .blobs
            .read_original(&upload, facts.bytes, &facts.blocks, range)
            .await?;
        return Ok(Body::from_stream(stream));
    }
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    let part = bytes.slice(index(range.start)..index(range.end));
    if bytes.len() as u64 <= UNCOUNTED_BYTES {
        return Ok(Body::from(part));
    }
    // A reader who does not read keeps the bytes in memory: they count until they are sent.
    let held = app.library.permits.hold(bytes.len() as u64)?;
    Ok(guarded_body(Body::from(part), held))
}

/// What part of the bytes a request asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part { first: u64, last: u64 },
    Nothing,
}

/// Reads `Range` (RFC 9110, 14). Several ranges at once, and anything unreadable, mean the whole.
fn asked_range(takes_parts: bool, request: &HeaderMap, length: u64) -> Asked {
    let range = request.get(header::RANGE).and_then(|value| value.to_str().ok());
    let spec = range.and_then(|range| range.strip_prefix("bytes="));
    let Some(spec) = spec.filter(|_| takes_parts) else {
        return Asked::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else {
        return Asked::Whole;
    };
    let bounds = match (first.trim().parse::<u64>(), last.trim()) {
        (Ok(first), "") => Some((first, u64::MAX)),
        (Ok(first), last) => last
            .parse()
            .ok()
            .filter(|last| *last >= first)
            .map(|last| (first, last)),
        (Err(_), last) if first.trim().is_empty() => match last.parse::<u64>() {
            Ok(0) => return Asked::Nothing,
            Ok(suffix) => Some((length.saturating_sub(suffix), u64::MAX)),
            Err(_) => None,
        },
        (Err(_), _) => None,
    };
    match bounds {
        None => Asked::Whole,
        Some((first, _)) if first >= length => Asked::Nothing,
        Some((first, last)) => Asked::Part {
            first,
            last: last.min(length - 1),
        },
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
pub(super) fn http_date(time: jiff::Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: &str, expected: &Asked) {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        assert_eq!(asked_range(true, &headers, 100), *expected, "{range}");
    }

    #[test]
    fn ranges_are_read_as_the_standard_has_it() {
        check("bytes=0-0", &Asked::Part { first: 0, last: 0 });
        check("bytes=0-99", &Asked::Part { first: 0, last: 99 });
        check("bytes=10-", &Asked::Part { first: 10, last: 99 });
        check("bytes=90-1000", &Asked::Part { first: 90, last: 99 });
        check("bytes=-5", &Asked::Part { first: 95, last: 99 });
        check("bytes=-500", &Asked::Part { first: 0, last: 99 });
        check("bytes=99-", &Asked::Part { first: 99, last: 99 });
        check("bytes=100-", &Asked::Nothing);
        check("bytes=-0", &Asked::Nothing);
        for unreadable in ["bytes=5-4", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=0-1,5-6"] {
            check(unreadable, &Asked::Whole);
        }
    }

    #[test]
    fn what_has_no_parts_is_answered_whole() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, "bytes=0-1".parse().unwrap());
        assert_eq!(asked_range(false, &headers, 100), Asked::Whole);
    }

    #[test]
    fn dates_are_as_http_writes_them() {
        assert_eq!(
            http_date(jiff::Timestamp::from_second(784_111_777).unwrap()),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
    }
}
