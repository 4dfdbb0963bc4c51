//! What is read and written of dav1d's structs. A stream may state numbers that the enums of the bindings do not have, and
//! a Rust enum must never hold such a number; so the same memory is looked at with plain numbers in the enums' places.

use std::ffi::{c_int, c_void};
use std::mem::offset_of;

use libdav1d_sys::{
    Dav1dContentLightLevel, Dav1dDataProps, Dav1dFrameHeader, Dav1dITUTT35, Dav1dMasteringDisplay, Dav1dPicture,
    Dav1dPictureParameters, Dav1dRef, Dav1dSequenceHeader,
};

/// `Dav1dPicture`.
#[repr(C)]
pub(super) struct PictureView {
    pub(super) sequence: *const SequenceView,
    pub(super) frame: *const Dav1dFrameHeader,
    pub(super) planes: [*mut c_void; 3],
    pub(super) strides: [isize; 2],
    pub(super) width: c_int,
    pub(super) height: c_int,
    pub(super) layout: u32,
    pub(super) bits: c_int,
    properties: Dav1dDataProps,
    content_light: *mut Dav1dContentLightLevel,
    mastering_display: *mut Dav1dMasteringDisplay,
    itut_t35: *mut Dav1dITUTT35,
    itut_t35_count: usize,
    reserved: [usize; 4],
    references: [*mut Dav1dRef; 5],
    reserved_references: [usize; 4],
    reference: *mut Dav1dRef,
    pub(super) allocator_data: *mut c_void,
}

/// The beginning of `Dav1dSequenceHeader`.
#[repr(C)]
pub(super) struct SequenceView {
    profile: u8,
    max_width: c_int,
    max_height: c_int,
    layout: u32,
    pub(super) primaries: u32,
    transfer: u32,
    pub(super) matrix: u32,
    chroma_position: u32,
    depth: u8,
    pub(super) color_range: u8,
}

/// Where a frame's spatial layer stands in `Dav1dFrameHeader`; it is one byte.
pub(super) const SPATIAL_ID_AT: usize = offset_of!(Dav1dFrameHeader, spatial_id);

const PARAMETERS_AT: usize = offset_of!(Dav1dPicture, p);

const _: () = {
    assert!(size_of::<PictureView>() == size_of::<Dav1dPicture>());
    assert!(offset_of!(PictureView, sequence) == offset_of!(Dav1dPicture, seq_hdr));
    assert!(offset_of!(PictureView, frame) == offset_of!(Dav1dPicture, frame_hdr));
    assert!(offset_of!(PictureView, planes) == offset_of!(Dav1dPicture, data));
    assert!(offset_of!(PictureView, strides) == offset_of!(Dav1dPicture, stride));
    assert!(offset_of!(PictureView, width) == PARAMETERS_AT + offset_of!(Dav1dPictureParameters, w));
    assert!(offset_of!(PictureView, height) == PARAMETERS_AT + offset_of!(Dav1dPictureParameters, h));
    assert!(offset_of!(PictureView, layout) == PARAMETERS_AT + offset_of!(Dav1dPictureParameters, layout));
    assert!(offset_of!(PictureView, bits) == PARAMETERS_AT + offset_of!(Dav1dPictureParameters, bpc));
    assert!(offset_of!(PictureView, allocator_data) == offset_of!(Dav1dPicture, allocator_data));
    assert!(offset_of!(SequenceView, primaries) == offset_of!(Dav1dSequenceHeader, pri));
    assert!(offset_of!(SequenceView, matrix) == offset_of!(Dav1dSequenceHeader, mtrx));
    assert!(offset_of!(SequenceView, color_range) == offset_of!(Dav1dSequenceHeader, color_range));
    assert!(size_of::<SequenceView>() <= size_of::<Dav1dSequenceHeader>());
};
