//! `/` and `/ui/…`: the web page. Its files are in the program, and are compressed once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::{Arc, LazyLock};

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use url::Url;
use visage_store::Sha256;

use super::error::ApiError;
use crate::app::App;
use crate::library::deliver::{Conditions, Validators, Verdict};

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The page's files: name, type and text.
const FILES: &[(&str, &str, &str)] = &[
    (PAGE, "text/html; charset=utf-8", include_str!("../ui/page.html")),
    ("page.css", CSS, include_str!("../ui/page.css")),
    ("icon.svg", "image/svg+xml", include_str!("../ui/icon.svg")),
    ("api.js", SCRIPT, include_str!("../ui/api.js")),
    ("asset.js", SCRIPT, include_str!("../ui/asset.js")),
    ("cropper.js", SCRIPT, include_str!("../ui/cropper.js")),
    ("dom.js", SCRIPT, include_str!("../ui/dom.js")),
    ("feed.js", SCRIPT, include_str!("../ui/feed.js")),
    ("library.js", SCRIPT, include_str!("../ui/library.js")),
    ("page.js", SCRIPT, include_str!("../ui/page.js")),
    ("picture.js", SCRIPT, include_str!("../ui/picture.js")),
    ("session.js", SCRIPT, include_str!("../ui/session.js")),
    ("sign-in.js", SCRIPT, include_str!("../ui/sign-in.js")),
    ("status.js", SCRIPT, include_str!("../ui/status.js")),
];

const PAGE: &str = "page.html";

/// A file as it is sent.
struct Sent {
    kind: &'static str,
    plain: Bytes,
    gzip: Bytes,
    /// Weak: it names the text, however that is encoded.
    etag: String,
}

static SENT: LazyLock<BTreeMap<&str, Sent>> = LazyLock::new(|| {
    FILES
        .iter()
        .map(|&(name, kind, text)| (name, Sent::new(kind, text)))
        .collect()
});

impl Sent {
    fn new(kind: &'static str, text: &'static str) -> Self {
        let plain = Bytes::from_static(text.as_bytes());
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let gzip = encoder.write_all(&plain).and_then(|()| encoder.finish());
        Self {
            kind,
            // Writing into memory cannot fail.
            gzip: gzip.unwrap_or_default().into(),
            etag: format!("\"{}\"", Sha256::of(&plain)),
            plain,
        }
    }

    fn answer(&self, asked: &HeaderMap) -> Response {
        let text = |name| asked.get(name).and_then(|value| value.to_str().ok());
        let tag = format!("W/{}", self.etag);
        let headers = [
            (header::CACHE_CONTROL, "no-cache"),
            (header::ETAG, tag.as_str()),
            (header::VARY, "Accept-Encoding"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ];
        let validators = Validators {
            etag: &tag,
            last_modified: None,
        };
        match Conditions::of(asked).verdict(validators) {
            Verdict::Send => {}
            Verdict::NotModified => return (StatusCode::NOT_MODIFIED, headers).into_response(),
            Verdict::Failed => return other_file().into_response(),
        }
        let kind = [(header::CONTENT_TYPE, self.kind)];
        if text(header::ACCEPT_ENCODING).is_some_and(takes_gzip) {
            let encoding = [(header::CONTENT_ENCODING, "gzip")];
            return (headers, kind, encoding, self.gzip.clone()).into_response();
        }
        (headers, kind, self.plain.clone()).into_response()
    }
}

/// `GET /`
pub(super) async fn page(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let Some(page) = SENT.get(PAGE) else {
        return no_file().into_response();
    };
    let mut response = page.answer(&headers);
    if let Ok(policy) = HeaderValue::try_from(policy(&app)) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// `GET /ui/{file}`
pub(super) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    // The page itself is at `/` alone, under its own policy.
    match SENT.get(name.as_str()).filter(|_| name != PAGE) {
        Some(file) => file.answer(&headers),
        None => no_file().into_response(),
    }
}

fn no_file() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "Not found")
}

fn other_file() -> ApiError {
    let message = "Precondition failed: the file is not the one that the request names";
    ApiError::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", message)
}

/// Nothing but this server's own files, and pictures from where pictures are.
fn policy(app: &App) -> String {
    let account = app.config.cloudinary.account().ok().flatten();
    let own = std::iter::once(app.config.public_url()).chain(app.config.public_url_before.clone());
    let hosts: Vec<String> = own.chain(account.map(|account| account.delivery_url)).collect();
    let origins: BTreeSet<String> = hosts
        .iter()
        .filter_map(|url| Some(format!(" {}", Url::parse(url).ok()?.origin().ascii_serialization())))
        .collect();
    let hosts: String = origins.into_iter().collect();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:{hosts}; \
         media-src 'self' blob:{hosts}; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

/// Whether `Accept-Encoding` allows gzip.
fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refuses = weight.trim().strip_prefix("q=").and_then(|q| q.trim().parse().ok()) == Some(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !refuses
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_weighs_less_than_sixty_kilobytes() {
        let bytes: usize = SENT.values().map(|file| file.gzip.len()).sum();
        assert!(bytes < 60_000, "{bytes}");
    }

    #[test]
    fn gzip_is_sent_to_whom_it_is_welcome() {
        for (accepted, expected) in [
            ("gzip", true),
            ("br, GZIP ;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=0.0, br", false),
            ("br, deflate", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(accepted), expected, "{accepted}");
        }
    }
}
