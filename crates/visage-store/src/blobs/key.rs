//! Where each blob lies. Nobody else makes or reads a path.

use object_store::path::Path;

use visage_cloudinary::Recipe;

use crate::ids::UploadId;

/// The folder of the originals.
pub(crate) const ORIGINALS: &str = "originals";
/// The folder of the derived blobs.
pub(super) const DERIVED: &str = "derived";

/// What names a blob.
///
/// An original lies at `originals/ab/<upload>`, a derived blob at `derived/ab/<upload>-<recipe>`, where `ab` are the first two
/// of the upload's hexadecimal digits: 256 folders that are never made or removed at work, and none per upload.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlobKey {
    /// The stored file itself.
    Original(UploadId),
    /// Something made from it.
    Derived(UploadId, Recipe),
}

impl BlobKey {
    /// The upload it belongs to.
    pub fn upload(&self) -> &UploadId {
        match self {
            Self::Original(upload) | Self::Derived(upload, _) => upload,
        }
    }

    pub(super) fn path(&self) -> Path {
        match self {
            Self::Original(upload) => Path::from_iter([ORIGINALS, &shard(upload), &upload.to_string()]),
            Self::Derived(upload, recipe) => Path::from_iter([DERIVED, &shard(upload), &format!("{upload}-{recipe}")]),
        }
    }

    /// Reads what [`Self::path`] writes; `None` for any other path.
    pub(super) fn from_path(path: &Path) -> Option<Self> {
        let parts: Vec<_> = path.parts().collect();
        let [folder, _, name] = parts.as_slice() else {
            return None;
        };
        let key = match folder.as_ref() {
            ORIGINALS => Self::Original(UploadId::parse(name.as_ref()).ok()?),
            DERIVED => {
                let (upload, recipe) = name.as_ref().split_once('-')?;
                Self::Derived(UploadId::parse(upload).ok()?, Recipe::parse(recipe).ok()?)
            }
            _ => return None,
        };
        (key.path() == *path).then_some(key)
    }
}

/// The folder of an upload's blobs.
fn shard(upload: &UploadId) -> String {
    format!("{:02x}", upload.as_bytes()[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        Recipe::parse("0000000000000000000000000000000k").unwrap()
    }

    fn upload() -> UploadId {
        UploadId::parse("ab23456789abcdef0123456789abcdef").unwrap()
    }

    #[test]
    fn paths_are_flat_and_sharded() {
        let derived = BlobKey::Derived(upload(), recipe());
        assert_eq!(
            BlobKey::Original(upload()).path().as_ref(),
            "originals/ab/ab23456789abcdef0123456789abcdef"
        );
        assert_eq!(
            derived.path().as_ref(),
            "derived/ab/ab23456789abcdef0123456789abcdef-0000000000000000000000000000000k"
        );
    }

    #[test]
    fn a_key_reads_what_it_writes() {
        for key in [BlobKey::Original(upload()), BlobKey::Derived(upload(), recipe())] {
            assert_eq!(BlobKey::from_path(&key.path()), Some(key));
        }
    }

    #[test]
    fn any_other_path_is_no_key() {
        let id = upload();
        for path in [
            format!("originals/{id}"),
            format!("originals/ac/{id}"),
            format!("derived/ab/{id}"),
            format!("derived/ab/{id}-"),
            format!("derived/ab/{id}-K"),
            format!("other/ab/{id}"),
            format!("originals/ab/{id}/x"),
            String::new(),
        ] {
            assert_eq!(BlobKey::from_path(&Path::from(path.as_str())), None, "{path}");
        }
    }
}
