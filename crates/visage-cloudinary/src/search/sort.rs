//! How results are ordered: `"public_id"` with `"asc"` or `"desc"`.

use super::FolderField;

/// One key of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortBy<F = SortField> {
    /// What is compared.
    pub field: F,
    /// Which end comes first.
    pub direction: Direction,
}

/// Which end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smallest.
    Ascending,
    /// The largest.
    Descending,
}

/// What assets can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum SortField {
    AspectRatio,
    AssetFolder,
    AssetId,
    Bytes,
    CreatedAt,
    DisplayName,
    Filename,
    Folder,
    Format,
    Height,
    LastUpdated,
    Pixels,
    PublicId,
    ResourceType,
    /// How well the words of the expression fit.
    Score,
    Type,
    UploadedAt,
    Version,
    Width,
}

/// Things that results can be ordered by.
pub trait Sortable: Sized {
    /// The key of a name.
    fn from_sort_name(name: &str) -> Option<Self>;
}

impl Sortable for SortField {
    fn from_sort_name(name: &str) -> Option<Self> {
        Some(match name {
            "aspect_ratio" => Self::AspectRatio,
            "asset_folder" => Self::AssetFolder,
            "asset_id" => Self::AssetId,
            "bytes" => Self::Bytes,
            "created_at" => Self::CreatedAt,
            "display_name" => Self::DisplayName,
            "filename" => Self::Filename,
            "folder" => Self::Folder,
            "format" => Self::Format,
            "height" => Self::Height,
            "last_updated.updated_at" => Self::LastUpdated,
            "pixels" => Self::Pixels,
            "public_id" => Self::PublicId,
            "resource_type" => Self::ResourceType,
            "score" => Self::Score,
            "type" => Self::Type,
            "uploaded_at" => Self::UploadedAt,
            "version" => Self::Version,
            "width" => Self::Width,
            _ => return None,
        })
    }
}

impl Sortable for FolderField {
    fn from_sort_name(name: &str) -> Option<Self> {
        super::Field::from_name(name)
    }
}

/// Why a pair is no order. The message is written for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SortError {
    /// Nothing is ordered by this.
    #[error("Invalid sort_by field {0}")]
    Field(String),
    /// It is neither `asc` nor `desc`.
    #[error("Invalid sort_by direction {0}. Must be asc or desc")]
    Direction(String),
}

impl<F: Sortable> SortBy<F> {
    /// Reads a pair of `sort_by`.
    ///
    /// # Errors
    ///
    /// Another field or direction.
    pub fn parse(field: &str, direction: &str) -> Result<Self, SortError> {
        let direction = match direction {
            "asc" => Direction::Ascending,
            "desc" => Direction::Descending,
            other => return Err(SortError::Direction(other.to_owned())),
        };
        match F::from_sort_name(field) {
            Some(field) => Ok(Self { field, direction }),
            None => Err(SortError::Field(field.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_a_known_field_and_a_direction() {
        assert_eq!(
            SortBy::parse("public_id", "desc"),
            Ok(SortBy {
                field: SortField::PublicId,
                direction: Direction::Descending
            })
        );
        assert_eq!(
            SortBy::parse("path", "asc"),
            Ok(SortBy {
                field: FolderField::Path,
                direction: Direction::Ascending
            })
        );
        let message = |field, direction| SortBy::<SortField>::parse(field, direction).unwrap_err().to_string();
        assert_eq!(message("password", "asc"), "Invalid sort_by field password");
        assert_eq!(
            message("bytes", "ASC"),
            "Invalid sort_by direction ASC. Must be asc or desc"
        );
    }
}
