//! Tokens that open protected assets for a while: `__cld_token__=st=…~exp=…~acl=…~hmac=…` (Cloudinary docs,
//! "token-based authentication").

use std::fmt::Write;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::percent_decode_str;
use sha2::Sha256;

use super::equal;
use crate::Secret;

/// What the query parameter and the cookie are called by default.
pub const AUTH_TOKEN_NAME: &str = "__cld_token__";
/// The most characters of a token that is checked.
const MAX_TOKEN_CHARS: usize = 4000;
/// What is escaped, in lower case.
const ESCAPED: &str = " \"#%&'/:;<=>?@[\\]^`{|}~";

/// The key of tokens: bytes, written in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthTokenKey(Secret);

/// What a token is to open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthToken {
    /// When it becomes valid, in seconds since the Unix epoch; already, if `None`.
    pub start: Option<i64>,
    /// When it ends, in seconds since the Unix epoch.
    pub expiration: Option<i64>,
    /// Without an end: how many seconds it lasts after its start, or after now.
    pub duration_seconds: Option<i64>,
    /// The only address that may use it.
    pub ip: Option<String>,
    /// Patterns of paths; `*` is any text.
    pub acl: Vec<String>,
    /// The only path, if there are no patterns.
    pub url: Option<String>,
}

/// Why there is no token. The message is written for whoever asked for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthTokenError {
    /// The key is no hexadecimal text.
    #[error("The key of an auth token must be hexadecimal")]
    Key,
    /// It would never end.
    #[error("Must provide either expiration or duration")]
    Expiration,
    /// It would open nothing.
    #[error("Must provide either acl or url")]
    Target,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It is no token.
    #[error("deny: malformed token")]
    Malformed,
    /// It is signed with another key, or altered, or for another path.
    #[error("deny: invalid token")]
    Signature,
    /// It is not valid yet.
    #[error("deny: token is not valid yet")]
    Early,
    /// It has ended.
    #[error("deny: token has expired")]
    Expired,
    /// It is for another address.
    #[error("deny: token is for another address")]
    Address,
    /// None of its patterns fits the path.
    #[error("ACL deny")]
    Acl,
}

impl AuthTokenKey {
    /// Takes a key in hexadecimal, in either letter case.
    ///
    /// # Errors
    ///
    /// Any other text, and an empty one.
    pub fn new(hexadecimal: Secret) -> Result<Self, AuthTokenError> {
        match HEXLOWER_PERMISSIVE.decode(hexadecimal.expose().as_bytes()) {
            Ok(bytes) if !bytes.is_empty() => Ok(Self(hexadecimal)),
            _ => Err(AuthTokenError::Key),
        }
    }

    fn hex_hmac(&self, text: &str) -> String {
        // The key was checked when it was taken, and HMAC takes keys of every length.
        let key = HEXLOWER_PERMISSIVE
            .decode(self.0.expose().as_bytes())
            .unwrap_or_default();
        let mac = Hmac::<Sha256>::new_from_slice(&key).map(|mac| mac.chain_update(text));
        mac.map(|mac| HEXLOWER.encode(&mac.finalize().into_bytes()))
            .unwrap_or_default()
    }
}

impl AuthToken {
    /// The token without its name. `now` counts where neither end nor start is given.
    ///
    /// # Errors
    ///
    /// No end, or nothing to open.
    pub fn sign(&self, now: i64, key: &AuthTokenKey) -> Result<String, AuthTokenError> {
        let begin = self.start.unwrap_or(now);
        let lasts = self.duration_seconds.map(|seconds| begin.saturating_add(seconds));
        let expiration = self.expiration.or(lasts).ok_or(AuthTokenError::Expiration)?;
        let mut parts = Vec::new();
        parts.extend(self.ip.iter().map(|ip| format!("ip={ip}")));
        parts.extend(self.start.iter().map(|start| format!("st={start}")));
        parts.push(format!("exp={expiration}"));
        let signed = match (self.acl.is_empty(), &self.url) {
            (false, _) => {
                let patterns: Vec<String> = self.acl.iter().map(|pattern| escape(pattern, ESCAPED)).collect();
                parts.push(format!("acl={}", patterns.join("!")));
                parts.join("~")
            }
            (true, Some(url)) => format!("{}~url={}", parts.join("~"), escape(url, ESCAPED)),
            (true, None) => return Err(AuthTokenError::Target),
        };
        Ok(format!("{}~hmac={}", parts.join("~"), key.hex_hmac(&signed)))
    }
}

/// Checks a token, given without its name, for the path of a URL as it was received: percent-encoded, from the slash
/// before the cloud's name on, without the token.
///
/// # Errors
///
/// Why the token does not open this path now, for this address. A token that names an address opens nothing for an
/// unknown one.
pub fn verify_auth_token(
    token: &str,
    path: &str,
    now: i64,
    ip: Option<&str>,
    key: &AuthTokenKey,
) -> Result<(), TokenRefusal> {
    let parts = Parts::read(token).ok_or(TokenRefusal::Malformed)?;
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let signs = |text: &str| !parts.hmac.is_empty() && equal(parts.hmac, &key.hex_hmac(text));
    let genuine = match parts.acl {
        Some(_) => signs(parts.signed),
        // The Node SDK leaves backslashes as they are.
        None => [path, &decoded].iter().any(|path| {
            [ESCAPED.to_owned(), ESCAPED.replace('\\', "")]
                .iter()
                .any(|escaped| signs(&format!("{}~url={}", parts.signed, escape(path, escaped))))
        }),
    };
    if !genuine {
        return Err(TokenRefusal::Signature);
    }
    if parts.start.is_some_and(|start| now < start) {
        return Err(TokenRefusal::Early);
    }
    if now > parts.expiration {
        return Err(TokenRefusal::Expired);
    }
    if parts.ip.is_some() && parts.ip != ip {
        return Err(TokenRefusal::Address);
    }
    let fits = |acl: &str| {
        acl.split('!').any(|pattern| {
            let pattern = percent_decode_str(pattern).decode_utf8_lossy();
            matches(&pattern, path) || matches(&pattern, &decoded)
        })
    };
    if parts.acl.is_none_or(fits) {
        Ok(())
    } else {
        Err(TokenRefusal::Acl)
    }
}

/// When a token ends, in seconds since the Unix epoch; whether it is genuine is for [`verify_auth_token`] to say. `None` when
/// the text is no token.
pub fn auth_token_expiration(token: &str) -> Option<i64> {
    Parts::read(token).map(|parts| parts.expiration)
}

/// A token's parts as they were received.
struct Parts<'a> {
    /// Everything before the HMAC.
    signed: &'a str,
    hmac: &'a str,
    ip: Option<&'a str>,
    start: Option<i64>,
    expiration: i64,
    acl: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// `None` when a part is unknown, there twice or missing.
    fn read(token: &'a str) -> Option<Self> {
        if token.len() > MAX_TOKEN_CHARS {
            return None;
        }
        let (signed, hmac) = token.rsplit_once("~hmac=")?;
        let (mut ip, mut start, mut expiration, mut acl) = (None, None, None, None);
        for part in signed.split('~') {
            let (name, value) = part.split_once('=')?;
            let previous = match name {
                "ip" => ip.replace(value),
                "st" => start.replace(value),
                "exp" => expiration.replace(value),
                "acl" => acl.replace(value),
                _ => return None,
            };
            if previous.is_some() {
                return None;
            }
        }
        let start = start.map(seconds).map_or(Some(None), |start| start.map(Some))?;
        let expiration = seconds(expiration?)?;
        Some(Self {
            signed,
            hmac,
            ip,
            start,
            expiration,
            acl,
        })
    }
}

/// Whole seconds; a fraction, which languages without whole numbers write, is cut off.
fn seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    whole.parse().ok().filter(|_| is_fraction)
}

fn escape(text: &str, escaped: &str) -> String {
    let mut result = String::new();
    for c in text.chars() {
        if escaped.contains(c) {
            // Writing to a String cannot fail.
            let _infallible = write!(result, "%{:02x}", u32::from(c));
        } else {
            result.push(c);
        }
    }
    result
}

/// Whether a pattern fits the whole text; `*` is any text. Steps back to the last `*` only, so the work is bounded by
/// the product of the lengths.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut last_star = None;
    while let Some(byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                last_star = Some((p, t));
                p += 1;
            }
            Some(same) if same == byte => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star, from)) = last_star else { return false };
                last_star = Some((star, from + 1));
                p = star + 1;
                t = from + 1;
            }
        }
    }
    pattern.iter().skip(p).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> AuthTokenKey {
        AuthTokenKey::new(Secret::new("00112233FF99")).unwrap()
    }

    fn token(acl: &[&str], url: Option<&str>, ip: Option<&str>) -> String {
        let acl = acl.iter().map(|&pattern| pattern.to_owned()).collect();
        let token = AuthToken {
            start: Some(100),
            expiration: Some(200),
            acl,
            url: url.map(str::to_owned),
            ip: ip.map(str::to_owned),
            ..AuthToken::default()
        };
        token.sign(0, &key()).unwrap()
    }

    #[test]
    fn a_token_is_valid_from_start_to_end() {
        let token = token(&["/demo/*"], None, None);
        let at = |now| verify_auth_token(&token, "/demo/a", now, None, &key());
        assert_eq!(at(99), Err(TokenRefusal::Early));
        assert_eq!((at(100), at(200)), (Ok(()), Ok(())));
        assert_eq!(at(201), Err(TokenRefusal::Expired));
    }

    #[test]
    fn a_token_opens_only_its_paths() {
        let acl = token(&["/demo/a/*", "/demo/*/b c.jpg"], None, None);
        let check = |token: &str, path: &str| verify_auth_token(token, path, 150, None, &key());
        assert_eq!(check(&acl, "/demo/a/x/y"), Ok(()));
        assert_eq!(check(&acl, "/demo/x/b%20c.jpg"), Ok(()));
        assert_eq!(check(&acl, "/demo/b/a"), Err(TokenRefusal::Acl));
        assert_eq!(check(&acl, "/demo/x/b%20c.jpg2"), Err(TokenRefusal::Acl));
        let url = token(&[], Some("/demo/a b"), None);
        assert_eq!((check(&url, "/demo/a b"), check(&url, "/demo/a%20b")), (Ok(()), Ok(())));
        assert_eq!(check(&url, "/demo/a"), Err(TokenRefusal::Signature));
    }

    #[test]
    fn a_token_with_an_address_is_for_that_address() {
        let token = token(&["/*"], None, Some("10.0.0.1"));
        let from = |ip| verify_auth_token(&token, "/a", 150, ip, &key());
        assert_eq!(from(Some("10.0.0.1")), Ok(()));
        assert_eq!(from(Some("10.0.0.2")), Err(TokenRefusal::Address));
        assert_eq!(from(None), Err(TokenRefusal::Address));
    }

    #[test]
    fn altered_tokens_and_other_keys_are_refused() {
        let token = token(&["/a*"], None, None);
        let check = |token: &str, key: &AuthTokenKey| verify_auth_token(token, "/a", 150, None, key);
        let other = AuthTokenKey::new(Secret::new("00")).unwrap();
        assert_eq!(check(&token, &key()), Ok(()));
        assert_eq!(check(&token, &other), Err(TokenRefusal::Signature));
        assert_eq!(
            check(&token.replace("exp=200", "exp=900"), &key()),
            Err(TokenRefusal::Signature)
        );
        assert_eq!(
            check(&token.replace("acl=%2fa*~", ""), &key()),
            Err(TokenRefusal::Signature)
        );
        for malformed in [
            "",
            "hmac=",
            "exp=1",
            "exp=x~hmac=1",
            "exp=1~exp=2~hmac=1",
            "exp=1~a=1~hmac=1",
        ] {
            assert_eq!(check(malformed, &key()), Err(TokenRefusal::Malformed), "{malformed}");
        }
        assert_eq!(check(&"x".repeat(5000), &key()), Err(TokenRefusal::Malformed));
        assert_eq!(AuthTokenKey::new(Secret::new("xyz")), Err(AuthTokenError::Key));
    }

    #[test]
    fn stars_match_any_text() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "a1b2b3c", true),
            ("a*b", "ab", true),
            ("a*b", "abc", false),
            ("**a", "bba", true),
            ("a", "ab", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
