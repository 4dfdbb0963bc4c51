//! An asset in the JSON forms that Cloudinary gives it, in answers and in notifications.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use visage_cloudinary::signature::{SignatureAlgorithm, sign_response};
use visage_store::{Asset, Derived, Media, Moderation, UploadFacts};

use super::breakpoints::FoundBreakpoints;
use super::extra::{Extra, LastUpdated};
use super::options::Analyse;
use super::receive::EagerResult;
use super::urls;
use crate::app::App;

/// A JSON object.
pub type Object = Map<String, Value>;

/// What every form of an asset has: its names, its sizes, its URLs.
pub fn base(app: &App, asset: &Asset) -> Object {
    let (key, facts) = (&asset.key, &asset.upload.facts);
    let mut object = Object::new();
    let mut set = |name: &str, value: Value| {
        object.insert(name.to_owned(), value);
    };
    set("asset_id", json!(asset.id.to_string()));
    set("public_id", json!(key.public_id.as_str()));
    set("version", json!(asset.version));
    if let Some(format) = urls::format_of(asset) {
        set("format", json!(format));
    }
    set("resource_type", json!(key.resource_type.as_str()));
    set("type", json!(key.delivery_type.as_str()));
    set("created_at", json!(utc(asset.created_at)));
    set("bytes", json!(facts.bytes));
    if let Some((width, height)) = size_of(facts) {
        set("width", json!(width));
        set("height", json!(height));
    }
    set("asset_folder", json!(asset.details.asset_folder));
    set("display_name", json!(display_name(asset)));
    let url = urls::of_asset(&app.library, asset);
    set("url", json!(urls::plain(&url)));
    set("secure_url", json!(url));
    object
}

/// The answer to an upload and the like.
pub fn uploaded(app: &App, asset: &Asset) -> Object {
    let mut object = base(app, asset);
    let extra = Extra::of(&asset.details);
    let facts = &asset.upload.facts;
    let signature = sign_response(
        asset.key.public_id.as_str(),
        asset.version,
        SignatureAlgorithm::default(),
        &app.library.api_secret,
    );
    object.insert("version_id".to_owned(), json!(asset.upload.id.to_string()));
    object.insert("signature".to_owned(), json!(signature));
    object.insert("tags".to_owned(), json!(asset.details.tags));
    object.insert("placeholder".to_owned(), json!(false));
    object.insert("access_mode".to_owned(), json!(access_mode(&extra)));
    insert_some(&mut object, "etag", facts.md5.map(|md5| md5.to_string()));
    insert_some(&mut object, "original_filename", extra.original_filename.clone());
    insert_some(&mut object, "original_extension", extra.original_extension.clone());
    insert_some(&mut object, "pages", pages(facts));
    insert_some(&mut object, "coordinates", coordinates(&extra));
    add_spoken(&mut object, asset, &extra);
    add_video(&mut object, &facts.media);
    object
}

/// What people said of the asset, as far as they did: context, metadata, moderation, access.
pub fn add_spoken(object: &mut Object, asset: &Asset, extra: &Extra) {
    let details = &asset.details;
    if !details.context.is_empty() {
        object.insert("context".to_owned(), json!({ "custom": details.context }));
    }
    if !details.metadata.is_empty() {
        object.insert("metadata".to_owned(), json!(details.metadata));
    }
    if let Some(moderation) = &details.moderation {
        object.insert("moderation".to_owned(), json!([moderation_entry(moderation)]));
    }
    insert_some(object, "access_control", extra.access_control.clone());
}

/// One entry of `moderation`.
pub fn moderation_entry(moderation: &Moderation) -> Value {
    json!({
        "kind": moderation.kind,
        "status": moderation.status,
        "updated_at": utc(moderation.updated_at),
    })
}

/// What is known of a film or a sound.
pub fn add_video(object: &mut Object, media: &Media) {
    let Media::Video(facts) = media else { return };
    insert_some(object, "duration", facts.duration);
    insert_some(object, "bit_rate", facts.bit_rate);
    insert_some(object, "frame_rate", facts.frame_rate);
    insert_some(object, "nb_frames", facts.frames);
    insert_some(object, "rotation", facts.rotation);
    object.insert("is_audio".to_owned(), json!(facts.width.is_none()));
    object.insert("pages".to_owned(), json!(0));
    if let Some(codec) = &facts.audio_codec {
        object.insert("audio".to_owned(), json!({ "codec": codec }));
    }
    if let Some(codec) = &facts.video_codec {
        object.insert("video".to_owned(), json!({ "codec": codec }));
    }
}

/// One entry of `derived`.
pub fn derived(app: &App, asset: &Asset, derived: &Derived) -> Value {
    let facts = &derived.facts;
    let url = urls::of_derived(&app.library, asset, &facts.transformation, facts.extension.as_deref());
    json!({
        "transformation": with_extension(&facts.transformation, facts.extension.as_deref()),
        "format": facts.format.extension(),
        "bytes": facts.bytes,
        "id": derived.id.to_string(),
        "url": urls::plain(&url),
        "secure_url": url,
    })
}

/// `c_fill,w_100/jpg`: a transformation as listings write it.
pub fn with_extension(transformation: &str, extension: Option<&str>) -> String {
    match extension {
        Some(extension) => format!("{transformation}/{extension}"),
        None => transformation.to_owned(),
    }
}

/// `last_updated`, which always has `updated_at`.
pub fn last_updated(asset: &Asset, times: &LastUpdated) -> Value {
    let mut object = Object::new();
    insert_some(&mut object, "public_id_updated_at", times.public_id_updated_at.map(utc));
    insert_some(&mut object, "tags_updated_at", times.tags_updated_at.map(utc));
    insert_some(&mut object, "context_updated_at", times.context_updated_at.map(utc));
    insert_some(&mut object, "metadata_updated_at", times.metadata_updated_at.map(utc));
    let updated_at = asset.details.updated_at.unwrap_or(asset.upload.created_at);
    object.insert("updated_at".to_owned(), json!(utc(updated_at)));
    Value::Object(object)
}

/// `2024-06-25T09:25:44Z`
pub fn utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2024-06-25T09:25:44+00:00`, as searches and notifications write times.
pub fn utc_offset(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// Sets a member when there is a value for it.
pub fn insert_some(object: &mut Object, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}

/// What people call the asset.
pub fn display_name(asset: &Asset) -> &str {
    if asset.details.display_name.is_empty() {
        asset.key.public_id.as_str().rsplit('/').next().unwrap_or_default()
    } else {
        &asset.details.display_name
    }
}

/// `public`, unless somebody said otherwise.
pub fn access_mode(extra: &Extra) -> &str {
    extra.access_mode.as_deref().unwrap_or("public")
}

/// Pixels, of what has any.
pub fn size_of(facts: &UploadFacts) -> Option<(u32, u32)> {
    match &facts.media {
        Media::Image(image) => Some((image.width, image.height)),
        Media::Video(video) => Some((video.width?, video.height?)),
        Media::Raw => None,
    }
}

fn pages(facts: &UploadFacts) -> Option<u32> {
    facts.image().map(|image| image.frames).filter(|frames| *frames > 1)
}

/// The analysis that is kept with an asset, as members of an item in a list.
pub fn found(asset: &Asset) -> Object {
    let extra = Extra::of(&asset.details);
    let found = extra.analysis;
    let mut object = Object::new();
    insert_some(
        &mut object,
        "faces",
        extra.face_coordinates.or(found.faces).map(|faces| json!(faces)),
    );
    insert_some(&mut object, "colors", found.colors.map(|colors| json!(colors)));
    insert_some(&mut object, "phash", found.phash);
    insert_some(&mut object, "quality_analysis", found.quality);
    let texts = json!(found.metadata.unwrap_or_default());
    object.insert("image_metadata".to_owned(), texts.clone());
    object.insert("media_metadata".to_owned(), texts);
    object
}

/// `coordinates`: the rectangles that were given with the asset.
pub fn coordinates(extra: &Extra) -> Option<Value> {
    let mut object = Object::new();
    let (custom, faces) = (&extra.custom_coordinates, &extra.face_coordinates);
    insert_some(&mut object, "custom", custom.as_ref().map(|boxes| json!(boxes)));
    insert_some(&mut object, "faces", faces.as_ref().map(|boxes| json!(boxes)));
    (!object.is_empty()).then_some(Value::Object(object))
}

/// What was found out, of what was asked for.
pub fn add_analysis(object: &mut Object, asset: &Asset, asked: Analyse) {
    if asked.is_empty() {
        return;
    }
    let extra = Extra::of(&asset.details);
    let found = extra.analysis;
    if asked.faces {
        insert_some(
            object,
            "faces",
            extra.face_coordinates.or(found.faces).map(|faces| json!(faces)),
        );
    }
    if asked.colors {
        insert_some(object, "colors", found.colors.map(|colors| json!(colors)));
        insert_some(object, "predominant", found.predominant);
    }
    if asked.phash {
        insert_some(object, "phash", found.phash);
    }
    if asked.quality {
        insert_some(object, "quality_analysis", found.quality);
    }
    if asked.metadata {
        let texts = found.metadata.unwrap_or_default();
        object.insert("image_metadata".to_owned(), json!(texts));
        object.insert("media_metadata".to_owned(), json!(texts));
        insert_some(object, "grayscale", found.grayscale);
        insert_some(object, "semi_transparent", found.semi_transparent);
        object
            .entry("pages")
            .or_insert(json!(asset.upload.facts.image().map_or(1, |image| image.frames)));
    }
}

/// One entry of `eager`.
pub fn eager(app: &App, asset: &Asset, result: &EagerResult, batch_id: Option<&str>) -> Value {
    let (asked, extension) = (
        result.eager.transformation.to_string(),
        result.eager.extension.as_deref(),
    );
    let mut entry = Object::new();
    entry.insert("transformation".to_owned(), json!(with_extension(&asked, extension)));
    match &result.made {
        None => {
            entry.insert("status".to_owned(), json!("processing"));
            insert_some(&mut entry, "batch_id", batch_id);
        }
        Some(Err(reason)) => {
            entry.insert("status".to_owned(), json!("failed"));
            entry.insert("reason".to_owned(), json!(reason));
        }
        Some(Ok(made)) => {
            entry.insert("width".to_owned(), json!(made.width));
            entry.insert("height".to_owned(), json!(made.height));
            entry.insert("bytes".to_owned(), json!(made.bytes));
            entry.insert("format".to_owned(), json!(made.format.extension()));
        }
    }
    let format = urls::format_of(asset);
    let url = urls::of_derived(&app.library, asset, &asked, extension.or(format.as_deref()));
    entry.insert("url".to_owned(), json!(urls::plain(&url)));
    entry.insert("secure_url".to_owned(), json!(url));
    Value::Object(entry)
}

/// `responsive_breakpoints`.
pub fn breakpoints(app: &App, asset: &Asset, found: &[FoundBreakpoints]) -> Value {
    let requests = found.iter().map(|request| {
        let sizes = request.sizes.iter().map(|size| {
            let url = urls::of_derived(&app.library, asset, &size.transformation, Some(&request.extension));
            json!({
                "width": size.width,
                "height": size.height,
                "bytes": size.bytes,
                "url": urls::plain(&url),
                "secure_url": url,
            })
        });
        let mut entry = Object::new();
        entry.insert("breakpoints".to_owned(), json!(sizes.collect::<Vec<_>>()));
        if !request.transformation.is_empty() {
            entry.insert("transformation".to_owned(), json!(request.transformation));
        }
        Value::Object(entry)
    });
    json!(requests.collect::<Vec<_>>())
}

/// A fresh name for what belongs together.
pub fn batch_id() -> String {
    super::random_name(32)
}
