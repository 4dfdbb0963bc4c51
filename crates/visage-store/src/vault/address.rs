//! How the place of a vault is written.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use object_store::path::Path;
use url::Url;

use super::VaultError;

/// Where a vault is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VaultAddress {
    /// In a folder, written as a path or as `file:///path`.
    Folder(PathBuf),
    /// In a bucket of S3 or of a store that speaks its language, written as `s3://bucket` or `s3://bucket/prefix`.
    Bucket {
        /// The bucket.
        bucket: String,
        /// What all names in it begin with; it may be empty.
        prefix: Path,
    },
}

impl FromStr for VaultAddress {
    type Err = VaultError;

    fn from_str(address: &str) -> Result<Self, VaultError> {
        // Credentials do not belong there, and are not told.
        let told = address.rsplit_once('@').map_or(address, |(_, place)| place);
        let refused = || VaultError::Address(told.to_owned());
        if address.starts_with('~') {
            return Err(VaultError::HomeAddress(told.to_owned()));
        }
        if !address.contains("://") && !address.starts_with("s3:") {
            return (!address.is_empty())
                .then(|| Self::Folder(PathBuf::from(address)))
                .ok_or_else(refused);
        }
        let url = Url::parse(address).map_err(|_no_url| refused())?;
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        match (url.scheme(), url.host_str()) {
            ("file", _) => url.to_file_path().map(Self::Folder).map_err(|()| refused()),
            ("s3", Some(bucket)) if is_plain && url.password().is_none() && url.port().is_none() => Ok(Self::Bucket {
                bucket: bucket.to_owned(),
                prefix: Path::from_url_path(url.path()).map_err(|_no_path| refused())?,
            }),
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for VaultAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Bucket { bucket, prefix } if prefix.as_ref().is_empty() => write!(f, "s3://{bucket}"),
            Self::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_is_in_a_folder_or_in_a_bucket() {
        for (address, expected) in [
            ("/mnt/backup", Some("/mnt/backup")),
            ("backup", Some("backup")),
            ("file:///mnt/a%20b", Some("/mnt/a b")),
            ("s3://bucket", Some("s3://bucket")),
            ("s3://bucket/", Some("s3://bucket")),
            ("s3://my-bucket.eu/a/b%20c/", Some("s3://my-bucket.eu/a/b c")),
            ("", None),
            ("file://host/path", None),
            ("https://example.com", None),
            ("gs://bucket", None),
            ("s3://", None),
            ("s3:/bucket/path", None),
            ("s3:bucket", None),
            ("s3:///path", None),
            ("s3://key:secret@bucket", None),
            ("s3://key@bucket", None),
            ("s3://bucket:1", None),
            ("s3://bucket/a?region=x", None),
            ("s3://bucket/a//b", None),
            ("s3://bucket/../a", Some("s3://bucket/a")),
        ] {
            let read = address.parse::<VaultAddress>();
            assert_eq!(
                read.as_ref().ok().map(VaultAddress::to_string).as_deref(),
                expected,
                "{address}"
            );
        }
        let told = "gs://bucket".parse::<VaultAddress>().unwrap_err().to_string();
        assert!(told.contains("gs://bucket"), "{told}");
        let told = "s3://key:secret@bucket"
            .parse::<VaultAddress>()
            .unwrap_err()
            .to_string();
        assert!(told.contains("bucket") && !told.contains("secret"), "{told}");
    }
}
