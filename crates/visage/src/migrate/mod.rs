//! `visage migrate-profiles` and `visage migrate-posts` ([`posts`]): move in what an earlier installation kept as files.
//!
//! Each picture is read, checked and cleaned as an upload is, stored, read back, compared by hash, and only then does its user
//! get the new reference, by compare-and-set ([`adopt`]): a picture that the user sets meanwhile wins. What the user had before
//! is noted in the same commit, so that every later report tells it and [`undo`] can put it back. Sources are never changed,
//! and removed only when that is asked for and nobody needs them ([`needed`]).
//!
//! It can be ended at any moment and begun again. What it had begun and not committed the reaper settles.

pub mod adopt;
pub mod document;
pub mod export;
pub mod needed;
pub mod output;
pub mod posts;
pub mod reference;
pub mod report;
pub mod undo;
pub mod uploads;
pub mod users;

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt as _;
use visage_cloudinary::{PublicId, ResourceType};
use visage_store::{AdoptError, Adoption, MigratedPicture, ProfileImage, StoreError, UserId, UserPicture};

use crate::app::App;
use crate::clock::later;
use crate::config::path_argument;
use crate::crash;
use crate::media_host::MediaHost;
use adopt::Moved;
use export::Export;
use needed::Needed;
use output::Output;
use reference::{OwnHost, Reference};
use report::{Line, Outcome};
use uploads::Uploads;

/// How many rows are read at once.
const PAGE: usize = 500;

/// What is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// The folder with the files that the old server served under /uploads. An undo knows it already.
    #[arg(long, value_name = "FOLDER", required_unless_present = "undo", value_parser = path_argument())]
    pub uploads: Option<PathBuf>,
    /// An export of the old database's users, as `mongoexport` writes it (one document in a line, or a JSON array): those that
    /// are not here yet are added as they are, with their passwords.
    #[arg(long, value_name = "FILE", value_parser = path_argument())]
    pub users: Option<PathBuf>,
    /// An address under which the old server was reached, such as <https://api.example.com>: what lies under its /uploads is a
    /// file of the folder. May be given several times.
    #[arg(long = "own-host", value_name = "URL")]
    pub own_hosts: Vec<OwnHost>,
    /// Delete each file once its picture is stored, compared and committed, unless another user still refers to it.
    #[arg(long)]
    pub remove_source: bool,
    /// An export of the old database's posts: --remove-source leaves the files that those need which are not here yet.
    #[arg(long, value_name = "FILE", requires = "remove_source", value_parser = path_argument())]
    pub posts: Option<PathBuf>,
    /// Only say what would be done. Every file is read and checked.
    #[arg(long)]
    pub dry_run: bool,
    /// How many pictures are on their way at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub parallel: u8,
}

/// Why a migration could not go on. What was done until then stays done.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A file or folder that was named cannot be used.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Another migration is under way.
    #[error("another migration is under way in this data folder")]
    UnderWay,
    /// A report would lie among the pictures.
    #[error("the report may not be in the folder of the pictures")]
    ReportAmongUploads,
    /// A report would overwrite what is read.
    #[error("a file that is read would be overwritten; name another one with --report")]
    ReportOverwritten,
    /// A report cannot be understood.
    #[error("the report cannot be read: {0}")]
    BadReport(String),
    /// A report could not be written.
    #[error("the report cannot be written: {0}")]
    Report(#[source] std::io::Error),
    /// The directory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system failed.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

impl MigrateError {
    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::File { path, cause }
    }
}

/// Keeps two migrations from getting into each other's way. It ends with the process, however that ends.
#[derive(Debug)]
pub struct MigrationLock {
    _file: File,
}

impl MigrationLock {
    /// Takes the lock of the data folder.
    ///
    /// # Errors
    /// [`MigrateError::UnderWay`]
    pub fn take(data: &Path) -> Result<Self, MigrateError> {
        let path = data.join("migrate.lock");
        let file = File::create(&path).map_err(MigrateError::file(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(std::fs::TryLockError::WouldBlock) => Err(MigrateError::UnderWay),
            Err(std::fs::TryLockError::Error(cause)) => Err(MigrateError::file(&path)(cause)),
        }
    }
}

/// What is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Users' pictures.
    ProfileImages,
    /// What posts show, with the posts.
    Posts,
}

/// One migration.
#[derive(Debug)]
pub(super) struct Run<'a> {
    app: &'a App,
    kind: Kind,
    uploads: Arc<Uploads>,
    own_hosts: Vec<OwnHost>,
    only_looks: bool,
    parallel: usize,
    /// `None`: no source is removed.
    needed: Option<Needed>,
    /// Why the picture of a user of the export was left out.
    left_out: HashMap<UserId, String>,
}

/// Moves everything in. Each user is a line in `output`, in the order in which they end.
///
/// # Errors
/// See [`MigrateError`].
pub async fn migrate_profiles(app: &App, arguments: &Arguments, output: &mut Output) -> Result<(), MigrateError> {
    let folder = arguments.uploads.as_deref().unwrap_or(Path::new("uploads"));
    let mut run = Run {
        only_looks: arguments.dry_run,
        parallel: arguments.parallel.into(),
        ..Run::new(app, Kind::ProfileImages, folder, &arguments.own_hosts)?
    };
    let mut all_came = true;
    if let Some(export) = &arguments.users {
        all_came = users::import(&mut run, export, output).await?;
    }
    // A document that could not be taken in may name any file.
    if arguments.remove_source && all_came && !arguments.dry_run {
        let posts = arguments.posts.as_deref().map(Export::open).transpose()?;
        run.needed = needed::count(&run, posts.as_ref()).await?;
    }
    output.begin(app.directory.count_users().await?);
    let mut after = None;
    loop {
        let page = app.directory.all_user_pictures(after, PAGE).await?;
        let last = page.last().filter(|_| page.len() == PAGE).map(|last| last.user_id);
        run.move_all(page, output).await?;
        match last {
            Some(_) => after = last,
            None => return Ok(()),
        }
    }
}

impl<'a> Run<'a> {
    fn new(app: &'a App, kind: Kind, folder: &Path, named_hosts: &[OwnHost]) -> Result<Self, MigrateError> {
        let uploads = Uploads::open(folder).map_err(MigrateError::file(folder))?;
        let mut own_hosts = OwnHost::defaults();
        own_hosts.extend(app.config.public_url().parse());
        own_hosts.extend(named_hosts.iter().cloned());
        Ok(Self {
            app,
            kind,
            uploads: Arc::new(uploads),
            own_hosts,
            only_looks: false,
            parallel: 1,
            needed: None,
            left_out: HashMap::new(),
        })
    }

    /// The largest file that is taken.
    fn max_bytes(&self) -> u64 {
        let limits = &self.app.config.limits;
        match self.kind {
            Kind::ProfileImages => limits.profile_image_bytes,
            Kind::Posts => limits.post_media_bytes,
        }
    }

    /// Moves these, some at once.
    async fn move_all(&self, pictures: Vec<UserPicture>, output: &mut Output) -> Result<(), MigrateError> {
        let moves = futures_util::stream::iter(pictures).map(|picture| self.move_one(picture));
        let mut lines = moves.buffer_unordered(self.parallel);
        while let Some(line) = lines.next().await {
            output.line(&line?)?;
        }
        Ok(())
    }

    async fn move_one(&self, picture: UserPicture) -> Result<Line, MigrateError> {
        let mut line = Line::of(&picture);
        match self.read(&picture) {
            Found::Nothing => {
                if let Some(why) = self.left_out.get(&picture.user_id) {
                    line.end(Outcome::Refused, why);
                }
            }
            Found::Moved => {
                line.outcome = Outcome::AlreadyThere;
                if let Some(migrated) = &picture.migrated {
                    line.tell(migrated);
                    let removed = needed::remove_of_earlier_run(self, migrated, ResourceType::Image).await;
                    line.source_ended(removed)?;
                }
            }
            Found::Refused(why) => line.end(Outcome::Refused, why),
            Found::Local(files) => {
                let commit = async |moved| commit(self.app, picture, moved).await.map(Some);
                self.move_file(files, &mut line, commit).await?;
            }
        }
        Ok(line)
    }

    /// Moves the first of these files that is there, and removes it when that is asked for.
    async fn move_file<F>(
        &self,
        files: Vec<PathBuf>,
        line: &mut Line,
        commit: impl FnOnce(Moved) -> F,
    ) -> Result<(), MigrateError>
    where
        F: Future<Output = Result<Option<MigratedPicture>, AdoptError>>,
    {
        let contents = match adopt::read(self, files).await {
            Ok(contents) => contents,
            Err(error) => return line.fail(error),
        };
        line.tell_source(&contents);
        let key = contents.identity.key;
        match adopt::adopt(self, contents, commit).await {
            Ok(None) => line.outcome = self.moved(),
            Ok(Some(migrated)) => {
                line.outcome = self.moved();
                line.tell(&migrated);
                let removed = needed::remove_of_this_run(self, &migrated, key).await;
                crash::point("source-file-removed").await;
                line.source_ended(removed)?;
            }
            Err(error) => return line.fail(error),
        }
        Ok(())
    }

    /// What a user refers to.
    fn read(&self, picture: &UserPicture) -> Found {
        let Some(url) = picture.url.as_deref() else {
            return Found::Nothing;
        };
        let public_id = picture.public_id.as_deref().and_then(|id| PublicId::parse(id).ok());
        let is_served = public_id.is_some_and(|id| self.app.media_host.serves(url, &id, ResourceType::Image));
        if is_served || picture.migrated.is_some() {
            return Found::Moved;
        }
        match reference::read(url, &self.own_hosts) {
            Reference::None => Found::Nothing,
            Reference::Refused(why) => Found::Refused(why),
            Reference::Local(files) => Found::Local(files),
        }
    }

    /// How what was moved ended.
    fn moved(&self) -> Outcome {
        if self.only_looks {
            Outcome::WouldMigrate
        } else {
            Outcome::Migrated
        }
    }

    /// Where new pictures go. Not by way of taking in: a picture that is said to be there is there.
    fn host(&self) -> &dyn MediaHost {
        let account = self.app.hosts.account_for_new_pictures(&self.app.config);
        account.unwrap_or(self.app.hosts.own.as_ref())
    }

    /// A user's id and what it refers to, for a user who is only in the export yet.
    fn picture_of(user_id: UserId, url: Option<String>, public_id: Option<String>) -> UserPicture {
        UserPicture {
            user_id,
            url,
            public_id,
            migrated: None,
        }
    }
}

/// The user refers to the new picture from now on.
async fn commit(app: &App, picture: UserPicture, moved: Moved) -> Result<MigratedPicture, AdoptError> {
    let now = app.clock.now();
    let adoption = Adoption {
        user_id: picture.user_id,
        new: ProfileImage {
            url: moved.hosted.url,
            public_id: moved.hosted.public_id,
        },
        old_url: picture.url.unwrap_or_default(),
        old_public_id: picture.public_id,
        source: moved.source,
        stored_sha256: moved.stored_sha256,
        retire_at: later(now, app.config.reaper.retire_after.as_duration()),
        now,
    };
    app.directory.adopt_profile_image(adoption).await
}

/// What a user's reference leads to.
enum Found {
    Nothing,
    /// Something that the media host has.
    Moved,
    /// One of these files.
    Local(Vec<PathBuf>),
    Refused(&'static str),
}
