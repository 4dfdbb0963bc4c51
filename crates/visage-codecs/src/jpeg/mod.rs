//! JPEG through libjpeg-turbo, in the colours or the planes of the file, at 1/1, 1/2, 1/4 or 1/8 of its size.
//!
//! `shim.c` holds everything that touches libjpeg's structures. What libjpeg warns of is an error, but for flaws that leave
//! every pixel in place: stray bytes between segments, a missing end, and a few wrong numbers in headers.
#![allow(unsafe_code, reason = "calls the C functions of shim.c")]

mod ffi;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::ffi::{CStr, c_int, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;

use crate::CodecError;
use turbojpeg_sys as _; // links libjpeg-turbo

/// Room for headers and tables of a file that is written.
const SLACK_BYTES: u64 = 64 * 1024;

/// What the samples of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the standards")]
pub enum Colours {
    Gray,
    YCbCr,
    Rgb,
    Cmyk,
    Ycck,
    /// Another number of channels, or meanings that no marker explains.
    Unknown,
}

/// What a file says about itself before its first scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// What the samples are.
    pub colours: Colours,
    /// Sampling factors of each channel, across and down.
    pub sampling: Vec<(u32, u32)>,
}

/// What a decoded pixel consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the standards")]
pub enum PixelKind {
    Gray,
    Rgb,
    /// As the file has it: inverted by nearly every program that writes it.
    Cmyk,
}

/// How to decode, and what it may cost.
#[derive(Clone, Copy)]
pub struct DecodeOptions<'a> {
    /// 1, 2, 4 or 8: by how much smaller the result is; sides are rounded up.
    pub scale: u8,
    /// More scans are refused.
    pub max_scans: u32,
    /// Asked once per row of blocks of each scan.
    pub cancelled: &'a dyn Fn() -> bool,
}

/// Decoded samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    /// Pixels across, or of the first plane.
    pub width: u32,
    /// Rows, or those of the first plane.
    pub height: u32,
    /// Rows without padding; one plane after the other.
    pub data: Vec<u8>,
}

/// A file whose header has been read.
#[derive(Debug)]
pub struct Decoder<'a> {
    handle: Handle<'a>,
    header: Header,
    file_bytes: usize,
    max_bytes: u64,
}

impl<'a> Decoder<'a> {
    /// Reads the header. libjpeg's own memory, and what a decoding returns, may have `max_bytes` each.
    ///
    /// # Errors
    /// When the header is damaged, or memory is short.
    pub fn new(file: &'a [u8], max_bytes: u64) -> Result<Self, CodecError> {
        let mut handle = Handle::new(file, max_bytes)?;
        let mut raw = ffi::Header::default();
        // SAFETY: the handle is live, and `raw` has the layout of the C structure.
        let status = unsafe { ffi::visage_jpeg_read_header(handle.0.as_ptr(), &raw mut raw) };
        handle.check(status, max_bytes)?;
        let channels = usize::try_from(raw.components).unwrap_or(usize::MAX);
        let sampling = raw.across.into_iter().zip(raw.down).take(channels).collect();
        let header = Header {
            width: raw.width,
            height: raw.height,
            colours: colours(raw.colours),
            sampling,
        };
        Ok(Self {
            handle,
            header,
            file_bytes: file.len(),
            max_bytes,
        })
    }

    /// What the file says about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How many bytes between segments belonged to nothing, as far as the file has been read.
    pub fn stray_bytes(&self) -> u32 {
        // SAFETY: the handle is live.
        unsafe { ffi::visage_jpeg_stray_bytes(self.handle.0.as_ptr()) }
    }

    /// Decodes to pixels; a decoder decodes once.
    ///
    /// # Errors
    /// When the picture is damaged or incomplete, a limit is passed, or `cancelled` says so.
    pub fn pixels(&mut self, kind: PixelKind, options: &DecodeOptions<'_>) -> Result<Samples, CodecError> {
        let (channels, colours) = match kind {
            PixelKind::Gray => (1, ffi::JCS_GRAYSCALE),
            PixelKind::Rgb => (3, ffi::JCS_RGB),
            PixelKind::Cmyk => (4, ffi::JCS_CMYK),
        };
        let (width, height) = self.scaled_size(options);
        let mut data = zeroed(u64::from(width) * u64::from(height) * channels, self.max_bytes)?;
        let handle = self.handle.0.as_ptr();
        let status = asking(options, |request| {
            // SAFETY: the handle is live, and C writes `data.len()` bytes to `data` at most, which it compares with the size.
            unsafe {
                ffi::visage_jpeg_decode_pixels(handle, request, colours, width, height, data.as_mut_ptr(), data.len())
            }
        });
        self.handle.check(status, self.max_bytes)?;
        Ok(Samples { width, height, data })
    }

    /// Decodes to planes of these sizes, which are those of the channels, rounded up to whole MCUs at most.
    ///
    /// # Errors
    /// As [`Self::pixels`].
    pub fn planes(&mut self, sizes: &[(u32, u32)], options: &DecodeOptions<'_>) -> Result<Samples, CodecError> {
        let unexpected = || CodecError::Failed("its channels are not what its header says".to_owned());
        if sizes.len() != self.header.sampling.len() || sizes.len() > ffi::MAX_CHANNELS {
            return Err(unexpected());
        }
        let &(width, height) = sizes.first().ok_or_else(unexpected)?;
        let total = sizes
            .iter()
            .map(|(width, height)| u64::from(*width) * u64::from(*height));
        let mut data = zeroed(total.sum(), self.max_bytes)?;
        let (widths, heights): (Vec<u32>, Vec<u32>) = sizes.iter().copied().unzip();
        let handle = self.handle.0.as_ptr();
        let status = asking(options, |request| {
            let (widths, heights) = (widths.as_ptr(), heights.as_ptr());
            // SAFETY: as in `pixels`; there are as many widths and heights as channels.
            unsafe { ffi::visage_jpeg_decode_planes(handle, request, widths, heights, data.as_mut_ptr(), data.len()) }
        });
        self.handle.check(status, self.max_bytes)?;
        Ok(Samples { width, height, data })
    }

    /// Writes the coefficients to a new file, with optimised tables: the same pixels, and nothing else.
    ///
    /// # Errors
    /// As [`Self::pixels`].
    pub fn rewrite(&mut self, options: &DecodeOptions<'_>) -> Result<Vec<u8>, CodecError> {
        // New tables are hardly ever longer, and never by much.
        let length = u64::try_from(self.file_bytes).unwrap_or(u64::MAX);
        let mut data = zeroed(length.saturating_mul(2).saturating_add(SLACK_BYTES), self.max_bytes)?;
        let mut written = 0;
        let handle = self.handle.0.as_ptr();
        let status = asking(options, |request| {
            let target = data.as_mut_ptr();
            // SAFETY: the handle is live, and C writes `data.len()` bytes to `data` at most; `written` is one number.
            unsafe { ffi::visage_jpeg_rewrite(handle, request, target, data.len(), &raw mut written) }
        });
        self.handle.check(status, self.max_bytes)?;
        data.truncate(written);
        Ok(data)
    }

    fn scaled_size(&self, options: &DecodeOptions<'_>) -> (u32, u32) {
        let scale = u32::from(options.scale.max(1));
        (self.header.width.div_ceil(scale), self.header.height.div_ceil(scale))
    }
}

/// Owns the C structure; the file that it reads lives as long.
#[derive(Debug)]
struct Handle<'a>(NonNull<ffi::Jpeg>, PhantomData<&'a [u8]>);

impl<'a> Handle<'a> {
    fn new(file: &'a [u8], max_bytes: u64) -> Result<Self, CodecError> {
        let own_bytes = std::ffi::c_long::try_from(max_bytes).unwrap_or(std::ffi::c_long::MAX);
        // SAFETY: `file` is readable for its whole length and outlives the handle.
        let handle = unsafe { ffi::visage_jpeg_new(file.as_ptr(), file.len(), own_bytes) };
        NonNull::new(handle)
            .map(|handle| Self(handle, PhantomData))
            .ok_or(CodecError::TooLarge { max_bytes })
    }

    fn check(&mut self, status: c_int, max_bytes: u64) -> Result<(), CodecError> {
        match status {
            ffi::OK => Ok(()),
            ffi::CANCELLED => Err(CodecError::Cancelled),
            ffi::TOO_LARGE => Err(CodecError::TooLarge { max_bytes }),
            ffi::DAMAGED => Err(CodecError::Damaged(self.message())),
            _ => Err(CodecError::Damaged(
                "its pixels have another size than its header says".to_owned(),
            )),
        }
    }

    fn message(&self) -> String {
        // SAFETY: the handle is live, and so is the array in it.
        let message = unsafe { ffi::visage_jpeg_message(self.0.as_ptr()) };
        // SAFETY: libjpeg and snprintf end it with a zero.
        let message = unsafe { CStr::from_ptr(message) };
        message.to_string_lossy().trim_end_matches('.').to_owned()
    }
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is live, and freed only here.
        unsafe { ffi::visage_jpeg_free(self.0.as_ptr()) }
    }
}

/// The caller's question, and the panic that it ended in.
struct Question<'a> {
    cancelled: &'a dyn Fn() -> bool,
    panic: Option<Box<dyn Any + Send>>,
}

/// Calls C with a request that can ask; a panic of the caller's function goes on when C has returned.
fn asking(options: &DecodeOptions<'_>, call: impl FnOnce(*const ffi::Request) -> c_int) -> c_int {
    let mut question = Question {
        cancelled: options.cancelled,
        panic: None,
    };
    let request = ffi::Request {
        scale: u32::from(options.scale.max(1)),
        max_scans: options.max_scans,
        cancelled: ask,
        context: (&raw mut question).cast(),
    };
    let status = call(&raw const request);
    if let Some(panic) = question.panic.take() {
        resume_unwind(panic);
    }
    status
}

extern "C" fn ask(context: *mut c_void) -> c_int {
    // SAFETY: C hands on the pointer that `asking` made of its own `Question`, which lives until C returns.
    let question = unsafe { &mut *context.cast::<Question<'_>>() };
    match catch_unwind(AssertUnwindSafe(question.cancelled)) {
        Ok(cancelled) => c_int::from(cancelled),
        Err(panic) => {
            question.panic = Some(panic);
            1
        }
    }
}

fn zeroed(length: u64, max_bytes: u64) -> Result<Vec<u8>, CodecError> {
    let too_large = || CodecError::TooLarge { max_bytes };
    if length > max_bytes {
        return Err(too_large());
    }
    let length = usize::try_from(length).map_err(|_too_long| too_large())?;
    let mut data = Vec::new();
    data.try_reserve_exact(length).map_err(|_no_memory| too_large())?;
    data.resize(length, 0);
    Ok(data)
}

fn colours(number: u32) -> Colours {
    match number {
        ffi::JCS_GRAYSCALE => Colours::Gray,
        ffi::JCS_RGB => Colours::Rgb,
        ffi::JCS_YCBCR => Colours::YCbCr,
        ffi::JCS_CMYK => Colours::Cmyk,
        ffi::JCS_YCCK => Colours::Ycck,
        _ => Colours::Unknown,
    }
}

impl std::fmt::Debug for DecodeOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DecodeOptions")
            .field("scale", &self.scale)
            .field("max_scans", &self.max_scans)
            .finish_non_exhaustive()
    }
}
