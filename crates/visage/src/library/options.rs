//! What a caller of the API may ask of an upload, checked.

use std::collections::BTreeMap;

use serde_json::Value;
use visage_cloudinary::parameters::EagerExtension;
use visage_cloudinary::{DeliveryType, ImageFormat, ResourceType, Transformation};

/// How a file is to be received, named, described and what is to be made of it.
#[derive(Debug, Clone, Default)]
pub struct UploadOptions {
    /// What it has to be; `None` leaves that to the file.
    pub resource_type: Option<ResourceType>,
    /// How it may be reached; public if `None`.
    pub delivery_type: Option<DeliveryType>,
    /// How it is called.
    pub naming: Naming,
    /// Whether an asset of that name makes way.
    pub overwrite: bool,
    /// What is said of it.
    pub description: Description,
    /// Formats that are taken; empty means all.
    pub allowed_formats: Vec<String>,
    /// The format to store it in.
    pub format: Option<ImageFormat>,
    /// What to make of it before it is stored.
    pub incoming: Option<Transformation>,
    /// What to make of it now.
    pub eager: Vec<Eager>,
    /// Whether to answer before that is made.
    pub eager_async: bool,
    /// What to find out about it.
    pub analyse: Analyse,
    /// Sizes to find.
    pub responsive_breakpoints: Vec<BreakpointsRequest>,
    /// Who is told what.
    pub notify: Notify,
    /// Whether the answer has a token to delete it with.
    pub return_delete_token: bool,
    /// The key of the caller.
    pub api_key: Option<String>,
}

/// How an asset is called.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "they are Cloudinary's switches")]
pub struct Naming {
    /// The name that was asked for.
    pub public_id: Option<String>,
    /// Put in front of the name with a slash; makes no folder.
    pub public_id_prefix: Option<String>,
    /// Put in front of the name with a slash; is also the folder, unless another is named.
    pub folder: Option<String>,
    /// The folder that it is shown in.
    pub asset_folder: Option<String>,
    /// Whether the folder goes in front of the name.
    pub use_asset_folder_as_public_id_prefix: bool,
    /// Whether the file's name makes the name.
    pub use_filename: bool,
    /// Whether a name made of the file's gets a random ending.
    pub unique_filename: bool,
    /// Instead of the file's name.
    pub filename_override: Option<String>,
    /// Whether the file's name is forgotten.
    pub discard_original_filename: bool,
    /// What people call it.
    pub display_name: Option<String>,
    /// Whether people call it as the file was called.
    pub use_filename_as_display_name: bool,
}

/// What is said of an asset. `None` leaves what was said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Description {
    /// Tags; replace those there are.
    pub tags: Option<Vec<String>>,
    /// Context.
    pub context: Option<BTreeMap<String, String>>,
    /// Structured metadata, as it was sent.
    pub metadata: Option<BTreeMap<String, Value>>,
    /// Whether metadata that does not fit its fields any more is dropped.
    pub clear_invalid: bool,
    /// Who has to approve it.
    pub moderation: Option<String>,
    /// Whether it is kept when it is replaced or destroyed.
    pub backup: Option<bool>,
    /// Faces that somebody marked.
    pub face_coordinates: Option<Vec<[u32; 4]>>,
    /// Rectangles that somebody chose.
    pub custom_coordinates: Option<Vec<[u32; 4]>>,
    /// Named regions.
    pub regions: Option<Value>,
    /// Who may see it.
    pub access_control: Option<Value>,
    /// Given back, nothing more.
    pub access_mode: Option<String>,
    /// Headers for delivery.
    pub headers: Option<String>,
    /// Kept and given back.
    pub quality_override: Option<String>,
    /// Another folder (explicit and update).
    pub asset_folder: Option<String>,
    /// Another name for people (explicit and update).
    pub display_name: Option<String>,
    /// What somebody decided (update).
    pub moderation_status: Option<String>,
}

/// One thing to make at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Eager {
    /// What to make.
    pub transformation: Transformation,
    /// The extension that it will be asked for with.
    pub extension: Option<String>,
}

impl From<visage_cloudinary::parameters::Eager> for Eager {
    fn from(eager: visage_cloudinary::parameters::Eager) -> Self {
        Self {
            transformation: eager.transformation,
            extension: match eager.extension {
                EagerExtension::Original => None,
                EagerExtension::Absent => Some(String::new()),
                EagerExtension::Format(format) => Some(format.extension().to_owned()),
            },
        }
    }
}

/// What to find out about a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "they are Cloudinary's switches")]
#[allow(missing_docs, reason = "the fields are Cloudinary's own words")]
pub struct Analyse {
    pub faces: bool,
    pub colors: bool,
    pub phash: bool,
    pub metadata: bool,
    /// Whether it is without colour, or half transparent; answered beside the metadata.
    pub tone: bool,
    pub quality: bool,
}

/// A request for sizes whose files differ by about as many bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakpointsRequest {
    /// Whether the pictures are kept.
    pub create_derived: bool,
    /// How many bytes lie between two sizes.
    pub bytes_step: u64,
    /// Smallest width.
    pub min_width: u32,
    /// Largest width.
    pub max_width: u32,
    /// Most sizes.
    pub max_images: u32,
    /// What else to make.
    pub transformation: Transformation,
    /// The format.
    pub format: Option<ImageFormat>,
}

/// Who is told what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notify {
    /// Told that it was uploaded.
    pub url: Option<String>,
    /// Told when the eager ones are made.
    pub eager_url: Option<String>,
    /// Says which notifications belong together.
    pub batch_id: Option<String>,
}
