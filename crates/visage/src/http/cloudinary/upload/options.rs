//! Reads the parameters of an upload, those of its preset among them, into checked options.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use visage_cloudinary::parameters::{self as language, MetadataValue, Rectangle};
use visage_cloudinary::{DeliveryType, ImageFormat, ResourceType, Transformation};

use super::parameters::{self, Support};
use crate::http::cloudinary::params::Params;
use crate::http::error::ApiError;
use crate::library::options::{Analyse, BreakpointsRequest, Description, Eager, Naming, Notify, UploadOptions};
use crate::library::presets::Preset;

/// Most things to make at once.
const MAX_EAGER: usize = 20;
/// Most requests for breakpoints.
const MAX_BREAKPOINT_REQUESTS: usize = 5;

/// The refusal of a parameter that would change the result.
pub(in crate::http::cloudinary) fn refuse_unsupported(params: &Params) -> Result<(), ApiError> {
    for name in params.names() {
        if let Some(row) = parameters::find(name)
            && let Support::Refused(why) = row.support
            && wants_something(params, name)
        {
            return Err(ApiError::bad_request(format!(
                "Parameter {name} is not supported: {why}"
            )));
        }
    }
    Ok(())
}

/// A switch that is off asks for nothing.
fn wants_something(params: &Params, name: &str) -> bool {
    !matches!(params.boolean(name), Ok(None | Some(false)))
}

/// Keeps the parameters that a request without a signature may carry, and those are all that is acted on.
///
/// # Errors
/// A parameter that needs a signature is refused in Cloudinary's words. A key alone is none: some clients send it, and without a
/// signature it says nothing.
pub(in crate::http::cloudinary) fn keep_unsigned(params: &mut Params) -> Result<(), ApiError> {
    let needs_signature =
        |name: &&str| parameters::find(name).is_some_and(|row| !row.unsigned && row.name != "api_key");
    if let Some(name) = params.names().find(needs_signature) {
        return Err(needs_a_signature(name));
    }
    params.retain(|name| parameters::find(name).is_some_and(|row| row.unsigned));
    Ok(())
}

fn needs_a_signature(name: &str) -> ApiError {
    let mut shown: String = name.replace('_', " ");
    if let Some(first) = shown.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    ApiError::bad_request(format!(
        "{shown} parameter is not allowed when using unsigned upload. Only upload_preset, callback, public_id, folder, \
         asset_folder, tags, context, metadata, face_coordinates, custom_coordinates, source, filename_override, \
         manifest_transformation, manifest_json, template, template_vars, regions, public_id_prefix upload parameters are \
         allowed."
    ))
}

/// Adds the settings of a preset. Those of a signed request win over them; those of an unsigned one do not, except that tags,
/// context and metadata of both are kept.
pub(in crate::http::cloudinary) fn add_preset(
    params: &mut Params,
    preset: &Preset,
    is_signed: bool,
) -> Result<(), ApiError> {
    if !is_signed && preset.disallow_public_id && params.has("public_id") {
        return Err(ApiError::bad_request(
            "public_id parameter is not allowed when using upload preset that disallows public_id",
        ));
    }
    for (name, value) in &preset.settings {
        let joined = match name.as_str() {
            "tags" => Some(','),
            "context" | "metadata" => Some('|'),
            _ => None,
        };
        match (params.text(name), joined) {
            (Some(given), Some(joint)) if !is_signed => {
                let both = format!("{}{joint}{given}", setting_text(value));
                params.set(name, Value::String(both));
            }
            (Some(_), _) if is_signed => {}
            _ => params.set(name, value.clone()),
        }
    }
    Ok(())
}

fn setting_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(setting_text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// The checked options. `resource_type` is the word in the path.
pub(in crate::http::cloudinary) fn read(
    params: &Params,
    resource_type: &str,
    is_signed: bool,
) -> Result<UploadOptions, ApiError> {
    Ok(UploadOptions {
        resource_type: read_resource_type(resource_type)?,
        delivery_type: Some(read_type(params)?),
        naming: read_naming(params)?,
        // Without a signature nothing that is there makes way.
        overwrite: is_signed && params.boolean("overwrite")?.unwrap_or(true),
        description: read_description(params)?,
        allowed_formats: read_formats(params)?,
        format: read_format(params)?,
        incoming: read_transformation(params, "transformation")?,
        eager: read_eager(params)?,
        eager_async: params.flag("eager_async")?,
        analyse: read_analyse(params)?,
        responsive_breakpoints: read_breakpoints(params)?,
        notify: read_notify(params),
        return_delete_token: params.flag("return_delete_token")?,
        api_key: None,
    })
}

fn read_resource_type(word: &str) -> Result<Option<ResourceType>, ApiError> {
    match word {
        "auto" => Ok(None),
        word => word.parse().map(Some).map_err(ApiError::bad_request),
    }
}

/// `type`, which is `upload` unless another is named.
pub(in crate::http::cloudinary) fn read_type(params: &Params) -> Result<DeliveryType, ApiError> {
    match params.text("type") {
        None => Ok(DeliveryType::Upload),
        Some(word) => word.parse().map_err(ApiError::bad_request),
    }
}

fn read_naming(params: &Params) -> Result<Naming, ApiError> {
    let folder = |name| params.text(name).map(|text| text.trim_matches('/').to_owned());
    let display_name = params.text("display_name");
    if display_name
        .as_ref()
        .is_some_and(|name| name.contains('/') || name.chars().count() > 255)
    {
        return Err(ApiError::bad_request(
            "Invalid display_name: it must have at most 255 characters and no slash",
        ));
    }
    Ok(Naming {
        public_id: params.text("public_id"),
        public_id_prefix: params.text("public_id_prefix"),
        folder: folder("folder").filter(|folder| !folder.is_empty()),
        asset_folder: checked_folder(params, "asset_folder")?,
        use_asset_folder_as_public_id_prefix: params.flag("use_asset_folder_as_public_id_prefix")?,
        use_filename: params.flag("use_filename")?,
        unique_filename: params.boolean("unique_filename")?.unwrap_or(true),
        filename_override: params.text("filename_override"),
        discard_original_filename: params.flag("discard_original_filename")?,
        display_name,
        use_filename_as_display_name: params.flag("use_filename_as_display_name")?,
    })
}

/// A folder's path without slashes at its ends; a blank one is the root.
pub(in crate::http::cloudinary) fn checked_folder(params: &Params, name: &str) -> Result<Option<String>, ApiError> {
    let Some(text) = params.text_or_blank(name) else {
        return Ok(None);
    };
    crate::library::folders::clean_path(&text)
        .map(Some)
        .map_err(|reason| ApiError::bad_request(format!("Invalid {name}: {reason}")))
}

/// What is said of the asset.
pub(in crate::http::cloudinary) fn read_description(params: &Params) -> Result<Description, ApiError> {
    Ok(Description {
        tags: read_tags(params, "tags")?,
        context: read_context(params)?,
        metadata: read_metadata(params)?,
        clear_invalid: params.flag("clear_invalid")?,
        moderation: read_moderation(params)?,
        backup: params.boolean("backup")?,
        face_coordinates: read_coordinates(params, "face_coordinates")?,
        custom_coordinates: read_coordinates(params, "custom_coordinates")?,
        regions: params.json("regions")?,
        access_control: read_access_control(params)?,
        access_mode: params.text("access_mode"),
        headers: params.text("headers"),
        quality_override: params.text("quality_override"),
        asset_folder: checked_folder(params, "asset_folder")?,
        display_name: params.text("display_name"),
        moderation_status: None,
    })
}

/// A list of tags; `None` when the parameter is not there.
pub(in crate::http::cloudinary) fn read_tags(params: &Params, name: &str) -> Result<Option<Vec<String>>, ApiError> {
    if !params.mentions(name) {
        return Ok(None);
    }
    let text = params.items(name).join(",");
    language::tags(&text).map(Some).map_err(ApiError::bad_request)
}

/// `context`, as `k=v|k2=v2` or as a JSON object.
pub(in crate::http::cloudinary) fn read_context(params: &Params) -> Result<Option<BTreeMap<String, String>>, ApiError> {
    if let Some(members) = read_members(params, "context") {
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        return Ok(Some(
            members.into_iter().map(|(key, value)| (key, text(value))).collect(),
        ));
    }
    let text = params.text_or_blank("context");
    text.map(|text| language::context(&text).map_err(ApiError::bad_request))
        .transpose()
}

/// `metadata`, as `id=v|id2=["a"]` or as a JSON object.
pub(in crate::http::cloudinary) fn read_metadata(params: &Params) -> Result<Option<BTreeMap<String, Value>>, ApiError> {
    if let Some(members) = read_members(params, "metadata") {
        return Ok(Some(members.into_iter().collect()));
    }
    let Some(text) = params.text_or_blank("metadata") else {
        return Ok(None);
    };
    let pairs = language::metadata(&text).map_err(ApiError::bad_request)?;
    let read = |(id, value): (String, MetadataValue)| (id, metadata_value(value));
    Ok(Some(pairs.into_iter().map(read).collect()))
}

/// The members of a JSON object, also where it was sent, or signed, as text.
fn read_members(params: &Params, name: &str) -> Option<Map<String, Value>> {
    match params.value(name)? {
        Value::Object(members) => Some(members.clone()),
        Value::String(text) if text.starts_with('{') => serde_json::from_str(text).ok(),
        _ => None,
    }
}

fn metadata_value(value: MetadataValue) -> Value {
    match value {
        MetadataValue::Text(text) => Value::String(text),
        MetadataValue::List(items) => Value::Array(items),
    }
}

fn read_moderation(params: &Params) -> Result<Option<String>, ApiError> {
    match params.text("moderation") {
        Some(kind) if kind != "manual" => Err(ApiError::bad_request(format!(
            "Moderation {kind} moderation is not valid"
        ))),
        other => Ok(other),
    }
}

/// Rectangles; an empty text means none.
pub(in crate::http::cloudinary) fn read_coordinates(
    params: &Params,
    name: &str,
) -> Result<Option<Vec<[u32; 4]>>, ApiError> {
    let Some(text) = params.text_or_blank(name) else {
        return Ok(None);
    };
    let rectangles =
        language::rectangles(&text).map_err(|error| ApiError::bad_request(format!("Invalid {name}: {error}")))?;
    Ok(Some(rectangles.iter().map(inside).collect()))
}

/// A rectangle without what lies to the left of the picture and above it.
fn inside(rectangle: &Rectangle) -> [u32; 4] {
    let cut = |from: i32, length: u32| match u32::try_from(from) {
        Ok(from) => (from, length),
        Err(_outside) => (0, length.saturating_sub(from.unsigned_abs())),
    };
    let (x, width) = cut(rectangle.x, rectangle.width);
    let (y, height) = cut(rectangle.y, rectangle.height);
    [x, y, width, height]
}

fn read_access_control(params: &Params) -> Result<Option<Value>, ApiError> {
    let Some(value) = params.json("access_control")? else {
        return Ok(None);
    };
    crate::library::access::check(&value)
        .map(|()| Some(value))
        .map_err(|reason| ApiError::bad_request(format!("Invalid access_control: {reason}")))
}

fn read_formats(params: &Params) -> Result<Vec<String>, ApiError> {
    let mut formats = params.list("allowed_formats");
    if formats.len() > 100 {
        return Err(ApiError::bad_request("Too many allowed_formats"));
    }
    for format in &mut formats {
        format.make_ascii_lowercase();
        if let Some(known) = ImageFormat::from_extension(format) {
            known.extension().clone_into(format);
        }
    }
    Ok(formats)
}

fn read_format(params: &Params) -> Result<Option<ImageFormat>, ApiError> {
    let Some(text) = params.text("format") else {
        return Ok(None);
    };
    ImageFormat::from_extension(&text)
        .filter(|format| format.is_made())
        .map(Some)
        .ok_or_else(|| ApiError::bad_request(format!("Invalid format: {text}")))
}

/// A transformation; `None` when the parameter is not there.
pub(in crate::http::cloudinary) fn read_transformation(
    params: &Params,
    name: &str,
) -> Result<Option<Transformation>, ApiError> {
    let Some(value) = params.value(name).filter(|_| params.has(name)) else {
        return Ok(None);
    };
    transformation_of(value).map(Some)
}

/// A transformation as text, or as a list of maps of SDK options.
pub(in crate::http::cloudinary) fn transformation_of(value: &Value) -> Result<Transformation, ApiError> {
    match value {
        Value::String(text) => Transformation::parse(text).map_err(ApiError::bad_request),
        other => Transformation::from_info(other).map_err(ApiError::bad_request),
    }
}

/// `eager`: transformations joined by `|`, each perhaps with an extension.
pub(in crate::http::cloudinary) fn read_eager(params: &Params) -> Result<Vec<Eager>, ApiError> {
    let mut texts = Vec::new();
    for value in params.values_of("eager") {
        match value {
            Value::Array(items) => texts.extend(items.iter().cloned()),
            other => texts.push(other.clone()),
        }
    }
    let mut eager = Vec::new();
    for text in &texts {
        match text {
            Value::String(text) => {
                let read = language::eager(text).map_err(ApiError::bad_request)?;
                eager.extend(read.into_iter().map(Eager::from));
            }
            other => eager.push(derivative_of(other)?),
        }
    }
    if eager.len() > MAX_EAGER {
        return Err(ApiError::bad_request(format!(
            "Too many eager transformations; at most {MAX_EAGER}"
        )));
    }
    Ok(eager)
}

/// One derivative as a text, or as a list of maps of SDK options, the last of which may name a format.
pub(in crate::http::cloudinary) fn derivative_of(value: &Value) -> Result<Eager, ApiError> {
    if let Value::String(text) = value {
        return language::Eager::parse(text)
            .map(Into::into)
            .map_err(ApiError::bad_request);
    }
    let mut components = value.clone();
    let last = match &mut components {
        Value::Array(components) => components.last_mut(),
        one => Some(one),
    };
    let members = last.and_then(Value::as_object_mut);
    let format = members.and_then(|members| members.remove("format").or(members.remove("extension")));
    let transformation = transformation_of(&components)?;
    let text = match format.as_ref().and_then(Value::as_str) {
        None => {
            return Ok(Eager {
                transformation,
                extension: None,
            });
        }
        Some("none") => format!("{transformation}/"),
        Some(format) => format!("{transformation}/{format}"),
    };
    language::Eager::parse(&text)
        .map(Into::into)
        .map_err(ApiError::bad_request)
}

/// What to find out.
pub(in crate::http::cloudinary) fn read_analyse(params: &Params) -> Result<Analyse, ApiError> {
    let metadata = params.flag("media_metadata")? || params.flag("image_metadata")? || params.flag("exif")?;
    Ok(Analyse {
        faces: params.flag("faces")?,
        colors: params.flag("colors")?,
        phash: params.flag("phash")?,
        metadata,
        tone: metadata,
        quality: params.flag("quality_analysis")?,
    })
}

/// What to find out for lists, which name the members that their items are to have.
pub(in crate::http::cloudinary) fn analyse_for(wants: &dyn Fn(&str) -> bool) -> Analyse {
    Analyse {
        faces: wants("faces") || wants("image_analysis"),
        colors: wants("colors"),
        phash: wants("phash"),
        metadata: wants("image_metadata") || wants("media_metadata"),
        tone: false,
        quality: wants("quality_analysis"),
    }
}

/// Who is told.
pub(in crate::http::cloudinary) fn read_notify(params: &Params) -> Notify {
    Notify {
        url: params.text("notification_url"),
        eager_url: params.text("eager_notification_url"),
        batch_id: params.text("batch_id"),
    }
}

/// `responsive_breakpoints`: a JSON list of requests.
pub(in crate::http::cloudinary) fn read_breakpoints(params: &Params) -> Result<Vec<BreakpointsRequest>, ApiError> {
    let requests = match params.json("responsive_breakpoints")? {
        None => return Ok(Vec::new()),
        Some(Value::Array(requests)) => requests,
        Some(one) => vec![one],
    };
    if requests.len() > MAX_BREAKPOINT_REQUESTS {
        return Err(ApiError::bad_request("Too many responsive_breakpoints"));
    }
    requests.iter().map(read_breakpoints_request).collect()
}

fn read_breakpoints_request(request: &Value) -> Result<BreakpointsRequest, ApiError> {
    let mut params = Params::default();
    for (name, value) in request.as_object().into_iter().flatten() {
        params.push(name, value.clone())?;
    }
    let number = |name: &str, default: u32| -> Result<u32, ApiError> {
        let Some(number) = params.integer(name)? else {
            return Ok(default);
        };
        u32::try_from(number)
            .map_err(|_negative| ApiError::bad_request(format!("Invalid {name} in responsive_breakpoints: {number}")))
    };
    let Some(create_derived) = params.boolean("create_derived")? else {
        return Err(ApiError::bad_request(
            "Missing required parameter - create_derived in responsive_breakpoints",
        ));
    };
    let max_images = number("max_images", 20)?;
    if !(3..=200).contains(&max_images) {
        return Err(ApiError::bad_request(
            "Invalid max_images in responsive_breakpoints: it must be from 3 to 200",
        ));
    }
    let (min_width, max_width) = (number("min_width", 50)?, number("max_width", 1000)?);
    if min_width == 0 || min_width > max_width {
        return Err(ApiError::bad_request("Invalid min_width in responsive_breakpoints"));
    }
    Ok(BreakpointsRequest {
        create_derived,
        bytes_step: u64::from(number("bytes_step", 20_000)?.max(1)),
        min_width,
        max_width,
        max_images,
        transformation: read_transformation(&params, "transformation")?.unwrap_or_default(),
        format: read_format(&params)?,
    })
}
