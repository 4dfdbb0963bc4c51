//! Every parameter of an upload: what visage does with it. The documentation's table is made from this one, and a test keeps
//! the two alike.

use crate::http::cloudinary::Kind::{self, File, Flag, Integer, Json, List, Text};

/// What visage does with a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Support {
    /// What Cloudinary documents.
    Supported,
    /// Accepted, and without effect here: why that changes nothing.
    Ignored(&'static str),
    /// Refused with 400, because it would change the result: why.
    Refused(&'static str),
}

/// A parameter of an upload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UploadParameter {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Whether a request without a signature may carry it.
    pub(crate) unsigned: bool,
    pub(crate) support: Support,
}

const fn supported(name: &'static str, kind: Kind) -> UploadParameter {
    UploadParameter {
        name,
        kind,
        unsigned: false,
        support: Support::Supported,
    }
}

const fn unsigned(name: &'static str, kind: Kind) -> UploadParameter {
    UploadParameter {
        unsigned: true,
        ..supported(name, kind)
    }
}

const fn ignored(name: &'static str, why: &'static str) -> UploadParameter {
    UploadParameter {
        support: Support::Ignored(why),
        ..supported(name, Text)
    }
}

const fn refused(name: &'static str, why: &'static str) -> UploadParameter {
    UploadParameter {
        support: Support::Refused(why),
        ..supported(name, Text)
    }
}

const ADD_ON: &str = "an add-on of the hosted service";
const SCRIPT: &str = "scripts are not run";
const NOT_HERE: &str = "visage does not do this";

/// Cloudinary's upload parameters (reference, "upload" method, image parameters).
pub(crate) static UPLOAD_PARAMETERS: &[UploadParameter] = &[
    unsigned("file", File),
    unsigned("upload_preset", Text),
    unsigned("public_id", Text),
    unsigned("public_id_prefix", Text),
    unsigned("folder", Text),
    unsigned("asset_folder", Text),
    supported("use_asset_folder_as_public_id_prefix", Flag),
    supported("display_name", Text),
    supported("use_filename_as_display_name", Flag),
    supported("use_filename", Flag),
    supported("unique_filename", Flag),
    unsigned("filename_override", Text),
    supported("discard_original_filename", Flag),
    supported("type", Text),
    supported("overwrite", Flag),
    unsigned("tags", List),
    unsigned("context", Text),
    unsigned("metadata", Text),
    supported("clear_invalid", Flag),
    supported("allowed_formats", List),
    supported("format", Text),
    supported("transformation", Text),
    supported("eager", Text),
    supported("eager_async", Flag),
    supported("eager_notification_url", Text),
    supported("notification_url", Text),
    supported("return_delete_token", Flag),
    supported("backup", Flag),
    supported("moderation", Text),
    unsigned("face_coordinates", Text),
    unsigned("custom_coordinates", Text),
    unsigned("regions", Json),
    supported("faces", Flag),
    supported("colors", Flag),
    supported("phash", Flag),
    supported("quality_analysis", Flag),
    supported("media_metadata", Flag),
    supported("image_metadata", Flag),
    supported("exif", Flag),
    supported("responsive_breakpoints", Json),
    supported("access_control", Json),
    supported("access_mode", Text),
    supported("headers", Text),
    supported("quality_override", Text),
    supported("batch_id", Text),
    supported("api_key", Text),
    unsigned("timestamp", Integer),
    supported("signature", Text),
    UploadParameter {
        unsigned: true,
        ..ignored("callback", "browsers of today read the answer")
    },
    UploadParameter {
        unsigned: true,
        ..ignored("source", "says which widget sent the file")
    },
    UploadParameter {
        unsigned: true,
        ..ignored("unsigned", "a request without a signature is unsigned")
    },
    ignored(
        "invalidate",
        "URLs carry the version, so no cache holds the old picture under the new URL",
    ),
    ignored("unique_display_name", "display names need not be unique"),
    ignored("cloud_name", "stands in the path"),
    ignored("resource_type", "stands in the path"),
    ignored("live", "a note of the preset's"),
    ignored("original_filename", "the form says the file's name"),
    ignored("phash_threshold", "there is nothing to compare with"),
    refused(
        "async",
        "an upload is stored when it is answered; use eager_async for what takes long",
    ),
    refused("proxy", "remote files are fetched directly"),
    refused("eval", SCRIPT),
    refused("on_success", SCRIPT),
    refused("accessibility_analysis", NOT_HERE),
    refused("cinemagraph_analysis", NOT_HERE),
    UploadParameter {
        unsigned: true,
        ..refused("manifest_transformation", NOT_HERE)
    },
    UploadParameter {
        unsigned: true,
        ..refused("manifest_json", NOT_HERE)
    },
    UploadParameter {
        unsigned: true,
        ..refused("template", NOT_HERE)
    },
    UploadParameter {
        unsigned: true,
        ..refused("template_vars", NOT_HERE)
    },
    refused("streaming_profile", NOT_HERE),
    refused("ocr", ADD_ON),
    refused("detection", ADD_ON),
    refused("categorization", ADD_ON),
    refused("auto_tagging", ADD_ON),
    refused("auto_chaptering", ADD_ON),
    refused("auto_transcription", ADD_ON),
    refused("auto_video_details", ADD_ON),
    refused("background_removal", ADD_ON),
    refused("similarity_search", ADD_ON),
    refused("visual_search", ADD_ON),
    refused("raw_convert", ADD_ON),
];

/// The row of a parameter.
pub(crate) fn find(name: &str) -> Option<&'static UploadParameter> {
    UPLOAD_PARAMETERS.iter().find(|parameter| parameter.name == name)
}

/// The rows as endpoints list what they take.
pub(in crate::http::cloudinary) fn taken() -> Vec<super::super::endpoint::Parameter> {
    let rows = UPLOAD_PARAMETERS
        .iter()
        .filter(|row| !matches!(row.support, Support::Refused(_)));
    rows.map(|row| super::super::endpoint::Parameter {
        name: row.name,
        kind: row.kind,
        required: row.name == "file",
    })
    .collect()
}
