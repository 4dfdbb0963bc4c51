//! The URLs that assets are delivered at.

use visage_cloudinary::delivery_url::split_extension;
use visage_cloudinary::signature::DeliverySignature;
use visage_cloudinary::{DeliveryType, DeliveryUrl, ImageFormat, Transformation};
use visage_store::{Asset, Media};

use super::Library;

/// The asset's own URL: with its version, its extension, and a signature where it needs one.
pub fn of_asset(library: &Library, asset: &Asset) -> String {
    write(library, asset, &Transformation::default(), format_of(asset).as_deref())
}

/// The URL of something made of the asset, as it was asked for. A text that is no transformation any more gives the asset's
/// own URL.
pub fn of_derived(library: &Library, asset: &Asset, transformation: &str, extension: Option<&str>) -> String {
    let transformation = Transformation::parse(transformation).unwrap_or_default();
    write(library, asset, &transformation, extension)
}

fn write(library: &Library, asset: &Asset, transformation: &Transformation, extension: Option<&str>) -> String {
    let key = &asset.key;
    let mut url = DeliveryUrl::new(
        &library.cloud_name,
        key.resource_type,
        key.delivery_type,
        &key.public_id,
    )
    .with_transformation(transformation.clone())
    .with_version(asset.version);
    // An empty one says that there is none.
    let extension = extension.filter(|extension| !extension.is_empty()).map(str::to_owned);
    if let Some(extension) = extension.or_else(|| needed_extension(asset)) {
        url = url.with_extension_text(&extension);
    }
    let protected = match key.delivery_type {
        DeliveryType::Upload => false,
        // What is made of a private asset is public.
        DeliveryType::Private => transformation.is_empty(),
        DeliveryType::Authenticated => true,
    };
    if protected {
        url = url.signed(DeliverySignature::default(), &library.api_secret);
    }
    format!("{}{}", library.public_url, url.path())
}

/// The extension without which the asset's URL would mean another asset: the URL of `me.jpg` ends in `.jpg.jpg`, because
/// `…/me.jpg` means the asset `me`. It asks for the format that is made where none is named.
pub fn needed_extension(asset: &Asset) -> Option<String> {
    split_extension(asset.key.public_id.as_str(), asset.key.resource_type)?;
    match &asset.upload.facts.media {
        Media::Image(image) if !image.format.is_made() => {
            let plain = if image.has_alpha {
                ImageFormat::Png
            } else {
                ImageFormat::Jpg
            };
            Some(plain.extension().to_owned())
        }
        Media::Image(_) | Media::Video(_) | Media::Raw => format_of(asset),
    }
}

/// The `http` form of a URL: the same, where visage itself is reached by `http` alone.
pub fn plain(url: &str) -> String {
    match url.strip_prefix("https://") {
        Some(rest) => format!("http://{rest}"),
        None => url.to_owned(),
    }
}

/// The format, which is also the extension in the asset's URL. The name of a file that is neither picture nor film has its
/// extension already.
pub fn format_of(asset: &Asset) -> Option<String> {
    match &asset.upload.facts.media {
        Media::Image(image) => Some(image.format.extension().to_owned()),
        Media::Video(video) => Some(video.format.clone()).filter(|format| !format.is_empty()),
        Media::Raw => None,
    }
}

/// The extension of a file's bytes: its format's, or the one in its name.
pub fn extension_of(asset: &Asset) -> Option<String> {
    format_of(asset).or_else(|| extension_in(asset.key.public_id.as_str()))
}

/// The extension in a public id, in lower case.
fn extension_in(public_id: &str) -> Option<String> {
    let name = public_id.rsplit('/').next()?;
    let (_, extension) = name.rsplit_once('.')?;
    (!extension.is_empty()).then(|| extension.to_ascii_lowercase())
}

/// The media type that a file is delivered with. Nothing that a browser would run keeps its own.
pub fn media_type(asset: &Asset) -> &'static str {
    match &asset.upload.facts.media {
        Media::Image(image) => image.format.media_type(),
        Media::Video(video) => video_media_type(&video.format, video.width.is_none()),
        Media::Raw => raw_media_type(&extension_in(asset.key.public_id.as_str()).unwrap_or_default()),
    }
}

fn video_media_type(format: &str, is_audio: bool) -> &'static str {
    match format {
        "mp4" | "m4v" if !is_audio => "video/mp4",
        "m4a" | "mp4" => "audio/mp4",
        "mov" => "video/quicktime",
        "webm" if is_audio => "audio/webm",
        "webm" => "video/webm",
        "mkv" => "video/x-matroska",
        "avi" => "video/x-msvideo",
        "ogg" | "ogv" if !is_audio => "video/ogg",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "flac" => "audio/flac",
        "aac" => "audio/aac",
        _ => "application/octet-stream",
    }
}

fn raw_media_type(extension: &str) -> &'static str {
    match extension {
        "txt" | "md" | "log" => "text/plain; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "json" => "application/json",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "vtt" => "text/vtt; charset=utf-8",
        // HTML, SVG, XML and scripts among them.
        _ => "application/octet-stream",
    }
}
