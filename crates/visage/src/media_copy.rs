//! `visage media copy`: brings every picture that users and posts refer to from one media host to the other.
//!
//! Each picture is copied, read back, compared by hash, and only then is the reference changed, by compare-and-set
//! ([`crate::relocation`]). It can be ended at any moment and begun again: what is there already is not copied again. Run
//! beside a working server, it leaves a picture that its user replaces meanwhile to the user, and one whose post goes to the reaper.

use std::io::Write;

use futures_util::StreamExt as _;
use serde::Serialize;
use visage_cloudinary::PublicId;
use visage_store::{MediaOwner, MediaReference, StoreError};

use crate::app::App;
use crate::crash;
use crate::media_host::MediaHost;
use crate::relocation::{self, Copied, RelocationError, Route};

/// How many rows are read at once, and how many pictures are on their way at once.
const PAGE: usize = 500;
const AT_ONCE: usize = 4;

/// The name of a media host on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum HostName {
    /// visage's own store.
    Embedded,
    /// The Cloudinary account of the settings.
    Cloudinary,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct CopyArguments {
    /// Where the pictures are.
    #[arg(long, value_name = "HOST")]
    pub from: HostName,
    /// Where they are to be.
    #[arg(long, value_name = "HOST")]
    pub to: HostName,
    /// Destroy a picture at its source once the other host is seen to have the same bytes and users refer to it there. Pages
    /// that were opened before show it from its source until they are loaded again: copy first, and remove in a later run.
    #[arg(long)]
    pub remove_source: bool,
}

/// How a reference ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its picture was copied, and it leads to the copy.
    Copied,
    /// It led there before.
    AlreadyThere,
    /// Its user has changed the picture meanwhile, or its post is gone: nothing is left to do.
    Superseded,
    /// It leads to neither host.
    Elsewhere,
    /// Its picture is not where it leads.
    Missing,
    /// It stays as it was, because of an error.
    Failed,
}

/// What became of the picture at its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// It was left alone.
    Kept,
    /// It was destroyed.
    Removed,
}

/// One reference in the report.
#[derive(Debug, Serialize)]
pub struct Line {
    /// The user whose picture it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The post whose picture or video it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post: Option<String>,
    /// The public id of its picture.
    pub public_id: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// What became of the picture at its source.
    pub source: Source,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How many references ended how. They add up to `references`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// References that were looked at: users with a picture, and posts with a picture or video.
    pub references: u64,
    /// See [`Outcome::Copied`].
    pub copied: u64,
    /// See [`Outcome::AlreadyThere`].
    pub already_there: u64,
    /// See [`Outcome::Superseded`].
    pub superseded: u64,
    /// See [`Outcome::Elsewhere`].
    pub elsewhere: u64,
    /// See [`Outcome::Missing`].
    pub missing: u64,
    /// See [`Outcome::Failed`].
    pub failed: u64,
    /// Pictures that were destroyed at their source, and those that could not be.
    pub removed_sources: u64,
    /// Pictures that are at both hosts because the source could not be removed.
    pub unremoved_sources: u64,
}

/// Why a copy could not go on.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The two hosts are one.
    #[error("--from and --to name the same media host")]
    SameHost,
    /// There is no account.
    #[error("the settings name no Cloudinary account; set CLOUDINARY_URL")]
    NoAccount,
    /// The directory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The report could not be written.
    #[error("the report cannot be written: {0}")]
    Report(#[source] std::io::Error),
}

impl Summary {
    /// Whether every reference leads where it should.
    pub fn is_complete(&self) -> bool {
        self.missing + self.failed + self.unremoved_sources == 0
    }

    fn count(&mut self, line: &Line) {
        self.references += 1;
        *match line.outcome {
            Outcome::Copied => &mut self.copied,
            Outcome::AlreadyThere => &mut self.already_there,
            Outcome::Superseded => &mut self.superseded,
            Outcome::Elsewhere => &mut self.elsewhere,
            Outcome::Missing => &mut self.missing,
            Outcome::Failed => &mut self.failed,
        } += 1;
        self.removed_sources += u64::from(line.source == Source::Removed);
        self.unremoved_sources += u64::from(line.error.is_some() && line.outcome != Outcome::Failed);
    }
}

/// Copies everything. Each reference is a line of JSON in `report`, in the order in which they end.
///
/// # Errors
/// See [`CopyError`]; what was done until then stays done.
pub async fn copy(app: &App, arguments: CopyArguments, report: &mut dyn Write) -> Result<Summary, CopyError> {
    if arguments.from == arguments.to {
        return Err(CopyError::SameHost);
    }
    let route = Route {
        from: host(app, arguments.from)?,
        to: host(app, arguments.to)?,
    };
    let (mut summary, mut after) = (Summary::default(), None);
    loop {
        let page = app.directory.all_references(after, PAGE).await?;
        let last = page.last().filter(|_| page.len() == PAGE).map(|last| last.owner);
        let copies = futures_util::stream::iter(page);
        let copies = copies.map(|reference| async move { copy_one(app, route, arguments, reference).await });
        let mut lines = copies.buffer_unordered(AT_ONCE);
        while let Some(line) = lines.next().await {
            let line = line?;
            summary.count(&line);
            write_line(report, &line).map_err(CopyError::Report)?;
        }
        match last {
            Some(_) => after = last,
            None => return Ok(summary),
        }
    }
}

fn host(app: &App, name: HostName) -> Result<&dyn MediaHost, CopyError> {
    match name {
        HostName::Embedded => Ok(app.hosts.own.as_ref()),
        HostName::Cloudinary => app.hosts.account.as_deref().ok_or(CopyError::NoAccount),
    }
}

fn write_line(report: &mut dyn Write, line: &Line) -> std::io::Result<()> {
    serde_json::to_writer(&mut *report, line)?;
    report.write_all(b"\n")
}

async fn copy_one(
    app: &App,
    route: Route<'_>,
    arguments: CopyArguments,
    reference: MediaReference,
) -> Result<Line, StoreError> {
    let (user, post) = match reference.owner {
        MediaOwner::User(id) => (Some(id.to_string()), None),
        MediaOwner::Post(id) => (None, Some(id.to_string())),
    };
    let mut line = Line {
        user,
        post,
        public_id: reference.public_id.clone(),
        outcome: Outcome::Failed,
        source: Source::Kept,
        error: None,
    };
    match relocation::copy(app, route, &reference).await {
        Ok(copied) => line.outcome = Outcome::from(copied),
        Err(RelocationError::Store(error)) => return Err(error),
        Err(error) => line.fail(&error),
    }
    let is_there = matches!(line.outcome, Outcome::Copied | Outcome::AlreadyThere);
    let public_id = line.public_id.as_deref().and_then(|id| PublicId::parse(id).ok());
    if let Some(public_id) = public_id.filter(|_| arguments.remove_source && is_there) {
        match relocation::remove_source(app, route, &public_id, reference.resource_type).await {
            Ok(true) => line.source = Source::Removed,
            Ok(false) => {}
            Err(RelocationError::Store(error)) => return Err(error),
            Err(error) => line.fail(&error),
        }
        crash::point("source-removed").await;
    }
    Ok(line)
}

impl Line {
    fn fail(&mut self, error: &RelocationError) {
        tracing::warn!(user.id = self.user, post.id = self.post, public_id = self.public_id, error = %error, "not moved");
        self.error = Some(error.to_string());
    }
}

impl From<Copied> for Outcome {
    fn from(copied: Copied) -> Self {
        match copied {
            Copied::Copied => Self::Copied,
            Copied::AlreadyThere => Self::AlreadyThere,
            Copied::Elsewhere => Self::Elsewhere,
            Copied::Missing => Self::Missing,
            Copied::Superseded => Self::Superseded,
        }
    }
}
