//! How buckets of S3, and of stores that speak its language, are reached.

use serde::{Deserialize, Serialize};
use visage_cloudinary::Secret;

use super::secret;
use super::sections::Report;

/// The store that `s3://` leads to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S3Config {
    /// Its address, when it is not AWS: `https://s3.example.com`.
    pub endpoint: String,
    /// Its region; `us-east-1` when empty.
    pub region: String,
    /// The public half of the credentials.
    pub access_key_id: String,
    /// The private half.
    #[serde(with = "secret")]
    pub secret_access_key: Secret,
    /// Goes with credentials that are good for some time only.
    #[serde(with = "secret")]
    pub session_token: Secret,
    /// Whether `endpoint` is the address of the bucket itself, and not of the store that has it.
    pub virtual_hosted: bool,
}

impl S3Config {
    /// The address as clients write it, without a slash at the end; `None` for AWS.
    pub(crate) fn endpoint(&self) -> Option<String> {
        let url = url::Url::parse(&self.endpoint).ok()?;
        Some(url.as_str().trim_end_matches('/').to_owned())
    }

    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        let is_address = url::Url::parse(&self.endpoint).is_ok_and(|url| {
            let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
            matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain
        });
        wrong(
            !self.endpoint.is_empty() && !is_address,
            "s3.endpoint: must be written https://host, perhaps with :port, and without credentials",
        );
        wrong(
            self.access_key_id.is_empty() != self.secret_access_key.is_empty(),
            "s3.access_key_id, s3.secret_access_key: one is of no use without the other",
        );
    }
}
