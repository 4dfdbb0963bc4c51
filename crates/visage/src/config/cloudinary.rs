//! The Cloudinary account that profile images live in, when there is one.

use serde::{Deserialize, Serialize};
use visage_cloudinary::signature::SignatureAlgorithm;
use visage_cloudinary::{ClientUrl, Secret};

use super::sections::{Report, none_is_zero};
use super::{Period, address, secret};

/// Cloudinary's own addresses.
const API: &str = "https://api.cloudinary.com";
const DELIVERY: &str = "https://res.cloudinary.com";

/// A Cloudinary account as the media host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CloudinaryConfig {
    /// `cloudinary://API_KEY:API_SECRET@CLOUD_NAME?…`; it wins over the three that follow. Empty: no account.
    #[serde(with = "secret")]
    pub url: Secret,
    /// The account's cloud name.
    pub cloud_name: String,
    /// Its API key.
    pub api_key: String,
    /// Its API secret.
    #[serde(with = "secret")]
    pub api_secret: Secret,
    /// Where its API is, when it is not in the URL: a regional host, or a store that speaks Cloudinary's language.
    pub upload_prefix: String,
    /// What its delivery URLs begin with, up to `/image/upload`. Empty: what the account's other settings say.
    pub delivery_url: String,
    /// A proxy for all requests to it, such as `http://proxy.example.com:3128`.
    #[serde(with = "secret")]
    pub api_proxy: Secret,
    /// How requests are signed: `sha1` or `sha256`.
    pub signature_algorithm: String,
    /// What happens to a new picture while the account cannot be reached.
    pub outage: Outage,
    /// With `outage = "take_in"`: how long an upload waits for the account before the picture is taken in.
    pub take_in_after: Period,
    /// Whether a stored picture is asked for once, at its delivery URL, before a user refers to it.
    pub confirm: bool,
    /// How long a connection may take to be made.
    pub connect_timeout: Period,
    /// How long one request may take.
    pub request_timeout: Period,
    /// How long one act may take with all its retries.
    pub deadline: Period,
    /// After so many failures in a row the account is left alone for `breaker_pause`.
    pub breaker_failures: u32,
    /// How long it is left alone.
    pub breaker_pause: Period,
}

/// What happens to a new picture while the account cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    /// It is refused; the old picture stays.
    Refuse,
    /// It is kept in the embedded store, and moved to the account when that is back.
    TakeIn,
}

/// Which media host gets new pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaHostKind {
    /// The Cloudinary account when there is one, or else the embedded store.
    Auto,
    /// The Cloudinary account.
    Cloudinary,
    /// The embedded store, also when there is an account.
    Embedded,
}

/// The account, as its settings say together.
#[derive(Debug, Clone)]
pub struct CloudinaryAccount {
    /// The cloud's name.
    pub cloud_name: String,
    /// The public half of the credentials.
    pub api_key: String,
    /// The private half.
    pub api_secret: Secret,
    /// The address of the API, before `/v1_1`, without a slash at the end.
    pub api_url: String,
    /// What delivery URLs begin with, up to `/image/upload`.
    pub delivery_url: String,
    /// The proxy, if there is one.
    pub proxy: Option<Secret>,
    /// How requests are signed.
    pub algorithm: SignatureAlgorithm,
}

impl Default for CloudinaryConfig {
    fn default() -> Self {
        Self {
            url: Secret::default(),
            cloud_name: String::new(),
            api_key: String::new(),
            api_secret: Secret::default(),
            upload_prefix: String::new(),
            delivery_url: String::new(),
            api_proxy: Secret::default(),
            signature_algorithm: String::new(),
            outage: Outage::Refuse,
            take_in_after: Period::seconds(5),
            confirm: true,
            connect_timeout: Period::seconds(5),
            request_timeout: Period::seconds(20),
            deadline: Period::seconds(25),
            breaker_failures: 5,
            breaker_pause: Period::seconds(10),
        }
    }
}

impl CloudinaryConfig {
    /// The account; `None` when none is set.
    ///
    /// # Errors
    /// What is wrong with the settings, with its key. No secret is in it.
    pub fn account(&self) -> Result<Option<CloudinaryAccount>, String> {
        let Some(client) = self.client_url()? else {
            return Ok(None);
        };
        let option = |name: &str| client.options.get(name).map(String::as_str).unwrap_or_default();
        let first = |written: &str, of_url: &str| if written.is_empty() { of_url } else { written }.to_owned();
        let prefix = client.upload_prefix.as_deref().unwrap_or_default();
        let prefix = first(&self.upload_prefix, prefix);
        let algorithm = match first(&self.signature_algorithm, option("signature_algorithm")).as_str() {
            "" | "sha1" => SignatureAlgorithm::Sha1,
            "sha256" => SignatureAlgorithm::Sha256,
            _ => return Err("cloudinary.signature_algorithm: must be sha1 or sha256".to_owned()),
        };
        let proxy = first(self.api_proxy.expose(), option("api_proxy"));
        if !proxy.is_empty() && !is_proxy(&proxy) {
            return Err("cloudinary.api_proxy: must be written http://host:port".to_owned());
        }
        Ok(Some(CloudinaryAccount {
            delivery_url: self.delivery_base(&client, &prefix),
            api_url: first(&prefix, API),
            cloud_name: client.cloud_name,
            api_key: client.api_key,
            api_secret: client.api_secret,
            proxy: (!proxy.is_empty()).then(|| Secret::new(proxy)),
            algorithm,
        }))
    }

    fn client_url(&self) -> Result<Option<ClientUrl>, String> {
        if !self.url.is_empty() {
            let url = ClientUrl::parse(self.url.expose()).map_err(|error| format!("cloudinary.url: {error}"))?;
            return Ok(Some(url));
        }
        let parts = [
            ("cloudinary.cloud_name", self.cloud_name.is_empty()),
            ("cloudinary.api_key", self.api_key.is_empty()),
            ("cloudinary.api_secret", self.api_secret.is_empty()),
        ];
        if parts.iter().all(|(_, is_empty)| *is_empty) {
            return Ok(None);
        }
        if let Some((key, _)) = parts.iter().find(|(_, is_empty)| *is_empty) {
            return Err(format!(
                "{key}: is missing; an account needs all three, or cloudinary.url"
            ));
        }
        let written = ClientUrl::new(&self.api_key, self.api_secret.clone(), &self.cloud_name);
        // Checks the cloud's name.
        let url = ClientUrl::parse(&written.expose()).map_err(|error| format!("cloudinary.cloud_name: {error}"))?;
        Ok(Some(url))
    }

    /// As the SDKs write delivery URLs; a store at another address delivers there, too.
    fn delivery_base(&self, client: &ClientUrl, prefix: &str) -> String {
        let cloud = &client.cloud_name;
        let is_private = client.options.get("private_cdn").is_some_and(|value| value == "true");
        if !self.delivery_url.is_empty() {
            self.delivery_url.clone()
        } else if let Some(distribution) = &client.secure_distribution {
            format!("https://{distribution}")
        } else if is_private {
            format!("https://{cloud}-res.cloudinary.com")
        } else if prefix.is_empty() || is_cloudinarys(prefix) {
            format!("{DELIVERY}/{cloud}")
        } else {
            format!("{prefix}/{cloud}")
        }
    }

    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        if let Err(mistake) = self.account() {
            wrong(true, &mistake);
        }
        for (key, url) in [
            ("upload_prefix", &self.upload_prefix),
            ("delivery_url", &self.delivery_url),
        ] {
            let text = format!("cloudinary.{key}: must be written https://host, and must not end with a slash");
            wrong(!url.is_empty() && !address::is_base_url(url), &text);
        }
        wrong(
            self.outage == Outage::TakeIn && self.take_in_after.as_duration() > self.deadline.as_duration(),
            "cloudinary.take_in_after: must be at most cloudinary.deadline",
        );
        none_is_zero(
            wrong,
            &[
                ("cloudinary.connect_timeout", self.connect_timeout.is_zero()),
                ("cloudinary.request_timeout", self.request_timeout.is_zero()),
                ("cloudinary.deadline", self.deadline.is_zero()),
                ("cloudinary.take_in_after", self.take_in_after.is_zero()),
                ("cloudinary.breaker_failures", self.breaker_failures == 0),
                ("cloudinary.breaker_pause", self.breaker_pause.is_zero()),
            ],
        );
    }
}

/// Whether an API is Cloudinary's own, at one of its hosts.
fn is_cloudinarys(prefix: &str) -> bool {
    let host = prefix.split_once("://").map_or(prefix, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or(host);
    host.ends_with(".cloudinary.com")
}

fn is_proxy(text: &str) -> bool {
    let url = url::Url::parse(text);
    url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> CloudinaryAccount {
        let config = CloudinaryConfig {
            url: Secret::new(url),
            ..CloudinaryConfig::default()
        };
        config.account().unwrap().unwrap()
    }

    #[test]
    fn an_account_delivers_where_the_sdks_say() {
        let check = |url: &str, api: &str, delivery: &str| {
            let account = of(url);
            assert_eq!(
                (account.api_url.as_str(), account.delivery_url.as_str()),
                (api, delivery)
            );
        };
        check("cloudinary://k:s@demo", API, "https://res.cloudinary.com/demo");
        check(
            "cloudinary://k:s@demo?upload_prefix=https://api-eu.cloudinary.com",
            "https://api-eu.cloudinary.com",
            "https://res.cloudinary.com/demo",
        );
        check(
            "cloudinary://k:s@demo/media.example.com",
            API,
            "https://media.example.com",
        );
        check(
            "cloudinary://k:s@demo?private_cdn=true",
            API,
            "https://demo-res.cloudinary.com",
        );
        check(
            "cloudinary://k:s@demo?upload_prefix=http://127.0.0.1:5001",
            "http://127.0.0.1:5001",
            "http://127.0.0.1:5001/demo",
        );
    }

    #[test]
    fn the_url_says_how_requests_are_signed_and_which_proxy_they_take() {
        let account =
            of("cloudinary://k:s@demo?signature_algorithm=sha256&api_proxy=http%3A%2F%2Fu%3Ap%40proxy%3A3128");
        assert_eq!(account.algorithm, SignatureAlgorithm::Sha256);
        assert_eq!(account.proxy.unwrap().expose(), "http://u:p@proxy:3128");
    }

    #[test]
    fn three_names_make_an_account_and_two_do_not() {
        let mut config = CloudinaryConfig {
            cloud_name: "demo".to_owned(),
            api_key: "1".to_owned(),
            ..CloudinaryConfig::default()
        };
        assert!(config.account().unwrap_err().starts_with("cloudinary.api_secret"));
        config.api_secret = Secret::new("s/?&");
        let account = config.account().unwrap().unwrap();
        assert_eq!((account.api_key.as_str(), account.api_secret.expose()), ("1", "s/?&"));
    }

    #[test]
    fn no_secret_is_in_a_mistake_or_in_what_is_printed() {
        let config = CloudinaryConfig {
            url: Secret::new("cloudinary://key:hush-hush@my_cloud"),
            api_proxy: Secret::new("http://user:hush-hush@proxy"),
            ..CloudinaryConfig::default()
        };
        assert!(!config.account().unwrap_err().contains("hush"));
        assert!(!format!("{config:?}").contains("hush"));
        let account = of("cloudinary://k:hush-hush@demo?api_proxy=http://u:hush-hush@proxy:1");
        assert!(!format!("{account:?}").contains("hush"));
    }
}
