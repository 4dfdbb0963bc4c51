//! The fields that can be searched, and what kind of value each has.

/// What a field's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// A number of bytes, also written `10kb` or `1mb`.
    Size,
    /// A ratio, also written `16:9`.
    Ratio,
    /// A moment.
    Moment,
    /// Yes or no.
    Flag,
    /// Text, a number or a moment: what a person defined.
    Custom,
}

/// The fields of one kind of thing.
pub trait Field: Sized {
    /// The field that is meant when none is named.
    fn any_text() -> Self;
    /// The field of a name.
    fn from_name(name: &str) -> Option<Self>;
    /// The name; empty for [`Field::any_text`].
    fn name(&self) -> String;
    /// What its values are.
    fn kind(&self) -> FieldKind;
}

/// A field of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum SearchField {
    /// Any of the text fields.
    AnyText,
    AccessMode,
    AspectRatio,
    AssetFolder,
    AssetId,
    Bytes,
    Colors,
    /// `context.key`; without a key, every key.
    Context(Option<String>),
    CreatedAt,
    DisplayName,
    Duration,
    Etag,
    FaceCount,
    Filename,
    Folder,
    Format,
    Grayscale,
    Height,
    IllustrationScore,
    /// `last_updated.updated_at`.
    LastUpdated,
    /// `metadata.external_id`.
    Metadata(String),
    ModerationKind,
    ModerationStatus,
    Pages,
    Pixels,
    PublicId,
    ResourceType,
    Status,
    Tags,
    Transparent,
    Type,
    UploadedAt,
    Version,
    Width,
}

const CONTEXT: &str = "context";
const METADATA: &str = "metadata";

/// All fields that have a name of their own.
static FIELDS: [(&str, SearchField, FieldKind); 31] = [
    ("access_mode", SearchField::AccessMode, FieldKind::Text),
    ("aspect_ratio", SearchField::AspectRatio, FieldKind::Ratio),
    ("asset_folder", SearchField::AssetFolder, FieldKind::Text),
    ("asset_id", SearchField::AssetId, FieldKind::Text),
    ("bytes", SearchField::Bytes, FieldKind::Size),
    ("colors", SearchField::Colors, FieldKind::Text),
    ("created_at", SearchField::CreatedAt, FieldKind::Moment),
    ("display_name", SearchField::DisplayName, FieldKind::Text),
    ("duration", SearchField::Duration, FieldKind::Number),
    ("etag", SearchField::Etag, FieldKind::Text),
    ("face_count", SearchField::FaceCount, FieldKind::Number),
    ("filename", SearchField::Filename, FieldKind::Text),
    ("folder", SearchField::Folder, FieldKind::Text),
    ("format", SearchField::Format, FieldKind::Text),
    ("grayscale", SearchField::Grayscale, FieldKind::Flag),
    ("height", SearchField::Height, FieldKind::Number),
    ("illustration_score", SearchField::IllustrationScore, FieldKind::Number),
    ("last_updated.updated_at", SearchField::LastUpdated, FieldKind::Moment),
    ("moderation_kind", SearchField::ModerationKind, FieldKind::Text),
    ("moderation_status", SearchField::ModerationStatus, FieldKind::Text),
    ("pages", SearchField::Pages, FieldKind::Number),
    ("pixels", SearchField::Pixels, FieldKind::Number),
    ("public_id", SearchField::PublicId, FieldKind::Text),
    ("resource_type", SearchField::ResourceType, FieldKind::Text),
    ("status", SearchField::Status, FieldKind::Text),
    ("tags", SearchField::Tags, FieldKind::Text),
    ("transparent", SearchField::Transparent, FieldKind::Flag),
    ("type", SearchField::Type, FieldKind::Text),
    ("uploaded_at", SearchField::UploadedAt, FieldKind::Moment),
    ("version", SearchField::Version, FieldKind::Number),
    ("width", SearchField::Width, FieldKind::Number),
];

impl Field for SearchField {
    fn any_text() -> Self {
        Self::AnyText
    }

    fn from_name(name: &str) -> Option<Self> {
        if name == CONTEXT {
            return Some(Self::Context(None));
        }
        match name.split_once('.') {
            Some((_, "")) => None,
            Some((CONTEXT, key)) => Some(Self::Context(Some(key.to_owned()))),
            Some((METADATA, id)) => Some(Self::Metadata(id.to_owned())),
            _ => FIELDS
                .iter()
                .find(|(own, ..)| *own == name)
                .map(|(_, field, _)| field.clone()),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Context(None) => CONTEXT.to_owned(),
            Self::Context(Some(key)) => format!("{CONTEXT}.{key}"),
            Self::Metadata(id) => format!("{METADATA}.{id}"),
            field => row(field).map_or_else(String::new, |(name, ..)| (*name).to_owned()),
        }
    }

    fn kind(&self) -> FieldKind {
        match self {
            Self::Metadata(_) => FieldKind::Custom,
            field => row(field).map_or(FieldKind::Text, |(.., kind)| *kind),
        }
    }
}

fn row(field: &SearchField) -> Option<&'static (&'static str, SearchField, FieldKind)> {
    FIELDS.iter().find(|(_, own, _)| own == field)
}

/// A field of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are Cloudinary's own words")]
pub enum FolderField {
    /// Any of the text fields.
    AnyText,
    Name,
    Path,
    CreatedAt,
}

impl Field for FolderField {
    fn any_text() -> Self {
        Self::AnyText
    }

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "name" => Some(Self::Name),
            "path" => Some(Self::Path),
            "created_at" => Some(Self::CreatedAt),
            _ => None,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::AnyText => "",
            Self::Name => "name",
            Self::Path => "path",
            Self::CreatedAt => "created_at",
        }
        .to_owned()
    }

    fn kind(&self) -> FieldKind {
        match self {
            Self::CreatedAt => FieldKind::Moment,
            Self::AnyText | Self::Name | Self::Path => FieldKind::Text,
        }
    }
}
