//! URLs of pictures that live elsewhere: `/{cloud}/image/fetch/[s--signature--/][transformation/][v1/]https://…`.

use super::parts::{decode, is_encoded_component, looks_signed, signature, version};
use super::{DeliveryUrl, DeliveryUrlError, UrlForm, decode_segments, is_cloud_name};
use crate::public_id::is_version;
use crate::signature::SignedText;
use crate::{Secret, Transformation};

/// The most characters of a remote URL.
const MAX_REMOTE_CHARS: usize = 2000;

/// What a path asks for: a stored asset, or a picture that lives elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub enum RequestedUrl {
    /// A stored asset.
    Stored(Box<DeliveryUrl>),
    /// A picture at another address.
    Remote(Box<FetchUrl>),
}

impl RequestedUrl {
    /// Reads the path of a URL as it was received: percent-encoded, without the query.
    ///
    /// # Errors
    ///
    /// A path that is neither, or one that asks for something visage does not do.
    pub fn parse(path: &str) -> Result<Self, DeliveryUrlError> {
        match FetchUrl::rest(path) {
            Some((cloud, rest)) => FetchUrl::read(cloud, rest).map(|url| Self::Remote(Box::new(url))),
            None => DeliveryUrl::parse(path).map(|url| Self::Stored(Box::new(url))),
        }
    }
}

/// A URL of a picture that lives elsewhere, read. Nothing says that the address may be asked: whoever asks it guards
/// against addresses of the inner network, also behind redirects.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchUrl {
    /// The cloud's name.
    pub cloud: String,
    /// The text between `s--` and `--`; not checked here.
    pub signature: Option<String>,
    /// What is asked for.
    pub transformation: Transformation,
    /// The transformation as it was received.
    pub transformation_text: String,
    /// The number after `v`; it only defeats caches.
    pub version: Option<i64>,
    /// Where the picture lives, percent-decoded once: `http://` or `https://` in any letter case, with a host. It may
    /// hold blanks and other characters that a client has to escape again.
    pub remote: String,
    /// The same as it was received; what a signature covers.
    pub remote_text: String,
}

impl FetchUrl {
    /// Reads such a URL. Empty segments are skipped before the remote URL and kept in it. A `?` counts only if it is
    /// escaped, because a real one ends the path.
    ///
    /// # Errors
    ///
    /// Another delivery type, a bad transformation, a remote URL that is none.
    pub fn parse(path: &str) -> Result<Self, DeliveryUrlError> {
        let (cloud, rest) = Self::rest(path).ok_or(DeliveryUrlError::Remote("it is not image/fetch"))?;
        Self::read(cloud, rest)
    }

    /// The cloud's name and what follows `image/fetch`.
    fn rest(path: &str) -> Option<(&str, &str)> {
        let (cloud, rest) = segment(path)?;
        let (resource_type, rest) = segment(rest)?;
        let (delivery_type, rest) = segment(rest)?;
        ((resource_type, delivery_type) == ("image", "fetch")).then_some((cloud, rest))
    }

    fn read(cloud: &str, mut rest: &str) -> Result<Self, DeliveryUrlError> {
        if !is_cloud_name(cloud) {
            return Err(DeliveryUrlError::Cloud(cloud.to_owned()));
        }
        let mut take = |matches: fn(&str) -> bool| {
            let (first, others) = segment(rest).filter(|(first, _)| matches(first))?;
            rest = others;
            Some(first)
        };
        let signature = take(looks_signed).map(signature).transpose()?;
        let components: Vec<&str> = std::iter::from_fn(|| take(is_encoded_component)).collect();
        let version = take(is_version).map(version).transpose()?;
        let remote_text = rest.trim_start_matches('/');
        Ok(Self {
            cloud: cloud.to_owned(),
            signature: signature.map(str::to_owned),
            transformation: Transformation::parse(&decode_segments(&components)?)?,
            transformation_text: components.join("/"),
            version,
            remote: remote(remote_text)?,
            remote_text: remote_text.to_owned(),
        })
    }

    /// What a signature of this URL covers.
    pub fn signed_text(&self) -> SignedText {
        SignedText::new(UrlForm::Full, self.transformation_text.clone(), &self.remote_text)
    }

    /// Whether the URL carries a right signature; false when it carries none.
    pub fn is_signed(&self, secret: &Secret) -> bool {
        let signature = self.signature.as_ref();
        signature.is_some_and(|signature| self.signed_text().is_signed(signature, secret))
    }
}

/// The path, which reads back as the same value.
impl std::fmt::Display for FetchUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "/{}/image/fetch/", self.cloud)?;
        if let Some(signature) = &self.signature {
            write!(f, "s--{signature}--/")?;
        }
        if !self.transformation_text.is_empty() {
            write!(f, "{}/", self.transformation_text)?;
        }
        if let Some(version) = self.version {
            write!(f, "v{version}/")?;
        }
        f.write_str(&self.remote_text)
    }
}

/// The first segment that is not empty, and what follows it with its slash.
fn segment(path: &str) -> Option<(&str, &str)> {
    let path = path.trim_start_matches('/');
    let end = path.find('/')?;
    path.split_at_checked(end)
}

/// Checks and decodes a remote URL. Proxies on the way may have made one slash of the two after the scheme.
fn remote(text: &str) -> Result<String, DeliveryUrlError> {
    if text.is_empty() {
        return Err(DeliveryUrlError::MissingSource);
    }
    let decoded = decode(text)?;
    if decoded.chars().nth(MAX_REMOTE_CHARS).is_some() {
        return Err(DeliveryUrlError::Remote("it is too long"));
    }
    if decoded.chars().any(char::is_control) {
        return Err(DeliveryUrlError::Remote("it contains a control character"));
    }
    let http = decoded
        .split_once(':')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"));
    let (scheme, rest) = http.ok_or(DeliveryUrlError::Remote("it should begin with http:// or https://"))?;
    let address = rest.strip_prefix("//").or_else(|| rest.strip_prefix('/'));
    match address {
        Some(address) if address.starts_with(|c: char| !['/', '\\', '?', '#', '@', ':'].contains(&c)) => {
            Ok(format!("{scheme}://{address}"))
        }
        _ => Err(DeliveryUrlError::Remote("it has no host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str) -> FetchUrl {
        let url = FetchUrl::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(FetchUrl::parse(&url.to_string()), Ok(url.clone()), "{path}");
        url
    }

    fn check_error(path: &str, message: &str) {
        assert_eq!(FetchUrl::parse(path).unwrap_err().to_string(), message, "{path}");
    }

    #[test]
    fn a_remote_url_may_be_raw_or_encoded() {
        for text in [
            "https://example.com/a_b/c d.jpg?x=1",
            "https://example.com/a_b/c%20d.jpg%3Fx%3D1",
            "https%3A%2F%2Fexample.com%2Fa_b%2Fc%20d.jpg%3Fx%3D1",
            "https:/example.com/a_b/c%20d.jpg%3Fx=1",
        ] {
            let url = parse(&format!("/demo/image/fetch/w_10/r_max/v1/{text}"));
            assert_eq!(url.remote, "https://example.com/a_b/c d.jpg?x=1");
            assert_eq!((url.transformation_text.as_str(), url.version), ("w_10/r_max", Some(1)));
        }
        assert_eq!(parse("//demo/image//fetch/http://h//a//").remote, "http://h//a//");
    }

    #[test]
    fn what_is_no_remote_picture_is_refused() {
        check_error("/demo/image/upload/cat", "Invalid remote URL - it is not image/fetch");
        check_error(
            "/demo/video/fetch/http://h/a",
            "Invalid remote URL - it is not image/fetch",
        );
        check_error("/d/image/fetch/http://h/a", "Invalid cloud_name d");
        check_error("/demo/image/fetch/", "Missing required parameter - public_id");
        check_error("/demo/image/fetch/w_x/http://h", "Invalid width in transformation: x");
        check_error("/demo/image/fetch/http://h/%FF", "Invalid public_id - not UTF-8");
        check_error(
            "/demo/image/fetch/http://h/%00",
            "Invalid remote URL - it contains a control character",
        );
        for text in ["cat.jpg", "ftp://h/a", "file:///etc/passwd", "data:x", "//h/a"] {
            check_error(
                &format!("/demo/image/fetch/{text}"),
                "Invalid remote URL - it should begin with http:// or https://",
            );
        }
        for text in ["http:", "http://", "http:///a", "http://@h", "http://%5Ch"] {
            check_error(
                &format!("/demo/image/fetch/{text}"),
                "Invalid remote URL - it has no host",
            );
        }
        let long = |chars: usize| format!("/demo/image/fetch/http://h/{}", "x".repeat(chars - 9));
        assert!(FetchUrl::parse(&long(2000)).is_ok());
        check_error(&long(2001), "Invalid remote URL - it is too long");
    }

    #[test]
    fn a_path_is_stored_or_remote() {
        assert!(matches!(
            RequestedUrl::parse("/demo/image/fetch/http://h/a"),
            Ok(RequestedUrl::Remote(_))
        ));
        assert!(matches!(
            RequestedUrl::parse("/demo/image/upload/cat"),
            Ok(RequestedUrl::Stored(_))
        ));
        assert!(RequestedUrl::parse("/demo/image/facebook/cat").is_err());
    }
}
