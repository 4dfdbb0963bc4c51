//! Assets, their uploads, and everything that is known of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use visage_cloudinary::{DeliveryType, ImageFormat, PublicId, ResourceType};

use crate::ids::{AssetId, Md5, Sha256, UploadId};

/// What names an asset.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssetKey {
    /// The kind of file.
    pub resource_type: ResourceType,
    /// How it may be reached.
    pub delivery_type: DeliveryType,
    /// Its name.
    pub public_id: PublicId,
}

/// What was found out about an original before it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct UploadFacts {
    /// The size of the stored file.
    pub bytes: u64,
    /// The hash of the stored file.
    pub sha256: Sha256,
    /// The MD5 of the stored file, which Cloudinary's API calls its `etag`. `None` for files stored before there was one.
    pub md5: Option<Md5>,
    /// SHA-256 of each block of [`crate::BLOCK_BYTES`], the last one shorter: what lets a part of the file be checked. Empty
    /// for files that are only ever read whole.
    pub blocks: Vec<Sha256>,
    /// What kind of file it is.
    pub media: Media,
}

/// What kind of file an original is, with the facts of that kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Media {
    /// A picture.
    Image(ImageFacts),
    /// A film or a sound, delivered as it is.
    Video(VideoFacts),
    /// Any other file, delivered as it is.
    Raw,
}

/// A picture's facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// The format of the stored file.
    pub format: ImageFormat,
    /// Pixels, as displayed.
    pub width: u32,
    /// Pixels, as displayed.
    pub height: u32,
    /// How readers turn the stored pixels for display: the EXIF numbers 1 (as stored) to 8.
    pub orientation: u8,
    /// Frames of an animation; 1 for a still image.
    pub frames: u32,
    /// Whether the format and the file carry transparency.
    pub has_alpha: bool,
    /// The faces in it, the largest first: x, y, width and height in pixels as displayed. `None`: nobody has looked.
    pub faces: Option<Vec<[u32; 4]>>,
}

/// A film's or a sound's facts, as far as its container tells them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct VideoFacts {
    /// The container, as an extension: `mp4`, `webm`, `mp3`, …
    pub format: String,
    /// Pixels; `None` for a sound.
    pub width: Option<u32>,
    /// Pixels; `None` for a sound.
    pub height: Option<u32>,
    /// Seconds.
    pub duration: Option<f64>,
    /// Bits per second, of the whole file.
    pub bit_rate: Option<u64>,
    /// Frames per second.
    pub frame_rate: Option<f64>,
    /// How many frames.
    pub frames: Option<u64>,
    /// Degrees clockwise that players turn it by.
    pub rotation: Option<u16>,
    /// The codec of its pictures.
    pub video_codec: Option<String>,
    /// The codec of its sound.
    pub audio_codec: Option<String>,
}

/// One arrival of bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Upload {
    /// Its name, which is also its blob's and what Cloudinary's API calls `version_id`.
    pub id: UploadId,
    /// What it is.
    pub facts: UploadFacts,
    /// When it was begun.
    pub created_at: Timestamp,
}

/// An asset and its current upload.
#[derive(Debug, Clone, PartialEq)]
pub struct Asset {
    /// Stays the same whatever is uploaded, until the asset is destroyed.
    pub id: AssetId,
    /// What names it.
    pub key: AssetKey,
    /// Strictly grows with every upload.
    pub version: i64,
    /// When the asset was first uploaded.
    pub created_at: Timestamp,
    /// What it is now.
    pub upload: Upload,
    /// What people say of it.
    pub details: AssetDetails,
}

/// What an asset carries besides bytes. Assets are found by the tags, the context, the metadata, the folder and the moderation;
/// `extra` is kept and given back.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AssetDetails {
    /// The folder it is shown in, without slashes at its ends; empty for the root. It is no part of the public id.
    pub asset_folder: String,
    /// What people call it; empty means the last segment of the public id.
    pub display_name: String,
    /// Tags, sorted.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Free key-value pairs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, String>,
    /// Structured metadata by external id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Value>,
    /// Whether it waits for somebody's approval, or what they said.
    pub moderation: Option<Moderation>,
    /// Whether uploads are kept when they are replaced or destroyed.
    pub backup: bool,
    /// When something of this was last changed.
    pub updated_at: Option<Timestamp>,
    /// Everything else, in the terms of whoever keeps it here.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub extra: serde_json::Map<String, Value>,
}

/// What somebody decided about showing an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moderation {
    /// Who decides: `manual`.
    pub kind: String,
    /// What was decided.
    pub status: ModerationStatus,
    /// When it was.
    pub updated_at: Timestamp,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModerationStatus {
    /// Nothing yet; it is shown meanwhile.
    Pending,
    /// It may be shown.
    Approved,
    /// It is not shown.
    Rejected,
}

/// An upload that was kept when it was replaced, or when its asset was destroyed.
#[derive(Debug, Clone, PartialEq)]
pub struct Backup {
    /// The asset it belonged to, which may be gone.
    pub asset_id: AssetId,
    /// What named the asset.
    pub key: AssetKey,
    /// The asset's version with this upload.
    pub version: i64,
    /// When the asset was first uploaded.
    pub created_at: Timestamp,
    /// When it ceased to be current.
    pub kept_at: Timestamp,
    /// The upload.
    pub upload: Upload,
    /// What people said of the asset then.
    pub details: AssetDetails,
}

impl UploadFacts {
    /// The facts of a picture; `None` for any other file.
    pub fn image(&self) -> Option<&ImageFacts> {
        match &self.media {
            Media::Image(facts) => Some(facts),
            Media::Video(_) | Media::Raw => None,
        }
    }
}
