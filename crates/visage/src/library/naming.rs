//! How an arriving file is called: by the caller, by the file's own name, or at random.

use visage_cloudinary::{ImageFormat, PublicId};
use visage_store::{AssetDetails, Media};

use super::folders;
use super::options::Naming;
use super::random_name;
use super::receive::ReceiveError;

/// The public id: the one that was asked for, one made of the file's name, or a random one.
pub(super) fn choose_public_id(
    naming: &Naming,
    file_name: Option<&str>,
    media: &Media,
) -> Result<PublicId, ReceiveError> {
    let name = match (&naming.public_id, file_name) {
        (Some(asked), _) => asked.clone(),
        (None, Some(name)) if naming.use_filename => from_file_name(name, naming.unique_filename, media),
        (None, name) => with_extension_of(random_name(20), name, media),
    };
    let prefix = naming.public_id_prefix.clone();
    let folder = naming.folder.clone();
    let asset_folder = naming
        .asset_folder
        .clone()
        .filter(|folder| naming.use_asset_folder_as_public_id_prefix && !folder.is_empty());
    let parts = [folder.or(asset_folder), prefix, Some(name)];
    let joined = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
    Ok(PublicId::parse(&joined)?)
}

/// The file's name, cleaned; with a random ending unless it is to stay as it is.
fn from_file_name(file_name: &str, unique: bool, media: &Media) -> String {
    let cleaned = PublicId::clean_file_name(stem(file_name));
    let ending = if unique || cleaned.is_empty() {
        format!("_{}", random_name(6))
    } else {
        String::new()
    };
    with_extension_of(
        format!("{cleaned}{ending}").trim_start_matches('_').to_owned(),
        Some(file_name),
        media,
    )
}

/// The names of files that are neither pictures nor films keep their extension.
fn with_extension_of(name: String, file_name: Option<&str>, media: &Media) -> String {
    let Media::Raw = media else { return name };
    let cleaned = PublicId::clean_file_name(file_name.unwrap_or_default());
    match cleaned.rsplit_once('.') {
        Some((_, extension)) if !extension.is_empty() => format!("{name}.{extension}"),
        _ => name,
    }
}

/// A file's name with the extension of what is in it, unless that stands there already, perhaps in another spelling.
pub(crate) fn with_extension(name: &str, extension: Option<&str>) -> String {
    let Some(extension) = extension.filter(|extension| !extension.is_empty()) else {
        return name.to_owned();
    };
    let has_it = name.rsplit_once('.').is_some_and(|(stem, written)| {
        let format = ImageFormat::from_extension(extension);
        let is_same = written.eq_ignore_ascii_case(extension)
            || (format.is_some() && ImageFormat::from_extension(written) == format);
        is_same && !stem.is_empty()
    });
    if has_it {
        name.to_owned()
    } else {
        format!("{name}.{extension}")
    }
}

/// A file's name without its folder and its extension.
pub(super) fn stem(name: &str) -> &str {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    match last.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => last,
    }
}

/// The folder and the name that people see.
pub(super) fn place(details: &mut AssetDetails, naming: &Naming, file_name: Option<&str>) -> Result<(), ReceiveError> {
    if details.asset_folder.is_empty()
        && let Some(folder) = &naming.folder
    {
        details.asset_folder = folders::clean_path(folder).map_err(ReceiveError::Folder)?;
    }
    if details.display_name.is_empty() && naming.use_filename_as_display_name {
        stem(file_name.unwrap_or_default()).clone_into(&mut details.display_name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_extension_of_what_is_sent() {
        for (name, extension, expected) in [
            ("pic", Some("jpg"), "pic.jpg"),
            ("pic.jpg", Some("jpg"), "pic.jpg"),
            ("pic.JPEG", Some("jpg"), "pic.JPEG"),
            ("pic.png", Some("webp"), "pic.png.webp"),
            ("photo.v2", Some("jpg"), "photo.v2.jpg"),
            (".jpg", Some("jpg"), ".jpg.jpg"),
            ("contract.pdf", Some("pdf"), "contract.pdf"),
            ("notes", None, "notes"),
            ("notes", Some(""), "notes"),
        ] {
            assert_eq!(with_extension(name, extension), expected, "{name}");
        }
    }
}
