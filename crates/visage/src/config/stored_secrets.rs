//! Secrets that are generated on first start and kept in the data folder.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use data_encoding::HEXLOWER;
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use visage_cloudinary::Secret;

use super::{Config, secret, without_source};

/// The file in the data folder that they are kept in.
pub const SECRETS_FILE: &str = "secrets.toml";

/// What is generated when no setting gives it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredSecrets {
    /// Signs the tokens of signed-in users.
    #[serde(with = "secret")]
    pub jwt_secret: Secret,
    /// The embedded store's API key: decimal digits, as Cloudinary's are.
    pub api_key: String,
    /// The embedded store's API secret.
    #[serde(with = "secret")]
    pub api_secret: Secret,
}

/// The secrets could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The file could not be read or written.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The file was changed to something unreadable.
    #[error("{path} is damaged: {cause}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl StoredSecrets {
    /// Reads the secrets of the data folder, generating and keeping them (mode 0600) the first time.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is damaged.
    pub fn load_or_create(data: &Path) -> Result<Self, SecretsError> {
        if let Some(secrets) = Self::load(data)? {
            return Ok(secrets);
        }
        let secrets = Self::generate();
        let path = data.join(SECRETS_FILE);
        match secrets.write(data, &path) {
            Ok(()) => Ok(secrets),
            Err(cause) => Err(SecretsError::Io {
                path: path.display().to_string(),
                cause,
            }),
        }
    }

    /// Reads the secrets of the data folder; none when there are none yet.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn load(data: &Path) -> Result<Option<Self>, SecretsError> {
        let file = data.join(SECRETS_FILE);
        let path = file.display().to_string();
        match std::fs::read_to_string(&file) {
            Ok(text) => match toml::from_str(&text) {
                Ok(secrets) => Ok(Some(secrets)),
                Err(cause) => Err(SecretsError::Damaged {
                    path,
                    cause: without_source(&text, &cause),
                }),
            },
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(SecretsError::Io { path, cause }),
        }
    }

    fn generate() -> Self {
        let mut rng = rand::rng();
        let mut random_hex = |bytes: usize| {
            let mut buffer = vec![0; bytes];
            rng.fill_bytes(&mut buffer);
            HEXLOWER.encode(&buffer)
        };
        Self {
            jwt_secret: Secret::new(random_hex(32)),
            api_secret: Secret::new(random_hex(16)),
            api_key: rand::random_range(100_000_000_000_000_u64..1_000_000_000_000_000).to_string(),
        }
    }

    /// Temporary file, fsync, rename, fsync of the folder: a crash leaves all of it or nothing.
    fn write(&self, data: &Path, path: &Path) -> std::io::Result<()> {
        let text = format!(
            "# Generated on first start. Losing it signs everybody out and changes the store's credentials.\n\
             jwt_secret = \"{}\"\napi_key = \"{}\"\napi_secret = \"{}\"\n",
            self.jwt_secret.expose(),
            self.api_key,
            self.api_secret.expose()
        );
        let staged = data.join(format!("{SECRETS_FILE}.new"));
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&staged)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&staged, path)?;
        std::fs::File::open(data)?.sync_all()
    }

    /// Fills what the settings left open.
    pub fn fill(self, config: &mut Config) {
        if config.auth.jwt_secret.is_empty() {
            config.auth.jwt_secret = self.jwt_secret;
        }
        if config.embedded.api_key.is_empty() {
            config.embedded.api_key = self.api_key;
        }
        if config.embedded.api_secret.is_empty() {
            config.embedded.api_secret = self.api_secret;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn secrets_are_generated_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = StoredSecrets::load_or_create(folder.path()).unwrap();
        let second = StoredSecrets::load_or_create(folder.path()).unwrap();
        assert_eq!(first.jwt_secret, second.jwt_secret);
        assert_eq!(first.jwt_secret.expose().len(), 64);
        assert!(first.api_key.bytes().all(|b| b.is_ascii_digit()));
        let mode = std::fs::metadata(folder.path().join(SECRETS_FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn reading_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(StoredSecrets::load(folder.path()).unwrap().is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn damage_is_told_by_its_line_without_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        for text in [
            "api_key = \"1\"\njwt_secret = hush4711\n",
            "api_key = \"1\"\njwt_secret = 4711\n",
            "api_key = \"1\"\njwt_secret = \"hush4711\n",
        ] {
            std::fs::write(folder.path().join(SECRETS_FILE), text).unwrap();
            let error = StoredSecrets::load(folder.path()).unwrap_err().to_string();
            assert!(error.contains("line 2: "), "{error}");
            assert!(!error.contains("4711"), "{error}");
        }
    }
}
