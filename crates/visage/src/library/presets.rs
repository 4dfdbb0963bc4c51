//! Upload presets: parameters of uploads, kept under a name.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use visage_store::{DocumentKind, Documents, StoreError};

/// An upload preset, as it is kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Preset {
    /// Its name in Cloudinary's API besides the one that people use.
    pub external_id: String,
    /// Whether anybody may use it without a signature.
    pub unsigned: bool,
    /// Whether uploads with it may not say how they are called.
    pub disallow_public_id: bool,
    /// Given back, nothing more.
    pub live: Option<bool>,
    /// The parameters, as they were sent.
    pub settings: Map<String, Value>,
}

/// The preset with this name.
///
/// # Errors
/// When the database fails.
pub async fn find(documents: &dyn Documents, name: &str) -> Result<Option<Preset>, StoreError> {
    let document = documents.find_document(DocumentKind::UploadPreset, name).await?;
    // One that another release wrote differently is as good as none: its settings must not be guessed.
    Ok(document.and_then(|document| serde_json::from_value(document.body).ok()))
}
