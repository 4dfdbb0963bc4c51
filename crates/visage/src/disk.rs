//! The disk that the data folder is on, and the part of it that is left free.

use std::path::PathBuf;

/// Uploads leave no more than this free, however large the disk: enough for the database to delete and to commit.
const MAX_UPLOAD_RESERVE_BYTES: u64 = 1 << 30;

/// The room on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// In all.
    pub bytes: u64,
    /// For this process.
    pub free_bytes: u64,
}

/// How much room the disk has for uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadRoom {
    /// Enough.
    Enough,
    /// Uploads are stored; soon they will not be.
    Short,
    /// Uploads are refused.
    None,
}

/// What is left free on the disk of a folder.
#[derive(Debug, Clone)]
pub struct DiskReserve {
    folder: PathBuf,
    percent: u8,
}

impl DiskReserve {
    /// Leaves `percent` of the disk free that `folder` is on.
    pub fn new(folder: PathBuf, percent: u8) -> Self {
        Self { folder, percent }
    }

    /// The disk; `None` when the system does not tell.
    pub fn disk(&self) -> Option<Disk> {
        let disk = rustix::fs::statvfs(&self.folder).ok()?;
        Some(Disk {
            bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
            free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
        })
    }

    /// Whether the disk has room for what can be made again.
    pub fn has_room_for_derived(&self) -> bool {
        self.disk()
            .is_some_and(|disk| disk.free_bytes > share(disk, self.percent))
    }

    /// How much room there is for uploads. It is short from half the reserve above it, and at least for the last upload of
    /// `largest_bytes`. Where the system does not tell, there is enough.
    pub fn upload_room(&self, largest_bytes: u64) -> UploadRoom {
        self.disk().map_or(UploadRoom::Enough, |disk| {
            upload_room(disk, self.percent, largest_bytes)
        })
    }

    /// Whether the disk has room for `bytes` more of an upload. Where the system does not tell, writing them will.
    pub fn has_room_for_upload(&self, bytes: u64) -> bool {
        self.disk()
            .is_none_or(|disk| has_room_for_upload(disk, self.percent, bytes))
    }
}

fn share(disk: Disk, percent: u8) -> u64 {
    disk.bytes / 100 * u64::from(percent)
}

fn upload_reserve(disk: Disk, percent: u8) -> u64 {
    share(disk, percent).min(MAX_UPLOAD_RESERVE_BYTES)
}

fn has_room_for_upload(disk: Disk, percent: u8, bytes: u64) -> bool {
    disk.free_bytes >= upload_reserve(disk, percent).saturating_add(bytes)
}

fn upload_room(disk: Disk, percent: u8, largest_bytes: u64) -> UploadRoom {
    let soon = largest_bytes.max(upload_reserve(disk, percent) / 2);
    if !has_room_for_upload(disk, percent, 1) {
        UploadRoom::None
    } else if has_room_for_upload(disk, percent, soon) {
        UploadRoom::Enough
    } else {
        UploadRoom::Short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn check(bytes: u64, free_bytes: u64, upload: u64, expected: bool) {
        let disk = Disk { bytes, free_bytes };
        assert_eq!(has_room_for_upload(disk, 10, upload), expected, "{disk:?} {upload}");
    }

    #[test]
    fn uploads_leave_a_tenth_free_and_a_gibibyte_at_most() {
        check(1000, 150, 49, true);
        check(1000, 150, 50, true);
        check(1000, 150, 51, false);
        check(1000 * GIB, 2 * GIB, GIB, true);
        check(1000 * GIB, 2 * GIB, GIB + 1, false);
        let without = Disk {
            bytes: 1000,
            free_bytes: 1,
        };
        assert!(has_room_for_upload(without, 0, 1));
    }

    #[test]
    fn room_is_short_before_uploads_are_refused() {
        for (free_bytes, largest, expected) in [
            (150, 10, UploadRoom::Enough),
            (149, 10, UploadRoom::Short),
            (101, 10, UploadRoom::Short),
            (100, 10, UploadRoom::None),
            (200, 100, UploadRoom::Enough),
            (199, 100, UploadRoom::Short),
        ] {
            let disk = Disk {
                bytes: 1000,
                free_bytes,
            };
            assert_eq!(upload_room(disk, 10, largest), expected, "{disk:?} {largest}");
        }
    }

    #[test]
    fn derived_images_leave_the_whole_share_free() {
        let disk = Disk {
            bytes: 1000 * GIB,
            free_bytes: 0,
        };
        assert_eq!(share(disk, 10) / GIB, 100);
    }
}
