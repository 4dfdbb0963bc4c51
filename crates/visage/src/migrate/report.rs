//! What a migration says of each user, or of each post.

use serde::Serialize;
use visage_store::{MigratedPicture, PostMedia, UserPicture};

use super::adopt::MoveError;
use super::document::post::PostDocument;
use super::uploads::{Contents, SourceError};
use super::{Kind, MigrateError};
use crate::intake::IntakeError;
use crate::media_host::{MediaHostError, TransferError};

/// How a user ended, or a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its picture is on the media host now, and it refers to it there; the post is here now, with what it shows.
    Migrated,
    /// In a dry run: it would be migrated.
    WouldMigrate,
    /// It was there before.
    AlreadyThere,
    /// The user has none.
    NoPicture,
    /// The post's time is up: it does not come.
    Expired,
    /// It refers to a file that is not there. A post does not come without what it shows.
    MissingFile,
    /// It refers to something that is not taken. Such a post does not come.
    Refused,
    /// It stays as it was, because of an error. Another run may succeed.
    Failed,
    /// It has changed its picture meanwhile, or came another way: nothing is left to do.
    Superseded,
}

/// How something ended that did not come, and why.
pub(super) type Ending = (Outcome, String);

/// What became of the file in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceEnd {
    /// It was left alone.
    Kept,
    /// It was deleted.
    Removed,
}

/// One user or post in the report, or one document of an export that became none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The post.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post: Option<String>,
    /// The place of the document in the export, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, when it was refused, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What became of the file.
    pub source: SourceEnd,
    /// The file's path in the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// SHA-256 of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_sha256: Option<String>,
    /// SHA-256 of what is stored: the picture without what is not the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_sha256: Option<String>,
    /// `profileImage` or `media` as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_url: Option<String>,
    /// `cloudinaryId` as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_public_id: Option<String>,
    /// `updatedAt` as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_updated_at: Option<String>,
    /// `profileImage` or `media` as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `cloudinaryId` as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_id: Option<String>,
}

impl Line {
    /// A user of whom nothing is known yet but what it has.
    pub(super) fn of(picture: &UserPicture) -> Self {
        Self {
            user: Some(picture.user_id.to_string()),
            old_url: picture.url.clone().filter(|_| picture.migrated.is_none()),
            old_public_id: picture.public_id.clone().filter(|_| picture.migrated.is_none()),
            ..Self::empty()
        }
    }

    /// A post of an export.
    pub(super) fn of_post(document: &PostDocument) -> Self {
        Self {
            post: Some(document.post.id.to_string()),
            old_url: document.url.clone(),
            old_public_id: document.public_id.clone(),
            ..Self::empty()
        }
    }

    /// A document that became no user, or no post; `id` is its `_id`, where that can be read.
    pub(super) fn of_document(kind: Kind, document: u64, id: Option<String>, (outcome, error): Ending) -> Self {
        let (user, post) = match kind {
            Kind::ProfileImages => (id, None),
            Kind::Posts => (None, id),
        };
        Self {
            user,
            post,
            document: Some(document),
            outcome,
            error: Some(error),
            ..Self::empty()
        }
    }

    fn empty() -> Self {
        Self {
            user: None,
            post: None,
            document: None,
            outcome: Outcome::NoPicture,
            error: None,
            source: SourceEnd::Kept,
            file: None,
            source_sha256: None,
            stored_sha256: None,
            old_url: None,
            old_public_id: None,
            old_updated_at: None,
            url: None,
            public_id: None,
        }
    }

    pub(super) fn tell_source(&mut self, contents: &Contents) {
        self.file = Some(contents.file.display().to_string());
        self.source_sha256 = Some(contents.sha256.to_string());
    }

    pub(super) fn tell(&mut self, migrated: &MigratedPicture) {
        self.file = Some(migrated.source.file.display().to_string());
        self.source_sha256 = Some(migrated.source.sha256.to_string());
        self.stored_sha256 = Some(migrated.stored_sha256.to_string());
        self.old_url = Some(migrated.old_url.clone());
        self.old_public_id.clone_from(&migrated.old_public_id);
        self.old_updated_at = migrated.old_updated_at.map(|time| time.to_string());
        self.url = Some(migrated.url.clone());
        self.public_id = Some(migrated.public_id.to_string());
    }

    pub(super) fn tell_media(&mut self, media: &PostMedia) {
        self.url = Some(media.url.clone());
        self.public_id = Some(media.public_id.to_string());
    }

    pub(super) fn end(&mut self, outcome: Outcome, error: &str) {
        self.outcome = outcome;
        self.error = Some(error.to_owned());
    }

    /// Says why it was not moved. A directory that fails ends everything.
    pub(super) fn fail(&mut self, error: MoveError) -> Result<(), MigrateError> {
        match error {
            MoveError::Store(error) | MoveError::Intake(IntakeError::Store(error)) => return Err(error.into()),
            MoveError::Source(SourceError::Missing) => self.outcome = Outcome::MissingFile,
            MoveError::Superseded => self.outcome = Outcome::Superseded,
            error if is_refusal(&error) => self.end(Outcome::Refused, &error.to_string()),
            error => self.end(Outcome::Failed, &error.to_string()),
        }
        Ok(())
    }

    /// Says what became of the file of a picture that is there.
    pub(super) fn source_ended(&mut self, removed: Result<bool, MoveError>) -> Result<(), MigrateError> {
        match removed {
            Ok(true) => self.source = SourceEnd::Removed,
            Ok(false) => {}
            Err(MoveError::Store(error)) => return Err(error.into()),
            Err(error) => self.error = Some(format!("its source was not removed: {error}")),
        }
        Ok(())
    }
}

/// Whether the fault is the file's, so that it will be refused again.
fn is_refusal(error: &MoveError) -> bool {
    match error {
        MoveError::Source(error) => !matches!(error, SourceError::Changed | SourceError::Io(_)),
        MoveError::Intake(IntakeError::Image(_) | IntakeError::Video | IntakeError::VideoData(_))
        | MoveError::Doomed
        | MoveError::Transfer(TransferError::MediaHost(MediaHostError::Unshowable(_))) => true,
        _ => false,
    }
}
