//! `visage migrate-profiles` and `visage migrate-posts`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use serde::Serialize;
use tempfile::TempDir;

use super::{open, print_counts};
use crate::app::{App, DataLock};
use crate::clock::SystemClock;
use crate::config::{Config, path_argument};
use crate::migrate::output::{Output, PostSummary, ReportFormat};
use crate::migrate::posts::{PostArguments, migrate_posts};
use crate::migrate::undo::undo;
use crate::migrate::{Arguments, MigrateError, MigrationLock, migrate_profiles};

/// What `visage migrate-profiles` is asked to do.
#[derive(Debug, clap::Args)]
pub(super) struct MigrateArguments {
    #[command(flatten)]
    arguments: Arguments,
    /// Write a line for each user to this file: a table when it is called .csv, otherwise lines of JSON.
    #[arg(long, value_name = "FILE", value_parser = path_argument())]
    report: Option<PathBuf>,
    /// Give the users that this report names their old references back. Their pictures are removed like replaced ones; a
    /// picture whose file is gone stays.
    #[arg(long, value_name = "REPORT", conflicts_with_all = ["users", "own_hosts", "remove_source", "posts", "dry_run"], value_parser = path_argument())]
    undo: Option<PathBuf>,
    /// Print the sums as JSON.
    #[arg(long)]
    json: bool,
}

/// What `visage migrate-posts` is asked to do.
#[derive(Debug, clap::Args)]
pub(super) struct MigratePostsArguments {
    #[command(flatten)]
    arguments: PostArguments,
    /// Write a line for each post to this file: a table when it is called .csv, otherwise lines of JSON.
    #[arg(long, value_name = "FILE", value_parser = path_argument())]
    report: Option<PathBuf>,
    /// Print the sums as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `visage migrate-profiles`.
pub(super) async fn run(config: Config, asked: MigrateArguments) -> anyhow::Result<ExitCode> {
    let mut output = Output::quiet().with_progress("users");
    if let Some(report) = &asked.report {
        let read = [&asked.arguments.users, &asked.arguments.posts, &asked.undo];
        let read: Vec<_> = read.into_iter().filter_map(Option::as_deref).collect();
        output = reported(output, report, asked.arguments.uploads.as_deref(), &read)?;
    }
    if let Some(undone) = &asked.undo {
        let app = open(config)?;
        let _lock = MigrationLock::take(&app.config.data)?;
        let summary = undo(&app, undone, &asked.arguments, &mut output).await?;
        output.finish();
        return end(&summary, summary.is_complete(), asked.json);
    }
    let may_begin = asked.arguments.users.is_some();
    let (app, _passing) = open_or_begin(config, may_begin, asked.arguments.dry_run)?;
    let _lock = MigrationLock::take(&app.config.data)?;
    let migrated = migrate_profiles(&app, &asked.arguments, &mut output).await;
    let summary = output.finish();
    if let Err(error) = migrated {
        print_counts(&[serde_json::to_value(&summary)?], asked.json)?;
        return Err(error.into());
    }
    if asked.arguments.dry_run {
        tracing::info!("this was a dry run: nothing was changed");
    }
    end(&summary, summary.is_complete(), asked.json)
}

/// Runs `visage migrate-posts`.
pub(super) async fn run_posts(config: Config, asked: MigratePostsArguments) -> anyhow::Result<ExitCode> {
    let arguments = &asked.arguments;
    let mut output = Output::quiet().with_progress("posts");
    if let Some(report) = &asked.report {
        output = reported(output, report, Some(&arguments.uploads), &[&arguments.posts])?;
    }
    let (app, _passing) = open_or_begin(config, true, arguments.dry_run)?;
    let _lock = MigrationLock::take(&app.config.data)?;
    let migrated = migrate_posts(&app, arguments, &mut output).await;
    let summary = output.finish();
    let is_complete = summary.is_complete();
    let summary = PostSummary::from(summary);
    if let Err(error) = migrated {
        print_counts(&[serde_json::to_value(&summary)?], asked.json)?;
        return Err(error.into());
    }
    if arguments.dry_run {
        tracing::info!("this was a dry run: nothing was changed");
    }
    end(&summary, is_complete, asked.json)
}

fn end(summary: &impl Serialize, is_complete: bool, json: bool) -> anyhow::Result<ExitCode> {
    print_counts(&[serde_json::to_value(summary)?], json)?;
    Ok(if is_complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whoever brings users or posts along needs no data yet. A dry run then works in a folder that passes with it.
fn open_or_begin(mut config: Config, may_begin: bool, only_looks: bool) -> anyhow::Result<(App, Option<TempDir>)> {
    if config.data.join("visage.db").exists() || !may_begin {
        return Ok((open(config)?, None));
    }
    let passing = only_looks.then(tempfile::tempdir).transpose()?;
    if let Some(passing) = &passing {
        config.data = passing.path().join("data");
    }
    let lock = DataLock::take(&config.data)?;
    Ok((App::open_locked(config, Arc::new(SystemClock), &lock)?, passing))
}

/// Begins a report, which overwrites nothing that is still needed: no file of the folder, and none that is `read`.
fn reported(output: Output, report: &Path, uploads: Option<&Path>, read: &[&Path]) -> anyhow::Result<Output> {
    let place = |path: &Path| path.canonicalize().ok();
    let folder = report.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = place(folder.unwrap_or(Path::new(".")));
    let uploads = uploads.and_then(place);
    if folder
        .zip(uploads)
        .is_some_and(|(folder, uploads)| folder.starts_with(uploads))
    {
        return Err(MigrateError::ReportAmongUploads.into());
    }
    let there = place(report);
    if there.is_some() && read.iter().any(|read| place(read) == there) {
        return Err(MigrateError::ReportOverwritten.into());
    }
    let file = File::create(report).with_context(|| format!("cannot write {}", report.display()))?;
    Ok(output.with_report(Box::new(file), ReportFormat::of(report))?)
}
