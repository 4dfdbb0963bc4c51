//! Decodes bit by bit, so that a caller can stop it.
#![allow(unsafe_code, reason = "libwebp is a C library")]

use std::ffi::c_int;
use std::mem::MaybeUninit;

use libwebp_sys::{
    VP8StatusCode, WEBP_CSP_MODE, WebPBitstreamFeatures, WebPDecBuffer, WebPDecBuffer__bindgen_ty_1, WebPDecoderConfig,
    WebPGetFeatures, WebPIDecode, WebPIDecoder, WebPIDelete, WebPIUpdate, WebPInitDecoderConfig, WebPRGBABuffer,
};

use super::Channels;
use crate::CodecError;

/// About so many pixels are decoded before `cancelled` is asked again.
const PIXELS_AT_ONCE: usize = 500_000;

/// Less input at a time would cost more than the decoding.
const MIN_STEP_BYTES: usize = 1024;

/// A decoded picture.
#[derive(Debug)]
pub struct Picture {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// What a pixel is.
    pub channels: Channels,
    /// `width * height` pixels.
    pub pixels: Vec<u8>,
}

/// Decodes a still WebP file of the size `expected` whose pixels take at most `max_bytes`.
///
/// # Errors
///
/// When the file is damaged, cut short, animated or of another size, needs more memory, or `cancelled` returned true.
pub fn decode(
    file: &[u8],
    expected: (u32, u32),
    max_bytes: u64,
    cancelled: &dyn Fn() -> bool,
) -> Result<Picture, CodecError> {
    let features = features(file)?;
    if features.has_animation != 0 {
        return Err(CodecError::Unsupported("an animation"));
    }
    let unknown = || CodecError::Damaged("it states no size".into());
    let (width, height) = (
        side(features.width).ok_or_else(unknown)?,
        side(features.height).ok_or_else(unknown)?,
    );
    if (width, height) != expected {
        return Err(CodecError::Damaged(format!(
            "it is {width} × {height} pixels large, not {} × {}",
            expected.0, expected.1
        )));
    }
    let channels = if features.has_alpha != 0 {
        Channels::Rgba
    } else {
        Channels::Rgb
    };
    let mut pixels = zeroed(width, height, channels, max_bytes)?;
    let mut decoder = Decoder::open((features.width, features.height), channels, &mut pixels)?;
    decoder.run(file, pixels_of(width, height), cancelled)?;
    drop(decoder);
    Ok(Picture {
        width,
        height,
        channels,
        pixels,
    })
}

fn features(file: &[u8]) -> Result<WebPBitstreamFeatures, CodecError> {
    let mut features = MaybeUninit::<WebPBitstreamFeatures>::zeroed();
    // SAFETY: the pointer and the length are of one slice; the struct of numbers is filled by the function.
    let status = unsafe { WebPGetFeatures(file.as_ptr(), file.len(), features.as_mut_ptr()) };
    succeeded(status)?;
    // SAFETY: zeroed, then filled; all fields are numbers.
    Ok(unsafe { features.assume_init() })
}

fn side(side: c_int) -> Option<u32> {
    u32::try_from(side).ok().filter(|side| (1..=16_383).contains(side))
}

fn pixels_of(width: u32, height: u32) -> usize {
    usize::try_from(u64::from(width) * u64::from(height)).unwrap_or(usize::MAX)
}

fn zeroed(width: u32, height: u32, channels: Channels, max_bytes: u64) -> Result<Vec<u8>, CodecError> {
    let refused = || CodecError::TooLarge { max_bytes };
    let length = pixels_of(width, height)
        .checked_mul(channels.count())
        .filter(|length| u64::try_from(*length).is_ok_and(|length| length <= max_bytes))
        .ok_or_else(refused)?;
    let mut pixels = Vec::new();
    pixels.try_reserve_exact(length).ok().ok_or_else(refused)?;
    pixels.resize(length, 0);
    Ok(pixels)
}

/// A decoder that writes into borrowed pixels; deleted when dropped. libwebp keeps a pointer to the configuration's output.
struct Decoder<'a> {
    handle: *mut WebPIDecoder,
    configuration: Box<WebPDecoderConfig>,
    /// Only libwebp writes here while the decoder lives.
    pixels: &'a mut [u8],
}

impl<'a> Decoder<'a> {
    fn open((width, height): (c_int, c_int), channels: Channels, pixels: &'a mut [u8]) -> Result<Self, CodecError> {
        let mut configuration = Box::new(MaybeUninit::<WebPDecoderConfig>::zeroed());
        // SAFETY: memory for this type, which the function fills.
        if !unsafe { WebPInitDecoderConfig(configuration.as_mut_ptr()) } {
            return Err(CodecError::Failed(
                "libwebp is of another version than its headers".into(),
            ));
        }
        // SAFETY: filled by the function, and zero where it is not: valid for numbers, pointers and the first colour space.
        let mut configuration = unsafe { configuration.assume_init() };
        let count = c_int::try_from(channels.count()).unwrap_or_default();
        let stride = width.checked_mul(count);
        let stride = stride.ok_or_else(|| CodecError::Damaged("its rows are too long".into()))?;
        configuration.output = WebPDecBuffer {
            colorspace: match channels {
                Channels::Rgb => WEBP_CSP_MODE::MODE_RGB,
                Channels::Rgba => WEBP_CSP_MODE::MODE_RGBA,
            },
            width,
            height,
            is_external_memory: 1,
            u: WebPDecBuffer__bindgen_ty_1 {
                RGBA: WebPRGBABuffer {
                    rgba: pixels.as_mut_ptr(),
                    stride,
                    size: pixels.len(),
                },
            },
            pad: [0; 4],
            private_memory: std::ptr::null_mut(),
        };
        // SAFETY: without data the function only notes the configuration, which lives in the box as long as the decoder.
        let decoder = unsafe { WebPIDecode(std::ptr::null(), 0, &raw mut *configuration) };
        if decoder.is_null() {
            return Err(CodecError::Failed("libwebp does not start".into()));
        }
        Ok(Self {
            handle: decoder,
            configuration,
            pixels,
        })
    }

    fn run(&mut self, file: &[u8], pixels: usize, cancelled: &dyn Fn() -> bool) -> Result<(), CodecError> {
        let step = (file.len() / (pixels / PIXELS_AT_ONCE + 1)).max(MIN_STEP_BYTES);
        let mut end = 0;
        while end < file.len() {
            if cancelled() {
                return Err(CodecError::Cancelled);
            }
            end = end.saturating_add(step).min(file.len());
            // SAFETY: `file` is one slice that outlives the decoder and stays where it is; each call shows more of it. The
            // pixels that are written to have the size and stride that the configuration states.
            let status = unsafe { WebPIUpdate(self.handle, file.as_ptr(), end) };
            match status {
                VP8StatusCode::VP8_STATUS_OK => return self.check_output(),
                VP8StatusCode::VP8_STATUS_SUSPENDED => {}
                other => return succeeded(other),
            }
        }
        Err(CodecError::Damaged("it ends before the picture is whole".into()))
    }

    /// libwebp wrote where it was told, and nowhere else.
    fn check_output(&self) -> Result<(), CodecError> {
        let output = &self.configuration.output;
        // SAFETY: both members of the union begin with numbers and pointers, and RGB was asked for.
        let place = unsafe { output.u.RGBA };
        if output.private_memory.is_null() && place.rgba.cast_const() == self.pixels.as_ptr() {
            Ok(())
        } else {
            Err(CodecError::Failed(
                "libwebp wrote to other memory than it was given".into(),
            ))
        }
    }
}

impl Drop for Decoder<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `WebPIDecode` and deleted once. The output is external memory, which is left alone.
        unsafe { WebPIDelete(self.handle) };
    }
}

fn succeeded(status: VP8StatusCode) -> Result<(), CodecError> {
    match status {
        VP8StatusCode::VP8_STATUS_OK => Ok(()),
        VP8StatusCode::VP8_STATUS_OUT_OF_MEMORY => Err(CodecError::Failed("libwebp found no memory".into())),
        other => Err(CodecError::Damaged(format!("WebP error {}", other as u32))),
    }
}
