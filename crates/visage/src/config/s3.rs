//! How buckets of S3, and of stores that speak its language, are reached.

use serde::{Deserialize, Serialize};
use visage_cloudinary::Secret;

use super::secret;
use super::sections::Report;

/// The store that `s3://` leads to. Everything may be empty: then it is AWS, and what AWS's own tools find counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S3Config {
    /// Its address, when it is not AWS: `https://s3.example.com`.
    pub endpoint: String,
    /// Its region; `us-east-1` when empty.
    pub region: String,
    /// The public half of the credentials. Empty: those of the machine's role.
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
    pub(super) fn check(&self, wrong: &mut Report<'_>) {
        let is_address =
            url::Url::parse(&self.endpoint).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        wrong(
            !self.endpoint.is_empty() && !is_address,
            "s3.endpoint: must be written https://host, perhaps with :port",
        );
        wrong(
            self.access_key_id.is_empty() != self.secret_access_key.is_empty(),
            "s3.access_key_id, s3.secret_access_key: one is of no use without the other",
        );
    }
}
