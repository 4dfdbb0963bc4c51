//! The memory of decoded pictures: dav1d asks for it here, so that it is bounded, zeroed, and ours afterwards.
#![allow(unsafe_code, reason = "dav1d calls these functions with pointers of C")]

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use libdav1d_sys::{DAV1D_ERR_NOMEM, Dav1dPicAllocator, Dav1dPicture};

use super::Chroma;
use super::views::PictureView;
use crate::CodecError;

/// What dav1d demands of the beginning of every plane, and how far behind a plane it may read.
const ALIGNMENT: usize = 64;

/// dav1d writes whole blocks of this size.
const BLOCK: usize = 128;

/// A still picture needs one, a layered one up to four, film grain and super-resolution one more each. A stream of many
/// pictures would only take time.
const MAX_PICTURES: usize = 12;

/// The memory of one picture.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// Where each plane begins in `bytes`, and the bytes from one row to the next.
    planes: [PlanePlace; 3],
}

#[derive(Debug, Clone, Copy, Default)]
struct PlanePlace {
    start: usize,
    stride: usize,
}

impl Buffer {
    /// Zeroed memory for a picture; `None` when the machine has no more.
    fn zeroed(size: &PictureSize) -> Option<Self> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size.total_bytes).ok()?;
        bytes.resize(size.total_bytes, 0);
        let first = bytes.as_ptr().align_offset(ALIGNMENT);
        let luma = PlanePlace {
            start: first,
            stride: size.luma_stride,
        };
        let chroma = |index: usize| PlanePlace {
            start: first + size.luma_bytes + index * size.chroma_bytes,
            stride: size.chroma_stride,
        };
        (first < ALIGNMENT).then(|| Self {
            planes: [luma, chroma(0), chroma(1)],
            bytes,
        })
    }

    /// The first `length` bytes of a row.
    pub(super) fn row(&self, plane: usize, row: usize, length: usize) -> Option<&[u8]> {
        let location = self.planes.get(plane)?;
        let start = location.start.checked_add(row.checked_mul(location.stride)?)?;
        self.bytes.get(start..start.checked_add(length)?)
    }
}

/// How many bytes a picture takes as dav1d wants it.
struct PictureSize {
    luma_stride: usize,
    chroma_stride: usize,
    luma_bytes: usize,
    chroma_bytes: usize,
    total_bytes: usize,
}

impl PictureSize {
    fn of(width: usize, height: usize, chroma: Chroma, is_deep: bool) -> Option<Self> {
        let (half_columns, half_rows) = chroma.halves();
        let row = width.checked_next_multiple_of(BLOCK)? << usize::from(is_deep);
        let rows = height.checked_next_multiple_of(BLOCK)?;
        let chroma_row = if chroma == Chroma::Gray {
            0
        } else {
            row >> usize::from(half_columns)
        };
        let (luma_stride, chroma_stride) = (spread(row), spread(chroma_row));
        let luma_bytes = luma_stride.checked_mul(rows)?;
        let chroma_bytes = chroma_stride.checked_mul(rows >> usize::from(half_rows))?;
        let total_bytes = luma_bytes
            .checked_add(chroma_bytes.checked_mul(2)?)?
            .checked_add(2 * ALIGNMENT)?;
        Some(Self {
            luma_stride,
            chroma_stride,
            luma_bytes,
            chroma_bytes,
            total_bytes,
        })
    }
}

/// Rows a power of two apart would share the same lines of the processor's caches.
fn spread(stride: usize) -> usize {
    if stride != 0 && stride.is_multiple_of(1024) {
        stride + ALIGNMENT
    } else {
        stride
    }
}

/// Gives dav1d its pictures. It must not move while a decoder has its address.
pub(super) struct Pool<'a> {
    buffers: Vec<Option<Buffer>>,
    free_bytes: usize,
    /// The picture that is not given back to the machine when dav1d releases it, and where it is then.
    kept_number: usize,
    kept: Option<Buffer>,
    cancelled: &'a dyn Fn() -> bool,
    is_cancelled: bool,
    is_full: bool,
    max_bytes: u64,
}

impl<'a> Pool<'a> {
    pub(super) fn new(max_bytes: u64, cancelled: &'a dyn Fn() -> bool) -> Self {
        Self {
            buffers: Vec::new(),
            free_bytes: usize::try_from(max_bytes).unwrap_or(usize::MAX),
            kept_number: 0,
            kept: None,
            cancelled,
            is_cancelled: false,
            is_full: false,
            max_bytes,
        }
    }

    /// The functions for dav1d; `pool` must outlive the decoder.
    pub(super) fn allocator(pool: *mut Self) -> Dav1dPicAllocator {
        Dav1dPicAllocator {
            cookie: pool.cast::<c_void>(),
            alloc_picture_callback: Some(take),
            release_picture_callback: Some(give_back),
        }
    }

    /// Keeps the picture with this number when dav1d releases it.
    pub(super) fn keep(&mut self, number: usize) {
        self.kept_number = number;
    }

    /// The picture that was to be kept, once dav1d has released it.
    pub(super) fn into_kept(self) -> Option<Buffer> {
        self.kept
    }

    /// Why the pool refused a picture, if it did.
    pub(super) fn refusal(&self) -> Option<CodecError> {
        if self.is_cancelled {
            Some(CodecError::Cancelled)
        } else if self.is_full {
            Some(CodecError::TooLarge {
                max_bytes: self.max_bytes,
            })
        } else {
            None
        }
    }

    /// Adds a picture; returns its number, which counts from 1.
    fn add(&mut self, size: &PictureSize) -> Option<usize> {
        self.is_cancelled = self.is_cancelled || catch_unwind(AssertUnwindSafe(self.cancelled)).unwrap_or(true);
        if self.is_cancelled {
            return None;
        }
        self.is_full = true;
        if self.buffers.len() >= MAX_PICTURES {
            return None;
        }
        let free_bytes = self.free_bytes.checked_sub(size.total_bytes)?;
        self.buffers.try_reserve(1).ok()?;
        self.buffers.push(Some(Buffer::zeroed(size)?));
        self.free_bytes = free_bytes;
        self.is_full = false;
        Some(self.buffers.len())
    }

    /// Gives `picture` memory for what its size and layout say.
    fn fill(&mut self, picture: &mut PictureView) -> Option<()> {
        let (width, height) = (
            usize::try_from(picture.width).ok()?,
            usize::try_from(picture.height).ok()?,
        );
        let chroma = chroma_of(picture.layout)?;
        let number = self.add(&PictureSize::of(width, height, chroma, picture.bits > 8)?)?;
        let buffer = self.buffers.get_mut(number.checked_sub(1)?)?.as_mut()?;
        let planes = buffer.planes;
        let memory = buffer.bytes.as_mut_ptr();
        let used = planes.iter().take(chroma.planes());
        for (to, place) in picture.planes.iter_mut().zip(used) {
            *to = memory.wrapping_add(place.start).cast::<c_void>();
        }
        for (to, place) in picture.strides.iter_mut().zip(planes) {
            *to = isize::try_from(place.stride).ok()?;
        }
        picture.allocator_data = std::ptr::without_provenance_mut(number);
        Some(())
    }

    fn remove(&mut self, number: usize) {
        let found = number.checked_sub(1).and_then(|index| self.buffers.get_mut(index));
        let Some(buffer) = found.and_then(Option::take) else {
            return;
        };
        self.free_bytes = self.free_bytes.saturating_add(buffer.bytes.len());
        if number == self.kept_number {
            self.kept = Some(buffer);
        }
    }
}

/// The number of a picture travels through dav1d in the place of a pointer.
pub(super) fn number_of(allocator_data: *mut c_void) -> usize {
    allocator_data.addr()
}

/// `chroma` of dav1d's number for it.
pub(super) fn chroma_of(number: u32) -> Option<Chroma> {
    match number {
        0 => Some(Chroma::Gray),
        1 => Some(Chroma::Quarter),
        2 => Some(Chroma::Half),
        3 => Some(Chroma::Full),
        _ => None,
    }
}

/// `alloc_picture_callback` of dav1d.
unsafe extern "C" fn take(picture: *mut Dav1dPicture, pool: *mut c_void) -> c_int {
    // SAFETY: dav1d calls with the picture that it wants filled, which nothing else uses until this returns.
    let picture = unsafe { &mut *picture.cast::<PictureView>() };
    // SAFETY: the cookie is what `allocator` gave: a live `Pool` that nothing else refers to while dav1d runs.
    let pool = unsafe { &mut *pool.cast::<Pool<'_>>() };
    match pool.fill(picture) {
        Some(()) => 0,
        None => DAV1D_ERR_NOMEM,
    }
}

/// `release_picture_callback` of dav1d.
unsafe extern "C" fn give_back(picture: *mut Dav1dPicture, pool: *mut c_void) {
    // SAFETY: as in `take`; this is a picture that `take` filled, and dav1d touches its memory no more.
    let picture = unsafe { &*picture.cast::<PictureView>() };
    // SAFETY: as in `take`.
    let pool = unsafe { &mut *pool.cast::<Pool<'_>>() };
    pool.remove(number_of(picture.allocator_data));
}
