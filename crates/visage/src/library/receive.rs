//! Receives a file from a caller of the API: finds out what it is, makes of it what was asked for, names it, stores it.
//!
//! Unlike a member's profile image it is kept byte for byte, unless the caller asks for an incoming transformation.

use std::sync::Arc;

use bytes::Bytes;
use visage_cloudinary::{DeliveryType, ImageFormat, PublicIdError, RequestFacts, ResourceType, Transformation};
use visage_image::ImageError;
use visage_store::{Asset, AssetDetails, AssetKey, ImageFacts, Media, StoreError, UploadFacts, VideoFacts};

use super::access::Reader;
use super::analyse::AnalyseError;
use super::deliver::{self, DeliverError, Made};
use super::extra::Extra;
use super::in_use::InUseError;
use super::metadata::MetadataError;
use super::options::{Eager, UploadOptions};
use super::surroundings::{Job, Surroundings};
use super::upload::{self, NewUpload, Original, Stored, UploadError};
use super::{analyse, auto, change, in_use, named, naming};
use crate::app::App;
use crate::permits::WorkError;
use crate::spool::{Hashes, SpooledFile};

/// What is read of a file to see whether it may be a picture at all.
const HEAD_BYTES: u64 = 256;

/// A file that has arrived.
#[derive(Debug)]
pub struct Arrival {
    /// The bytes.
    pub file: SpooledFile,
    /// What the sender calls it.
    pub name: Option<String>,
}

/// What became of it.
#[derive(Debug)]
pub struct Receipt {
    /// The asset.
    pub asset: Asset,
    /// Whether it was there before and was kept.
    pub existing: bool,
    /// Whether it took another upload's place.
    pub overwritten: bool,
    /// What was made of it, in the order of the request.
    pub eager: Vec<EagerResult>,
}

/// What became of one eager transformation.
#[derive(Debug)]
pub struct EagerResult {
    /// What was asked for.
    pub eager: Eager,
    /// What was made; `None` while it is still to be made.
    pub made: Option<Result<Made, String>>,
}

/// Why a file was not received. Nothing is stored then.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// There is nothing in it.
    #[error("Empty file")]
    Empty,
    /// It is larger than its kind may be.
    #[error("File size too large. Got {got_bytes}. Maximum is {max_bytes}.")]
    TooLarge {
        /// Its size.
        got_bytes: u64,
        /// What is allowed.
        max_bytes: u64,
    },
    /// It was sent as a picture and is none that is taken.
    #[error("Invalid image file")]
    NotAnImage,
    /// It is a picture of a format that is not taken.
    #[error("Invalid image file: {name} is not supported")]
    UnsupportedImage {
        /// What it is.
        name: &'static str,
    },
    /// It begins like a picture, and the rest is missing or damaged.
    #[error("Invalid image file: the {format} picture is damaged or incomplete")]
    DamagedImage {
        /// What it would be.
        format: &'static str,
    },
    /// It is a picture beyond the limits.
    #[error(transparent)]
    Image(ImageError),
    /// It was sent as a film and is none that is known.
    #[error("Unsupported video format or file")]
    NotAVideo,
    /// Its format is not among those that the caller takes.
    #[error("{kind} file format {format} not allowed")]
    FormatNotAllowed {
        /// `Image`, `Video` or `Raw`.
        kind: &'static str,
        /// The format.
        format: String,
    },
    /// It cannot be called so.
    #[error(transparent)]
    PublicId(#[from] PublicIdError),
    /// It would replace, hide or take over what a user or a post shows.
    #[error(transparent)]
    InUse(#[from] InUseError),
    /// What is to be made of it cannot be made.
    #[error("{0}")]
    Transformation(String),
    /// It is no picture, and only of pictures something can be made.
    #[error("Transformations are supported for images only")]
    TransformationOfFile,
    /// The structured metadata is wrong.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The folder cannot be called so.
    #[error("Invalid folder: {0}")]
    Folder(&'static str),
    /// What was asked to be found out was not.
    #[error(transparent)]
    Analyse(#[from] AnalyseError),
    /// It was not stored.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// Too much is being worked on, or the work on this file failed.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// The temporary file failed.
    #[error("the temporary file failed: {0}")]
    TemporaryFile(#[from] std::io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Receives `arrival`.
///
/// # Errors
/// See [`ReceiveError`].
pub async fn receive(app: &Arc<App>, arrival: Arrival, options: &UploadOptions) -> Result<Receipt, ReceiveError> {
    let Arrival { file, name } = arrival;
    if file.len_bytes() == 0 {
        return Err(ReceiveError::Empty);
    }
    let expanded = expand_eager(app, &options.eager).await?;
    let incoming = match &options.incoming {
        Some(incoming) => Some(
            named::expand(&*app.library.documents, incoming)
                .await
                .map_err(transformation_error)?,
        ),
        None => None,
    };
    let file = Arc::new(file);
    let identified = identify(app, &file, options.resource_type).await?;
    check_allowed(&identified, options)?;
    let original_extension = extension_of(&identified);
    let (original, identified) = transform(app, file, identified, incoming, options).await?;
    let mut facts = original.facts(identified).await?;
    check_plans(app, &facts, &expanded).await?;
    let file_name = options.naming.filename_override.clone().or(name);
    let key = AssetKey {
        resource_type: resource_type_of(&facts.media),
        delivery_type: options.delivery_type.unwrap_or(DeliveryType::Upload),
        public_id: naming::choose_public_id(&options.naming, file_name.as_deref(), &facts.media)?,
    };
    in_use::refuse_name(app, &key).await?;
    let mut details = AssetDetails::default();
    let description = change::fitted(&options.description, &facts);
    change::describe(app, &mut details, &description).await?;
    naming::place(&mut details, &options.naming, file_name.as_deref())?;
    let mut extra = Extra::of(&details);
    let file_stem = file_name.as_deref().map(|name| naming::stem(name).to_owned());
    extra.original_filename = file_stem.filter(|_| !options.naming.discard_original_filename);
    extra.original_extension =
        original_extension.filter(|extension| Some(extension) != format_of(&facts.media).as_ref());
    extra.api_key.clone_from(&options.api_key);
    extra.eager = options.eager.iter().map(named::strict_text).collect();
    extra.analysis = analyse::examine(app, &original, &mut facts, options.analyse)
        .await
        .map_err(undrawable)?;
    extra.keep_in(&mut details);
    let new = NewUpload {
        key,
        original,
        facts,
        overwrite: options.overwrite,
        details,
        asset_id: None,
    };
    let receipt = match upload::store(&app.library, new).await? {
        Stored::Existing(asset) => Receipt {
            asset,
            existing: true,
            overwritten: false,
            eager: Vec::new(),
        },
        Stored::New { asset, overwritten } => {
            let eager = make_eager(app, &asset, options.eager.clone(), options.eager_async).await;
            Receipt {
                asset,
                existing: false,
                overwritten,
                eager,
            }
        }
    };
    Ok(receipt)
}

/// What a file is, and what was read in its head.
#[derive(Debug, Clone)]
pub enum Identified {
    /// A picture.
    Image(visage_image::Facts),
    /// A film or a sound.
    Video(VideoFacts),
    /// Anything else.
    Raw {
        /// The extension of its name.
        extension: Option<String>,
    },
}

/// Finds out what the file is: the bytes decide, within what the caller allows.
async fn identify(
    app: &App,
    file: &Arc<SpooledFile>,
    wanted: Option<ResourceType>,
) -> Result<Identified, ReceiveError> {
    if wanted == Some(ResourceType::Raw) {
        return Ok(Identified::Raw { extension: None });
    }
    let limits = &app.config.limits;
    if wanted != Some(ResourceType::Video) {
        match probe_image(app, file, limits.image_bytes).await {
            Ok(facts) => return Ok(Identified::Image(facts)),
            Err(error) => auto::may_be_other(error, &file.read_prefix(HEAD_BYTES)?, wanted)?,
        }
    }
    let probed = Arc::clone(file);
    let facts = tokio::task::spawn_blocking(move || visage_image::probe_video(&mut probed.reader()))
        .await
        .map_err(|_stopping| WorkError::Panicked)??;
    match (facts, wanted) {
        (Some(facts), _) => Ok(Identified::Video(video_facts(facts))),
        (None, Some(_)) => Err(ReceiveError::NotAVideo),
        (None, None) => Ok(Identified::Raw { extension: None }),
    }
}

async fn probe_image(app: &App, file: &Arc<SpooledFile>, max_bytes: u64) -> Result<visage_image::Facts, ReceiveError> {
    let got_bytes = file.len_bytes();
    let head = file.read_prefix(HEAD_BYTES)?;
    if let Err(error @ (ImageError::Empty | ImageError::Unsupported { .. })) =
        visage_image::probe(&head, &app.library.limits)
    {
        return Err(not_taken(error));
    }
    if got_bytes > max_bytes {
        return Err(ReceiveError::TooLarge { got_bytes, max_bytes });
    }
    let (file, limits) = (Arc::clone(file), app.library.limits.clone());
    let probed = app
        .permits
        .run(got_bytes, app.library.render_timeout, move |_| {
            let bytes = file.read_all()?;
            Ok::<_, std::io::Error>(visage_image::probe(&bytes, &limits))
        })
        .await??;
    probed.map_err(not_taken)
}

/// The refusal of a picture, with the name of its format where it has one.
fn not_taken(error: ImageError) -> ReceiveError {
    match error {
        ImageError::Unsupported { name } if !name.ends_with("an unknown format") => {
            ReceiveError::UnsupportedImage { name }
        }
        ImageError::Empty | ImageError::Unsupported { .. } | ImageError::Damaged { .. } => ReceiveError::NotAnImage,
        other => ReceiveError::Image(other),
    }
}

/// A picture that cannot be drawn is no picture; only where its format is the reason, that is named.
fn undrawable(error: AnalyseError) -> ReceiveError {
    match error {
        AnalyseError::Image(ImageError::Empty | ImageError::Damaged { .. }) => ReceiveError::NotAnImage,
        AnalyseError::Image(error) => ReceiveError::Image(error),
        other => ReceiveError::Analyse(other),
    }
}

/// The facts of a film or a sound in the terms of the store.
pub fn video_facts(facts: visage_image::VideoFacts) -> VideoFacts {
    VideoFacts {
        format: facts.format.to_owned(),
        width: facts.width,
        height: facts.height,
        duration: facts.duration_seconds,
        bit_rate: facts.bit_rate,
        frame_rate: facts.frame_rate,
        frames: facts.frames,
        rotation: Some(facts.rotation),
        video_codec: facts.video_codec,
        audio_codec: facts.audio.and_then(|audio| audio.codec),
    }
}

/// With `format`, a picture outside of the list is converted instead of refused.
fn check_allowed(identified: &Identified, options: &UploadOptions) -> Result<(), ReceiveError> {
    let allowed = &options.allowed_formats;
    if allowed.is_empty() {
        return Ok(());
    }
    let (kind, format) = match identified {
        Identified::Image(facts) => ("Image", facts.format.extension().to_owned()),
        Identified::Video(facts) => ("Video", facts.format.clone()),
        Identified::Raw { extension } => ("Raw", extension.clone().unwrap_or_default()),
    };
    let converted = options.format.map(|format| format.extension().to_owned());
    let fits = |format: &String| allowed.contains(format);
    if fits(&format) || (kind == "Image" && converted.as_ref().is_some_and(fits)) {
        Ok(())
    } else {
        Err(ReceiveError::FormatNotAllowed { kind, format })
    }
}

/// Makes of the file what has to be made before it is stored.
async fn transform(
    app: &App,
    file: Arc<SpooledFile>,
    identified: Identified,
    incoming: Option<Transformation>,
    options: &UploadOptions,
) -> Result<(Original, Identified), ReceiveError> {
    let facts = match identified {
        Identified::Image(facts) => facts,
        other if incoming.is_none() && options.format.is_none() => return Ok((Original::File(file), other)),
        _ => return Err(ReceiveError::TransformationOfFile),
    };
    // With a list of formats, `format` is for those outside of it.
    let kept = options
        .allowed_formats
        .iter()
        .any(|format| format == facts.format.extension());
    let format = options
        .format
        .filter(|_| !kept)
        .filter(|format| *format != facts.format);
    if incoming.as_ref().is_none_or(Transformation::is_empty) && format.is_none() {
        return Ok((Original::File(file), Identified::Image(facts)));
    }
    let bytes = render_incoming(app, file, &facts, &incoming.unwrap_or_default(), format).await?;
    let limits = app.library.limits.clone();
    let facts = visage_image::probe(&bytes, &limits).map_err(ReceiveError::Image)?;
    Ok((Original::Bytes(bytes), Identified::Image(facts)))
}

async fn render_incoming(
    app: &App,
    file: Arc<SpooledFile>,
    facts: &visage_image::Facts,
    incoming: &Transformation,
    format: Option<ImageFormat>,
) -> Result<Bytes, ReceiveError> {
    let source = visage_cloudinary::SourceFacts {
        format: facts.format,
        has_alpha: facts.has_alpha,
        is_animated: facts.frames > 1,
    };
    let resolved = incoming.resolve(RequestFacts::default(), source, format);
    let refused = |error: DeliverError| ReceiveError::Transformation(error.to_string());
    let surroundings = Surroundings::of_file(&app.library, &resolved, &Reader::Operator)
        .await
        .map_err(refused)?;
    let job = Job::new(&app.library, resolved, *facts, surroundings, file.len_bytes()).map_err(refused)?;
    let rendered = app
        .permits
        .run(job.memory_bytes, app.library.render_timeout, move |expired| {
            let bytes = file.read_all()?;
            job.run(&bytes, expired).map_err(|error| match error {
                DeliverError::Image(error) => undrawable(error.into()),
                other => ReceiveError::Transformation(other.to_string()),
            })
        })
        .await??;
    Ok(rendered.bytes.into())
}

/// Expands named transformations, before anything is stored.
async fn expand_eager(app: &App, eager: &[Eager]) -> Result<Vec<(Eager, Transformation)>, ReceiveError> {
    let mut expanded = Vec::new();
    for eager in eager {
        let transformation = named::expand(&*app.library.documents, &eager.transformation)
            .await
            .map_err(transformation_error)?;
        expanded.push((eager.clone(), transformation));
    }
    Ok(expanded)
}

fn transformation_error(error: named::ExpandError) -> ReceiveError {
    match error {
        named::ExpandError::Store(error) => ReceiveError::Store(error),
        named::ExpandError::Transformation(error) => ReceiveError::Transformation(error.to_string()),
    }
}

/// Refuses what can never be made, before anything is stored.
async fn check_plans(app: &App, facts: &UploadFacts, eager: &[(Eager, Transformation)]) -> Result<(), ReceiveError> {
    if eager.is_empty() {
        return Ok(());
    }
    let Some(image) = facts.image() else {
        return Err(ReceiveError::TransformationOfFile);
    };
    for (asked, transformation) in eager {
        deliver::check_plan(&app.library, image, transformation, asked.extension.as_deref())
            .await
            .map_err(|error| ReceiveError::Transformation(error.to_string()))?;
    }
    Ok(())
}

/// Makes the eager ones; with `in_background` that is left to [`finish_eager`].
pub async fn make_eager(app: &Arc<App>, asset: &Asset, eager: Vec<Eager>, in_background: bool) -> Vec<EagerResult> {
    let asked = eager
        .into_iter()
        .map(|eager| EagerResult { eager, made: None })
        .collect();
    if in_background {
        return asked;
    }
    finish_eager(app, asset, asked).await
}

/// Makes those that are not made yet.
pub async fn finish_eager(app: &Arc<App>, asset: &Asset, mut results: Vec<EagerResult>) -> Vec<EagerResult> {
    for result in results.iter_mut().filter(|result| result.made.is_none()) {
        let made = deliver::make_ahead(&app.library, asset, &result.eager).await;
        result.made = Some(made.map_err(|error: DeliverError| error.to_string()));
    }
    results
}

/// Refuses what can never be made of a stored asset.
///
/// # Errors
/// [`ReceiveError::Transformation`], or the database's failure.
pub async fn check_eager(app: &App, asset: &Asset, eager: &[Eager]) -> Result<(), ReceiveError> {
    let expanded = expand_eager(app, eager).await?;
    check_plans(app, &asset.upload.facts, &expanded).await
}

fn extension_of(identified: &Identified) -> Option<String> {
    match identified {
        Identified::Image(facts) => Some(facts.format.extension().to_owned()),
        Identified::Video(facts) => Some(facts.format.clone()),
        Identified::Raw { .. } => None,
    }
}

fn format_of(media: &Media) -> Option<String> {
    match media {
        Media::Image(facts) => Some(facts.format.extension().to_owned()),
        Media::Video(facts) => Some(facts.format.clone()),
        Media::Raw => None,
    }
}

fn resource_type_of(media: &Media) -> ResourceType {
    match media {
        Media::Image(_) => ResourceType::Image,
        Media::Video(_) => ResourceType::Video,
        Media::Raw => ResourceType::Raw,
    }
}

/// The facts of a picture in the terms of the store.
pub fn image_facts(facts: &visage_image::Facts) -> ImageFacts {
    ImageFacts {
        format: facts.format,
        width: facts.width,
        height: facts.height,
        orientation: facts.orientation.to_exif(),
        frames: facts.frames,
        has_alpha: facts.has_alpha,
        faces: None,
    }
}

impl Original {
    /// Hashes the original and puts its facts together.
    async fn facts(&self, identified: Identified) -> Result<UploadFacts, ReceiveError> {
        let hashes: Hashes = self.hashes().await?;
        let media = match identified {
            Identified::Image(facts) => Media::Image(image_facts(&facts)),
            Identified::Video(facts) => Media::Video(facts),
            Identified::Raw { .. } => Media::Raw,
        };
        Ok(upload::facts(hashes, media))
    }
}
