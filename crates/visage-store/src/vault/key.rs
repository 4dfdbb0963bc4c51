//! The names in a vault. Nobody else makes or reads one.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use object_store::path::Path;

use crate::ids::IdError;

/// The folders of a vault, apart from that of the originals.
pub(super) const KINDS: [&str; 3] = [VaultFile::DATABASES, VaultFile::SECRETS, VaultFile::MANIFESTS];

/// The name of a snapshot: the UTC time of the state that it holds, and eight random digits, `20260701T120000.123Z-0123abcd`. The
/// order of names is that of time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotId(String);

impl SnapshotId {
    /// A fresh name for the state of this time.
    pub fn new(taken_at: Timestamp) -> Self {
        let random: u32 = rand::random();
        Self(format!("{}-{random:08x}", stamp(taken_at)))
    }

    /// Whether its time is yet to come: a clock was wrong when it was taken, or is now.
    pub fn is_after(&self, now: Timestamp) -> bool {
        self.0.split_once('-').is_some_and(|(time, _)| *time > *stamp(now))
    }
}

fn stamp(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%S.%3fZ").to_string()
}

impl FromStr for SnapshotId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        const SHAPE: &[u8] = b"00000000T000000.000Z-xxxxxxxx";
        let fits = |(byte, shape): (u8, &u8)| match shape {
            b'0' => byte.is_ascii_digit(),
            b'x' => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            other => byte == *other,
        };
        let good = text.len() == SHAPE.len() && text.bytes().zip(SHAPE).all(fits);
        good.then(|| Self(text.to_owned()))
            .ok_or_else(|| IdError::new("snapshot", text))
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A file of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum VaultFile {
    /// The copy of the database.
    Database(SnapshotId),
    /// The generated secrets.
    Secrets(SnapshotId),
    /// What there is, with sizes and hashes.
    Manifest(SnapshotId),
}

impl VaultFile {
    pub(super) const DATABASES: &'static str = "databases";
    pub(super) const SECRETS: &'static str = "secrets";
    pub(super) const MANIFESTS: &'static str = "manifests";

    /// The snapshot it belongs to.
    pub fn snapshot(&self) -> &SnapshotId {
        match self {
            Self::Database(snapshot) | Self::Secrets(snapshot) | Self::Manifest(snapshot) => snapshot,
        }
    }

    pub(super) fn into_snapshot(self) -> SnapshotId {
        match self {
            Self::Database(snapshot) | Self::Secrets(snapshot) | Self::Manifest(snapshot) => snapshot,
        }
    }

    pub(super) fn path(&self) -> Path {
        let (kind, extension) = match self {
            Self::Database(_) => (Self::DATABASES, "db"),
            Self::Secrets(_) => (Self::SECRETS, "toml"),
            Self::Manifest(_) => (Self::MANIFESTS, "ndjson"),
        };
        Path::from_iter([kind, &format!("{}.{extension}", self.snapshot())])
    }

    /// Reads what [`Self::path`] writes; `None` for any other path.
    pub(super) fn from_path(path: &Path) -> Option<Self> {
        let (kind, name) = path.as_ref().split_once('/')?;
        let (snapshot, _) = name.rsplit_once('.')?;
        let snapshot = snapshot.parse().ok()?;
        let file = match kind {
            Self::DATABASES => Self::Database(snapshot),
            Self::SECRETS => Self::Secrets(snapshot),
            Self::MANIFESTS => Self::Manifest(snapshot),
            _ => return None,
        };
        (file.path() == *path).then_some(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_named_by_its_time_and_reads_as_it_is_written() {
        let taken_at: Timestamp = "2026-07-01T12:00:00.123456Z".parse().unwrap();
        let snapshot = SnapshotId::new(taken_at);
        assert!(snapshot.to_string().starts_with("20260701T120000.123Z-"), "{snapshot}");
        assert_eq!(snapshot.to_string().parse(), Ok(snapshot.clone()));
        for kind in [VaultFile::Database, VaultFile::Secrets, VaultFile::Manifest] {
            let file = kind(snapshot.clone());
            assert_eq!(VaultFile::from_path(&file.path()), Some(file));
        }
    }

    #[test]
    fn a_snapshot_is_of_the_future_from_the_next_millisecond_on() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let snapshot = SnapshotId::new(at("2026-07-01T12:00:00.123Z"));
        for (now, expected) in [
            ("2026-07-01T12:00:00.122Z", true),
            ("2026-07-01T12:00:00.123Z", false),
            ("2026-07-01T12:00:00.124Z", false),
        ] {
            assert_eq!(snapshot.is_after(at(now)), expected, "{now}");
        }
    }

    #[test]
    fn nothing_else_is_a_snapshot() {
        for text in [
            "",
            "20260701T120000.123Z",
            "20260701T120000.123Z-0123abcg",
            "20260701T120000.123Z-0123abcd0",
            "../../../../../etc/passwd0000",
            "2026070äT120000.123Z-0123abc",
        ] {
            assert!(text.parse::<SnapshotId>().is_err(), "{text}");
        }
        for path in [
            "manifests/x.ndjson",
            "manifests/20260701T120000.123Z-0123abcd.db",
            "lock",
        ] {
            assert_eq!(VaultFile::from_path(&Path::from(path)), None, "{path}");
        }
    }
}
