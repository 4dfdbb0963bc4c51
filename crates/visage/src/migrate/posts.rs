//! `visage migrate-posts`: takes the posts of an export in, as they were, with what they show.
//!
//! A post and a file of the old server do not go together here, so the post comes last: when its picture or video is stored and
//! was read back, one commit adds the whole post ([`visage_store::Posts::adopt_post`]). A post that is here already is left as it
//! is. There is no undo: what posts show lives for hours.

use std::collections::HashSet;
use std::path::PathBuf;

use futures_util::StreamExt as _;
use visage_cloudinary::{PublicId, ResourceType};
use visage_store::{
    AdoptError, AdoptedMedia, ImportedPost, MigratedPicture, PostAdoption, PostHere, PostId, PostMedia,
};

use super::adopt::{MoveError, Moved};
use super::document::post::{self, PostDocument};
use super::document::{self, Rejected};
use super::export::{Export, Malformed, Numbered};
use super::output::Output;
use super::reference::{self, OwnHost, Reference};
use super::report::{Line, Outcome};
use super::{Kind, MigrateError, Run, needed};
use crate::app::App;
use crate::config::path_argument;
use crate::crash;

/// What is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct PostArguments {
    /// The folder with the files that the old server served under /uploads.
    #[arg(long, value_name = "FOLDER", value_parser = path_argument())]
    pub uploads: PathBuf,
    /// An export of the old database's posts, as `mongoexport` writes it (one document in a line, or a JSON array).
    #[arg(long, value_name = "FILE", value_parser = path_argument())]
    pub posts: PathBuf,
    /// An address under which the old server was reached, such as <https://api.example.com>: what lies under its /uploads is a
    /// file of the folder. May be given several times.
    #[arg(long = "own-host", value_name = "URL")]
    pub own_hosts: Vec<OwnHost>,
    /// Delete each file once its post is here and its copy was compared, unless another post or a user still refers to it.
    #[arg(long)]
    pub remove_source: bool,
    /// Only say what would be done. Every file is read and checked.
    #[arg(long)]
    pub dry_run: bool,
    /// How many posts are on their way at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub parallel: u8,
}

/// Takes all posts in. Each document is a line in `output`, in the order in which they end.
///
/// # Errors
/// See [`MigrateError`].
pub async fn migrate_posts(app: &App, arguments: &PostArguments, output: &mut Output) -> Result<(), MigrateError> {
    let mut run = Run {
        only_looks: arguments.dry_run,
        parallel: arguments.parallel.into(),
        ..Run::new(app, Kind::Posts, &arguments.uploads, &arguments.own_hosts)?
    };
    let export = Export::open(&arguments.posts)?;
    if arguments.remove_source && !arguments.dry_run {
        run.needed = needed::count(&run, Some(&export)).await?;
    }
    output.begin(export.count()?);
    run.move_posts(&export, output).await
}

/// What a post shows.
pub(super) enum Shown {
    Nothing,
    /// Something that the media host has.
    Kept(PostMedia),
    /// One of these files.
    Local(Vec<PathBuf>),
    Refused(&'static str),
}

impl Run<'_> {
    /// Moves the posts of an export, some at once. Reading it blocks, and is soon done.
    async fn move_posts(&self, export: &Export, output: &mut Output) -> Result<(), MigrateError> {
        let mut seen = HashSet::new();
        let mut read = |(number, document): Numbered| (number, self.read_post(document, &mut seen));
        let documents = export.documents()?.map(|next| next.map(&mut read));
        let moves = futures_util::stream::iter(documents).map(async |next| {
            let (number, read) = next?;
            self.move_post(number, read).await
        });
        let mut lines = std::pin::pin!(moves.buffer_unordered(self.parallel));
        while let Some(line) = lines.next().await {
            output.line(&line?)?;
        }
        Ok(())
    }

    fn read_post(
        &self,
        document: Result<Vec<u8>, Malformed>,
        seen: &mut HashSet<PostId>,
    ) -> Result<PostDocument, Rejected> {
        let document = document.map_err(|error| (None, (Outcome::Failed, error.to_string())))?;
        let lifetime = self.app.config.posts.lifetime.as_duration();
        let read = post::read(&document, lifetime).map_err(|error| document::rejected(&document, &error))?;
        if !seen.insert(read.post.id) {
            return Err(document::repeated(read.post.id));
        }
        Ok(read)
    }

    async fn move_post(&self, number: u64, read: Result<PostDocument, Rejected>) -> Result<Line, MigrateError> {
        let document = match read {
            Ok(document) => document,
            Err((id, ending)) => return Ok(Line::of_document(self.kind, number, id, ending)),
        };
        let mut line = Line::of_post(&document);
        if document.post.expires_at <= self.app.clock.now() {
            line.outcome = Outcome::Expired;
            return Ok(line);
        }
        if let Some(here) = self.app.posts.post_here(&document.post.id).await? {
            self.tell_here(here, &mut line).await?;
            return Ok(line);
        }
        match self.shown(&document) {
            Shown::Nothing => self.add(document.post, None, &mut line).await?,
            Shown::Kept(media) => self.keep(document.post, media, &mut line).await?,
            Shown::Refused(why) => line.end(Outcome::Refused, why),
            Shown::Local(files) => {
                let commit = async |moved| commit(self.app, document, moved).await;
                self.move_file(files, &mut line, commit).await?;
            }
        }
        Ok(line)
    }

    async fn tell_here(&self, here: PostHere, line: &mut Line) -> Result<(), MigrateError> {
        line.outcome = Outcome::AlreadyThere;
        let Some(media) = here.media else { return Ok(()) };
        line.tell_media(&media);
        if let Some(migrated) = &here.migrated {
            line.tell(migrated);
            let removed = needed::remove_of_earlier_run(self, migrated, media.resource_type).await;
            line.source_ended(removed)?;
        }
        Ok(())
    }

    /// Adds a post whose picture or video the media host has already. A post that shows nothing any more does not come.
    async fn keep(&self, post: ImportedPost, media: PostMedia, line: &mut Line) -> Result<(), MigrateError> {
        let exists = self.app.media_host.exists(&media.public_id, media.resource_type).await;
        match exists {
            Ok(true) => {
                line.tell_media(&media);
                self.add(post, Some(AdoptedMedia::Kept(media)), line).await
            }
            Ok(false) => {
                line.end(Outcome::MissingFile, "the media host does not have it");
                Ok(())
            }
            Err(error) => line.fail(error.into()),
        }
    }

    /// Adds a post without a file.
    async fn add(&self, post: ImportedPost, media: Option<AdoptedMedia>, line: &mut Line) -> Result<(), MigrateError> {
        line.outcome = self.moved();
        if self.only_looks {
            return Ok(());
        }
        let now = self.app.clock.now();
        let added = self.app.posts.adopt_post(PostAdoption { post, media, now }).await;
        crash::point("post-added").await;
        added.map_or_else(|error| line.fail(MoveError::from(error)), |_not_moved| Ok(()))
    }

    /// What a post shows, which its document alone says.
    pub(super) fn shown(&self, document: &PostDocument) -> Shown {
        let Some(url) = document.url.as_deref() else {
            return Shown::Nothing;
        };
        if let Some(media) = self.hosted(url, document.public_id.as_deref()) {
            return Shown::Kept(media);
        }
        match reference::read(url, &self.own_hosts) {
            Reference::None => Shown::Nothing,
            Reference::Refused(_) if self.app.media_host.transformation(url).is_some() => {
                Shown::Refused("its cloudinaryId is not the picture or video of its media")
            }
            Reference::Refused(why) => Shown::Refused(why),
            Reference::Local(files) => Shown::Local(files),
        }
    }

    /// What the media host serves under `url`, when it is a picture or a video.
    fn hosted(&self, url: &str, public_id: Option<&str>) -> Option<PostMedia> {
        let public_id = PublicId::parse(public_id?).ok()?;
        let mut kinds = [ResourceType::Image, ResourceType::Video].into_iter();
        let resource_type = kinds.find(|kind| self.app.media_host.serves(url, &public_id, *kind))?;
        Some(PostMedia {
            url: url.to_owned(),
            public_id,
            resource_type,
        })
    }
}

/// The post is here from now on.
async fn commit(app: &App, document: PostDocument, moved: Moved) -> Result<Option<MigratedPicture>, AdoptError> {
    let media = AdoptedMedia::Moved {
        media: PostMedia {
            url: moved.hosted.url,
            public_id: moved.hosted.public_id,
            resource_type: moved.resource_type,
        },
        old_url: document.url.unwrap_or_default(),
        old_public_id: document.public_id,
        source: moved.source,
        stored_sha256: moved.stored_sha256,
    };
    let adoption = PostAdoption {
        post: document.post,
        media: Some(media),
        now: app.clock.now(),
    };
    app.posts.adopt_post(adoption).await
}
