//! Small named JSON documents: what operators of the embedded media store set up. One mechanism for upload presets, named
//! transformations, upload mappings, webhook subscriptions and metadata fields; what is in them is their owners' business.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use crate::error::Result;
use crate::listing::{Cursor, Page};

/// Documents by kind and name.
///
/// # Errors
/// Every method fails with [`crate::StoreError`] when the database does.
#[async_trait]
pub trait Documents: Send + Sync + std::fmt::Debug {
    /// Adds a document. `false`: the name is taken.
    async fn create_document(&self, kind: DocumentKind, name: &str, body: Value, now: Timestamp) -> Result<bool>;

    /// The document with this name.
    async fn find_document(&self, kind: DocumentKind, name: &str) -> Result<Option<Document>>;

    /// Puts `body` in place of what was read as `seen`. `false`: it has changed since, or is gone; read it again.
    async fn replace_document(&self, seen: &Document, body: Value, now: Timestamp) -> Result<bool>;

    /// Removes a document. `false`: there is none.
    async fn delete_document(&self, kind: DocumentKind, name: &str) -> Result<bool>;

    /// Up to `limit` documents, in the order of their making.
    async fn list_documents(&self, kind: DocumentKind, after: Option<Cursor>, limit: usize) -> Result<Page<Document>>;
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DocumentKind {
    /// An upload preset.
    UploadPreset,
    /// A named transformation.
    Transformation,
    /// Where missing assets of a folder are fetched from.
    UploadMapping,
    /// A webhook subscription.
    Trigger,
    /// A field of structured metadata.
    MetadataField,
}

/// A document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What it is.
    pub kind: DocumentKind,
    /// Its name, unique among its kind.
    pub name: String,
    /// What is in it.
    pub body: Value,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last replaced.
    pub updated_at: Timestamp,
    /// Grows whenever it is replaced.
    pub revision: i64,
}

impl DocumentKind {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UploadPreset => "upload_preset",
            Self::Transformation => "transformation",
            Self::UploadMapping => "upload_mapping",
            Self::Trigger => "trigger",
            Self::MetadataField => "metadata_field",
        }
    }
}
