//! How secret settings are read and written: as plain text, in the one place that has to.

use serde::{Deserialize, Deserializer, Serializer};
use visage_cloudinary::Secret;

/// For `#[serde(with = …)]`. Only generated secrets and defaults are ever written.
pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

/// For `#[serde(with = …)]`. The library's own words would show a value of the wrong kind.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer)
        .map(Secret::new)
        .map_err(|_shows_it| serde::de::Error::custom("must be text in quotes"))
}
