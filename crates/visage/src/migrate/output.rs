//! Where a migration says what it does: a line for each user or post in a file, the sums on the screen, and how far it is.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use super::MigrateError;
use super::report::{Line, Outcome, SourceEnd};
use crate::progress::Progress;

/// The columns of a report as CSV.
const COLUMNS: [&str; 14] = [
    "user",
    "post",
    "document",
    "outcome",
    "error",
    "source",
    "file",
    "source_sha256",
    "stored_sha256",
    "old_url",
    "old_public_id",
    "old_updated_at",
    "url",
    "public_id",
];

/// How many users ended how, or posts ([`PostSummary`]). They add up to `users`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Users, and documents of the export that became none; of posts, their documents.
    pub users: u64,
    /// See [`Outcome::Migrated`].
    pub migrated: u64,
    /// See [`Outcome::WouldMigrate`].
    #[serde(skip_serializing_if = "is_zero")]
    pub would_migrate: u64,
    /// See [`Outcome::AlreadyThere`].
    pub already_there: u64,
    /// See [`Outcome::NoPicture`].
    pub no_picture: u64,
    /// See [`Outcome::MissingFile`].
    pub missing_file: u64,
    /// See [`Outcome::Refused`].
    pub refused: u64,
    /// See [`Outcome::Failed`].
    pub failed: u64,
    /// See [`Outcome::Superseded`].
    pub superseded: u64,
    /// See [`Outcome::Expired`]; never a user.
    #[serde(skip)]
    pub expired: u64,
    /// Users of the export that were added.
    pub added_users: u64,
    /// In a dry run: users of the export that would be added.
    #[serde(skip_serializing_if = "is_zero")]
    pub would_add_users: u64,
    /// Files that were deleted, and those that could not be.
    pub removed_sources: u64,
    /// Files that are still there because they could not be deleted.
    pub unremoved_sources: u64,
}

/// How many posts ended how. They add up to `posts`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct PostSummary {
    /// Documents of the export.
    pub posts: u64,
    /// See [`Outcome::Migrated`].
    pub migrated: u64,
    /// See [`Outcome::WouldMigrate`].
    #[serde(skip_serializing_if = "is_zero")]
    pub would_migrate: u64,
    /// See [`Outcome::AlreadyThere`].
    pub already_there: u64,
    /// See [`Outcome::Expired`].
    pub expired: u64,
    /// See [`Outcome::MissingFile`].
    pub missing_file: u64,
    /// See [`Outcome::Refused`].
    pub refused: u64,
    /// See [`Outcome::Failed`].
    pub failed: u64,
    /// See [`Outcome::Superseded`].
    pub superseded: u64,
    /// Files that were deleted, and those that could not be.
    pub removed_sources: u64,
    /// Files that are still there because they could not be deleted.
    pub unremoved_sources: u64,
}

impl From<Summary> for PostSummary {
    fn from(counted: Summary) -> Self {
        Self {
            posts: counted.users,
            migrated: counted.migrated,
            would_migrate: counted.would_migrate,
            already_there: counted.already_there,
            expired: counted.expired,
            missing_file: counted.missing_file,
            refused: counted.refused,
            failed: counted.failed,
            superseded: counted.superseded,
            removed_sources: counted.removed_sources,
            unremoved_sources: counted.unremoved_sources,
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Where everything is said.
#[derive(Debug)]
pub struct Output {
    report: Option<Report>,
    progress: Progress,
    summary: Summary,
}

/// A report that is being written. A run that is ended has reported what it did.
struct Report {
    file: Box<dyn Write + Send>,
    format: ReportFormat,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// A line of JSON for each user or post.
    Json,
    /// A table, for spreadsheets.
    Csv,
}

impl std::fmt::Debug for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Report")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl ReportFormat {
    /// By the name of the file: `.csv` is a table.
    pub fn of(path: &Path) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("csv") => Self::Csv,
            _ => Self::Json,
        }
    }
}

impl Summary {
    /// Whether nothing has failed.
    pub fn is_complete(&self) -> bool {
        self.failed + self.unremoved_sources == 0
    }

    fn count(&mut self, line: &Line) {
        self.users += 1;
        *match line.outcome {
            Outcome::Migrated => &mut self.migrated,
            Outcome::WouldMigrate => &mut self.would_migrate,
            Outcome::AlreadyThere => &mut self.already_there,
            Outcome::NoPicture => &mut self.no_picture,
            Outcome::Expired => &mut self.expired,
            Outcome::MissingFile => &mut self.missing_file,
            Outcome::Refused => &mut self.refused,
            Outcome::Failed => &mut self.failed,
            Outcome::Superseded => &mut self.superseded,
        } += 1;
        self.removed_sources += u64::from(line.source == SourceEnd::Removed);
        let is_there = matches!(line.outcome, Outcome::Migrated | Outcome::AlreadyThere);
        self.unremoved_sources += u64::from(is_there && line.error.is_some());
    }
}

impl Output {
    /// Says nothing but the sums.
    pub fn quiet() -> Self {
        Self {
            report: None,
            progress: Progress::hidden(),
            summary: Summary::default(),
        }
    }

    /// Shows on a terminal how far it is with `what`.
    #[must_use]
    pub fn with_progress(mut self, what: &'static str) -> Self {
        self.progress = Progress::shown(what);
        self
    }

    /// Writes a line for each user or post to `file`.
    ///
    /// # Errors
    /// When the head of a table cannot be written.
    pub fn with_report(mut self, file: Box<dyn Write + Send>, format: ReportFormat) -> io::Result<Self> {
        let mut report = Report { file, format };
        if format == ReportFormat::Csv {
            report.write_row(&COLUMNS.map(str::to_owned))?;
        }
        self.report = Some(report);
        Ok(self)
    }

    /// The sums so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Takes the progress away.
    pub fn finish(self) -> Summary {
        self.progress.end();
        self.summary
    }

    /// So many lines are coming.
    pub(super) fn begin(&self, lines: u64) {
        self.progress.expect(lines);
    }

    pub(super) fn added_user(&mut self) {
        self.summary.added_users += 1;
    }

    pub(super) fn would_add_user(&mut self) {
        self.summary.would_add_users += 1;
    }

    pub(super) fn line(&mut self, line: &Line) -> Result<(), MigrateError> {
        self.summary.count(line);
        if let Some(error) = &line.error {
            let (user, post, document) = (line.user.as_deref(), line.post.as_deref(), line.document);
            self.progress.aside(|| {
                tracing::warn!(user.id = user, post.id = post, document, outcome = ?line.outcome, error, "something stays");
            });
        }
        self.write(line)?;
        self.progress.step();
        Ok(())
    }

    /// Writes a line of any kind to the report, and nothing else.
    pub(super) fn write(&mut self, line: &impl Serialize) -> Result<(), MigrateError> {
        let written = self.report.as_mut().map_or(Ok(()), |report| report.write(line));
        written.map_err(MigrateError::Report)
    }
}

impl Report {
    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        match self.format {
            ReportFormat::Json => {
                let mut text = serde_json::to_vec(line)?;
                text.push(b'\n');
                self.file.write_all(&text)?;
                self.file.flush()
            }
            ReportFormat::Csv => match serde_json::to_value(line)? {
                Value::Object(fields) => self.write_row(&COLUMNS.map(|column| cell(&fields, column))),
                _ => Ok(()),
            },
        }
    }

    fn write_row(&mut self, row: &[String]) -> io::Result<()> {
        let mut text = csv::Writer::from_writer(Vec::new());
        text.write_record(row)?;
        let text = text.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
        self.file.write_all(&text)?;
        self.file.flush()
    }
}

/// What a spreadsheet would calculate, it is to show.
fn cell(fields: &Map<String, Value>, column: &str) -> String {
    let text = match fields.get(column) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\'']) {
        return format!("'{text}");
    }
    text
}

/// The text that [`cell`] has made a cell of.
pub(super) fn from_cell(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    #[test]
    fn a_cell_calculates_nothing_and_reads_back_as_it_was() {
        for text in ["", "x", "=1+1", "+1", "-1", "@a", "'", "'=1", "a,b\"c\nd"] {
            let fields = Map::from_iter([("url".to_owned(), Value::from(text))]);
            let cell = cell(&fields, "url");
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
            assert_eq!(from_cell(&cell), text);
        }
    }

    #[test]
    fn the_columns_are_the_fields_of_a_line() {
        let mut line = Line::of_document(Kind::ProfileImages, 1, None, (Outcome::Failed, "why".to_owned()));
        for field in [
            &mut line.user,
            &mut line.post,
            &mut line.file,
            &mut line.source_sha256,
            &mut line.stored_sha256,
            &mut line.old_url,
            &mut line.old_public_id,
            &mut line.old_updated_at,
            &mut line.url,
            &mut line.public_id,
        ] {
            *field = Some("x".to_owned());
        }
        let Value::Object(fields) = serde_json::to_value(&line).unwrap() else {
            panic!("a line is an object");
        };
        let mut columns = COLUMNS.to_vec();
        columns.sort_unstable();
        assert_eq!(fields.keys().collect::<Vec<_>>(), columns);
    }
}
