//! The command line.

mod migrate;
mod safekeeping;

use std::fs::File;
use std::io::{IsTerminal as _, LineWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use visage_cloudinary::{DeliveryUrl, RequestFacts};

use crate::app::{App, DataLock};
use crate::clock::{self, SystemClock};
use crate::config::{
    Config, Environment, LogConfig, LogFormat, UnknownVariable, check_path, path_argument, read_dotenv,
    unknown_variables,
};
use crate::http::{Front, server};
use crate::jobs::{backups, mover, notifier, reaper, scrubber};
use crate::library::deliver::{self, Conditions, Visitor};
use crate::{audit, bench, crash, descriptors, media_copy, metrics, sessions};

/// Keeps people's profile images for good.
#[derive(Debug, Parser)]
#[command(name = "visage", version, about, arg_required_else_help = true)]
struct Arguments {
    /// Settings file; without it ./visage.toml is read if it is there. `VISAGE_CONFIG` sets it, too.
    #[arg(long, global = true, value_name = "FILE", value_parser = path_argument())]
    config: Option<PathBuf>,
    /// Data folder: database, pictures, generated secrets. [default: ./visage-data]
    #[arg(long, global = true, value_name = "FOLDER", value_parser = path_argument())]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the application and its pictures.
    Serve {
        /// Address and port to listen on. [default: 127.0.0.1:5000]
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<String>,
        /// Leave `CLOUDINARY_URL`, which contains the store's secret, out of the ready message.
        #[arg(long)]
        quiet: bool,
    },
    /// Remove once what nothing needs, as the server does by itself every half minute.
    Reap {
        /// Do not wait out the time that replaced pictures keep answering (`reaper.retire_after`).
        #[arg(long)]
        at_once: bool,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Read every reference and every picture and say whether they agree. Exits with 1 when anything is lost or damaged.
    Audit {
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
        /// Exit with 1 also when there is something that nothing needs, or a URL that is not served here.
        #[arg(long)]
        strict: bool,
    },
    /// Copy everything that is kept to another place, also while a server works; only what is new travels. Exits with 1 when
    /// anything could not be copied.
    Backup(safekeeping::BackupArguments),
    /// Bring the data folder back from a backup, after every byte of it was compared with its hash.
    Restore(safekeeping::RestoreArguments),
    /// Read every picture again and compare it with its hash; lost ones are repaired from the backup. Exits with 1 when any
    /// remains lost.
    Scrub(safekeeping::ScrubArguments),
    /// Move pictures between media hosts.
    #[command(subcommand)]
    Media(MediaCommand),
    /// Move in what an earlier installation kept as files: every user's picture, and with --users the users themselves. It can be
    /// ended at any moment and run again. Exits with 1 when anything has failed.
    MigrateProfiles(Box<migrate::MigrateArguments>),
    /// Move in the posts of an earlier installation, with their likes, comments and what they show. Do this after
    /// migrate-profiles, so that they have their authors. It can be ended at any moment and run again; there is no undo, for posts
    /// live for hours. Exits with 1 when anything has failed.
    MigratePosts(Box<migrate::MigratePostsArguments>),
    /// Say how a delivery URL is understood, and what would be done for it: chain, steps, sizes, cuts. Nothing is rendered.
    Explain {
        /// The URL, or its path.
        url: String,
        /// The `Accept` header of the browser to answer.
        #[arg(long, value_name = "TYPES")]
        accept: Option<String>,
    },
    /// Check the settings and say what is wrong with them.
    CheckConfig,
    /// Measure how long making one picture from another takes.
    Bench(bench::BenchArguments),
}

#[derive(Debug, Subcommand)]
enum MediaCommand {
    /// Copy what users and posts show from one media host to the other, compare the bytes, and change the URL. It can be ended at
    /// any moment and run again. Exits with 1 when anything could not be copied.
    Copy {
        #[command(flatten)]
        arguments: media_copy::CopyArguments,
        /// Write a line of JSON for each reference to this file.
        #[arg(long, value_name = "FILE", value_parser = path_argument())]
        report: Option<PathBuf>,
        /// Print the sums as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs what the command line asks for.
///
/// # Errors
/// Whatever keeps the command from being carried out; told to the user by `main`.
pub fn run() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let environment = environment()?;
    let unknown = unknown_variables(&environment);
    let config = load(&arguments, environment)?;
    start_logging(&config.log)?;
    warn_of(&unknown);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(async {
        match arguments.command {
            Command::Serve { quiet, .. } => serve(config, quiet).await,
            Command::Reap { at_once, json } => {
                let app = open(config)?;
                let reaped = reaper::reap(&app, at_once).await?;
                let moves = mover::move_taken_in(&app, at_once).await?;
                print_counts(&[serde_json::to_value(&moves)?, serde_json::to_value(&reaped)?], json)?;
                Ok(if reaped.failed_pictures == 0 {
                    ExitCode::SUCCESS
                } else {
                    ExitCode::FAILURE
                })
            }
            Command::Audit { json, strict } => {
                let audit = audit::audit(&open(config)?).await?;
                print_counts(&[serde_json::to_value(&audit)?], json)?;
                let bad = audit.is_damaged() || (strict && audit.has_leaks());
                Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
            }
            Command::Backup(arguments) => safekeeping::back_up(config, arguments).await,
            Command::Restore(arguments) => safekeeping::restore(config, arguments).await,
            Command::Scrub(arguments) => safekeeping::scrub(config, arguments).await,
            Command::Media(MediaCommand::Copy {
                arguments,
                report,
                json,
            }) => copy_media(&open(config)?, arguments, report.as_deref(), json).await,
            Command::MigrateProfiles(arguments) => migrate::run(config, *arguments).await,
            Command::MigratePosts(arguments) => migrate::run_posts(config, *arguments).await,
            Command::Explain { url, accept } => explain(&open(config)?, &url, accept.as_deref()).await,
            Command::CheckConfig => {
                writeln!(std::io::stdout(), "the settings are good")?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Bench(measured) => {
                bench::print(&measured)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    })
}

fn warn_of(unknown: &[UnknownVariable]) {
    for UnknownVariable { name, nearest } in unknown {
        tracing::warn!(variable = ?name, nearest = ?nearest, "ignored an unknown environment variable");
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the environment is read once, here, and handed on as a value"
)]
fn environment() -> anyhow::Result<Environment> {
    // `.env` never wins over what is set already.
    let mut environment = read_dotenv(Path::new(".env"))?;
    environment.extend(std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))));
    Ok(environment)
}

fn load(arguments: &Arguments, mut environment: Environment) -> anyhow::Result<Config> {
    if let Some(point) = environment.get("VISAGE_CRASH_AT") {
        crash::stop_at(point);
    }
    if let Some(file) = environment.get("VISAGE_CLOCK_OFFSET_FILE") {
        clock::turn_by(file);
    }
    if let Some(data) = &arguments.data {
        environment.insert("VISAGE_DATA".to_owned(), data.display().to_string());
    }
    if let Command::Serve {
        listen: Some(listen), ..
    } = &arguments.command
    {
        environment.insert("VISAGE_LISTEN".to_owned(), listen.clone());
    }
    let named = arguments
        .config
        .clone()
        .or_else(|| environment.get("VISAGE_CONFIG").map(PathBuf::from));
    if let Some(named) = &named {
        check_path(named).context("VISAGE_CONFIG")?;
    }
    let file = named.or_else(|| Some(PathBuf::from("visage.toml")).filter(|path| path.exists()));
    Ok(Config::load(file.as_deref(), &environment)?)
}

fn start_logging(config: &LogConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.filter).context("log.filter")?;
    let colours = std::io::stderr().is_terminal();
    let logger = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr);
    match config.format {
        LogFormat::Text => logger.init(),
        LogFormat::Json => logger.json().init(),
    }
    Ok(())
}

fn open(config: Config) -> anyhow::Result<App> {
    anyhow::ensure!(
        config.data.join("visage.db").exists(),
        "there is no visage data in {}; name the data folder with --data, or run `visage serve` first, which makes it",
        config.data.display()
    );
    Ok(App::open(config, Arc::new(SystemClock))?)
}

async fn copy_media(
    app: &App,
    arguments: media_copy::CopyArguments,
    report: Option<&Path>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let mut lines: Box<dyn Write> = match report {
        // Line by line: a run that is ended has reported what it did.
        Some(path) => Box::new(LineWriter::new(
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?,
        )),
        None => Box::new(std::io::sink()),
    };
    let summary = media_copy::copy(app, arguments, lines.as_mut()).await?;
    lines.flush()?;
    print_counts(&[serde_json::to_value(&summary)?], json)?;
    Ok(if summary.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn explain(app: &App, url: &str, accept: Option<&str>) -> anyhow::Result<ExitCode> {
    // Scheme and host may be left out.
    let path = url.split_once("://").map_or(url, |(_scheme, rest)| {
        rest.find('/').and_then(|begin| rest.get(begin..)).unwrap_or("/")
    });
    let path = path.split_once('?').map_or(path, |(path, _query)| path);
    let parsed = DeliveryUrl::parse(path)?;
    let visitor = Visitor {
        facts: RequestFacts::from_accept(accept),
        conditions: Conditions::default(),
        token: None,
        path,
        address: None,
        is_operator: true,
    };
    let told = deliver::explain(&app.library, &parsed, visitor).await?;
    writeln!(std::io::stdout(), "{told:#}")?;
    Ok(ExitCode::SUCCESS)
}

async fn send_notifications(app: Arc<App>, stop: CancellationToken) {
    notifier::run(&app.webhooks, app.fetcher.outgoing(), stop).await;
}

async fn serve(mut config: Config, quiet: bool) -> anyhow::Result<ExitCode> {
    metrics::record();
    let room = descriptors::make_room(descriptors::Room {
        connections: config.http.connections,
        bodies: config.http.bodies,
    });
    (config.http.connections, config.http.bodies) = (room.connections, room.bodies);
    // Before the database is opened: that would change it under a server of an older version.
    let lock = DataLock::take(&config.data)?;
    let app = Arc::new(App::open_locked(config, Arc::new(SystemClock), &lock)?);
    app.sweep().await?;
    // Notes a changed password before the first request with an older token.
    if let Err(error) = sessions::of_administrator(&app).await {
        tracing::error!(error = %error, "failed to read the administrator's sessions; the next request tries again");
    }
    let listener =
        server::listen(app.config.listen).with_context(|| format!("cannot listen on {}", app.config.listen))?;
    if app.mailer.is_none() {
        tracing::info!("no mail is set up (mail.url): new users are verified at once");
    }
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    let reaper = tokio::spawn(reaper::run(Arc::clone(&app), stop.clone()));
    let mover = tokio::spawn(mover::run(Arc::clone(&app), stop.clone()));
    let notifier = tokio::spawn(send_notifications(Arc::clone(&app), stop.clone()));
    let backups = tokio::spawn(backups::run(Arc::clone(&app), stop.clone()));
    let scrubber = tokio::spawn(scrubber::run(Arc::clone(&app), stop.clone()));
    if let Err(error) = say_ready(&app, listener.local_addr()?, quiet) {
        tracing::warn!(error = %error, "nobody reads the ready message");
    }
    server::serve(listener, Front::new(Arc::clone(&app)), &app.config.http, stop).await;
    app.tasks.close();
    if tokio::time::timeout(app.config.http.drain_timeout.as_duration(), app.tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!("work was still under way when the drain timeout was over; the reaper settles it");
    }
    reaper.await.context("the reaper failed")?;
    mover.await.context("the mover failed")?;
    notifier.await.context("the notifier failed")?;
    backups.await.context("the backups failed")?;
    scrubber.await.context("the scrubber failed")?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// The ready message: where it is, where it keeps things, and how a Cloudinary SDK uses it.
fn say_ready(app: &App, address: std::net::SocketAddr, quiet: bool) -> anyhow::Result<()> {
    let embedded = &app.config.embedded;
    let mut out = std::io::stdout().lock();
    writeln!(out, "visage is ready")?;
    writeln!(out, "  address         http://{address}")?;
    writeln!(out, "  data folder     {}", app.config.data.display())?;
    if !quiet {
        writeln!(
            out,
            "  CLOUDINARY_URL  cloudinary://{}:{}@{}?upload_prefix={}",
            embedded.api_key,
            embedded.api_secret.expose(),
            embedded.cloud_name,
            app.config.public_url()
        )?;
    }
    out.flush()?;
    Ok(())
}

async fn stop_on_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be received; only a kill stops this process");
        return;
    };
    let mut next = async || {
        tokio::select! {
            _ = terminate.recv() => 143,
            _ = interrupt.recv() => 130,
        }
    };
    next().await;
    tracing::info!("stopping: what is under way is finished; a second signal ends it at once");
    stop.cancel();
    let code = next().await;
    tracing::warn!("stopped at once: what was under way is settled after the next start");
    std::process::exit(code);
}

/// Prints counts as one table for people or as one JSON object.
fn print_counts(counts: &[serde_json::Value], json: bool) -> anyhow::Result<()> {
    let counts = counts.iter().filter_map(serde_json::Value::as_object).flatten();
    let mut out = std::io::stdout().lock();
    if json {
        let all: serde_json::Map<_, _> = counts.map(|(name, count)| (name.clone(), count.clone())).collect();
        writeln!(out, "{}", serde_json::Value::Object(all))?;
        return Ok(());
    }
    for (name, count) in counts {
        let count = count.as_str().map_or_else(|| count.to_string(), str::to_owned);
        writeln!(out, "{:<22} {count:>10}", name.replace('_', " "))?;
    }
    Ok(())
}
