//! Named transformations: operators give a transformation a name, and URLs ask for it by `t_name`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use visage_cloudinary::{Transformation, TransformationError};
use visage_store::{DocumentKind, Documents, StoreError};

use super::options::Eager;

/// Most different names in one transformation, those that names stand for included.
const MAX_NAMES: usize = 20;

/// A transformation that an operator has set up, as it is kept: under its name, or, to be allowed where others are not, under
/// its own text with `/extension`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NamedTransformation {
    /// What the name stands for; `None` for a text that stands for itself.
    pub transformation: Option<String>,
    /// Whether URLs may ask for it where only some transformations are allowed.
    pub allowed_for_strict: bool,
}

/// Why a transformation cannot be expanded.
#[derive(Debug, thiserror::Error)]
pub enum ExpandError {
    /// A name stands for nothing, or names stand for each other.
    #[error(transparent)]
    Transformation(#[from] TransformationError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The transformation with what its names stand for in their places.
///
/// # Errors
/// See [`ExpandError`].
pub async fn expand(documents: &dyn Documents, transformation: &Transformation) -> Result<Transformation, ExpandError> {
    let mut known: BTreeMap<String, Option<Transformation>> = BTreeMap::new();
    let mut unknown = transformation.names();
    while let Some(name) = unknown.pop() {
        if known.contains_key(&name) {
            continue;
        }
        if known.len() >= MAX_NAMES {
            return Err(TransformationError::TooManyComponents.into());
        }
        let found = find(documents, &name).await?;
        let text = found.and_then(|named| named.transformation);
        let meaning = text.map(|text| meaning(&text)).transpose()?;
        unknown.extend(meaning.iter().flat_map(Transformation::names));
        known.insert(name, meaning);
    }
    if known.is_empty() {
        return Ok(transformation.clone());
    }
    Ok(transformation.expand(|name| known.get(name).cloned().flatten())?)
}

/// A definition without the extension that may stand behind it: that says for which URLs it was made.
fn meaning(text: &str) -> Result<Transformation, TransformationError> {
    match read(text) {
        Some(eager) => Ok(eager.transformation),
        None => Transformation::parse(text),
    }
}

/// Reads `c_fill,w_100`, `c_fill,w_100/jpg`, and with a slash at the end what is for URLs without extension.
pub fn read(text: &str) -> Option<Eager> {
    visage_cloudinary::parameters::Eager::parse(text).ok().map(Into::into)
}

/// What is kept under a name.
///
/// # Errors
/// When the database fails.
pub async fn find(documents: &dyn Documents, name: &str) -> Result<Option<NamedTransformation>, StoreError> {
    let document = documents.find_document(DocumentKind::Transformation, name).await?;
    Ok(document.and_then(|document| serde_json::from_value(document.body).ok()))
}

/// Whether `asked` may be asked for where only some transformations are allowed, whatever the asset: its text is allowed, or
/// it consists of nothing but names that are.
///
/// # Errors
/// When the database fails.
pub async fn is_allowed(documents: &dyn Documents, asked: &Eager) -> Result<bool, StoreError> {
    let text = find(documents, &strict_text(asked)).await?;
    if text.is_some_and(|text| text.allowed_for_strict) {
        return Ok(true);
    }
    let Some(names) = asked.transformation.only_names() else {
        return Ok(false);
    };
    for name in names.iter().take(MAX_NAMES + 1) {
        let kept = find(documents, name).await?;
        if !kept.is_some_and(|kept| kept.allowed_for_strict) {
            return Ok(false);
        }
    }
    Ok(!names.is_empty() && names.len() <= MAX_NAMES)
}

/// `c_fill,w_100/jpg`: the text that stands for a transformation with its extension, in canonical form.
pub fn strict_text(asked: &Eager) -> String {
    match &asked.extension {
        Some(extension) => format!("{}/{extension}", asked.transformation),
        None => asked.transformation.to_string(),
    }
}
