//! Safe functions over the C interfaces of the image codecs, and of the heap that they share with Rust. This is the only crate of the workspace with `unsafe` code.
//!
//! The rules that keep it sound:
//!
//! 1. A function takes slices and numbers and returns owned, fully initialised memory or a [`CodecError`]; no pointer, handle
//!    or lifetime of a C library leaves its module.
//! 2. The result of every C call is checked, and so is every size, stride, depth and layout that a library reports, against
//!    what the caller expects. A mismatch is an error, never a smaller copy.
//! 3. Memory that C writes to is allocated here, zeroed, under the caller's limit, before the call: a decoder that writes
//!    less than it claims shows zeros, never another request's bytes.
//! 4. Every handle is freed by `Drop`, on every path. No Rust panic crosses a C frame, and no `longjmp` crosses a Rust frame.
//! 5. Limits on size and memory are given to the decoder itself where it has a setting for them; the caller's `cancelled` is
//!    asked at least once per row of blocks, tile or scan.
//! 6. Every `unsafe` block says why it is sound, in one comment that names the invariant it relies on.

pub mod av1;
mod error;
mod heap;
pub mod jpeg;
pub mod webp;

pub use error::CodecError;
pub use heap::limit_arenas;
