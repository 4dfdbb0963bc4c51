//! Addresses in settings: where to listen, and `http` addresses.

use std::net::{Ipv4Addr, SocketAddr};

use http::uri::{Authority, PathAndQuery};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// For `#[serde(deserialize_with = …)]`: an address and port, where `localhost` is this machine over IPv4.
pub(super) fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    let local = text
        .trim()
        .strip_prefix("localhost:")
        .and_then(|port| port.parse().ok());
    let address = match local {
        Some(port) => Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        None => text.trim().parse().ok(),
    };
    address.ok_or_else(|| {
        D::Error::custom(format!(
            "`{text}` is not an address and port such as 127.0.0.1:5000; localhost is written 127.0.0.1"
        ))
    })
}

/// For `#[serde(deserialize_with = …)]`: origins as browsers send them, however they were written.
pub(super) fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let written = Vec::<String>::deserialize(deserializer)?;
    let origins = written.iter().map(|origin| {
        let origin = origin.trim();
        origin.strip_suffix('/').unwrap_or(origin).to_ascii_lowercase()
    });
    Ok(origins.filter(|origin| !origin.is_empty()).collect())
}

/// For `#[serde(deserialize_with = …)]`: entries without the spaces around them, and without empty ones.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let written = Vec::<String>::deserialize(deserializer)?;
    let entries = written.iter().map(|entry| entry.trim().to_owned());
    Ok(entries.filter(|entry| !entry.is_empty()).collect())
}

/// Whether this is `http(s)://host[:port]`.
pub(super) fn is_origin(text: &str) -> bool {
    after_host(text) == Some("")
}

/// Whether this is `http(s)://host[:port][/path]` without a slash at the end.
pub(super) fn is_base_url(text: &str) -> bool {
    after_host(text).is_some_and(|path| {
        let plain = path.is_ascii() && !path.ends_with('/') && !path.contains(['?', '#']);
        plain && (path.is_empty() || path.parse::<PathAndQuery>().is_ok())
    })
}

/// Whether this is the address of a page.
pub(super) fn is_page(text: &str) -> bool {
    after_host(text).is_some()
}

/// What follows the host and port of an `http` address; none when the text is no such address.
fn after_host(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    if rest.contains(|c: char| c.is_whitespace() || c.is_control() || c == '*') {
        return None;
    }
    let (host, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let authority: Authority = host.parse().ok()?;
    // Neither a user and password, nor a port that is none.
    let plain = match authority.port_u16() {
        None => authority.host().to_owned(),
        Some(_) => format!("{}:{}", authority.host(), authority.port()?),
    };
    (!authority.host().is_empty() && plain == host).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_told_from_what_is_none() {
        for good in [
            "http://a",
            "https://img.example.com",
            "http://127.0.0.1:5000",
            "http://[::1]:5000/pictures",
        ] {
            assert!(is_base_url(good), "{good}");
        }
        for bad in [
            "img.example.com",
            "ftp://a",
            "http://",
            "http:///path",
            "http://a/",
            "http://a b",
            "http://a/ b",
            " http://a",
            "http://a?x=1",
            "http://a/b#c",
            "http://user:password@a",
            "http://a:",
            "http://a:99999",
            "http://:5000",
        ] {
            assert!(!is_base_url(bad), "{bad}");
        }
    }

    #[test]
    fn an_origin_has_no_path_and_a_page_may_have_anything() {
        assert!(is_origin("https://a.example:8443"));
        assert!(!is_origin("https://a.example/app"));
        assert!(!is_origin("a.example"));
        assert!(is_page("https://a.example/reset?token="));
        assert!(is_page("https://a.example/#/reset/"));
        assert!(!is_page("/reset"));
    }
}
