//! `GET /{cloud}/image/upload/…`: delivers images in Cloudinary's URL language.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use visage_cloudinary::{DeliveryUrl, DeliveryUrlError, RequestFacts};

use super::error::ApiError;
use super::middleware::guarded;
use crate::app::App;
use crate::library::deliver::{self, Delivery};

/// Answers up to this size are bounded by the number of requests alone.
const UNCOUNTED_BYTES: u64 = 1024 * 1024;

/// Answers one image.
pub(super) async fn show(State(app): State<Arc<App>>, method: Method, uri: Uri, mut headers: HeaderMap) -> Response {
    if method == Method::HEAD {
        // Parts are for GET alone (RFC 9110, 14.2).
        headers.remove(header::RANGE);
    }
    let mut response = match delivered(&app, &uri, &headers).await {
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

async fn delivered(app: &Arc<App>, uri: &Uri, headers: &HeaderMap) -> Result<Response, ApiError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let url = DeliveryUrl::parse(uri.path()).map_err(|error| url_error(&error))?;
    let facts = RequestFacts::from_accept(text(header::ACCEPT));
    let delivery = deliver::deliver(&app.library, &url, facts, text(header::IF_NONE_MATCH))
        .await
        .map_err(|error| ApiError::from(&error))?;
    let length = delivery.image.as_ref().map_or(0, |image| image.bytes.len()) as u64;
    let response = respond(app, delivery, headers);
    if length <= UNCOUNTED_BYTES {
        return Ok(response);
    }
    // A reader who does not read keeps the bytes in memory: they count until they are sent.
    let held = app.library.permits.hold(length)?;
    Ok(guarded(response, held))
}

fn url_error(error: &DeliveryUrlError) -> ApiError {
    match error {
        DeliveryUrlError::Transformation(_) => ApiError::bad_request(error),
        _ => ApiError::new(StatusCode::NOT_FOUND, "not_found", error),
    }
}

fn respond(app: &App, delivery: Delivery, request: &HeaderMap) -> Response {
    let mut headers = HeaderMap::new();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::ETAG, &delivery.etag);
    if delivery.is_current_version {
        set(header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    } else {
        let seconds = app.config.cache.unversioned_max_age.as_duration().as_secs();
        set(header::CACHE_CONTROL, &format!("public, max-age={seconds}"));
    }
    if delivery.varies_by_accept {
        set(header::VARY, "Accept");
    }
    set(header::LAST_MODIFIED, &http_date(delivery.last_modified));
    set(header::CONTENT_TYPE, delivery.format.media_type());
    if delivery.is_original {
        set(header::ACCEPT_RANGES, "bytes");
    }
    let Some(image) = delivery.image else {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    };
    match asked_range(&delivery.etag, delivery.is_original, request, image.bytes.len()) {
        Asked::Whole => (headers, Body::from(image.bytes)).into_response(),
        Asked::Part { first, last } => {
            let part: Bytes = image.bytes.slice(first..=last);
            let range = format!("bytes {first}-{last}/{}", image.bytes.len());
            if let Ok(range) = HeaderValue::from_str(&range) {
                headers.insert(header::CONTENT_RANGE, range);
            }
            (StatusCode::PARTIAL_CONTENT, headers, Body::from(part)).into_response()
        }
        Asked::Nothing => {
            let mut response = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", "Range not satisfiable")
                .into_delivery_response();
            if let Ok(range) = HeaderValue::from_str(&format!("bytes */{}", image.bytes.len())) {
                response.headers_mut().insert(header::CONTENT_RANGE, range);
            }
            response
        }
    }
}

/// What part of the bytes a request asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part { first: usize, last: usize },
    Nothing,
}

/// Reads `Range` and `If-Range` (RFC 9110, 14). Several ranges at once, and anything unreadable, mean the whole.
fn asked_range(etag: &str, is_original: bool, request: &HeaderMap, length: usize) -> Asked {
    let text = |name| request.get(name).and_then(|value| value.to_str().ok());
    let if_range_fits = text(header::IF_RANGE).is_none_or(|given| given == etag);
    let spec = text(header::RANGE).and_then(|range| range.strip_prefix("bytes="));
    let Some(spec) = spec.filter(|_| is_original && if_range_fits) else {
        return Asked::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else {
        return Asked::Whole;
    };
    let bounds = match (first.trim().parse::<usize>(), last.trim()) {
        (Ok(first), "") => Some((first, usize::MAX)),
        (Ok(first), last) => last
            .parse()
            .ok()
            .filter(|last| *last >= first)
            .map(|last| (first, last)),
        (Err(_), last) if first.trim().is_empty() => match last.parse::<usize>() {
            Ok(0) => return Asked::Nothing,
            Ok(suffix) => Some((length.saturating_sub(suffix), usize::MAX)),
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
fn http_date(time: jiff::Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: &str, expected: &Asked) {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        assert_eq!(asked_range("\"e\"", true, &headers, 100), *expected, "{range}");
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
    fn derived_images_and_outdated_parts_are_answered_whole() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, "bytes=0-1".parse().unwrap());
        assert_eq!(asked_range("\"e\"", false, &headers, 100), Asked::Whole);
        headers.insert(header::IF_RANGE, "\"old\"".parse().unwrap());
        assert_eq!(asked_range("\"e\"", true, &headers, 100), Asked::Whole);
    }

    #[test]
    fn dates_are_as_http_writes_them() {
        assert_eq!(
            http_date(jiff::Timestamp::from_second(784_111_777).unwrap()),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
    }
}
