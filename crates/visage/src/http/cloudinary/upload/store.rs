//! `POST /{resource_type}/upload`

use std::sync::Arc;

use http::HeaderMap;
use serde_json::{Value, json};
use visage_cloudinary::ResourceType;
use visage_cloudinary::parameters::{ContentRange, DataUri};
use visage_store::Asset;

use super::options;
use crate::app::App;
use crate::chunks::{NewPart, Part, Sender, UploadKey};
use crate::http::cloudinary::auth::Caller;
use crate::http::cloudinary::params::{Params, missing};
use crate::http::cloudinary::request::ReceivedFile;
use crate::http::cloudinary::{Answer, Call, ok};
use crate::http::error::ApiError;
use crate::library::answers::{self, Object};
use crate::library::options::UploadOptions;
use crate::library::receive::{self, Arrival, EagerResult};
use crate::library::{breakpoints, deletion_token, notifications, presets};
use crate::shares::Client;
use crate::spool::SpooledFile;

/// The longest text that is a URL.
const MAX_URL_BYTES: u64 = 8 * 1024;

/// Stores a file.
pub(super) async fn upload(mut call: Call) -> Answer {
    let resource_type = call.path.get("resource_type").unwrap_or("image").to_owned();
    let options = read_options(&call.app, &mut call.params, &call.caller, &resource_type).await?;
    let received = call.file.take().ok_or_else(|| missing("file"))?;
    let range = content_range(&call.headers)?;
    let arrival = match range {
        Some(range) => {
            let key = part_key(&call, &resource_type)?;
            let sender = match call.caller {
                Caller::Key(_) | Caller::Administrator => Sender::Signed,
                Caller::Unsigned | Caller::Token => Sender::Unsigned(Client::at(call.address)),
            };
            let sent = SentPart { key, sender, range };
            match receive_part(&call.app, sent, received, &options).await? {
                Ok(arrival) => arrival,
                Err(progress) => return ok(progress),
            }
        }
        None => open(&call.app, received, &options).await?,
    };
    let mut answer = finish(&call.app, arrival, &options).await?;
    if range.is_some() {
        answer.insert("done".to_owned(), json!(true));
    }
    ok(Value::Object(answer))
}

async fn read_options(
    app: &App,
    params: &mut Params,
    caller: &Caller,
    resource_type: &str,
) -> Result<UploadOptions, ApiError> {
    let is_signed = caller.is_verified();
    if !is_signed {
        options::keep_unsigned(params)?;
    }
    if let Some(name) = params.text("upload_preset") {
        let preset = presets::find(&*app.library.documents, &name).await?;
        let preset = preset.ok_or_else(|| ApiError::bad_request("Upload preset not found"))?;
        if !is_signed && !preset.unsigned {
            return Err(ApiError::bad_request(
                "Upload preset must be whitelisted for unsigned uploads",
            ));
        }
        options::add_preset(params, &preset, is_signed)?;
    }
    options::refuse_unsupported(params)?;
    let mut read = options::read(params, resource_type, is_signed)?;
    read.api_key = caller.api_key().map(str::to_owned);
    Ok(read)
}

/// A file, a data URI, or a file behind a URL.
async fn open(app: &App, received: ReceivedFile, options: &UploadOptions) -> Result<Arrival, ApiError> {
    let ReceivedFile { file, name } = received;
    if name.is_some() {
        return Ok(arrival(file, name));
    }
    let head = file.read_prefix(16).map_err(ApiError::internal)?;
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let max_bytes = max_bytes(app, options);
    if head.starts_with("data:") {
        return Ok(arrival(from_data_uri(app, file, max_bytes).await?, None));
    }
    let is_url = ["http://", "https://", "ftp://", "s3://", "gs://"]
        .iter()
        .any(|scheme| head.starts_with(scheme));
    if is_url && file.len_bytes() <= MAX_URL_BYTES {
        if !app.library.disk_reserve.has_room_for_upload(0) {
            return Err(ApiError::no_space());
        }
        let url = file.read_all().map_err(ApiError::internal)?;
        let url = String::from_utf8(url).map_err(|_not_utf8| ApiError::bad_request("Invalid URL"))?;
        let fetched = app.fetcher.fetch(url.trim(), &app.temporary_folder, max_bytes).await?;
        return Ok(arrival(fetched.file, fetched.file_name));
    }
    Ok(arrival(file, None))
}

async fn from_data_uri(app: &App, file: SpooledFile, max_bytes: u64) -> Result<SpooledFile, ApiError> {
    let folder = app.temporary_folder.clone();
    let memory_bytes = file.len_bytes().saturating_mul(2);
    let decoded = app.permits.run(memory_bytes, app.library.render_timeout, move |_| {
        let text = String::from_utf8(file.read_all().map_err(ApiError::internal)?)
            .map_err(|_not_utf8| ApiError::bad_request("Invalid data URI"))?;
        let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let uri = DataUri::parse(&text).and_then(|uri| uri.decode(max_bytes));
        let bytes = uri.map_err(ApiError::bad_request)?;
        SpooledFile::from_bytes(&folder, &bytes).map_err(ApiError::internal)
    });
    decoded.await?
}

fn arrival(file: SpooledFile, name: Option<String>) -> Arrival {
    Arrival { file, name }
}

fn max_bytes(app: &App, options: &UploadOptions) -> u64 {
    match options.resource_type {
        Some(ResourceType::Image) => app.config.limits.image_bytes,
        _ => app.config.limits.file_bytes,
    }
}

/// The part of a file that the request carries; `None` when it carries the whole.
fn content_range(headers: &HeaderMap) -> Result<Option<ContentRange>, ApiError> {
    if !headers.contains_key("x-unique-upload-id") {
        return Ok(None);
    }
    let Some(value) = headers.get(http::header::CONTENT_RANGE) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    ContentRange::parse(text).map(Some).map_err(ApiError::bad_request)
}

/// Names an upload in parts: nobody can add to an upload of somebody else's.
fn part_key(call: &Call, resource_type: &str) -> Result<UploadKey, ApiError> {
    let id = call
        .headers
        .get("x-unique-upload-id")
        .and_then(|value| value.to_str().ok());
    let id = id.filter(|id| (1..=256).contains(&id.len()));
    let id = id.ok_or_else(|| ApiError::bad_request("Invalid X-Unique-Upload-Id"))?;
    let account = match call.caller.api_key() {
        Some(key) => format!("key {key}"),
        None => format!("preset {}", call.params.text("upload_preset").unwrap_or_default()),
    };
    Ok(UploadKey {
        account,
        resource_type: resource_type.to_owned(),
        upload_id: id.to_owned(),
    })
}

/// A part, and who sends it.
struct SentPart {
    key: UploadKey,
    sender: Sender,
    range: ContentRange,
}

/// Adds a part. The file when it was the last one; what to answer when it was not.
async fn receive_part(
    app: &App,
    sent: SentPart,
    part: ReceivedFile,
    options: &UploadOptions,
) -> Result<Result<Arrival, Value>, ApiError> {
    let SentPart { key, sender, range } = sent;
    let resource_type = key.resource_type.clone();
    let name = part.name.clone();
    let part = NewPart {
        range,
        file: part.file,
        public_id: options.naming.public_id.clone(),
        max_bytes: max_bytes(app, options),
    };
    match app.chunks.receive_part(key, sender, part).await? {
        Part::Done { file, .. } => Ok(Ok(arrival(file, name))),
        Part::More {
            received_bytes,
            public_id,
        } => {
            let mut progress = json!({
                "done": false,
                "bytes": received_bytes,
                "kind": "upload",
                "resource_type": resource_type,
            });
            // The Python library sends it back with the next part.
            if let Some(public_id) = public_id {
                progress["public_id"] = json!(public_id);
            }
            Ok(Err(progress))
        }
    }
}

/// Stores the file and puts the answer together.
async fn finish(app: &Arc<App>, arrival: Arrival, options: &UploadOptions) -> Result<Object, ApiError> {
    let receipt = receive::receive(app, arrival, options).await?;
    let mut answer = answers::uploaded(app, &receipt.asset);
    if receipt.existing {
        answer.insert("existing".to_owned(), json!(true));
    }
    if receipt.overwritten {
        answer.insert("overwritten".to_owned(), json!(true));
    }
    answers::insert_some(&mut answer, "api_key", options.api_key.clone());
    answers::add_analysis(&mut answer, &receipt.asset, options.analyse);
    add_eager(app, &mut answer, &receipt.asset, &receipt.eager, options);
    if !receipt.existing && !options.responsive_breakpoints.is_empty() {
        let found = breakpoints::find(app, &receipt.asset, &options.responsive_breakpoints).await?;
        answer.insert(
            "responsive_breakpoints".to_owned(),
            answers::breakpoints(app, &receipt.asset, &found),
        );
    }
    if options.return_delete_token {
        let token = deletion_token::make(app, &receipt.asset);
        answer.insert("delete_token".to_owned(), json!(token));
    }
    if !receipt.existing {
        notifications::uploaded(app, &options.notify, &answer, "upload").await?;
        make_later(app, &receipt.asset, receipt.eager, options);
    }
    Ok(answer)
}

/// `eager`, when something was asked for.
pub(super) fn add_eager(
    app: &App,
    answer: &mut Object,
    asset: &Asset,
    results: &[EagerResult],
    options: &UploadOptions,
) {
    if results.is_empty() {
        return;
    }
    let batch_id = options
        .eager_async
        .then(|| options.notify.batch_id.clone().unwrap_or_else(answers::batch_id));
    let entries: Vec<Value> = results
        .iter()
        .map(|result| answers::eager(app, asset, result, batch_id.as_deref()))
        .collect();
    answer.insert("eager".to_owned(), json!(entries));
    answers::insert_some(answer, "batch_id", batch_id);
}

/// Makes what was not to be waited for, and tells whoever wants to know of all that was made.
pub(super) fn make_later(app: &Arc<App>, asset: &Asset, results: Vec<EagerResult>, options: &UploadOptions) {
    let pending = results.iter().any(|result| result.made.is_none());
    if results.is_empty() || !(pending || options.notify.eager_url.is_some()) {
        return;
    }
    let (app, asset, notify) = (Arc::clone(app), asset.clone(), options.notify.clone());
    app.tasks.clone().spawn(async move {
        let results = receive::finish_eager(&app, &asset, results).await;
        if let Err(error) = notifications::eager(&app, &notify, &asset, &results).await {
            tracing::warn!(asset.public_id = %asset.key.public_id, error = %error, "nobody was told of the eager images");
        }
    });
}
