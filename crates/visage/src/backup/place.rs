//! Finds the place of backups that an address names.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::path::Path;
use object_store::{ClientOptions, RetryConfig};
use visage_store::{Vault, VaultAddress, VaultError};

use crate::config::S3Config;
use crate::fetch::{USER_AGENT, tls};

/// How long a connection to a bucket may take to be made, and how long one request; the largest carries five megabytes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// How often a request to a bucket is tried again, and for how long: an address that is wrong is to be told soon.
const RETRIES: usize = 6;
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);

/// The vault at `address`. In a bucket there always is one, perhaps empty.
///
/// # Errors
/// [`VaultError::Address`], [`VaultError::None`], [`VaultError::Io`].
pub async fn open(address: &str, s3: &S3Config) -> Result<Vault, VaultError> {
    match address.parse()? {
        VaultAddress::Folder(folder) => blocking(move || Vault::open(&folder)).await,
        VaultAddress::Bucket { bucket, prefix } => in_bucket(&bucket, prefix, s3).await,
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
    let tls = tls::client_config().await;
    let connector = Connector(tls.ok_or_else(|| std::io::Error::other("TLS cannot be used"))?);
    // What else the tools of AWS read from the environment (roles of containers and instances) counts as well.
    let mut builder = AmazonS3Builder::from_env()
        .with_http_connector(connector)
        .with_retry(RetryConfig {
            max_retries: RETRIES,
            retry_timeout: RETRY_TIMEOUT,
            ..RetryConfig::default()
        })
        .with_bucket_name(bucket)
        .with_virtual_hosted_style_request(s3.virtual_hosted);
    if !s3.endpoint.is_empty() {
        builder = builder.with_endpoint(&s3.endpoint);
    }
    if !s3.region.is_empty() {
        builder = builder.with_region(&s3.region);
    }
    if !s3.access_key_id.is_empty() {
        builder = builder
            .with_access_key_id(&s3.access_key_id)
            .with_secret_access_key(s3.secret_access_key.expose());
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
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
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
        let request = request.map(reqwest::Body::wrap);
        let request = request.try_into().map_err(failed)?;
        let answer = self.0.execute(request).await.map_err(failed)?;
        let answer = http::Response::<reqwest::Body>::from(answer);
        Ok(answer.map(|body| HttpResponseBody::new(body.map_err(failed))))
    }
}

/// What is tried again depends on the kind.
fn failed(error: reqwest::Error) -> HttpError {
    let kind = match () {
        () if error.is_timeout() => HttpErrorKind::Timeout,
        () if error.is_connect() => HttpErrorKind::Connect,
        () if error.is_builder() => HttpErrorKind::Unknown,
        () => HttpErrorKind::Interrupted,
    };
    // The address is told by who asked, as far as it may be.
    HttpError::new(kind, error.without_url())
}
