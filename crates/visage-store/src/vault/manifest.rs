//! What a snapshot consists of, as text: a line of JSON about the snapshot, one for each original, and a last one with the
//! SHA-256 of all lines before it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SnapshotId;
use crate::ids::{InstallationId, Sha256, UploadId};

/// The version of the layout of vaults.
const LAYOUT: u32 = 1;

/// What a snapshot consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its name.
    pub snapshot: SnapshotId,
    /// Everything that was acknowledged before is in it.
    pub taken_at: Timestamp,
    /// The release that made it.
    pub release: String,
    /// The installation that it is of; one of a release before these had names says nothing.
    pub installation: Option<InstallationId>,
    /// The copy of the database.
    pub database: FileFacts,
    /// The generated secrets, if there were any.
    pub secrets: Option<FileFacts>,
    /// Every original that the database names as current or kept.
    pub originals: Vec<VaultOriginal>,
}

/// Size and hash of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileFacts {
    /// Its size.
    pub bytes: u64,
    /// Its hash.
    #[serde(with = "hexadecimal")]
    pub sha256: Sha256,
}

/// An original in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultOriginal {
    /// The upload.
    #[serde(rename = "original", with = "hexadecimal")]
    pub upload: UploadId,
    /// Its size.
    pub bytes: u64,
    /// Its hash.
    #[serde(with = "hexadecimal")]
    pub sha256: Sha256,
    /// Whether its bytes were lost already when the snapshot was taken: they are not here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    layout: u32,
    snapshot: String,
    taken_at: Timestamp,
    release: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    installation: Option<String>,
    database: FileFacts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secrets: Option<FileFacts>,
    originals: u64,
}

impl Manifest {
    pub(super) fn to_text(&self) -> serde_json::Result<Vec<u8>> {
        let head = Head {
            layout: LAYOUT,
            snapshot: self.snapshot.to_string(),
            taken_at: self.taken_at,
            release: self.release.clone(),
            installation: self.installation.map(|installation| installation.to_string()),
            database: self.database,
            secrets: self.secrets,
            originals: self.originals.len() as u64,
        };
        let mut text = serde_json::to_vec(&head)?;
        text.push(b'\n');
        for original in &self.originals {
            serde_json::to_writer(&mut text, original)?;
            text.push(b'\n');
        }
        let seal = seal(&text);
        text.extend_from_slice(seal.as_bytes());
        Ok(text)
    }

    /// Reads what [`Self::to_text`] writes; `None` when one bit of it is another one.
    pub(super) fn from_text(text: &[u8]) -> Option<Self> {
        let body_bytes = text.len().checked_sub(seal(b"").len())?;
        let (body, last) = text.split_at_checked(body_bytes)?;
        if last != seal(body).as_bytes() {
            return None;
        }
        let mut lines = body.strip_suffix(b"\n")?.split(|byte| *byte == b'\n');
        let head: Head = serde_json::from_slice(lines.next()?).ok()?;
        let originals: Vec<VaultOriginal> = lines
            .map(|line| serde_json::from_slice(line).ok())
            .collect::<Option<_>>()?;
        let is_whole = head.layout == LAYOUT && head.originals == originals.len() as u64;
        is_whole.then_some(())?;
        let installation = head.installation.map(|installation| installation.parse());
        Some(Self {
            snapshot: head.snapshot.parse().ok()?,
            taken_at: head.taken_at,
            release: head.release,
            installation: installation.transpose().ok()?,
            database: head.database,
            secrets: head.secrets,
            originals,
        })
    }
}

/// The last line: always of the same length, and there is only one way to write it.
fn seal(body: &[u8]) -> String {
    format!("{{\"sealed\":\"{}\"}}\n", Sha256::of(body))
}

/// Ids and hashes as they are displayed.
mod hexadecimal {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let facts = |text: &[u8]| FileFacts {
            bytes: text.len() as u64,
            sha256: Sha256::of(text),
        };
        let original = |lost| VaultOriginal {
            upload: UploadId::random(),
            bytes: 7,
            sha256: Sha256::of(b"original"),
            lost,
        };
        Manifest {
            snapshot: SnapshotId::new(Timestamp::UNIX_EPOCH),
            taken_at: Timestamp::UNIX_EPOCH,
            release: "0.1.0".to_owned(),
            installation: Some(InstallationId::random()),
            database: facts(b"database"),
            secrets: Some(facts(b"secrets")),
            originals: vec![original(false), original(true)],
        }
    }

    #[test]
    fn a_manifest_reads_as_it_was_written() {
        let full = manifest();
        let empty = Manifest {
            installation: None,
            secrets: None,
            originals: Vec::new(),
            ..manifest()
        };
        for manifest in [full, empty] {
            let text = manifest.to_text().unwrap();
            assert_eq!(Manifest::from_text(&text), Some(manifest));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_of_a_manifest_is_noticed() {
        let text = manifest().to_text().unwrap();
        for bit in 0..text.len() * 8 {
            let mut flipped = text.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Manifest::from_text(&flipped), None, "bit {bit}");
        }
        for length in 0..text.len() {
            assert_eq!(Manifest::from_text(&text[..length]), None, "{length} bytes");
        }
    }
}
