//! What the library keeps with an asset besides what assets are found by.
//!
//! It says who may see the asset, so a record that cannot be read fails closed: it reads as one that only a token opens, no
//! edit is made of it ([`guard_edit`]), and `visage audit` counts it.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use visage_store::{AssetDetails, EditDetails};

use super::access;
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
    /// Members that this release does not know; another one wrote them.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// A record that cannot be read: it was damaged, or another release wrote it otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the attributes of the asset cannot be read: {0}")]
pub struct UnreadableRecord(String);

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
    /// What is kept with `details`. A record that cannot be read is one that only a token opens.
    pub fn of(details: &AssetDetails) -> Self {
        Self::read(details).unwrap_or_else(|error| {
            tracing::error!(asset.display_name = details.display_name, error = %error, "failed to read asset attributes");
            Self {
                access_control: Some(json!([{ "access_type": "token" }])),
                ..Self::default()
            }
        })
    }

    /// What is kept with `details`.
    ///
    /// # Errors
    /// See [`UnreadableRecord`].
    pub fn read(details: &AssetDetails) -> Result<Self, UnreadableRecord> {
        if details.extra.is_empty() {
            return Ok(Self::default());
        }
        // Absent is what is written for nothing, so `null` is none of ours.
        if details.extra.get("access_control").is_some_and(Value::is_null) {
            return Err(UnreadableRecord("access_control is null".to_owned()));
        }
        let read: Self = serde_json::from_value(Value::Object(details.extra.clone()))
            .map_err(|error| UnreadableRecord(error.to_string()))?;
        match &read.access_control {
            Some(control) => access::check(control)
                .map_err(|reason| UnreadableRecord(format!("access_control: {reason}")))
                .map(|()| read),
            None => Ok(read),
        }
    }

    /// Whether nothing is said but which part is shown: so are the pictures of users and posts. What was found out, because a
    /// list was asked for it, is not said.
    pub fn is_plain(details: &AssetDetails) -> bool {
        let rest = Self {
            custom_coordinates: None,
            analysis: Analysis::default(),
            ..Self::of(details)
        };
        rest == Self::default()
    }

    /// Puts this into `details`, unless what is there cannot be read: that is not overwritten.
    pub fn keep_in(&self, details: &mut AssetDetails) {
        if Self::read(details).is_err() {
            return;
        }
        details.extra = match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        };
    }
}

/// An edit that was refused, and why.
#[derive(Debug, Clone, Default)]
pub struct RefusedEdit(Arc<Mutex<Option<UnreadableRecord>>>);

impl RefusedEdit {
    /// Why the edit was refused; `None` when it was made.
    pub fn reason(&self) -> Option<UnreadableRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The same edit, which changes nothing of an asset whose record cannot be read. Whether it was refused is known afterwards.
pub fn guard_edit(edit: EditDetails) -> (EditDetails, RefusedEdit) {
    let refused = RefusedEdit::default();
    let noted = refused.clone();
    let guarded: EditDetails = Box::new(move |details: &mut AssetDetails| match Extra::read(details) {
        Ok(_) => edit(details),
        Err(error) => *noted.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error),
    });
    (guarded, refused)
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
            tone: asked.tone && self.grayscale.is_none(),
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
    fn details(extra: &Value) -> AssetDetails {
        AssetDetails {
            extra: extra.as_object().unwrap().clone(),
            ..AssetDetails::default()
        }
    }

    #[test]
    fn unreadable_record_opens_nothing_and_stays_as_it_is() {
        for damage in [
            json!({"access_control": "token"}),
            json!({"access_control": null}),
            json!({"access_control": {"access_type": "token"}}),
            json!({"access_control": [{"access_type": "anonymous", "end": "soon"}]}),
            json!({"access_control": [{"access_type": "nobody"}]}),
            json!({"access_control": [5]}),
            json!({"access_control": [{"access_type": "token"}], "eager": 5}),
            json!({"headers": ["X"]}),
            json!({"custom_coordinates": [[1, 2, 3]]}),
            json!({"last_updated": {"tags_updated_at": "yesterday"}}),
        ] {
            let damaged = details(&damage);
            assert!(Extra::read(&damaged).is_err(), "{damaged:?}");
            let closed = Extra::of(&damaged).access_control;
            assert_eq!(closed, Some(json!([{ "access_type": "token" }])));
            assert!(!Extra::is_plain(&damaged));
            let mut edited = damaged.clone();
            Extra::default().keep_in(&mut edited);
            assert_eq!(edited, damaged);
            let (edit, refused) = guard_edit(Box::new(|details| details.tags.extend(["x".to_owned()])));
            edit(&mut edited);
            assert_eq!((&edited, refused.reason().is_some()), (&damaged, true));
        }
    }

    #[test]
    fn members_of_another_release_outlive_an_edit() {
        let mut kept = details(&json!({"headers": "X-Robots-Tag: none", "of_tomorrow": {"a": [1]}}));
        let mut extra = Extra::read(&kept).unwrap();
        extra.headers = None;
        extra.keep_in(&mut kept);
        assert_eq!(kept, details(&json!({"of_tomorrow": {"a": [1]}})));
        assert!(!Extra::is_plain(&kept));
    }

    #[test]
    fn what_was_found_out_leaves_a_picture_plain() {
        let mut details = AssetDetails::default();
        let mut extra = Extra::default();
        extra.analysis.phash = Some("0123456789abcdef".to_owned());
        extra.keep_in(&mut details);
        assert!(Extra::is_plain(&details));
        extra.api_key = Some("123".to_owned());
        extra.keep_in(&mut details);
        assert!(!Extra::is_plain(&details));
    }
}
