//! Settings: flags over environment over `visage.toml` over defaults.
//!
//! This is the only reader of files and environment for settings. Loading has two stages: what was written ([`Config`],
//! plain `serde`) and what is meant (checked here, all mistakes reported together, each with its key).

mod address;
mod cloudinary;
mod dotenv;
mod environment;
mod path;
mod period;
mod posts;
mod s3;
mod safekeeping;
mod secret;
mod sections;
mod stored_secrets;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use visage_store::VaultAddress;

pub use cloudinary::{CloudinaryAccount, CloudinaryConfig, MediaHostKind, Outage};
pub use dotenv::read_dotenv;
pub use environment::{UnknownVariable, unknown_variables};
pub use path::{PathError, check_path, path_argument};
pub use period::Period;
pub use posts::PostsConfig;
pub use s3::S3Config;
pub use safekeeping::{BackupConfig, ScrubConfig};
pub use sections::{
    AuthConfig, CacheConfig, ChunksConfig, CorsConfig, EmbeddedConfig, FetchConfig, HttpConfig, LimitsConfig,
    LogConfig, LogFormat, MailConfig, ProfileConfig, RateLimitConfig, ReaperConfig, RenderConfig,
};
pub use stored_secrets::{SECRETS_FILE, SecretsError, StoredSecrets};

/// The environment as a value, so that tests pass their own.
pub type Environment = BTreeMap<String, String>;

/// Every setting of visage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port to listen on.
    #[serde(deserialize_with = "address::listen")]
    pub listen: SocketAddr,
    /// Folder for the database, the pictures and the generated secrets.
    pub data: PathBuf,
    /// The address under which clients reach this server, without a slash at the end; stored in image URLs.
    /// Empty means `http://` and the listening address, which must be one that clients can use, then.
    pub public_url: String,
    /// Addresses that `public_url` had before: saved URLs that begin with one lead to this server's own pictures.
    pub public_url_before: Vec<String>,
    /// Shown by `/health`; `NODE_ENV` sets it.
    pub environment: String,
    /// Sign-in.
    pub auth: AuthConfig,
    /// Which web pages may call the API.
    pub cors: CorsConfig,
    /// Which media host gets new pictures.
    pub media_host: MediaHostKind,
    /// The Cloudinary account, when there is one.
    pub cloudinary: CloudinaryConfig,
    /// The embedded media store's own credentials.
    pub embedded: EmbeddedConfig,
    /// Files that come in several requests.
    pub chunks: ChunksConfig,
    /// Files from URLs that clients name.
    pub fetch: FetchConfig,
    /// Profile images.
    pub profile: ProfileConfig,
    /// Posts.
    pub posts: PostsConfig,
    /// Limits on what comes in.
    pub limits: LimitsConfig,
    /// Decoding and encoding.
    pub render: RenderConfig,
    /// Caches.
    pub cache: CacheConfig,
    /// The background job that removes what nothing needs.
    pub reaper: ReaperConfig,
    /// Copies of everything, outside of the data folder.
    pub backup: BackupConfig,
    /// The background job that reads every original again.
    pub scrub: ScrubConfig,
    /// The store that `s3://` leads to.
    pub s3: S3Config,
    /// The HTTP server.
    pub http: HttpConfig,
    /// Attempts per account and address on the password routes.
    pub rate_limit: RateLimitConfig,
    /// Outgoing mail.
    pub mail: MailConfig,
    /// Logging.
    pub log: LogConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 5000)),
            data: PathBuf::from("./visage-data"),
            public_url: String::new(),
            public_url_before: Vec::new(),
            environment: "development".to_owned(),
            auth: AuthConfig::default(),
            cors: CorsConfig::default(),
            media_host: MediaHostKind::Auto,
            cloudinary: CloudinaryConfig::default(),
            embedded: EmbeddedConfig::default(),
            chunks: ChunksConfig::default(),
            fetch: FetchConfig::default(),
            profile: ProfileConfig::default(),
            posts: PostsConfig::default(),
            limits: LimitsConfig::default(),
            render: RenderConfig::default(),
            cache: CacheConfig::default(),
            reaper: ReaperConfig::default(),
            backup: BackupConfig::default(),
            scrub: ScrubConfig::default(),
            s3: S3Config::default(),
            http: HttpConfig::default(),
            rate_limit: RateLimitConfig::default(),
            mail: MailConfig::default(),
            log: LogConfig::default(),
        }
    }
}

/// One or more settings that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the settings cannot be used:\n{}", .mistakes.iter().map(|m| format!("  - {m}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError {
    /// What is wrong, each with its key.
    pub mistakes: Vec<String>,
}

impl Config {
    /// Reads `file` (when given it must exist), lays `environment` over it and checks the result.
    ///
    /// # Errors
    /// Every mistake found, each with its key.
    pub fn load(file: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        let written = match file {
            None => toml::Table::new(),
            Some(path) => read_table(path).map_err(|mistake| ConfigError {
                mistakes: vec![mistake],
            })?,
        };
        Self::from_parts(written, environment)
    }

    /// Lays `environment` over the `written` table and checks the result.
    ///
    /// # Errors
    /// Every mistake found, each with its key.
    pub fn from_parts(mut written: toml::Table, environment: &Environment) -> Result<Self, ConfigError> {
        let mut mistakes = environment::overlay(&mut written, environment);
        let config = parse(&written, &mut mistakes);
        config.check(&mut mistakes);
        if mistakes.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError { mistakes })
        }
    }

    /// The address under which clients reach this server, without a slash at the end.
    pub fn public_url(&self) -> String {
        if self.public_url.is_empty() {
            format!("http://{}", self.listen)
        } else {
            self.public_url.clone()
        }
    }

    /// Whether a path leads into the data folder.
    pub fn holds(&self, path: &Path) -> bool {
        // As they are when the system cannot tell.
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        absolute(path).starts_with(absolute(&self.data))
    }

    fn check(&self, mistakes: &mut Vec<String>) {
        if let Err(error) = check_path(&self.data) {
            mistakes.push(format!("data: {error}"));
        }
        let mut wrong = |is_wrong: bool, text: &str| {
            if is_wrong {
                mistakes.push(text.to_owned());
            }
        };
        wrong(
            !self.public_url.is_empty() && !address::is_base_url(&self.public_url),
            "public_url: must be written https://host, perhaps with :port and /path, and must not end with a slash",
        );
        wrong(
            self.public_url_before.iter().any(|url| !address::is_base_url(url)),
            "public_url_before: each must be written as public_url is",
        );
        wrong(
            self.public_url.is_empty() && (self.listen.ip().is_unspecified() || self.listen.port() == 0),
            "public_url: must be set when listen is every address (0.0.0.0, [::]) or port 0: it is stored in image URLs",
        );
        wrong(
            self.reaper.purge_delay.as_duration() <= self.http.request_timeout.as_duration(),
            "reaper.purge_delay: must be longer than http.request_timeout, or a reader could lose bytes under its hands",
        );
        wrong(
            self.reaper.pending_grace.as_duration() < 2 * self.http.request_timeout.as_duration(),
            "reaper.pending_grace: must be at least twice http.request_timeout, or an upload under way could be reaped",
        );
        let account = self.cloudinary.account().ok().flatten();
        wrong(
            account.is_some() && self.cloudinary.deadline.as_duration() * 2 > self.reaper.pending_grace.as_duration(),
            "cloudinary.deadline: must be at most half of reaper.pending_grace, or an upload under way could be reaped",
        );
        wrong(
            account.is_some_and(|account| account.api_url == self.public_url()),
            "cloudinary: is this very server; CLOUDINARY_URL of the ready message is for other programs",
        );
        wrong(
            self.media_host == MediaHostKind::Cloudinary && matches!(self.cloudinary.account(), Ok(None)),
            "media_host: is cloudinary, and no account is set; CLOUDINARY_URL names one",
        );
        wrong(
            matches!(self.backup.url.parse(), Ok(VaultAddress::Folder(vault)) if self.holds(&vault)),
            "backup.url: lies in the data folder, and would be lost with it",
        );
        self.auth.check(&mut wrong);
        self.cors.check(&mut wrong);
        self.cloudinary.check(&mut wrong);
        self.embedded.check(&mut wrong);
        self.chunks.check(&mut wrong);
        self.fetch.check(&mut wrong);
        self.profile.check(&mut wrong);
        self.s3.check(&mut wrong);
        self.posts.check(&mut wrong);
        self.limits.check(&mut wrong);
        self.render.check(&mut wrong);
        self.reaper.check(&mut wrong);
        self.backup.check(&mut wrong);
        self.scrub.check(&mut wrong);
        self.http.check(&mut wrong);
        self.mail.check(&mut wrong);
        self.log.check(&mut wrong);
    }
}

fn read_table(path: &Path) -> Result<toml::Table, String> {
    let text = std::fs::read_to_string(path).map_err(|cause| format!("{}: {cause}", path.display()))?;
    text.parse()
        .map_err(|cause| format!("{}: {}", path.display(), without_source(&text, &cause)))
}

/// What is wrong with `text`, and in which line. The library's own words show the line, which may hold a secret.
fn without_source(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    match before {
        None => error.message().to_owned(),
        Some(before) => format!("line {}: {}", before.matches('\n').count() + 1, error.message()),
    }
}

/// Parses key by key, so that a mistake in one does not hide the next.
fn parse(written: &toml::Table, mistakes: &mut Vec<String>) -> Config {
    let sections = toml::Table::try_from(Config::default()).unwrap_or_default();
    let mut good = toml::Table::new();
    for (key, value) in written {
        match (sections.get(key).is_some_and(toml::Value::is_table), value) {
            (true, toml::Value::Table(section)) => {
                let mut good_section = toml::Table::new();
                for (inner, value) in section {
                    let alone = toml::Table::from_iter([(inner.clone(), value.clone())]);
                    match read_alone(key, toml::Value::Table(alone)) {
                        Ok(()) => _ = good_section.insert(inner.clone(), value.clone()),
                        Err(why) => mistakes.push(format!("{key}.{inner}: {why}")),
                    }
                }
                good.insert(key.clone(), toml::Value::Table(good_section));
            }
            // Its value is not shown: it may be a secret in the wrong place.
            (true, _) => mistakes.push(format!("{key}: is a section, written [{key}]")),
            (false, _) => match read_alone(key, value.clone()) {
                Ok(()) => _ = good.insert(key.clone(), value.clone()),
                Err(why) => mistakes.push(format!("{key}: {why}")),
            },
        }
    }
    good.try_into().unwrap_or_default()
}

fn read_alone(key: &str, value: toml::Value) -> Result<(), String> {
    let alone = toml::Table::from_iter([(key.to_owned(), value)]);
    alone
        .try_into::<Config>()
        .map(drop)
        .map_err(|cause| cause.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(toml: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = environment
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Config::from_parts(toml.parse().unwrap(), &environment)
    }

    #[test]
    fn nothing_written_gives_the_defaults() {
        assert_eq!(load("", &[]).unwrap(), Config::default());
    }

    #[test]
    fn the_example_file_lists_every_key_with_its_default() {
        let text = include_str!("../../../../examples/config.toml");
        let uncommented: String = text
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .collect::<Vec<_>>()
            .join("\n");
        assert_eq!(load(&uncommented, &[]).unwrap(), Config::default());
        let listed: toml::Table = uncommented.parse().unwrap();
        let all = toml::Table::try_from(Config::default()).unwrap();
        for (key, value) in &all {
            let Some(section) = value.as_table() else {
                assert!(listed.contains_key(key), "examples/config.toml lacks {key}");
                continue;
            };
            for inner in section.keys() {
                let present = listed
                    .get(key)
                    .and_then(|v| v.as_table())
                    .is_some_and(|t| t.contains_key(inner));
                assert!(present, "examples/config.toml lacks {key}.{inner}");
            }
        }
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let config = load("listen = \"127.0.0.1:1\"", &[("VISAGE_LISTEN", "127.0.0.1:2")]).unwrap();
        assert_eq!(config.listen.port(), 2);
    }

    #[test]
    fn the_names_of_the_node_backend_keep_their_meaning() {
        let config = load(
            "",
            &[
                ("PORT", "8080"),
                ("JWT_SECRET", "a secret of a good length, thirty-two"),
                ("CORS_ORIGIN", "https://a.example, https://b.example"),
                ("NODE_ENV", "production"),
            ],
        )
        .unwrap();
        assert_eq!(config.listen.port(), 8080);
        assert_eq!(config.auth.jwt_secret.expose(), "a secret of a good length, thirty-two");
        assert_eq!(config.cors.origins, ["https://a.example", "https://b.example"]);
        assert_eq!(config.environment, "production");
    }

    #[test]
    fn every_setting_has_an_environment_name() {
        let config = load(
            "",
            &[
                ("VISAGE_LIMITS__PROFILE_IMAGE_BYTES", "1000"),
                ("VISAGE_REAPER__RETIRE_AFTER", "90s"),
                ("VISAGE_API_KEY", "123"),
                ("VISAGE_AUTH__REVEAL_TOKENS", "true"),
            ],
        )
        .unwrap();
        assert_eq!(config.limits.profile_image_bytes, 1000);
        assert_eq!(config.reaper.retire_after, Period::seconds(90));
        assert_eq!(config.embedded.api_key, "123");
        assert!(config.auth.reveal_tokens);
    }

    #[test]
    fn all_mistakes_are_reported_together_each_with_its_key() {
        let error = load(
            "nonsense = 1\n[reaper]\npurge_delay = \"1s\"\n[limits]\nsource_pixels = \"many\"",
            &[
                ("VISAGE_LISTEN", "nowhere"),
                ("JWT_SECRET", "fallback-secret-key"),
                ("VISAGE_LIMITS__FRAMES", "some"),
            ],
        )
        .unwrap_err();
        let text = error.to_string();
        for key in [
            "nonsense",
            "reaper.purge_delay",
            "limits",
            "listen",
            "auth.jwt_secret",
            "VISAGE_LIMITS__FRAMES",
        ] {
            assert!(text.contains(key), "{key} is missing in: {text}");
        }
    }

    #[test]
    fn unknown_variable_is_ignored_and_names_the_nearest() {
        for (name, nearest) in [
            ("VISAGE_SERVICE_HOST", "VISAGE_PUBLIC_URL"),
            ("VISAGE_PORT", "PORT"),
            ("VISAGE_PORT_5000_TCP_ADDR", ""),
            ("VISAGE_API_KEYS", "VISAGE_API_KEY"),
            ("VISAGE_LIMITS_FRAMES", "VISAGE_LIMITS__FRAMES"),
            ("VISAGE_LIMITS__FRAMES__", "VISAGE_LIMITS__FRAMES"),
            ("VISAGE_LIMITS", "VISAGE_LISTEN"),
            ("VISAGE_", ""),
        ] {
            assert_eq!(load("", &[(name, "tcp://10.0.0.1:5000")]).unwrap(), Config::default());
            let unknown = unknown_variables(&[(name.to_owned(), String::new())].into());
            let [unknown] = unknown.as_slice() else {
                panic!("{name} is not a setting: {unknown:?}");
            };
            assert_eq!(unknown.name, name);
            if name != "VISAGE_SERVICE_HOST" && !nearest.is_empty() {
                assert_eq!(unknown.nearest, nearest, "{name}");
            }
            assert!(!unknown.nearest.is_empty());
        }
        let known = [
            "VISAGE_LISTEN",
            "VISAGE_LIMITS__FRAMES",
            "VISAGE_CONFIG",
            "PORT",
            "HOME",
        ];
        let known = known.map(|name| (name.to_owned(), String::new()));
        assert_eq!(unknown_variables(&known.into()), []);
    }

    #[test]
    fn path_with_a_tilde_is_refused() {
        for (name, value, key) in [
            ("VISAGE_DATA", "~/pictures", "data: "),
            ("VISAGE_DATA", "~", "data: "),
            ("VISAGE_DATA", "~visage/pictures", "data: "),
            ("VISAGE_BACKUP__URL", "~/backups", "backup.url: "),
        ] {
            assert_refused("", &[(name, value)], key);
            assert_refused("", &[(name, value)], "`~` is not expanded");
        }
        assert_refused("data = \"~/pictures\"", &[], "data: ");
        for good in ["./~", "pictures~", "/srv/~visage"] {
            assert!(load("", &[("VISAGE_DATA", good)]).is_ok());
            assert!(load("", &[("VISAGE_BACKUP__URL", good)]).is_ok());
        }
    }

    #[test]
    fn the_published_fallback_secret_is_refused() {
        assert!(load("", &[("JWT_SECRET", "fallback-secret-key")]).is_err());
    }

    #[test]
    fn any_free_port_needs_a_public_url() {
        let any_port = ("VISAGE_LISTEN", "127.0.0.1:0");
        assert!(load("", &[any_port]).is_err());
        assert!(load("", &[any_port, ("VISAGE_PUBLIC_URL", "https://pictures.example")]).is_ok());
    }

    #[test]
    fn what_is_not_built_yet_is_refused_and_not_ignored() {
        assert!(load("", &[("MONGO_URI", "mongodb://localhost/x")]).is_err());
    }

    #[test]
    fn a_cloudinary_account_comes_from_one_name_or_from_three() {
        let one = load("", &[("CLOUDINARY_URL", "cloudinary://k:s@cloud")]).unwrap();
        let three = load(
            "",
            &[
                ("CLOUDINARY_CLOUD_NAME", "cloud"),
                ("CLOUDINARY_API_KEY", "k"),
                ("CLOUDINARY_API_SECRET", "s"),
            ],
        )
        .unwrap();
        for config in [one, three] {
            let account = config.cloudinary.account().unwrap().unwrap();
            assert_eq!((account.cloud_name.as_str(), account.api_key.as_str()), ("cloud", "k"));
        }
        assert_refused("", &[("CLOUDINARY_URL", "cloudinary://k:s@")], "cloudinary.url");
        assert_refused("", &[("CLOUDINARY_CLOUD_NAME", "cloud")], "cloudinary.api_key");
        assert_refused("media_host = \"cloudinary\"", &[], "media_host");
        let account = ("CLOUDINARY_URL", "cloudinary://k:s@cloud");
        assert_refused("[cloudinary]\ndeadline = \"31m\"", &[account], "cloudinary.deadline");
        assert!(load("[cloudinary]\ndeadline = \"30m\"", &[account]).is_ok());
    }

    #[test]
    fn secrets_do_not_print() {
        let config = load("", &[("JWT_SECRET", "a secret of a good length, thirty-two")]).unwrap();
        assert!(!format!("{config:?}").contains("good length"));
    }

    #[track_caller]
    fn assert_refused(toml: &str, environment: &[(&str, &str)], expected: &str) {
        let Err(error) = load(toml, environment) else {
            panic!("{toml} {environment:?} must be refused");
        };
        assert!(
            error.to_string().contains(expected),
            "{expected} is missing in: {error}"
        );
    }

    #[test]
    fn an_empty_variable_of_aws_is_none_and_the_more_particular_one_wins() {
        let config = load(
            "",
            &[("AWS_REGION", ""), ("AWS_ENDPOINT_URL", ""), ("AWS_SESSION_TOKEN", "")],
        )
        .unwrap();
        assert_eq!(config.s3, S3Config::default());
        assert_eq!(config.s3.endpoint(), None);
        let endpoints = [
            ("AWS_ENDPOINT_URL", "https://a.example"),
            ("AWS_ENDPOINT_URL_S3", "https://b.example/"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_REGION", ""),
        ];
        let config = load("", &endpoints).unwrap();
        assert_eq!(
            config.s3.endpoint().as_deref(),
            Some("https://b.example"),
            "without a slash"
        );
        assert_eq!(config.s3.region, "eu-west-1");
    }

    #[test]
    fn settings_that_would_refuse_everything_are_refused() {
        for (name, value, key) in [
            ("VISAGE_RENDER__QUEUE", "0", "render.queue"),
            ("VISAGE_RENDER__TIMEOUT", "0s", "render.timeout"),
            ("VISAGE_REAPER__INTERVAL", "0s", "reaper.interval"),
            ("VISAGE_HTTP__REQUESTS", "0", "http.requests"),
            ("VISAGE_HTTP__CONNECTIONS", "0", "http.connections"),
            (
                "VISAGE_HTTP__CONNECTIONS_PER_ADDRESS",
                "0",
                "http.connections_per_address",
            ),
            ("VISAGE_HTTP__HEADS_PER_ADDRESS", "0", "http.heads_per_address"),
            ("VISAGE_HTTP__BODIES", "0", "http.bodies"),
            ("VISAGE_HTTP__BODIES_PER_ADDRESS", "0", "http.bodies_per_address"),
            ("VISAGE_HTTP__REQUESTS_PER_ADDRESS", "0", "http.requests_per_address"),
            ("VISAGE_HTTP__REQUEST_TIMEOUT", "0s", "http.request_timeout"),
            ("VISAGE_HTTP__HEADER_TIMEOUT", "0s", "http.header_timeout"),
            ("VISAGE_AUTH__TOKEN_LIFETIME", "0s", "auth.token_lifetime"),
            ("VISAGE_AUTH__TOKEN_LIFETIME", "100000h", "auth.token_lifetime"),
            ("VISAGE_AUTH__OTP_LIFETIME", "0s", "auth.otp_lifetime"),
            ("VISAGE_AUTH__RESET_LIFETIME", "0s", "auth.reset_lifetime"),
            ("VISAGE_CHUNKS__UPLOADS", "0", "chunks.uploads"),
            ("VISAGE_CHUNKS__UNSIGNED_UPLOADS", "0", "chunks.unsigned_uploads"),
            (
                "VISAGE_CHUNKS__UNSIGNED_PER_ADDRESS",
                "0",
                "chunks.unsigned_per_address",
            ),
            ("VISAGE_CHUNKS__UNSIGNED_LIFETIME", "0s", "chunks.unsigned_lifetime"),
            ("VISAGE_EMBEDDED__SEARCH_TIMEOUT", "0s", "embedded.search_timeout"),
            ("VISAGE_POSTS__LIFETIME", "0s", "posts.lifetime"),
            ("VISAGE_POSTS__FOLDER", "a/b", "posts.folder"),
            ("VISAGE_POSTS__CONTENT_CHARACTERS", "0", "posts.content_characters"),
            ("VISAGE_LIMITS__POST_MEDIA_BYTES", "0", "limits.post_media_bytes"),
            ("VISAGE_CHUNKS__BYTES", "0", "chunks.bytes"),
            (
                "VISAGE_LIMITS__DISK_RESERVE_PERCENT",
                "91",
                "limits.disk_reserve_percent",
            ),
            ("VISAGE_FETCH__TIMEOUT", "0s", "fetch.timeout"),
            ("VISAGE_LOG__FILTER", "visage=loud", "log.filter"),
            ("VISAGE_BACKUP__KEEP", "0", "backup.keep"),
            ("VISAGE_BACKUP__URL", "gs://bucket", "backup.url"),
            ("AWS_ENDPOINT_URL", "localhost:9000", "s3.endpoint"),
            ("AWS_ENDPOINT_URL", "http://key:secret@localhost:9000", "s3.endpoint"),
            ("AWS_ACCESS_KEY_ID", "only a half", "s3.access_key_id"),
            ("VISAGE_BACKUP__URL", "./visage-data/backup", "backup.url"),
            ("VISAGE_SCRUB__BYTES_PER_SECOND", "0", "scrub.bytes_per_second"),
            ("VISAGE_SCRUB__INTERVAL", "0s", "scrub.interval"),
        ] {
            assert_refused("", &[(name, value)], key);
        }
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_told_with_what_is_expected() {
        assert_refused(
            "",
            &[("VISAGE_RENDER__QUEUE", "")],
            "VISAGE_RENDER__QUEUE: must be a whole number",
        );
        assert_refused("", &[("VISAGE_RENDER__QUEUE", "many")], "must be a whole number");
        assert_refused("", &[("VISAGE_AUTH__REVEAL_TOKENS", "")], "must be true or false");
        assert_refused(
            "",
            &[("VISAGE_REAPER__INTERVAL", "")],
            "reaper.interval: must be a length of time such as 90s",
        );
        assert_refused("[reaper]\ninterval = 30", &[], "must be a length of time such as 90s");
        assert_refused("", &[("PORT", "http")], "PORT: must be a number");
        assert_refused("[limits]\nframes = -1\njson_bytes = -1", &[], "limits.json_bytes");
    }

    #[test]
    fn listen_is_an_address_and_a_port() {
        assert_eq!(
            load("", &[("VISAGE_LISTEN", "localhost:80")])
                .unwrap()
                .listen
                .to_string(),
            "127.0.0.1:80"
        );
        assert_eq!(load("", &[("PORT", "")]).unwrap().listen, Config::default().listen);
        for bad in ["5000", ":5000", "example.com:80", ""] {
            assert_refused(
                "",
                &[("VISAGE_LISTEN", bad)],
                "an address and port such as 127.0.0.1:5000",
            );
        }
    }

    #[test]
    fn clients_are_never_sent_to_an_address_that_is_none() {
        for listen in ["0.0.0.0:5000", "[::]:5000", "127.0.0.1:0"] {
            assert_refused("", &[("VISAGE_LISTEN", listen)], "public_url: must be set");
            let named = [
                ("VISAGE_LISTEN", listen),
                ("VISAGE_PUBLIC_URL", "https://img.example.com"),
            ];
            assert!(load("", &named).is_ok());
        }
        for bad in ["https://a/", "https://a b", "https://a?x", "a.example"] {
            assert_refused("", &[("VISAGE_PUBLIC_URL", bad)], "public_url: must be written");
        }
    }

    #[test]
    fn origins_are_tidied_and_checked() {
        let config = load("", &[("CORS_ORIGIN", " https://a.example/ ,, http://b:3000,")]).unwrap();
        assert_eq!(config.cors.origins, ["https://a.example", "http://b:3000"]);
        assert!(load("[cors]\norigins = [\"*\"]", &[]).is_ok());
        for bad in ["a.example", "https://a.example/app", "https://*.example", "null"] {
            assert_refused("", &[("CORS_ORIGIN", bad)], bad);
        }
    }

    #[test]
    fn hosts_that_may_be_fetched_from_are_read_from_either_name_and_checked() {
        for name in ["VISAGE_FETCH_ALLOW", "VISAGE_FETCH__ALLOW"] {
            let config = load("", &[(name, "LOCALHOST:3000, 127.1:80,,[::1]:8080")]).unwrap();
            let expected = [("localhost", 3000), ("127.0.0.1", 80), ("[::1]", 8080)];
            let expected = expected.map(|(host, port)| (host.to_owned(), port)).into();
            assert_eq!(config.fetch.allowed(), expected);
            for bad in [
                "localhost",
                "localhost:",
                "localhost:http",
                "http://localhost:80",
                ":80",
            ] {
                assert_refused("", &[(name, bad)], "fetch.allow");
            }
            assert!(load("", &[(name, "")]).unwrap().fetch.allow.is_empty());
        }
    }

    #[test]
    fn pictures_of_others_are_delivered_only_when_that_is_asked_for() {
        let off = load("", &[("VISAGE_FETCH__DELIVERY_HOSTS", "a.example")]).unwrap();
        assert!(!off.fetch.may_deliver("a.example"));
        let any = load("", &[("VISAGE_FETCH__DELIVERY", "true")]).unwrap();
        assert!(any.fetch.may_deliver("a.example"));
        let some = "[fetch]\ndelivery = true\ndelivery_hosts = [\"a.example\", \"*.b.example\"]";
        let some = load(some, &[]).unwrap().fetch;
        for (host, expected) in [
            ("a.example", true),
            ("x.a.example", false),
            ("b.example", false),
            ("x.b.example", true),
            ("xb.example", false),
        ] {
            assert_eq!(some.may_deliver(host), expected, "{host}");
        }
        assert_refused(
            "[fetch]\ndelivery_hosts = [\"https://a.example\"]",
            &[],
            "fetch.delivery_hosts",
        );
    }

    #[test]
    fn mail_needs_a_page_for_new_passwords() {
        let mail = "[mail]\nurl = \"smtp://mail.example\"\nfrom = \"a@example.com\"\n";
        assert_refused(mail, &[], "mail.reset_url");
        assert_refused(mail, &[("VISAGE_MAIL__RESET_URL", "/reset")], "mail.reset_url");
        assert!(load(mail, &[("VISAGE_MAIL__RESET_URL", "https://a.example/reset?token=")]).is_ok());
    }

    #[test]
    fn no_mistake_shows_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("visage.toml");
        for text in [
            "[auth]\njwt_secret = hush4711\n",
            "[auth]\njwt_secret = \"hush4711\n",
            "[auth]\nadmin_password = 4711\n",
            "auth = \"hush4711\"\n",
            "[mail]\nurl = [\"hush4711\"]\n",
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Config::load(Some(&path), &Environment::new()).unwrap_err().to_string();
            assert!(!error.contains("4711"), "{error}");
        }
        std::fs::write(&path, "[auth]\njwt_secret = hush4711\n").unwrap();
        let error = Config::load(Some(&path), &Environment::new()).unwrap_err().to_string();
        assert!(error.contains("visage.toml: line 2: "), "{error}");
    }
}
