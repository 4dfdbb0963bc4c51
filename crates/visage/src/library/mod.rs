//! The embedded media store's services: what Cloudinary's servers do, done here.

pub mod access;
pub mod admin_calls;
pub mod analyse;
pub mod answers;
pub mod archive;
mod auto;
pub mod breakpoints;
pub mod change;
pub mod changes;
pub mod deletion_token;
pub mod deliver;
pub mod destroy;
pub mod extra;
pub mod folders;
pub mod in_use;
pub mod metadata;
pub mod named;
pub(crate) mod naming;
pub mod notifications;
pub mod options;
pub mod presets;
pub mod purge;
pub mod receive;
pub mod restore;
pub mod surroundings;
pub mod upload;
pub mod urls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quick_cache::sync::Cache;
use rand::RngExt as _;
use tokio_util::task::TaskTracker;
use visage_cloudinary::signature::AuthTokenKey;
use visage_cloudinary::{ImageFormat, Recipe, Secret};
use visage_store::{Blobs, Catalog, DerivedKey, Documents, Folders, Sqlite, UploadId};

use self::changes::{Changes, Watched};
use crate::clock::Clock;
use crate::config::Config;
use crate::disk::DiskReserve;
use crate::permits::{Permits, Requester};
use crate::rate_limit::RenderLimit;
use crate::single_flight::SingleFlight;

/// Everything the embedded store works with.
#[derive(Debug)]
pub struct Library {
    /// Counts what changes in the next two, so that an answer in memory never outlives a change.
    pub changes: Arc<changes::Changes>,
    /// Assets and uploads.
    pub catalog: Arc<dyn Catalog>,
    /// Named transformations and whatever else operators set up.
    pub documents: Arc<dyn Documents>,
    /// Folders that assets are shown in.
    pub folders: Arc<dyn Folders>,
    /// The bytes.
    pub blobs: Blobs,
    /// Bounds the work on pixels.
    pub permits: Permits,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// The first part of every URL's path.
    pub cloud_name: String,
    /// Signs URLs.
    pub api_secret: Secret,
    /// Checks tokens of protected assets; `None` when there are none.
    pub auth_token_key: Option<AuthTokenKey>,
    /// Whether only signed, named and eager transformations are made.
    pub strict_transformations: bool,
    /// What stands in front of every URL's path.
    pub public_url: String,
    /// What it was before.
    pub public_url_before: Vec<String>,
    /// Bounds of decoding and encoding.
    pub limits: visage_image::Limits,
    /// What texts are drawn in.
    pub fonts: visage_image::Fonts,
    /// How long one render may take.
    pub render_timeout: Duration,
    /// How long deleted bytes stay.
    pub purge_delay: Duration,
    /// How long an upload may be pending.
    pub pending_grace: Duration,
    /// How many derived images may be stored.
    pub derived_limits: DerivedLimits,
    /// What is left free on the disk.
    pub disk_reserve: DiskReserve,
    /// How many new images strangers may ask for.
    pub render_limit: RenderLimit,
    /// Work in the background; a stop waits for it.
    pub tasks: TaskTracker,
    lookups: SingleFlight<ImageKey, Result<Option<Image>, Arc<deliver::DeliverError>>>,
    /// Strangers wait for their share, so others do not wait with them for the same image.
    renders: SingleFlight<(ImageKey, Requester), Result<Image, Arc<deliver::DeliverError>>>,
    hot: Cache<ImageKey, Image, ByBytes>,
}

/// How many derived images may be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DerivedLimits {
    /// Bytes of all together.
    pub bytes: u64,
    /// Number of all together.
    pub images: u64,
    /// Number of one upload's.
    pub per_upload: u64,
}

/// What names one image that can be delivered; no recipe means the original.
type ImageKey = (UploadId, Option<Recipe>);

/// An image that can be delivered.
#[derive(Debug, Clone)]
pub struct Image {
    /// The file.
    pub bytes: Bytes,
    /// Its format.
    pub format: ImageFormat,
    /// Width and height in pixels.
    pub size: (u32, u32),
}

/// Weighs an image in the hot cache by its size.
#[derive(Debug, Clone)]
struct ByBytes;

impl quick_cache::Weighter<ImageKey, Image> for ByBytes {
    fn weight(&self, _key: &ImageKey, image: &Image) -> u64 {
        image.bytes.len() as u64 + 200
    }
}

impl Library {
    /// The library of the checked settings.
    pub fn new(config: &Config, store: &Arc<Sqlite>, blobs: Blobs, permits: Permits, clock: Arc<dyn Clock>) -> Self {
        let changes = Arc::new(Changes::with_unannounced(store.clone()));
        Self {
            catalog: Arc::new(Watched::new(Arc::clone(store), Arc::clone(&changes))),
            documents: Arc::new(Watched::new(Arc::clone(store), Arc::clone(&changes))),
            changes,
            folders: store.clone(),
            blobs,
            permits,
            clock,
            cloud_name: config.embedded.cloud_name.clone(),
            api_secret: config.embedded.api_secret.clone(),
            auth_token_key: AuthTokenKey::new(config.embedded.auth_token_key.clone()).ok(),
            strict_transformations: config.embedded.strict_transformations,
            public_url: config.public_url(),
            public_url_before: config.public_url_before.clone(),
            limits: image_limits(config),
            fonts: visage_image::Fonts::default(),
            render_timeout: config.render.timeout.as_duration(),
            purge_delay: config.reaper.purge_delay.as_duration(),
            pending_grace: config.reaper.pending_grace.as_duration(),
            derived_limits: DerivedLimits {
                bytes: config.cache.derived_bytes,
                images: config.cache.derived_images,
                per_upload: config.cache.derived_per_asset,
            },
            disk_reserve: DiskReserve::new(config.data.clone(), config.limits.disk_reserve_percent),
            render_limit: RenderLimit::new(&config.rate_limit),
            tasks: TaskTracker::new(),
            lookups: SingleFlight::default(),
            renders: SingleFlight::default(),
            hot: Cache::with_weighter(10_000, config.cache.hot_bytes / 2, ByBytes),
        }
    }

    /// Forgets a derived image that was deleted.
    pub fn forget_hot(&self, key: &DerivedKey) {
        self.hot.remove(&(key.upload, Some(key.recipe.clone())));
    }

    /// What images in memory take.
    pub fn hot_bytes(&self) -> u64 {
        self.hot.weight()
    }
}

/// `length` random characters of `a-z0-9`.
pub fn random_name(length: usize) -> String {
    const CHARACTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = rand::rng();
    (0..length)
        .filter_map(|_| CHARACTERS.get(random.random_range(0..CHARACTERS.len())))
        .map(|byte| char::from(*byte))
        .collect()
}

/// Most pixels that a URL may ask for: 4096 squared, more than any screen shows.
const MAX_OUTPUT_PIXELS: u64 = 4096 * 4096;

/// The limits of the settings in the terms of the image crate.
pub fn image_limits(config: &Config) -> visage_image::Limits {
    visage_image::Limits {
        source_pixels: config.limits.source_pixels,
        source_side_pixels: config.limits.source_side_pixels,
        frames: config.limits.frames,
        output_side_pixels: config.render.output_side_pixels,
        output_pixels: MAX_OUTPUT_PIXELS,
        ..visage_image::Limits::default()
    }
}
