//! `visage migrate-profiles --undo`: gives users back what they had, exactly.
//!
//! The report says which pictures; what their users had is what was noted with the commit. Where the two do not agree the line
//! is refused, and so it is where the old file is gone: a reference to nothing is not put back. The pictures that nobody refers
//! to then are retired like replaced ones.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use visage_cloudinary::PublicId;
use visage_store::{MediaOwner, MigratedPicture, StoreError};

use super::output::{Output, from_cell};
use super::uploads::{SourceError, Uploads};
use super::{Arguments, MigrateError};
use crate::app::App;
use crate::clock::later;
use crate::crash;

/// More than any line of a report has.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// How a line of a report ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Undone {
    /// Its user has again what it had.
    Restored,
    /// There was nothing to undo: it was not moved, or was put back before.
    NotMoved,
    /// The user has another picture by now, which stays.
    Superseded,
    /// It cannot be put back.
    Refused,
    /// It was not put back, because of an error.
    Failed,
}

/// How many lines ended how. They add up to `lines`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct UndoSummary {
    /// Lines of the report.
    pub lines: u64,
    /// See [`Undone::Restored`].
    pub restored: u64,
    /// See [`Undone::NotMoved`].
    pub not_moved: u64,
    /// See [`Undone::Superseded`].
    pub superseded: u64,
    /// See [`Undone::Refused`].
    pub refused: u64,
    /// See [`Undone::Failed`].
    pub failed: u64,
}

/// What an undo reads of a line of a report.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Moved {
    user: Option<String>,
    public_id: Option<String>,
    url: Option<String>,
    old_url: Option<String>,
}

/// What it says of it.
#[derive(Debug, Serialize)]
struct UndoLine {
    user: Option<String>,
    public_id: Option<String>,
    outcome: Undone,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl UndoSummary {
    /// Whether everything that the report names is as it was, or as its user wants it.
    pub fn is_complete(&self) -> bool {
        self.refused + self.failed == 0
    }

    fn count(&mut self, outcome: Undone) {
        self.lines += 1;
        *match outcome {
            Undone::Restored => &mut self.restored,
            Undone::NotMoved => &mut self.not_moved,
            Undone::Superseded => &mut self.superseded,
            Undone::Refused => &mut self.refused,
            Undone::Failed => &mut self.failed,
        } += 1;
    }
}

/// Puts back what the report at `path` names.
///
/// # Errors
/// See [`MigrateError`]; what was done until then stays done.
pub async fn undo(
    app: &App,
    path: &Path,
    arguments: &Arguments,
    output: &mut Output,
) -> Result<UndoSummary, MigrateError> {
    let mut undo = Undo {
        app,
        named: arguments.uploads.clone(),
        folders: HashMap::new(),
    };
    let mut summary = UndoSummary::default();
    for moved in read_report(path)? {
        let moved = moved?;
        let (outcome, error) = match undo.one(&moved).await {
            Ok(outcome) => (outcome, None),
            Err(UndoError::Store(error)) => return Err(error.into()),
            Err(UndoError::Refused(why)) => (Undone::Refused, Some(why)),
            Err(UndoError::Failed(why)) => (Undone::Failed, Some(why)),
        };
        if let Some(error) = &error {
            tracing::warn!(user.id = moved.user, public_id = moved.public_id, error, "not put back");
        }
        summary.count(outcome);
        output.write(&UndoLine {
            user: moved.user,
            public_id: moved.public_id,
            outcome,
            error,
        })?;
    }
    Ok(summary)
}

struct Undo<'a> {
    app: &'a App,
    /// The folder, when somebody says that it is another by now.
    named: Option<PathBuf>,
    folders: HashMap<PathBuf, Arc<Uploads>>,
}

enum UndoError {
    Refused(String),
    Failed(String),
    Store(StoreError),
}

impl From<StoreError> for UndoError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Undo<'_> {
    async fn one(&mut self, moved: &Moved) -> Result<Undone, UndoError> {
        let Some(public_id) = moved.public_id.as_deref().and_then(|id| PublicId::parse(id).ok()) else {
            return Ok(Undone::NotMoved);
        };
        let directory = &self.app.directory;
        let Some(migrated) = directory.migrated_picture(&public_id).await? else {
            return Ok(Undone::NotMoved);
        };
        let MediaOwner::User(user_id) = migrated.owner else {
            return Ok(Undone::NotMoved);
        };
        let is_the_same = moved.user.as_deref() == Some(user_id.to_string().as_str())
            && moved.url.as_deref() == Some(migrated.url.as_str())
            && moved.old_url.as_deref() == Some(migrated.old_url.as_str());
        if !is_the_same {
            return Err(UndoError::Refused(
                "the report and the database do not agree".to_owned(),
            ));
        }
        let user = directory.user(&user_id).await?;
        if user.is_none_or(|user| user.cloudinary_id.as_deref() != Some(public_id.as_str())) {
            return Ok(Undone::Superseded);
        }
        self.check_source(migrated).await?;
        let now = self.app.clock.now();
        let retire_at = later(now, self.app.config.reaper.retire_after.as_duration());
        let is_undone = self.app.directory.undo_adoption(&public_id, retire_at).await?;
        crash::point("adoption-undone").await;
        Ok(if is_undone {
            Undone::Restored
        } else {
            Undone::Superseded
        })
    }

    fn open(&mut self, folder: PathBuf) -> Result<Arc<Uploads>, UndoError> {
        if let Some(uploads) = self.folders.get(&folder) {
            return Ok(Arc::clone(uploads));
        }
        let opened = Uploads::open(&folder)
            .map_err(|error| UndoError::Failed(format!("the folder {} cannot be read: {error}", folder.display())))?;
        let uploads = Arc::new(opened);
        self.folders.insert(folder, Arc::clone(&uploads));
        Ok(uploads)
    }

    /// The old reference must lead to the same file as before.
    async fn check_source(&mut self, migrated: MigratedPicture) -> Result<(), UndoError> {
        let folder = self.named.as_ref().unwrap_or(&migrated.source.folder).clone();
        let uploads = self.open(folder)?;
        let source = migrated.source;
        let max_bytes = self.app.config.limits.profile_image_bytes;
        let read = tokio::task::spawn_blocking(move || {
            let contents = uploads.read(&source.file, max_bytes)?;
            Ok(contents.sha256 == source.sha256)
        });
        match read.await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(UndoError::Refused("its source has other bytes by now".to_owned())),
            Ok(Err(SourceError::Missing)) => Err(UndoError::Refused("its source is gone".to_owned())),
            Ok(Err(error)) => Err(UndoError::Failed(format!("its source cannot be read: {error}"))),
            Err(stopping) => Err(UndoError::Failed(stopping.to_string())),
        }
    }
}

type Lines = Box<dyn Iterator<Item = Result<Moved, MigrateError>>>;

/// The lines of a report, whichever way it was written.
fn read_report(path: &Path) -> Result<Lines, MigrateError> {
    let file = File::open(path).map_err(MigrateError::file(path))?;
    let mut file = BufReader::new(file);
    let begins_with = file.fill_buf().map_err(MigrateError::file(path))?.first().copied();
    if begins_with == Some(b'{') {
        return Ok(Box::new(JsonLines(file)));
    }
    let rows = csv::Reader::from_reader(file).into_deserialize::<HashMap<String, String>>();
    let rows = rows.map(|row| row.map(from_row));
    Ok(Box::new(rows.map(|row| {
        row.map_err(|error| MigrateError::BadReport(error.to_string()))
    })))
}

fn from_row(mut row: HashMap<String, String>) -> Moved {
    let mut take = |column: &str| {
        let cell = row.remove(column).filter(|cell| !cell.is_empty());
        cell.map(|cell| from_cell(&cell).to_owned())
    };
    Moved {
        user: take("user"),
        public_id: take("public_id"),
        url: take("url"),
        old_url: take("old_url"),
    }
}

struct JsonLines(BufReader<File>);

impl Iterator for JsonLines {
    type Item = Result<Moved, MigrateError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        match (&mut self.0).take(MAX_LINE_BYTES).read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => match serde_json::from_slice(&line) {
                // The last line of a run that was ended; what it began to tell is in the report of the next run.
                Err(error) if error.is_eof() && !line.ends_with(b"\n") => None,
                read => Some(read.map_err(|error| MigrateError::BadReport(error.to_string()))),
            },
            Err(cause) => Some(Err(MigrateError::System(cause))),
        }
    }
}
