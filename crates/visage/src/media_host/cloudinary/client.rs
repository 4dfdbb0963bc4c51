//! One request to the account: signed, bounded in time and size, and its end told apart.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use tokio::sync::OnceCell;
use visage_cloudinary::signature::{SignatureVersion, sign_request};
use visage_cloudinary::{PublicId, ResourceType};

use super::fault::{Fault, FaultKind};
use crate::clock::Clock;
use crate::config::{CloudinaryAccount, CloudinaryConfig};
use crate::fetch::{USER_AGENT, tls};

/// The largest answer of the API.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// How long a connection without work is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// What stands for itself in a public id in a path; slashes part its segments.
const PATH: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// Makes requests to one account.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) account: CloudinaryAccount,
    pub(super) clock: Arc<dyn Clock>,
    connect_timeout: Duration,
    request_timeout: Duration,
    /// Made when it is first needed: the certificates are read then.
    http: OnceCell<reqwest::Client>,
}

/// A file, or a part of one, on its way.
#[derive(Debug, Clone)]
pub(super) struct FilePart {
    pub(super) name: String,
    pub(super) bytes: Bytes,
    /// For a part: which upload it belongs to, and its `Content-Range`.
    pub(super) chunk: Option<(String, String)>,
}

impl Client {
    pub(super) fn new(config: &CloudinaryConfig, account: CloudinaryAccount, clock: Arc<dyn Clock>) -> Self {
        Self {
            account,
            clock,
            connect_timeout: config.connect_timeout.as_duration(),
            request_timeout: config.request_timeout.as_duration(),
            http: OnceCell::new(),
        }
    }

    /// Calls an action of the Upload API. The fields are signed; blank ones are left out. What is sent is what the Node SDK
    /// sends: the fields, the time, the signature, the key, and the file at the end.
    pub(super) async fn call(
        &self,
        resource_type: ResourceType,
        action: &str,
        fields: &[(&str, &str)],
        file: Option<FilePart>,
    ) -> Result<Value, Fault> {
        let account = &self.account;
        let url = format!(
            "{}/v1_1/{}/{}/{action}",
            account.api_url,
            account.cloud_name,
            resource_type.as_str()
        );
        let mut request = self.request(Method::POST, &url).await?;
        let mut form = self.signed_form(fields);
        if let Some(file) = file {
            let part = Part::stream_with_length(file.bytes.clone(), file.bytes.len() as u64);
            let part = part.file_name(file.name).mime_str("application/octet-stream");
            form = form.part("file", part.map_err(|error| Fault::of_transport(&error))?);
            if let Some((upload, range)) = file.chunk {
                request = request
                    .header("x-unique-upload-id", upload)
                    .header(header::CONTENT_RANGE, range);
            }
        }
        self.json(request.multipart(form)).await
    }

    /// What the Admin API says of an asset.
    pub(super) async fn resource(&self, resource_type: ResourceType, public_id: &PublicId) -> Result<Value, Fault> {
        let account = &self.account;
        let url = format!(
            "{}/v1_1/{}/resources/{}/upload/{}",
            account.api_url,
            account.cloud_name,
            resource_type.as_str(),
            utf8_percent_encode(public_id.as_str(), &PATH)
        );
        let request = self.request(Method::GET, &url).await?;
        self.json(request.basic_auth(&account.api_key, Some(account.api_secret.expose())))
            .await
    }

    /// Asks for a delivery URL; with HEAD, the body is empty.
    pub(super) async fn deliver(&self, method: Method, url: &str, max_bytes: usize) -> Result<Bytes, Fault> {
        let (status, headers, body) = self.send(self.request(method, url).await?, max_bytes).await?;
        if status == StatusCode::OK {
            return Ok(body);
        }
        let message = headers.get("x-cld-error").and_then(|value| value.to_str().ok());
        Err(self.fault(status, &headers, message.unwrap_or("not delivered")))
    }

    async fn request(&self, method: Method, url: &str) -> Result<reqwest::RequestBuilder, Fault> {
        let http = self.http.get_or_try_init(|| self.connect()).await?;
        Ok(http.request(method, url))
    }

    async fn connect(&self) -> Result<reqwest::Client, Fault> {
        let broken = |error: reqwest::Error| Fault::of_transport(&error);
        let tls = tls::client_config().await;
        let tls = tls.ok_or_else(|| Fault::new(FaultKind::NotDone, "TLS cannot be used"))?;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(USER_AGENT)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(self.connect_timeout)
            .timeout(self.request_timeout)
            .pool_idle_timeout(IDLE_TIMEOUT);
        if let Some(proxy) = &self.account.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy.expose()).map_err(broken)?);
        }
        builder.build().map_err(broken)
    }

    fn signed_form(&self, fields: &[(&str, &str)]) -> Form {
        let account = &self.account;
        let timestamp = self.clock.now().as_second().to_string();
        let timestamp = ("timestamp", timestamp.as_str());
        let fields = fields.iter().copied().filter(|(_, value)| !value.is_empty());
        let fields: Vec<(&str, &str)> = fields.chain([timestamp]).collect();
        let signature = sign_request(
            &fields,
            SignatureVersion::default(),
            account.algorithm,
            &account.api_secret,
        );
        let credentials = [("signature", signature.as_str()), ("api_key", &account.api_key)];
        let all = fields.into_iter().chain(credentials);
        all.fold(Form::new(), |form, (name, value)| {
            form.text(name.to_owned(), value.to_owned())
        })
    }

    async fn json(&self, request: reqwest::RequestBuilder) -> Result<Value, Fault> {
        let (status, headers, body) = self.send(request, MAX_ANSWER_BYTES).await?;
        let answer = serde_json::from_slice::<Value>(&body).ok().filter(Value::is_object);
        let error = answer.as_ref().and_then(|answer| answer.get("error"));
        if status.is_success() && error.is_none() {
            return answer.ok_or_else(|| Fault::new(FaultKind::Unknown, "the answer is no JSON object"));
        }
        let message = error
            .and_then(|error| error["message"].as_str())
            .unwrap_or("no message");
        // The SDKs take an answer with an error for a failure, whatever its status.
        let status = if status.is_success() {
            StatusCode::BAD_REQUEST
        } else {
            status
        };
        Err(self.fault(status, &headers, message))
    }

    fn fault(&self, status: StatusCode, headers: &HeaderMap, message: &str) -> Fault {
        Fault::of_answer(status, headers, message, self.clock.now())
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        max_bytes: usize,
    ) -> Result<(StatusCode, HeaderMap, Bytes), Fault> {
        let broken = |error: reqwest::Error| Fault::of_transport(&error);
        let mut answer = request.send().await.map_err(broken)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(broken)? {
            if body.len() + piece.len() > max_bytes {
                return Err(Fault::new(FaultKind::Unknown, "the answer is too large"));
            }
            body.extend_from_slice(&piece);
        }
        Ok((status, headers, body.into()))
    }
}
