//! The commands about backups: `backup`, `restore`, `scrub`.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use visage_store::{SnapshotId, Vault, VaultAddress, VaultError};

use super::{open, print_counts};
use crate::backup::{self, BackupOptions, place};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::progress::Progress;
use crate::scrub::{self, Way};

/// What `visage backup` is asked for.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "they are flags")]
pub(super) struct BackupArguments {
    /// Where backups lie: a folder, or `s3://bucket/prefix`. [default: the setting backup.url]
    url: Option<String>,
    /// How many snapshots are kept. [default: the setting backup.keep]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Read also what the backup has already, and copy again what is damaged there.
    #[arg(long, conflicts_with_all = ["verify", "list"])]
    recheck: bool,
    /// Go on in a place that holds the backups of another installation. They count as older ones of this one from then on, and
    /// are removed as such.
    #[arg(long, conflicts_with_all = ["verify", "list"])]
    adopt: bool,
    /// Make no backup: read the one that is there and say whether all of it can be restored.
    #[arg(long, conflicts_with = "list")]
    verify: bool,
    /// With --verify: look at this snapshot alone.
    #[arg(long, value_name = "NAME", requires = "verify")]
    snapshot: Option<SnapshotId>,
    /// Make no backup: print the names of the snapshots that are there, oldest first.
    #[arg(long)]
    list: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// What `visage restore` is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct RestoreArguments {
    /// Where backups lie: a folder, or `s3://bucket/prefix`. [default: the setting backup.url]
    url: Option<String>,
    /// The snapshot to restore; `visage backup --list` names them. [default: the newest]
    #[arg(long, value_name = "NAME")]
    snapshot: Option<SnapshotId>,
    /// Restore also into a data folder that is not empty. What is there is moved aside, and only when all of the backup is good.
    #[arg(long)]
    force: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// What `visage scrub` is asked for.
#[derive(Debug, clap::Args)]
pub(super) struct ScrubArguments {
    /// The backup that lost originals are repaired from. [default: the setting backup.url]
    #[arg(long, value_name = "URL")]
    repair_from: Option<String>,
    /// Repair nothing.
    #[arg(long, conflicts_with = "repair_from")]
    no_repair: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn back_up(config: Config, arguments: BackupArguments) -> anyhow::Result<ExitCode> {
    let url = url(arguments.url, &config)?;
    if arguments.list {
        let mut out = std::io::stdout().lock();
        for snapshot in place::open(&url, &config.s3).await?.snapshots().await? {
            writeln!(out, "{snapshot}")?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.verify {
        return verify(
            &place::open(&url, &config.s3).await?,
            arguments.snapshot,
            arguments.json,
        )
        .await;
    }
    let options = BackupOptions {
        keep: arguments.keep.map_or(config.backup.keep, |keep| keep as usize),
        recheck: arguments.recheck,
        adopt: arguments.adopt,
    };
    anyhow::ensure!(
        !matches!(url.parse()?, VaultAddress::Folder(folder) if config.holds(&folder)),
        "{url} lies in the data folder, and would be lost with it"
    );
    let is_configured = url == config.backup.url;
    let app = open(config)?;
    let progress = Progress::shown("backed up");
    let vault = place::open_or_create(&url, &app.config.s3).await;
    let done = if is_configured {
        backup::back_up_and_record(&app, vault, options, &progress).await
    } else {
        backup::back_up(&app, &vault?, options, &progress).await
    };
    progress.end();
    let done = done?;
    print_counts(&[serde_json::to_value(&done)?], arguments.json)?;
    Ok(success_if(done.lost_originals == 0))
}

async fn verify(vault: &Vault, snapshot: Option<SnapshotId>, json: bool) -> anyhow::Result<ExitCode> {
    let progress = Progress::shown("verified");
    let verified = backup::verify(vault, snapshot, &progress).await;
    progress.end();
    let verified = verified?;
    print_counts(&[serde_json::to_value(&verified)?], json)?;
    Ok(success_if(verified.is_good()))
}

pub(super) async fn restore(config: Config, arguments: RestoreArguments) -> anyhow::Result<ExitCode> {
    let vault = place::open(&url(arguments.url, &config)?, &config.s3).await?;
    let progress = Progress::shown("restored");
    let (data, now) = (&config.data, SystemClock.now());
    let done = backup::restore(data, &vault, arguments.snapshot, arguments.force, now, &progress).await;
    progress.end();
    let done = done?;
    print_counts(&[serde_json::to_value(&done)?], arguments.json)?;
    Ok(success_if(done.lost_originals == 0))
}

pub(super) async fn scrub(config: Config, arguments: ScrubArguments) -> anyhow::Result<ExitCode> {
    let vault = vault_to_repair_from(&config, &arguments).await?;
    let way = Way {
        bytes_per_second: None,
        vault: vault.as_ref(),
    };
    let app = open(config)?;
    let progress = Progress::shown("scrubbed");
    let scrubbed = scrub::scrub(&app, way, &progress).await;
    progress.end();
    let scrubbed = scrubbed?;
    print_counts(&[serde_json::to_value(scrubbed)?], arguments.json)?;
    Ok(success_if(scrubbed.is_good()))
}

/// One that is named must be there; one of the settings may not have been made yet.
async fn vault_to_repair_from(config: &Config, arguments: &ScrubArguments) -> Result<Option<Vault>, VaultError> {
    if let Some(url) = &arguments.repair_from {
        return place::open(url, &config.s3).await.map(Some);
    }
    if arguments.no_repair || config.backup.url.is_empty() {
        return Ok(None);
    }
    match place::open(&config.backup.url, &config.s3).await {
        Err(VaultError::None(_)) => Ok(None),
        opened => opened.map(Some),
    }
}

fn url(given: Option<String>, config: &Config) -> anyhow::Result<String> {
    let configured = Some(config.backup.url.clone()).filter(|url| !url.is_empty());
    given
        .or(configured)
        .context("where the backup lies is not known; name a folder or s3://bucket/prefix, or set backup.url")
}

fn success_if(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
