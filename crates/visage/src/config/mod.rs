//! Settings: flags over environment over `visage.toml` over defaults.
//!
//! This is the only reader of files and environment for settings. Loading has two stages: what was written ([`Config`],
//! plain `serde`) and what is meant (checked here, all mistakes reported together, each with its key).

mod environment;
mod period;
mod secret;
mod sections;
mod stored_secrets;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use period::Period;
pub use sections::{
    AuthConfig, CacheConfig, CorsConfig, EmbeddedConfig, HttpConfig, LimitsConfig, LogConfig, LogFormat, MailConfig,
    ProfileConfig, RateLimitConfig, ReaperConfig, RenderConfig,
};
pub use stored_secrets::{SecretsError, StoredSecrets};

/// The environment as a value, so that tests pass their own.
pub type Environment = BTreeMap<String, String>;

/// Every setting of visage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Folder for the database, the pictures and the generated secrets.
    pub data: PathBuf,
    /// The address under which clients reach this server, without a slash at the end; stored in image URLs.
    /// Empty means `http://` and the listening address.
    pub public_url: String,
    /// Shown by `/health`; `NODE_ENV` sets it.
    pub environment: String,
    /// Sign-in.
    pub auth: AuthConfig,
    /// Which web pages may call the API.
    pub cors: CorsConfig,
    /// The embedded media store's own credentials.
    pub embedded: EmbeddedConfig,
    /// Profile images.
    pub profile: ProfileConfig,
    /// Limits on what comes in.
    pub limits: LimitsConfig,
    /// Decoding and encoding.
    pub render: RenderConfig,
    /// Caches.
    pub cache: CacheConfig,
    /// The background job that removes what nothing needs.
    pub reaper: ReaperConfig,
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
            environment: "development".to_owned(),
            auth: AuthConfig::default(),
            cors: CorsConfig::default(),
            embedded: EmbeddedConfig::default(),
            profile: ProfileConfig::default(),
            limits: LimitsConfig::default(),
            render: RenderConfig::default(),
            cache: CacheConfig::default(),
            reaper: ReaperConfig::default(),
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

    fn check(&self, mistakes: &mut Vec<String>) {
        let mut wrong = |is_wrong: bool, text: &str| {
            if is_wrong {
                mistakes.push(text.to_owned());
            }
        };
        let url = self.public_url.as_str();
        wrong(
            !(url.is_empty() || url.starts_with("http://") || url.starts_with("https://")),
            "public_url: must begin with http:// or https://",
        );
        wrong(url.ends_with('/'), "public_url: must not end with a slash");
        wrong(
            url.is_empty() && self.listen.port() == 0,
            "public_url: must be set when any free port is listened on, because saved image URLs carry it",
        );
        wrong(
            self.reaper.purge_delay.as_duration() <= self.http.request_timeout.as_duration(),
            "reaper.purge_delay: must be longer than http.request_timeout, or a reader could lose bytes under its hands",
        );
        wrong(
            self.reaper.pending_grace.as_duration() < 2 * self.http.request_timeout.as_duration(),
            "reaper.pending_grace: must be at least twice http.request_timeout, or an upload under way could be reaped",
        );
        self.auth.check(&mut wrong);
        self.embedded.check(&mut wrong);
        self.profile.check(&mut wrong);
        self.limits.check(&mut wrong);
        self.mail.check(&mut wrong);
    }
}

fn read_table(path: &Path) -> Result<toml::Table, String> {
    let text = std::fs::read_to_string(path).map_err(|cause| format!("{}: {cause}", path.display()))?;
    text.parse().map_err(|cause| format!("{}: {cause}", path.display()))
}

/// Parses section by section, so that a mistake in one does not hide those of the next.
fn parse(written: &toml::Table, mistakes: &mut Vec<String>) -> Config {
    let mut good = toml::Table::new();
    for (key, value) in written {
        let alone = toml::Table::from_iter([(key.clone(), value.clone())]);
        match alone.try_into::<Config>() {
            Ok(_) => {
                good.insert(key.clone(), value.clone());
            }
            Err(cause) => mistakes.push(format!("{key}: {}", cause.to_string().trim())),
        }
    }
    good.try_into().unwrap_or_default()
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
                ("VISAGE_NO__SUCH", "1"),
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
            "VISAGE_NO__SUCH",
        ] {
            assert!(text.contains(key), "{key} is missing in: {text}");
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
        assert!(load("", &[("CLOUDINARY_URL", "cloudinary://k:s@c")]).is_err());
    }

    #[test]
    fn secrets_do_not_print() {
        let config = load("", &[("JWT_SECRET", "a secret of a good length, thirty-two")]).unwrap();
        assert!(!format!("{config:?}").contains("good length"));
    }
}
