//! Searches as signed URLs that a browser can follow: `/{cloud}/search/{signature}/{ttl}/{query}[/{next_cursor}]`.

use std::borrow::Cow;

use data_encoding::{BASE64URL, BASE64URL_NOPAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

use super::{SignatureAlgorithm, equal};
use crate::Secret;
use crate::delivery_url::is_cloud_name;

/// The most characters of an encoded query.
const MAX_QUERY_CHARS: usize = 16_000;

/// A search URL, read or built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchUrl {
    /// The cloud's name.
    pub cloud: String,
    /// SHA-256 over lifetime, query and secret, in hexadecimal; not checked here.
    pub signature: String,
    /// How long an answer may be kept, in seconds.
    pub ttl_seconds: u32,
    /// The query in base64url, as it was signed.
    encoded_query: String,
    /// Where the next page begins; not signed.
    pub next_cursor: Option<String>,
}

/// Why a path is no search URL. The message is written for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchUrlError {
    /// It has other parts.
    #[error("Invalid search URL")]
    Path,
    /// The query is too long, no base64url or no JSON object.
    #[error("Invalid query in search URL")]
    Query,
}

impl SearchUrl {
    /// The lifetime that the SDKs write if they are told none, in seconds.
    pub const DEFAULT_TTL_SECONDS: u32 = 300;

    /// Signs a query, whose keys are sorted.
    pub fn new(cloud: &str, query: &Value, ttl_seconds: u32, secret: &Secret) -> Self {
        let encoded_query = BASE64URL.encode(query.to_string().as_bytes());
        Self {
            cloud: cloud.to_owned(),
            signature: sign(ttl_seconds, &encoded_query, secret),
            ttl_seconds,
            encoded_query,
            next_cursor: None,
        }
    }

    /// Reads the path of a URL, percent-encoded, without the query string.
    ///
    /// # Errors
    ///
    /// Other paths. The query is not read yet.
    pub fn parse(path: &str) -> Result<Self, SearchUrlError> {
        let decode = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8();
            decoded.map(Cow::into_owned).map_err(|_not_utf8| SearchUrlError::Path)
        };
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).take(7).collect();
        let (cloud, signature, ttl, query, next_cursor) = match *segments.as_slice() {
            [cloud, "search", signature, ttl, query] => (cloud, signature, ttl, query, None),
            [cloud, "search", signature, ttl, query, cursor] => (cloud, signature, ttl, query, Some(cursor)),
            _ => return Err(SearchUrlError::Path),
        };
        let canonical_ttl = ttl.parse::<u32>().ok().filter(|number| number.to_string() == ttl);
        let ttl_seconds = canonical_ttl.ok_or(SearchUrlError::Path)?;
        if !is_cloud_name(cloud) {
            return Err(SearchUrlError::Path);
        }
        if query.len() > MAX_QUERY_CHARS {
            return Err(SearchUrlError::Query);
        }
        Ok(Self {
            cloud: cloud.to_owned(),
            signature: signature.to_owned(),
            ttl_seconds,
            encoded_query: decode(query)?,
            next_cursor: next_cursor.map(decode).transpose()?,
        })
    }

    /// Whether somebody who has the secret signed this query and lifetime.
    pub fn is_signed(&self, secret: &Secret) -> bool {
        equal(&self.signature, &sign(self.ttl_seconds, &self.encoded_query, secret))
    }

    /// The query. Check the signature first.
    ///
    /// # Errors
    ///
    /// What is no JSON object in base64url.
    pub fn query(&self) -> Result<Value, SearchUrlError> {
        let unpadded = self.encoded_query.trim_end_matches('=');
        let json = BASE64URL_NOPAD
            .decode(unpadded.as_bytes())
            .map_err(|_not_base64| SearchUrlError::Query)?;
        let query: Value = serde_json::from_slice(&json).map_err(|_not_json| SearchUrlError::Query)?;
        if query.is_object() {
            Ok(query)
        } else {
            Err(SearchUrlError::Query)
        }
    }
}

/// The path, which reads back as the same value.
impl std::fmt::Display for SearchUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            cloud,
            signature,
            ttl_seconds,
            encoded_query,
            ..
        } = self;
        write!(f, "/{cloud}/search/{signature}/{ttl_seconds}/{encoded_query}")?;
        match &self.next_cursor {
            Some(cursor) => write!(f, "/{}", utf8_percent_encode(cursor, NON_ALPHANUMERIC)),
            None => Ok(()),
        }
    }
}

fn sign(ttl_seconds: u32, encoded_query: &str, secret: &Secret) -> String {
    SignatureAlgorithm::Sha256.hex(format!("{ttl_seconds}{encoded_query}"), secret)
}
