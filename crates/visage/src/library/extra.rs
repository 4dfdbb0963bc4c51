//! What the library keeps with an asset besides what assets are found by.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use visage_store::AssetDetails;

use super::options::Analyse;

/// The members of [`AssetDetails::extra`]. Absent ones take no room.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Extra {
    /// The name of the uploaded file, without extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_filename: Option<String>,
    /// The extension of the uploaded file, where another format was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_extension: Option<String>,
    /// The key of whoever uploaded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// Who may see it: `[{"access_type":"token"}, {"access_type":"anonymous","start":…,"end":…}]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_control: Option<Value>,
    /// `public` or `authenticated`; given back, nothing more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_mode: Option<String>,
    /// Headers for delivery, one to a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<String>,
    /// What `q_auto` means for this asset; kept and given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality_override: Option<String>,
    /// Rectangles `[x, y, width, height]` that somebody chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_coordinates: Option<Vec<[u32; 4]>>,
    /// Faces that somebody marked; they win over those found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub face_coordinates: Option<Vec<[u32; 4]>>,
    /// Named regions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regions: Option<Value>,
    /// Transformations, with extension, that were asked for when it was uploaded: these are allowed where others are not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub eager: Vec<String>,
    /// What was found in the picture.
    #[serde(skip_serializing_if = "Analysis::is_empty")]
    pub analysis: Analysis,
    /// When what was last changed.
    #[serde(skip_serializing_if = "LastUpdated::is_empty")]
    pub last_updated: LastUpdated,
}

/// What was found in a picture, where somebody asked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Analysis {
    /// Faces: `[x, y, width, height]` in pixels of the upright picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faces: Option<Vec<[u32; 4]>>,
    /// Colours, most frequent first: `["#152E02", 7.9]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colors: Option<Vec<(String, f64)>>,
    /// Named colours by the palette they are named after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predominant: Option<Value>,
    /// The perceptual hash: 16 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phash: Option<String>,
    /// EXIF and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// Figures about quality.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<Value>,
    /// Whether it is without colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grayscale: Option<bool>,
    /// Whether some of it is half transparent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semi_transparent: Option<bool>,
}

/// When parts of an asset were last changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are what Cloudinary calls them")]
pub struct LastUpdated {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_id_updated_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags_updated_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_updated_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_updated_at: Option<Timestamp>,
}

impl Extra {
    /// What is kept with `details`. What cannot be read, because another release wrote it, counts as absent.
    pub fn of(details: &AssetDetails) -> Self {
        if details.extra.is_empty() {
            return Self::default();
        }
        serde_json::from_value(Value::Object(details.extra.clone())).unwrap_or_default()
    }

    /// Whether nothing is said but which part is shown: so are the pictures of users and posts.
    pub fn is_plain(details: &AssetDetails) -> bool {
        let rest = Self {
            custom_coordinates: None,
            ..Self::of(details)
        };
        rest == Self::default()
    }

    /// Puts this into `details`.
    pub fn keep_in(&self, details: &mut AssetDetails) {
        details.extra = match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        };
    }
}

impl Analysis {
    /// Adds what is in `found`.
    pub fn add(&mut self, found: &Self) {
        let found = found.clone();
        self.faces = found.faces.or(self.faces.take());
        self.colors = found.colors.or(self.colors.take());
        self.predominant = found.predominant.or(self.predominant.take());
        self.phash = found.phash.or(self.phash.take());
        self.metadata = found.metadata.or(self.metadata.take());
        self.quality = found.quality.or(self.quality.take());
        self.grayscale = found.grayscale.or(self.grayscale);
        self.semi_transparent = found.semi_transparent.or(self.semi_transparent);
    }

    /// What of `asked` is not known yet.
    pub fn missing(&self, asked: Analyse) -> Analyse {
        Analyse {
            faces: asked.faces && self.faces.is_none(),
            colors: asked.colors && self.colors.is_none(),
            phash: asked.phash && self.phash.is_none(),
            metadata: asked.metadata && self.metadata.is_none(),
            quality: asked.quality && self.quality.is_none(),
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl LastUpdated {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_back_and_nothing_takes_no_room() {
        let mut details = AssetDetails::default();
        Extra::default().keep_in(&mut details);
        assert!(details.extra.is_empty());
        let extra = Extra {
            original_filename: Some("me".to_owned()),
            custom_coordinates: Some(vec![[1, 2, 3, 4]]),
            analysis: Analysis {
                colors: Some(vec![("#152E02".to_owned(), 7.9)]),
                ..Analysis::default()
            },
            ..Extra::default()
        };
        extra.keep_in(&mut details);
        assert_eq!(Extra::of(&details), extra);
    }
}
