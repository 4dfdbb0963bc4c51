//! Encodes one picture; libwebp reports its progress and can be stopped then.
#![allow(unsafe_code, reason = "libwebp is a C library")]

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use libwebp_sys::{
    WebPConfig, WebPEncode, WebPEncodingError, WebPInitConfig, WebPPicture, WebPPictureFree, WebPPictureImportRGB,
    WebPPictureImportRGBA, WebPPictureInit, WebPValidateConfig,
};

use super::Channels;
use crate::CodecError;

/// How a picture is encoded.
#[derive(Debug, Clone, Copy)]
pub struct EncodeOptions {
    /// Every visible pixel exactly.
    pub lossless: bool,
    /// 0 to 100; of a lossless picture: effort.
    pub quality: f32,
    /// 0 (fast) to 6.
    pub method: u8,
}

/// Encodes `width * height` pixels; alpha stays exact.
///
/// # Errors
///
/// When the pixels have another length than the size says, libwebp fails, or `cancelled` returned true.
pub fn encode(
    (width, height): (u32, u32),
    channels: Channels,
    pixels: &[u8],
    options: EncodeOptions,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<u8>, CodecError> {
    let configuration = configuration(options)?;
    let mut work = Work {
        file: Vec::new(),
        cancelled,
    };
    let mut picture = Picture::import((width, height), channels, pixels)?;
    picture.0.writer = Some(write);
    picture.0.custom_ptr = (&raw mut work).cast::<c_void>();
    picture.0.progress_hook = Some(ask);
    picture.0.user_data = (&raw mut work).cast::<c_void>();
    // SAFETY: both structs are valid, and `work`, whose address the picture has, lives until after the call. The functions
    // that libwebp calls use it one at a time, on this thread (no option asks for others).
    let has_worked = unsafe { WebPEncode(&raw const configuration, &raw mut picture.0) } != 0;
    match picture.0.error_code {
        _ if has_worked && !work.file.is_empty() => Ok(work.file),
        WebPEncodingError::VP8_ENC_ERROR_USER_ABORT => Err(CodecError::Cancelled),
        other => Err(CodecError::Failed(format!("WebP encoder error {}", other as u32))),
    }
}

fn configuration(options: EncodeOptions) -> Result<WebPConfig, CodecError> {
    let failed = || CodecError::Failed("libwebp refuses the settings".into());
    let mut configuration = MaybeUninit::<WebPConfig>::zeroed();
    // SAFETY: memory for this type, which the function fills.
    if !unsafe { WebPInitConfig(configuration.as_mut_ptr()) } {
        return Err(failed());
    }
    // SAFETY: filled by the function, and zero where it is not, which is valid for every field.
    let mut configuration = unsafe { configuration.assume_init() };
    configuration.lossless = c_int::from(options.lossless);
    configuration.quality = options.quality;
    configuration.method = c_int::from(options.method);
    // SAFETY: the pointer is to a live, filled struct.
    if unsafe { WebPValidateConfig(&raw const configuration) } == 0 {
        return Err(failed());
    }
    Ok(configuration)
}

/// A picture of libwebp, with a copy of the pixels in memory of its own; freed when dropped.
struct Picture(WebPPicture);

impl Picture {
    fn import((width, height): (u32, u32), channels: Channels, pixels: &[u8]) -> Result<Self, CodecError> {
        let failed = |reason: &str| CodecError::Failed(reason.into());
        let expected = u64::from(width) * u64::from(height) * u64::try_from(channels.count()).unwrap_or(u64::MAX);
        if u64::try_from(pixels.len()).ok() != Some(expected) {
            return Err(failed("the pixels have another length than the picture"));
        }
        let side = |side: u32| c_int::try_from(side).ok().filter(|side| (1..=16_383).contains(side));
        let dimensions = side(width).zip(side(height));
        let (width, height) = dimensions.ok_or_else(|| failed("WebP has no pictures of this size"))?;
        let mut picture = MaybeUninit::<WebPPicture>::zeroed();
        // SAFETY: memory for this type, which the function fills.
        if !unsafe { WebPPictureInit(picture.as_mut_ptr()) } {
            return Err(failed("libwebp is of another version than its headers"));
        }
        // SAFETY: filled by the function, and zero where it is not, which is valid for every field.
        let mut picture = Self(unsafe { picture.assume_init() });
        (picture.0.use_argb, picture.0.width, picture.0.height) = (1, width, height);
        let address = &raw mut picture.0;
        let imported = match channels {
            // SAFETY: the pixels have the length that size and stride state, as was checked above.
            Channels::Rgb => unsafe { WebPPictureImportRGB(address, pixels.as_ptr(), width * 3) },
            // SAFETY: as above.
            Channels::Rgba => unsafe { WebPPictureImportRGBA(address, pixels.as_ptr(), width * 4) },
        };
        if imported == 0 {
            return Err(failed("libwebp found no memory"));
        }
        Ok(picture)
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: initialised, and freed once.
        unsafe { WebPPictureFree(&raw mut self.0) };
    }
}

/// What libwebp's calls back here need.
struct Work<'a> {
    file: Vec<u8>,
    cancelled: &'a dyn Fn() -> bool,
}

/// `WebPWriterFunction`: 1 goes on.
unsafe extern "C" fn write(bytes: *const u8, length: usize, picture: *const WebPPicture) -> c_int {
    if bytes.is_null() || length == 0 {
        return 1;
    }
    // SAFETY: libwebp passes the picture that it was given.
    let work = unsafe { (*picture).custom_ptr };
    // SAFETY: the address of the caller's `Work`, which nothing else uses while libwebp runs.
    let work = unsafe { &mut *work.cast::<Work<'_>>() };
    // SAFETY: libwebp's own bytes, for the time of this call.
    let bytes = unsafe { slice::from_raw_parts(bytes, length) };
    if work.file.try_reserve(length).is_err() {
        return 0;
    }
    work.file.extend_from_slice(bytes);
    1
}

/// `WebPProgressHook`: 0 stops.
unsafe extern "C" fn ask(_percent: c_int, picture: *const WebPPicture) -> c_int {
    // SAFETY: libwebp passes the picture that it was given.
    let work = unsafe { (*picture).user_data };
    // SAFETY: the address of the caller's `Work`, which nothing writes to at this moment.
    let work = unsafe { &*work.cast::<Work<'_>>() };
    let is_cancelled = catch_unwind(AssertUnwindSafe(work.cancelled)).unwrap_or(true);
    c_int::from(!is_cancelled)
}
