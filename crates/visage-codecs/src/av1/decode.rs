//! Decodes one picture by dav1d, on the thread that calls.
#![allow(unsafe_code, reason = "dav1d is a C library")]

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;

use libdav1d_sys::{
    DAV1D_ERR, DAV1D_ERR_AGAIN, DAV1D_ERR_NOMEM, Dav1dContext, Dav1dData, Dav1dPicture, Dav1dSettings, dav1d_close,
    dav1d_data_unref, dav1d_data_wrap, dav1d_default_settings, dav1d_get_picture, dav1d_open, dav1d_picture_unref,
    dav1d_send_data,
};

use super::Chroma;
use super::pool::{Buffer, Pool, chroma_of, number_of};
use super::views::{PictureView, SPATIAL_ID_AT};
use crate::CodecError;

/// What one decode may take, and which picture of a layered stream is wanted.
#[derive(Debug, Clone, Copy)]
pub struct DecodeOptions {
    /// Width times height of every frame, at most; 0 refuses everything.
    pub max_pixels: u32,
    /// Memory of all frames that exist at one time.
    pub max_bytes: u64,
    /// Operating point of a scalable stream (`a1op`), 0 to 31.
    pub operating_point: u8,
    /// Spatial layer that is wanted (`lsel`); `None` is the highest of the operating point.
    pub layer: Option<u8>,
}

/// A decoded picture. Samples of more than 8 bits take two bytes each, in the machine's order.
pub struct Frame {
    /// Columns of luma.
    pub width: u32,
    /// Rows of luma.
    pub height: u32,
    /// Bits of a sample: 8, 10 or 12.
    pub depth: u8,
    /// How many chroma samples there are.
    pub chroma: Chroma,
    /// Colour primaries by number (ITU-T H.273).
    pub primaries: u32,
    /// Matrix coefficients by number (ITU-T H.273).
    pub matrix: u32,
    /// Whether samples use all values.
    pub full_range: bool,
    buffer: Buffer,
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Frame({} x {}, {} bits, {:?})",
            self.width, self.height, self.depth, self.chroma
        )
    }
}

impl Frame {
    /// The bytes of one row of a plane (0 is luma), without padding; empty where there is none.
    pub fn row(&self, plane: usize, row: u32) -> &[u8] {
        let (width, height) = if plane == 0 {
            (self.width, self.height)
        } else {
            self.chroma.plane_size(self.width, self.height)
        };
        let row = usize::try_from(row.min(height.saturating_sub(1))).unwrap_or(usize::MAX);
        let length = usize::try_from(width).unwrap_or(usize::MAX) << usize::from(self.depth > 8);
        self.buffer.row(plane, row, length).unwrap_or_default()
    }
}

/// Decodes the first picture of a stream of OBUs that is shown, or the layer that is asked for.
///
/// `cancelled` is asked before every frame; dav1d cannot be stopped inside of one.
///
/// # Errors
///
/// When the stream is damaged, holds no picture, passes a limit, or `cancelled` returned true.
pub fn decode(stream: &[u8], options: DecodeOptions, cancelled: &dyn Fn() -> bool) -> Result<Frame, CodecError> {
    if options.max_pixels == 0 || stream.is_empty() {
        return Err(CodecError::Damaged("there is no AV1 data".into()));
    }
    let mut pool = Pool::new(options.max_bytes, cancelled);
    let pool_address: *mut Pool<'_> = &raw mut pool;
    let result = Decoder::open(pool_address, options).and_then(|mut decoder| decoder.first_picture(stream, options));
    match result {
        Err(cause) => Err(pool.refusal().unwrap_or(cause)),
        Ok(shown) => {
            let lost = || CodecError::Failed("dav1d did not release the picture".into());
            shown.into_frame(pool.into_kept().ok_or_else(lost)?)
        }
    }
}

/// What dav1d says of the picture that it decoded.
struct Shown {
    width: c_int,
    height: c_int,
    bits: c_int,
    layout: u32,
    primaries: u32,
    matrix: u32,
    full_range: bool,
}

impl Shown {
    fn into_frame(self, buffer: Buffer) -> Result<Frame, CodecError> {
        let side = |side: c_int| u32::try_from(side).ok().filter(|side| *side > 0);
        let unknown = || CodecError::Failed("dav1d returned a picture of an unknown kind".into());
        Ok(Frame {
            width: side(self.width).ok_or_else(unknown)?,
            height: side(self.height).ok_or_else(unknown)?,
            depth: u8::try_from(self.bits)
                .ok()
                .filter(|bits| matches!(bits, 8 | 10 | 12))
                .ok_or_else(unknown)?,
            chroma: chroma_of(self.layout).ok_or_else(unknown)?,
            primaries: self.primaries,
            matrix: self.matrix,
            full_range: self.full_range,
            buffer,
        })
    }
}

/// An open decoder, closed when dropped. It does not outlive the pool, whose address it has.
struct Decoder<'a> {
    context: *mut Dav1dContext,
    pool: *mut Pool<'a>,
    pool_lives: PhantomData<&'a ()>,
}

impl<'a> Decoder<'a> {
    fn open(pool: *mut Pool<'a>, options: DecodeOptions) -> Result<Self, CodecError> {
        let mut settings = MaybeUninit::<Dav1dSettings>::zeroed();
        // SAFETY: this is memory for exactly this type, which the function fills.
        unsafe { dav1d_default_settings(settings.as_mut_ptr()) };
        // SAFETY: what the function has left is zero, which is valid for every field.
        let mut settings = unsafe { settings.assume_init() };
        settings.n_threads = 1; // also: everything happens on this thread, so that the pool needs no lock
        settings.max_frame_delay = 1;
        settings.operating_point = c_int::from(options.operating_point.min(31));
        settings.all_layers = c_int::from(options.layer.is_some());
        settings.frame_size_limit = options.max_pixels;
        settings.allocator = Pool::allocator(pool);
        settings.logger.callback = None;
        let mut context = ptr::null_mut();
        // SAFETY: both pointers are to live values; the settings are copied.
        let status = unsafe { dav1d_open(&raw mut context, &raw const settings) };
        if status < 0 || context.is_null() {
            return Err(CodecError::Failed(format!("dav1d does not start ({status})")));
        }
        Ok(Self {
            context,
            pool,
            pool_lives: PhantomData,
        })
    }

    fn first_picture(&mut self, stream: &[u8], options: DecodeOptions) -> Result<Shown, CodecError> {
        let mut input = Input::of(stream)?;
        loop {
            // SAFETY: the context is open, and `input` refers to `stream`, which lives longer than the context.
            let sent = unsafe { dav1d_send_data(self.context, &raw mut input.data) };
            if sent < 0 && sent != DAV1D_ERR_AGAIN {
                return Err(reason(sent));
            }
            while let Some(picture) = self.next_picture()? {
                if options.layer.is_none_or(|layer| picture.spatial_layer() == Some(layer)) {
                    return Ok(self.keep(&picture));
                }
            }
            if input.data.sz == 0 {
                return Err(CodecError::Damaged("it ends before the picture is whole".into()));
            }
        }
    }

    fn next_picture(&mut self) -> Result<Option<Picture>, CodecError> {
        let mut picture = Picture(MaybeUninit::zeroed());
        // SAFETY: the context is open; zeros are an empty picture, as dav1d wants it.
        let status = unsafe { dav1d_get_picture(self.context, picture.0.as_mut_ptr()) };
        match status {
            0 => Ok(Some(picture)),
            DAV1D_ERR_AGAIN => Ok(None),
            status => Err(reason(status)),
        }
    }

    fn keep(&mut self, picture: &Picture) -> Shown {
        // SAFETY: the pool lives as long as the decoder, and dav1d, which has its address too, is not running.
        unsafe { &mut *self.pool }.keep(number_of(picture.view().allocator_data));
        picture.describe()
    }
}

impl Drop for Decoder<'_> {
    fn drop(&mut self) {
        // SAFETY: the context was opened and is closed once; every picture and all input was released before.
        unsafe { dav1d_close(&raw mut self.context) };
    }
}

/// A picture of dav1d, released when dropped.
struct Picture(MaybeUninit<Dav1dPicture>);

impl Picture {
    fn view(&self) -> &PictureView {
        // SAFETY: the same memory with numbers for enums, zeroed at first and then filled by dav1d.
        unsafe { &*self.0.as_ptr().cast::<PictureView>() }
    }

    fn spatial_layer(&self) -> Option<u8> {
        let header = self.view().frame;
        if header.is_null() {
            return None;
        }
        // SAFETY: the frame's header lives as long as the picture, and this byte lies inside of it.
        Some(unsafe { header.cast::<u8>().wrapping_add(SPATIAL_ID_AT).read() })
    }

    fn describe(&self) -> Shown {
        let view = self.view();
        // SAFETY: null, or a sequence header that lives as long as the picture.
        let sequence = unsafe { view.sequence.as_ref() };
        Shown {
            width: view.width,
            height: view.height,
            bits: view.bits,
            layout: view.layout,
            primaries: sequence.map_or(UNKNOWN, |sequence| sequence.primaries),
            matrix: sequence.map_or(UNKNOWN, |sequence| sequence.matrix),
            full_range: sequence.is_some_and(|sequence| sequence.color_range != 0),
        }
    }
}

/// No number of H.273.
const UNKNOWN: u32 = u32::MAX;

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: an empty picture or one that dav1d filled; both may be released, once.
        unsafe { dav1d_picture_unref(self.0.as_mut_ptr()) };
    }
}

/// The bytes of a stream as dav1d takes them, without a copy.
struct Input<'a> {
    data: Dav1dData,
    stream_lives: PhantomData<&'a [u8]>,
}

impl<'a> Input<'a> {
    fn of(stream: &'a [u8]) -> Result<Self, CodecError> {
        let mut data = MaybeUninit::<Dav1dData>::zeroed();
        // SAFETY: `data` is memory for this type. dav1d reads `stream` and no more, and calls `leave` where it would free.
        let status = unsafe {
            dav1d_data_wrap(
                data.as_mut_ptr(),
                stream.as_ptr(),
                stream.len(),
                Some(leave),
                ptr::null_mut(),
            )
        };
        if status < 0 {
            return Err(reason(status));
        }
        Ok(Self {
            // SAFETY: zeros at first, filled by dav1d.
            data: unsafe { data.assume_init() },
            stream_lives: PhantomData,
        })
    }
}

impl Drop for Input<'_> {
    fn drop(&mut self) {
        // SAFETY: dav1d took the data, then it is empty, or it is still ours; both may be released.
        unsafe { dav1d_data_unref(&raw mut self.data) };
    }
}

/// The bytes are borrowed: there is nothing to free.
unsafe extern "C" fn leave(_bytes: *const u8, _cookie: *mut c_void) {}

fn reason(status: c_int) -> CodecError {
    const RANGE: c_int = DAV1D_ERR(34); // ERANGE, on every system that visage runs on
    CodecError::Damaged(match status {
        RANGE => "a frame is larger than the picture".into(),
        DAV1D_ERR_NOMEM => "the decoder found no memory".into(),
        status => format!("AV1 error {status}"),
    })
}
