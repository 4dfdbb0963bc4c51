//! `CLOUDINARY_URL`: how a client is told where its media are and with which keys.

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::Secret;
use crate::delivery_url::is_cloud_name;

const SCHEME: &str = "cloudinary://";
const UPLOAD_PREFIX: &str = "upload_prefix";
/// What stands unescaped in keys, secrets and option values; the names of nested options keep their brackets.
const UNESCAPED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b':')
    .remove(b'/')
    .remove(b'[')
    .remove(b']');
const UNESCAPED_CREDENTIALS: AsciiSet = UNESCAPED.add(b':').add(b'/');

/// `cloudinary://API_KEY:API_SECRET@CLOUD_NAME[/SECURE_DISTRIBUTION][?key=value[&key[sub]=value…]]`, read.
///
/// `Debug` and `Display` show neither the secret nor the other options, which may hold tokens; [`ClientUrl::expose`]
/// does.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientUrl {
    /// The public half of the credentials.
    pub api_key: String,
    /// The private half.
    pub api_secret: Secret,
    /// The cloud's name.
    pub cloud_name: String,
    /// The host of https delivery URLs; naming one also means a private CDN, whose URLs leave the cloud's name out.
    pub secure_distribution: Option<String>,
    /// Where the APIs are, such as `http://127.0.0.1:5000`, without a slash at the end; `None` for Cloudinary's own.
    pub upload_prefix: Option<String>,
    /// The other options by name (`auth_token[key]` as it is written), all text.
    pub options: BTreeMap<String, String>,
}

/// Why a text is no `CLOUDINARY_URL`. It never quotes the text, which may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientUrlError {
    /// It begins otherwise.
    #[error("Invalid CLOUDINARY_URL scheme. URL should begin with 'cloudinary://'")]
    Scheme,
    /// There is no `API_KEY:API_SECRET@`, or one of the two is empty.
    #[error("CLOUDINARY_URL has no api_key and api_secret: it should read cloudinary://API_KEY:API_SECRET@CLOUD_NAME")]
    Credentials,
    /// The cloud's name is missing or cannot be one.
    #[error("CLOUDINARY_URL has an invalid cloud_name")]
    CloudName,
    /// `upload_prefix` is not `http://` or `https://` and a host.
    #[error("CLOUDINARY_URL has an invalid upload_prefix: it should begin with http:// or https://")]
    UploadPrefix,
    /// A part is not UTF-8 once percent-decoded.
    #[error("CLOUDINARY_URL is not UTF-8")]
    Encoding,
}

impl ClientUrl {
    /// Credentials for Cloudinary's own service.
    pub fn new(api_key: &str, api_secret: Secret, cloud_name: &str) -> Self {
        Self {
            api_key: api_key.to_owned(),
            api_secret,
            cloud_name: cloud_name.to_owned(),
            secure_distribution: None,
            upload_prefix: None,
            options: BTreeMap::new(),
        }
    }

    /// The same credentials for the service at a base URL.
    #[must_use]
    pub fn with_upload_prefix(mut self, prefix: &str) -> Self {
        self.upload_prefix = Some(prefix.trim_end_matches('/').to_owned());
        self
    }

    /// Reads a `CLOUDINARY_URL`. The scheme's letter case does not matter; blanks around the text are dropped; parts
    /// are percent-decoded; an option given twice keeps the last value.
    ///
    /// # Errors
    ///
    /// What [`ClientUrlError`] lists.
    pub fn parse(text: &str) -> Result<Self, ClientUrlError> {
        let rest = strip_scheme(text.trim()).ok_or(ClientUrlError::Scheme)?;
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = address.split_once('/').unwrap_or((address, ""));
        let (credentials, cloud_name) = authority.rsplit_once('@').ok_or(ClientUrlError::Credentials)?;
        let (api_key, api_secret) = credentials.split_once(':').ok_or(ClientUrlError::Credentials)?;
        if api_key.is_empty() || api_secret.is_empty() {
            return Err(ClientUrlError::Credentials);
        }
        if !is_cloud_name(cloud_name) {
            return Err(ClientUrlError::CloudName);
        }
        let mut options = options(query)?;
        let upload_prefix = options
            .remove(UPLOAD_PREFIX)
            .as_deref()
            .map(upload_prefix)
            .transpose()?;
        Ok(Self {
            api_key: decode(api_key)?,
            api_secret: Secret::new(decode(api_secret)?),
            cloud_name: cloud_name.to_owned(),
            secure_distribution: (!path.is_empty()).then(|| decode(path)).transpose()?,
            upload_prefix,
            options,
        })
    }

    /// The whole text with the secret in it: for handing to a client, not for logs.
    pub fn expose(&self) -> String {
        let key = utf8_percent_encode(&self.api_key, &UNESCAPED_CREDENTIALS);
        let secret = utf8_percent_encode(self.api_secret.expose(), &UNESCAPED_CREDENTIALS);
        let distribution = self
            .secure_distribution
            .iter()
            .map(|path| format!("/{}", utf8_percent_encode(path, &UNESCAPED)));
        let prefix = self.upload_prefix.iter().map(|prefix| (UPLOAD_PREFIX, prefix));
        let options = prefix.chain(self.options.iter().map(|(name, value)| (name.as_str(), value)));
        let query: Vec<String> = options
            .map(|(name, value)| {
                format!(
                    "{}={}",
                    utf8_percent_encode(name, &UNESCAPED),
                    utf8_percent_encode(value, &UNESCAPED)
                )
            })
            .collect();
        let question_mark = if query.is_empty() { "" } else { "?" };
        let distribution: String = distribution.collect();
        format!(
            "{SCHEME}{key}:{secret}@{}{distribution}{question_mark}{}",
            self.cloud_name,
            query.join("&")
        )
    }
}

fn strip_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

/// A base URL with a host, without the slash at its end.
fn upload_prefix(text: &str) -> Result<String, ClientUrlError> {
    let prefix = text.trim_end_matches('/');
    match prefix
        .strip_prefix("http://")
        .or_else(|| prefix.strip_prefix("https://"))
    {
        Some(host) if !host.is_empty() => Ok(prefix.to_owned()),
        _ => Err(ClientUrlError::UploadPrefix),
    }
}

fn options(query: &str) -> Result<BTreeMap<String, String>, ClientUrlError> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(&name.replace('+', " "))?, decode(&value.replace('+', " "))?))
        })
        .collect()
}

fn decode(text: &str) -> Result<String, ClientUrlError> {
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_not_utf8| ClientUrlError::Encoding)?;
    Ok(decoded.into_owned())
}

impl fmt::Display for ClientUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}:[redacted]@{}", self.api_key, self.cloud_name)?;
        match &self.upload_prefix {
            Some(prefix) => write!(f, "?{UPLOAD_PREFIX}={prefix}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ClientUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ClientUrl {
        let url = ClientUrl::parse(text).unwrap();
        assert_eq!(ClientUrl::parse(&url.expose()), Ok(url.clone()), "{text}");
        url
    }

    #[test]
    fn all_parts_are_read() {
        let url = parse(
            "CLOUDINARY://12:s3cret@my-cloud/cdn.example.com?upload_prefix=http://127.0.0.1:5000/&secure=true&auth_token[key]=aa%20b",
        );
        assert_eq!(
            (url.api_key.as_str(), url.api_secret.expose(), url.cloud_name.as_str()),
            ("12", "s3cret", "my-cloud")
        );
        assert_eq!(url.secure_distribution.as_deref(), Some("cdn.example.com"));
        assert_eq!(url.upload_prefix.as_deref(), Some("http://127.0.0.1:5000"));
        assert_eq!(url.options.get("secure").map(String::as_str), Some("true"));
        assert_eq!(url.options.get("auth_token[key]").map(String::as_str), Some("aa b"));
    }

    #[test]
    fn a_lone_slash_is_no_distribution() {
        assert_eq!(parse(" cloudinary://k:s@cloud/ \n").secure_distribution, None);
    }

    #[test]
    fn odd_characters_in_credentials_survive() {
        let url =
            ClientUrl::new("k@:", Secret::new("a/b?c&d@e:f%"), "cloud").with_upload_prefix("http://localhost:5000/");
        assert_eq!(
            url.expose(),
            "cloudinary://k%40%3A:a%2Fb%3Fc%26d%40e%3Af%25@cloud?upload_prefix=http://localhost:5000"
        );
        assert_eq!(ClientUrl::parse(&url.expose()), Ok(url));
    }

    #[test]
    fn bad_texts_are_refused() {
        let check = |text: &str, error| assert_eq!(ClientUrl::parse(text), Err(error), "{text}");
        check("", ClientUrlError::Scheme);
        check("https://k:s@cloud", ClientUrlError::Scheme);
        check("cloudinary:/é", ClientUrlError::Scheme);
        check("cloudinary://cloud", ClientUrlError::Credentials);
        check("cloudinary://key@cloud", ClientUrlError::Credentials);
        check("cloudinary://:s@cloud", ClientUrlError::Credentials);
        check("cloudinary://k:@cloud", ClientUrlError::Credentials);
        check("cloudinary://k:s@", ClientUrlError::CloudName);
        check("cloudinary://k:s@my_cloud", ClientUrlError::CloudName);
        check("cloudinary://k:%FF@cloud", ClientUrlError::Encoding);
        check(
            "cloudinary://k:s@cloud?upload_prefix=localhost",
            ClientUrlError::UploadPrefix,
        );
    }

    #[test]
    fn only_expose_shows_the_secret() {
        let url = parse("cloudinary://12:s3cret@cloud?upload_prefix=http://h&oauth_token=t0ken");
        assert_eq!(
            url.to_string(),
            "cloudinary://12:[redacted]@cloud?upload_prefix=http://h"
        );
        assert_eq!(
            format!("{url:?}"),
            "ClientUrl(cloudinary://12:[redacted]@cloud?upload_prefix=http://h)"
        );
        assert_eq!(format!("{:?}", url.api_secret), "[redacted]");
        assert!(url.expose().contains("s3cret") && url.expose().contains("t0ken"));
    }
}
