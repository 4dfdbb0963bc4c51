//! `visage migrate-profiles`.

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
use crate::config::Config;
use crate::migrate::output::{Output, ReportFormat};
use crate::migrate::undo::undo;
use crate::migrate::{Arguments, MigrateError, MigrationLock, migrate_profiles};

/// What `visage migrate-profiles` is asked to do.
#[derive(Debug, clap::Args)]
pub(super) struct MigrateArguments {
    #[command(flatten)]
    arguments: Arguments,
    /// Write a line for each user to this file: a table when it is called .csv, otherwise lines of JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Give the users that this report names their old references back. Their pictures are removed like replaced ones; a
    /// picture whose file is gone stays.
    #[arg(long, value_name = "REPORT", conflicts_with_all = ["users", "own_hosts", "remove_source", "dry_run"])]
    undo: Option<PathBuf>,
    /// Print the sums as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(config: Config, asked: MigrateArguments) -> anyhow::Result<ExitCode> {
    let mut output = Output::quiet().with_progress();
    if let Some(report) = &asked.report {
        check_report(report, &asked)?;
        let file = File::create(report).with_context(|| format!("cannot write {}", report.display()))?;
        output = output.with_report(Box::new(file), ReportFormat::of(report))?;
    }
    if let Some(undone) = &asked.undo {
        let app = open(config)?;
        let _lock = MigrationLock::take(&app.config.data)?;
        let summary = undo(&app, undone, &asked.arguments, &mut output).await?;
        output.finish();
        return end(&summary, summary.is_complete(), asked.json);
    }
    let (app, _passing) = open_or_begin(config, &asked.arguments)?;
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

fn end(summary: &impl Serialize, is_complete: bool, json: bool) -> anyhow::Result<ExitCode> {
    print_counts(&[serde_json::to_value(summary)?], json)?;
    Ok(if is_complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whoever brings users along needs no data yet. A dry run then works in a folder that passes with it.
fn open_or_begin(mut config: Config, arguments: &Arguments) -> anyhow::Result<(App, Option<TempDir>)> {
    if config.data.join("visage.db").exists() || arguments.users.is_none() {
        return Ok((open(config)?, None));
    }
    let passing = arguments.dry_run.then(tempfile::tempdir).transpose()?;
    if let Some(passing) = &passing {
        config.data = passing.path().join("data");
    }
    let lock = DataLock::take(&config.data)?;
    Ok((App::open_locked(config, Arc::new(SystemClock), &lock)?, passing))
}

/// A report overwrites nothing that is still needed.
fn check_report(report: &Path, asked: &MigrateArguments) -> Result<(), MigrateError> {
    let place = |path: &Path| path.canonicalize().ok();
    let folder = report.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = place(folder.unwrap_or(Path::new(".")));
    let uploads = asked.arguments.uploads.as_deref().and_then(place);
    if folder
        .zip(uploads)
        .is_some_and(|(folder, uploads)| folder.starts_with(uploads))
    {
        return Err(MigrateError::ReportAmongUploads);
    }
    let undone = asked.undo.as_deref().and_then(place);
    if undone.is_some() && place(report) == undone {
        return Err(MigrateError::ReportOverwritten);
    }
    Ok(())
}
