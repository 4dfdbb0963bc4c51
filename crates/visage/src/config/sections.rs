//! The sections of the settings, each with its defaults.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use visage_cloudinary::signature::AuthTokenKey;
use visage_cloudinary::{Secret, Transformation};

use super::{Period, address, secret};
use crate::fetch::parse_allowed;

/// Secrets that were published in source code; whoever uses one lets everybody in.
const PUBLISHED_SECRETS: &[&str] = &["fallback-secret-key", "your-secret-key", "secret", "changeme"];
const PUBLISHED_PASSWORDS: &[&str] = &["admin", "admin123", "admin@123", "password", "changeme"];

/// The longest time that a sign-in may be good for: ten years.
const MAX_TOKEN_LIFETIME: Period = Period::hours(24 * 3653);

/// Reports a mistake when its first argument is true.
pub(super) type Report<'a> = dyn FnMut(bool, &str) + 'a;

pub(super) fn none_is_zero(wrong: &mut Report<'_>, settings: &[(&str, bool)]) {
    for (key, is_zero) in settings {
        wrong(*is_zero, &format!("{key}: must be more than 0"));
    }
}

/// Sign-in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// Signs tokens; generated and kept in the data folder when empty.
    #[serde(with = "secret")]
    pub jwt_secret: Secret,
    /// How long a token is good for.
    pub token_lifetime: Period,
    /// The administrator's e-mail; empty means that there is no administrator.
    pub admin_email: String,
    /// The administrator's password.
    #[serde(with = "secret")]
    pub admin_password: Secret,
    /// For development only: hand one-time passwords and reset tokens to the caller.
    pub reveal_tokens: bool,
    /// How long a one-time password is good for.
    pub otp_lifetime: Period,
    /// How long a password reset token is good for.
    pub reset_lifetime: Period,
    /// bcrypt's cost for new passwords.
    pub bcrypt_cost: u32,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            jwt_secret: Secret::default(),
            token_lifetime: Period::hours(24),
            admin_email: String::new(),
            admin_password: Secret::default(),
            reveal_tokens: false,
            otp_lifetime: Period::minutes(10),
            reset_lifetime: Period::hours(1),
            bcrypt_cost: 10,
        }
    }
}

impl AuthConfig {
    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        let secret = self.jwt_secret.expose();
        wrong(
            PUBLISHED_SECRETS.contains(&secret),
            "auth.jwt_secret: this secret is published; anybody could sign in as anybody",
        );
        wrong(
            !secret.is_empty() && secret.len() < 16,
            "auth.jwt_secret: must be at least 16 characters; leave it empty to have one generated",
        );
        let password = self.admin_password.expose();
        wrong(
            PUBLISHED_PASSWORDS.contains(&password.to_ascii_lowercase().as_str()),
            "auth.admin_password: this password is published; choose another",
        );
        wrong(
            !self.admin_email.is_empty() && password.len() < 8,
            "auth.admin_password: must be at least 8 characters when auth.admin_email is set",
        );
        wrong(
            !(4..=15).contains(&self.bcrypt_cost),
            "auth.bcrypt_cost: must be from 4 to 15",
        );
        none_is_zero(
            wrong,
            &[
                ("auth.token_lifetime", self.token_lifetime.is_zero()),
                ("auth.otp_lifetime", self.otp_lifetime.is_zero()),
                ("auth.reset_lifetime", self.reset_lifetime.is_zero()),
            ],
        );
        wrong(
            self.token_lifetime > MAX_TOKEN_LIFETIME,
            "auth.token_lifetime: must be at most ten years",
        );
    }
}

/// Which web pages may call the API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorsConfig {
    /// Origins of the pages that may; `*` means every page.
    #[serde(deserialize_with = "address::origins")]
    pub origins: Vec<String>,
}

impl Default for CorsConfig {
    fn default() -> Self {
        Self {
            origins: vec!["http://localhost:3000".to_owned()],
        }
    }
}

impl CorsConfig {
    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        for origin in &self.origins {
            wrong(
                origin != "*" && !address::is_origin(origin),
                &format!("cors.origins: `{origin}` must be written https://host or https://host:port, or be `*`"),
            );
        }
    }
}

/// The embedded media store's own credentials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmbeddedConfig {
    /// The cloud name: the first part of every image URL's path.
    pub cloud_name: String,
    /// The API key; generated and kept in the data folder when empty.
    pub api_key: String,
    /// The API secret; generated and kept in the data folder when empty.
    #[serde(with = "secret")]
    pub api_secret: Secret,
    /// Whether signatures of old SDKs are accepted, which do not escape `&`.
    pub signature_version_1: bool,
    /// The hexadecimal key of tokens for protected assets; empty when there are none.
    #[serde(with = "secret")]
    pub auth_token_key: Secret,
    /// Whether URLs may ask only for signed, named and eager transformations.
    pub strict_transformations: bool,
    /// Calls of the Admin API in an hour.
    pub admin_calls_per_hour: u64,
    /// How long one search may take, waiting for its turn included; then it is answered 503.
    pub search_timeout: Period,
}

impl Default for EmbeddedConfig {
    fn default() -> Self {
        Self {
            cloud_name: "visage".to_owned(),
            api_key: String::new(),
            api_secret: Secret::default(),
            signature_version_1: true,
            auth_token_key: Secret::default(),
            strict_transformations: false,
            admin_calls_per_hour: 100_000,
            search_timeout: Period::seconds(10),
        }
    }
}

impl EmbeddedConfig {
    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        let name = &self.cloud_name;
        let good = (2..=128).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        wrong(
            !good,
            "embedded.cloud_name: must be 2 to 128 letters, digits and dashes, a letter first",
        );
        none_is_zero(wrong, &[("embedded.search_timeout", self.search_timeout.is_zero())]);
        let key = &self.auth_token_key;
        wrong(
            !key.is_empty() && AuthTokenKey::new(key.clone()).is_err(),
            "embedded.auth_token_key: must be hexadecimal digits, an even number of them",
        );
        let reserved = ["api", "health", "metrics", "v1_1", "v2", "uploads"].contains(&name.as_str());
        wrong(reserved, "embedded.cloud_name: this name is a path of the server's own");
    }
}

/// Files that come in several requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChunksConfig {
    /// Uploads under way at once.
    pub uploads: usize,
    /// What all of them may hold together, in bytes.
    pub bytes: u64,
    /// How long after its last part an unfinished upload is kept.
    pub lifetime: Period,
    /// Unsigned uploads under way at once; they may hold the same part of `bytes`. One more gives the longest silent one up.
    pub unsigned_uploads: usize,
    /// Unsigned uploads of one address under way at once; one more gives its longest silent one up.
    pub unsigned_per_address: usize,
    /// How long after its last part an unfinished unsigned upload is kept.
    pub unsigned_lifetime: Period,
}

impl Default for ChunksConfig {
    fn default() -> Self {
        Self {
            uploads: 64,
            bytes: 4 * 1024 * 1024 * 1024,
            lifetime: Period::hours(24),
            unsigned_uploads: 32,
            unsigned_per_address: 4,
            unsigned_lifetime: Period::hours(1),
        }
    }
}

impl ChunksConfig {
    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        none_is_zero(
            wrong,
            &[
                ("chunks.uploads", self.uploads == 0),
                ("chunks.bytes", self.bytes == 0),
                ("chunks.lifetime", self.lifetime.is_zero()),
                ("chunks.unsigned_uploads", self.unsigned_uploads == 0),
                ("chunks.unsigned_per_address", self.unsigned_per_address == 0),
                ("chunks.unsigned_lifetime", self.unsigned_lifetime.is_zero()),
            ],
        );
    }
}

/// Files from URLs that clients name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FetchConfig {
    /// Whether files can be uploaded by naming a URL.
    pub enabled: bool,
    /// How long fetching one file may take.
    pub timeout: Period,
    /// `host:port` that may be fetched from, and notified, although their addresses are private.
    #[serde(deserialize_with = "address::list")]
    pub allow: Vec<String>,
    /// Whether pictures of other sites are delivered (`image/fetch`).
    pub delivery: bool,
    /// The hosts whose pictures are delivered, `img.example.com` or `*.example.com`; empty means every public host.
    #[serde(deserialize_with = "address::list")]
    pub delivery_hosts: Vec<String>,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timeout: Period::seconds(20),
            allow: Vec::new(),
            delivery: false,
            delivery_hosts: Vec::new(),
        }
    }
}

impl FetchConfig {
    /// Hosts, as URLs have them after parsing, and ports that may have any address.
    pub fn allowed(&self) -> HashSet<(String, u16)> {
        self.allow.iter().filter_map(|entry| parse_allowed(entry)).collect()
    }

    /// Whether pictures of this host, as URLs have it after parsing, are delivered.
    pub fn may_deliver(&self, host: &str) -> bool {
        let matches = |entry: &String| match entry.strip_prefix('*') {
            None => entry == host,
            Some(domain) => host.ends_with(domain),
        };
        self.delivery && (self.delivery_hosts.is_empty() || self.delivery_hosts.iter().any(matches))
    }

    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        none_is_zero(wrong, &[("fetch.timeout", self.timeout.is_zero())]);
        for entry in &self.allow {
            let text = format!("fetch.allow: `{entry}` is not written host:port");
            wrong(parse_allowed(entry).is_none(), &text);
        }
        for entry in &self.delivery_hosts {
            let host = entry.strip_prefix("*.").unwrap_or(entry);
            // As URLs have it: in small letters, and nothing but a host.
            let plain = url::Host::parse(host).is_ok_and(|parsed| parsed.to_string() == host);
            let text = format!("fetch.delivery_hosts: `{entry}` is not a host in small letters, perhaps after `*.`");
            wrong(!plain, &text);
        }
    }
}

/// Profile images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileConfig {
    /// The folder of the media host that profile images live in.
    pub folder: String,
    /// The transformation in the URL that is saved on the user; empty for the plain original.
    pub transformation: String,
}

impl Default for ProfileConfig {
    fn default() -> Self {
        Self {
            folder: "profiles".to_owned(),
            transformation: "c_thumb,g_face,h_400,w_400/f_auto,q_auto".to_owned(),
        }
    }
}

impl ProfileConfig {
    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        if let Err(cause) = Transformation::parse(&self.transformation) {
            wrong(true, &format!("profile.transformation: {cause}"));
        }
        wrong(
            !is_folder(&self.folder),
            "profile.folder: must be letters, digits, dashes and underscores",
        );
    }
}

/// Whether the name is one of a folder of the media host, and needs no escaping anywhere.
pub(super) fn is_folder(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    !name.is_empty() && name.bytes().all(is_plain)
}

/// Limits on what comes in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Largest profile image; exactly this many bytes pass.
    pub profile_image_bytes: u64,
    /// Largest picture or video of a post; exactly this many bytes pass.
    pub post_media_bytes: u64,
    /// Largest picture that the API of the embedded store takes.
    pub image_bytes: u64,
    /// Largest other file that the API of the embedded store takes, in as many requests as it needs.
    pub file_bytes: u64,
    /// Largest file, or part of one, in one request.
    pub request_bytes: u64,
    /// Most pixels of a picture, width times height.
    pub source_pixels: u64,
    /// Longest side of a picture in pixels.
    pub source_side_pixels: u32,
    /// Most frames of an animation.
    pub frames: u32,
    /// Largest JSON body in bytes.
    pub json_bytes: usize,
    /// How much of a refused upload is read on, so that the answer reaches a browser that is still sending.
    pub drain_bytes: u64,
    /// The part of the disk, in percent, that derived images leave free. Uploads leave as much, but a gibibyte at most: it is for
    /// the database.
    pub disk_reserve_percent: u8,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            profile_image_bytes: 5 * 1024 * 1024,
            post_media_bytes: 10 * 1024 * 1024,
            image_bytes: 20 * 1024 * 1024,
            file_bytes: 1024 * 1024 * 1024,
            request_bytes: 100 * 1024 * 1024,
            source_pixels: 50_000_000,
            source_side_pixels: 16_384,
            frames: 200,
            json_bytes: 100 * 1024,
            drain_bytes: 64 * 1024 * 1024,
            disk_reserve_percent: 10,
        }
    }
}

impl LimitsConfig {
    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        wrong(
            self.profile_image_bytes == 0,
            "limits.profile_image_bytes: must be more than 0",
        );
        wrong(
            self.profile_image_bytes > 1 << 30,
            "limits.profile_image_bytes: must be at most 1 GiB",
        );
        wrong(
            self.post_media_bytes == 0,
            "limits.post_media_bytes: must be more than 0",
        );
        wrong(
            self.post_media_bytes > 1 << 30,
            "limits.post_media_bytes: must be at most 1 GiB",
        );
        none_is_zero(
            wrong,
            &[
                ("limits.image_bytes", self.image_bytes == 0),
                ("limits.file_bytes", self.file_bytes == 0),
                ("limits.request_bytes", self.request_bytes == 0),
            ],
        );
        wrong(self.source_pixels == 0, "limits.source_pixels: must be more than 0");
        wrong(
            self.source_side_pixels == 0,
            "limits.source_side_pixels: must be more than 0",
        );
        wrong(self.frames == 0, "limits.frames: must be more than 0");
        wrong(
            self.disk_reserve_percent > 90,
            "limits.disk_reserve_percent: must be at most 90",
        );
    }
}

/// Decoding and encoding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RenderConfig {
    /// Memory that all pictures being worked on share, in bytes; 0 means a quarter of the machine's.
    pub memory_bytes: u64,
    /// Pictures worked on at once; 0 means one per processor.
    pub threads: usize,
    /// Pieces of work that may wait; one more is answered 503 at once.
    pub queue: usize,
    /// How long one render may take.
    pub timeout: Period,
    /// Largest side in pixels that a transformation may ask for.
    pub output_side_pixels: u32,
    /// Folder of fonts for characters that the built-in one lacks; read at the start. Empty means none.
    pub fonts: PathBuf,
}

impl Default for RenderConfig {
    fn default() -> Self {
        Self {
            memory_bytes: 0,
            threads: 0,
            queue: 256,
            timeout: Period::seconds(10),
            output_side_pixels: 8192,
            fonts: PathBuf::new(),
        }
    }
}

impl RenderConfig {
    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        none_is_zero(
            wrong,
            &[
                ("render.queue", self.queue == 0),
                ("render.timeout", self.timeout.is_zero()),
                ("render.output_side_pixels", self.output_side_pixels == 0),
            ],
        );
    }
}

/// Caches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// Memory for images that were just delivered, in bytes.
    pub hot_bytes: u64,
    /// Room for derived images in the data folder, in bytes; the longest unused ones go first.
    pub derived_bytes: u64,
    /// Most derived images in the data folder; the longest unused ones go first.
    pub derived_images: u64,
    /// Most derived images of one asset. When it has so many, new ones that strangers ask for are delivered and not stored.
    pub derived_per_asset: u64,
    /// How long others may keep an answer whose URL does not carry the current version.
    pub unversioned_max_age: Period,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            hot_bytes: 64 * 1024 * 1024,
            derived_bytes: 10 * 1024 * 1024 * 1024,
            derived_images: 1_000_000,
            derived_per_asset: 256,
            unversioned_max_age: Period::minutes(1),
        }
    }
}

/// The background job that removes what nothing needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReaperConfig {
    /// Time between two passes.
    pub interval: Period,
    /// How old an unfinished exchange must be before it is settled.
    pub pending_grace: Period,
    /// How long a replaced picture keeps answering, for pages that still show it.
    pub retire_after: Period,
    /// How long the bytes of a deleted picture stay, for readers that have just begun.
    pub purge_delay: Period,
}

impl Default for ReaperConfig {
    fn default() -> Self {
        Self {
            interval: Period::seconds(30),
            pending_grace: Period::hours(1),
            retire_after: Period::minutes(10),
            purge_delay: Period::minutes(2),
        }
    }
}

impl ReaperConfig {
    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        none_is_zero(wrong, &[("reaper.interval", self.interval.is_zero())]);
    }
}

/// The HTTP server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// How long one request may take, its body included.
    pub request_timeout: Period,
    /// How long a connection may take to send a request's head, or stay idle.
    pub header_timeout: Period,
    /// How long a stop waits for requests under way.
    pub drain_timeout: Period,
    /// Connections at once, as far as the limit of open files allows. When all are taken, one that waits for a request gives way:
    /// the longest waiting of the address that has most.
    pub connections: usize,
    /// Connections of one address at once (of IPv6, of one /64); one more is answered 429. Programs on this machine, and the
    /// proxy behind `trust_forwarded_for`, may have more.
    pub connections_per_address: usize,
    /// Connections of one address that wait for the head of a request, unfinished ones included; one more closes the longest
    /// waiting.
    pub heads_per_address: usize,
    /// Requests whose body is arriving at once, half of `connections` at most. When all are taken, the longest waiting of the address that has most gives way.
    pub bodies: usize,
    /// Requests of one address whose body is arriving at once; one more is answered 429.
    pub bodies_per_address: usize,
    /// Requests worked on at once, answers being sent included; one more is answered 503 at once.
    pub requests: usize,
    /// Requests of one address worked on at once; one more is answered 429 at once.
    pub requests_per_address: usize,
    /// Whether the client's address is the last one of `X-Forwarded-For`; only behind a proxy of your own.
    pub trust_forwarded_for: bool,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            request_timeout: Period::seconds(30),
            header_timeout: Period::seconds(15),
            drain_timeout: Period::seconds(30),
            connections: 4096,
            connections_per_address: 256,
            heads_per_address: 128,
            bodies: 1024,
            bodies_per_address: 32,
            requests: 1024,
            requests_per_address: 256,
            trust_forwarded_for: false,
        }
    }
}

impl HttpConfig {
    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        none_is_zero(
            wrong,
            &[
                ("http.request_timeout", self.request_timeout.is_zero()),
                ("http.header_timeout", self.header_timeout.is_zero()),
                ("http.connections", self.connections == 0),
                ("http.connections_per_address", self.connections_per_address == 0),
                ("http.heads_per_address", self.heads_per_address == 0),
                ("http.bodies", self.bodies == 0),
                ("http.bodies_per_address", self.bodies_per_address == 0),
                ("http.requests", self.requests == 0),
                ("http.requests_per_address", self.requests_per_address == 0),
            ],
        );
    }
}

/// Attempts per account and address on the password routes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimitConfig {
    /// Attempts an account may make at once, before the rate counts.
    pub account_burst: u32,
    /// Attempts per minute an account may go on with.
    pub account_per_minute: u32,
    /// Attempts an address may make at once: many people may share one.
    pub address_burst: u32,
    /// Attempts per minute an address may go on with.
    pub address_per_minute: u32,
    /// Registrations an address may make at once, before the rate counts.
    pub registrations_burst: u32,
    /// Registrations per minute an address may go on with.
    pub registrations_per_minute: u32,
    /// Changes a user may make at once, before the rate counts: uploads, crops, posts, likes, comments, deletions.
    pub changes_burst: u32,
    /// Changes per minute a user may go on with.
    pub changes_per_minute: u32,
    /// Images that are not made yet that an address may ask for at once, without a signature. Stored ones are not counted.
    pub renders_burst: u32,
    /// Images that are not made yet per minute an address may go on with.
    pub renders_per_minute: u32,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        Self {
            account_burst: 10,
            account_per_minute: 6,
            address_burst: 120,
            address_per_minute: 60,
            registrations_burst: 30,
            registrations_per_minute: 3,
            changes_burst: 120,
            changes_per_minute: 60,
            renders_burst: 600,
            renders_per_minute: 300,
        }
    }
}

/// Outgoing mail.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailConfig {
    /// The mail server, such as `smtps://user:password@mail.example.com`; empty means no mail: new users are verified at once.
    #[serde(with = "secret")]
    pub url: Secret,
    /// The sender, such as `visage <no-reply@example.com>`.
    pub from: String,
    /// The address of the page that sets a new password; the token is added to its end.
    pub reset_url: String,
}

impl MailConfig {
    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        wrong(
            !self.url.is_empty() && self.from.parse::<lettre::message::Mailbox>().is_err(),
            "mail.from: must be an e-mail address when mail.url is set",
        );
        let url = self.url.expose();
        wrong(
            !(url.is_empty() || url.starts_with("smtp://") || url.starts_with("smtps://")),
            "mail.url: must begin with smtp:// or smtps://",
        );
        wrong(
            !url.is_empty() && !address::is_page(&self.reset_url),
            "mail.reset_url: must be the https:// address of a page when mail.url is set",
        );
    }
}

/// Logging.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `text` for people, `json` for machines.
    pub format: LogFormat,
    /// What is logged, in `tracing`'s filter language.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}

impl LogConfig {
    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        if let Err(cause) = EnvFilter::try_new(&self.filter) {
            wrong(true, &format!("log.filter: {cause}"));
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object.
    Json,
}
