//! The C functions of `shim.c`, whose comments say what they do.

use std::ffi::{c_char, c_int, c_long, c_void};

/// libjpeg's bound on the channels of a scan.
pub(super) const MAX_CHANNELS: usize = 4;

pub(super) const OK: c_int = 0;
pub(super) const DAMAGED: c_int = 1;
pub(super) const CANCELLED: c_int = 2;
pub(super) const TOO_LARGE: c_int = 3;

pub(super) const JCS_GRAYSCALE: u32 = 1;
pub(super) const JCS_RGB: u32 = 2;
pub(super) const JCS_YCBCR: u32 = 3;
pub(super) const JCS_CMYK: u32 = 4;
pub(super) const JCS_YCCK: u32 = 5;

/// `struct visage_jpeg`, which only C looks into.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Jpeg {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) components: u32,
    pub(super) colours: u32,
    pub(super) across: [u32; MAX_CHANNELS],
    pub(super) down: [u32; MAX_CHANNELS],
}

#[repr(C)]
pub(super) struct Request {
    pub(super) scale: u32,
    pub(super) max_scans: u32,
    pub(super) cancelled: extern "C" fn(*mut c_void) -> c_int,
    pub(super) context: *mut c_void,
}

unsafe extern "C" {
    pub(super) fn visage_jpeg_new(file: *const u8, length: usize, max_bytes: c_long) -> *mut Jpeg;
    pub(super) fn visage_jpeg_free(handle: *mut Jpeg);
    pub(super) fn visage_jpeg_message(handle: *const Jpeg) -> *const c_char;
    pub(super) fn visage_jpeg_stray_bytes(handle: *const Jpeg) -> u32;
    pub(super) fn visage_jpeg_read_header(handle: *mut Jpeg, header: *mut Header) -> c_int;
    pub(super) fn visage_jpeg_decode_pixels(
        handle: *mut Jpeg,
        request: *const Request,
        colours: u32,
        width: u32,
        height: u32,
        target: *mut u8,
        length: usize,
    ) -> c_int;
    pub(super) fn visage_jpeg_rewrite(
        handle: *mut Jpeg,
        request: *const Request,
        target: *mut u8,
        length: usize,
        written: *mut usize,
    ) -> c_int;
    pub(super) fn visage_jpeg_decode_planes(
        handle: *mut Jpeg,
        request: *const Request,
        widths: *const u32,
        heights: *const u32,
        target: *mut u8,
        length: usize,
    ) -> c_int;
}
