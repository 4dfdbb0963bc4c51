//! Finds the place of backups that an address names.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt as _;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use visage_store::{Vault, VaultAddress, VaultError};

use crate::config::S3Config;
use crate::fetch::{USER_AGENT, tls};

/// How long a connection to a bucket may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a request may take, and how fast at least its body has to go beyond that. Several are on their way at once.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const BEARABLE_BYTES_PER_SECOND: u64 = 16 * 1024;

/// How often a request to a bucket is tried again, after what pauses at first, and for how long at most. An address that is wrong is
/// told within half a minute.
const RETRIES: usize = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const RETRY_TIMEOUT: Duration = Duration::from_secs(300);

/// The vault at `address`.
///
/// # Errors
/// [`VaultError::None`] when nothing was ever backed up there; [`VaultError::Address`], and what else can go wrong on the way.
pub async fn open(address: &str, s3: &S3Config) -> Result<Vault, VaultError> {
    match address.parse()? {
        VaultAddress::Folder(folder) => blocking(move || Vault::open(&folder)).await,
        VaultAddress::Bucket { bucket, prefix } => {
            let vault = in_bucket(&bucket, prefix, s3).await?;
            if vault.snapshots().await?.is_empty() {
                return Err(VaultError::None(address.to_owned()));
            }
            Ok(vault)
        }
    }
}

/// The vault at `address`, which is made if there is none.
///
/// # Errors
/// [`VaultError::Address`], [`VaultError::Io`].
pub async fn open_or_create(address: &str, s3: &S3Config) -> Result<Vault, VaultError> {
    match address.parse()? {
        VaultAddress::Folder(folder) => blocking(move || Vault::open_or_create(&folder)).await,
        VaultAddress::Bucket { bucket, prefix } => in_bucket(&bucket, prefix, s3).await,
    }
}

async fn blocking(open: impl FnOnce() -> Result<Vault, VaultError> + Send + 'static) -> Result<Vault, VaultError> {
    let opened = tokio::task::spawn_blocking(open).await;
    opened.map_err(std::io::Error::other)?
}

async fn in_bucket(bucket: &str, prefix: Path, s3: &S3Config) -> Result<Vault, VaultError> {
    if s3.access_key_id.is_empty() {
        return Err(VaultError::NoCredentials);
    }
    let tls = tls::client_config().await;
    let connector = Connector(tls.ok_or_else(|| std::io::Error::other("TLS cannot be used"))?);
    let mut builder = AmazonS3Builder::new()
        .with_http_connector(connector)
        .with_retry(RetryConfig {
            backoff: BackoffConfig {
                init_backoff: FIRST_PAUSE,
                ..BackoffConfig::default()
            },
            max_retries: RETRIES,
            retry_timeout: RETRY_TIMEOUT,
        })
        .with_bucket_name(bucket)
        .with_access_key_id(&s3.access_key_id)
        .with_secret_access_key(s3.secret_access_key.expose())
        // Not every store deletes several at a time, and nobody here asks for more than one.
        .with_config(AmazonS3ConfigKey::DisableBulkDelete, "true")
        .with_virtual_hosted_style_request(s3.virtual_hosted);
    if let Some(endpoint) = s3.endpoint() {
        builder = builder.with_endpoint(endpoint);
    }
    if !s3.region.is_empty() {
        builder = builder.with_region(&s3.region);
    }
    if !s3.session_token.is_empty() {
        builder = builder.with_token(s3.session_token.expose());
    }
    Ok(Vault::in_bucket(Arc::new(builder.build()?), prefix))
}

/// Makes connections as everything else here does: with one TLS library, which trusts what the system trusts.
#[derive(Debug)]
struct Connector(rustls::ClientConfig);

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(self.0.clone())
            .user_agent(USER_AGENT)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .build();
        let client = client.map_err(|source| object_store::Error::Generic {
            store: "S3",
            source: Box::new(source),
        });
        Ok(HttpClient::new(Service(client?)))
    }
}

#[derive(Debug)]
struct Service(reqwest::Client);

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let body_bytes = request.body().content_length() as u64;
        let request = request.map(reqwest::Body::wrap);
        let mut request: reqwest::Request = request.try_into().map_err(failed)?;
        let timeout = REQUEST_TIMEOUT + Duration::from_secs(body_bytes / BEARABLE_BYTES_PER_SECOND);
        *request.timeout_mut() = Some(timeout);
        let answer = self.0.execute(request).await.map_err(failed)?;
        let answer = http::Response::<reqwest::Body>::from(answer);
        Ok(answer.map(|body| HttpResponseBody::new(body.map_err(failed))))
    }
}

/// What is tried again depends on the kind. Nothing here is harmed by being done twice: the lock knows its own writes again.
fn failed(error: reqwest::Error) -> HttpError {
    let kind = match () {
        () if error.is_connect() => HttpErrorKind::Connect,
        () if error.is_timeout() => HttpErrorKind::Timeout,
        () if error.is_builder() => HttpErrorKind::Unknown,
        () => HttpErrorKind::Request,
    };
    // The address is told by who asked, as far as it may be.
    HttpError::new(kind, error.without_url())
}
