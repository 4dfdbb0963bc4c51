//! Fetches files from URLs that somebody else chose, into temporary files.
//!
//! What may be reached is decided in `outgoing.rs` and `address.rs`. Nothing of an answer but its bytes, its name and its
//! type leaves this module, and no error tells what an answer contained.

mod address;
mod encoding;
mod network;
mod outgoing;
pub(crate) mod tls;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use futures_util::TryStreamExt as _;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use percent_encoding::percent_decode_str;
use tokio::sync::Semaphore;
use url::Url;

pub use address::is_public;
pub use network::{Network, SystemNetwork};
pub use outgoing::{Answer, Outgoing, Refusal, parse_allowed};

use self::encoding::Encoding;
use crate::config::FetchConfig;
use crate::spool::{SpoolError, SpooledFile};

/// Redirects that are followed.
const MAX_REDIRECTS: usize = 5;

/// The longest URL.
const MAX_URL_BYTES: usize = 8 * 1024;

/// Files that are fetched at once; the next waits.
const MAX_FETCHES: usize = 64;

/// The longest file name.
const MAX_NAME_CHARACTERS: usize = 255;

pub(crate) const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("visage/", env!("CARGO_PKG_VERSION")));

/// Fetches files.
#[derive(Debug)]
pub struct Fetcher {
    enabled: bool,
    timeout: Duration,
    outgoing: Outgoing,
    places: Semaphore,
}

/// A file that was fetched.
#[derive(Debug)]
pub struct Fetched {
    /// Its bytes.
    pub file: SpooledFile,
    /// Its name: the last part of the path that was asked for.
    pub file_name: Option<String>,
    /// Its type, as the other side declares it.
    pub content_type: Option<String>,
    /// Where it was found after all redirects.
    pub final_url: String,
}

/// Why a file was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The settings do not allow it.
    #[error("Uploading from a URL is disabled")]
    Disabled,
    /// There is no such file, or none that may be fetched.
    #[error("Error in loading {url} - {reason}")]
    Loading {
        /// The URL that was asked for, without its password.
        url: String,
        /// Why not.
        reason: Refusal,
    },
    /// It is larger than allowed.
    #[error("File size too large. Got {actual_bytes}. Maximum is {max_bytes}.")]
    TooLarge {
        /// What it has, or what had come when it was given up.
        actual_bytes: u64,
        /// What is allowed.
        max_bytes: u64,
    },
    /// The disk is full.
    #[error("there is no space left")]
    NoSpace,
    /// The temporary file failed.
    #[error("the temporary file failed: {0}")]
    Io(#[source] std::io::Error),
}

/// What ended a fetch, before the URL is put to it.
enum Stop {
    Refused(Refusal),
    Spool(SpoolError<Refusal>),
    TooLarge(u64),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Fetcher {
    /// Fetches as the settings allow, over `network`.
    pub fn new(config: &FetchConfig, network: Arc<dyn Network>) -> Self {
        Self {
            enabled: config.enabled,
            timeout: config.timeout.as_duration(),
            outgoing: Outgoing::new(config.allowed(), network),
            places: Semaphore::new(MAX_FETCHES),
        }
    }

    /// Requests of other kinds to hosts that somebody else chose.
    pub fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    /// Fetches `url` into a nameless file in `folder`, up to and including `max_bytes`.
    ///
    /// # Errors
    /// See [`FetchError`]; nothing stays behind.
    pub async fn fetch(&self, url: &str, folder: &Path, max_bytes: u64) -> Result<Fetched, FetchError> {
        if !self.enabled {
            return Err(FetchError::Disabled);
        }
        let work = async {
            // Never closed.
            let _place = self.places.acquire().await.map_err(|_closed| Refusal::Timeout)?;
            let asked = parse(url)?;
            let (answer, last) = self.follow(asked.clone()).await?;
            receive(answer, folder, max_bytes, &asked, &last).await
        };
        let result = tokio::time::timeout(self.timeout, work).await;
        result
            .unwrap_or(Err(Stop::Refused(Refusal::Timeout)))
            .map_err(|stop| stop.told(url, max_bytes))
    }

    /// The answer at the end of the redirects. Each is checked like the first.
    async fn follow(&self, asked: Url) -> Result<(Answer, Url), Refusal> {
        let credentials = credentials(&asked);
        let mut url = asked.clone();
        for _ in 0..=MAX_REDIRECTS {
            let same_origin = url.origin() == asked.origin();
            let answer = self.get(&url, credentials.as_ref().filter(|_| same_origin)).await?;
            match answer.status.as_u16() {
                301 | 302 | 303 | 307 | 308 => {
                    let to = answer.header("location").ok_or(Refusal::Answer)?;
                    url = redirected(&url, to)?;
                }
                200..=299 => return Ok((answer, url)),
                _ => return Err(Refusal::Status(answer.status)),
            }
        }
        Err(Refusal::Redirects)
    }

    async fn get(&self, url: &Url, credentials: Option<&HeaderValue>) -> Result<Answer, Refusal> {
        let mut request = Request::new(Full::new(Bytes::new()));
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, USER_AGENT);
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        // What is not compressed cannot swell; some servers compress all the same.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(credentials) = credentials {
            headers.insert(header::AUTHORIZATION, credentials.clone());
        }
        self.outgoing.send(url, request).await
    }
}

async fn receive(answer: Answer, folder: &Path, max_bytes: u64, asked: &Url, last: &Url) -> Result<Fetched, Stop> {
    let encoding = Encoding::of(&answer.headers)?;
    // The length of what is encoded says nothing of what comes out.
    let length = answer.content_length().filter(|_| encoding == Encoding::Identity);
    if let Some(bytes) = length.filter(|bytes| *bytes > max_bytes) {
        return Err(Stop::TooLarge(bytes));
    }
    let content_type = answer.header("content-type").map(ToOwned::to_owned);
    let mut come = 0;
    let stream = encoding::decoded(encoding, answer.into_stream()).inspect_ok(|piece| come += piece.len() as u64);
    let received = SpooledFile::receive(folder, max_bytes, stream).await;
    let file = received.map_err(|error| match error {
        SpoolError::TooLarge { .. } => Stop::TooLarge(come),
        error => Stop::Spool(error),
    })?;
    Ok(Fetched {
        file,
        file_name: file_name(asked),
        content_type,
        final_url: last.to_string(),
    })
}

impl Stop {
    fn told(self, url: &str, max_bytes: u64) -> FetchError {
        match self {
            Self::Refused(reason) | Self::Spool(SpoolError::Source(reason)) => FetchError::Loading {
                url: shown(url),
                reason,
            },
            Self::TooLarge(actual_bytes) => FetchError::TooLarge {
                actual_bytes,
                max_bytes,
            },
            Self::Spool(SpoolError::TooLarge { max_bytes }) => FetchError::TooLarge {
                actual_bytes: max_bytes.saturating_add(1),
                max_bytes,
            },
            Self::Spool(SpoolError::NoSpace) => FetchError::NoSpace,
            Self::Spool(SpoolError::Io(cause)) => FetchError::Io(cause),
        }
    }
}

fn parse(text: &str) -> Result<Url, Refusal> {
    if text.len() > MAX_URL_BYTES {
        return Err(Refusal::NotAUrl);
    }
    Url::parse(text).map_err(|_malformed| Refusal::NotAUrl)
}

/// Where a redirect leads. A user and password in it are left out: they would be the other side's, not the client's.
fn redirected(from: &Url, to: &str) -> Result<Url, Refusal> {
    if to.len() > MAX_URL_BYTES {
        return Err(Refusal::Answer);
    }
    let mut url = from.join(to).map_err(|_malformed| Refusal::Answer)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refusal::Scheme);
    }
    let cleared = url.set_username("").is_ok() && url.set_password(None).is_ok();
    cleared.then_some(url).ok_or(Refusal::Answer)
}

/// `Authorization` for the user and password in a URL.
fn credentials(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut plain: Vec<u8> = percent_decode_str(url.username()).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(url.password().unwrap_or_default()));
    let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64.encode(&plain))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The URL as errors show it: as it was written, but short and without its user and password.
fn shown(text: &str) -> String {
    let visible = match Url::parse(text) {
        Ok(mut url) if !url.username().is_empty() || url.password().is_some() => {
            let cleared = url.set_username("").is_ok() && url.set_password(None).is_ok();
            if cleared { url.to_string() } else { String::new() }
        }
        _ => text.to_owned(),
    };
    visible
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_NAME_CHARACTERS * 4)
        .collect()
}

/// The last part of the path, decoded.
fn file_name(url: &Url) -> Option<String> {
    let last = url.path_segments()?.next_back()?;
    let decoded = percent_decode_str(last).decode_utf8_lossy();
    let name = decoded.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_NAME_CHARACTERS)
        .collect();
    (!name.is_empty()).then_some(name)
}
