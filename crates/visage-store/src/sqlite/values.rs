//! How our values stand in columns: ids and hashes as bytes, times as milliseconds, words as text.

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};
use visage_cloudinary::{ImageFormat, PublicId, Recipe, ResourceType};

use crate::ids::{AssetId, CommentId, DerivedId, EntryId, InstallationId, Md5, PostId, Sha256, UploadId, UserId};

macro_rules! as_bytes {
    ($($name:ident),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                FromSql::column_result(value).map(Self::from_bytes)
            }
        }
    )*};
}

as_bytes!(
    AssetId,
    CommentId,
    DerivedId,
    EntryId,
    InstallationId,
    Md5,
    PostId,
    Sha256,
    UploadId,
    UserId
);

/// A recipe.
pub(super) fn recipe(row: &Row<'_>) -> rusqlite::Result<Recipe> {
    let text: String = row.get("recipe")?;
    Recipe::parse(&text).map_err(|error| damaged(Type::Text, error))
}

/// A time in a column that may be empty.
pub(super) fn optional_time(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    let millis: Option<i64> = row.get(column)?;
    millis
        .map(Timestamp::from_millisecond)
        .transpose()
        .map_err(|error| damaged(Type::Integer, error))
}

/// A time.
pub(super) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(row.get(column)?).map_err(|error| damaged(Type::Integer, error))
}

/// A public id.
pub(super) fn public_id(row: &Row<'_>, column: &str) -> rusqlite::Result<PublicId> {
    let text: String = row.get(column)?;
    PublicId::parse(&text).map_err(|error| damaged(Type::Text, error))
}

/// An image format.
pub(super) fn format(row: &Row<'_>) -> rusqlite::Result<ImageFormat> {
    word(row, "format", ImageFormat::from_extension)
}

/// A resource type.
pub(super) fn resource_type(row: &Row<'_>) -> rusqlite::Result<ResourceType> {
    word(row, "resource_type", |text| text.parse().ok())
}

/// One of the words that an enum has.
pub(super) fn word<T>(row: &Row<'_>, column: &str, read: impl FnOnce(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    read(&text).ok_or_else(|| damaged(Type::Text, format!("{text:?} in column {column}")))
}

/// A JSON value; the default for an empty column.
pub(super) fn json<T: serde::de::DeserializeOwned + Default>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: Option<String> = row.get(column)?;
    text.map_or_else(
        || Ok(T::default()),
        |text| serde_json::from_str(&text).map_err(|error| damaged(Type::Text, error)),
    )
}

/// A record that is kept as a JSON object; the default for an empty column. A list is damage: it would be read as the
/// record's members in their order, and an empty one as the default.
pub(super) fn record<T: serde::de::DeserializeOwned + Default>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: Option<String> = row.get(column)?;
    if text.is_some_and(|text| !text.trim_start().starts_with('{')) {
        return Err(damaged(Type::Text, format!("no object in column {column}")));
    }
    json(row, column)
}

/// A value as JSON text.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> crate::error::Result<String> {
    serde_json::to_string(value).map_err(crate::error::StoreError::backend)
}

/// `limit` as SQLite wants it.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn damaged(kind: Type, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, kind, cause.into())
}
