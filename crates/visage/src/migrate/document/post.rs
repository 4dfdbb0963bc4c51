//! A post as it stands in an export.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use visage_store::{CommentId, ImportedComment, ImportedPost, PostId, UserId};

use super::{DocumentError, fields, flag, made_at, number, object_id, text, time};
use crate::clock::later;

/// A post, and what its document says of what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostDocument {
    /// The post.
    pub post: ImportedPost,
    /// `media`
    pub url: Option<String>,
    /// `cloudinaryId`
    pub public_id: Option<String>,
}

/// The fields that are kept. What kind of medium it is, the medium says.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Fields {
    #[serde(rename = "_id")]
    id: Value,
    user: Value,
    content: Value,
    media: Value,
    cloudinary_id: Value,
    likes: Option<Vec<Value>>,
    comments: Option<Vec<Said>>,
    featured: Value,
    created_at: Value,
    expires_at: Value,
    #[serde(rename = "__v")]
    revision: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Said {
    #[serde(rename = "_id")]
    id: Value,
    user: Value,
    text: Value,
    created_at: Value,
}

/// Reads a document. A post that does not say until when it lives has `lifetime`.
///
/// # Errors
/// See [`DocumentError`].
pub fn read(document: &[u8], lifetime: Duration) -> Result<PostDocument, DocumentError> {
    let fields: Fields = fields(document)?;
    let id = object_id(&fields.id, "_id")?.ok_or(DocumentError::Missing("_id"))?;
    let created_at = time(&fields.created_at, "createdAt")?.unwrap_or_else(|| made_at(&id));
    let likes = fields.likes.iter().flatten();
    let comments = fields.comments.iter().flatten();
    Ok(PostDocument {
        post: ImportedPost {
            id: PostId::from_bytes(id),
            author: user(&fields.user, "user")?,
            content: text(&fields.content, "content")?.unwrap_or_default(),
            likes: likes.map(|like| user(like, "likes")).collect::<Result<_, _>>()?,
            comments: comments.map(comment).collect::<Result<_, _>>()?,
            featured: flag(&fields.featured, "featured")?,
            created_at,
            expires_at: time(&fields.expires_at, "expiresAt")?.unwrap_or_else(|| later(created_at, lifetime)),
            revision: revision(&fields.revision)?,
        },
        url: text(&fields.media, "media")?,
        public_id: text(&fields.cloudinary_id, "cloudinaryId")?,
    })
}

fn user(value: &Value, field: &'static str) -> Result<UserId, DocumentError> {
    let id = object_id(value, field)?.ok_or(DocumentError::Missing(field))?;
    Ok(UserId::from_bytes(id))
}

fn comment(said: &Said) -> Result<ImportedComment, DocumentError> {
    const FIELD: &str = "comments";
    let id = object_id(&said.id, FIELD)?.ok_or(DocumentError::Unreadable(FIELD))?;
    Ok(ImportedComment {
        id: CommentId::from_bytes(id),
        author: user(&said.user, FIELD)?,
        text: text(&said.text, FIELD)?.unwrap_or_default(),
        created_at: time(&said.created_at, FIELD)?.unwrap_or_else(|| made_at(&id)),
    })
}

fn revision(value: &Value) -> Result<u32, DocumentError> {
    let number = number(value, "__v")?.unwrap_or(0.0);
    if number.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&number) {
        return Err(DocumentError::Unreadable("__v"));
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be whole and in range"
    )]
    Ok(number as u32)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    const ID: &str = "66501234aaaaaaaaaaaaaaaa";
    const LIFETIME: Duration = Duration::from_secs(36 * 3600);

    fn with(more: &Value) -> Result<PostDocument, DocumentError> {
        let mut document = json!({ "_id": { "$oid": ID }, "user": { "$oid": ID } });
        let fields = document.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        read(document.to_string().as_bytes(), LIFETIME)
    }

    #[test]
    fn what_is_not_said_has_the_applications_defaults() {
        let made = Timestamp::from_second(0x6650_1234).unwrap();
        for nothing in [
            json!({}),
            json!({"likes": null, "comments": null, "media": null, "content": null}),
        ] {
            let PostDocument { post, url, public_id } = with(&nothing).unwrap();
            assert_eq!((post.id.to_string().as_str(), post.content.as_str()), (ID, ""));
            assert_eq!((post.created_at, post.expires_at), (made, later(made, LIFETIME)));
            assert_eq!((post.likes.len(), post.comments.len(), post.revision), (0, 0, 0));
            assert_eq!((post.featured, url, public_id), (false, None, None));
        }
        let comment = json!({ "comments": [{ "_id": ID, "user": ID, "text": "hey" }] });
        assert_eq!(with(&comment).unwrap().post.comments[0].created_at, made);
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_name() {
        for (fields, expected) in [
            (json!({"_id": 7}), "its _id cannot be read"),
            (json!({"user": null}), "it has no user"),
            (json!({"user": "admin-id"}), "its user cannot be read"),
            (json!({"content": {"$gt": ""}}), "its content cannot be read"),
            (json!({"media": ["/uploads/x.png"]}), "its media cannot be read"),
            (json!({"likes": ["x"]}), "its likes cannot be read"),
            (json!({"likes": [null]}), "it has no likes"),
            (json!({"comments": [{"user": ID}]}), "its comments cannot be read"),
            (json!({"createdAt": {"$date": "soon"}}), "its createdAt cannot be read"),
            (json!({"expiresAt": true}), "its expiresAt cannot be read"),
            (json!({"featured": "yes"}), "its featured cannot be read"),
            (json!({"__v": -1}), "its __v cannot be read"),
            (json!({"__v": 0.5}), "its __v cannot be read"),
            (json!({"__v": {"$numberLong": "4294967296"}}), "its __v cannot be read"),
        ] {
            let error = with(&fields).unwrap_err().to_string();
            assert_eq!(error, expected, "{fields}");
        }
        assert_eq!(with(&json!({"__v": u32::MAX})).unwrap().post.revision, u32::MAX);
        assert!(matches!(read(b"{", LIFETIME), Err(DocumentError::Json(_))));
    }
}
