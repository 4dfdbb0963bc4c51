//! Everything the services work with, put together once at start-up.

use std::fs::{DirBuilder, File};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

use jiff::Timestamp;
use tokio_util::task::TaskTracker;
use visage_cloudinary::Transformation;
use visage_cloudinary::signature::SignatureAlgorithm;
use visage_store::{BlobError, Blobs, Directory, Posts, Sqlite, StoreError, Upkeep};

use crate::backup::Workspace;
use crate::chunks::Chunks;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, SecretsError, StoredSecrets};
use crate::fetch::{Fetcher, SystemNetwork};
use crate::fonts::{self, FontsError};
use crate::jobs::reaper::LastPass;
use crate::library::Library;
use crate::library::admin_calls::AdminCalls;
use crate::mail::{MailError, Mailer};
use crate::media_host::{Hosts, MediaHost};
use crate::passwords::Passwords;
use crate::permits::Permits;
use crate::presence::Presence;
use crate::rate_limit::AttemptLimits;
use crate::tokens::Tokens;
use crate::webhooks::Webhooks;

/// The application.
#[derive(Debug)]
pub struct App {
    /// The checked settings.
    pub config: Config,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Users, and media under way.
    pub directory: Arc<dyn Directory>,
    /// What members show each other.
    pub posts: Arc<dyn Posts>,
    /// What is known of the state of originals and backups.
    pub upkeep: Arc<dyn Upkeep>,
    /// Where pictures live.
    pub media_host: Arc<dyn MediaHost>,
    /// The media hosts one by one.
    pub hosts: Hosts,
    /// The embedded media store.
    pub library: Arc<Library>,
    /// Files that come in several requests.
    pub chunks: Chunks,
    /// Fetches files from URLs that clients name.
    pub fetcher: Fetcher,
    /// Bounds the work on pictures that arrive. Those that are delivered have permits of their own, so that no crowd of
    /// readers keeps a member from changing a picture.
    pub permits: Permits,
    /// Makes and checks tokens.
    pub tokens: Tokens,
    /// Hashes and checks passwords.
    pub passwords: Passwords,
    /// Counts attempts on the password routes.
    pub attempts: AttemptLimits,
    /// Sends mail, when that is set up.
    pub mailer: Option<Mailer>,
    /// The transformation in the URLs that are saved on users.
    pub display_transformation: Transformation,
    /// The transformation in the URLs of posts' pictures.
    pub post_transformation: Transformation,
    /// Where uploads are held on their way in.
    pub temporary_folder: PathBuf,
    /// Counts calls of Cloudinary's Admin API.
    pub admin_calls: AdminCalls,
    /// Notifications on their way out.
    pub webhooks: Webhooks,
    /// How the reaper's last pass ended.
    pub last_pass: LastPass,
    /// When this process began to work.
    pub started_at: Timestamp,
    /// Work that goes on when the client who asked for it is gone; a stop waits for it.
    pub tasks: TaskTracker,
    /// Keeps a restore out of the data folder, when that was opened.
    pub presence: Option<Presence>,
}

/// visage could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error("the data folder {folder} {}", why_unusable(.cause))]
    DataFolder {
        /// The folder.
        folder: String,
        /// What the system said.
        cause: Error,
    },
    /// Another server works in the data folder.
    #[error("another visage serves the data folder {folder}")]
    InUse {
        /// The folder.
        folder: String,
    },
    /// A restore was cut off.
    #[error("a restore into the data folder {folder} was not finished; run `visage restore` again")]
    HalfRestored {
        /// The folder.
        folder: String,
    },
    /// A restore is under way.
    #[error("a restore into the data folder {folder} is under way; wait for its end")]
    BeingRestored {
        /// The folder.
        folder: String,
    },
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The generated secrets failed.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The blobs failed.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The operator's fonts cannot be used.
    #[error(transparent)]
    Fonts(#[from] FontsError),
    /// Mail is not set up right.
    #[error(transparent)]
    Mail(#[from] MailError),
}

/// The lock that keeps a second server out of a data folder. It ends with the process, however that ends.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl App {
    /// Opens the data folder that this process has taken, generating the secrets that are not there yet.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn open_locked(config: Config, clock: Arc<dyn Clock>, _lock: &DataLock) -> Result<Self, StartError> {
        refuse_half_restored(&config.data)?;
        StoredSecrets::load_or_create(&config.data)?;
        Self::open(config, clock)
    }

    /// Opens a data folder, perhaps beside the server that works in it: no folders and no secrets are made.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn open(mut config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let data = config.data.clone();
        // First: what is seen from here on, no restore takes away.
        let presence = Presence::shared(&data).map_err(|cause| StartError::folder(&data, cause))?;
        let presence = presence.ok_or_else(|| StartError::BeingRestored {
            folder: data.display().to_string(),
        })?;
        refuse_half_restored(&data)?;
        for folder in [blob_folder(&data), temporary_folder(&data)] {
            std::fs::read_dir(&folder).map_err(|cause| StartError::folder(&folder, cause))?;
        }
        if let Some(secrets) = StoredSecrets::load(&data)? {
            secrets.fill(&mut config);
        }
        let sqlite = Arc::new(Sqlite::open(&database_file(&data))?);
        let blobs = Blobs::on_disk(&blob_folder(&data))?;
        let mut app = Self::assemble(config, clock, sqlite, blobs)?;
        app.presence = Some(presence);
        Ok(app)
    }

    /// Puts an application together from its parts.
    ///
    /// # Errors
    /// When mail or fonts are not set up right.
    pub fn assemble(
        config: Config,
        clock: Arc<dyn Clock>,
        sqlite: Arc<Sqlite>,
        blobs: Blobs,
    ) -> Result<Self, StartError> {
        let processors = available_parallelism().map_or(2, usize::from);
        let threads = if config.render.threads == 0 {
            processors
        } else {
            config.render.threads
        };
        let memory_bytes = if config.render.memory_bytes == 0 {
            machine_memory_bytes() / 4
        } else {
            config.render.memory_bytes
        };
        let search_timeout = config.embedded.search_timeout.as_duration();
        let sqlite = Arc::new(Arc::unwrap_or_clone(sqlite).with_search_timeout(search_timeout));
        let delivery = Permits::shared_with_strangers(memory_bytes / 2, threads, config.render.queue);
        let fonts = fonts::load(&config.render.fonts)?;
        let mut library = Library::new(&config, &sqlite, blobs, delivery, Arc::clone(&clock));
        library.fonts = fonts;
        let library = Arc::new(library);
        let directory: Arc<dyn Directory> = sqlite.clone();
        let hosts = Hosts::new(&config, &library, &clock)?;
        Ok(Self {
            media_host: hosts.together(&config, &directory, &clock),
            hosts,
            directory,
            posts: sqlite.clone(),
            upkeep: sqlite.clone(),
            library: Arc::clone(&library),
            chunks: Chunks::new(&config.chunks, Arc::clone(&clock)),
            fetcher: Fetcher::new(&config.fetch, Arc::new(SystemNetwork)),
            permits: Permits::new(memory_bytes / 2, threads, config.render.queue),
            tokens: Tokens::new(&config.auth),
            passwords: Passwords::new(config.auth.bcrypt_cost, processors),
            attempts: AttemptLimits::new(&config.rate_limit),
            admin_calls: AdminCalls::new(config.embedded.admin_calls_per_hour),
            webhooks: Webhooks::new(
                sqlite,
                Arc::clone(&clock),
                SignatureAlgorithm::default(),
                config.embedded.api_secret.clone(),
            ),
            last_pass: LastPass::default(),
            started_at: clock.now(),
            mailer: Mailer::new(&config.mail)?,
            display_transformation: Transformation::parse(&config.profile.transformation).unwrap_or_default(),
            post_transformation: Transformation::parse(&config.posts.transformation).unwrap_or_default(),
            temporary_folder: temporary_folder(&config.data),
            tasks: library.tasks.clone(),
            presence: None,
            clock,
            config,
        })
    }

    /// Clears away what an interrupted process left. Only for the process that has the [`DataLock`].
    ///
    /// # Errors
    /// When the blobs fail.
    pub async fn sweep(&self) -> Result<(), StartError> {
        let swept = self.library.blobs.sweep_staging().await?;
        if swept > 0 {
            tracing::info!(files = swept, "cleared interrupted writes away");
        }
        if let Err(error) = Workspace::sweep(&self.config.data) {
            tracing::warn!(error = %error, "what an interrupted backup left could not be cleared away");
        }
        Ok(())
    }
}

impl DataLock {
    /// Takes the data folder for this process, making it when it is not there yet. Nothing in it is opened before.
    ///
    /// # Errors
    /// [`StartError::InUse`] when another server has it.
    pub fn take(data: &Path) -> Result<Self, StartError> {
        make_folders(data).map_err(|cause| StartError::folder(data, cause))?;
        let file = File::create(data.join("lock")).map_err(|cause| StartError::folder(data, cause))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(std::fs::TryLockError::WouldBlock) => Err(StartError::InUse {
                folder: data.display().to_string(),
            }),
            Err(std::fs::TryLockError::Error(cause)) => Err(StartError::folder(data, cause)),
        }
    }
}

impl StartError {
    fn folder(folder: &Path, cause: Error) -> Self {
        Self::DataFolder {
            folder: folder.display().to_string(),
            cause,
        }
    }
}

/// Ends the sentence that begins with the folder.
fn why_unusable(cause: &Error) -> String {
    match cause.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "cannot be written by the user that visage runs as; change its owner, or name another with --data"
                .to_owned()
        }
        ErrorKind::NotADirectory => "is not a folder".to_owned(),
        ErrorKind::NotFound => "is missing".to_owned(),
        _ => format!("cannot be used: {cause}"),
    }
}

/// Where the bytes of pictures are in the data folder.
pub fn blob_folder(data: &Path) -> PathBuf {
    data.join("blobs")
}

/// Where uploads are held on their way in.
pub fn temporary_folder(data: &Path) -> PathBuf {
    data.join("tmp")
}

/// Where a restore puts everything before it is in place. While it is there, the rest of the data folder is not to be used.
pub fn restoring_folder(data: &Path) -> PathBuf {
    data.join("restoring")
}

/// The database.
pub fn database_file(data: &Path) -> PathBuf {
    data.join("visage.db")
}

fn refuse_half_restored(data: &Path) -> Result<(), StartError> {
    if !restoring_folder(data).exists() {
        return Ok(());
    }
    Err(StartError::HalfRestored {
        folder: data.display().to_string(),
    })
}

fn make_folders(data: &Path) -> std::io::Result<()> {
    let parent = data.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)?;
    // What is in it (password hashes, secrets, people's pictures) is nobody else's on this machine.
    match DirBuilder::new().mode(0o700).create(data) {
        Ok(()) => File::open(parent)?.sync_all()?,
        Err(_) if data.is_dir() => warn_if_open_to_others(data)?,
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => return Err(ErrorKind::NotADirectory.into()),
        Err(cause) => return Err(cause),
    }
    for folder in [blob_folder(data), temporary_folder(data)] {
        std::fs::create_dir_all(folder)?;
    }
    // The folders' own entries must survive a power cut before anything in them can.
    File::open(data)?.sync_all()
}

/// A folder that was there keeps the mode that somebody gave it.
fn warn_if_open_to_others(data: &Path) -> std::io::Result<()> {
    let mode = std::fs::metadata(data)?.permissions().mode() & 0o777;
    if mode & 0o005 != 0 {
        let mode = format!("{mode:o}");
        tracing::warn!(folder = %data.display(), mode, "others on this machine can read the data folder; chmod o= closes it");
    }
    Ok(())
}

/// The machine's memory, or the container's share of it, in bytes; 2 GiB when nothing tells.
fn machine_memory_bytes() -> u64 {
    let total = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        kib.checked_mul(1024)
    });
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max")
        .ok()
        .and_then(|text| text.trim().parse().ok());
    total.unwrap_or(2 << 30).min(container.unwrap_or(u64::MAX))
}
