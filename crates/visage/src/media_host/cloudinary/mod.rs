//! A Cloudinary account as the media host, over HTTPS.
//!
//! An upload may be repeated without harm: the public id is ours, nothing is overwritten, and an answer that was lost is
//! found again (`existing`, with the same MD5). So every act is tried again, with growing pauses, until it is certain how
//! it ended or its deadline is over; a circuit breaker spares an account that does not answer. Who calls is told
//! whether the picture can have arrived, because only then is there something to wait for and to destroy.

mod address;
mod breaker;
mod client;
mod fault;
mod shown;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{Method, StatusCode};
use md5::{Digest as _, Md5};
use rand::RngExt as _;
use serde_json::Value;
use tokio::time::Instant;
use visage_cloudinary::{DeliveryType, DeliveryUrl, PublicId, ResourceType, Transformation};

pub use breaker::{Breaker, BreakerState};
use client::{Client, FilePart};
use fault::{Fault, FaultKind};

use super::{Hosted, HostedFacts, MediaHost, MediaHostError, Picture, PictureFacts};
use crate::clock::Clock;
use crate::config::{CloudinaryAccount, CloudinaryConfig};

/// Files above this go in parts of this size: the SDKs' own limit, and the smallest plan's.
const CHUNK_BYTES: usize = 20_000_000;

/// The pauses between tries: from the first to the longest, doubling; each is cut by chance to half of it at most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The largest file that is read back.
const MAX_ORIGINAL_BYTES: usize = 1 << 30;

/// What is asked of clients when the account does not say more.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Pictures in a Cloudinary account.
#[derive(Debug)]
pub struct Cloudinary {
    client: Client,
    breaker: Breaker,
    deadline: Duration,
    confirm: bool,
}

/// What an upload's answer says.
struct Uploaded {
    version: i64,
}

impl Cloudinary {
    /// The host that `account` is.
    pub fn new(config: &CloudinaryConfig, account: CloudinaryAccount, clock: Arc<dyn Clock>) -> Self {
        Self {
            breaker: Breaker::new(
                config.breaker_failures,
                config.breaker_pause.as_duration(),
                Arc::clone(&clock),
            ),
            client: Client::new(config, account, clock),
            deadline: config.deadline.as_duration(),
            confirm: config.confirm,
        }
    }

    /// Tries until it is certain how `act` ends. A later refusal does not undo what an earlier try may have done.
    async fn persist<T, F>(&self, what: &'static str, act: impl Fn() -> F) -> Result<T, MediaHostError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let (mut left, mut pause, mut may_be_done) = (self.deadline, FIRST_PAUSE, false);
        loop {
            if let Err(wait) = self.breaker.enter() {
                return Err(MediaHostError::Unavailable {
                    cause: "it has not answered for a while".to_owned(),
                    retry_after: wait.max(Duration::from_secs(1)),
                    may_be_done,
                });
            }
            let begun = Instant::now();
            let fault = match self.once(what, left, act()).await {
                Ok(done) => return Ok(done),
                Err(fault) => fault,
            };
            left = left.saturating_sub(begun.elapsed());
            may_be_done |= fault.kind == FaultKind::Unknown;
            if fault.is_refusal() && !may_be_done {
                return Err(refused(&fault));
            }
            let asked = fault.retry_after.unwrap_or_default();
            let wait = asked.max(pause.mul_f64(rand::rng().random_range(0.5..1.0)));
            if fault.is_refusal() || wait >= left {
                return Err(MediaHostError::Unavailable {
                    cause: fault.to_string(),
                    retry_after: asked.max(RETRY_AFTER),
                    may_be_done,
                });
            }
            tracing::debug!(what, fault = %fault, ?wait, "tried again");
            self.client.clock.pause(wait).await;
            left -= wait;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One try. Its end is counted.
    async fn once<T>(
        &self,
        what: &'static str,
        left: Duration,
        act: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let mut attempt = Attempt::begin(&self.breaker);
        let begun = Instant::now();
        let result = tokio::time::timeout(left, act).await;
        let result = result.unwrap_or_else(|_elapsed| Err(Fault::new(FaultKind::Unknown, "the deadline is over")));
        let outcome = match &result {
            Ok(_) => "done",
            Err(fault) if fault.is_refusal() => "refused",
            Err(_) => "failed",
        };
        metrics::counter!("visage_media_host_requests", "what" => what, "outcome" => outcome).increment(1);
        metrics::histogram!("visage_media_host_seconds", "what" => what).record(begun.elapsed().as_secs_f64());
        attempt.is_answered = outcome != "failed";
        result
    }

    /// Uploads, and asks for the picture once. A picture that was answered for and is not there is uploaded again.
    async fn upload_once(&self, upload: &Upload<'_>) -> Result<Hosted, Fault> {
        let answer = self.send_file(upload).await?;
        let uploaded = upload.check(&answer)?;
        let url = self.url(upload, uploaded.version);
        self.confirm(&url).await?;
        Ok(Hosted {
            public_id: upload.public_id.clone(),
            url,
        })
    }

    async fn read_original(&self, url: &str) -> Result<Option<Bytes>, Fault> {
        match self.client.deliver(Method::GET, url, MAX_ORIGINAL_BYTES).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(fault) if fault.kind == FaultKind::Refused(StatusCode::NOT_FOUND) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn is_there(&self, public_id: &PublicId, resource_type: ResourceType) -> Result<bool, Fault> {
        match self.client.resource(resource_type, public_id).await {
            // A backup of what is no more is listed, too.
            Ok(asset) => Ok(asset["placeholder"] != true),
            Err(fault) if fault.kind == FaultKind::Refused(StatusCode::NOT_FOUND) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    async fn send_file(&self, upload: &Upload<'_>) -> Result<Value, Fault> {
        let eager = upload.display.to_string();
        let folder = upload
            .public_id
            .as_str()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        let part = upload.part.map(shown::coordinates).unwrap_or_default();
        let fields = [
            ("asset_folder", folder),
            ("custom_coordinates", part.as_str()),
            ("eager", eager.as_str()),
            ("overwrite", "0"),
            ("public_id", upload.public_id.as_str()),
        ];
        let total = upload.bytes.len();
        let chunks = total.div_ceil(CHUNK_BYTES).max(1);
        let id = HEXLOWER.encode(&rand::random::<[u8; 16]>());
        let mut answer = Value::Null;
        for begin in (0..chunks).map(|n| n * CHUNK_BYTES) {
            let end = total.min(begin + CHUNK_BYTES);
            let range = format!("bytes {begin}-{}/{total}", end.saturating_sub(1));
            let file = FilePart {
                name: upload.file_name(),
                bytes: upload.bytes.slice(begin..end),
                chunk: (chunks > 1).then(|| (id.clone(), range)),
            };
            answer = self
                .client
                .call(upload.facts.resource_type(), "upload", &fields, Some(file))
                .await?;
        }
        Ok(answer)
    }

    fn url(&self, upload: &Upload<'_>, version: i64) -> String {
        let url = self
            .plain_url(upload.public_id, upload.facts.resource_type())
            .with_transformation(upload.display.clone())
            .with_version(version);
        self.write(&upload.facts.complete(url))
    }

    fn plain_url(&self, public_id: &PublicId, resource_type: ResourceType) -> DeliveryUrl {
        let cloud = &self.client.account.cloud_name;
        DeliveryUrl::new(cloud, resource_type, DeliveryType::Upload, public_id)
    }

    fn write(&self, url: &DeliveryUrl) -> String {
        let account = &self.client.account;
        let path = url.path();
        // The cloud's name is in the account's address, where it belongs into the URL at all.
        let path = path
            .strip_prefix('/')
            .and_then(|path| path.strip_prefix(account.cloud_name.as_str()))
            .unwrap_or(&path);
        format!("{}{path}", account.delivery_url)
    }

    /// Reads a URL of the account. Applications have saved them with `http`, too, and a host has no case.
    fn read(&self, url: &str) -> Option<DeliveryUrl> {
        let account = &self.client.account;
        let path = address::path_below(url, &account.delivery_url)?;
        let path = path
            .starts_with('/')
            .then(|| format!("/{}{path}", account.cloud_name))?;
        DeliveryUrl::parse(&path).ok()
    }
}

#[async_trait]
impl MediaHost for Cloudinary {
    async fn upload(
        &self,
        public_id: &PublicId,
        picture: Picture,
        display: &Transformation,
    ) -> Result<Hosted, MediaHostError> {
        let upload = Upload::new(public_id, picture, display).await?;
        self.persist("upload", || self.upload_once(&upload)).await
    }

    async fn destroy(&self, public_id: &PublicId, resource_type: ResourceType) -> Result<bool, MediaHostError> {
        let fields = [("invalidate", "true"), ("public_id", public_id.as_str())];
        let act = || self.client.call(resource_type, "destroy", &fields, None);
        let answer = self.persist("destroy", act).await?;
        let was_there = match answer["result"].as_str() {
            Some("ok") => true,
            Some("not found") => false,
            _ => return Err(MediaHostError::Failed("an answer that is not understood".into())),
        };
        let is_gone = self
            .persist("confirm", || self.is_gone(public_id, resource_type))
            .await?;
        if is_gone {
            return Ok(was_there);
        }
        Err(MediaHostError::Failed(
            "it answered that the picture is destroyed, and still has it".into(),
        ))
    }

    async fn exists(&self, public_id: &PublicId, resource_type: ResourceType) -> Result<bool, MediaHostError> {
        self.persist("exists", || self.is_there(public_id, resource_type)).await
    }

    async fn original(
        &self,
        url: &str,
        public_id: &PublicId,
        resource_type: ResourceType,
    ) -> Result<Option<Bytes>, MediaHostError> {
        // Without a transformation, what is delivered is the file that was stored. A version is only for caches; without
        // one, the current is delivered.
        let url = match self.read(url) {
            Some(url) if super::names(&url, public_id, resource_type) => {
                url.with_transformation(Transformation::default())
            }
            _ => self.plain_url(public_id, resource_type),
        };
        let url = self.write(&url);
        self.persist("read", || self.read_original(&url)).await
    }

    fn with_transformation(&self, url: &str, transformation: &Transformation) -> Option<String> {
        let url = self.read(url)?.with_transformation(transformation.clone());
        Some(self.write(&url))
    }

    fn transformation(&self, url: &str) -> Option<Transformation> {
        self.read(url).map(|url| url.transformation)
    }

    async fn facts(&self, _url: &str, public_id: &PublicId) -> Result<Option<HostedFacts>, MediaHostError> {
        self.persist("facts", || self.look_up(public_id)).await
    }

    async fn show_otherwise(
        &self,
        url: &str,
        public_id: &PublicId,
        display: &Transformation,
        part: [u32; 4],
    ) -> Result<String, MediaHostError> {
        let elsewhere = || MediaHostError::Failed("the picture is kept elsewhere".into());
        let url = self.with_transformation(url, display).ok_or_else(elsewhere)?;
        let (display, part) = (display.to_string(), shown::coordinates(part));
        let act = || self.show_once(public_id, &display, &part, &url);
        self.persist("show", act).await?;
        Ok(url)
    }

    fn serves(&self, url: &str, public_id: &PublicId, resource_type: ResourceType) -> bool {
        self.read(url)
            .is_some_and(|url| super::names(&url, public_id, resource_type))
    }

    fn breaker(&self) -> Option<BreakerState> {
        Some(self.breaker.state())
    }
}

/// A try under way. One that is given up counts as one that was not answered.
struct Attempt<'a> {
    breaker: &'a Breaker,
    is_answered: bool,
}

impl<'a> Attempt<'a> {
    fn begin(breaker: &'a Breaker) -> Self {
        Self {
            breaker,
            is_answered: false,
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.is_answered {
            self.breaker.answered();
        } else {
            self.breaker.failed();
        }
    }
}

/// A picture that is sent as often as it takes.
struct Upload<'a> {
    public_id: &'a PublicId,
    display: &'a Transformation,
    bytes: Bytes,
    facts: PictureFacts,
    part: Option<[u32; 4]>,
    md5: String,
}

impl<'a> Upload<'a> {
    async fn new(
        public_id: &'a PublicId,
        picture: Picture,
        display: &'a Transformation,
    ) -> Result<Self, MediaHostError> {
        let Picture { bytes, facts, part } = picture;
        let hashed = bytes.clone();
        let md5 = tokio::task::spawn_blocking(move || HEXLOWER.encode(&Md5::digest(&hashed)));
        Ok(Self {
            public_id,
            display,
            bytes,
            facts,
            part,
            md5: md5.await.map_err(|error| MediaHostError::Failed(Box::new(error)))?,
        })
    }

    fn file_name(&self) -> String {
        let id = self.public_id.as_str();
        let name = id.rsplit_once('/').map_or(id, |(_, name)| name);
        format!("{name}.{}", self.facts.extension())
    }

    /// Whether the answer is about these bytes under this name.
    fn check(&self, answer: &Value) -> Result<Uploaded, Fault> {
        let is_ours = answer["public_id"] == self.public_id.as_str();
        let is_whole = answer["etag"] == self.md5.as_str() && answer["bytes"] == self.bytes.len();
        match answer["version"].as_i64() {
            Some(version) if is_ours && is_whole => Ok(Uploaded { version }),
            _ if is_ours && answer["existing"] == true && !is_whole => Err(Fault::new(
                FaultKind::Refused(StatusCode::CONFLICT),
                "the public id is taken already",
            )),
            _ => Err(Fault::new(FaultKind::Unknown, "the answer does not fit what was sent")),
        }
    }
}

/// What the account says no to: this picture, or everything that we might ask for.
fn refused(fault: &Fault) -> MediaHostError {
    match fault.kind {
        FaultKind::Refused(
            StatusCode::BAD_REQUEST
            | StatusCode::CONFLICT
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY,
        ) => MediaHostError::Rejected(fault.to_string()),
        _ => MediaHostError::Failed(fault.to_string().into()),
    }
}
