//! Encodes one picture by libaom, on the thread that calls.
#![allow(unsafe_code, reason = "libaom is a C library")]

use std::ffi::{c_int, c_long};
use std::mem::MaybeUninit;
use std::{ptr, slice};

use libaom_sys as aom;

use super::Chroma;
use crate::CodecError;

/// A picture of 8-bit samples in planes without padding, with all values in use.
#[derive(Debug, Clone, Copy)]
pub struct Planes<'a> {
    /// Columns of luma.
    pub width: u32,
    /// Rows of luma.
    pub height: u32,
    /// How many chroma samples there are; libaom is asked for 4:2:0, 4:4:4 and gray only.
    pub chroma: Chroma,
    /// Luma, and two planes of chroma unless the picture is gray.
    pub planes: [&'a [u8]; 3],
}

/// How a picture is encoded.
#[derive(Debug, Clone, Copy)]
pub struct EncodeOptions {
    /// 0 (slow) to 9.
    pub speed: u8,
    /// 0 (lossless) to 63.
    pub quantizer: u8,
}

/// Encodes a still picture; returns its OBUs.
///
/// `cancelled` is asked once, before the work begins: libaom cannot be stopped inside of a picture.
///
/// # Errors
///
/// When the planes have another length than the size says, the layout is not made, or libaom fails.
pub fn encode(
    picture: &Planes<'_>,
    options: EncodeOptions,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<u8>, CodecError> {
    check(picture)?;
    if cancelled() {
        return Err(CodecError::Cancelled);
    }
    let mut encoder = Encoder::open(picture, options)?;
    encoder.encode(picture)
}

fn check(picture: &Planes<'_>) -> Result<(), CodecError> {
    if picture.chroma == Chroma::Half {
        return Err(CodecError::Unsupported("4:2:2"));
    }
    let lengths = [
        (picture.width, picture.height),
        picture.chroma.plane_size(picture.width, picture.height),
        picture.chroma.plane_size(picture.width, picture.height),
    ];
    let is_right = |(plane, (width, height)): (&&[u8], (u32, u32))| {
        u64::try_from(plane.len()).is_ok_and(|length| length == u64::from(width) * u64::from(height))
    };
    let max_side = u32::from(u16::MAX);
    if picture.width == 0 || picture.height == 0 || picture.width > max_side || picture.height > max_side {
        return Err(CodecError::Failed("AV1 has no pictures of this size".into()));
    }
    if !picture.planes.iter().zip(lengths).all(is_right) {
        return Err(CodecError::Failed(
            "the planes have another length than the picture".into(),
        ));
    }
    Ok(())
}

/// An open encoder, closed when dropped.
struct Encoder(Box<Context>);

/// libaom keeps a pointer to `configuration` in `codec`.
struct Context {
    codec: aom::aom_codec_ctx_t,
    configuration: aom::aom_codec_enc_cfg_t,
}

impl Encoder {
    fn open(picture: &Planes<'_>, options: EncodeOptions) -> Result<Self, CodecError> {
        let configuration = configuration(picture)?;
        // SAFETY: the context is a struct of C of numbers and pointers, all of which may be zero before it is initialised.
        let codec = unsafe { MaybeUninit::<aom::aom_codec_ctx_t>::zeroed().assume_init() };
        let mut context = Box::new(Context { codec, configuration });
        let (interface, version) = (
            interface(),
            c_int::try_from(aom::AOM_ENCODER_ABI_VERSION).unwrap_or_default(),
        );
        let (codec, configuration) = (&raw mut context.codec, &raw const context.configuration);
        // SAFETY: both live in the box, which the encoder owns and never moves out of.
        let status = unsafe { aom::aom_codec_enc_init_ver(codec, interface, configuration, 0, version) };
        succeeded(status, "start")?;
        let mut encoder = Self(context); // from here on, dropping destroys
        encoder.configure(options)?;
        Ok(encoder)
    }

    fn configure(&mut self, options: EncodeOptions) -> Result<(), CodecError> {
        const FULL_RANGE: c_int = 1;
        const TUNE_SSIM: c_int = 1;
        let quantizer = c_int::from(options.quantizer.min(63));
        let mut settings = vec![
            (aom::AOME_SET_CQ_LEVEL, quantizer),
            (aom::AOME_SET_CPUUSED, c_int::from(options.speed.min(9))),
            (aom::AV1E_SET_COLOR_RANGE, FULL_RANGE),
            // Filters that only help pictures which refer to this one.
            (aom::AV1E_SET_SKIP_POSTPROC_FILTERING, 1),
            (aom::AOME_SET_TUNING, TUNE_SSIM),
        ];
        if quantizer == 0 {
            settings.push((aom::AV1E_SET_LOSSLESS, 1));
        }
        for (name, value) in settings {
            self.set(c_int::try_from(name).unwrap_or_default(), value)?;
        }
        Ok(())
    }

    fn set(&mut self, name: c_int, value: c_int) -> Result<(), CodecError> {
        // SAFETY: the codec is open, and each setting that is used here takes one `int` or `unsigned int`.
        let status = unsafe { aom::aom_codec_control(&raw mut self.0.codec, name, value) };
        succeeded(status, "be configured")
    }

    fn encode(&mut self, picture: &Planes<'_>) -> Result<Vec<u8>, CodecError> {
        let mut stream = Vec::new();
        let image = image(picture)?;
        // SAFETY: the image refers to `picture`'s planes, which have the lengths it states and which libaom only reads.
        let status = unsafe { aom::aom_codec_encode(&raw mut self.0.codec, &raw const image, 0, 1, 0 as c_long) };
        succeeded(status, "encode")?;
        self.take_packets(&mut stream)?;
        loop {
            // SAFETY: no image means: finish what has been given.
            let status = unsafe { aom::aom_codec_encode(&raw mut self.0.codec, ptr::null(), 0, 1, 0 as c_long) };
            succeeded(status, "finish")?;
            if !self.take_packets(&mut stream)? {
                break;
            }
        }
        if stream.is_empty() {
            return Err(CodecError::Failed("libaom made nothing".into()));
        }
        Ok(stream)
    }

    /// Appends what is ready; whether anything was.
    fn take_packets(&mut self, stream: &mut Vec<u8>) -> Result<bool, CodecError> {
        let mut position = ptr::null();
        let mut has_taken = false;
        loop {
            // SAFETY: the codec is open; `position` is the function's own, null at first.
            let packet = unsafe { aom::aom_codec_get_cx_data(&raw mut self.0.codec, &raw mut position) };
            // SAFETY: null, or a packet that is libaom's and stays until the codec's next call.
            let Some(packet) = (unsafe { packet.as_ref() }) else {
                return Ok(has_taken);
            };
            if packet.kind != aom::AOM_CODEC_CX_FRAME_PKT {
                continue;
            }
            // SAFETY: the kind says that this member of the union is there.
            let frame = unsafe { packet.data.frame };
            if frame.buf.is_null() || frame.sz == 0 {
                continue;
            }
            // SAFETY: libaom's own bytes, of the length it states; they stay until the codec's next call.
            let bytes = unsafe { slice::from_raw_parts(frame.buf.cast::<u8>(), frame.sz) };
            let no_memory = |_| CodecError::Failed("no memory for the encoded picture".into());
            stream.try_reserve(bytes.len()).map_err(no_memory)?;
            stream.extend_from_slice(bytes);
            has_taken = true;
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: opened, and destroyed once. Its result only says whether it was open.
        let _status = unsafe { aom::aom_codec_destroy(&raw mut self.0.codec) };
    }
}

fn interface() -> *const aom::aom_codec_iface {
    // SAFETY: the address of a static table.
    unsafe { aom::aom_codec_av1_cx() }
}

/// A still picture, for which libaom is fast and needs little memory.
fn configuration(picture: &Planes<'_>) -> Result<aom::aom_codec_enc_cfg_t, CodecError> {
    let mut configuration = MaybeUninit::<aom::aom_codec_enc_cfg_t>::zeroed();
    let address = configuration.as_mut_ptr();
    // SAFETY: this is memory for exactly this type, which the function fills.
    let status = unsafe { aom::aom_codec_enc_config_default(interface(), address, aom::AOM_USAGE_ALL_INTRA) };
    succeeded(status, "start")?;
    // SAFETY: what the function has left is zero, which is valid for every field: all are numbers and pointers.
    let mut configuration = unsafe { configuration.assume_init() };
    configuration.rc_end_usage = aom::AOM_Q;
    configuration.g_profile = u32::from(picture.chroma == Chroma::Full);
    configuration.g_bit_depth = aom::AOM_BITS_8;
    configuration.g_input_bit_depth = 8;
    configuration.g_w = picture.width;
    configuration.g_h = picture.height;
    configuration.g_limit = 1;
    configuration.g_lag_in_frames = 0;
    configuration.kf_mode = aom::AOM_KF_DISABLED;
    configuration.kf_max_dist = 0;
    configuration.monochrome = u32::from(picture.chroma == Chroma::Gray);
    configuration.rc_min_quantizer = 0;
    configuration.rc_max_quantizer = 63;
    Ok(configuration)
}

/// The picture as libaom reads it. libaom has no gray layout: such a picture is 4:2:0 whose chroma is not looked at.
fn image(picture: &Planes<'_>) -> Result<aom::aom_image_t, CodecError> {
    let is_full = picture.chroma == Chroma::Full;
    let stride = |width: u32| c_int::try_from(width).map_err(|cause| CodecError::Failed(cause.to_string()));
    let chroma_stride = stride(picture.chroma.plane_size(picture.width, picture.height).0)?;
    // SAFETY: a struct of C of numbers and pointers, all of which may be zero.
    let mut image = unsafe { MaybeUninit::<aom::aom_image_t>::zeroed().assume_init() };
    image.fmt = if is_full {
        aom::AOM_IMG_FMT_I444
    } else {
        aom::AOM_IMG_FMT_I420
    };
    image.bit_depth = 8;
    (image.w, image.h, image.d_w, image.d_h) = (picture.width, picture.height, picture.width, picture.height);
    image.bps = if is_full { 24 } else { 12 };
    image.x_chroma_shift = u32::from(!is_full);
    image.y_chroma_shift = u32::from(!is_full);
    image.range = aom::AOM_CR_FULL_RANGE;
    image.monochrome = c_int::from(picture.chroma == Chroma::Gray);
    image.stride = [stride(picture.width)?, chroma_stride, chroma_stride];
    for (to, from) in image
        .planes
        .iter_mut()
        .zip(picture.planes)
        .take(picture.chroma.planes())
    {
        *to = from.as_ptr().cast_mut();
    }
    Ok(image)
}

fn succeeded(status: aom::aom_codec_err_t, what: &str) -> Result<(), CodecError> {
    if status == aom::AOM_CODEC_OK {
        Ok(())
    } else {
        Err(CodecError::Failed(format!("libaom failed to {what} (error {status})")))
    }
}
