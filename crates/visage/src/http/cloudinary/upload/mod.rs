//! The Upload API: one file per action.

mod archive;
mod change;
mod destroy;
mod download;
mod explicit;
pub(super) mod options;
pub(crate) mod parameters;
mod rename;
mod store;
mod text;

use http::Method;

use super::endpoint::Endpoint;
use super::endpoint::Surface::Upload;

/// The endpoints of the Upload API.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut all = of_files();
    all.extend(of_assets());
    all.extend(of_archives());
    all
}

fn of_files() -> Vec<Endpoint> {
    vec![
        Endpoint::upload("/{resource_type}/upload", "Uploads a file", store::upload).takes_all(parameters::taken()),
        Endpoint::upload("/upload", "Uploads an image", store::upload).takes_all(parameters::taken()),
        Endpoint::upload(
            "/{resource_type}/explicit",
            "Changes an asset, or makes something of it",
            explicit::explicit,
        )
        .takes(&["public_id!", "type"])
        .takes(explicit::TAKEN),
    ]
}

fn of_assets() -> Vec<Endpoint> {
    vec![
        Endpoint::upload("/{resource_type}/rename", "Gives an asset another name", rename::rename).takes(&[
            "from_public_id!",
            "to_public_id!",
            "type",
            "to_type",
            "overwrite:flag",
            "invalidate:flag",
            "context:flag",
            "metadata:flag",
            "notification_url",
        ]),
        Endpoint::upload("/{resource_type}/destroy", "Deletes an asset", destroy::destroy).takes(destroy::TAKEN),
        Endpoint::upload("/destroy", "Deletes an asset by its id", destroy::destroy).takes(destroy::TAKEN),
        Endpoint::upload("/delete_by_token", "Deletes what the token is for", destroy::by_token).takes(&["token!"]),
        Endpoint::upload(
            "/{resource_type}/delete_by_token",
            "Deletes what the token is for",
            destroy::by_token,
        )
        .takes(&["token!"]),
        Endpoint::upload("/{resource_type}/tags", "Changes the tags of assets", change::tags).takes(&[
            "command!",
            "tag",
            "public_ids!:list",
            "type",
            "notification_url",
        ]),
        Endpoint::upload(
            "/{resource_type}/context",
            "Changes the context of assets",
            change::context,
        )
        .takes(&["command!", "context", "public_ids!:list", "type", "notification_url"]),
        Endpoint::upload(
            "/{resource_type}/metadata",
            "Changes the metadata of assets",
            change::metadata,
        )
        .takes(&[
            "metadata!",
            "public_ids!:list",
            "type",
            "clear_invalid:flag",
            "notification_url",
        ]),
    ]
}

fn of_archives() -> Vec<Endpoint> {
    vec![
        Endpoint::upload("/{resource_type}/text", "Makes an image of a text", text::text).takes(text::TAKEN),
        Endpoint::upload(
            "/{resource_type}/generate_archive",
            "Makes a zip file of assets",
            archive::generate,
        )
        .takes(archive::TAKEN),
        Endpoint::new(
            Upload,
            Method::GET,
            "/{resource_type}/generate_archive",
            "Sends a zip file of assets",
            archive::generate,
        )
        .takes(archive::TAKEN),
        Endpoint::new(
            Upload,
            Method::GET,
            "/{resource_type}/download",
            "Sends an original",
            download::download,
        )
        .takes(download::TAKEN),
        Endpoint::upload("/{resource_type}/download", "Sends an original", download::download).takes(download::TAKEN),
        Endpoint::new(
            Upload,
            Method::GET,
            "/{resource_type}/download_tag.zip",
            "Sends a zip file of the assets with a tag",
            archive::by_tag,
        )
        .takes(&["tag!", "transformation"]),
        Endpoint::new(
            Upload,
            Method::GET,
            "/download_backup",
            "Sends a kept upload",
            download::backup,
        )
        .takes(&["asset_id!", "version_id!"]),
    ]
}
